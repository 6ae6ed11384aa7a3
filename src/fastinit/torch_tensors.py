"""Torch tensors as the core sees them; `arrays` imports this when it meets the first one.

It is not part of `fastinit.torch`, whose import takes 50 ms and needs a recent torch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.autograd.graph import increment_version
from torch.nn.parameter import is_lazy

from fastinit import _core, arrays
from fastinit._core import View


def torch_view(tensor: torch.Tensor) -> View:
    """Return the view of a tensor; make a faster view function for its type if that is possible."""
    view = _checked_view(tensor)
    api = getattr(type(tensor), "__dlpack_c_exchange_api__", None)
    if api is not None and _core.can_exchange(api):
        arrays.view_functions[type(tensor)] = _view_function(api)
    return view


def _view_function(api: object) -> Callable[[torch.Tensor], View]:
    """Return a function that views tensors by DLPack's exchange API of their type.

    It falls back on `_checked_view`, which says in torch's terms what is wrong.
    """

    def view(tensor: torch.Tensor) -> View:
        try:
            is_leaf = tensor.is_leaf
        except RuntimeError:  # another result of the same `chunk` or `unbind` was filled
            is_leaf = False
        if tensor.is_neg() or (not is_leaf and is_computed(tensor)):
            return _checked_view(tensor)
        try:
            held = tensor.untyped_storage().nbytes()
            # `increment_version` does nothing for a tensor of inference if torch has the API.
            return _core.view_of_dlpack(
                tensor,
                api,
                increment_version,
                tensor.storage_offset(),  # type: ignore[arg-type]  # no SymInt: it has memory
                held,
            )
        # RuntimeError: torch knows no storage or no DLPack of such a tensor. TypeError and
        # ValueError: the core refuses the dtype, the device or the memory.
        except (RuntimeError, TypeError, ValueError):
            _checked_view(tensor)
            raise

    return view


def _checked_view(tensor: torch.Tensor) -> View:
    _check_tensor(tensor)
    name = str(tensor.dtype).removeprefix("torch.")
    arrays.check_dtype(name)
    item, strides = tensor.element_size(), tensor.stride()
    address, shape = tensor.data_ptr(), tuple(tensor.shape)
    view = View(address, name, shape, strides, tensor, _bump_version, item)
    if not view.is_within(int(tensor.storage_offset()), tensor.untyped_storage().nbytes()):
        raise ValueError("tensor reaches beyond its storage, which was resized: resize it back")
    return view


def _has_memory(tensor: torch.Tensor) -> bool:
    """Return whether a tensor has memory: fake and traced tensors have only a shape."""
    try:
        storage = tensor.untyped_storage()
        return storage.device == tensor.device and bool(storage.data_ptr())
    except RuntimeError:
        return False


def _owner_of_memory(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor that this one is a view of, or itself."""
    base = tensor._base
    return tensor if base is None else base


def is_computed(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a result of autograd that shares no memory with a leaf.

    Views of parameters and of other leaves are not: slices, ``.t()``, ``.view(...)``,
    ``.detach()``. Under ``torch.no_grad()`` torch records nothing, so results look like leaves.
    """
    # The view's own `is_leaf` raises after another view of the same `chunk` or `unbind` was filled.
    return not _owner_of_memory(tensor).is_leaf


def _check_tensor(tensor: torch.Tensor) -> None:
    if is_lazy(tensor):
        raise ValueError("tensor is uninitialized: run the lazy module once, or materialize it")
    if tensor.layout is not torch.strided:
        raise TypeError(f"tensor has layout {tensor.layout}, but only dense tensors can be filled")
    if tensor.is_nested:
        raise TypeError("tensor is nested: fill its parts, tensor.unbind()")
    if not tensor.is_cpu:
        raise ValueError(
            f"tensor is on device {tensor.device}, but only CPU memory can be filled: fill a CPU "
            "tensor and copy it there"
        )
    if tensor.is_neg():
        raise TypeError("tensor is a lazily negated view: fill tensor.resolve_neg()")
    if tensor.numel() > 0 and not _has_memory(tensor):
        raise ValueError(
            "tensor has no memory of its own: its storage is empty, or it is fake, or wrapped by a "
            "transformation of torch.func or a subclass (of a DTensor fill the local tensor, by "
            "shape and index)"
        )
    if is_computed(tensor):
        operation = type(_owner_of_memory(tensor).grad_fn).__name__
        raise ValueError(
            f"tensor is computed (grad_fn=<{operation}>), so a fill would be lost: fill the "
            "tensors that it is computed from (of a "
            "parametrized module, module.parametrizations.weight.original*; of older hooks, "
            "module.weight_g and weight_v, or weight_orig), assign where the parametrization "
            "takes it (module.weight = values), or fill tensor.detach() to change this result alone"
        )


def _bump_version(tensor: torch.Tensor) -> None:
    """Count a change in place, so that autograd notices it."""
    try:
        increment_version(tensor)
    except RuntimeError:
        if not tensor.is_inference():
            raise
