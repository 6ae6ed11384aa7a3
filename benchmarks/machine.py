"""Describes the machine and the software of a run."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import fastinit
from benchmarks import ROOT, limits

PEERS = (
    "torch",
    "mkl",
    "mkl_random",
    "randompack",
    "randomgen",
    "jax",
    "ml_dtypes",
    "transformers",
)


@lru_cache
def installed(package: str) -> str | None:
    """Return a package's version, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def processor() -> str:
    """Return the processor's name."""
    for line in (_read(Path("/proc/cpuinfo")) or "").splitlines():
        if line.startswith("model name"):
            return re.sub(r"\((R|TM)\)", "", line.partition(":")[2]).strip()
    return platform.processor() or platform.machine()


def cpus() -> list[int]:
    """Return the numbers of the CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def caches() -> dict[str, str]:
    """Return the size of each data cache of the first CPU."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level = _read(index / "type"), _read(index / "level")
        if kind in ("Data", "Unified"):
            kibibytes = int((_read(index / "size") or "0K").removesuffix("K"))
            mebibytes = f"{kibibytes >> 10} MiB"
            found[f"L{level}"] = f"{kibibytes} KiB" if kibibytes < 1024 else mebibytes
    return found


class OtherProcesses:
    """Measures how many CPUs other processes and virtual machines use, from its creation on."""

    def __init__(self) -> None:
        self.wall, self.busy = time.perf_counter(), self._busy()

    def _busy(self) -> float | None:
        line = (_read(Path("/proc/stat")) or "").partition("\n")[0]
        if not line:
            return None
        user, nice, system, _idle, _waiting, *interrupts_and_steal = map(int, line.split()[1:9])
        ticks = user + nice + system + sum(interrupts_and_steal)
        return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()

    def cpus(self) -> float | None:
        """Return their mean number; None if the system does not count it."""
        busy, wall = self._busy(), time.perf_counter() - self.wall
        if busy is None or self.busy is None:
            return None
        return round(max(0.0, busy - self.busy) / wall, 2)


def _commit() -> str | None:
    try:
        command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def describe() -> dict[str, Any]:
    """Return the machine, the software and the date."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "cpus": len(cpus()),
        "caches": caches(),
        "huge_pages": _read(Path("/sys/kernel/mm/transparent_hugepage/enabled")),
        "system": platform.platform(),
        "isa": fastinit.isa(),
        "isas": fastinit.available_isas(),
        "stores": limits.store_name(),
        "commit": _commit(),
        "versions": {
            "python": platform.python_version(),
            **{name: installed(name) for name in ("fastinit", "numpy", *PEERS)},
        },
    }
