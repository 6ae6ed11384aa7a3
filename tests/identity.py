"""Print the SHA-256 of a large normal_ for every instruction set, thread count and way of filling.

Run ``python tests/identity.py``; it fails unless all are equal.
"""

import hashlib
import itertools
import sys

import numpy as np

import fastinit
from fastinit import _core, fill

N = 10_000_019
EDGES = [0, 1, 32, 77, 1_000_003, 1_000_036, 7_654_321, N]
STREAM = fastinit.Stream(0) / "identity"


def whole() -> np.ndarray:
    """Fill in one call."""
    return fastinit.normal_(np.empty(N, np.float32), generator=STREAM)


def seven_odd_slices() -> np.ndarray:
    """Fill in seven calls, the last part first."""
    array = np.empty(N, np.float32)
    for first, last in reversed(list(itertools.pairwise(EDGES))):
        part = (slice(first, last),)
        fastinit.normal_(array[first:last], generator=STREAM, shape=(N,), index=part)
    return array


def reversed_view() -> np.ndarray:
    """Fill a view with a negative stride."""
    return fastinit.normal_(np.empty(N, np.float32)[::-1], generator=STREAM)


def main() -> int:
    """Print the table; return the exit status."""
    fill.BYTES_PER_THREAD = 1 << 16
    digests = set()
    for isa in fastinit.available_isas():
        _core.choose_isa(isa)
        for threads in (1, 2, 3):
            fastinit.set_num_threads(threads)
            for way in (whole, seven_odd_slices, reversed_view):
                digest = hashlib.sha256(np.ascontiguousarray(way())).hexdigest()
                digests.add(digest)
                print(f"{isa:<10} {threads} threads  {way.__name__:<17} {digest}")
    print("all equal" if len(digests) == 1 else f"{len(digests)} DIFFERENT DIGESTS")
    return len(digests) - 1


if __name__ == "__main__":
    sys.exit(main())
