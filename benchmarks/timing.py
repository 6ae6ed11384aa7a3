"""Times several sides alternately in one process."""

from __future__ import annotations

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# A sample has as many calls as take this long together.
SAMPLE_SECONDS = 0.002
# A side whose call is faster gets an untimed call before its sample, so that the caches hold its
# own data: non-temporal stores are slow to lines that another side has left in a cache.
SETTLED_SECONDS = 0.1


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Side:
    """One of the ways to do the timed work."""

    name: str
    run: Callable[[], object]
    prepare: Callable[[], object] = nothing  # done before the clock starts
    repeats: int = 1  # how often one `run` does the work


def sample(side: Side, calls: int, is_settled: bool) -> float:
    """Return the seconds per call, the mean of `calls`; if `is_settled`, after an untimed one.

    The result of the last call is freed after the clock has stopped.
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
    """Warm a side up; return the calls of a sample, and whether it needs an untimed one first."""
    seconds = sample(side, 1, is_settled=True)
    if seconds < SAMPLE_SECONDS:
        seconds = sample(side, 10, is_settled=False)
    return max(1, math.ceil(SAMPLE_SECONDS / seconds)), seconds < SETTLED_SECONDS


def alternate(sides: Sequence[Side], rounds: int) -> dict[str, list[float]]:
    """Return the seconds per call of every side in each round, after a warm-up.

    A round takes one sample of each side, in a random order.
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
    """Return the ratio of two sides' times in each round: within one, the machine drifts little."""
    return [a / b for a, b in zip(seconds, others, strict=True)]


def median_ratio(seconds: Sequence[float], others: Sequence[float]) -> float:
    """Return the median over the rounds of the time of one side divided by another's."""
    return statistics.median(paired_ratios(seconds, others))
