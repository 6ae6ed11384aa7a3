"""Gives models on the meta device memory and values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from fastinit.arrays import empty
from fastinit.dtypes import DTYPES, NAMES
from fastinit.entries import naming
from fastinit.plan import check_seed
from fastinit.torch.buffers import buffers_on_meta, set_buffers
from fastinit.torch.names import parameter_places, walk_once
from fastinit.torch.plan import make_plan
from fastinit.torch.poison import count_poison, poison_tensor
from fastinit.torch.recipe import Recipe

M = TypeVar("M", bound=nn.Module)


def empty_tensor(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Allocate a tensor as `fastinit.empty` does: large ones on huge pages."""
    size = math.prod(shape) * dtype.itemsize
    memory = empty(-(-size // 8), "float64").view(np.uint8)[:size]
    return torch.from_numpy(memory).view(dtype).view(shape)


def _in_memory(parameter: nn.Parameter, dtype: torch.dtype) -> nn.Parameter:
    """Return a parameter in CPU memory that is like one on the meta device, without values."""
    strides = parameter.stride()
    order = sorted(range(parameter.dim()), key=lambda axis: -strides[axis])
    memory = empty_tensor(tuple(parameter.shape[axis] for axis in order), dtype)
    memory = memory.permute([order.index(axis) for axis in range(parameter.dim())])
    made = torch.Tensor._make_subclass(type(parameter), memory, parameter.requires_grad)
    made.__dict__.update(parameter.__dict__)
    # Share the dictionaries, so that the hooks' handles still remove them.
    made._backward_hooks = parameter._backward_hooks
    made._post_accumulate_grad_hooks = parameter._post_accumulate_grad_hooks
    return made


def _attributes_on_meta(module: nn.Module) -> Iterator[tuple[str, nn.Module, str, torch.Tensor]]:
    """Yield attributes that are tensors, with name, owner and key; no method resets them."""
    for prefix, owner, _ in walk_once(module):
        for name, value in vars(owner).items():
            if isinstance(value, torch.Tensor) and value.is_meta:
                yield f"{prefix}.{name}" if prefix else name, owner, name, value


def materialize(
    module: M,
    recipe: Recipe,
    seed: Any = None,
    *,
    dtype: torch.dtype | None = None,
    device: str | torch.device = "cpu",
    prefix: str = "",
) -> M:
    """Give a model that was constructed on the meta device memory and initial values.

    Memory is written once: it is allocated on huge pages, and the parallel fill is its first touch.
    Shared parameters stay shared, and every parameter keeps its class, attributes,
    `requires_grad`, order of strides, and the hooks of ``register_hook`` and
    ``register_post_accumulate_grad_hook``. It does not keep a gradient, which has no values on the
    meta device, nor hooks on the node of the graph that accumulates it. Values are those of
    `init_module`.

    Buffers get memory and the values that their own modules give them: by ``reset_running_stats``,
    ``reset_buffers``, ``init_buffers``, ``rope_init``, ``reset_parameters`` ..., or by the
    ``_init_weights`` of the transformers model around them. It is an error if no
    method sets every element of a buffer. Buffers that already have memory are kept.

    Parameters
    ----------
    module : torch.nn.Module
        Constructed under ``with torch.device("meta"):``.
    recipe : Recipe
        It must have an initializer for every parameter; `keep` is not one.
    seed : int, Stream or generator
        As for `init_module`.
    dtype : torch.dtype, optional
        For floating-point parameters and persistent buffers, as if the model had been constructed
        with that default dtype. By default they keep their dtypes.
    device : str or torch.device, default "cpu"
        Device of the result. The model is filled in CPU memory, and copied to another device.
    prefix : str, optional
        As for `init_module`.

    Returns
    -------
    torch.nn.Module
        The same module.

    Raises
    ------
    ValueError, TypeError
        As `make_plan` and `init_module`. Also: a parameter is not on the meta device; no method
        sets a buffer or another tensor; an initializer of the user's does not write every element.
        The error gives the name, and the model is unchanged.

    Examples
    --------
    >>> import torch
    >>> from fastinit.torch import materialize, torch_default
    >>> with torch.device("meta"):
    ...     model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8))
    >>> model = materialize(model, torch_default, seed=0, dtype=torch.bfloat16)
    >>> model[0].weight.device, model[1].running_var.dtype
    (device(type='cpu'), torch.bfloat16)
    """
    device = _checked_device(device)
    with torch.device("cpu"):  # a meta default device may still be in force
        _materialize(module, recipe, seed, dtype, prefix)
    return module if device.type == "cpu" else module.to(device)


def _materialize(
    module: nn.Module, recipe: Recipe, seed: Any, dtype: torch.dtype | None, prefix: str
) -> None:
    if dtype is not None and str(dtype).removeprefix("torch.") not in DTYPES:
        raise TypeError(f"dtype must be one of {NAMES}, not {dtype}")
    everything = parameter_places(module, prefix)
    for parameter, (first, *_) in everything.items():
        if not parameter.is_meta and not is_lazy(parameter):
            raise ValueError(
                f"parameter {first.name}: it is on device {parameter.device} already: "
                "fastinit.torch.init_module fills what has memory"
            )
    plan = None
    if everything or not buffers_on_meta(module):
        plan = make_plan(module, recipe, prefix=prefix, dtype=dtype)
        for planned in plan:
            if planned.is_kept:
                raise ValueError(
                    f"parameter {planned.name}: `keep` would leave its memory as it is"
                )
    check_seed(plan or (), seed)
    aliases = _find_aliases(module)
    places = buffers_on_meta(module)
    undo = set_buffers(module, dtype)
    made = {buffer: place.owner._buffers[place.key] for buffer, place in places}
    targets = {}
    try:
        for planned in plan or ():
            with naming(planned.name):
                target = _in_memory(planned.tensor, getattr(torch, planned.dtype))
            if planned.distribution is None:
                poison_tensor(target)
            targets[planned.name] = made[planned.tensor] = target
        if plan is not None:
            plan.fill(seed, targets)
        for planned in plan or ():
            if planned.distribution is None and (left := count_poison(targets[planned.name])):
                raise ValueError(
                    f"parameter {planned.name}: {planned.describe().rule} has left {left} of its "
                    "elements uninitialised"
                )
    except BaseException:
        undo()
        raise
    for parameter, registered in everything.items():
        for place in registered:
            setattr(place.owner, place.key, made[parameter])
    for owner, name, meta in aliases:
        setattr(owner, name, made[meta])


def _checked_device(device: str | torch.device) -> torch.device:
    device = torch.device(device)
    if device.type == "meta":
        raise ValueError("device must have memory, not be meta")
    torch.empty(0, device=device)  # raises if there is no such device
    return device


def _find_aliases(module: nn.Module) -> list[tuple[nn.Module, str, torch.Tensor]]:
    """Return attributes that are parameters or buffers; raise for other tensors."""
    known = {*module.parameters(), *(buffer for buffer, _ in buffers_on_meta(module))}
    found = list(_attributes_on_meta(module))
    unknown = [name for name, _, _, value in found if value not in known]
    if unknown:
        raise ValueError(
            f"tensors on the meta device that are neither parameters nor buffers: "
            f"{', '.join(unknown)}; register them as buffers, or set them to tensors in CPU memory"
        )
    return [(owner, name, value) for _, owner, name, value in found]
