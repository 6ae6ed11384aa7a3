"""Intel MKL's vector statistics library, by ctypes from the PyPI package mkl."""

from __future__ import annotations

import ctypes
from functools import lru_cache, partial
from importlib.metadata import files
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.team import Task, in_turn

# mkl_vsl_defines.h, mkl_service.h
BRNGS = {"MT2203": 9 << 20, "SFMT19937": 13 << 20, "ARS5": 15 << 20, "PHILOX4X32X10": 16 << 20}
METHODS = {"Uniform": {"": 0}, "Gaussian": {"BoxMuller": 0, "BoxMuller2": 1, "ICDF": 2}}
MT2203_STREAMS = 6024
THREADING_SEQUENTIAL = 1
CHUNK = 1 << 30  # a count is an int32


@lru_cache
def library() -> ctypes.CDLL:
    """Load libmkl_rt without threads of its own: the benchmark starts threads."""
    paths = [path for path in files("mkl") or [] if path.name.startswith("libmkl_rt.")]
    loaded = ctypes.CDLL(str(paths[0].locate()))
    loaded.MKL_Set_Threading_Layer(THREADING_SEQUENTIAL)
    for letter, real in (("s", ctypes.c_float), ("d", ctypes.c_double)):
        for name in ("Uniform", "Gaussian"):
            function = getattr(loaded, f"v{letter}Rng{name}")
            function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
            function.argtypes += [real, real]
            function.restype = _check
    loaded.vslNewStream.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint]
    loaded.vslNewStream.restype = _check
    return loaded


def _check(status: int) -> None:
    if status != 0:
        raise RuntimeError(f"MKL returned status {status}")


class Stream:
    """A random stream of a basic generator (BRNG)."""

    def __init__(self, brng: str, number: int) -> None:
        self.state = ctypes.c_void_p()
        family = number % MT2203_STREAMS if brng == "MT2203" else 0
        library().vslNewStream(ctypes.byref(self.state), BRNGS[brng] + family, number)

    def filling(self, distribution: str, method: str, array: npt.NDArray[Any]) -> Task:
        """Return a function that fills a contiguous array by vsRng... or vdRng... on (0, 1)."""
        letter = {np.dtype("f4"): "s", np.dtype("f8"): "d"}[array.dtype]
        function = getattr(library(), f"v{letter}Rng{distribution}")
        number = METHODS[distribution][method]
        parts = [array[start : start + CHUNK] for start in range(0, array.size, CHUNK)]
        return in_turn(
            [
                partial(function, number, self.state, part.size, part.ctypes.data, 0.0, 1.0)
                for part in parts
            ]
        )
