"""Properties that hold for random shapes, slices, views and parameters.

``pytest tests/test_properties.py --hypothesis-profile=long`` tries twenty times as many examples.
"""

import math

import numpy as np
import pytest
import reference
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastinit
from fastinit.arrays import dtype_of
from fastinit.dtypes import DTYPES

pytest.importorskip("ml_dtypes")

NARROW = [name for name, dtype in DTYPES.items() if dtype.itemsize <= 2]
shapes = hnp.array_shapes(min_dims=1, max_dims=4, max_side=40)
dtypes = st.sampled_from(list(DTYPES))
fills = st.sampled_from(["normal", "uniform", "trunc_normal"])
means = st.sampled_from([0.0, 0.5, -3.0]) | st.floats(-100, 100)
# Every dtype contains the bounds of uniforms, mean + scale at most.
scales = st.floats(1e-6, min(dtype.largest for dtype in DTYPES.values()) - 100)


def slices_of(shape):
    return st.tuples(*(st.slices(n) for n in shape))


@st.composite
def calls(draw):
    """Draw an initializer and its arguments."""
    name = draw(fills)
    if name == "normal":
        return name, (draw(means), draw(scales))
    low = draw(means)
    high = low + draw(scales)
    if name == "uniform":
        return name, (low, high)
    low, high = draw(st.sampled_from([(low, high), (-math.inf, high), (low, math.inf)]))
    return name, (draw(means), draw(scales), low, high)


def as_bits(array):
    return array.view(f"u{array.dtype.itemsize}")


@given(st.data(), shapes, dtypes, calls())
def test_part_equals_slice_of_the_whole(data, shape, dtype, call):
    name, arguments = call
    index = data.draw(slices_of(shape))
    create = getattr(fastinit, name)
    whole = create(shape, *arguments, generator=1, dtype=dtype)
    part = create(shape, *arguments, generator=1, dtype=dtype, index=index)
    assert part.tobytes() == whole[index].tobytes()


@given(st.data(), shapes, dtypes, calls())
def test_views_equal_copies_and_touch_nothing_else(data, shape, dtype, call):
    name, arguments = call
    order = data.draw(st.permutations(range(len(shape))))
    base = np.full(shape, 7, dtype_of(dtype))
    index = data.draw(slices_of(shape))
    view = base.transpose(order)[tuple(index[axis] for axis in order)]
    copy = view.copy()
    getattr(fastinit, name + "_")(view, *arguments, generator=1)
    getattr(fastinit, name + "_")(copy, *arguments, generator=1)
    assert view.tobytes() == copy.tobytes()
    outside = np.ones(shape, bool)
    outside[index] = False
    assert (base[outside] == 7).all()


@given(shapes, dtypes, calls())
def test_in_place_equals_creation(shape, dtype, call):
    name, arguments = call
    array = np.empty(shape, dtype_of(dtype))
    assert getattr(fastinit, name + "_")(array, *arguments, generator=1) is array
    created = getattr(fastinit, name)(shape, *arguments, generator=1, dtype=dtype)
    assert created.tobytes() == array.tobytes()
    assert created.dtype == array.dtype


@given(st.integers(1, 700), st.sampled_from(NARROW), calls())
def test_narrow_is_float32_rounded_once(size, dtype, call):
    name, arguments = call
    narrow = getattr(fastinit, name)(size, *arguments, generator=1, dtype=dtype)
    wide = getattr(fastinit, name)(size, *arguments, generator=1)
    with np.errstate(over="ignore"):
        rounded = wide.astype(narrow.dtype)
    if name == "uniform":  # values stay below float32's `high`
        high = min(arguments[1], float(np.float32(arguments[1])))
        kept = rounded.astype(np.float64) < high
        assert (narrow.astype(np.float64)[~kept] < high).all()
        assert (as_bits(narrow)[kept] == as_bits(rounded)[kept]).all()
    else:
        assert (as_bits(narrow) == as_bits(rounded)).all()


@given(st.permutations(["a", "b.weight", "βάρος", "重み", ""]), st.integers(0, 2**128 - 1))
def test_order_of_parameters_changes_nothing(names, seed):
    stream = fastinit.Stream(seed)
    values = {name: fastinit.normal(33, generator=stream / name).tobytes() for name in names}
    assert values == {
        name: fastinit.normal(33, generator=stream / name).tobytes() for name in sorted(names)
    }
    assert len(set(values.values())) == len(names)


@given(st.integers(0, 2**40), st.integers(0, 300), st.integers(0, 300), dtypes)
def test_ranges_overlap(first, skip, count, dtype):
    logical = 2**41
    whole = fastinit.normal(
        logical, generator=2, dtype=dtype, index=(slice(first, first + skip + count),)
    )
    part = fastinit.normal(
        logical, generator=2, dtype=dtype, index=(slice(first + skip, first + skip + count),)
    )
    assert part.tobytes() == whole[skip:].tobytes()


@given(
    st.data(),
    shapes,
    st.sampled_from(["float64", "float32"]),
    calls(),
    st.integers(0, 2**128 - 1),
    st.text(max_size=5),
)
def test_random_fills_equal_the_oracle(data, shape, dtype, call, seed, name):
    """The oracle computes the same values from seed, name, shape and index."""
    function, arguments = call
    index = data.draw(slices_of(shape))
    stream = fastinit.Stream(seed) / name
    values = getattr(fastinit, function)(
        shape, *arguments, generator=stream, dtype=dtype, index=index
    )
    tiles = -(-math.prod(shape) // reference.TILE) * reference.TILE
    word = reference.words(reference.derive(seed, name), 8 * np.dtype(dtype).itemsize, 0, tiles)
    eps = np.finfo(dtype).eps
    if function == "trunc_normal":
        mean, std, low, high = arguments
        assert (values >= np.float64(low)).all()
        assert (values <= np.float64(high)).all()
        alpha, beta = (low - mean) / std, (high - mean) / std
        # SciPy's quantiles are exact enough for this interval.
        assume(min(abs(alpha), abs(beta)) < 5 or alpha * beta < 0)
        assume(beta - alpha > 0.01)
        tolerance = (40 if dtype == "float32" else 1e5) * eps * (std + abs(mean))
        reach = 6.77 if dtype == "float32" else 9.5
        if alpha <= -reach and beta >= reach:
            expected = reference.normal(word, mean, std)
        else:
            expected = reference.truncated(word, *arguments)
    elif function == "normal":
        tolerance = 8 * eps * (10 * arguments[1] + abs(arguments[0]))
        expected = reference.normal(word, *arguments)
    else:
        tolerance = 2 * eps * max(map(abs, arguments))
        expected = reference.uniform(word, *arguments)
    expected = expected[: math.prod(shape)].reshape(shape)[index]
    assert np.max(abs(values - expected), initial=0) <= tolerance
