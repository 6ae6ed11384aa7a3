"""The pictures and the READMEs' tables, from a run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks import ROOT, limits
from benchmarks.bars import BARS
from benchmarks.construction import STOCK
from benchmarks.plots import write_pictures
from benchmarks.results import Run

# Heading, and whose time it is: the fastest of the sides that match.
COLUMNS = {
    "memory's limit": limits.STREAMED,
    "fastinit": "fastinit",
    "MKL, its best": "MKL *",
    "randompack": "randompack *",
    "NumPy SFC64": "NumPy SFC64",
    "torch": "torch",
}


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def machine_line(run: Run) -> str:
    """Return on what the run was taken."""
    machine = run.machine
    caches = ", ".join(f"{level} {size}" for level, size in machine["caches"].items())
    versions = [f"{name} {number}" for name, number in machine["versions"].items() if number]
    return (
        f"{machine['processor']} ({caches}), {machine['cpus']} CPUs, {machine['isa']}, "
        f"{machine['date'][:10]}; {', '.join(versions)}."
    )


def fills_table(run: Run) -> str:
    """Return the nanoseconds an element of every fill on one thread."""
    rows = []
    for race in run.of("single"):
        cells = []
        for pattern in COLUMNS.values():
            side = race.best(pattern)
            cells.append("" if side is None else f"{race.nanoseconds(side):.2f}")
        ratio = f"{race.ratio('torch', 'fastinit'):.1f}" if "torch" in race.seconds else ""
        rows.append([race.name, *cells, ratio])
    return _markdown(["ns an element", *COLUMNS, "torch / fastinit"], rows)


def others_table(run: Run) -> str:
    """Return the figures that are not of large fills on one thread."""
    rows = [
        bar.cells(run)[:2]
        for bar in BARS
        if bar.group not in ("single", "dtypes") and run.of(bar.group)
    ]
    return _markdown(["figure", "value"], rows)


def construction_table(run: Run) -> str:
    """Return what the construction of whole models takes."""
    rows = []
    for race in run.of("construction"):
        for way in race.seconds:
            ratio = race.ratio(STOCK, way)
            peak = (race.peaks or {})[way] / 1e9
            rows.append([race.name, way, f"{race.time(way):.2f}", f"{ratio:.1f}x", f"{peak:.2f}"])
    return _markdown(["model", "constructed by", "seconds", "speed", "peak GB"], rows)


def bars_table(run: Run) -> str:
    """Return what was reached and what was missed."""
    rows = [bar.cells(run) for bar in BARS if run.of(bar.group)]
    return _markdown(["figure", "value", "bar", "goal", "verdict"], rows)


def replace_between(text: str, name: str, content: str) -> str:
    """Return a text with what is between the two comments of a name replaced."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no {begin} ... {end}")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def write_report(run: Run, root: Path = ROOT) -> list[Path]:
    """Write the pictures and both READMEs' tables; return the paths."""
    method = (
        f"{run.elements / 2**20:g} Mi elements (trunc_normal_: a quarter), medians of {run.rounds} "
        f"rounds; {machine_line(run)}"
    )
    readme, details = root / "README.md", root / "benchmarks" / "README.md"
    for path, name, parts in (
        (readme, "speed", [fills_table(run), others_table(run), method]),
        (readme, "construction", [construction_table(run)]),
        (details, "bars", [bars_table(run), method]),
    ):
        path.write_text(replace_between(path.read_text(), name, "\n\n".join(parts)))
    return [readme, details, *write_pictures(run, root / "benchmarks" / "pictures")]
