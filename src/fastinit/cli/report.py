"""Printing: tables and a progress bar by rich where it is installed, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Reporter(Protocol):
    """How results are shown."""

    def line(self, text: str) -> None:
        """Print a line."""

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table; the first column is aligned to the left."""

    def track(self, items: Sequence[Item], title: str) -> Iterable[Item]:
        """Yield the items, and show how far they have come."""


class Plain:
    """Lines on standard output."""

    def line(self, text: str) -> None:
        """Print a line."""
        print(text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print aligned columns."""
        widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
        print(f"\n{title}")
        for row in (columns, *rows):
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            print("  ".join(cells).rstrip())

    def track(self, items: Sequence[Item], title: str) -> Iterator[Item]:
        """Yield the items."""
        print(f"{title}: {len(items)} parameters")
        yield from items


def make_reporter() -> Reporter:
    """Return rich's reporter, or the plain one where rich is not installed."""
    try:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import track
        from rich.table import Table
    except ImportError:
        return Plain()
    console = Console(highlight=False)

    class Rich:
        def line(self, text: str) -> None:
            console.print(text, markup=False, soft_wrap=True)

        def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
            table = Table(
                title=title,
                title_justify="left",
                title_style="bold",
                box=SIMPLE_HEAD,
                pad_edge=False,
                padding=(0, 1, 0, 0),
            )
            for number, column in enumerate(columns):
                if number == 0:
                    table.add_column(column, overflow="fold", min_width=16)
                else:
                    table.add_column(
                        column, justify="right", no_wrap=column not in ("shape", "rule")
                    )
            for row in rows:
                table.add_row(*map(escape, row))
            console.print(table)

        def track(self, items: Sequence[Item], title: str) -> Iterable[Item]:
            return track(items, description=title, console=console)

    return Rich()
