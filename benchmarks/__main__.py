"""The speed of single fills, as ratios of things timed alternately in one process."""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import fastinit

Timed = Callable[[], object]


def cpu_model() -> str:
    """Return the processor's name and caches, as the system tells them."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def alternate(sides: dict[str, Timed], rounds: int) -> dict[str, list[float]]:
    """Time every side once a round, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for round_number in range(rounds + 1):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            elapsed = time.perf_counter() - start
            if round_number > 0:
                seconds[name].append(elapsed)
    return seconds


def with_threads(threads: int, run: Timed) -> Timed:
    """Return the same work on so many threads."""

    def threaded() -> object:
        fastinit.set_num_threads(threads)
        return run()

    return threaded


def sides_of(elements: int) -> tuple[dict[str, Timed], list[tuple[str, str, str, float]]]:
    """Return what is timed, and the rows (label, slower side, faster side, bar)."""
    array = fastinit.empty(elements, "float32")
    double = fastinit.empty(elements, "float64")
    plain = np.empty(elements, np.float32)  # 16-byte aligned, 4-KiB pages, as NumPy has it
    for buffer in (array, double, plain):
        buffer.fill(0)
    one, two = (lambda run: with_threads(1, run)), (lambda run: with_threads(2, run))
    sides: dict[str, Timed] = {
        "zeros_": one(lambda: fastinit.zeros_(array)),
        "uniform_": one(lambda: fastinit.uniform_(array, -1, 1, generator=0)),
        "normal_": one(lambda: fastinit.normal_(array, generator=0)),
        "normal_, NumPy's memory": one(lambda: fastinit.normal_(plain, generator=0)),
        "trunc_normal_": one(lambda: fastinit.trunc_normal_(array, generator=0)),
        "normal_ float64": one(lambda: fastinit.normal_(double, generator=0)),
        "normal_ 2 threads": two(lambda: fastinit.normal_(array, generator=0)),
        "NumPy SFC64 uniform": lambda: sfc.random(out=array, dtype=np.float32),
        "NumPy SFC64 normal": lambda: sfc.standard_normal(out=array, dtype=np.float32),
    }
    sfc = np.random.Generator(np.random.SFC64(0))
    rows = [
        ("uniform_ / zeros_ (non-temporal), speed", "zeros_", "uniform_", 0.8),
        ("normal_, 2 threads / 1", "normal_", "normal_ 2 threads", 1.8),
        ("uniform_ / NumPy SFC64", "NumPy SFC64 uniform", "uniform_", 0.0),
        ("normal_ / NumPy SFC64", "NumPy SFC64 normal", "normal_", 0.0),
    ]
    try:
        import torch
    except ImportError:
        print("torch is not installed: its rows are left out")
        return sides, rows
    tensor, wide = torch.from_numpy(array), torch.from_numpy(double)
    narrow = tensor.view(torch.bfloat16)[:elements]  # the same memory for every dtype
    init = torch.nn.init
    sides |= {
        "normal_ bfloat16": one(lambda: fastinit.normal_(narrow, generator=0)),
        "torch uniform_": lambda: init.uniform_(tensor, -1, 1),
        "torch normal_": lambda: init.normal_(tensor),
        "torch normal_ bfloat16": lambda: init.normal_(narrow),
        "torch normal_ float64": lambda: init.normal_(wide),
        "torch trunc_normal_": lambda: init.trunc_normal_(tensor),
    }
    rows += [
        ("normal_ bfloat16 / float32, speed", "normal_", "normal_ bfloat16", 1.0),
        ("normal_ / torch", "torch normal_", "normal_", 5.0),
        ("uniform_ / torch", "torch uniform_", "uniform_", 0.0),
        ("normal_ bfloat16 / torch", "torch normal_ bfloat16", "normal_ bfloat16", 0.0),
        ("normal_ float64 / torch", "torch normal_ float64", "normal_ float64", 0.0),
        ("trunc_normal_ +-2 / torch", "torch trunc_normal_", "trunc_normal_", 0.0),
    ]
    return sides, rows


def main() -> None:
    """Time, and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--elements", type=int, default=64 << 20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    sides, rows = sides_of(options.elements)
    print(f"{cpu_model()}, {fastinit.get_num_threads()} CPUs, {fastinit.isa()}, {versions}")
    print(f"{options.elements} elements, warm buffers, median of {options.rounds} rounds\n")
    seconds = alternate(sides, options.rounds)
    for name, times in seconds.items():
        print(f"{name:<28} {min(times) / options.elements * 1e9:8.3f} ns an element")
    print()
    for label, slower, faster, bar in rows:
        ratio = statistics.median(
            a / b for a, b in zip(seconds[slower], seconds[faster], strict=True)
        )
        verdict = "" if not bar else f"   bar {bar:g}: {'reached' if ratio >= bar else 'missed'}"
        print(f"{label:<40} {ratio:8.2f}{verdict}")


if __name__ == "__main__":
    main()
