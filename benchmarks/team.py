"""Keeps threads waiting for work, so that no side's time includes starting them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

Task = Callable[[], object]


def in_turn(tasks: Sequence[Task]) -> Task:
    """Return a function that does the tasks one after the other."""
    if len(tasks) == 1:
        return tasks[0]

    def run() -> None:
        for task in tasks:
            task()

    return run


@lru_cache
def _helpers(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count)


def together(tasks: Sequence[Task]) -> Task:
    """Return a function that does all tasks at once, the first in the calling thread."""
    first, *others = tasks
    if not others:
        return first
    helpers = _helpers(len(others))

    def run() -> None:
        started = [helpers.submit(task) for task in others]
        first()
        for task in started:
            task.result()

    return run
