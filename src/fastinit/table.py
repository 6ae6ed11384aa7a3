"""Tables: aligned text by `print`, rich's tables by `show` where rich is installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A title, columns, rows of text, and lines below.

    Attributes
    ----------
    title : str
    columns : sequence of str
        Their headings.
    rows : sequence of sequences of str
    footer : sequence of str, optional
        Lines below the table.
    numbers : sequence of str, optional
        Headings of the columns to align on the right.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    footer: Sequence[str] = ()
    numbers: Sequence[str] = ()

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        justify = [str.rjust if name in self.numbers else str.ljust for name in self.columns]
        lines = [self.title]
        for row in (self.columns, *self.rows):
            cells = [place(cell, n) for place, cell, n in zip(justify, row, widths, strict=True)]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *self.footer])

    def __rich__(self) -> Any:
        """Return what rich prints."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Group
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(
            title=Text(self.title),
            title_justify="left",
            box=SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),
            show_edge=False,
        )
        for name in self.columns:
            if name in self.numbers:
                table.add_column(name, justify="right", no_wrap=True)
            else:
                table.add_column(name, overflow="fold")
        for row in self.rows:
            table.add_row(*map(Text, row))
        return Group(table, *map(Text, self.footer))

    def show(self) -> None:
        """Print, by rich where it is installed."""
        try:
            from rich.console import Console
        except ImportError:
            print(self)
        else:
            Console(highlight=False).print(self)
