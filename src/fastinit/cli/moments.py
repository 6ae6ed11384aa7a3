"""What the standard deviation of a fill must be, what it is, and how far off that is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastinit.arrays import dtype_of
from fastinit.cli.models import Rule

# In the first-level cache, and below the 10,000 from which OpenBLAS wakes its threads for a dot.
CHUNK = 1 << 13
# Fourth central moment over the squared variance. Truncations of the models are none at +-2.
KURTOSIS = {"normal": 3.0, "truncated": 3.0, "uniform": 1.8}


class Moments(NamedTuple):
    """Standard deviation and kurtosis of a distribution."""

    std: float
    kurtosis: float

    def standard_error(self, count: int) -> float:
        """Return the standard error of a standard deviation measured on so many values."""
        return self.std * math.sqrt((self.kurtosis - 1) / (4 * count))


def _cumulative(rule: Rule, x: float) -> float:
    if rule.kind == "uniform":
        low, high = rule.parameters
        return min(1.0, max(0.0, (x - low) / (high - low)))
    return 0.5 * math.erfc(-x / (rule.std * math.sqrt(2)))


@lru_cache
def expected(rule: Rule, dtype: str) -> Moments:
    """Return the moments of a rule's values once they are rounded to a dtype.

    float8 is coarse enough to show, so its moments are summed over its values. What bfloat16 adds
    (3e-6 of the standard deviation) shows from 1e10 values on.
    """
    if not dtype.startswith("float8"):
        return Moments(rule.std, KURTOSIS[rule.kind])
    every = np.arange(256, dtype=np.uint8).view(dtype_of(dtype)).astype(np.float64)
    values = np.unique(every[np.isfinite(every)])
    bounds = (values[1:] + values[:-1]) / 2
    edges = np.array([0.0, *(_cumulative(rule, x) for x in bounds), 1.0])
    mass = np.diff(edges)
    if rule.kind == "uniform":  # kept below its upper bound
        beyond = values >= rule.parameters[1]
        mass[np.flatnonzero(~beyond)[-1]] += mass[beyond].sum()
        mass[beyond] = 0.0
    offset = values - mass @ values
    variance = float(mass @ offset**2)
    fourth = float(mass @ offset**4)
    return Moments(math.sqrt(variance), fourth / variance**2 if variance else 1.0)


def measure(arrays: Iterable[npt.NDArray[Any]], centre: float) -> tuple[int, float, float]:
    """Return count, mean and standard deviation, summed in float64 around `centre`."""
    count, first, second = 0, 0.0, 0.0
    buffer = np.empty(CHUNK)
    for array in arrays:
        flat = array.reshape(-1)
        count += flat.size
        for start in range(0, flat.size, CHUNK):
            part = flat[start : start + CHUNK]
            chunk = buffer[: part.size]
            np.copyto(chunk, part)
            if centre:
                chunk -= centre
            first += float(chunk.sum())
            second += float(chunk @ chunk)
    variance = (second - first * first / count) / max(1, count - 1)
    # Rounding may leave a little below zero; NaN must stay.
    return count, centre + first / count, math.sqrt(0.0 if variance < 0 else variance)


def standard_errors_off(rule: Rule, dtype: str, count: int, std: float) -> float:
    """Return by how many standard errors a measured std is off: infinitely where it is NaN."""
    moments = expected(rule, dtype)
    difference = abs(std - moments.std)
    if difference == 0:
        return 0.0
    error = moments.standard_error(count)
    return difference / error if error > 0 and math.isfinite(difference) else math.inf
