"""Threads that wait for work, so that no side pays for starting them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache


class Team:
    """The calling thread and its helpers."""

    def __init__(self, threads: int) -> None:
        self.pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    @staticmethod
    @lru_cache
    def of(threads: int) -> Team:
        """Return the team of so many threads."""
        return Team(threads)

    def run(self, tasks: Sequence[Callable[[], object]]) -> None:
        """Do every task, each on a thread of its own."""
        first, *others = tasks
        helpers = [self.pool.submit(task) for task in others] if self.pool is not None else []
        assert len(helpers) == len(others)
        first()
        for helper in helpers:
            helper.result()
