"""The two values of Box and Muller's method are independent, and neighbours uncorrelated."""

import cases
import pairs
import pytest


@pytest.mark.parametrize("dtype", cases.WIDE_DTYPES)
def test_pairs(dtype, draws, plausible):
    plausible(pairs.measure_pairs(dtype, draws))


@pytest.mark.parametrize("dtype", cases.WIDE_DTYPES)
def test_lags(dtype, draws, plausible):
    plausible(pairs.measure_lags(dtype, draws))
