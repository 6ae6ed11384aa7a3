"""Values stay within their bounds; narrow types, within the bounds rounded to them."""

import cases
import numpy as np
import pytest
from laws import TruncatedNormal, Uniform

BOUNDS = (
    (0.1, 0.3),
    (-0.3, -0.1),
    (-1, 0),
    (0.999, 1),
    (1e-7, 2e-7),
    (-1e-3, 1e-3),
    (5, 6),
    (100, 100.7),
)
DRAWS = 1 << 20


def extremes(law, name, dtype_of):
    dtype = dtype_of(name)
    x = law.draw(DRAWS, dtype).astype(np.float64)
    exact = np.array([law.low, law.high])
    rounded = exact if name in cases.WIDE_DTYPES else exact.astype(dtype).astype(np.float64)
    return x.min(), x.max(), *rounded


@pytest.mark.parametrize("dtype", cases.WIDE_DTYPES + cases.NARROW_DTYPES)
@pytest.mark.parametrize(("low", "high"), BOUNDS)
class TestBounds:
    def test_uniform(self, low, high, dtype, dtype_of):
        least, greatest, lowest, _ = extremes(Uniform(low, high), dtype, dtype_of)
        assert greatest < high
        assert least >= min(lowest, greatest)  # nothing may lie between: then below high

    def test_truncated_normal(self, low, high, dtype, dtype_of):
        law = TruncatedNormal(0, 1, low, high)
        least, greatest, lowest, highest = extremes(law, dtype, dtype_of)
        assert lowest <= least
        assert greatest <= highest
