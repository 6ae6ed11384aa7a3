"""A published network's parameters, as the fills of one call."""

from __future__ import annotations

import fastinit
from fastinit.cli.models import gpt2, plan_of
from fastinit.fill import Fill, run

LAYERS, WIDTH = 12, 768


def gpt2_fills(scale: float) -> list[Fill]:
    """Return the fills of GPT-2 small, its width scaled."""
    fills: list[Fill] = []
    for entry in plan_of(gpt2(LAYERS, max(1, int(WIDTH * scale))), "gpt2"):
        array = fastinit.empty(entry.shape, entry.dtype)
        array.fill(0)
        for piece in entry.fills(array, fastinit.Stream(0)):
            assert not callable(piece)
            fills.append(piece)
    return fills


def fill_together(fills: list[Fill]) -> None:
    """Fill every tensor in one call."""
    run(fills)


def fill_each(fills: list[Fill]) -> None:
    """Fill every tensor in a call of its own."""
    for fill in fills:
        run([fill])
