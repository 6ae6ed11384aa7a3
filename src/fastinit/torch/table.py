"""Tables: aligned text by `print`, rich's where rich is installed and asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A title, columns, rows of text, and lines below."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    footer: Sequence[str] = ()

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        lines = [self.title]
        for row in (self.columns, *self.rows):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *self.footer])

    def __rich__(self) -> Any:
        """Return what rich prints."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Group
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(
            title=Text(self.title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False
        )
        for column in self.columns:
            table.add_column(column, overflow="fold")
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
