"""Races and runs, and the JSON that keeps them."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.timing import median_ratio

DIRECTORY = Path(__file__).with_name("results")
METHOD = (
    "seconds a call, a sample of every side a round, all in one process on the same memory, in "
    "another order each round; a call before each sample where it is shorter than 0.1 s; a time is "
    "the median over the rounds, a ratio the median of the ratios within each round"
)


@dataclass(frozen=True)
class Race:
    """The seconds of each side for the same work, in each round."""

    group: str
    name: str
    elements: int
    size: int | None  # in bytes; None if it differs between sides
    threads: int
    seconds: dict[str, list[float]]
    others: float | None = None  # mean number of CPUs that other processes used
    peaks: dict[str, int] | None = None  # peak bytes of each side that has its own process

    def time(self, side: str) -> float:
        """Return the median seconds of a side."""
        return statistics.median(self.seconds[side])

    def best(self, pattern: str) -> str | None:
        """Return the fastest of the sides whose names match, or None."""
        matching = [side for side in self.seconds if fnmatchcase(side, pattern)]
        return min(matching, key=self.time, default=None)

    def ratio(self, of: str, to: str) -> float:
        """Return the median over the rounds of the time of one side divided by another's."""
        return median_ratio(self.seconds[of], self.seconds[to])

    def nanoseconds(self, side: str) -> float:
        """Return the nanoseconds per element."""
        return self.time(side) / self.elements * 1e9

    def gigabytes(self, side: str) -> float:
        """Return the GB (1e9 bytes) per second."""
        assert self.size is not None
        return self.size / self.time(side) / 1e9

    def by_threads(self, name: str) -> dict[int, str]:
        """Return the sides called `NAME on N`, by N."""
        found = (re.fullmatch(rf"{re.escape(name)} on (\d+)", side) for side in self.seconds)
        return {int(match[1]): match[0] for match in found if match}


@dataclass(frozen=True)
class Run:
    """A run of the suite."""

    elements: int
    rounds: int
    machine: dict[str, Any]
    races: list[Race]

    def of(self, group: str) -> list[Race]:
        """Return the races of a group."""
        return [race for race in self.races if race.group == group]

    def race(self, group: str, name: str) -> Race | None:
        """Return a race, or None if it was not run."""
        return next((race for race in self.of(group) if race.name == name), None)

    @property
    def default_path(self) -> Path:
        """The default file of a run, named by machine and date."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.machine["processor"].lower()).strip("-")
        date = re.sub(r"[^0-9T]", "", self.machine["date"][:16])
        return DIRECTORY / f"{slug}-{self.machine['cpus']}-cpus-{date}.json"


def _lines(run: Run) -> Iterator[str]:
    head = {"elements": run.elements, "rounds": run.rounds, "method": METHOD}
    yield "{"
    for key, value in {**head, "machine": run.machine}.items():
        yield f"  {json.dumps(key)}: {json.dumps(value)},"
    yield '  "races": ['
    for race in run.races:
        fields = asdict(race)
        fields["seconds"] = {
            side: [float(f"{second:.4g}") for second in samples]
            for side, samples in race.seconds.items()
        }
        yield f"    {json.dumps(fields)}{'' if race is run.races[-1] else ','}"
    yield "  ]"
    yield "}"


def save(run: Run, path: Path) -> None:
    """Write a run, one race per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(_lines(run)) + "\n")


def load(path: Path) -> Run:
    """Read a run."""
    content = json.loads(path.read_text())
    races = [Race(**race) for race in content["races"]]
    return Run(content["elements"], content["rounds"], content["machine"], races)


def newest() -> Path:
    """Return the file of the newest run."""
    paths = list(DIRECTORY.glob("*.json"))
    if not paths:
        raise FileNotFoundError(f"no results in {DIRECTORY}: python -m benchmarks makes some")
    return max(paths, key=lambda path: load(path).machine["date"])


def new_run(elements: int, rounds: int, races: list[Race]) -> Run:
    """Return a run with this machine and the current date."""
    return Run(elements, rounds, machine.describe(), races)
