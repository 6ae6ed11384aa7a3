"""Intel MKL's vector statistics library, by ctypes from the PyPI package mkl."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from importlib.metadata import files
from typing import Any

import numpy as np
import numpy.typing as npt

# mkl_vsl_defines.h, mkl_service.h
BRNGS = {"MT2203": 9 << 20, "SFMT19937": 13 << 20, "ARS5": 15 << 20, "PHILOX4X32X10": 16 << 20}
GAUSSIAN_METHODS = {"BoxMuller": 0, "BoxMuller2": 1, "ICDF": 2}
UNIFORM_METHOD = 0
MT2203_STREAMS = 6024
THREADING_SEQUENTIAL = 1
CHUNK = 1 << 28  # a count is an int32


@lru_cache
def library() -> ctypes.CDLL:
    """Load libmkl_rt, whose threads would only add to ours."""
    paths = [path for path in files("mkl") or [] if path.name.startswith("libmkl_rt.")]
    loaded = ctypes.CDLL(str(paths[0].locate()))
    loaded.MKL_Set_Threading_Layer(THREADING_SEQUENTIAL)
    for letter, real in (("s", ctypes.c_float), ("d", ctypes.c_double)):
        for name in ("Uniform", "Gaussian"):
            function = getattr(loaded, f"v{letter}Rng{name}")
            function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
            function.argtypes += [real, real]
    loaded.vslNewStream.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint]
    return loaded


def _check(status: int) -> None:
    if status != 0:
        raise RuntimeError(f"MKL returned status {status}")


class Stream:
    """A random stream of a basic generator (BRNG)."""

    def __init__(self, brng: str, number: int) -> None:
        self.state = ctypes.c_void_p()
        family = number % MT2203_STREAMS if brng == "MT2203" else 0
        _check(library().vslNewStream(ctypes.byref(self.state), BRNGS[brng] + family, number))

    def fill(
        self, name: str, method: int, array: npt.NDArray[Any], parameters: tuple[float, float]
    ) -> None:
        """Fill a contiguous array by vsRngNAME or vdRngNAME."""
        letter = {np.dtype("f4"): "s", np.dtype("f8"): "d"}[array.dtype]
        function = getattr(library(), f"v{letter}Rng{name}")
        for start in range(0, array.size, CHUNK):
            part = array[start : start + CHUNK]
            _check(function(method, self.state, part.size, part.ctypes.data, *parameters))
