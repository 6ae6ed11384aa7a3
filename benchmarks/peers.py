"""The sides of the races: fastinit and other libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import mkl
from benchmarks.machine import installed
from benchmarks.rows import NORMAL, UNIFORM, Work, creation_side, fastinit_side
from benchmarks.team import Task, together
from benchmarks.timing import Side

Array = npt.NDArray[Any]


def as_tensor(array: Array) -> Any:
    """Return a torch tensor that shares an array's memory."""
    import torch

    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def torch_sides(work: Work, array: Array, threads: int) -> Iterator[Side]:
    """Yield torch.nn.init, if torch is installed."""
    if not installed("torch"):
        return
    import torch

    fill = getattr(torch.nn.init, work.name)
    run = partial(fill, as_tensor(array), *work.parameters)
    yield Side("torch", run, partial(torch.set_num_threads, threads))


Filler = Callable[[Array], Task]


def _split(array: Array, fillers: Sequence[Filler]) -> Task:
    """Return a function that fills an array, one part per filler, all at once."""
    parts = np.array_split(array, len(fillers))
    return together([filler(part) for filler, part in zip(fillers, parts, strict=True)])


def _does(work: Work, array: Array) -> bool:
    """Return whether the work is in float32 or float64, and not a truncated normal."""
    return work in (UNIFORM, NORMAL) and array.dtype.name in ("float32", "float64")


def numpy_sides(work: Work, array: Array, threads: int) -> Iterator[Side]:
    """Yield NumPy's Generator, one per thread; also with randomgen's AES."""
    if not _does(work, array):
        return
    makers: dict[str, Any] = {"NumPy SFC64": np.random.SFC64, "NumPy PCG64": np.random.PCG64}
    if installed("randomgen"):
        import randomgen

        makers["randomgen AESCounter"] = randomgen.AESCounter

    def filler(generator: Any) -> Filler:
        draw = generator.random if work == UNIFORM else generator.standard_normal
        return lambda part: partial(draw, out=part, dtype=part.dtype)

    for name, maker in makers.items():
        generators = [np.random.Generator(maker(seed)) for seed in range(threads)]
        yield Side(name, _split(array, [filler(generator) for generator in generators]))


def randompack_sides(work: Work, array: Array, threads: int) -> Iterator[Side]:
    """Yield randompack with its default engine and with its fastest."""
    if not _does(work, array) or not installed("randompack"):
        return
    import randompack

    def filler(engine: str, seed: int) -> Filler:
        generator = randompack.Rng(engine)
        generator.seed(seed)
        draw = generator.unif if work == UNIFORM else generator.normal
        return lambda part: partial(draw, out=part)

    for engine in ("x256++simd", "sfc64simd"):
        fillers = [filler(engine, seed) for seed in range(threads)]
        yield Side(f"randompack {engine}", _split(array, fillers))


def mkl_sides(work: Work, array: Array, threads: int) -> Iterator[Side]:
    """Yield MKL's generators, each with all of its methods."""
    if not _does(work, array) or not installed("mkl"):
        return
    distribution = "Uniform" if work == UNIFORM else "Gaussian"
    for brng in mkl.BRNGS:
        for method in mkl.METHODS[distribution]:
            fillers = [
                partial(mkl.Stream(brng, number).filling, distribution, method)
                for number in range(threads)
            ]
            yield Side(f"MKL {brng} {method}".rstrip(), _split(array, fillers))


def sides(work: Work, array: Array, threads: int = 1) -> list[Side]:
    """Return fastinit and every peer that can do this work in place."""
    found = [fastinit_side(work, array, threads)]
    for peer in (torch_sides, numpy_sides, randompack_sides, mkl_sides):
        found += peer(work, array, threads)
    return found


def creating_sides(elements: int, dtype: str, threads: int) -> Iterator[Side]:
    """Yield creations of normal arrays: mkl_random only in float64, jax only in float32."""
    yield creation_side("normal", elements, dtype, threads)
    sfc: Any = np.random.Generator(np.random.SFC64(0))
    yield Side("NumPy SFC64", partial(sfc.standard_normal, elements, dtype))
    if installed("torch"):
        import torch

        run = partial(torch.randn, elements, dtype=getattr(torch, dtype))
        yield Side("torch", run, partial(torch.set_num_threads, threads))
    if dtype == "float32" and installed("jax"):
        import jax

        draw = jax.jit(partial(jax.random.normal, shape=(elements,)))
        for name, implementation in (("threefry", "threefry2x32"), ("rbg", "rbg")):
            key = jax.random.key(0, impl=implementation)
            yield Side(f"jax {name}", partial(_draw_and_wait, draw, key))
    if dtype == "float64" and installed("mkl_random") and installed("mkl"):
        mkl.library()
        import mkl_random

        for method in mkl.METHODS["Gaussian"]:
            state = mkl_random.MKLRandomState(0, brng="ARS5")
            run = partial(state.standard_normal, elements, method=method)
            yield Side(f"mkl_random ARS5 {method}", run)


def _draw_and_wait(draw: Any, key: Any) -> Any:
    return draw(key).block_until_ready()
