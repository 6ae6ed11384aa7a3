"""Several ways to do one thing, timed alternately in one process."""

from __future__ import annotations

import gc
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# A sample is of as many calls as take this long.
SAMPLE_SECONDS = 0.002


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Side:
    """One way to do what is timed."""

    name: str
    run: Callable[[], object]
    prepare: Callable[[], object] = nothing  # done before the clock starts
    repeats: int = 1  # how often `run` does it


def _sample(side: Side, calls: int) -> float:
    side.prepare()
    run, result = side.run, None
    start = time.perf_counter()
    for _ in range(calls):
        result = run()
    elapsed = time.perf_counter() - start
    del result  # what was created is freed after the clock has stopped
    return elapsed / (calls * side.repeats)


def _calls(side: Side) -> int:
    """Warm a side up; return how many calls make a sample."""
    if _sample(side, 1) * side.repeats >= SAMPLE_SECONDS:
        return 1
    return max(1, math.ceil(SAMPLE_SECONDS / (_sample(side, 10) * side.repeats)))


def alternate(sides: Sequence[Side], rounds: int) -> dict[str, list[float]]:
    """Return the seconds a call of every side takes, round by round, after a warm-up.

    A round takes one sample of each side, in another order than the round before.
    """
    assert len({side.name for side in sides}) == len(sides)
    calls = {side.name: _calls(side) for side in sides}
    seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for side in random.Random(number).sample(sides, len(sides)):
                seconds[side.name].append(_sample(side, calls[side.name]))
    finally:
        gc.enable()
    return seconds
