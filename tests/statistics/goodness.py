"""Kolmogorov-Smirnov, Anderson-Darling and the first six moments of float32 and float64.

A float32 value stands for its rounding cell, which these take for a point. The densest law here,
on [5, 6], has 2.6e-6 of its probability in a cell, 1/40 of what Kolmogorov-Smirnov resolves at 1e8.
"""

import math

import numpy as np
from laws import CHUNK
from scipy import stats
from significance import bonferroni, two_sided

MOMENTS = 6


def anderson_darling_survival(statistic):
    """Return P(A^2 > statistic) of a sample without end, where the distribution is known.

    A^2 is then the sum of z_j^2 / (j (j + 1)), z_j normal (T. W. Anderson and D. A. Darling, 1952),
    and N. V. Smirnov's formula (1937) gives its tail: integrals between pairs of zeros of the
    characteristic determinant, here by Gauss and Chebyshev. The usual approximation (G. and J.
    Marsaglia, 2004) is off by up to 1e-6, which is our threshold.
    """
    nodes = np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    odd = np.arange(1, 120, 2)[:, None]
    first, last = odd * (odd + 1), (odd + 1) * (odd + 2)
    u = (first + last) / 2 + (last - first) / 2 * nodes
    determinant = np.abs(np.cos(np.pi / 2 * np.sqrt(1 + 4 * u))) / (np.pi * u)
    weight = np.sqrt((u - first) * (last - u) / determinant)
    terms = np.mean(np.exp(-statistic * u / 2) / u * weight, axis=1)
    return float(np.sum(terms * (-1) ** np.arange(len(terms))))


def measure_moments(law, dtype, draws):
    """Return the standardised moments' deviations in standard errors, and one p-value."""
    mean, std, moment = law.standardised_moments(2 * MOMENTS)
    sums = np.zeros(MOMENTS)
    for chunk in law.chunks(draws, dtype):
        y = (chunk.astype(np.float64) - mean) / std
        power = y.copy()
        for k in range(MOMENTS):
            sums[k] += power.sum()
            power *= y
    orders = np.arange(1, MOMENTS + 1)
    covariance = moment[np.add.outer(orders, orders)] - np.outer(moment[orders], moment[orders])
    covariance /= draws
    deviation = sums / draws - moment[orders]
    statistic = float(deviation @ np.linalg.solve(covariance, deviation))
    chi_square = stats.chi2(MOMENTS)
    return {
        "moments": list(deviation / np.sqrt(np.diag(covariance))),
        "moments_p": two_sided(chi_square.cdf(statistic), chi_square.sf(statistic)),
    }


def measure_order(law, dtype, draws):
    """Return both statistics of the sorted values, and what lies out of bounds."""
    x = law.draw(draws, dtype)
    x.sort()
    distance, total = 0.0, 0.0
    for start in range(0, draws, CHUNK):
        chunk = x[start : start + CHUNK].astype(np.float64)
        below = np.arange(start, start + len(chunk), dtype=np.float64)
        lower, upper = law.tails(chunk)
        distance = max(distance, np.max(lower - below / draws), np.max((below + 1) / draws - lower))
        logarithms = [np.log(np.maximum(tail, 1 / draws**2)) for tail in (lower, upper)]
        total += (2 * below + 1) @ logarithms[0] + (2 * (draws - below) - 1) @ logarithms[1]
    square = -draws - total / draws
    kolmogorov = stats.kstwobign(scale=1 / math.sqrt(draws))
    anderson = anderson_darling_survival(square)
    low, high = law.support
    return {
        "least": float(x[0]),
        "greatest": float(x[-1]),
        "out_of_bounds": int(np.searchsorted(x, low) + draws - np.searchsorted(x, high, "right")),
        "kolmogorov_smirnov": float(distance),
        "kolmogorov_smirnov_p": two_sided(kolmogorov.cdf(distance), kolmogorov.sf(distance)),
        "anderson_darling": float(square),
        "anderson_darling_p": two_sided(1 - anderson, anderson),
    }


def measure(law, dtype, draws):
    """Return all of it, with one p-value."""
    measured = measure_order(law, dtype, draws) | measure_moments(law, dtype, draws)
    p_values = [value for key, value in measured.items() if key.endswith("_p")]
    head = {"law": str(law), "dtype": dtype, "draws": draws}
    return head | measured | {"p_value": bonferroni(p_values)}
