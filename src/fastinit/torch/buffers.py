"""Gives buffers on the meta device memory, and the values that their own modules compute."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn

from fastinit.torch.names import Place, buffer_places

# Methods without arguments that set a module's buffers. They are called while the parameters are
# still on the meta device, so that what they do to parameters takes no time.
RESETS = (
    "reset_running_stats",
    "reset_buffers",
    "init_buffers",
    "rope_init",
    "_rope_init",
    "reset_parameters",
    "_reset_parameters",
    "init_weights",
)
POISON = 0xA5


def buffers_on_meta(module: nn.Module) -> list[tuple[torch.Tensor, Place]]:
    """Return the buffers on the meta device, and where they are registered."""
    return [(buffer, place) for buffer, place in buffer_places(module) if buffer.is_meta]


def _allocated(meta: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    strides = torch.empty_like(meta).stride()
    memory = torch.empty_strided(meta.shape, strides, dtype=dtype, device="cpu")
    torch.tensor([], dtype=torch.uint8).set_(memory.untyped_storage()).fill_(POISON)
    return memory


def _is_set(buffer: torch.Tensor | None) -> bool:
    """Return whether every element is set: none is poison."""
    if buffer is None or buffer.is_meta or buffer.numel() == 0:
        return buffer is None or not buffer.is_meta
    elements = buffer.detach().contiguous().reshape(-1, 1).view(torch.uint8)
    return not bool((elements == POISON).all(dim=1).any())


def _takes_no_arguments(method: Any) -> bool:
    try:
        inspect.signature(method).bind()
    except (TypeError, ValueError):
        return False
    return True


def _resets(owner: nn.Module, ancestors: Sequence[nn.Module]) -> Iterator[Any]:
    for name in RESETS:
        method = getattr(owner, name, None)
        if callable(method) and _takes_no_arguments(method):
            yield method
    # In transformers, `_init_weights` of the nearest enclosing model sets a module's buffers.
    for model in reversed((*ancestors, owner)):
        method = getattr(model, "_init_weights", None)
        if callable(method):
            yield lambda method=method: method(owner)
            return


def set_buffers(module: nn.Module, dtype: torch.dtype | None) -> Callable[[], None]:
    """Give every buffer on the meta device memory and its value; return a function that undoes it.

    If no method sets some buffers, restores all and raises an error with their names. Buffers that
    several modules share stay shared.
    """
    before = [(owner, dict(owner._buffers)) for owner in module.modules()]

    def undo() -> None:
        for owner, buffers in before:
            owner._buffers.clear()
            owner._buffers.update(buffers)

    try:
        _set_buffers(module, dtype)
    except BaseException:
        undo()
        raise
    return undo


def _set_buffers(module: nn.Module, dtype: torch.dtype | None) -> None:
    missing = buffers_on_meta(module)
    made: dict[torch.Tensor, torch.Tensor] = {}
    places: dict[nn.Module, list[Place]] = {}
    for meta, place in missing:
        owner, key = place.owner, place.key
        if meta not in made:
            kept = key in owner._non_persistent_buffers_set or not meta.is_floating_point()
            made[meta] = _allocated(meta, meta.dtype if kept or dtype is None else dtype)
        owner._buffers[key] = made[meta]
        places.setdefault(owner, []).append(place)
    failure = None
    for owner, mine in places.items():
        for reset in _resets(owner, mine[0].ancestors):
            if all(_is_set(owner._buffers[place.key]) for place in mine):
                break
            try:
                with torch.no_grad():
                    reset()
            except (RuntimeError, TypeError, ValueError) as error:
                # Torch, NumPy and fastinit raise these for parameters on the meta device. Another
                # method may set the buffers; if none does, this error is the cause of ours.
                failure = error
            except Exception as error:
                error.add_note(f"in a method that was called to set the buffer {mine[0].name}")
                raise
    unset = [place.name for _, place in missing if not _is_set(place.owner._buffers[place.key])]
    if unset:
        raise ValueError(
            f"buffers that no method of their modules has set: {', '.join(unset)}; give the module "
            "that has them a method reset_buffers(), or set them to tensors in CPU memory first"
        ) from failure
