"""Compares fills with pins.json: pinned SHA-256 of every initializer, for every way of filling.

``python tests/identity.py`` prints how many fills have the pinned bytes, for each instruction set
and thread count, and fails unless all have. ``--missing`` prints hashes for the cases of pins.json
that have none. Add those of a new initializer by hand; never change others, as the values of a
released stream never change.
"""

import argparse
import hashlib
import inspect
import itertools
import json
import pathlib
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import fastinit
from fastinit import _core, fill
from fastinit.arrays import dtype_of
from fastinit.dtypes import DTYPES

STREAM = fastinit.Stream(11) / "weight"
DIGITS = 16  # pinned digits of a hash
THREADS = (1, 2, 3, 7)
PINS_FILE = pathlib.Path(__file__).parent / "pins.json"


class Case(NamedTuple):
    """A call of an initializer, and the first digits of the hash of its values."""

    function: str
    arguments: dict[str, Any]
    shape: tuple[int, ...]
    dtype: str
    pin: str | None

    def __str__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.function}({arguments}) {self.dtype} {self.shape}"

    @property
    def is_large(self) -> bool:
        """Whether it has several work units, so that threads share it."""
        return int(np.prod(self.shape)) > 100_000

    def fill(self, array: np.ndarray, **part: Any) -> np.ndarray:
        """Fill an array of this case's dtype."""
        filled: np.ndarray = getattr(fastinit, self.function)(array, **self._keywords, **part)
        return filled

    def create(self) -> np.ndarray:
        """Return the array of the creation function of the same name."""
        function = getattr(fastinit, self.function.removesuffix("_"))
        created: np.ndarray = function(self.shape, **self._keywords, dtype=self.dtype)
        return created

    @property
    def _keywords(self) -> dict[str, Any]:
        parameters = inspect.signature(getattr(fastinit, self.function)).parameters
        is_random = "generator" in parameters
        return {**self.arguments, **({"generator": STREAM} if is_random else {})}


def cases(dtypes: list[str] | None = None) -> list[Case]:
    """Return the cases of the table, of these dtypes."""
    table = json.loads(PINS_FILE.read_text())
    return [
        Case(function, row["arguments"], tuple(row["shape"]), dtype, row["sha256"].get(dtype))
        for function, rows in table.items()
        for row in rows
        for dtype in (dtypes or DTYPES)
    ]


def poisoned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Return an array of bytes that differ from every fill's."""
    array = np.empty(shape, dtype)
    array.view(np.uint8)[...] = 0xA5
    return array


def whole(case: Case, dtype: np.dtype[Any]) -> np.ndarray:
    """Fill in one call."""
    return case.fill(poisoned(case.shape, dtype))


def odd_slices(case: Case, dtype: np.dtype[Any]) -> np.ndarray:
    """Fill slices of odd lengths along the first axis, in reverse order."""
    array = poisoned(case.shape, dtype)
    n = case.shape[0]
    edges = sorted({0, 1, min(n, 4), n // 3 | 1, 2 * n // 3 | 1, n} - {n + 1})
    for first, last in reversed(list(itertools.pairwise(edges))):
        part = slice(first, last)
        case.fill(array[part], shape=case.shape, index=(part,))
    return array


def interleaved_slices(case: Case, dtype: np.dtype[Any]) -> np.ndarray:
    """Fill every third element of the last axis, from three offsets, once backwards."""
    array = poisoned(case.shape, dtype)
    for part in (slice(0, None, 3), slice(1, None, 3), slice(None, None, 3)):
        if part.start is None:
            last = (case.shape[-1] - 3) // 3 * 3 + 2
            part = slice(last, None, -3)
        case.fill(array[..., part], shape=case.shape, index=(..., part))
    return array


def reversed_view(case: Case, dtype: np.dtype[Any]) -> np.ndarray:
    """Fill a view with negative strides."""
    return case.fill(poisoned(case.shape, dtype)[(slice(None, None, -1),) * len(case.shape)])


def transposed_view(case: Case, dtype: np.dtype[Any]) -> np.ndarray:
    """Fill a view whose axes are in reverse order in memory."""
    return case.fill(poisoned(case.shape[::-1], dtype).T)


def gapped_view(case: Case, dtype: np.dtype[Any]) -> np.ndarray:
    """Fill every other element of a larger array."""
    larger = tuple(2 * n for n in case.shape)
    return case.fill(poisoned(larger, dtype)[(slice(1, None, 2),) * len(larger)])


def unaligned_view(case: Case, dtype: np.dtype[Any]) -> np.ndarray:
    """Fill at an odd address."""
    count = int(np.prod(case.shape)) * dtype.itemsize
    memory = np.full(count + 65, 0xA5, np.uint8)
    first = -memory.ctypes.data % 64 + 1
    return case.fill(memory[first : first + count].view(dtype).reshape(case.shape))


Way = Callable[[Case, np.dtype[Any]], np.ndarray]
WAYS: tuple[Way, ...] = (
    whole,
    odd_slices,
    interleaved_slices,
    reversed_view,
    transposed_view,
    gapped_view,
    unaligned_view,
)


def digest(array: np.ndarray) -> str:
    """Return the first digits of the SHA-256 of the elements in order."""
    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest()[:DIGITS]


def differences(chosen: list[Case], ways: tuple[Way, ...]) -> Iterator[str]:
    """Yield the ways and cases whose bytes differ from the pinned ones."""
    for case in chosen:
        for way in ways:
            found = digest(way(case, dtype_of(case.dtype)))
            if found != case.pin:
                yield f"{case} {way.__name__}: {found}, not {case.pin}"


def print_missing() -> None:
    """Print the hashes of the cases that have none."""
    for case in cases():
        if case.pin is None:
            print(case, digest(whole(case, dtype_of(case.dtype))))


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", action="store_true")
    if parser.parse_args().missing:
        print_missing()
        return 0
    fill.BYTES_PER_THREAD = 1 << 16
    failures = 0
    table = cases()
    for isa in fastinit.available_isas():
        _core.choose_isa(isa)
        for threads in THREADS:
            fastinit.set_num_threads(threads)
            # Small targets are one work unit: a second thread would have nothing to do.
            chosen = table if threads == 1 else [case for case in table if case.is_large]
            found = list(differences(chosen, WAYS))
            print(*found, sep="\n", end="\n" if found else "")
            equal = len(chosen) * len(WAYS) - len(found)
            print(f"{isa:<11} {threads} threads: {equal} fills as pinned, {len(found)} others")
            failures += len(found)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
