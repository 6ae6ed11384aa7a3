"""The speed of orthogonal_ against torch's, timed alternately in one process on equal threads."""

import argparse

import torch

import fastinit
from benchmarks.__main__ import Timed, alternate, cpu_model


def main() -> None:
    """Time, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orthogonal", description=__doc__)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--columns", type=int, default=4096)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows, columns = options.rows, options.columns
    tensor = torch.zeros(rows, columns, dtype=getattr(torch, options.dtype))
    sides: dict[str, Timed] = {
        "fastinit": lambda: fastinit.orthogonal_(tensor, generator=0),
        "torch": lambda: torch.nn.init.orthogonal_(tensor),
    }
    print(f"{cpu_model()}, {fastinit.isa()}, {rows} x {columns} {options.dtype}")
    long, short = max(rows, columns), min(rows, columns)
    operations = 2 * long * short**2 - 2 / 3 * short**3
    for threads in (1, 2):
        fastinit.set_num_threads(threads)
        torch.set_num_threads(threads)
        best = {name: min(times) for name, times in alternate(sides, options.rounds).items()}
        print(
            f"{threads} threads: fastinit {best['fastinit']:.3f} s "
            f"({operations / best['fastinit'] * 1e-9:.0f} GFlop/s), torch {best['torch']:.3f} s: "
            f"{best['torch'] / best['fastinit']:.2f} times as fast"
        )


if __name__ == "__main__":
    main()
