"""What the pictures of docs/evidence show: counts over many draws, quantiles of the far tails."""

import importlib.util

import numpy as np
from laws import CHUNK, STREAM, Normal
from scipy import special, stats

import fastinit

TAIL_DRAWS = 1 << 32
TAIL = 4.0
QUANTILES = np.arange(4.0, 6.45, 0.05)  # the last is what half a value is expected beyond
BINS = 200
REACH = 6.0
GRID, GRID_REACH = 64, 4.0


def _fastinit(buffer, start):
    part = {"shape": (TAIL_DRAWS,), "index": (slice(start, start + len(buffer)),)}
    fastinit.normal_(buffer, generator=STREAM / "quantiles", **part)


def _numpy():
    generator = np.random.Generator(np.random.SFC64(1))
    return lambda buffer, _: generator.standard_normal(dtype=np.float32, out=buffer)


def _torch():
    import torch

    generator = torch.Generator().manual_seed(1)
    return lambda buffer, _: torch.from_numpy(buffer).normal_(generator=generator)


def measure_quantiles():
    """Return the quantiles of |x| beyond 4 sigma, of 2^32 float32 values of each source."""
    sources = {"fastinit": _fastinit, "NumPy": _numpy()}
    if importlib.util.find_spec("torch") is not None:
        sources["torch"] = _torch()
    ranks = TAIL_DRAWS * 2 * special.ndtr(-QUANTILES)
    rows = []
    for name, fill in sources.items():
        buffer, kept = np.empty(CHUNK, np.float32), []
        for start in range(0, TAIL_DRAWS, CHUNK):
            fill(buffer, start)
            magnitude = np.abs(buffer)
            kept.append(magnitude[magnitude > TAIL])
        largest_first = np.sort(np.concatenate(kept))[::-1]
        at = np.minimum(np.maximum(np.round(ranks).astype(int), 1), len(largest_first)) - 1
        rows.append(
            {
                "source": name,
                "draws": TAIL_DRAWS,
                "exact": QUANTILES.round(3).tolist(),
                "observed": largest_first[at].astype(float).round(4).tolist(),
                "largest": float(largest_first[0]),
            }
        )
    return rows


def measure_histogram(draws):
    """Return counts of float32 normals in bins between -6 and 6."""
    edges = np.linspace(-REACH, REACH, BINS + 1)
    counts = np.zeros(BINS, np.int64)
    for chunk in Normal(0, 1).chunks(draws, "float32"):
        inside = chunk[np.abs(chunk) < REACH]
        counts += np.bincount(
            ((inside.astype(np.float64) + REACH) * (BINS / (2 * REACH))).astype(np.int64),
            minlength=BINS,
        )[:BINS]
    expected = draws * np.diff(special.ndtr(edges))
    return {"draws": draws, "counts": counts.tolist(), "expected": expected.round(3).tolist()}


def measure_joint(draws):
    """Return counts of Box and Muller's pairs on a grid of 64 x 64 between -4 and 4."""
    counts = np.zeros((GRID, GRID), np.int64)
    for chunk in Normal(0, 1).chunks(draws // CHUNK * CHUNK, "float32"):
        pairs = chunk.reshape(-1, 2, 16).swapaxes(0, 1).reshape(2, -1)
        x, y = pairs[:, (np.abs(pairs) < GRID_REACH).all(0)].astype(np.float64)
        place = [((z + GRID_REACH) * (GRID / (2 * GRID_REACH))).astype(np.int64) for z in (x, y)]
        counts += np.bincount(place[1] * GRID + place[0], minlength=GRID**2).reshape(GRID, GRID)
    share = np.diff(special.ndtr(np.linspace(-GRID_REACH, GRID_REACH, GRID + 1)))
    expected = draws // CHUNK * CHUNK / 2 * np.outer(share, share)
    dense = expected >= 10
    statistic = float(np.sum((counts - expected)[dense] ** 2 / expected[dense]))
    return {
        "pairs": draws // CHUNK * CHUNK // 2,
        "counts": counts.tolist(),
        "p_value": float(stats.chi2(dense.sum()).sf(statistic)),
    }
