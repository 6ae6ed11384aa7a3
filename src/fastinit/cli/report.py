"""A progress bar by rich where it is installed, a line elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], object]]:
    """Show how far the work of a `with` block is.

    Yields
    ------
    callable
        Takes the finished work and the total in any unit, as `fastinit.report_progress` calls it.
    """
    try:
        from rich.progress import Progress
    except ImportError:
        print(title)
        yield lambda done, total: None
        return
    with Progress() as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
