"""As many normals beyond 4 to 6.5 sigma, and about 0, as there should be."""

import cases
import pytest
import tails
from scipy import special

FEW = 1 << 28


@pytest.mark.parametrize("dtype", cases.WIDE_DTYPES)
def test_counts(dtype, plausible):
    plausible(tails.measure(dtype, FEW))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", cases.WIDE_DTYPES)
def test_counts_of_many(dtype, plausible):
    plausible(tails.measure(dtype, tails.DRAWS[dtype]))


@pytest.mark.parametrize(
    ("sigma", "tolerance"), [(4, 1e-7), (5, 1e-5), (5.5, 1e-4), (6, 2e-3), (6.5, 2e-2)]
)
def test_words_resolve_the_tails(sigma, tolerance):
    """The method's own tail, by all 2^32 radii: counts of draws are too few to test it."""
    assert tails.survival_of_method(sigma) == pytest.approx(special.ndtr(-sigma), rel=tolerance)
