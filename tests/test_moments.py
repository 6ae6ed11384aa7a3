"""Expected moments against SciPy's exact ones, and measurements of filled arrays."""

import math

import numpy as np
import pytest

import fastinit
from fastinit import _core
from fastinit.dtypes import DTYPES
from fastinit.moments import CHUNK, NOT_MEASURED, expected, measure, rounded, values_of

scipy_stats = pytest.importorskip("scipy.stats")

NARROW = [name for name, known in DTYPES.items() if known.itemsize <= 2]
LAWS = [
    (_core.UNIFORM, (-0.3, 0.5)),
    (_core.UNIFORM, (0.0, 1e-3)),
    (_core.NORMAL, (0.1, 0.7)),
    (_core.NORMAL, (0.0, 0.02)),
    (_core.TRUNCATED_NORMAL, (0.0, 1.0, -2.0, 2.0)),
    (_core.TRUNCATED_NORMAL, (0.0, 0.02, -2.0, 2.0)),
    (_core.TRUNCATED_NORMAL, (0.0, 1.0, 1.5, math.inf)),
    (_core.TRUNCATED_NORMAL, (3.0, 0.5, -math.inf, 2.5)),
    (_core.TRUNCATED_NORMAL, (0.0, 1.0, 5.0, 6.0)),
    (_core.TRUNCATED_NORMAL, (0.0, 1.0, -30.0, -20.0)),
    (_core.TRUNCATED_NORMAL, (0.0, 1.0, 50.0, 60.0)),
]
FUNCTIONS = {
    _core.CONSTANT: fastinit.constant,
    _core.UNIFORM: fastinit.uniform,
    _core.NORMAL: fastinit.normal,
    _core.TRUNCATED_NORMAL: fastinit.trunc_normal,
}


def law(distribution):
    method, p = distribution
    if method == _core.UNIFORM:
        return scipy_stats.uniform(p[0], p[1] - p[0])
    if method == _core.NORMAL:
        return scipy_stats.norm(*p)
    mean, std, low, high = p
    return scipy_stats.truncnorm((low - mean) / std, (high - mean) / std, mean, std)


@pytest.mark.parametrize("dtype", NARROW)
def test_every_bit_pattern_is_decoded(dtype, dtype_of):
    patterns = np.arange(1 << 8 * DTYPES[dtype].itemsize, dtype=f"u{DTYPES[dtype].itemsize}")
    with np.errstate(invalid="ignore"):  # signalling NaNs
        values = patterns.view(dtype_of(dtype)).astype(np.float64)
    np.testing.assert_array_equal(values_of(dtype), values)
    np.testing.assert_array_equal(
        np.signbit(values_of(dtype))[values == 0], np.signbit(values[values == 0])
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_constants_are_rounded_as_they_are_filled(dtype, dtype_of):
    generator = np.random.default_rng(0)
    every = values_of(dtype) if dtype in NARROW else generator.standard_normal(512)
    finite = np.unique(every[np.isfinite(every)])
    halves = (finite[1:] + finite[:-1]) / 2
    chosen = generator.choice(halves, min(len(halves), 200), replace=False)
    values = [
        *chosen,
        *np.nextafter(chosen, 9e9),
        *np.nextafter(chosen, -9e9),
        0.1,
        -0.0,
        finite[-1],
    ]
    if DTYPES[dtype].has_infinity:
        values.append(-math.inf)
    for value in values:
        filled = fastinit.constant((1,), value, dtype=dtype_of(dtype)).astype(np.float64)[0]
        assert rounded(value, dtype) == filled
        assert expected((_core.CONSTANT, (float(value),)), dtype)[:3] == (filled, 0, 1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("distribution", LAWS, ids=str)
def test_moments_equal_those_of_scipy(distribution, dtype):
    moments, reference = expected(distribution, dtype), law(distribution)
    low, high = reference.support()
    assert (moments.low, moments.high) == pytest.approx((low, high))
    if distribution[0] != _core.TRUNCATED_NORMAL:
        mean, variance, kurtosis = map(float, reference.stats("mvk"))
        assert moments.mean == pytest.approx(mean)
        assert moments.std == pytest.approx(math.sqrt(variance))
        assert moments.kurtosis == pytest.approx(kurtosis + 3)
        return
    # SciPy's moments of a truncated normal lose precision in the tails: integrate the density.
    mpmath = pytest.importorskip("mpmath")
    mean, std, low, high = distribution[1]
    with mpmath.workdps(40):
        a, b = ((mpmath.mpf(bound) - mean) / std for bound in (low, high))
        inner = min(max(a, 0), b)

        def integral(power, about):
            ends = [max(a, inner - 13), inner, min(b, inner + 13)]
            density = lambda z: mpmath.exp((inner**2 - z**2) / 2) * (z - about) ** power  # noqa: E731
            return mpmath.quad(density, mpmath.linspace(ends[0], ends[2], 9))

        total = integral(0, 0)
        first = integral(1, 0) / total
        second, fourth = integral(2, first) / total, integral(4, first) / total
        assert moments.mean == pytest.approx(float(mean + std * first), rel=1e-9, abs=1e-12)
        assert moments.std == pytest.approx(float(std * mpmath.sqrt(second)), rel=1e-8)
        assert moments.kurtosis == pytest.approx(float(fourth / second**2), rel=1e-7)


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("distribution", LAWS[:8], ids=str)
def test_moments_of_narrow_dtypes_are_sums_over_scipys_law(distribution, dtype):
    every = values_of(dtype)
    values = np.unique(every[np.isfinite(every)])
    reference = law(distribution)
    mass = np.diff(reference.cdf((values[1:] + values[:-1]) / 2), prepend=0.0, append=1.0)
    if distribution[0] == _core.UNIFORM:
        beyond = values >= distribution[1][1]
        mass[np.flatnonzero(~beyond)[-1]] += mass[beyond].sum()
        mass[beyond] = 0
    mean = (mass * values).sum()
    variance = (mass * (values - mean) ** 2).sum()
    moments = expected(distribution, dtype)
    assert moments.mean == pytest.approx(mean, abs=1e-9)
    assert moments.std == pytest.approx(math.sqrt(variance), rel=1e-8)
    fourth = (mass * (values - mean) ** 4).sum()
    kurtosis = fourth / variance**2 if variance > 0 else 1
    assert moments.kurtosis == pytest.approx(kurtosis, rel=1e-7)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("distribution", LAWS, ids=str)
def test_fills_have_these_moments(distribution, dtype, dtype_of):
    method, parameters = distribution
    array = FUNCTIONS[method]((1 << 18,), *parameters, generator=0, dtype=dtype_of(dtype))
    moments = expected(distribution, dtype)
    measured = measure([array], dtype, moments)
    assert measured.finite == array.size
    assert moments.low <= measured.minimum <= measured.maximum <= moments.high
    if moments.std > 0:
        assert max(measured.errors_off(moments)) < 5


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 5, CHUNK, 2 * CHUNK + 3])
@pytest.mark.parametrize("mean", [0.0, 0.5])
def test_measure_equals_numpy(dtype, size, mean, dtype_of):
    array = fastinit.normal((size,), mean, 0.25, generator=1, dtype=dtype_of(dtype))
    values = array.astype(np.float64)
    for parts in ([array], [array[:3], array[3:]], [array.view(f"u{array.dtype.itemsize}")]):
        found = measure(parts, dtype)
        assert found.mean == pytest.approx(values.mean(), abs=1e-12)
        assert found.std == pytest.approx(values.std(), abs=1e-12)
        assert (found.minimum, found.maximum) == (values.min(), values.max())
        assert (found.finite, found.nans, found.infinities) == (size, 0, 0)
    moments = expected((_core.NORMAL, (mean, 0.25)), dtype)
    found = measure([array], dtype, moments)
    assert found.std == pytest.approx(math.sqrt(((values - moments.mean) ** 2).mean()), abs=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_that_are_not_finite_are_only_counted(dtype, dtype_of):
    array = fastinit.normal((3 * CHUNK,), generator=0, dtype=dtype_of(dtype))
    array[[1, CHUNK, CHUNK + 1]] = math.nan
    infinities = 2 if DTYPES[dtype].has_infinity else 0
    array[[7, 2 * CHUNK]] = math.inf if infinities else 0.0
    array[-CHUNK:] = math.nan
    found = measure([array], dtype)
    values = array.astype(np.float64)
    values = values[np.isfinite(values)]
    assert (found.nans, found.infinities) == (3 + CHUNK, infinities - (infinities > 0))
    assert found.finite == len(values)
    assert found.std == pytest.approx(values.std())
    nothing = measure([array[-5:]], dtype)
    assert nothing.nans == 5
    assert str(nothing._replace(nans=0)) == str(NOT_MEASURED)
    assert all(map(math.isnan, nothing.errors_off(expected((_core.NORMAL, (0.0, 1.0)), dtype))))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_subnormal_values_are_counted(dtype, dtype_of):
    integers = np.zeros(100, f"u{DTYPES[dtype].itemsize}")
    integers[:30] = 1
    integers[30:40] = (1 << DTYPES[dtype].mantissa_bits) - 1
    integers[40:50] = 1 << DTYPES[dtype].mantissa_bits
    assert measure([integers], dtype).subnormals == 40


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_std_off_by_half_a_percent_is_seen(dtype, dtype_of):
    array = fastinit.normal((1 << 21,), 0.0, 0.02 * 1.005, generator=0, dtype=dtype_of(dtype))
    moments = expected((_core.NORMAL, (0.0, 0.02)), dtype)
    assert measure([array], dtype, moments).errors_off(moments)[1] > 6
