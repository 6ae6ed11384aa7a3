"""The main job: initialise a whole network, check its statistics, race NumPy and torch."""

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
from fastinit.cli.models import MODELS, Parameter, Rule
from fastinit.cli.moments import measure, standard_errors_off
from fastinit.cli.report import Reporter
from fastinit.dtypes import DTYPES

Array = npt.NDArray[Any]
# Fewer elements are not split among NumPy's threads.
SPLIT_FROM = 1 << 20
# NumPy generates and scales so many elements at a time, in the second-level cache.
BLOCK = 1 << 16
STANDARD_ERRORS = 6
# Once this has passed, no further round of the comparison is begun.
SECONDS = 10.0


@dataclass
class Group:
    """Parameters of one shape and rule, and what was measured of them."""

    label: str
    shape: tuple[int, ...]
    rule: Rule
    parameters: list[Parameter] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)
    cold_seconds: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    count: int = 0
    mean: float = 0.0
    std: float = 0.0
    errors: float = 0.0

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays)


def make_groups(model: str, dtype: str) -> tuple[list[Group], list[tuple[Group, Parameter, Array]]]:
    """Allocate a model's parameters, in groups of the same shape and rule."""
    groups: dict[tuple[str, tuple[int, ...], Rule], Group] = {}
    parts = []
    for parameter in MODELS[model]():
        label = re.sub(r"(?<=[._a-z])\d+(?=\.)", "*", parameter.name)
        key = (label, parameter.shape, parameter.rule)
        group = groups.setdefault(key, Group(label, parameter.shape, parameter.rule))
        array = fastinit.empty(parameter.shape, dtype)
        group.parameters.append(parameter)
        group.arrays.append(array)
        parts.append((group, parameter, array))
    return list(groups.values()), parts


def measure_group(group: Group, dtype: str) -> None:
    """Measure mean and std in float64, and by how many standard errors the std is off."""
    rule = group.rule
    group.count, group.mean, group.std = measure(group.arrays, rule.mean)
    if rule.kind == "constant":
        target = np.full(1, rule.mean).astype(group.arrays[0].dtype)[0]
        is_exact = all(bool((array == target).all()) for array in group.arrays)
        group.errors = 0.0 if is_exact else math.inf
    else:
        group.errors = standard_errors_off(rule, dtype, group.count, group.std)


def finite_or_none(value: float) -> float | None:
    """Return what JSON can hold: it has no infinity and no NaN."""
    return value if math.isfinite(value) else None


def _best(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _split(array: Array, parts: int) -> list[Array]:
    return [part for part in np.array_split(array.reshape(-1), parts) if part.size > 0]


def numpy_fill(rule: Rule, array: Array, generators: list[np.random.Generator]) -> None:
    """Fill by NumPy's fastest generator, each thread with one of its own."""

    def work(part: Array, generator: np.random.Generator) -> None:
        if rule.kind == "constant":
            part.fill(rule.parameters[0])
            return
        for first in range(0, part.size, BLOCK):
            block = part[first : first + BLOCK]
            if rule.kind == "uniform":
                generator.random(out=block, dtype=block.dtype)
                block *= rule.parameters[1] - rule.parameters[0]
                block += rule.parameters[0]
            else:  # a truncation at 100 sigma is no truncation
                generator.standard_normal(out=block, dtype=block.dtype)
                block *= rule.std

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


def torch_fill(rule: Rule, tensor: Any, init: Any) -> None:
    """Fill by torch.nn.init."""
    if rule.kind == "normal":
        init.normal_(tensor, 0.0, rule.std)
    elif rule.kind == "uniform":
        init.uniform_(tensor, *rule.parameters)
    elif rule.kind == "truncated":
        init.trunc_normal_(tensor, 0.0, rule.std)
    else:
        init.constant_(tensor, rule.parameters[0])


def peers(dtype: str, seed: int) -> dict[str, Callable[[Rule, Array], object]]:
    """Return what else can fill this dtype."""
    found: dict[str, Callable[[Rule, Array], object]] = {}
    if dtype in ("float32", "float64"):
        seeds = np.random.SeedSequence(seed).spawn(fastinit.get_num_threads())
        generators = [np.random.Generator(np.random.SFC64(child)) for child in seeds]
        found["numpy"] = lambda rule, array: numpy_fill(rule, array, generators)
    if importlib.util.find_spec("torch") is not None and not dtype.startswith("float8"):
        import torch

        torch.set_num_threads(fastinit.get_num_threads())

        def fill_with_torch(rule: Rule, array: Array) -> None:
            if DTYPES[dtype].needs_ml_dtypes:
                tensor = torch.from_numpy(array.view(np.uint16)).view(getattr(torch, dtype))
            else:
                tensor = torch.from_numpy(array)
            torch_fill(rule, tensor, torch.nn.init)

        found["torch"] = fill_with_torch
    return found


def describe_machine() -> dict[str, str]:
    """Return what the figures were taken on."""
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


def run_bench(model: str, dtype: str, seed: int, repeat: int, reporter: Reporter) -> dict[str, Any]:
    """Do the main job and print it; return what was printed."""
    machine = describe_machine()
    reporter.line(", ".join(f"{name} {value}" for name, value in machine.items()))
    groups, parts = make_groups(model, dtype)
    total = sum(array.size for _, _, array in parts)
    size = total * DTYPES[dtype].itemsize
    root = fastinit.Stream(seed)
    for group, parameter, array in reporter.track(parts, f"{model}, {dtype}"):
        stream = root / parameter.name
        fill = group.rule.fill
        group.cold_seconds += _best(lambda a=array, s=stream, f=fill: f(a, s))  # type: ignore[misc]
    cold = sum(group.cold_seconds for group in groups)
    reporter.line(
        f"{model}: {total:,} parameters, {size / 1e9:.3f} GB, each on the stream of its name, in "
        f"{cold:.3f} s ({size / cold / 1e9:.1f} GB/s, first touch of the memory included)"
    )
    for group in groups:
        measure_group(group, dtype)
    others = peers(dtype, seed)
    rounds, start = 0, time.perf_counter()
    while rounds < repeat and (rounds == 0 or time.perf_counter() - start < SECONDS):
        rounds += 1
        for group in reporter.track(groups, f"side by side, round {rounds}"):
            _race(group, root, others)
    passed = all(group.errors <= STANDARD_ERRORS for group in groups)
    _print_groups(groups, reporter)
    _print_race(groups, list(others), rounds, reporter)
    reporter.line(
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
                "shape": list(group.shape),
                "rule": group.rule.label,
                "target_mean": group.rule.mean,
                "target_std": group.rule.std,
                "measured_mean": finite_or_none(group.mean),
                "measured_std": finite_or_none(group.std),
                "standard_errors": finite_or_none(group.errors),
                "bytes": group.size,
                "warm_seconds": group.seconds,
            }
            for group in groups
        ],
    }


def _race(
    group: Group, root: fastinit.Stream, others: dict[str, Callable[[Rule, Array], object]]
) -> None:
    def ours() -> None:
        for parameter, array in zip(group.parameters, group.arrays, strict=True):
            group.rule.fill(array, root / parameter.name)

    runs: dict[str, Callable[[], object]] = {"fastinit": ours}
    for name, fill in others.items():
        runs[name] = lambda f=fill: [f(group.rule, array) for array in group.arrays]  # type: ignore[misc]
    for name, run in runs.items():
        group.seconds[name] = min(group.seconds.get(name, math.inf), _best(run))


def _print_groups(groups: list[Group], reporter: Reporter) -> None:
    rows = []
    for group in groups:
        rows.append(
            [
                f"{group.label} x{len(group.arrays)}",
                "x".join(map(str, group.shape)),
                group.rule.label,
                f"{group.rule.std:.5f}",
                f"{group.std:.5f}",
                "OFF" if group.errors > STANDARD_ERRORS else f"{group.errors:.1f}",
                f"{group.size / group.seconds['fastinit'] / 1e9:.2f}",
            ]
        )
    columns = ["group", "shape", "rule", "std", "measured", "errors", "GB/s"]
    reporter.table(
        "Initialised (std: target; errors: standard errors off; GB/s: warm)",
        columns,
        rows,
    )


def _print_race(groups: list[Group], others: list[str], rounds: int, reporter: Reporter) -> None:
    rules: dict[str, dict[str, float]] = {}
    for group in groups:
        kind = rules.setdefault(group.rule.kind, {"bytes": 0.0})
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
    columns = ["fills", "MB", "fastinit ms", "NumPy ms", "ratio", "torch ms", "ratio"]
    reporter.table(
        f"Side by side with NumPy's SFC64 and torch (alternately, best of {rounds})",
        columns,
        rows,
    )
