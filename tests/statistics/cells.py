"""Chi-square over all values of a narrow type, each with the probability of its rounding cell.

A narrow value is a float32 value rounded to nearest even, so its cell reaches to the midpoints
between it and its neighbours; that of the largest ends half a unit above it, and what lies beyond
overflows. A negative value that rounds to zero becomes -0.0: the two zeros have half the cell each.
The fnuz types have no -0.0: their one zero has the whole cell, and overflow of either sign one NaN.
A uniform is kept below `high`: the cell of the largest value below takes all that lies above.

What is left out, at n = 1e8 draws: float32 rounds first, on a lattice of step d; a narrow cell of
width w gives or takes at its edges the lattice's points there, a share d / w of its own, by the
parity of its mantissa. Each cell adds n w (d / w)^2 to the expectation of chi-square. For normals
that is 0.4 in all. A uniform's word, as a signed fraction, is rounded to 24 bits: on [0, 1) that
makes d = 2^-25 near 0, and counted over all words it adds 306 to 11,525 degrees of freedom of
float16 (118 on [-0.3, 0), 36 to 1,825 of bfloat16, less than 2 elsewhere). That is two standard
deviations, which 1e8 draws do not show; 1e9 would.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from significance import two_sided

from fastinit.arrays import dtype_of

SMALLEST_EXPECTATION = 50  # of a cell's count


@dataclass(frozen=True)
class Cells:
    """The encodings of a dtype in the order of their values, and the edges of their cells.

    An edge of infinity is an edge of nothing: the last cells hold what overflows.
    """

    codes: np.ndarray
    edges: np.ndarray


def cells_of(dtype):
    """Return the cells of a narrow dtype: -overflow, finite values, overflow."""
    bits = 8 * dtype.itemsize
    unsigned = np.arange(1 << bits - 1, dtype=f"u{dtype.itemsize}")  # without sign
    with np.errstate(invalid="ignore"):  # NaN
        values = unsigned.view(dtype).astype(np.float64)
    finite = values[np.isfinite(values)]
    half_units = np.diff(finite) / 2
    inner = finite[:-1] + half_units
    positive = np.concatenate([[0.0], inner, [finite[-1] + half_units[-1]]])
    codes = np.arange(len(finite) + 1)  # the overflow's code follows the largest value's
    negative = codes + (1 << bits - 1)
    if len(finite) == len(unsigned):  # fnuz: the pattern of -0.0 is that of overflow
        negative[[0, -1]] = codes[[0, -1]]
    return Cells(
        codes=np.concatenate([negative[::-1], codes]),
        edges=np.concatenate([[-np.inf], -positive[:0:-1], positive, [np.inf]]),
    )


def probabilities(law, dtype, cells):
    """Return the probability of each cell."""
    result = law.masses(cells.edges)
    if law.function == "uniform":
        values = cells.codes.astype(f"u{dtype.itemsize}").view(dtype).astype(np.float64)
        with np.errstate(invalid="ignore"):
            (below,) = np.nonzero(values < law.high)
        result[below[-1]] += result[below[-1] + 1 :].sum()
        result[below[-1] + 1 :] = 0
    return result


def count_codes(law, dtype, draws):
    """Return how often each encoding was drawn."""
    counts = np.zeros(1 << 8 * dtype.itemsize, np.int64)
    for chunk in law.chunks(draws, dtype):
        counts += np.bincount(chunk.view(f"u{dtype.itemsize}"), minlength=len(counts))
    return counts


def merge(expected, *, least=SMALLEST_EXPECTATION):
    """Return the first cell of each group of neighbours that together expect at least `least`."""
    starts, total = [0], 0.0
    for cell, count in enumerate(expected):
        if total >= least:
            starts.append(cell)
            total = 0.0
        total += count
    if total < least and len(starts) > 1:
        starts.pop()
    return np.array(starts)


def measure(law, dtype_name, draws):
    """Return the chi-square of this number of draws."""
    dtype = dtype_of(dtype_name)
    cells = cells_of(dtype)
    counts = count_codes(law, dtype, draws)
    # Two cells may have one code; in the order of the values.
    _, firsts, of_code = np.unique(cells.codes, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    expected = draws * np.bincount(of_code, probabilities(law, dtype, cells))[order]
    observed = counts[cells.codes[firsts[order]]]
    starts = merge(expected)
    observed_groups = np.add.reduceat(observed, starts)
    expected_groups = np.add.reduceat(expected, starts)
    statistic = float(np.sum((observed_groups - expected_groups) ** 2 / expected_groups))
    chi_square = stats.chi2(len(starts) - 1)
    return {
        "law": str(law),
        "dtype": dtype_name,
        "draws": draws,
        "values": int(np.count_nonzero(expected)),
        "cells": len(starts),
        "chi_square": statistic,
        "p_value": two_sided(chi_square.cdf(statistic), chi_square.sf(statistic)),
        "impossible": int(draws - observed[expected > 0].sum()),
    }
