"""Values agree with the oracle, and all paths write the same bytes."""

import itertools
import math

import numpy as np
import pytest
import reference
from scipy import special, stats

import fastinit
from fastinit.dtypes import DTYPES as TABLE

N = 10_019
SEED, NAME = 11, "weight"
STREAM = fastinit.Stream(SEED) / NAME
DTYPES = list(TABLE)
INF = math.inf
INTERVALS = {  # mean, std, a, b; the case that each tests
    "centre": (0, 1, -2, 2),  # the fast path
    "asymmetric centre": (0.3, 0.02, 0.25, 0.31),
    "one-sided": (0, 1, -1, INF),
    "far side": (0, 1, -0.5, 8),  # the thinner tail needs more resolution
    "lower tail": (0, 1, -INF, -3),  # mirrored
    "tail": (0, 1, 5, 6),
    "far tail": (0, 1, 20, INF),  # its probability underflows float32
    "further tail": (0, 1, 1e4, INF),
    "narrow tail": (0, 1, 5, 5 + 1e-6),
    "narrow centre": (0, 1, -1e-3, 1e-3),
    "shifted": (-1000, 1, 0, 1),  # values near 0 although the bound is 1000 sigma away
    "bound at the mean": (0, 1, 0, INF),
}
FILLS = {
    "uniform": lambda array, **part: fastinit.uniform_(array, -0.5, 0.25, STREAM, **part),
    "normal": lambda array, **part: fastinit.normal_(array, 0.1, 0.7, STREAM, **part),
    "truncated centre": lambda array, **part: fastinit.trunc_normal_(
        array, 0, 1, -2, 2, STREAM, **part
    ),
    "truncated": lambda array, **part: fastinit.trunc_normal_(array, 0, 1, -1, 9, STREAM, **part),
    "constant": lambda array, **part: fastinit.constant_(array, 0.3),
}


def poisoned(shape, dtype):
    array = np.empty(shape, dtype)
    array.view(np.uint8)[...] = 0xA5
    return array


def filled(name, dtype, size=N, **part):
    return FILLS[name](poisoned(size, dtype), **part)


def as_bytes(array):
    return np.ascontiguousarray(array).tobytes()


def oracle_words(bits, count=N):
    tiles = -(-count // reference.TILE) * reference.TILE
    return reference.words(reference.derive(SEED, NAME), bits, 0, tiles)


@pytest.mark.parametrize(("dtype", "bits"), [("float64", 64), ("float32", 32)])
class TestOracle:
    """Errors are in ulp of max(|x|, the distribution's scale)."""

    def check(self, values, expected, scale, bound, dtype):
        unit = np.finfo(dtype).eps * np.maximum(abs(expected), scale)
        assert np.max(abs(values.astype(np.float64) - expected) / unit) <= bound

    def test_uniform(self, isa, dtype, bits):
        values = fastinit.uniform_(poisoned(N, dtype), -0.5, 0.25, STREAM)
        expected = reference.uniform(oracle_words(bits), -0.5, 0.25)[:N]
        self.check(values, expected, 0.5, 1, dtype)

    def test_normal(self, isa, dtype, bits):
        values = fastinit.normal_(poisoned(N, dtype), 0, 1, STREAM)
        expected = reference.normal(oracle_words(bits), 0, 1)[:N]
        # The oracle itself computes in float64, so float64 may differ by a few ulp.
        self.check(values, expected, 0, 4 if bits == 32 else 16, dtype)

    @pytest.mark.parametrize("interval", INTERVALS)
    def test_truncated(self, isa, dtype, bits, interval):
        mean, std, a, b = INTERVALS[interval]
        values = fastinit.trunc_normal_(poisoned(N, dtype), mean, std, a, b, STREAM)
        assert values.min() >= np.float64(a)
        assert values.max() <= np.float64(b)
        if interval in ("further tail", "shifted", "narrow tail"):
            return  # SciPy's quantiles are too inexact: test_truncated_distribution tests these
        expected = reference.truncated(oracle_words(bits), mean, std, a, b)[:N]
        # At 2 sigma a change of the probability by 2^-24 moves the value by 0.55e-6: two ulp of 2.
        self.check(values, expected, std, 40 if bits == 32 else 1e5, dtype)


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_truncated_distribution(interval, dtype):
    mean, std, a, b = INTERVALS[interval]
    values = fastinit.trunc_normal((1_000_000,), mean, std, a, b, generator=5, dtype=dtype)
    x = values.astype(np.float64)
    alpha, beta = (a - mean) / std, (b - mean) / std
    z = (x - mean) / std
    if interval == "further tail":  # exponential to 1e-8, in steps of float32 there: 1e-3 / 1e-4
        uniform = -np.expm1(-(x - a) * 1e4)
    elif interval == "shifted":  # the same from 0
        uniform = -np.expm1(-x * (1000 + x / 2)) / -np.expm1(-1000.5)
    else:
        sign = -1 if alpha >= 0 else 1
        low, high = (alpha, beta) if sign == 1 else (-beta, -alpha)
        log_low, log_high = special.log_ndtr(low), special.log_ndtr(high)
        uniform = np.exp(special.log_ndtr(sign * z) - log_high) - np.exp(log_low - log_high)
        uniform /= -np.expm1(log_low - log_high)
    if dtype == "float32" and interval in ("further tail", "narrow tail"):
        # Three and a handful of float32 lie there: their shares, not their positions, count.
        assert 0.4 < uniform.mean() < 0.6 or len(np.unique(x)) <= 4
        return
    assert stats.kstest(uniform, "uniform").pvalue > 1e-4


def test_beyond_reach_equals_normal():
    for dtype, reach in (("float32", 6.8), ("float64", 9.6)):
        expected = fastinit.normal((N,), 0.5, 0.02, generator=1, dtype=dtype)
        bounds = (0.5 - 0.02 * reach, 0.5 + 0.02 * reach)
        values = fastinit.trunc_normal((N,), 0.5, 0.02, *bounds, generator=1, dtype=dtype)
        assert as_bytes(values) == as_bytes(expected)


def test_degenerate_intervals():
    assert (fastinit.uniform(9, 0.5, 0.5, generator=0) == 0.5).all()
    assert (fastinit.trunc_normal(9, 0, 1, 0.25, 0.25, generator=0) == 0.25).all()
    assert (fastinit.trunc_normal(9, 3, 0, 0, 1, generator=0) == 1).all()
    assert (fastinit.normal(9, 3, 0, generator=0) == 3).all()
    near = fastinit.trunc_normal(9, 0, 1, 0.1, 0.1, generator=0)
    assert (near == np.float32(0.1)).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FILLS)
class TestIdentity:
    def test_isas(self, isa, name, dtype, dtype_of):
        values = filled(name, dtype_of(dtype))
        fastinit._core.choose_isa("portable")
        assert as_bytes(values) == as_bytes(filled(name, dtype_of(dtype)))

    def test_threads(self, threads, name, dtype, dtype_of):
        many = filled(name, dtype_of(dtype), 2_000_003)
        fastinit.set_num_threads(1)
        assert as_bytes(many) == as_bytes(filled(name, dtype_of(dtype), 2_000_003))

    def test_slices(self, isa, name, dtype, dtype_of):
        whole = filled(name, dtype_of(dtype))
        edges = [0, 1, 17, 32, 65, 1000, 9001, N]
        for first, last in itertools.pairwise(edges):
            part = filled(
                name, dtype_of(dtype), last - first, shape=(N,), index=(slice(first, last),)
            )
            assert as_bytes(part) == as_bytes(whole[first:last])

    def test_strides(self, isa, name, dtype, dtype_of):
        dtype = dtype_of(dtype)
        whole = filled(name, dtype, (13, 7, 110))
        views = [
            poisoned((13, 7, 110), dtype)[::-1],
            poisoned((13, 7, 110), dtype)[:, :, ::-1],
            poisoned((26, 21, 330), dtype)[::2, ::-3, 1::3],
            poisoned((110, 7, 13), dtype).T,
            poisoned((7, 13, 110), dtype).transpose(1, 0, 2),
            poisoned((13, 110, 7), dtype).transpose(0, 2, 1),
            np.frombuffer(bytearray(whole.nbytes + 1), np.uint8)[1:]
            .view(dtype)
            .reshape(13, 7, 110),
        ]
        for view in views:
            assert as_bytes(FILLS[name](view)) == as_bytes(whole)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_outside_the_target_are_unchanged(isa, dtype, dtype_of):
    dtype = dtype_of(dtype)
    whole = fastinit.normal_(poisoned(200, dtype), generator=3)
    for size in [*range(0, 70), 100, 131]:
        for offset in (0, 1, 2, 3, 5, 8, 13, 31, 32, 33, 63):
            memory = np.full(300 * dtype.itemsize + 64, 0xA5, np.uint8)
            end = offset + size * dtype.itemsize
            fastinit.normal_(memory[offset:end].view(dtype), generator=3)
            assert (memory[:offset] == 0xA5).all()
            assert (memory[end:] == 0xA5).all()
            assert memory[offset:end].tobytes() == whole[:size].tobytes()


@pytest.mark.parametrize("offset", [0, 1, 16, 63])
def test_nontemporal_fills(isa, offset):
    """Non-temporal stores at every alignment, with partial lines at both ends."""
    count = (5 << 20) // 4 + 19
    memory = np.full(count * 4 + 256, 0xA5, np.uint8)
    target = memory[64 + offset : 64 + offset + count * 4].view(np.float32)
    part = {"shape": (2 * count,), "index": (slice(5, 5 + count),)}
    fastinit.normal_(target, generator=3, **part)
    assert (memory[: 64 + offset] == 0xA5).all()
    assert (memory[64 + offset + count * 4 :] == 0xA5).all()
    pieces = [
        fastinit.normal((2 * count,), generator=3, index=(slice(5 + a, 5 + b),))
        for a, b in ((0, 700_001), (700_001, count))
    ]
    assert target.tobytes() == np.concatenate(pieces).tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "float8_e4m3fn"])
@pytest.mark.parametrize("offset", [0, 1, 48])  # from the cache line, in elements
def test_nontemporal_transpositions(isa, dtype, dtype_of, offset):
    """Boxes are scattered by non-temporal stores; with odd rows, lines begin within a box."""
    dtype = dtype_of(dtype)
    rows, columns = {8: (700, 801), 4: (1001, 1152), 2: (1501, 1601), 1: (2049, 2111)}[
        dtype.itemsize
    ]
    size = rows * columns
    memory = np.full((size + 256) * dtype.itemsize, 0xA5, np.uint8).view(dtype)
    first = -memory.ctypes.data % 64 // dtype.itemsize + 64 + offset
    target = memory[first : first + size].reshape(columns, rows).T
    expected = fastinit.uniform((rows, columns), -1, 1, generator=3, dtype=dtype)
    for view, values in (
        (target, expected),
        (target[::-1, :], expected),
        (target[:, ::-1], expected),
        (target[5:, ::2], expected[5:, ::2]),
    ):
        part = {"shape": (rows, columns)}
        if values is not expected:
            part["index"] = (slice(5, None), slice(None, None, 2))
        memory.view(np.uint8)[...] = 0xA5
        fastinit.uniform_(view, -1, 1, generator=3, **part)
        assert as_bytes(np.ascontiguousarray(view)) == as_bytes(np.ascontiguousarray(values))
        outside = np.concatenate([memory[:first], memory[first + size :]])
        assert (outside.view(np.uint8) == 0xA5).all()


@pytest.mark.parametrize(("rows", "extra"), [(96, 7), (214, 5), (1000, 1)])
def test_nontemporal_columns_at_drifting_offsets(isa, rows, extra):
    """Each column begins at a larger offset within its cache line than the previous one."""
    columns = (5 << 20) // 4 // rows
    whole = fastinit.normal((rows, columns), generator=3)
    for first in range(0, 16, 3):
        memory = np.zeros((columns, rows + extra + 16), np.float32)
        view = memory[:, first : first + rows].T
        fastinit.normal_(view, generator=3)
        assert as_bytes(view) == as_bytes(whole)
        assert (memory[:, :first] == 0).all()
        assert (memory[:, first + rows :] == 0).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("step", [2, 16, 17, 31, 32, 33])
def test_picked_columns(isa, dtype, step):
    """Whole runs are made in scratch, and the selected columns copied; a box has several runs."""
    for picked in (65, 100, 127, 129):
        columns = (picked + 3) * step
        whole = fastinit.normal((9, columns), generator=3, dtype=dtype)
        index = (slice(None), slice(None, picked * step, step))
        part = fastinit.normal((9, columns), generator=3, dtype=dtype, index=index)
        assert as_bytes(part) == as_bytes(whole[index])


@pytest.mark.parametrize("dtype", [name for name in DTYPES if TABLE[name].itemsize <= 2])
@pytest.mark.parametrize("scale", [1e-7, 1e-3, 1, 300, 40_000])
def test_narrow_is_float32_rounded_once(isa, dtype, dtype_of, scale):
    values = fastinit.normal_(poisoned(N, dtype_of(dtype)), 0, scale, STREAM)
    wide = fastinit.normal_(poisoned(N, "float32"), 0, scale, STREAM)
    with np.errstate(over="ignore"):
        expected = wide.astype(dtype_of(dtype))
    # The NaN of an overflow has the sign of the value that overflowed.
    assert as_bytes(values) == as_bytes(expected)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("normal", (0, 3e-39)),  # most results are subnormal
        ("normal", (0, 1.2e-38)),
        ("normal", (0, 2.0**-79)),  # from here on the instruction that flushes subnormals is used
        ("normal", (1e-38, 1e-40)),
        ("normal", (2.0**-76, 2.0**-76)),
        ("uniform", (-1e-38, 1e-38)),
        ("uniform", (1e-39, 1)),  # only the bound is subnormal
        ("trunc_normal", (0, 1e-38, -2e-38, 2e-38)),
        ("trunc_normal", (0, 1, -1, 1e-39)),
    ],
)
def test_bfloat16_keeps_subnormals(isa, dtype_of, name, parameters):
    values = getattr(fastinit, name)((N,), *parameters, STREAM, dtype=dtype_of("bfloat16"))
    wide = getattr(fastinit, name)((N,), *parameters, STREAM)
    rounded = wide.astype(values.dtype)
    if name == "uniform":
        rounded = np.where(rounded < upper_end(parameters[1]), rounded, values)
    assert as_bytes(values) == as_bytes(rounded)


def upper_end(high, dtype="float32"):
    """Return `high` as the core computes it for a dtype; all uniform values are smaller."""
    return high if dtype == "float64" else min(high, float(np.float32(high)))


ULP = 2.0**-24  # of float32, between 1/2 and 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0, 1),
        (-1, 1),
        (-2, -1),
        (0.999, 1),
        (1e-7, 2e-7),
        (-0.3, 0),
        (-0.9544998, 0.9544998),
        (0.5, 0.5 + 2.4 * ULP),  # float32(high) < high, and one value in three is near it
        (0.5, 0.5 + 2.6 * ULP),  # float32(high) > high
        (-0.5 - 2.4 * ULP, -0.5 - 0.4 * ULP),
        (0, 0.5 + 1e-12),  # the narrow types also use float32(high)
    ],
)
def test_uniform_stays_below_high(isa, dtype, dtype_of, low, high):
    values = fastinit.uniform_(poisoned(100_003, dtype_of(dtype)), low, high, STREAM)
    wide = values.astype(np.float64)
    end = upper_end(high, dtype)
    assert wide.max() < end
    if dtype == "float64":
        assert wide.min() >= low
    elif dtype != "float32":
        single = fastinit.uniform_(poisoned(100_003, "float32"), low, high, STREAM)
        assert single.astype(np.float64).min() >= low
        rounded = single.astype(dtype_of(dtype)).astype(np.float64)
        assert (wide == np.where(rounded < end, rounded, wide.max())).all()


def test_uniform_of_the_largest_word(isa):
    """Element 48917474 of this stream has the word 0x7fffffff: it comes nearest to `high`."""
    high = 0.9544998
    part = {"shape": (1 << 30,), "index": (slice(48_917_474, 48_917_475),)}
    value = fastinit.uniform_(poisoned(1, "float32"), -high, high, 10, **part)
    assert value == np.nextafter(np.float32(high), np.float32(0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_between_two_values(isa, dtype, dtype_of):
    """If no value lies between `low` and the computed `high`, all values are that of `low`."""
    values = fastinit.uniform_(poisoned(N, dtype_of(dtype)), 0.5, 0.5 + 2.0**-53, STREAM)
    assert (values.astype(np.float64) == 0.5).all()


@pytest.mark.parametrize("dtype", [name for name in DTYPES if name != "float64"])
def test_low_of_zero_has_no_sign(isa, dtype, dtype_of):
    """Element 55995621 of this stream equals `low`, as about one element in 7e7 does."""
    part = {"shape": (1 << 30,), "index": (slice(55_995_621, 55_995_622),)}
    value = fastinit.uniform_(
        poisoned(1, dtype_of(dtype)), 0, 1, fastinit.Stream(0) / "zero", **part
    )
    assert as_bytes(value) == bytes(value.itemsize)


def test_extreme_ranges(isa):
    wide = fastinit.uniform((N,), -1.7e308, 1.7e308, generator=0, dtype="float64")
    assert np.isfinite(wide).all()
    assert 0.95 < (abs(wide) / 1e308).mean() / 0.85 < 1.05
    tiny = fastinit.uniform((N,), -1e-40, 1e-40, generator=0)
    assert len(np.unique(tiny)) > 9000
    assert abs(tiny).max() > np.float32(0.99e-40)


def test_index_beyond_2_to_32(isa):
    first = 2**34 - 7
    part = fastinit.normal((2**35,), generator=STREAM, index=(slice(first, first + 100),))
    tile = first // 32 * 32
    word = reference.words(reference.derive(SEED, NAME), 32, tile, 160)
    expected = reference.normal(word, 0, 1)[first - tile :][:100]
    assert np.allclose(part, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("dtype", "seed"), [("float32", 1), ("float64", 2)])
def test_distribution_of_normal_and_uniform(dtype, seed):
    x = fastinit.normal((1_000_000,), generator=seed, dtype=dtype)
    assert stats.kstest(x, "norm").pvalue > 1e-4
    pairs = x[: 31250 * 32].reshape(-1, 2, 16)
    assert abs(np.corrcoef(pairs[:, 0].ravel(), pairs[:, 1].ravel())[0, 1]) < 5e-3
    u = fastinit.uniform((1_000_000,), generator=seed, dtype=dtype)
    assert stats.kstest(u, "uniform").pvalue > 1e-4
