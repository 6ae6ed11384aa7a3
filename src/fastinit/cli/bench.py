"""Fill a whole network by its plan, check its statistics, and compare with NumPy and torch."""

from __future__ import annotations

import importlib.util
import math
import platform
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import fastinit
from fastinit import _core
from fastinit.cli.models import MODELS, plan_of
from fastinit.cli.report import progress
from fastinit.dtypes import DTYPES
from fastinit.entries import InitializerEntry
from fastinit.moments import NOT_MEASURED, Measured, Moments, measure
from fastinit.plan import Plan, row_of
from fastinit.rules import Distribution
from fastinit.table import Table

Array = npt.NDArray[Any]
# Arrays of at most this many elements are not split among NumPy's threads.
SPLIT_FROM = 1 << 20
# Elements that NumPy generates and scales at a time, in the second-level cache.
BLOCK = 1 << 16
STANDARD_ERRORS = 6
KINDS = {
    _core.CONSTANT: "constant",
    _core.UNIFORM: "uniform",
    _core.NORMAL: "normal",
    _core.TRUNCATED_NORMAL: "truncated",
}
# No round of the comparison starts after this many seconds.
SECONDS = 10.0


@dataclass
class Group:
    """Entries of one shape and distribution, with their arrays and measurements."""

    label: str
    entries: list[InitializerEntry] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    measured: Measured = NOT_MEASURED
    errors: float = 0.0

    @property
    def size(self) -> int:
        """Total bytes of the arrays."""
        return sum(array.nbytes for array in self.arrays.values())

    @property
    def distribution(self) -> Distribution:
        """The distribution of the values."""
        distribution = self.entries[0].distribution
        assert distribution is not None
        return distribution

    @property
    def expected(self) -> Moments:
        """The moments of that distribution."""
        moments = self.entries[0].moments()
        assert moments is not None
        return moments

    @property
    def kind(self) -> str:
        """The kind of that distribution."""
        return KINDS[self.distribution[0]]

    def measure(self, dtype: str) -> None:
        """Measure all arrays; set how many standard errors the standard deviation is off."""
        found = self.measured = measure(self.arrays.values(), dtype, self.expected)
        if found.nans or found.infinities:
            self.errors = math.inf
        elif self.kind == "constant":
            is_exact = found.minimum == found.maximum == self.expected.mean
            self.errors = 0.0 if is_exact else math.inf
        else:
            self.errors = found.errors_off(self.expected)[1]


def make_groups(plan: Plan[InitializerEntry], arrays: dict[str, Array]) -> list[Group]:
    """Return a plan's entries in groups of the same shape and distribution."""
    groups: dict[object, Group] = {}
    for entry in plan:
        label = re.sub(r"(?<=[._a-z])\d+(?=\.)", "*", entry.name)
        group = groups.setdefault((label, entry.shape, entry.distribution), Group(label))
        group.entries.append(entry)
        group.arrays[entry.name] = arrays[entry.name]
    return list(groups.values())


def finite_or_none(value: float) -> float | None:
    """Return a finite value, else None: JSON has no infinity and no NaN."""
    return value if math.isfinite(value) else None


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _split(array: Array, parts: int) -> list[Array]:
    return [part for part in np.array_split(array.reshape(-1), parts) if part.size > 0]


def numpy_fill(
    distribution: Distribution, array: Array, generators: list[np.random.Generator]
) -> None:
    """Fill by NumPy's fastest generator, one per thread."""
    method, (first, *others) = distribution

    def work(part: Array, generator: np.random.Generator) -> None:
        if method == _core.CONSTANT:
            part.fill(first)
            return
        for start in range(0, part.size, BLOCK):
            block = part[start : start + BLOCK]
            if method == _core.UNIFORM:
                generator.random(out=block, dtype=block.dtype)
                block *= others[0] - first
                block += first
            else:  # no truncation: the truncated models cut at 100 sigma
                generator.standard_normal(out=block, dtype=block.dtype)
                block *= others[0]

    parts = _split(array, len(generators) if array.size > SPLIT_FROM else 1)
    team = [
        threading.Thread(target=work, args=pair)
        for pair in zip(parts[1:], generators[1 : len(parts)], strict=True)
    ]
    for thread in team:
        thread.start()
    for part, generator in zip(parts[:1], generators, strict=False):
        work(part, generator)
    for thread in team:
        thread.join()


def torch_fill(distribution: Distribution, tensor: Any, init: Any) -> None:
    """Fill by torch.nn.init."""
    method, parameters = distribution
    functions = {
        _core.CONSTANT: init.constant_,
        _core.UNIFORM: init.uniform_,
        _core.NORMAL: init.normal_,
        _core.TRUNCATED_NORMAL: init.trunc_normal_,
    }
    functions[method](tensor, *parameters)


def peers(dtype: str, seed: int) -> dict[str, Callable[[Distribution, Array], object]]:
    """Return fills by other libraries that support this dtype, by name."""
    found: dict[str, Callable[[Distribution, Array], object]] = {}
    if dtype in ("float32", "float64"):
        seeds = np.random.SeedSequence(seed).spawn(fastinit.get_num_threads())
        generators = [np.random.Generator(np.random.SFC64(child)) for child in seeds]
        found["numpy"] = lambda distribution, array: numpy_fill(distribution, array, generators)
    if importlib.util.find_spec("torch") is not None and not dtype.startswith("float8"):
        import torch

        torch.set_num_threads(fastinit.get_num_threads())

        def fill_with_torch(distribution: Distribution, array: Array) -> None:
            if DTYPES[dtype].needs_ml_dtypes:
                tensor = torch.from_numpy(array.view(np.uint16)).view(getattr(torch, dtype))
            else:
                tensor = torch.from_numpy(array)
            torch_fill(distribution, tensor, torch.nn.init)

        found["torch"] = fill_with_torch
    return found


def describe_machine() -> dict[str, str]:
    """Return the processor and the versions of the packages."""
    processor = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
    machine = {
        "processor": processor or platform.machine(),
        "isa": fastinit.isa(),
        "threads": str(fastinit.get_num_threads()),
        "fastinit": fastinit.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    if importlib.util.find_spec("torch") is not None:
        import torch

        machine["torch"] = torch.__version__
    return machine


def run_bench(model: str, dtype: str, seed: int, repeat: int) -> dict[str, Any]:
    """Fill a model, check its values and time its fills; print and return the results."""
    machine = describe_machine()
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    plan = plan_of(MODELS[model](), model, dtype)
    arrays = {entry.name: fastinit.empty(entry.shape, dtype) for entry in plan}
    total = sum(array.size for array in arrays.values())
    size = total * DTYPES[dtype].itemsize
    title = f"{model}, {dtype}: {len(plan)} parameters"
    with progress(title) as report, fastinit.report_progress(report):
        cold = _seconds(lambda: plan.fill(seed, arrays))
    print(
        f"{model}: {total:,} parameters, {size / 1e9:.3f} GB, each on the stream of its name, in "
        f"{cold:.3f} s ({size / cold / 1e9:.1f} GB/s, first touch of the memory included)"
    )
    groups = make_groups(plan, arrays)
    for group in groups:
        group.measure(dtype)
    others = peers(dtype, seed)
    rounds, start = 0, time.perf_counter()
    while rounds < repeat and (rounds == 0 or time.perf_counter() - start < SECONDS):
        rounds += 1
        with progress(f"side by side, round {rounds}: {len(groups)} groups") as report:
            for number, group in enumerate(groups, 1):
                _race(group, seed, others)
                report(number, len(groups))
    passed = all(group.errors <= STANDARD_ERRORS for group in groups)
    print()
    _table_of_groups(groups).show()
    print()
    _table_of_races(groups, list(others), rounds).show()
    print(
        f"every std within {STANDARD_ERRORS} standard errors"
        if passed
        else f"FAILED: a std is off by more than {STANDARD_ERRORS} standard errors"
    )
    return {
        "model": model,
        "dtype": dtype,
        "seed": seed,
        "machine": machine,
        "parameters": total,
        "bytes": size,
        "cold_seconds": cold,
        "rounds": rounds,
        "passed": passed,
        "groups": [
            {
                "name": group.label,
                "tensors": len(group.arrays),
                "shape": list(group.entries[0].shape),
                "rule": group.entries[0].describe().rule,
                "target_mean": group.expected.mean,
                "target_std": group.expected.std,
                "measured_mean": finite_or_none(group.measured.mean),
                "measured_std": finite_or_none(group.measured.std),
                "standard_errors": finite_or_none(group.errors),
                "bytes": group.size,
                "warm_seconds": group.seconds,
            }
            for group in groups
        ],
    }


def _race(
    group: Group, seed: int, others: dict[str, Callable[[Distribution, Array], object]]
) -> None:
    plan = Plan(group.entries)
    runs: dict[str, Callable[[], object]] = {"fastinit": lambda: plan.fill(seed, group.arrays)}
    for name, fill in others.items():
        runs[name] = lambda f=fill: [  # type: ignore[misc]
            f(group.distribution, array) for array in group.arrays.values()
        ]
    for name, run in runs.items():
        group.seconds[name] = min(group.seconds.get(name, math.inf), _seconds(run))


def _table_of_groups(groups: list[Group]) -> Table:
    """Return the plan's table, one row per group, with the measurements."""
    rows = []
    for group in groups:
        _, shape, _, rule, std = row_of(group.entries[0])
        rows.append(
            [
                f"{group.label} x{len(group.arrays)}",
                shape,
                rule,
                std,
                f"{group.measured.std:.4g}",
                "OFF" if group.errors > STANDARD_ERRORS else f"{group.errors:.1f}",
                f"{group.size / group.seconds['fastinit'] / 1e9:.2f}",
            ]
        )
    numbers = ("std", "measured", "errors", "GB/s")
    return Table(
        "Initialised (std: expected; errors: standard errors off; GB/s: warm)",
        ("parameters", "shape", "rule", *numbers),
        rows,
        numbers=numbers,
    )


def _table_of_races(groups: list[Group], others: list[str], rounds: int) -> Table:
    rules: dict[str, dict[str, float]] = {}
    for group in groups:
        kind = rules.setdefault(group.kind, {"bytes": 0.0})
        total = rules.setdefault("all", {"bytes": 0.0})
        for sums in (kind, total):
            sums["bytes"] += group.size
            for peer, seconds in group.seconds.items():
                sums[peer] = sums.get(peer, 0.0) + seconds
    rules["all"] = rules.pop("all")
    rows: list[list[str]] = []
    for name, sums in rules.items():
        row = [name, f"{sums['bytes'] / 1e6:.1f}", f"{sums['fastinit'] * 1e3:.2f}"]
        for peer in ("numpy", "torch"):
            if peer in others:
                row += [f"{sums[peer] * 1e3:.2f}", f"{sums[peer] / sums['fastinit']:.1f}x"]
            else:
                row += ["-", "-"]
        rows.append(row)
    numbers = ("MB", "fastinit ms", "NumPy ms", "ratio", "torch ms", "ratio")
    return Table(
        f"Side by side with NumPy's SFC64 and torch (alternately, best of {rounds})",
        ("fills", *numbers),
        rows,
        numbers=numbers,
    )
