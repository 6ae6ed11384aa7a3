"""Independence of streams that are near each other, and of parts of one stream."""

import numpy as np
from laws import STREAM
from scipy import stats
from significance import bonferroni, two_sided

import fastinit

STREAMS = 256
VALUES = 1 << 15
HIGHEST = 2**128 - 1


def _descendants():
    stream = fastinit.Stream(0)
    for _ in range(STREAMS):
        yield stream
        stream /= "0"


FAMILIES = {
    "children of a seed": lambda: [STREAM / str(k) for k in range(STREAMS)],
    "neighbouring seeds": lambda: [fastinit.Stream(k) for k in range(STREAMS)],
    "highest seeds": lambda: [fastinit.Stream(HIGHEST - k) for k in range(STREAMS)],
    "seeds of one bit": lambda: [fastinit.Stream(1 << k) for k in range(128)],
    "neighbouring names": lambda: [STREAM / f"layers.{k}.weight" for k in range(STREAMS)],
    "names of one letter": lambda: [STREAM / chr(0x370 + k) for k in range(STREAMS)],
    "names of one letter, repeated": lambda: [STREAM / ("a" * k) for k in range(STREAMS)],
    "descendants": lambda: list(_descendants()),
}


def _judge(rows):
    """Return the largest correlation of any two rows of mean 0 and variance 1, in standard errors,
    and the p-value of all."""
    products = rows @ rows.T
    deviations = products[np.triu_indices(len(rows), 1)] / np.sqrt(rows.shape[1])
    statistic = float(np.sum(np.square(deviations, dtype=float)))
    chi_square = stats.chi2(deviations.size)
    largest = float(np.abs(deviations).max())
    p_values = (
        two_sided(chi_square.cdf(statistic), chi_square.sf(statistic)),
        min(1.0, deviations.size * 2 * float(stats.norm.sf(largest))),
    )
    return largest, bonferroni(p_values)


def _measure(name, normals, bits):
    largest, p_values = {}, []
    for kind, rows in {
        "values": normals,
        "squares": (np.square(normals) - 1) / np.float32(np.sqrt(2)),
        "bits": np.unpackbits(bits, axis=1) * np.float32(2) - 1,
    }.items():
        largest[kind], p_value = _judge(rows)
        p_values.append(p_value)
    return {
        "family": name,
        "streams": len(normals),
        "values": normals.shape[1],
        "largest": largest,
        "p_value": bonferroni(p_values),
    }


def measure_family(name):
    """Return correlations of the values, their squares and the bits of all pairs of streams."""
    family = FAMILIES[name]()
    normals = np.array([fastinit.normal(VALUES, generator=stream) for stream in family])
    bits = np.array([fastinit.keystream(stream, VALUES // 8) for stream in family])
    return _measure(name, normals, bits)


def _interleaved(stream):
    normals = fastinit.normal((VALUES, STREAMS), generator=stream).T
    words = fastinit.keystream(stream, VALUES // 8 * STREAMS).view(np.uint32)
    return normals, np.ascontiguousarray(words.reshape(-1, STREAMS).T).view(np.uint8)


def _distant(stream):
    shape, starts = (1 << 62,), [k << 54 for k in range(STREAMS)]
    normals = [
        fastinit.normal(shape, generator=stream, index=(slice(start, start + VALUES),))
        for start in starts
    ]
    bits = [fastinit.keystream(stream, VALUES // 8, start) for start in starts]
    return np.array(normals), np.array(bits)


PARTS = {"interleaved slices": _interleaved, "distant slices": _distant}


def measure_parts(name):
    """Return the same of parts of one stream."""
    return _measure(name, *PARTS[name](STREAM / name))
