"""Shows a progress bar if rich is installed, otherwise a line of text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], object]]:
    """Show how far the work of a `with` block is.

    Yields
    ------
    callable
        Takes the finished work and the total, as the callbacks of `fastinit.report_progress` do.
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
