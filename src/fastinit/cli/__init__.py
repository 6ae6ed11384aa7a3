"""The command ``fastinit``, also ``python -m fastinit``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import fastinit
from fastinit.cli.bench import run_bench
from fastinit.cli.models import MODELS
from fastinit.dtypes import DTYPES

EPILOG = "example: python -m fastinit bench --model resnet-50 --dtype bfloat16 --json result.json"


def _int_between(first: int, last: int, limits: str) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = first - 1
        if not first <= value <= last:
            raise argparse.ArgumentTypeError(f"must be an int {limits}, not {text!r}")
        return value

    return convert


def _writable_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"must be a file in a directory that exists, not {text!r}")
    return path


_threads = _int_between(1, 1024, "between 1 and 1024")
_count = _int_between(1, 1000, "between 1 and 1000")
_seed = _int_between(0, (1 << 128) - 1, "of at least 0 and below 2**128")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="fastinit",
        description="Fills weight tensors with their initial values.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"fastinit {fastinit.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    bench = commands.add_parser(
        "bench",
        help="initialise a real network's parameters; compare with NumPy and torch",
        epilog=EPILOG,
    )
    bench.add_argument(
        "--model",
        default="gpt2",
        choices=sorted(MODELS),
        help="published shapes to fill (default: gpt2, the small one)",
    )
    bench.add_argument("--threads", type=_threads, help="default: the CPUs of this process")
    bench.add_argument("--dtype", default="float32", choices=list(DTYPES))
    bench.add_argument("--seed", type=_seed, default=0)
    bench.add_argument(
        "--repeat", type=_count, default=3, help="rounds of the comparison; the best one counts"
    )
    bench.add_argument(
        "--json", type=_writable_file, metavar="FILE", help="also write the results to FILE"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        ``sys.argv[1:]`` by default.

    Returns
    -------
    int
        The exit status. 1: a measured standard deviation is off by more than 6 standard errors.
        2: the model does not fit into memory, or the dtype needs a package that is not installed.
    """
    options = make_parser().parse_args(arguments)
    try:
        if options.threads:
            fastinit.set_num_threads(options.threads)
        try:
            result = run_bench(options.model, options.dtype, options.seed, options.repeat)
        except (MemoryError, TypeError) as error:
            print(f"fastinit: error: {error}")
            return 2
    finally:
        if options.threads:
            fastinit.set_num_threads(None)
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
    return 0 if result["passed"] else 1
