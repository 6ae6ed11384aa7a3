"""The groups of races. All sizes follow from one number of elements, 64 Mi by default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import fastinit
from benchmarks import limits, peers
from benchmarks.construction import MODELS, WAYS, construct
from benchmarks.machine import OtherProcesses, installed
from benchmarks.models import fill_each, fill_together, gpt2_elements
from benchmarks.results import Race
from benchmarks.rows import (
    KAIMING,
    NORMAL,
    NUMPY,
    ORTHOGONAL,
    SMALLEST,
    TENSOR,
    TRUNCATED,
    TRUNCATED_USUAL,
    UNIFORM,
    Sizes,
    Work,
    creation_side,
    fastinit_side,
    model_side,
    small_side,
)
from benchmarks.timing import Side, alternate
from fastinit import _core
from fastinit.dtypes import DTYPES
from fastinit.fill import run

Array = npt.NDArray[Any]
TRUNCATED_NAMES = {TRUNCATED: "+-2 sigma", TRUNCATED_USUAL: "std .02 within +-2"}


@dataclass(frozen=True)
class Settings(Sizes):
    """Number of elements, of threads at most, and of rounds."""

    rounds: int

    @property
    def dtypes(self) -> list[str]:
        """The dtypes that the races use."""
        return ["float32", *(["bfloat16"] if installed("ml_dtypes") else []), "float16", "float64"]

    @property
    def thread_counts(self) -> list[int]:
        """One thread, two, four ... all."""
        powers = [1 << n for n in range(max(1, self.threads - 1).bit_length())]
        return sorted({*powers, self.threads})

    def race(
        self,
        group: str,
        name: str,
        sides: list[Side],
        elements: int,
        size: int | None,
        threads: int = 1,
        rounds: int | None = None,
    ) -> Race:
        """Time the sides of a race; `size` is in bytes, None if it differs between sides."""
        others = OtherProcesses()
        seconds = alternate(sides, rounds or self.rounds)
        return Race(group, name, elements, size, threads, seconds, others.cpus())


def _everyone(work: Work, array: Array) -> list[Side]:
    return limits.sides(array) + peers.sides(work, array)


def single(settings: Settings) -> Iterator[Race]:
    """One thread, memory already touched."""
    for dtype in settings.dtypes:
        for work in (UNIFORM, NORMAL):
            array = settings.array(settings.elements, dtype)
            yield settings.race(
                "single", f"{work.name} {dtype}", _everyone(work, array), array.size, array.nbytes
            )
        # A quarter of the elements, as torch's is slow.
        array = settings.array(settings.elements // 4, dtype)
        for work, interval in TRUNCATED_NAMES.items():
            if work == TRUNCATED_USUAL and dtype != "float32":
                continue
            own = fastinit_side(NORMAL, array, name="fastinit normal_")
            name = f"{work.name} {dtype} {interval}"
            yield settings.race(
                "single", name, [own, *_everyone(work, array)], array.size, array.nbytes
            )
    width = settings.width
    array = settings.array(width * width, "float32").reshape(width, width)
    sides = _everyone(KAIMING, array)
    yield settings.race("single", "kaiming_normal_ float32", sides, array.size, array.nbytes)


def dtypes(settings: Settings) -> Iterator[Race]:
    """Each dtype against float32, one thread."""
    for work in (UNIFORM, NORMAL, TRUNCATED):
        sides = [
            fastinit_side(work, settings.array(settings.elements, dtype), name=dtype)
            for dtype in settings.dtypes
        ]
        yield settings.race("dtypes", work.name, sides, settings.elements, None)


def keystream(settings: Settings) -> Iterator[Race]:
    """The keystream itself, one thread, memory already touched; an element is a byte."""
    memory = settings.memory[: 4 * settings.elements]
    view = _core.view_of_buffer(memory, "uint8", memory)
    bits = ((view, None, (_core.BITS, ()), fastinit.Stream(0).key),)
    sides = [
        *limits.sides(memory),
        Side("fastinit", partial(run, bits), partial(fastinit.set_num_threads, 1)),
        fastinit_side(UNIFORM, memory.view(np.float32), name="fastinit uniform_"),
    ]
    yield settings.race("keystream", "bytes", sides, memory.size, memory.nbytes)


def curve(settings: Settings) -> Iterator[Race]:
    """Sizes from 64 elements to four times those of the other races, one thread."""
    kept = ("fastinit", "torch", "NumPy SFC64", "MKL ARS5 ICDF", "MKL SFMT19937 ICDF")
    elements = SMALLEST
    while elements <= 4 * settings.elements:
        if elements <= 2 * settings.elements:
            array = settings.array(elements, "float32")
        else:
            array = fastinit.empty(elements, "float32")
            array.fill(0)
        sides = limits.sides(array)
        sides.append(fastinit_side(UNIFORM, array, name="fastinit uniform_"))
        slow = elements > settings.elements  # the curves of the others are flat here
        everyone = peers.sides(NORMAL, array)[: 1 if slow else None]
        sides += [side for side in everyone if side.name in kept]
        yield settings.race("curve", f"normal_ {elements}", sides, array.size, array.nbytes)
        elements *= 4


def threads(settings: Settings) -> Iterator[Race]:
    """The same fill on one thread, two, four ... all."""
    array = settings.array(settings.elements, "float32")
    mkl = "MKL SFMT19937"  # MKL's fastest generator on large arrays
    kept = (limits.NONTEMPORAL, "fastinit", "torch", "NumPy SFC64", mkl, f"{mkl} ICDF")
    for work in (UNIFORM, NORMAL):
        sides = []
        for count in settings.thread_counts:
            for side in limits.sides(array, count) + peers.sides(work, array, count):
                if side.name in kept:
                    sides.append(replace(side, name=f"{side.name} on {count}"))
        name = f"{work.name} float32"
        yield settings.race("threads", name, sides, array.size, array.nbytes, settings.threads)


def cold(settings: Settings) -> Iterator[Race]:
    """Creation of arrays, on all threads."""
    elements, count = 4 * settings.elements, settings.threads
    sides = limits.first_touch_sides(4 * elements, count)
    for name in ("uniform", "normal"):
        sides.append(creation_side(name, elements, "float32", count, f"fastinit.{name}"))
    yield settings.race("cold", "large", sides, elements, 4 * elements, count)
    elements = settings.elements
    for dtype in ("float32", "float64"):
        sides = list(peers.creating_sides(elements, dtype, count))
        size = elements * DTYPES[dtype].itemsize
        yield settings.race("cold", f"normals, {dtype}", sides, elements, size, count)


def small(settings: Settings) -> Iterator[Race]:
    """Calls on small matrices."""
    for width in (8, 64):
        array = np.zeros((width, width), np.float32)
        sides = [small_side(width, NUMPY, settings.threads)]
        if installed("torch"):
            sides.append(small_side(width, TENSOR, settings.threads))
            sides += peers.torch_sides(KAIMING, array, settings.threads)
        yield settings.race(
            "small", f"kaiming_normal_ {width}x{width}", sides, array.size, array.nbytes
        )


def isas(settings: Settings) -> Iterator[Race]:
    """Each instruction set, and torch; a quarter of the elements, as portable C is slow."""
    array = settings.array(settings.elements // 4, "float32")
    for work in (UNIFORM, NORMAL):
        sides = [
            fastinit_side(work, array, name=f"fastinit {isa}", isa=isa)
            for isa in fastinit.available_isas()
        ]
        sides += peers.torch_sides(work, array, 1)
        yield settings.race("isas", f"{work.name} float32", sides, array.size, array.nbytes)


def strides(settings: Settings) -> Iterator[Race]:
    """A matrix and its transpose, one thread."""
    width = settings.width
    array = settings.array(width * width, "float32").reshape(width, width)
    sides = []
    for name, target in (("contiguous", array), ("transposed", array.T)):
        sides.append(fastinit_side(NORMAL, target, name=f"fastinit {name}"))
        for side in peers.torch_sides(NORMAL, target, 1):
            sides.append(replace(side, name=f"torch {name}"))
    yield settings.race("strides", "normal_ float32", sides, array.size, array.nbytes)


def orthogonal(settings: Settings) -> Iterator[Race]:
    """A QR decomposition, on all threads."""
    width = settings.width // 2
    array = settings.array(width * width, "float32").reshape(width, width)
    sides = [fastinit_side(ORTHOGONAL, array, settings.threads)]
    sides += peers.torch_sides(ORTHOGONAL, array, settings.threads)
    rounds = min(settings.rounds, 3)
    name = "orthogonal_ float32"
    yield settings.race(
        "orthogonal", name, sides, array.size, array.nbytes, settings.threads, rounds
    )


def models(settings: Settings) -> Iterator[Race]:
    """GPT-2's parameters in one call, in many calls, and as one array; all threads."""
    threads = settings.threads
    array = fastinit.empty(gpt2_elements(settings.scale), "float32")
    array.fill(0)
    sides = [
        model_side(fill_together, "one call", settings.scale, threads),
        model_side(fill_each, "a call each", settings.scale, threads),
        fastinit_side(NORMAL, array, threads, "one array"),
    ]
    yield settings.race("models", "gpt2", sides, array.size, array.nbytes, threads)


def construction(settings: Settings) -> Iterator[Race]:
    """Models of transformers, as that library constructs them and by fastinit; all threads."""
    if not installed("transformers"):
        return
    for model in MODELS:
        rounds = [
            {way: construct(model, way, settings.scale) for way in WAYS}
            for _ in range(min(settings.rounds, 3))
        ]
        seconds = {way: [taken[way].seconds for taken in rounds] for way in WAYS}
        peaks = {way: max(taken[way].peak for taken in rounds) for way in WAYS}
        elements = rounds[0][WAYS[0]].parameters
        threads = settings.threads
        size = 4 * elements
        yield Race("construction", model, elements, size, threads, seconds, peaks=peaks)


GROUPS: dict[str, Callable[[Settings], Iterator[Race]]] = {
    group.__name__: group
    for group in (
        single,
        dtypes,
        keystream,
        curve,
        threads,
        cold,
        small,
        isas,
        strides,
        orthogonal,
        models,
        construction,
    )
}
