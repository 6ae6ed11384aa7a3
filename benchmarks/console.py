"""Prints runs."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.bars import BARS
from benchmarks.machine import PEERS, installed
from benchmarks.results import Race, Run

WIDTH = 100  # if the output is a file or a pipe
console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
DISTURBING_CPUS = 0.1
COLOURS = {"goal reached": "green", "reached": "green", "MISSED": "red", "goal missed": "yellow"}


def new_table(title: str, columns: Iterable[str]) -> Table:
    """Return an empty table; its first column is text, the others are numbers."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False
    )
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def print_hardware(processor: str, cpus: int, caches: dict[str, str], isa: str) -> None:
    """Print the processor and its instruction set."""
    sizes = ", ".join(f"{level} {size}" for level, size in caches.items())
    console.print(f"{processor}, {cpus} CPUs, {sizes}, {isa}")


def print_machine(machine: dict[str, Any]) -> None:
    """Print the machine of a run, and the packages that are missing."""
    print_hardware(machine["processor"], machine["cpus"], machine["caches"], machine["isa"])
    versions = [f"{name} {number}" for name, number in machine["versions"].items() if number]
    console.print(", ".join(versions))
    missing = [name for name in PEERS if installed(name) is None]
    if missing:
        console.print(f"left out, not installed: {', '.join(missing)} (pip install '.[peers]')")
    if machine["stores"] is None:
        console.print("left out, no C compiler (cc): what the memory can take")


def print_race(race: Race) -> None:
    """Print the time of every side, the fastest first."""
    threads = "1 thread" if race.threads == 1 else f"{race.threads} threads"
    title = f"{race.group}: {race.name}, {race.elements:,} elements, {threads}"
    table = new_table(title, ("side", "us per call", "ns per element", "GB/s"))
    for side in sorted(race.seconds, key=race.time):
        microseconds = f"{race.time(side) * 1e6:,.2f}"
        speed = "" if race.size is None else f"{race.gigabytes(side):.2f}"
        table.add_row(side, microseconds, f"{race.nanoseconds(side):.3f}", speed)
    console.print(table)


def print_disturbances(run: Run) -> None:
    """Print the races that other processes disturbed so much that they must be run again."""
    disturbed = [race for race in run.races if (race.others or 0.0) > DISTURBING_CPUS]
    if disturbed:
        races = ", ".join(f"{race.group}: {race.name} ({race.others})" for race in disturbed)
        console.print(f"Disturbed by other processes (CPUs they took): {races}\n")


def print_bars(run: Run) -> None:
    """Print the bars and goals, and which of them were reached."""
    title = f"Bars and goals ({run.elements:,} elements, medians of {run.rounds} rounds)"
    table = new_table(title, ("figure", "value", "bar", "goal", "verdict"))
    for bar in BARS:
        if run.of(bar.group):
            *cells, verdict = bar.cells(run)
            table.add_row(*cells, f"[{COLOURS.get(verdict, 'dim')}]{verdict}[/]")
    console.print(table)
