"""Independence: the two values of Box and Muller's method, neighbours, places within a tile."""

import numpy as np
from laws import STREAM, Normal
from scipy import special, stats
from significance import bonferroni, two_sided

TILE = 32  # elements j and j + 16 are a pair
LAGS = 64
GRID = 64  # quantiles a side
CHUNK = 1 << 18


def normal_chunks(dtype, draws, name):
    """Yield standard normals in pieces of whole tiles."""
    law = Normal(0, 1)
    stream = STREAM / name / dtype
    buffer = np.empty(CHUNK, dtype)
    for start in range(0, draws // CHUNK * CHUNK, CHUNK):
        index = (slice(start, start + CHUNK),)
        yield law.fill(buffer, stream, shape=(draws,), index=index).astype(np.float64)


def _judge(deviations):
    """Return the two-sided p-value of the sum of squares of standard normal deviations."""
    statistic = float(np.sum(np.square(deviations)))
    chi_square = stats.chi2(np.size(deviations))
    return two_sided(chi_square.cdf(statistic), chi_square.sf(statistic))


def measure_pairs(dtype, draws):
    """Return correlations of the pairs' Hermite polynomials, and chi-square on a grid.

    He_a(x) He_b(y) has mean 0 and variance a! b! for independent normal x and y.
    """
    hermite = [np.polynomial.HermiteE.basis(k) for k in range(1, 5)]
    factorials = special.factorial(np.arange(1, 5))
    sums = np.zeros((4, 4))
    counts = np.zeros(GRID * GRID, np.int64)
    pairs = 0
    for chunk in normal_chunks(dtype, draws, "pairs"):
        x, y = chunk.reshape(-1, 2, TILE // 2).swapaxes(0, 1).reshape(2, -1)
        pairs += len(x)
        sums += np.array([p(x) for p in hermite]) @ np.array([p(y) for p in hermite]).T
        row, column = ((special.ndtr(z) * GRID).astype(np.int64) for z in (x, y))
        counts += np.bincount(row * GRID + column, minlength=GRID * GRID)
    deviations = sums / np.sqrt(pairs * np.outer(factorials, factorials))
    expected = pairs / GRID**2
    statistic = float(np.sum((counts - expected) ** 2) / expected)
    chi_square = stats.chi2(GRID**2 - 1)
    p_values = {
        "correlations_p": _judge(deviations),
        "grid_p": two_sided(chi_square.cdf(statistic), chi_square.sf(statistic)),
    }
    return {
        "dtype": dtype,
        "pairs": pairs,
        "correlations": deviations.tolist(),
        "grid_cells": GRID**2,
        "grid_chi_square": statistic,
        **p_values,
        "p_value": bonferroni(p_values.values()),
    }


def measure_lags(dtype, draws):
    """Return autocorrelations of x and of x^2 at lags 1 to 64, in standard errors, and of places.

    Rows of 64 values, two tiles: the products of a row's columns with each other, and with the
    columns of the row after, hold every product of values at most 64 apart.
    """
    within = np.zeros((2, LAGS, LAGS))
    across = np.zeros((2, LAGS, LAGS))
    rows = next_rows = 0
    for chunk in normal_chunks(dtype, draws, "lags"):
        x = chunk.reshape(-1, LAGS)
        rows += len(x)
        next_rows += len(x) - 1
        for k, y in enumerate((x, (x * x - 1) / np.sqrt(2))):
            within[k] += y.T @ y
            across[k] += y[:-1].T @ y[1:]
    deviations = np.array([
        (np.trace(w, lag) + np.trace(a, lag - LAGS))
        / np.sqrt((LAGS - lag) * rows + lag * next_rows)
        for w, a in zip(within, across, strict=True)
        for lag in range(1, LAGS + 1)
    ]).reshape(2, LAGS)  # fmt: skip
    upper = np.triu_indices(LAGS, 1)
    p_values = {
        "lags_p": _judge(deviations[0]),
        "lags_of_squares_p": _judge(deviations[1]),
        "places_p": _judge(within[0][upper] / np.sqrt(rows)),
        "places_of_squares_p": _judge(within[1][upper] / np.sqrt(rows)),
    }
    return {
        "dtype": dtype,
        "draws": rows * LAGS,
        "lags": deviations[0].tolist(),
        "lags_of_squares": deviations[1].tolist(),
        **p_values,
        "p_value": bonferroni(p_values.values()),
    }
