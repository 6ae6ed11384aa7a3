"""Defines fastinit's side of the races, and the rows by which commits are compared.

Older and newer builds of fastinit run the rows too, so rows use public names. The few private names
are used only to set a row up, so that a build without them fails to run only that row.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import fastinit
from benchmarks import models
from benchmarks.timing import Side

Array = npt.NDArray[Any]
ELEMENTS = 64 << 20
SMALLEST = 64
UNIT = SMALLEST * SMALLEST  # sizes that follow from a multiple of it are whole cache lines
PAGE = 4096
CACHED_WIDTH = 256
IN_CACHE = CACHED_WIDTH**2  # elements of any dtype that fit in an L2 cache
ACTIVE_ISA = fastinit.isa()
NUMPY, TENSOR = "NumPy array", "torch tensor"
DROP_IN, ACCELERATED = "drop-in", "in accelerate()"
SMALL_KINDS = (NUMPY, TENSOR, DROP_IN, ACCELERATED)
NARROW = 0.125  # width of models that measure the time per tensor, not the speed of memory
ACCELERATED_CALLS = 100  # calls within one context, whose entry they share


@dataclass(frozen=True)
class Sizes:
    """Number of elements, and of threads at most."""

    elements: int
    threads: int

    @cached_property
    def memory(self) -> Array:
        """Touched memory on huge pages, which all sides fill in turn."""
        memory = fastinit.empty(self.elements, "float64").view(np.uint8)
        memory.fill(0)
        return memory

    def array(self, elements: int, dtype: str, offset: int = 0) -> Array:
        """Return an array in that memory, `offset` bytes from the start of a huge page."""
        type_ = fastinit.empty(0, dtype).dtype
        return self.memory[offset : offset + elements * type_.itemsize].view(type_)

    def array_anywhere(self, elements: int, dtype: str, offset: int = 0) -> Array:
        """Return an array in that memory, `offset` bytes from the start of any page.

        The speed of a fill depends on the address, by which caches predict their ways.
        """
        pages = (self.memory.size - elements * fastinit.empty(0, dtype).itemsize - offset) // PAGE
        return self.array(elements, dtype, offset + random.randrange(pages + 1) * PAGE)

    @property
    def width(self) -> int:
        """Width of a square matrix of about `elements` elements, in whole cache lines."""
        return math.isqrt(self.elements) // 16 * 16

    @property
    def scale(self) -> float:
        """Factor of the widths of models."""
        return self.elements / ELEMENTS


class Work(NamedTuple):
    """The work of every side: an initializer's name and its arguments."""

    name: str
    parameters: tuple[float, ...]


UNIFORM = Work("uniform_", (0.0, 1.0))
NORMAL = Work("normal_", (0.0, 1.0))
TRUNCATED = Work("trunc_normal_", (0.0, 1.0, -2.0, 2.0))
TRUNCATED_USUAL = Work("trunc_normal_", (0.0, 0.02, -2.0, 2.0))
CONSTANT = Work("constant_", (0.5,))
ORTHOGONAL = Work("orthogonal_", ())
KAIMING = Work("kaiming_normal_", ())


def use(threads: int, isa: str | None = None) -> None:
    """Set the number of threads and the instruction set, by default the best."""
    fastinit.set_num_threads(threads)
    fastinit._core.choose_isa(isa or ACTIVE_ISA)


def fastinit_side(
    work: Work, array: Any, threads: int = 1, name: str = "fastinit", isa: str | None = None
) -> Side:
    """Return a fill in place."""
    random = {} if work == CONSTANT else {"generator": 0}
    run = partial(getattr(fastinit, work.name), array, *work.parameters, **random)
    return Side(name, run, partial(use, threads, isa))


def creation_side(
    function: str, elements: int, dtype: str, threads: int, name: str = "fastinit"
) -> Side:
    """Return the creation of an array."""
    run = partial(getattr(fastinit, function), elements, dtype=dtype, generator=0)
    return Side(name, run, partial(use, threads))


def small_side(width: int, kind: str, threads: int) -> Side:
    """Return a call on a small matrix: one of the kinds in `SMALL_KINDS`."""
    name, prepare = f"fastinit, {kind}", partial(use, threads)
    if kind == NUMPY:
        array = np.zeros((width, width), np.float32)
        return Side(name, partial(fastinit.kaiming_normal_, array), prepare)
    import torch

    tensor = torch.zeros(width, width)
    if kind == TENSOR:
        return Side(name, partial(fastinit.kaiming_normal_, tensor), prepare)
    if kind == DROP_IN:
        from fastinit.torch import init

        return Side(name, partial(init.kaiming_normal_, tensor), prepare)
    from fastinit.torch import accelerate

    def run() -> None:
        with accelerate():
            for _ in range(ACCELERATED_CALLS):
                torch.nn.init.kaiming_normal_(tensor)

    return Side(name, run, prepare, ACCELERATED_CALLS)


def model_side(
    work: Callable[[float], Callable[[], object]], name: str, scale: float, threads: int
) -> Side:
    """Return a way of `models` to fill or to construct GPT-2."""
    return Side(name, work(scale), partial(use, threads))


@dataclass(frozen=True)
class Row:
    """Work that both builds do, whose times are compared."""

    group: str
    name: str
    make: Callable[[Sizes], Side]
    needs: str | None = None  # a package
    is_parallel: bool = False  # if not, each turn is on one CPU
    is_lasting: bool = False  # if not, each turn sets it up again, with other addresses

    def matches(self, pattern: str) -> bool:
        """Return whether a shell's pattern matches the group or the name."""
        return fnmatchcase(self.group, pattern) or fnmatchcase(self.name, pattern)


DTYPES = ("float32", "bfloat16", "float16", "float64", "float8_e4m3fn", "float8_e5m2")
ISAS = ("portable", "avx2", "avx2_vaes", "avx512", "avx512_bf16", "neon")
KERNELS = {
    "uniform_": UNIFORM,
    "normal_": NORMAL,
    "trunc_normal_": TRUNCATED,
    "constant_": CONSTANT,
}
# Offset from a cache line, and the function that returns the view to fill.
LAYOUTS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "aligned": (0, lambda array: array),
    "at 16 bytes": (16, lambda array: array),  # as NumPy's own memory is aligned
    "transposed": (0, lambda array: array.reshape(math.isqrt(array.size), -1).T),
    "reversed": (0, lambda array: array[::-1]),
}


def _fill(
    sizes: Sizes,
    work: Work,
    dtype: str = "float32",
    layout: str = "aligned",
    isa: str | None = None,
    in_memory: bool = False,
) -> Side:
    """Return a fill by one thread, of an array in the caches or of a larger one."""
    width = sizes.width // 4
    width = width if in_memory else min(CACHED_WIDTH, width)
    offset, view = LAYOUTS[layout]
    return fastinit_side(work, view(sizes.array_anywhere(width * width, dtype, offset)), isa=isa)


def _of_size(sizes: Sizes, elements: int) -> Side:
    return fastinit_side(NORMAL, np.zeros(elements, np.float32))


def _on_threads(sizes: Sizes, work: Work, threads: int) -> Side:
    return fastinit_side(work, sizes.array_anywhere(sizes.elements // 4, "float32"), threads)


def _created(sizes: Sizes, function: str) -> Side:
    return creation_side(function, 4 * sizes.elements, "float32", sizes.threads)


def _small(sizes: Sizes, width: int, kind: str) -> Side:
    return small_side(width, kind, sizes.threads)


def _orthogonal(sizes: Sizes) -> Side:
    width = sizes.width // 4
    array = sizes.array_anywhere(width * width, "float32").reshape(width, width)
    return fastinit_side(ORTHOGONAL, array, sizes.threads)


def _keystream(sizes: Sizes, in_memory: bool) -> Side:
    size = 4 * sizes.elements if in_memory else IN_CACHE
    return Side("fastinit", partial(fastinit.keystream, 0, size), partial(use, 1))


def _model(sizes: Sizes, work: Callable[[float], Callable[[], object]], size: float) -> Side:
    return model_side(work, "fastinit", size * sizes.scale, sizes.threads)


def _rows() -> Iterator[Row]:
    narrow = {dtype: "ml_dtypes" for dtype in DTYPES if dtype.startswith(("bfloat", "float8"))}
    for name, work in KERNELS.items():
        for dtype in DTYPES:
            for layout in LAYOUTS:
                make = partial(_fill, work=work, dtype=dtype, layout=layout)
                yield Row("kernels", f"{name} {dtype} {layout}", make, narrow.get(dtype))
    usual = partial(_fill, work=TRUNCATED_USUAL)
    yield Row("kernels", "trunc_normal_ float32 +-100 sigma", usual)
    for name, work in KERNELS.items():
        for isa in ISAS:
            yield Row("isas", f"{name} float32 {isa}", partial(_fill, work=work, isa=isa))
    for name, work in KERNELS.items():
        for dtype in DTYPES:
            make = partial(_fill, work=work, dtype=dtype, in_memory=True)
            yield Row("memory", f"{name} {dtype} in memory", make, narrow.get(dtype))
    for layout in ("transposed", "reversed"):
        make = partial(_fill, work=NORMAL, layout=layout, in_memory=True)
        yield Row("memory", f"normal_ float32 {layout} in memory", make)
    for elements in (64, 1 << 10, 16 << 10, 256 << 10):
        yield Row("curve", f"normal_ of {elements}", partial(_of_size, elements=elements))
    for name, work in KERNELS.items():
        make = partial(_on_threads, work=work, threads=2)
        yield Row("threads", f"{name} on 2 threads", make, is_parallel=True)
    for function in ("uniform", "normal"):
        make = partial(_created, function=function)
        yield Row("cold", f"{function}() of new memory", make, is_parallel=True)
    for width in (8, 64):
        for kind in SMALL_KINDS:
            make = partial(_small, width=width, kind=kind)
            needs = None if kind == NUMPY else "torch"
            yield Row("small", f"kaiming_normal_ {width}x{width}, {kind}", make, needs)
    yield Row("orthogonal", "orthogonal_ float32", _orthogonal, is_parallel=True)
    yield Row("keystream", "keystream() in cache", partial(_keystream, in_memory=False))
    yield Row("keystream", "keystream() of new memory", partial(_keystream, in_memory=True))
    for name, way, size, needs in (
        ("one call", models.fill_together, 1.0, None),
        ("a call per tensor", models.fill_each, 1.0, None),
        ("init_module()", models.init_module, NARROW, "torch"),
        ("in accelerate()", models.accelerated, NARROW, "torch"),
        ("materialize()", models.materialized, NARROW, "torch"),
    ):
        make = partial(_model, work=way, size=size)
        yield Row("models", f"gpt2, {name}", make, needs, is_parallel=True, is_lasting=True)


ROWS = {row.name: row for row in _rows()}
