"""float16, bfloat16 and both float8: every value is as frequent as its rounding cell is likely."""

import cases
import cells
import numpy as np
import pytest


@pytest.mark.parametrize(("law", "dtype"), cases.NARROW, ids=str)
def test_frequencies(law, dtype, draws, dtype_of, plausible):
    dtype_of(dtype)
    measured = cells.measure(law, dtype, draws)
    assert measured["impossible"] == 0
    plausible(measured)


@pytest.mark.parametrize("name", cases.NARROW_DTYPES)
def test_casts_change_at_the_edges(name, dtype_of):
    dtype = dtype_of(name)
    table = cells.cells_of(dtype)
    edges = table.edges[1:-1].astype(np.float32)
    for direction, codes in ((-np.inf, table.codes[:-1]), (np.inf, table.codes[1:])):
        with np.errstate(over="ignore"):
            beside = np.nextafter(edges, np.float32(direction)).astype(dtype)
        assert np.array_equal(beside.view(f"u{dtype.itemsize}"), codes)


def test_merging_leaves_no_sparse_cell():
    expected = np.array([10, 30, 20, 60, 0, 55, 5, 1])
    sums = np.add.reduceat(expected, cells.merge(expected))
    assert sums.tolist() == [60, 60, 61]
