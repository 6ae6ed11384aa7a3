"""Properties of random shapes, slices and views."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import fastinit

shapes = hnp.array_shapes(min_dims=1, max_dims=4, max_side=40)
dtypes = st.sampled_from(["float64", "float32", "float16"])
fills = st.sampled_from(["normal", "uniform", "trunc_normal"])


def slices_of(shape):
    return st.tuples(*(st.slices(n) for n in shape))


@settings(deadline=None, max_examples=150)
@given(st.data(), shapes, dtypes, fills)
def test_part_equals_slice_of_the_whole(data, shape, dtype, name):
    index = data.draw(slices_of(shape))
    create = getattr(fastinit, name)
    whole = create(shape, generator=1, dtype=dtype)
    part = create(shape, generator=1, dtype=dtype, index=index)
    assert part.tobytes() == whole[index].tobytes()


@settings(deadline=None, max_examples=150)
@given(st.data(), shapes, dtypes, fills)
def test_views_equal_copies_and_touch_nothing_else(data, shape, dtype, name):
    order = data.draw(st.permutations(range(len(shape))))
    base = np.full(shape, 7, dtype)
    index = data.draw(slices_of(shape))
    view = base.transpose(order)[tuple(index[axis] for axis in order)]
    getattr(fastinit, name + "_")(view, generator=1)
    assert (view == getattr(fastinit, name)(view.shape, generator=1, dtype=dtype)).all()
    outside = np.ones(shape, bool)
    outside[index] = False
    assert (base[outside] == 7).all()


@settings(deadline=None, max_examples=50)
@given(st.permutations(["a", "b.weight", "βάρος", "重み", ""]), st.integers(0, 2**128 - 1))
def test_order_of_parameters_changes_nothing(names, seed):
    stream = fastinit.Stream(seed)
    values = {name: fastinit.normal(33, generator=stream / name).tobytes() for name in names}
    assert values == {
        name: fastinit.normal(33, generator=stream / name).tobytes() for name in sorted(names)
    }
    assert len(set(values.values())) == len(names)


@settings(deadline=None, max_examples=50)
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
