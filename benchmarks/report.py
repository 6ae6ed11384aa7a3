"""Writes the pictures, and the tables of README.md and docs/performance.md, of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import ROOT, limits
from benchmarks.bars import BARS, MISSED
from benchmarks.construction import ACCELERATED, STOCK
from benchmarks.plots import write_pictures
from benchmarks.results import Race, Run

# Heading of a column, and a pattern of sides: the column shows the fastest that matches.
COLUMNS = {
    "memory's limit": limits.NONTEMPORAL,
    "fastinit": "fastinit",
    "MKL, its best": "MKL *",
    "randompack": "randompack *",
    "NumPy SFC64": "NumPy SFC64",
    "torch": "torch",
}
OTHERS = ("MKL *", "randompack *", "randomgen *", "NumPy *")
UNITS = {"ns per value": 1e9, "us per call": 1e6, "s": 1.0}


class Row(NamedTuple):
    """A row of the README's table: a race, and its sides for fastinit and torch."""

    label: str
    unit: str
    group: str
    race: str
    own: str = "fastinit"
    torch: str = "torch"

    def text(self, race: Race, side: str) -> str:
        """Return a side's time in the row's unit."""
        calls = race.elements if self.unit == "ns per value" else 1
        return f"{race.time(side) / calls * UNITS[self.unit]:.2f}"

    def cells(self, race: Race) -> list[str]:
        """Return the row; a cell is empty if the run lacks its side."""
        own, torch, limit = (race.best(side) for side in (self.own, self.torch, limits.NONTEMPORAL))
        others = [side for pattern in OTHERS if (side := race.best(pattern)) is not None]
        other = min(others, key=race.time, default=None)
        has_limit = limit is not None and self.unit == "ns per value"
        return [
            f"{self.label}, {self.unit}",
            self.text(race, limit) if limit is not None and has_limit else "",
            self.text(race, own) if own is not None else "",
            f"{self.text(race, other)} ({other})" if other is not None else "",
            self.text(race, torch) if torch is not None else "",
            f"{race.ratio(torch, own):.1f}x" if torch is not None and own is not None else "",
        ]


ROWS = [
    Row("`uniform_` float32", "ns per value", "single", "uniform_ float32"),
    Row("`normal_` float32", "ns per value", "single", "normal_ float32"),
    Row("`trunc_normal_` float32", "ns per value", "single", "trunc_normal_ float32 +-2 sigma"),
    Row("`normal_` bfloat16", "ns per value", "single", "normal_ bfloat16"),
    Row("`normal_` float64", "ns per value", "single", "normal_ float64"),
    Row("`orthogonal_` 4096x4096", "s", "orthogonal", "orthogonal_ float32"),
    Row("`kaiming_normal_` 64x64", "us per call", "small", "kaiming_normal_ 64x64",
        "fastinit, torch tensor"),
    Row("Llama 1.2 G in `accelerate()`", "s", "construction", "Llama 1.2 G", ACCELERATED, STOCK),
]  # fmt: skip


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def machine_line(run: Run) -> str:
    """Return the machine and the software of a run, as one line."""
    machine = run.machine
    caches = ", ".join(f"{level} {size}" for level, size in machine["caches"].items())
    versions = [f"{name} {number}" for name, number in machine["versions"].items() if number]
    return (
        f"{machine['processor']} ({caches}), {machine['cpus']} CPUs, {machine['isa']}, "
        f"{machine['date'][:10]}; {', '.join(versions)}."
    )


def speed_table(run: Run) -> str:
    """Return the README's table."""
    races = [(row, run.race(row.group, row.race)) for row in ROWS]
    return _markdown(
        ["", "memory's limit", "fastinit", "fastest other", "torch", "torch / fastinit"],
        [row.cells(race) for row, race in races if race is not None],
    )


def fills_table(run: Run) -> str:
    """Return the table of nanoseconds per element of every fill on one thread."""
    rows = []
    for race in run.of("single"):
        cells = []
        for pattern in COLUMNS.values():
            side = race.best(pattern)
            cells.append("" if side is None else f"{race.nanoseconds(side):.2f}")
        ratio = f"{race.ratio('torch', 'fastinit'):.1f}" if "torch" in race.seconds else ""
        rows.append([race.name, *cells, ratio])
    return _markdown(["ns per element", *COLUMNS, "torch / fastinit"], rows)


def construction_table(run: Run) -> str:
    """Return the table of times and peak memory of the construction of models."""
    rows = []
    for race in run.of("construction"):
        for way in race.seconds:
            ratio = race.ratio(STOCK, way)
            peak = (race.peaks or {})[way] / 1e9
            rows.append([race.name, way, f"{race.time(way):.2f}", f"{ratio:.1f}x", f"{peak:.2f}"])
    return _markdown(["model", "constructed by", "seconds", "speed", "peak GB"], rows)


def bars_table(run: Run, missed_alone: bool = False) -> str:
    """Return the table of figures, bars, goals and verdicts; if `missed_alone`, of missed bars."""
    rows = [bar.cells(run) for bar in BARS if run.of(bar.group)]
    if missed_alone:
        rows = [row for row in rows if row[-1] == MISSED]
    return _markdown(["figure", "value", "bar", "goal", "verdict"], rows)


def replace_between(text: str, name: str, content: str) -> str:
    """Return a text with new content between the two comments that have a name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no {begin} ... {end}")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def write_report(run: Run, root: Path = ROOT) -> list[Path]:
    """Write the pictures and the tables of both pages; return the paths."""
    method = (
        f"{run.elements / 2**20:g} Mi elements (trunc_normal_: a quarter), medians of {run.rounds} "
        f"rounds; {machine_line(run)}"
    )
    readme, page = root / "README.md", root / "docs" / "performance.md"
    for path, name, content in (
        (readme, "speed", speed_table(run)),
        (page, "method", method),
        (page, "fills", fills_table(run)),
        (page, "construction", construction_table(run)),
        (page, "bars", bars_table(run)),
        (page, "missed", bars_table(run, missed_alone=True)),
    ):
        path.write_text(replace_between(path.read_text(), name, content))
    return [readme, page, *write_pictures(run, root / "benchmarks" / "pictures")]
