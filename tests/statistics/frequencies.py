"""How often single float32 values come.

Of a uniform, which is a function of one word, exactly: all words of a window. A value's due is half
the distance between its neighbours among the results. Of a normal by counting equal values.

The word of a uniform is rounded to 24 bits before it is scaled. Near the middle of the range that
is finer than float32's numbers. Further out its lattice is about as fine as they are: one value
gets two points of it and the next only one, or, on [0, 1), even values three halves of their due
and odd ones half. The worst are ranges whose half is just below a power of two: 1.94 times on
[-0.97, 0.97).
"""

import numpy as np
from laws import Normal, Uniform, gauss_legendre
from scipy import stats
from significance import two_sided

WINDOW = 1 << 20  # words
RANGES = (
    Uniform(0, 1),
    Uniform(-1, 1),
    Uniform(-0.05, 0.05),
    Uniform(-0.97, 0.97),
    Uniform(-0.3, 0.7),
    Uniform(0, 3e-5),
)
PLACES = (0, 2**-9, 2**-8, 2**-7, 0.3, 0.5, 0.7, 1)  # in the range, from low to high
SMALLEST_EXPECTATION = 50


def uniform_of_words(words, law):
    """Return the float32 results of signed words, which are rounded to float32 first."""
    half, middle = (
        np.float32(law.high / 2 - law.low / 2).astype(np.longdouble),
        np.float32(law.low / 2 + law.high / 2).astype(np.longdouble),
    )
    fraction = words.astype(np.float32).astype(np.longdouble) * 2.0**-31
    low, high = np.float32(law.low), np.float32(law.high)
    low = low if float(low) >= law.low else np.nextafter(low, np.float32(np.inf))
    high = high if float(high) < law.high else np.nextafter(high, np.float32(-np.inf))
    return np.clip((fraction * half + middle).astype(np.float32), low, high)


def word_of(x, law):
    """Return the word whose result is about x."""
    return round((x - law.low) / (law.high - law.low) * 2.0**32) - (1 << 31)


def measure_uniform(law, x):
    """Return the extreme ratios of a value's frequency to its due, in a window of words at x.

    Where a bound is no float32, the lowest or highest value also has the share beyond it: both are
    left out, except a low of 0.
    """
    first = min(max(word_of(x, law) - WINDOW // 2, -(1 << 31)), (1 << 31) - WINDOW)
    values, counts = np.unique(
        uniform_of_words(np.arange(first, first + WINDOW), law).astype(np.float64),
        return_counts=True,
    )
    shares = counts[1:-1] / 2.0**32 * (law.high - law.low)
    ratios = list(shares / ((values[2:] - values[:-2]) / 2))
    if law.low == first + (1 << 31) == 0:  # half a cell
        ratios.append(counts[0] / 2.0**32 * (law.high - law.low) / ((values[1] - values[0]) / 2))
    return {
        "law": str(law),
        "from": float(values[0]),
        "to": float(values[-1]),
        "values": len(ratios),
        "least_ratio": float(min(ratios)),
        "greatest_ratio": float(max(ratios)),
    }


def measure_uniforms():
    """Return a row for each window: those at PLACES, and at 0."""
    return [
        measure_uniform(law, x)
        for law in RANGES
        for x in sorted(
            {law.low + place * (law.high - law.low) for place in PLACES}
            | ({0} if law.low < 0 < law.high else set())
        )
    ]


def measure_normal(draws):
    """Return how many pairs of equal magnitudes the binades have, beside what is expected.

    Were values of equal cells not equally frequent, or some left out, there would be more.
    """
    x = np.abs(Normal(0, 1).draw(draws, "float32"))
    x.sort()
    binades, deviations = [], []
    for exponent in range(0, -20, -1):
        low, high = 2.0 ** (exponent - 1), 2.0**exponent
        values = x[slice(*np.searchsorted(x, (low, high)))]
        nodes, weights = gauss_legendre(low, high)
        density = np.exp(-(nodes**2) / 2)
        shape = 2 * (weights @ density**2) / (weights @ density) ** 2
        expected = len(values) * (len(values) - 1) / 2 * shape / 2**23
        if expected < SMALLEST_EXPECTATION:
            break
        edges = np.flatnonzero(np.diff(values, prepend=-1, append=3))
        run = np.diff(edges)
        pairs = int(np.sum(run * (run - 1)) // 2)
        binades.append(
            {"from": low, "draws": len(values), "equal_pairs": pairs, "expected": float(expected)}
        )
        deviations.append((pairs - expected) / np.sqrt(expected))
    chi_square = stats.chi2(len(deviations))
    statistic = float(np.sum(np.square(deviations)))
    return {
        "draws": draws,
        "binades": binades,
        "chi_square": statistic,
        "p_value": two_sided(chi_square.cdf(statistic), chi_square.sf(statistic)),
    }
