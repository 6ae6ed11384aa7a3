"""Fills and constructs GPT-2 in every way that fastinit has.

Its parameters are listed here, not taken from fastinit, so that all commits do the same work, even
if fastinit's own lists differ between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy.typing as npt

import fastinit

LAYERS, WIDTH, TOKENS, POSITIONS = 12, 768, 50257, 1024


class Parameter(NamedTuple):
    """A parameter: N(0, std**2), or a constant if `std` is 0."""

    name: str
    shape: tuple[int, ...]
    std: float
    value: float = 0.0


def gpt2(width: int) -> Iterator[Parameter]:
    """Yield the parameters of GPT-2 small (A. Radford et al., 2019) with this width."""
    yield Parameter("wte.weight", (TOKENS, width), 0.02)
    yield Parameter("wpe.weight", (POSITIONS, width), 0.01)
    for layer in range(LAYERS):
        for norm in ("ln_1", "ln_2"):
            yield Parameter(f"h.{layer}.{norm}.weight", (width,), 0.0, 1.0)
            yield Parameter(f"h.{layer}.{norm}.bias", (width,), 0.0)
        residual = 0.02 / math.sqrt(2 * LAYERS)
        for name, into, out, std in (
            ("attn.c_attn", width, 3 * width, 0.02),
            ("attn.c_proj", width, width, residual),
            ("mlp.c_fc", width, 4 * width, 0.02),
            ("mlp.c_proj", 4 * width, width, residual),
        ):
            yield Parameter(f"h.{layer}.{name}.weight", (into, out), std)
            yield Parameter(f"h.{layer}.{name}.bias", (out,), 0.0)
    yield Parameter("ln_f.weight", (width,), 0.0, 1.0)
    yield Parameter("ln_f.bias", (width,), 0.0)


def _width(scale: float) -> int:
    return max(1, int(WIDTH * scale))


def _targets(scale: float) -> Iterator[tuple[Parameter, npt.NDArray[Any], fastinit.Stream]]:
    """Yield each parameter with touched memory, and its stream."""
    for parameter in gpt2(_width(scale)):
        array = fastinit.empty(parameter.shape, "float32")
        array.fill(0)
        yield parameter, array, fastinit.Stream(0) / parameter.name


def gpt2_elements(scale: float) -> int:
    """Return the number of elements of all parameters."""
    return sum(math.prod(parameter.shape) for parameter in gpt2(_width(scale)))


def fill_together(scale: float) -> Callable[[], object]:
    """Return a function that fills all parameters in one call.

    fastinit has no public function that does this for NumPy arrays.
    """
    from fastinit import _core
    from fastinit.arrays import writable_view
    from fastinit.fill import run
    from fastinit.rules import constant

    fills = [
        (
            writable_view(array),
            None,
            (_core.NORMAL, (0.0, parameter.std)) if parameter.std else constant(parameter.value),
            stream.key,
        )
        for parameter, array, stream in _targets(scale)
    ]
    return partial(run, fills)


def fill_each(scale: float) -> Callable[[], object]:
    """Return a function that fills each parameter in a call of its own."""
    calls = [
        partial(fastinit.normal_, array, 0.0, parameter.std, generator=stream)
        if parameter.std
        else partial(fastinit.constant_, array, parameter.value)
        for parameter, array, stream in _targets(scale)
    ]

    def run() -> None:
        for call in calls:
            call()

    return run


def _module(width: int) -> Any:
    """Return a torch module with GPT-2's parameters; it need not compute anything."""
    from torch.nn import Embedding, LayerNorm, Linear, ModuleDict, ModuleList

    def layer() -> Any:
        return ModuleDict(
            {
                "ln_1": LayerNorm(width),
                "attn": ModuleDict(
                    {"c_attn": Linear(width, 3 * width), "c_proj": Linear(width, width)}
                ),
                "ln_2": LayerNorm(width),
                "mlp": ModuleDict(
                    {"c_fc": Linear(width, 4 * width), "c_proj": Linear(4 * width, width)}
                ),
            }
        )

    return ModuleDict(
        {
            "wte": Embedding(TOKENS, width),
            "wpe": Embedding(POSITIONS, width),
            "h": ModuleList(layer() for _ in range(LAYERS)),
            "ln_f": LayerNorm(width),
        }
    )


def init_module(scale: float) -> Callable[[], object]:
    """Return a function that fills a module by `fastinit.torch.init_module`."""
    import torch

    from fastinit.torch import gpt2, init_module

    with torch.device("meta"):
        module = _module(_width(scale))
    module.to_empty(device="cpu")
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    return partial(init_module, module, gpt2(), seed=0)


def accelerated(scale: float) -> Callable[[], object]:
    """Return a function that constructs a module within `fastinit.torch.accelerate()`."""
    from fastinit.torch import accelerate

    return accelerate()(partial(_module, _width(scale)))


def materialized(scale: float) -> Callable[[], object]:
    """Return a function that gives a module memory by `fastinit.torch.materialize`."""
    import torch

    from fastinit.torch import gpt2, materialize

    def run() -> Any:
        with torch.device("meta"):
            module = _module(_width(scale))
        return materialize(module, gpt2(), seed=0)

    return run
