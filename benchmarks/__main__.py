"""Time fastinit side by side with its peers, and report the results."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import fastinit
from benchmarks import machine, results
from benchmarks.console import console, print_bars, print_disturbances, print_machine, print_race
from benchmarks.groups import GROUPS, Settings
from benchmarks.options import multiple_of
from benchmarks.rows import ACTIVE_ISA, ELEMENTS, UNIT

EPILOG = "a quick run: python -m benchmarks --elements 1048576 --rounds 3 --only single"


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, epilog=EPILOG
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("run", "report"),
        default="run",
        help="time (the default), or write the pages' pictures and tables from a results file",
    )
    parser.add_argument(
        "--elements",
        type=multiple_of(UNIT),
        default=ELEMENTS,
        help=f"default {ELEMENTS}; every size follows from it",
    )
    parser.add_argument("--rounds", type=multiple_of(1), default=5)
    parser.add_argument("--only", action="append", choices=list(GROUPS), metavar="GROUP",
                        help=f"one of {', '.join(GROUPS)}; may be given again")  # fmt: skip
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="what a run writes (default: results/MACHINE-DATE.json for a whole run, nothing for "
        "another) and a report reads (default: the newest)",
    )
    return parser


def run(options: argparse.Namespace) -> None:
    """Run the benchmark and print the results."""
    settings = Settings(options.elements, fastinit.get_num_threads(), options.rounds)
    print_machine(machine.describe())
    races = []
    for name in options.only or GROUPS:
        for race in GROUPS[name](settings):
            races.append(race)
            print_race(race)
    fastinit._core.choose_isa(ACTIVE_ISA)
    fastinit.set_num_threads(None)
    taken = results.new_run(options.elements, options.rounds, races)
    print_bars(taken)
    print_disturbances(taken)
    is_whole = options.only is None and options.elements == ELEMENTS
    path = options.results or (taken.default_path if is_whole else None)
    if path is not None:
        results.save(taken, path)
        console.print(f"written: {path}", soft_wrap=True)


def report(options: argparse.Namespace) -> None:
    """Write pictures and tables."""
    from benchmarks.report import write_report

    for path in write_report(results.load(options.results or results.newest())):
        console.print(f"written: {path}", soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    options = make_parser().parse_args(arguments)
    {"run": run, "report": report}[options.command](options)


if __name__ == "__main__":
    main()
