"""Who accelerates here: the innermost context of this thread, or the switch for every thread."""

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
        Where a fill that names no generator takes its bits from; None: torch's default generator.
    outer : Acceleration or None
        The one within which it was entered.
    is_off : bool
        Whether fills are left to torch.
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
    """Set the acceleration of every thread; return the one before."""
    global _everywhere
    before, _everywhere = _everywhere, acceleration
    return before


def innermost() -> Acceleration | None:
    """Return the acceleration that was entered here last, of those that have not ended.

    Ended ones stay in copies of the context (tasks, generators that another thread finishes) and
    where contexts end in another order than they began.
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
