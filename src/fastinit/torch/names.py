"""Names of modules, parameters and buffers, without the prefixes that wrappers add."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn

# Modules that only wrap another one, and the attribute that holds it. They are recognised by name,
# so that nothing must be imported; their subclasses are wrappers too.
WRAPPERS = {
    "torch._dynamo.eval_frame.OptimizedModule": "_orig_mod",
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
    "torch.optim.swa_utils.AveragedModel": "module",
    "torch.distributed.algorithms._checkpoint.checkpoint_wrapper.ActivationWrapper": (
        "_checkpoint_wrapped_module"
    ),
    "torch.distributed.fsdp.fully_sharded_data_parallel.FullyShardedDataParallel": (
        "_fsdp_wrapped_module"
    ),
}


class Place(NamedTuple):
    """Where a parameter or buffer is registered."""

    name: str  # qualified, as the model without wrappers has it
    owner: nn.Module
    key: str  # its name in the owner
    ancestors: tuple[nn.Module, ...]  # the modules around the owner, from the whole model down


def _wrapped_key(module: nn.Module) -> str | None:
    """Return the attribute that holds the wrapped module; None if `module` is no wrapper."""
    for each in type(module).__mro__:
        key = WRAPPERS.get(f"{each.__module__}.{each.__qualname__}")
        if key is not None:
            return key
    return None


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the model within all of its wrappers."""
    while (key := _wrapped_key(module)) is not None:
        inner = module._modules[key]
        assert inner is not None
        module = inner
    return module


def _dotted(name: str, key: str) -> str:
    return f"{name}.{key}" if name and key else name or key


def walk(
    module: nn.Module, name: str = "", ancestors: tuple[nn.Module, ...] = ()
) -> Iterator[tuple[str, nn.Module, tuple[nn.Module, ...]]]:
    """Yield each module's name, the module, and its ancestors; shared ones once per path.

    A wrapper has the same name as the module that it wraps, and is never an ancestor.
    """
    yield name, module, ancestors
    wrapped = _wrapped_key(module)
    around = ancestors if wrapped is not None else (*ancestors, module)
    for key, child in module._modules.items():
        if child is not None:
            yield from walk(child, _dotted(name, "" if key == wrapped else key), around)


def walk_once(module: nn.Module) -> Iterator[tuple[str, nn.Module, tuple[nn.Module, ...]]]:
    """Yield every module as `walk` does, but only by its first path."""
    seen = set()
    for name, each, ancestors in walk(module):
        if each not in seen:
            seen.add(each)
            yield name, each, ancestors


def parameter_places(module: nn.Module, prefix: str = "") -> dict[nn.Parameter, list[Place]]:
    """Return every parameter and all its places, in the order of the first.

    Raises
    ------
    ValueError
        Two parameters have the same name without the prefixes that wrappers add.
    """
    places: dict[nn.Parameter, list[Place]] = {}
    owners: dict[str, nn.Parameter] = {}
    for path, owner, ancestors in walk(module):
        for key, parameter in owner._parameters.items():
            if parameter is None:
                continue
            name = prefix + _dotted(path, key)
            if owners.setdefault(name, parameter) is not parameter:
                raise ValueError(
                    f"parameter {name}: a wrapper and what it wraps both have one of that name: "
                    "rename the wrapper's"
                )
            places.setdefault(parameter, []).append(Place(name, owner, key, ancestors))
    return places


def buffer_places(module: nn.Module) -> Iterator[tuple[torch.Tensor, Place]]:
    """Yield every buffer of every module, by the module's first path."""
    for path, owner, ancestors in walk_once(module):
        for key, buffer in owner._buffers.items():
            if buffer is not None:
                yield buffer, Place(_dotted(path, key), owner, key, ancestors)
