"""Build two commits side by side, and print the ratio of their times for each row."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path

from rich.markup import escape

from benchmarks import machine
from benchmarks.builds import BuildError, build, describe
from benchmarks.console import console, new_table, print_hardware
from benchmarks.machine import installed
from benchmarks.options import multiple_of
from benchmarks.rows import ELEMENTS, ROWS, UNIT, Row
from benchmarks.timing import median_ratio, paired_ratios
from benchmarks.workers import Worker, WorkerError

EPILOG = """\
examples:
  python -m benchmarks.compare main                      # the work tree against main
  python -m benchmarks.compare v0.1 v0.2 --isa avx2      # two commits, by one instruction set
  python -m benchmarks.compare main --rows 'normal_ float32*' --rows small --quick
  python -m benchmarks.compare main --fail-above 1.05    # for scripts

A ratio is the time of HEAD divided by that of BASE: above 1 HEAD is slower. It is the median over
the rounds; the middle half of the rounds lies between the quartiles. Rows whose ratio is above 1.05
(or --fail-above) are timed again, by new processes and in twice as many rounds. A row is slower if
both ratios are above, and both lower quartiles above 1.
"""
BASE, HEAD = "base", "head"
SLOWER = 1.05
PASSES = 3  # each by new processes: a process keeps its addresses, which affect its speed
ROUNDS, QUICK_ROUNDS = 24, 6
QUICK_ELEMENTS = ELEMENTS >> 4
AGAIN = 2  # times as many rounds, for rows that seem slower
# A row with long turns gets fewer rounds per pass: those of `ROW_SECONDS`, but at least these.
ROW_SECONDS = 1.0
LEAST_ROUNDS = 3


@dataclass
class Comparison:
    """Seconds of a row by each build in each round, or the error of a build that cannot run it."""

    row: Row
    seconds: dict[str, list[float]] = field(default_factory=lambda: {BASE: [], HEAD: []})
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """HEAD's time divided by BASE's, in each round."""
        return paired_ratios(self.seconds[HEAD], self.seconds[BASE])

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median_ratio(self.seconds[HEAD], self.seconds[BASE])

    @property
    def quartiles(self) -> tuple[float, float]:
        """The lower and the upper quartile of the ratios."""
        if len(self.ratios) == 1:
            return self.ratio, self.ratio
        low, _, high = statistics.quantiles(self.ratios, n=4, method="inclusive")
        return low, high

    def exceeds(self, limit: float) -> bool:
        """Return whether both builds can run the row, and the ratio is above the limit."""
        return not self.errors and self.ratio > limit

    def is_slower(self, limit: float) -> bool:
        """Return whether the ratio is above the limit, beyond the machine's noise.

        The quartiles of 24 rounds are about the 95 % confidence interval of their median.
        """
        return self.exceeds(limit) and self.quartiles[0] > 1


def is_base_first(number: int) -> bool:
    """Return whether BASE has the first turn of a round, by the Thue-Morse sequence.

    In this order neither build gains from a drift of the machine, nor from its turn on a CPU.
    """
    return number.bit_count() % 2 == 0


def turn_cpus(row: Row, number: int, cpus: Sequence[int]) -> Sequence[int]:
    """Return the CPUs of a round.

    A row of one thread has the same CPU in both turns, as CPUs differ in speed. Every two rounds it
    moves to the next CPU, so that each build has been first on each CPU.
    """
    return cpus if row.is_parallel else [cpus[number // 2 % len(cpus)]]


def time_row(comparison: Comparison, builds: Sequence[Worker], rounds: range) -> None:
    """Time a row in these rounds, each of two turns: one build runs while the other waits."""
    workers = dict(zip((BASE, HEAD), builds, strict=True))
    for worker in workers.values():
        worker.start(comparison.row.name)
    paces = {}
    for name, worker in workers.items():
        pace = worker.started()
        if isinstance(pace, str):
            comparison.errors[name] = pace
        else:
            paces[name] = pace
    if comparison.errors:
        return
    # Both do the same number of calls, even if one was disturbed during its warm-up.
    pace = min(paces.values(), key=lambda pace: pace.seconds)
    affordable = max(LEAST_ROUNDS, int(ROW_SECONDS / (2 * pace.seconds)))
    cpus = machine.cpus()
    for number in rounds[:affordable]:
        on = turn_cpus(comparison.row, number, cpus)
        for name in (BASE, HEAD) if is_base_first(number) else (HEAD, BASE):
            comparison.seconds[name].append(workers[name].turn(pace, on))


def split_rounds(rounds: int) -> list[range]:
    """Return the rounds of each pass."""
    passes = min(PASSES, rounds)
    edges = [rounds * number // passes for number in range(passes + 1)]
    return [range(first, last) for first, last in pairwise(edges)]


@dataclass(frozen=True)
class Comparer:
    """Times two builds."""

    builds: Sequence[Path]
    titles: Sequence[str]
    elements: int
    isa: str | None

    @contextmanager
    def workers(self) -> Iterator[list[Worker]]:
        """Start a new process for each build, and end them."""
        with ExitStack() as stack:
            yield [
                stack.enter_context(Worker(build, self.elements, self.isa)) for build in self.builds
            ]

    def isas(self) -> list[str]:
        """Return the instruction set of each build."""
        found = []
        with self.workers() as workers:
            for worker, title in zip(workers, self.titles, strict=True):
                try:
                    found.append(worker.imported())
                except WorkerError as error:
                    raise WorkerError(f"{title}: {error}") from None
        return found

    def run(self, rows: Iterable[Row], rounds: int) -> list[Comparison]:
        """Time the rows, in several passes, each by two new processes."""
        comparisons = [Comparison(row) for row in rows]
        passes = split_rounds(rounds)
        for number, part in enumerate(passes, 1):
            started = time.perf_counter()
            with self.workers() as workers, console.status("") as status:
                for worker in workers:
                    worker.imported()
                for comparison in comparisons:
                    status.update(f"pass {number} of {len(passes)}: {comparison.row.name}")
                    if not comparison.errors:
                        time_row(comparison, workers, part)
            seconds = time.perf_counter() - started
            console.print(f"pass {number} of {len(passes)}: {seconds:.0f} s")
        return comparisons


def print_comparisons(comparisons: Sequence[Comparison], limit: float) -> None:
    """Print a table of each group, and the rows that a build cannot run."""
    columns = ("row", "base us", "head us", "head/base", "quartiles")
    complete = [comparison for comparison in comparisons if not comparison.errors]
    for group, members in groupby(complete, key=lambda comparison: comparison.row.group):
        table = new_table(group, columns)
        for comparison in members:
            times = [
                f"{statistics.median(comparison.seconds[name]) * 1e6:,.2f}" for name in (BASE, HEAD)
            ]
            ratio = f"{comparison.ratio:.3f}"
            if comparison.exceeds(limit):
                ratio = f"[red]{ratio}[/]"
            elif comparison.ratio < 1 / limit:
                ratio = f"[green]{ratio}[/]"
            low, high = comparison.quartiles
            table.add_row(comparison.row.name, *times, ratio, f"{low:.3f}..{high:.3f}")
        console.print(table)
    rows_of: dict[tuple[str, ...], list[str]] = {}
    for comparison in comparisons:
        if comparison.errors:
            why = (" and ".join(comparison.errors), *dict.fromkeys(comparison.errors.values()))
            rows_of.setdefault(why, []).append(comparison.row.name)
    for (who, *errors), names in rows_of.items():
        console.print(f"{who} cannot run {', '.join(names)}: {escape('; '.join(errors))}")


def summarize(comparisons: Iterable[Comparison]) -> str:
    """Return how the ratios are distributed."""
    ratios = sorted(comparison.ratio for comparison in comparisons if not comparison.errors)
    if not ratios:
        return "no row was compared"
    return (
        f"{len(ratios)} rows compared: median ratio {statistics.median(ratios):.3f}, "
        f"from {ratios[0]:.3f} to {ratios[-1]:.3f}"
    )


def compare(comparer: Comparer, rows: Sequence[Row], rounds: int, limit: float) -> bool:
    """Time the rows and print them; return whether any was slower in two runs."""
    comparisons = comparer.run(rows, rounds)
    print_comparisons(comparisons, limit)
    console.print(summarize(comparisons))
    suspicious = [comparison for comparison in comparisons if comparison.exceeds(limit)]
    slower, unclear = [], []
    if suspicious:
        console.print(f"\nagain, as the ratio is above {limit}:")
        again = comparer.run([comparison.row for comparison in suspicious], AGAIN * rounds)
        print_comparisons(again, limit)
        for first, second in zip(suspicious, again, strict=True):
            if first.is_slower(limit) and second.is_slower(limit):
                slower.append(first.row.name)
            elif second.exceeds(limit):
                unclear.append(first.row.name)
    console.print(f"slower in two runs: {', '.join(slower) or 'none'}")
    if unclear:
        console.print(
            f"unclear, above {limit} in two runs, but the quartiles enclose 1 (compare again on an "
            f"idle machine, or with more --rounds): {', '.join(unclear)}"
        )
    return bool(slower)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", metavar="BASE", help="a commit")
    parser.add_argument(
        "head", metavar="HEAD", nargs="?", help="a commit (default: the work tree as it is)"
    )
    parser.add_argument(
        "--rows",
        action="append",
        metavar="PATTERN",
        help="only rows whose name or group matches; may be repeated",
    )
    parser.add_argument("--rounds", type=multiple_of(1), help=f"default {ROUNDS}")
    parser.add_argument("--isa", metavar="NAME", help="by this instruction set, not by the best")
    parser.add_argument(
        "--elements",
        type=multiple_of(UNIT),
        help=f"default {ELEMENTS}; every size follows from it",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"{QUICK_ROUNDS} rounds and {QUICK_ELEMENTS} elements, unless they are given",
    )
    parser.add_argument("--fail-above", type=float, metavar="RATIO",
                        help="exit with status 1 if a row's ratio is above this twice")  # fmt: skip
    parser.add_argument("--no-build-isolation", action="store_true",
                        help="build by the setuptools and Cython that are installed")  # fmt: skip
    return parser


def select_rows(patterns: Sequence[str] | None) -> list[Row]:
    """Return the rows that match any of the patterns."""
    return [
        row
        for row in ROWS.values()
        if patterns is None or any(row.matches(pattern) for pattern in patterns)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its status."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    rows = select_rows(options.rows)
    if not rows:
        groups = ", ".join(dict.fromkeys(row.group for row in ROWS.values()))
        parser.error(
            f"argument --rows: no row matches {' or '.join(options.rows)}: give a name, as "
            f"'normal_ float32*', or a group: {groups}"
        )
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    elements = options.elements or (QUICK_ELEMENTS if options.quick else ELEMENTS)
    limit = SLOWER if options.fail_above is None else options.fail_above
    revisions = [options.base, options.head]
    try:
        titles = [describe(revision) for revision in revisions]
        for name, title in zip((BASE, HEAD), titles, strict=True):
            console.print(f"{name}: {escape(title)}")
        with tempfile.TemporaryDirectory() as directory:
            with console.status("building both"):
                builds = build(revisions, Path(directory), not options.no_build_isolation)
            comparer = Comparer(builds, titles, elements, options.isa)
            isas = dict.fromkeys(comparer.isas())
            print_hardware(
                machine.processor(), len(machine.cpus()), machine.caches(), " and ".join(isas)
            )
            possible = [row for row in rows if row.needs is None or installed(row.needs)]
            missing = {row.needs for row in rows if row.needs} - {row.needs for row in possible}
            if missing:
                console.print(f"left out, not installed: {', '.join(sorted(missing))}")
            is_slower = compare(comparer, possible, rounds, limit)
    except (BuildError, WorkerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if is_slower and options.fail_above is not None else 0


if __name__ == "__main__":
    sys.exit(main())
