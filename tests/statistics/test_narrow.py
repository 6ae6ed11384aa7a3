"""float16, bfloat16 and both float8: every value is as frequent as its rounding cell is likely."""

import cells
import numpy as np
import pytest
from laws import INF, Normal, TruncatedNormal, Uniform

DRAWS = 10**8
LAWS = (
    Uniform(0, 1),
    Uniform(-1, 1),
    Uniform(-0.05, 0.05),
    Uniform(-0.3, 0),
    Normal(0, 1),
    Normal(0, 0.01),
    Normal(0.5, 0.02),
    TruncatedNormal(0, 1, -2, 2),
    TruncatedNormal(0, 1, 0, INF),
    TruncatedNormal(0, 1, -INF, -3),
    TruncatedNormal(0, 1, 5, 6),
    TruncatedNormal(0, 1, -1e-3, 1e-3),
    TruncatedNormal(0, 0.02, -2, 2),
)
LARGEST = {"float16": 65504, "float8_e4m3fn": 448, "float8_e5m2": 57344}
CASES = [
    *((law, dtype) for law in LAWS for dtype in cells.DTYPES),
    *((Normal(0, largest / 2), dtype) for dtype, largest in LARGEST.items()),  # overflows
]


@pytest.mark.parametrize(("law", "dtype"), CASES, ids=str)
def test_frequencies(law, dtype, plausible):
    if dtype != "float16":
        pytest.importorskip("ml_dtypes")
    measured = cells.measure(law, dtype, DRAWS)
    assert measured["impossible"] == 0
    plausible(measured)


@pytest.mark.parametrize("name", cells.DTYPES)
def test_edges_are_where_casts_change(name):
    if name != "float16":
        pytest.importorskip("ml_dtypes")
    dtype = cells.dtype_of(name)
    table = cells.cells_of(dtype)
    edges = table.edges[1:-1].astype(np.float32)
    for direction, codes in ((-np.inf, table.codes[:-1]), (np.inf, table.codes[1:])):
        with np.errstate(over="ignore"):
            beside = np.nextafter(edges, np.float32(direction)).astype(dtype)
        assert np.array_equal(beside.view(f"u{dtype.itemsize}"), codes)
