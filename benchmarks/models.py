"""A published network's parameters, as the fills of one call."""

from __future__ import annotations

import fastinit
from fastinit import _core
from fastinit.arrays import writable_view
from fastinit.cli.models import Rule, gpt2
from fastinit.fill import Fill, run
from fastinit.rules import Distribution, constant

LAYERS, WIDTH = 12, 768


def _distribution(rule: Rule) -> Distribution:
    if rule.kind == "constant":
        return constant(rule.parameters[0])
    assert rule.kind == "normal"
    return _core.NORMAL, (0.0, rule.std)


def gpt2_fills(scale: float) -> list[Fill]:
    """Return the fills of GPT-2 small, its width scaled."""
    fills: list[Fill] = []
    for parameter in gpt2(LAYERS, max(1, int(WIDTH * scale))):
        array = fastinit.empty(parameter.shape, "float32")
        array.fill(0)
        key = (fastinit.Stream(0) / parameter.name).key
        fills.append((writable_view(array), None, _distribution(parameter.rule), key))
    return fills


def fill_together(fills: list[Fill]) -> None:
    """Fill every tensor in one call."""
    run(fills)


def fill_each(fills: list[Fill]) -> None:
    """Fill every tensor in a call of its own."""
    for fill in fills:
        run([fill])
