"""float32 and float64, truncated normals: the interval is central, one-sided, far, tiny or wide."""

import cases
import goodness
import pytest


@pytest.mark.parametrize(("law", "dtype"), cases.TRUNCATED, ids=str)
def test_goodness_of_fit(law, dtype, draws, plausible):
    measured = goodness.measure(law, dtype, draws)
    assert measured["out_of_bounds"] == 0
    plausible(measured)
