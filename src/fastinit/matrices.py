"""Initializers that are more than one distribution: diagonals, orthogonal and sparse matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from fastinit import _core
from fastinit.arrays import View, as_integers, dtype_of, empty, writable_view
from fastinit.fans import Axes
from fastinit.fill import Fill, Part, locate_part, run, work_on
from fastinit.rules import constant
from fastinit.streams import Stream
from fastinit.threads import get_num_threads

Array = npt.NDArray[Any]


def _position(logical: Array, start: int, step: int, length: int) -> tuple[Array, Array]:
    """Tell of logical coordinates whether an axis of a part has them, and return their places."""
    place, rest = np.divmod(logical - start, step)
    return (rest == 0) & (place >= 0) & (place < length), place


def ones_on_diagonal(
    view: View, part: Part, grouped: int, other: int, centre: dict[int, int], groups: int
) -> list[Fill]:
    """Return the fills that put a one where output d of each group meets input d.

    `centre` is the tap of each kernel axis. The axis `grouped` holds the channels of all groups,
    the axis `other` those of one.
    """
    per_group = part.logical[grouped] // groups
    diagonal = np.arange(min(per_group, part.logical[other]))
    fills: list[Fill] = []
    for group in range(groups):
        kept = np.ones(diagonal.shape, bool)
        offset = np.zeros(diagonal.shape, np.int64)
        for axis, length in enumerate(view.shape):
            if axis == grouped:
                logical = group * per_group + diagonal
            elif axis == other:
                logical = diagonal
            else:
                logical = np.full(diagonal.shape, centre[axis])
            inside, place = _position(logical, part.start[axis], part.step[axis], length)
            kept &= inside
            offset += place * view.strides[axis]
        offset = offset[kept]
        if offset.size > 0:
            # A slice selects evenly spaced elements of a diagonal.
            stride = int(offset[1] - offset[0]) if offset.size > 1 else 0
            ones = view.part(int(offset[0]), (offset.size,), (stride,))
            fills.append((ones, None, constant(1.0), None))
    return fills


def _bfloat16_bits(values: Array) -> Array:
    """Round finite float32 values to nearest even, as unsigned integers."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def _rounding(dtype: str) -> Callable[[Array], Array]:
    """Return the function that rounds to a dtype and returns the bits as unsigned integers."""
    if dtype == "bfloat16":  # which torch has without ml_dtypes
        return _bfloat16_bits
    target = dtype_of(dtype)
    return lambda values: values.astype(target).view(f"u{target.itemsize}")


# A thread costs more time than it saves below this number of operations per thread.
OPERATIONS_PER_THREAD = 50_000_000
# About the size of the reflectors of those matrices of a stack that are made at once.
REFLECTOR_BYTES = 64 << 20


def _write_orthogonal(values: Array, dtype: str, gain: float, stream: Stream) -> None:
    """Write a stack of matrices: the gain times orthonormal rows, or columns if those are fewer."""
    if values.shape[1] < values.shape[2]:
        values = values.swapaxes(1, 2)
    stack, rows, columns = values.shape
    address = values.__array_interface__["data"][0]

    def matrices(first: int, count: int) -> _core.OrthogonalTuple:
        start = address + first * values.strides[0]
        shape = (count, rows, columns)
        return (start, _core.DTYPES[dtype], shape, values.strides, first, stream.key, gain)

    batch = min(stack, max(1, REFLECTOR_BYTES // _core.orthogonal_workspace(matrices(0, 1), 0)))
    panels = batch * math.ceil(columns / _core.PANEL_COLUMNS)
    most = min(panels, 2 * batch * rows * columns**2 // OPERATIONS_PER_THREAD)
    threads = max(1, min(get_num_threads(), most))
    size = _core.orthogonal_workspace(matrices(0, batch), threads)
    workspace = empty(size // 8, "float64").view(np.uint8)
    for first in range(0, stack, batch):
        count = min(batch, stack - first)
        job = _core.OrthogonalJob(matrices(first, count), threads, workspace, values)
        work_on(job, threads - 1)


def fill_orthogonal(
    view: View,
    part: Part,
    axes: Axes,
    gain: float,
    stream: Stream,
    centre: dict[int, int] | None = None,
) -> None:
    """Write matrices of outputs by the rest; with a `centre`, of outputs by inputs at that tap."""
    if view.size == 0:
        return
    logical = part.logical
    matrix = (axes.into, *axes.kernel) if centre is None else (axes.into,)
    rows = logical[axes.out]
    columns = math.prod(logical[axis] for axis in matrix)
    stack = math.prod(logical[axis] for axis in axes.stack)
    dtype = "float64" if view.dtype == "float64" else "float32"
    as_bits = _rounding(view.dtype)  # raises before anything is written
    order = (*axes.stack, axes.out, *matrix)
    if view.dtype == dtype and centre is None and part == locate_part(view.shape, None, None)[0]:
        target = as_integers(view).transpose(order)
        values = target.reshape(stack, rows, columns)  # a view where the strides allow it
        _write_orthogonal(values, dtype, gain, stream)
        if not np.may_share_memory(values, target):
            target[...] = values.reshape(target.shape)
        view.written()
        return
    values = empty((stack, rows, columns), dtype)
    _write_orthogonal(values, dtype, gain, stream)
    values = values.reshape([logical[axis] for axis in order])
    if centre is not None:
        run([(view, part, constant(0.0), None)])
    # Restore the order of the target's axes; with a `centre` the kernel's axes are absent.
    values = values.transpose(np.argsort(np.array(order)))
    target = as_integers(view)
    chosen, kept = [], []
    for axis, length in enumerate(view.shape):
        start, step = part.start[axis], part.step[axis]
        if centre is not None and axis in centre:
            inside, place = _position(np.array([centre[axis]]), start, step, length)
            if not inside[0]:
                return
            kept.append(slice(int(place[0]), int(place[0]) + 1))
        else:
            end = start + step * length
            chosen.append(slice(start, end if end >= 0 else None, step))
            kept.append(slice(None))
    bits = as_bits(np.ascontiguousarray(values[tuple(chosen)]))
    destination = target[tuple(kept)]
    destination[...] = bits.reshape(destination.shape)
    view.written()


SELECTION_BYTES = 1 << 20


def fill_sparse(view: View, part: Part, sparsity: float, stream: Stream) -> None:
    """Zero the ceil(sparsity * rows) elements of each column that have the smallest random keys."""
    rows, columns = part.logical
    zeros = math.ceil(sparsity * rows)
    if zeros == 0 or view.size == 0:
        return
    keys_stream = stream / "zeros"
    target = as_integers(view)
    row_range = range(part.start[0], part.start[0] + part.step[0] * view.shape[0], part.step[0])
    kept_rows = np.array(row_range)
    block = max(1, SELECTION_BYTES // (8 * rows))
    for first in range(0, view.shape[1], block):
        last = min(first + block, view.shape[1])
        # A block of a logical tensor (columns, rows) of keys.
        keys = np.empty((last - first, rows))
        logical_first = part.start[1] + part.step[1] * first
        keys_part = Part((columns, rows), (logical_first, 0), (part.step[1], 1))
        uniform = _core.UNIFORM, (0.0, 1.0)
        run([(writable_view(keys), keys_part, uniform, keys_stream.key)])
        smallest = np.argsort(keys, axis=1, kind="stable")[:, :zeros]
        is_zero = np.zeros(keys.shape, bool)
        np.put_along_axis(is_zero, smallest, True, axis=1)
        target[:, first:last][is_zero[:, kept_rows].T] = 0
