"""Counts of normals far from 0 and close to it, over many more draws than can be kept."""

import math

import numpy as np
from laws import CHUNK, Normal
from scipy import special, stats
from significance import bonferroni, two_sided

SIGMAS = (4.0, 5.0, 5.5, 6.0, 6.5)
NEAR = tuple(2.0**-k for k in (10, 14, 18, 22, 26))
DRAWS = {"float32": 1 << 36, "float64": 1 << 35}


def count(dtype, draws):
    """Return how many values lie above each of SIGMAS, below minus it, and within each of NEAR."""
    magnitudes, mask = np.empty(CHUNK, dtype), np.empty(CHUNK, bool)
    above, below, near = (np.zeros(len(limits), np.int64) for limits in (SIGMAS, SIGMAS, NEAR))
    for chunk in Normal(0, 1).chunks(draws, dtype):
        size = len(chunk)
        magnitude = np.abs(chunk, out=magnitudes[:size])
        far = chunk[np.flatnonzero(np.greater(magnitude, SIGMAS[0], out=mask[:size]))]
        close = magnitude[np.flatnonzero(np.less(magnitude, NEAR[0], out=mask[:size]))]
        above += [np.count_nonzero(far > sigma) for sigma in SIGMAS]
        below += [np.count_nonzero(far < -sigma) for sigma in SIGMAS]
        near += [np.count_nonzero(close < limit) for limit in NEAR]
    return above, below, near


def poisson_p(observed, expected):
    """Return the two-sided p-value of a count."""
    law = stats.poisson(expected)
    return two_sided(law.cdf(observed), law.sf(observed - 1))


def survival_of_method(sigma):
    """Return the probability of a float32 beyond sigma, given that radii have 2^32 values.

    Of the radius R, R cos(angle) > sigma has the probability arccos(sigma / R) / pi.
    """
    words = np.arange(math.ceil(math.exp(-(sigma**2) / 2) * 2.0**32))
    radius = np.sqrt(-2 * np.log((words + 0.5) / 2.0**32))
    return float(np.sum(np.arccos(sigma / radius[radius > sigma])) / np.pi / 2.0**32)


def measure(dtype, draws):
    """Return each count beside its expectation, with one p-value."""
    above, below, near = count(dtype, draws)
    rows = []
    for sigma, *observed in zip(SIGMAS, above, below, strict=True):
        expected = draws * float(special.ndtr(-sigma))
        for side, number in zip(("above ", "below -"), observed, strict=True):
            rows.append((f"{side}{sigma:g} sigma", int(number), expected))
    for limit, number in zip(NEAR, near, strict=True):
        expected = draws * float(special.erf(limit / math.sqrt(2)))
        rows.append((f"within 2^{math.log2(limit):g}", int(number), expected))
    counts = [
        {"where": where, "observed": number, "expected": expected}
        | {"p_value": poisson_p(number, expected)}
        for where, number, expected in rows
    ]
    return {
        "dtype": dtype,
        "draws": draws,
        "counts": counts,
        "p_value": bonferroni(row["p_value"] for row in counts),
    }
