"""Measures how fast memory takes stores: fills of one value, by limits.c."""

from __future__ import annotations

import ctypes
import mmap
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.team import together
from benchmarks.timing import Side

Bytes = npt.NDArray[np.uint8]
SOURCE = Path(__file__).with_name("limits.c")
HUGE_PAGE = 1 << 21
LINE = 64
REPEATED_SIZE = 1 << 20
# The names in results files.
NONTEMPORAL = "limit: streamed"
CACHED = "limit: cached"
FIRST_TOUCH = "limit: first touch"


@lru_cache
def library() -> ctypes.CDLL | None:
    """Compile and load limits.c; return None if there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "limits.so"
        flags = ["-O3", "-march=native", "-std=gnu11", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, "-o", target, SOURCE], check=True)
        loaded = ctypes.CDLL(str(target))
    loaded.store_name.restype = ctypes.c_char_p
    for fill in (loaded.fill_nontemporal, loaded.fill_cached):
        fill.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t]
        fill.restype = None
    return loaded


def store_name() -> str | None:
    """Return the instruction set of the stores of limits.c."""
    loaded = library()
    return None if loaded is None else loaded.store_name().decode()


def _parts(size: int, threads: int, unit: int) -> list[tuple[int, int]]:
    """Return offset and size of each thread's part: a multiple of `unit`, except the last."""
    each = -(-size // (threads * unit)) * unit
    return [(start, min(each, size - start)) for start in range(0, size, each)]


def _filling(
    fill: Any, memory: Bytes, threads: int, unit: int, repeats: int = 1
) -> Callable[[], object]:
    """Return a function that fills memory, each thread one part."""
    address = memory.ctypes.data
    parts = _parts(memory.size, threads, unit)
    return together([partial(fill, address + start, size, repeats) for start, size in parts])


def sides(array: npt.NDArray[Any], threads: int = 1) -> list[Side]:
    """Return fills by non-temporal and by cached stores of an aligned array of whole cache lines.

    Fills of small arrays are repeated in C, so that calls from Python take no measurable time.
    """
    loaded = library()
    if loaded is None:
        return []
    memory = array.reshape(-1).view(np.uint8)
    assert memory.ctypes.data % LINE == memory.size % LINE == 0
    repeats = max(1, REPEATED_SIZE // memory.size)
    return [
        Side(name, _filling(fill, memory, threads, LINE, repeats), repeats=repeats)
        for name, fill in ((NONTEMPORAL, loaded.fill_nontemporal), (CACHED, loaded.fill_cached))
    ]


def _fresh(fill: Any, size: int, threads: int) -> Bytes:
    pages = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE)
    memory: Bytes = np.frombuffer(pages, np.uint8)
    start = -memory.ctypes.data % HUGE_PAGE
    memory = memory[start : start + size]
    _filling(fill, memory, threads, HUGE_PAGE)()
    return memory


def first_touch_sides(size: int, threads: int) -> list[Side]:
    """Return fills of new huge pages; each thread first touches its part."""
    loaded = library()
    if loaded is None:
        return []
    return [
        Side(f"{FIRST_TOUCH}, streamed", partial(_fresh, loaded.fill_nontemporal, size, threads)),
        Side(f"{FIRST_TOUCH}, cached", partial(_fresh, loaded.fill_cached, size, threads)),
    ]
