"""What is raced. Every size follows from one number of elements, by default 64 Mi."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

import fastinit
from benchmarks import limits, peers
from benchmarks.construction import MODELS, WAYS, construct
from benchmarks.machine import OtherProcesses, installed
from benchmarks.models import fill_each, fill_together, gpt2_fills
from benchmarks.peers import NORMAL, TRUNCATED, TRUNCATED_USUAL, UNIFORM, Work
from benchmarks.results import Race
from benchmarks.timing import Side, alternate
from fastinit import _core
from fastinit.arrays import dtype_of
from fastinit.dtypes import DTYPES
from fastinit.fill import run

Array = npt.NDArray[Any]
ELEMENTS = 64 << 20
SMALLEST = 64
UNIT = SMALLEST * SMALLEST  # every size that follows from a multiple of it is whole cache lines
TRUNCATED_NAMES = {TRUNCATED: "+-2 sigma", TRUNCATED_USUAL: "std .02 within +-2"}


@dataclass(frozen=True)
class Settings:
    """How much is filled, how often, and on how many threads at most."""

    elements: int
    rounds: int
    threads: int

    @cached_property
    def memory(self) -> Array:
        """Memory on huge pages, touched, that all sides fill in turn."""
        memory = fastinit.empty(self.elements, "float64").view(np.uint8)
        memory.fill(0)
        return memory

    def array(self, elements: int, dtype: str) -> Array:
        """Return an array in that memory."""
        return self.memory[: elements * DTYPES[dtype].itemsize].view(dtype_of(dtype))

    @property
    def width(self) -> int:
        """Width of a square matrix of about as many elements, in whole cache lines."""
        return math.isqrt(self.elements) // 16 * 16

    @property
    def dtypes(self) -> list[str]:
        """The dtypes that everything is raced in."""
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
        """Time the sides of a race; `size` is in bytes, None where it is not the same for all."""
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
        # torch's takes so long that a quarter must do.
        array = settings.array(settings.elements // 4, dtype)
        for work, interval in TRUNCATED_NAMES.items():
            if work == TRUNCATED_USUAL and dtype != "float32":
                continue
            own = peers.fastinit_side(NORMAL, array, name="fastinit normal_")
            name = f"{work.name} {dtype} {interval}"
            yield settings.race(
                "single", name, [own, *_everyone(work, array)], array.size, array.nbytes
            )
    width = settings.width
    array = settings.array(width * width, "float32").reshape(width, width)
    sides = _everyone(Work("kaiming_normal_", ()), array)
    yield settings.race("single", "kaiming_normal_ float32", sides, array.size, array.nbytes)


def dtypes(settings: Settings) -> Iterator[Race]:
    """Each dtype against float32, one thread."""
    for work in (UNIFORM, NORMAL, TRUNCATED):
        sides = [
            peers.fastinit_side(work, settings.array(settings.elements, dtype), name=dtype)
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
        peers.fastinit_side(UNIFORM, memory.view(np.float32), name="fastinit uniform_"),
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
        sides.append(peers.fastinit_side(UNIFORM, array, name="fastinit uniform_"))
        slow = elements > settings.elements  # the curves of the others are flat by then
        everyone = peers.sides(NORMAL, array)[: 1 if slow else None]
        sides += [side for side in everyone if side.name in kept]
        yield settings.race("curve", f"normal_ {elements}", sides, array.size, array.nbytes)
        elements *= 4


def threads(settings: Settings) -> Iterator[Race]:
    """The same fill on one thread, two, four ... all."""
    array = settings.array(settings.elements, "float32")
    mkl = "MKL SFMT19937"  # its fastest on large arrays
    kept = (limits.STREAMED, "fastinit", "torch", "NumPy SFC64", mkl, f"{mkl} ICDF")
    for work in (UNIFORM, NORMAL):
        sides = []
        for count in settings.thread_counts:
            for side in limits.sides(array, count) + peers.sides(work, array, count):
                if side.name in kept:
                    sides.append(replace(side, name=f"{side.name} on {count}"))
        name = f"{work.name} float32"
        yield settings.race("threads", name, sides, array.size, array.nbytes, settings.threads)


def cold(settings: Settings) -> Iterator[Race]:
    """Arrays that are created, on all threads."""
    elements, count = 4 * settings.elements, settings.threads
    prepare = partial(fastinit.set_num_threads, count)
    sides = limits.first_touch_sides(4 * elements, count)
    for creator in (fastinit.uniform, fastinit.normal):
        name = f"fastinit.{creator.__name__}"
        sides.append(Side(name, partial(creator, elements, generator=0), prepare))
    yield settings.race("cold", "large", sides, elements, 4 * elements, count)
    elements = settings.elements
    for dtype in ("float32", "float64"):
        sides = list(peers.creating_sides(elements, dtype, count))
        size = elements * DTYPES[dtype].itemsize
        yield settings.race("cold", f"normals, {dtype}", sides, elements, size, count)


def small(settings: Settings) -> Iterator[Race]:
    """Calls on small matrices."""
    prepare = partial(fastinit.set_num_threads, settings.threads)
    for width in (8, 64):
        array = np.zeros((width, width), np.float32)
        fill = fastinit.kaiming_normal_
        sides = [Side("fastinit, NumPy array", partial(fill, array), prepare)]
        if installed("torch"):
            import torch

            tensor = torch.zeros(width, width)
            sides.append(Side("fastinit, torch tensor", partial(fill, tensor), prepare))
            sides.append(Side("torch", partial(torch.nn.init.kaiming_normal_, tensor)))
        yield settings.race(
            "small", f"kaiming_normal_ {width}x{width}", sides, array.size, array.nbytes
        )


def isas(settings: Settings) -> Iterator[Race]:
    """Each instruction set, forced, and torch; a quarter of the elements, for the portable one."""
    array = settings.array(settings.elements // 4, "float32")
    for work in (UNIFORM, NORMAL):
        sides = [
            peers.fastinit_side(work, array, name=f"fastinit {isa}", isa=isa)
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
        sides.append(peers.fastinit_side(NORMAL, target, name=f"fastinit {name}"))
        for side in peers.torch_sides(NORMAL, target, 1):
            sides.append(replace(side, name=f"torch {name}"))
    yield settings.race("strides", "normal_ float32", sides, array.size, array.nbytes)


def orthogonal(settings: Settings) -> Iterator[Race]:
    """A QR decomposition, on all threads."""
    width = settings.width // 2
    array = settings.array(width * width, "float32").reshape(width, width)
    work = Work("orthogonal_", ())
    sides = [peers.fastinit_side(work, array, settings.threads)]
    sides += peers.torch_sides(work, array, settings.threads)
    rounds = min(settings.rounds, 3)
    name = "orthogonal_ float32"
    yield settings.race(
        "orthogonal", name, sides, array.size, array.nbytes, settings.threads, rounds
    )


def models(settings: Settings) -> Iterator[Race]:
    """GPT-2's parameters in one call, in many, and as many elements in one array; all threads."""
    fills = gpt2_fills(settings.elements / ELEMENTS)
    elements = sum(view.size for view, *_ in fills)
    array = fastinit.empty(elements, "float32")
    array.fill(0)
    prepare = partial(fastinit.set_num_threads, settings.threads)
    sides = [
        Side("one call", partial(fill_together, fills), prepare),
        Side("a call each", partial(fill_each, fills), prepare),
        peers.fastinit_side(NORMAL, array, settings.threads, name="one array"),
    ]
    yield settings.race("models", "gpt2", sides, array.size, array.nbytes, settings.threads)


def construction(settings: Settings) -> Iterator[Race]:
    """Models of transformers, as that library constructs them and by fastinit; all threads."""
    if not installed("transformers"):
        return
    scale = settings.elements / ELEMENTS
    for model in MODELS:
        rounds = [
            {way: construct(model, way, scale) for way in WAYS}
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
