"""What a distribution's values must look like: mean, standard deviation, kurtosis, bounds."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch

from fastinit import _core
from fastinit.rules import Distribution

# Points of the numerical integration of a truncated normal, and the density below which none is.
POINTS = 1 << 14
LEAST_LOG_DENSITY = -80.0


class Moments(NamedTuple):
    """Moments of a distribution, and between what values it lies."""

    mean: float
    std: float
    kurtosis: float  # fourth central moment over the squared variance
    low: float
    high: float

    def mean_error(self, count: int) -> float:
        """Return the standard error of the mean of so many values."""
        return self.std / math.sqrt(count)

    def std_error(self, count: int) -> float:
        """Return the standard error of the standard deviation of so many values."""
        return self.std * math.sqrt((self.kurtosis - 1) / (4 * count))


@lru_cache(maxsize=1024)
def expected(distribution: Distribution, dtype: torch.dtype) -> Moments:
    """Return the moments of a distribution once its values are rounded to a dtype."""
    with torch.device("cpu"):  # whatever the default device is
        return _expected(distribution, dtype)


def _expected(distribution: Distribution, dtype: torch.dtype) -> Moments:
    method, parameters = distribution
    if method == _core.CONSTANT:
        rounded = float(torch.tensor(parameters[0], dtype=torch.float64).to(dtype))
        return Moments(rounded, 0.0, 1.0, rounded, rounded)
    low, high = _bounds(distribution)
    if low == high or (method != _core.UNIFORM and parameters[1] == 0):
        return Moments(min(max(parameters[0], low), high), 0.0, 1.0, low, high)
    if dtype.itemsize <= 2:
        return _moments_of_rounded(distribution, dtype, low, high)
    if method == _core.UNIFORM:
        return Moments((low + high) / 2, (high - low) / math.sqrt(12), 1.8, low, high)
    mean, std = parameters[:2]
    if method == _core.NORMAL:
        return Moments(mean, std, 3.0, low, high)
    return _moments_of_truncated(mean, std, low, high)


def _bounds(distribution: Distribution) -> tuple[float, float]:
    method, parameters = distribution
    if method == _core.NORMAL:
        return -math.inf, math.inf
    low, high = parameters if method == _core.UNIFORM else parameters[2:]
    return low, high


def _moments_of_truncated(mean: float, std: float, low: float, high: float) -> Moments:
    a, b = (low - mean) / std, (high - mean) / std
    mode = min(max(a, 0.0), b)
    # Where the density has fallen by LEAST_LOG_DENSITY, on each side.
    reach = math.sqrt(mode * mode - 2 * LEAST_LOG_DENSITY)
    left, right = max(a, -reach), min(b, reach)
    step = (right - left) / POINTS
    x = left + step * (torch.arange(POINTS, dtype=torch.float64) + 0.5)
    mass = torch.exp((mode * mode - x * x) / 2)
    return _summed(mean + std * x, mass / mass.sum(), low, high)


def _summed(values: torch.Tensor, mass: torch.Tensor, low: float, high: float) -> Moments:
    mean = float(mass @ values)
    squares = (values - mean) ** 2
    variance = float(mass @ squares)
    fourth = float(mass @ squares**2)
    kurtosis = fourth / variance**2 if variance > 0 else 1.0
    return Moments(mean, math.sqrt(variance), kurtosis, low, high)


def _cumulative(distribution: Distribution, x: torch.Tensor) -> torch.Tensor:
    method, parameters = distribution
    if method == _core.UNIFORM:
        low, high = parameters
        return ((x - low) / (high - low)).clamp(0.0, 1.0)
    mean, std = parameters[:2]
    below = 0.5 * torch.erfc((mean - x) / (std * math.sqrt(2)))
    if method == _core.NORMAL:
        return below
    low, high = (0.5 * math.erfc((mean - bound) / (std * math.sqrt(2))) for bound in parameters[2:])
    return ((below - low) / (high - low)).clamp(0.0, 1.0)


def _moments_of_rounded(
    distribution: Distribution, dtype: torch.dtype, low: float, high: float
) -> Moments:
    """Sum over every value of a narrow dtype."""
    bits = torch.arange(1 << (8 * dtype.itemsize), dtype=torch.int32)
    every = bits.to(torch.int8 if dtype.itemsize == 1 else torch.int16).view(dtype)
    values = every.to(torch.float64)
    values = values[values.isfinite()].unique()  # type: ignore[no-untyped-call]
    edges = _cumulative(distribution, (values[1:] + values[:-1]) / 2)
    one = torch.ones(1, dtype=torch.float64)
    mass = torch.diff(torch.cat([0 * one, edges, one]))
    if distribution[0] == _core.UNIFORM:  # kept below its upper bound
        beyond = values >= high
        mass[int((~beyond).nonzero()[-1])] += mass[beyond].sum()
        mass[beyond] = 0.0
    # A bound may be rounded beyond itself.
    present = values[mass > 0]
    low, high = min(low, float(present[0])), max(high, float(present[-1]))
    return _summed(values, mass, low, high)
