"""The one door to the core: parts of logical tensors, threads, cancellation, progress."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

from fastinit import _core
from fastinit.arrays import View, checked_shape
from fastinit.rules import Distribution
from fastinit.threads import get_num_threads

# A thread costs more time than it saves below this number of bytes per thread.
BYTES_PER_THREAD = 2 << 20
# The calling thread returns to Python after this time, for signals and progress.
SLICE_SECONDS = 0.02
# The core has 63 bits for a logical index.
LOGICAL_ELEMENTS = 1 << 63

Progress = Callable[[int, int], object]
_progress: ContextVar[Progress | None] = ContextVar("fastinit_progress", default=None)


class Part(NamedTuple):
    """Which elements of a logical tensor a target has."""

    logical: tuple[int, ...]  # shape of the logical tensor
    start: tuple[int, ...]  # logical coordinates of the target's first element
    step: tuple[int, ...]  # difference of the coordinates of neighbours along each axis

    @property
    def first(self) -> int:
        """Logical index of the first element."""
        return sum(s * n for s, n in zip(self.start, self._strides, strict=True))

    @property
    def steps(self) -> tuple[int, ...]:
        """Logical indices between the target's neighbours along each axis."""
        return tuple(s * n for s, n in zip(self.step, self._strides, strict=True))

    @property
    def _strides(self) -> tuple[int, ...]:
        return tuple(math.prod(self.logical[axis + 1 :]) for axis in range(len(self.logical)))


def locate_part(
    lengths: tuple[int, ...] | None, shape: Sequence[int] | None, index: Any
) -> tuple[Part, tuple[int, ...]]:
    """Return the part that `shape` and `index` select, and its shape.

    `lengths` is the target's own shape, or None if the target does not exist yet.
    """
    if shape is None and index is not None and lengths is not None:
        raise ValueError("index needs shape, the shape of the logical tensor that it selects from")
    if shape is None:
        assert lengths is not None
        zeros = (0,) * len(lengths)
        return Part(lengths, zeros, (1,) * len(lengths)), lengths
    logical = checked_shape((shape,) if isinstance(shape, int) else shape)
    if math.prod(n or 1 for n in logical) >= LOGICAL_ELEMENTS:
        raise ValueError(
            f"shape must have fewer than 2**63 elements, not {logical}: divide the logical tensor, "
            "and give each part a stream of its own, fastinit.Stream(seed) / name"
        )
    if index is None:
        slices: tuple[Any, ...] = ()
    else:
        slices = index if isinstance(index, tuple) else (index,)
    if any(not isinstance(s, slice) and s is not Ellipsis for s in slices):
        raise TypeError(f"index must be a tuple of slices, not {index!r}")
    if slices.count(Ellipsis) > 1 or len(slices) - slices.count(Ellipsis) > len(logical):
        raise ValueError(f"index {index!r} has more entries than shape {logical}")
    missing = len(logical) - (len(slices) - slices.count(Ellipsis))
    at = slices.index(Ellipsis) if Ellipsis in slices else len(slices)
    slices = slices[:at] + (slice(None),) * missing + slices[at + slices.count(Ellipsis) :]
    ranges = [range(*s.indices(n)) for s, n in zip(slices, logical, strict=True)]
    selected = tuple(len(r) for r in ranges)
    if lengths is not None and lengths != selected:
        raise ValueError(
            f"tensor has shape {lengths}, but index selects {selected} of shape {logical}"
        )
    start = tuple(r.start if len(r) else 0 for r in ranges)
    # A slice of one element may have any step, also one of more than 64 bits.
    step = tuple(r.step if len(r) > 1 else 1 for r in ranges)
    return Part(logical, start, step), selected


# A target, its part of the logical tensor (None: all of it), what it is filled with, and the key of
# the stream (None: the values are not random).
Fill = tuple[View, Part | None, Distribution, bytes | None]


def run(fills: Sequence[Fill]) -> None:
    """Fill every target, on one team of threads.

    An exception in the calling thread (Ctrl-C) leaves this function after every thread has finished
    its work unit: nothing is written later.
    """
    report = _progress.get()
    job = _core.fill_small(fills, 2 * BYTES_PER_THREAD if report is None else 0)
    if job is not None:
        work_on(job, min(get_num_threads(), job.bytes // BYTES_PER_THREAD) - 1)
        job.written()


def work_on(job: _core.Job | _core.OrthogonalJob, helpers: int) -> None:
    """Finish a job in the calling thread and in helper threads, with signals and progress."""
    report = _progress.get()
    team: list[threading.Thread] = []
    try:
        for _ in range(helpers):
            thread = threading.Thread(target=job.work, args=(math.inf,), name="fastinit")
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads: fewer finish the job
                break
            team.append(thread)
        while job.work(SLICE_SECONDS):
            if report is not None:
                report(job.done, job.total)
        for thread in team:
            thread.join()
    finally:
        job.cancel()
        for thread in team:
            thread.join()
    if report is not None:
        report(job.done, job.total)


@contextlib.contextmanager
def report_progress(callback: Progress) -> Iterator[None]:
    """Report the progress of the fills in a `with` block to a function.

    Parameters
    ----------
    callback : callable
        Called as ``callback(done, total)``, in elements, about 50 times per second in the thread
        that fills, and once when a fill is done. An exception that it raises stops the fill.

    Examples
    --------
    >>> import fastinit
    >>> with fastinit.report_progress(lambda done, total: print(done, "of", total)):
    ...     array = fastinit.normal((3, 5), generator=0)
    15 of 15
    """
    token = _progress.set(callback)
    try:
        yield
    finally:
        _progress.reset(token)
