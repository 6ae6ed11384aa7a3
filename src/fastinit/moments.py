"""Moments of a distribution, expected and measured: NumPy alone, for every dtype."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fastinit import _core
from fastinit.dtypes import DTYPES
from fastinit.rules import Distribution

Floats = npt.NDArray[np.float64]

# Intervals of Simpson's rule for a truncated normal, and the log density at which it stops.
INTERVALS = 1 << 12
LEAST_LOG_DENSITY = -80.0
# Elements that are measured at a time: their float64 values stay in the second-level cache, and
# OpenBLAS takes a dot product of fewer than 10,000 elements without waking its threads.
CHUNK = 1 << 13


class Moments(NamedTuple):
    """Moments of a distribution, and the bounds of its values."""

    mean: float
    std: float
    kurtosis: float  # fourth central moment over the squared variance
    low: float
    high: float

    def mean_error(self, count: int) -> float:
        """Return the standard error of the mean of `count` values."""
        return self.std / math.sqrt(count)

    def std_error(self, count: int) -> float:
        """Return the standard error of the standard deviation of `count` values."""
        return self.std * math.sqrt((self.kurtosis - 1) / (4 * count))


class Measured(NamedTuple):
    """What `measure` found; NaN where no value is finite."""

    finite: int  # how many values are
    mean: float
    std: float
    minimum: float
    maximum: float
    nans: int
    infinities: int
    subnormals: int

    def errors_off(self, expected: Moments) -> tuple[float, float]:
        """Return by how many standard errors the mean and the standard deviation are off.

        NaN for a constant, which has no standard error, and where no value is finite.
        """
        if expected.std == 0 or self.finite == 0:
            return math.nan, math.nan
        mean_off = abs(self.mean - expected.mean) / expected.mean_error(self.finite)
        std_off = abs(self.std - expected.std) / expected.std_error(self.finite)
        return mean_off, std_off


# No value.
NOT_MEASURED = Measured(0, math.nan, math.nan, math.nan, math.nan, 0, 0, 0)


@lru_cache
def values_of(dtype: str) -> Floats:
    """Return the value of every bit pattern of a dtype of at most 2 bytes, decoded from its format.

    Of magnitudes above the largest finite value, the least is infinity, if there is one, and the
    others are NaN.
    """
    form = DTYPES[dtype]
    half = 1 << (8 * form.itemsize - 1)  # patterns of each sign
    exponent, mantissa = np.divmod(np.arange(half), 1 << form.mantissa_bits)
    significand = mantissa + np.where(exponent > 0, 1 << form.mantissa_bits, 0)
    scale = np.maximum(exponent, 1) - form.bias - form.mantissa_bits
    magnitudes = np.ldexp(significand.astype(np.float64), scale)
    beyond = np.flatnonzero(magnitudes > form.largest)
    magnitudes[beyond] = math.nan
    if form.has_infinity:
        magnitudes[beyond[0]] = math.inf
    negative = -magnitudes
    if not form.has_negative_zero:
        negative[0] = math.nan
    values = np.concatenate([magnitudes, negative])
    values.setflags(write=False)
    return values


@lru_cache
def _finite_values_of(dtype: str) -> Floats:
    """Return the finite values of a dtype of at most 2 bytes in ascending order."""
    every = values_of(dtype)
    return np.unique(every[np.isfinite(every)])


def rounded(value: float, dtype: str) -> float:
    """Return the value of a constant fill: the float32 value, rounded once to nearest even."""
    if dtype == "float64" or not math.isfinite(value):
        return value
    single = float(np.float32(value))
    if dtype == "float32":
        return single
    every = values_of(dtype)
    magnitudes = every[: len(every) // 2]  # ascending; infinity and NaNs stand at the end
    magnitudes = magnitudes[np.isfinite(magnitudes)]
    above = min(int(np.searchsorted(magnitudes, abs(single))), len(magnitudes) - 1)
    below = max(above - 1, 0)
    distances = abs(single) - magnitudes[below], magnitudes[above] - abs(single)
    is_below = distances[0] < distances[1] or (distances[0] == distances[1] and below % 2 == 0)
    return math.copysign(float(magnitudes[below if is_below else above]), single)


@lru_cache(maxsize=1024)
def expected(distribution: Distribution, dtype: str) -> Moments:
    """Return the moments of a distribution once its values are rounded to a dtype.

    float32 and float64 are taken for exact: their rounding is below any standard error.
    """
    with _core.DefaultEnvironment():
        return _expected(distribution, dtype)


def _expected(distribution: Distribution, dtype: str) -> Moments:
    method, parameters = distribution
    if method == _core.CONSTANT:
        value = rounded(parameters[0], dtype)
        return Moments(value, 0.0, 1.0, value, value)
    low, high = _bounds(distribution)
    if low == high or (method != _core.UNIFORM and parameters[1] == 0):
        return Moments(min(max(parameters[0], low), high), 0.0, 1.0, low, high)
    if DTYPES[dtype].itemsize <= 2:
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
    """Integrate by Simpson's rule, from where the density is negligible to where it is again."""
    a, b = (low - mean) / std, (high - mean) / std
    mode = min(max(a, 0.0), b)
    reach = math.sqrt(mode * mode - 2 * LEAST_LOG_DENSITY)
    x = np.linspace(max(a, -reach), min(b, reach), INTERVALS + 1)
    weights = np.ones(INTERVALS + 1)
    weights[1:-1] = 2
    weights[1:-1:2] = 4
    mass = weights * np.exp((mode * mode - x * x) / 2)
    return _summed(mean + std * x, mass / mass.sum(), low, high)


def _summed(values: Floats, mass: Floats, low: float, high: float) -> Moments:
    mean = float((mass * values).sum())  # a dot product would wake OpenBLAS's threads
    squares = (values - mean) ** 2
    variance = float((mass * squares).sum())
    fourth = float((mass * squares**2).sum())
    kurtosis = fourth / variance**2 if variance > 0 else 1.0
    return Moments(mean, math.sqrt(variance), kurtosis, low, high)


def _moments_of_rounded(distribution: Distribution, dtype: str, low: float, high: float) -> Moments:
    """Sum over every value of a narrow dtype."""
    values = _finite_values_of(dtype)
    edges = _cumulative(distribution, (values[1:] + values[:-1]) / 2)
    mass = np.diff(edges, prepend=0.0, append=1.0)
    if distribution[0] == _core.UNIFORM:  # values that round to `high` take its predecessor
        beyond = values >= high
        mass[np.flatnonzero(~beyond)[-1]] += mass[beyond].sum()
        mass[beyond] = 0.0
    # A bound may round to a value outside the interval.
    low, high = min(low, rounded(low, dtype)), max(high, rounded(high, dtype))
    return _summed(values, mass, low, high)


def _cumulative(distribution: Distribution, x: Floats) -> Floats:
    """Return the probability of a value below x, for each of ascending x."""
    method, parameters = distribution
    low, high = _bounds(distribution)
    if method == _core.UNIFORM:
        return np.clip((x - low) / (high - low), 0.0, 1.0)
    mean, std = parameters[:2]
    z = (x - mean) / std
    a, b = (low - mean) / std, (high - mean) / std
    inside = (z > a) & (z < b)
    below = np.where(z < b, 0.0, 1.0)
    # Relative to the tail on the interval's side, which does not underflow however far it is.
    ends = np.array([a, b])
    if a > 0:
        (log_a, log_b), log_z = _log_tail(ends), _log_tail(z[inside])
        below[inside] = np.expm1(log_z - log_a) / np.expm1(log_b - log_a)
    else:
        (log_a, log_b), log_z = _log_tail(-ends), _log_tail(-z[inside])
        below[inside] = (np.exp(log_z - log_b) - np.exp(log_a - log_b)) / -np.expm1(log_a - log_b)
    return below


def _log_tail(z: Floats) -> Floats:
    """Return log P(Z > z) of the standard normal, to 1e-11 of its size or absolutely."""
    log = np.empty_like(z)
    small, far = np.abs(z) < 2.0**-12, z > 25
    s = z[small]
    log[small] = np.log(0.5 - (s - s**3 / 6) / math.sqrt(2 * math.pi))
    with np.errstate(over="ignore"):
        square = z[far] ** 2
    series = -1 / square * (1 - 3 / square * (1 - 5 / square * (1 - 7 / square)))
    log[far] = np.log1p(series) - square / 2 - np.log(z[far] * math.sqrt(2 * math.pi))
    rest = ~(small | far)
    tails = np.fromiter(map(math.erfc, (z[rest] / math.sqrt(2)).tolist()), np.float64)
    log[rest] = np.log(tails / 2)
    return log


def measure(
    arrays: Iterable[npt.NDArray[Any]], dtype: str, expected: Moments | None = None
) -> Measured:
    """Measure the values of all arrays together, in float64.

    Parameters
    ----------
    arrays : iterable of numpy.ndarray
        Of dtype float64, float32 or float16; or of any dtype of that size, whose bits are those of
        `dtype`.
    dtype : str
        Name of the values' dtype.
    expected : Moments, optional
        Then the standard deviation is taken around the expected mean, as `Moments.std_error`
        assumes, and subnormal values are not counted.

    Returns
    -------
    Measured
        Count, mean, standard deviation, minimum and maximum are those of the finite values.
    """
    center = None if expected is None else expected.mean
    about, count, first, second = center, 0, 0.0, 0.0
    nans, infinities, subnormals = 0, 0, 0
    low, high = math.inf, -math.inf
    read, tiny = _reader(dtype)
    buffer = np.empty(CHUNK)
    with np.errstate(all="ignore"):  # infinities and NaNs are counted
        for array in arrays:
            flat = array.reshape(-1)
            for start in range(0, flat.size, CHUNK):
                values = read(flat[start : start + CHUNK])
                x = buffer[: values.size]
                np.copyto(x, values)
                total = float(x.sum())
                if not math.isfinite(total):
                    missing = int(np.count_nonzero(np.isnan(x)))
                    values = values[np.isfinite(values)]
                    nans += missing
                    infinities += x.size - values.size - missing
                    if values.size == 0:
                        continue
                    x = values.astype(np.float64)
                    total = float(x.sum())
                if center is None:
                    subnormals += int(np.count_nonzero(np.abs(values) < tiny))
                    subnormals -= values.size - int(np.count_nonzero(values))
                low, high = min(low, float(values.min())), max(high, float(values.max()))
                about = total / x.size if about is None else about
                if about:
                    x -= about
                    total = float(x.sum())
                count += x.size
                first += total
                second += float(x @ x)
    if about is None or count == 0:
        return NOT_MEASURED._replace(nans=nans, infinities=infinities, subnormals=subnormals)
    mean = first / count
    variance = second / count - (0.0 if center is not None else mean * mean)
    std = math.sqrt(max(0.0, variance))
    return Measured(count, about + mean, std, low, high, nans, infinities, subnormals)


def _reader(dtype: str) -> tuple[Callable[[npt.NDArray[Any]], npt.NDArray[Any]], float]:
    """Return what views or converts an array as float32 or float64, and the least normal number."""
    if dtype in ("float64", "float32"):
        return (lambda part: part.view(dtype)), float(np.finfo(dtype).tiny)
    values = values_of(dtype)
    tiny = float(values[1 << DTYPES[dtype].mantissa_bits])
    singles, bits = values.astype(np.float32), f"u{DTYPES[dtype].itemsize}"
    buffer = np.empty(CHUNK, np.float32)

    def look_up(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.take(singles, part.view(bits), out=buffer[: part.size], mode="wrap")

    def widen(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out = buffer[: part.size]
        np.left_shift(part.view(bits), 16, out=out.view(np.uint32), dtype=np.uint32)
        return out

    return widen if dtype == "bfloat16" else look_up, tiny
