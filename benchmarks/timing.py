"""Samples of a side, and several sides timed alternately in one process."""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# A sample is of as many calls as take this long.
SAMPLE_SECONDS = 0.002
# A faster side gets a call before its sample, and so finds the caches as it leaves them itself:
# streamed stores are slow to lines that another side has left in the cache.
SETTLED_SECONDS = 0.1


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Side:
    """One way to do what is timed."""

    name: str
    run: Callable[[], object]
    prepare: Callable[[], object] = nothing  # done before the clock starts
    repeats: int = 1  # how often `run` does it


def sample(side: Side, calls: int, is_settled: bool) -> float:
    """Return the seconds per call, of `calls`, after an untimed one if `is_settled`.

    What a call creates is freed after the clock has stopped.
    """
    side.prepare()
    run, result = side.run, None
    if is_settled:
        run()
    start = time.perf_counter()
    for _ in range(calls):
        result = run()
    elapsed = time.perf_counter() - start
    del result
    return elapsed / calls


def pace(side: Side) -> tuple[int, bool]:
    """Warm a side up; return how many calls make a sample, and whether another settles it."""
    seconds = sample(side, 1, is_settled=True)
    if seconds < SAMPLE_SECONDS:
        seconds = sample(side, 10, is_settled=False)
    return max(1, math.ceil(SAMPLE_SECONDS / seconds)), seconds < SETTLED_SECONDS


def alternate(sides: Sequence[Side], rounds: int) -> dict[str, list[float]]:
    """Return the seconds a call of every side takes, round by round, after a warm-up.

    A round takes one sample of each side, in another order than the round before.
    """
    assert len({side.name for side in sides}) == len(sides)
    paces = {side.name: pace(side) for side in sides}
    seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for side in random.Random(number).sample(sides, len(sides)):
                seconds[side.name].append(sample(side, *paces[side.name]) / side.repeats)
    finally:
        gc.enable()
    return seconds


def paired_ratios(seconds: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return the ratio of two sides' times within each round: a shared machine drifts."""
    return [a / b for a, b in zip(seconds, others, strict=True)]


def median_ratio(seconds: Sequence[float], others: Sequence[float]) -> float:
    """Return the median over the rounds of the time of one side divided by another's."""
    return statistics.median(paired_ratios(seconds, others))
