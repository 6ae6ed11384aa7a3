"""Finds the acceleration of the calling code: this thread's innermost, or that of all threads."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from fastinit.streams import Calls


@dataclass(eq=False)
class Acceleration:
    """One use of `accelerate` or `enable_acceleration`.

    Attributes
    ----------
    calls : Calls or None
        Source of bits for fills that name no generator; None: torch's default generator.
    outer : Acceleration or None
        The one that this one was entered within.
    is_off : bool
        Whether torch does the fills.
    has_ended : bool
    """

    calls: Calls | None
    outer: Acceleration | None = None
    is_off: bool = False
    has_ended: bool = False


_here: ContextVar[Acceleration | None] = ContextVar("fastinit_accelerate", default=None)
_everywhere: Acceleration | None = None


def set_here(acceleration: Acceleration | None) -> None:
    """Set the innermost acceleration of this context."""
    _here.set(acceleration)


def set_everywhere(acceleration: Acceleration | None) -> Acceleration | None:
    """Set the acceleration of all threads; return the previous one."""
    global _everywhere
    before, _everywhere = _everywhere, acceleration
    return before


def innermost() -> Acceleration | None:
    """Return the acceleration that was entered last and has not ended.

    Accelerations that have ended can still be in `_here`: in copies of the context (tasks,
    generators that another thread finishes), and if an outer context ends before an inner one.
    """
    acceleration = _here.get()
    while acceleration is not None and acceleration.has_ended:
        acceleration = acceleration.outer
    return acceleration


def active() -> Acceleration | None:
    """Return the acceleration that governs the calling code."""
    here = innermost()
    if here is None:
        return _everywhere
    return None if here.is_off else here
