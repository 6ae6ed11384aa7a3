"""Finds parameters that have rows in common, by hashes of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from fastinit.torch.values import INTEGERS, is_dense, numbers_in, shape_of

# Values that have fewer than LEAST_BITS random bits together may be equal by chance. RANDOM_BITS
# maps the size of an element in bytes to the least number of random bits in it.
LEAST_BITS = 80
RANDOM_BITS = {8: 30, 4: 20, 2: 6, 1: 3}
PIECE = 1 << 20  # bytes that are hashed at once
COMPARED = 1 << 16  # elements that are compared at once, in the second-level cache

Rows = npt.NDArray[Any]  # a matrix of integers, which are the bits of floating-point numbers
Booleans = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]


def has_random_rows(rows: Rows) -> bool:
    """Return whether rows are too long to be equal by chance."""
    return bool(rows.shape[1] * RANDOM_BITS[rows.itemsize] >= LEAST_BITS)


def is_nonzero(rows: Rows) -> Booleans:
    """Return for each element whether it is neither 0.0 nor -0.0."""
    nonzero: Booleans = (rows & np.iinfo(rows.dtype).max) != 0
    return nonzero


def rows_in(numbers: torch.Tensor, is_matrix: bool) -> Rows:
    """Return the bits of numbers as a matrix of integers, one row per first index.

    A vector, or numbers that are no matrix, are a single row.

    Parameters
    ----------
    numbers : torch.Tensor
        In CPU memory.
    is_matrix : bool
        False for the stored values of sparse tensors, which have no rows.
    """
    integers = numbers.contiguous().view(INTEGERS[numbers.dtype.itemsize]).numpy()
    count = len(integers) if is_matrix and integers.ndim > 1 and integers.size > 0 else 1
    return integers.reshape(count, -1)


def compared_rows(rows: Rows) -> Rows:
    """Return the rows; join them to one if they are so short that they may be equal by chance."""
    return rows if has_random_rows(rows) else rows.reshape(1, -1)


def _hash(row: npt.NDArray[Any]) -> int:
    if row.nbytes <= PIECE:
        return hash(row.tobytes())
    step = PIECE // row.itemsize
    return hash(tuple(hash(row[at : at + step].tobytes()) for at in range(0, len(row), step)))


def hashes_of(rows: Rows) -> Hashes:
    """Return Python's hash of the bytes of each row."""
    return np.fromiter(map(_hash, rows), np.int64, len(rows))


def _has_random_bits(rows: Rows) -> Booleans:
    """Return for each row whether it has LEAST_BITS random bits.

    Elements that are zero, or equal to the one before, count as not random. So constants, rows of
    the identity or of Dirac's delta, and nearly empty rows have too few random bits.
    """
    counted = is_nonzero(rows)
    counted[:, 1:] &= rows[:, 1:] != rows[:, :-1]
    bits: npt.NDArray[np.intp] = np.count_nonzero(counted, axis=1) * RANDOM_BITS[rows.itemsize]
    return bits >= LEAST_BITS


class _Entry(NamedTuple):
    name: str
    parameter: torch.Tensor
    hashes: Hashes

    def rows(self) -> Rows:
        numbers = numbers_in(self.parameter)
        assert numbers is not None
        return compared_rows(rows_in(numbers.cpu(), is_dense(self.parameter)))


class Comparison:
    """Finds parameters that are equal, have equal rows, or start with the same values.

    Keeps 8 bytes per row; `problems` needs about 60 bytes per row, and reads parameters again whose
    rows have equal hashes.
    """

    def __init__(self) -> None:
        self._entries: dict[torch.dtype, list[_Entry]] = {}
        self._starts: dict[tuple[torch.dtype, bytes], str] = {}
        self._equal_starts: list[tuple[str, str]] = []

    def add(self, name: str, parameter: torch.Tensor, rows: Rows, hashes: Hashes) -> None:
        """Add a parameter, with its `compared_rows` and their hashes."""
        if not has_random_rows(rows):
            return
        numbers = numbers_in(parameter)
        assert numbers is not None
        entries = self._entries.setdefault(numbers.dtype, [])
        entries.append(_Entry(name, parameter, hashes))
        # Twice as many elements as needed, as some may be zero or equal to the one before.
        length = 2 * -(-LEAST_BITS // RANDOM_BITS[rows.itemsize])
        start = rows.reshape(-1)[:length].reshape(1, -1)
        if start.shape[1] == length and bool(_has_random_bits(start)):
            key = numbers.dtype, start.tobytes()
            earlier = self._starts.setdefault(key, name)
            if earlier != name:
                self._equal_starts.append((name, earlier))

    def problems(self) -> dict[str, list[str]]:
        """Return the problems of each parameter that is like an earlier one, by its name."""
        found: dict[str, dict[str, str]] = {}
        for entries in self._entries.values():
            for later, earlier, text in _with_common_rows(entries):
                found.setdefault(later, {})[earlier] = text
        for later, earlier in self._equal_starts:
            text = f"starts with the same values as {earlier}"
            found.setdefault(later, {}).setdefault(earlier, text)
        return {name: list(texts.values()) for name, texts in found.items()}


def _with_common_rows(entries: list[_Entry]) -> Iterator[tuple[str, str, str]]:
    """Yield a later parameter's name, an earlier one's, and a text on their common rows."""
    hashes = np.concatenate([entry.hashes for entry in entries])
    ends = np.cumsum([len(entry.hashes) for entry in entries])
    order = np.argsort(hashes, kind="stable")
    is_new = np.ones(len(order), bool)
    is_new[1:] = hashes[order[1:]] != hashes[order[:-1]]
    earliest = order[np.maximum.accumulate(np.where(is_new, np.arange(len(order)), 0))]
    order, earliest = order[~is_new], earliest[~is_new]
    owners = np.searchsorted(ends, order, "right"), np.searchsorted(ends, earliest, "right")
    pairs = owners[0] * len(entries) + owners[1]
    by_pair = np.argsort(pairs, kind="stable")
    _, begins = np.unique(pairs[by_pair], return_index=True)
    for selected in np.split(by_pair, begins)[1:]:
        later, earlier = divmod(int(pairs[selected[0]]), len(entries))
        if later != earlier:
            places = (
                order[selected] - (ends[later] - len(entries[later].hashes)),
                earliest[selected] - (ends[earlier] - len(entries[earlier].hashes)),
            )
            text = _in_common(entries[later], entries[earlier], *places)
            if text is not None:
                yield entries[later].name, entries[earlier].name, text


def _in_common(later: _Entry, earlier: _Entry, places: Places, other_places: Places) -> str | None:
    """Return a text on the equal random rows of two parameters; None if there are none."""
    rows, others = later.rows(), earlier.rows()
    if rows.shape[1] != others.shape[1]:  # their hashes are equal by chance
        return None
    count = 0
    step = max(1, COMPARED // rows.shape[1])
    for at in range(0, len(places), step):
        selected, other = rows[places[at : at + step]], others[other_places[at : at + step]]
        equal = (selected == other).all(axis=1)
        count += int(np.count_nonzero(equal & _has_random_bits(selected)))
    if count == 0:
        return None
    if shape_of(later.parameter) == shape_of(earlier.parameter) and np.array_equal(rows, others):
        return f"equals {earlier.name}"
    if len(rows) == 1:
        return f"equals a row of {earlier.name}"
    return f"{count} of {len(rows)} rows equal rows of {earlier.name}"
