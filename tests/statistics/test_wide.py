"""float32 and float64, uniform and normal: Kolmogorov-Smirnov, Anderson-Darling, moments."""

import cases
import goodness
import pytest


@pytest.mark.parametrize(("law", "dtype"), cases.WIDE, ids=str)
def test_goodness_of_fit(law, dtype, draws, plausible):
    measured = goodness.measure(law, dtype, draws)
    assert measured["out_of_bounds"] == 0
    plausible(measured)


@pytest.mark.parametrize(
    ("statistic", "survival"), [(1.9329578327415937, 0.1), (2.4923671600494096, 0.05)]
)
def test_anderson_darling_tail(statistic, survival):
    """Percentage points of the limiting distribution."""
    assert goodness.anderson_darling_survival(statistic) == pytest.approx(survival, rel=1e-6)
