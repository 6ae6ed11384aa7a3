"""Reads the shape and the numbers of tensors of any dtype and layout."""

from __future__ import annotations

import torch

INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by size in bytes
PACKED = getattr(torch, "float4_e2m1fn_x2", None)  # two numbers per element; not convertible
COMPRESSED = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)


def name_of_dtype(dtype: torch.dtype) -> str:
    """Return the name of a dtype without "torch.": fastinit's name for those it can fill."""
    return str(dtype).removeprefix("torch.")


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """Return the shape; of a nested tensor, which has none, the number of its parts."""
    is_regular = tensor.layout is not torch.strided or not tensor.is_nested
    return tuple(tensor.shape) if is_regular else (tensor.size(0),)


def is_dense(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a regular array in memory."""
    return tensor.layout is torch.strided and not tensor.is_nested


def numbers_in(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return a tensor's floating-point numbers as a dense tensor that shares its memory.

    Of sparse and nested tensors it has the stored values. Complex numbers get a last dimension of
    real and imaginary part. MKL-DNN's layout and lazy conjugates are copied. The result is None
    for integers, booleans, quantised and packed values.
    """
    tensor = tensor.detach()
    if tensor.layout is torch.sparse_coo:
        tensor = tensor._values()
    elif tensor.layout in COMPRESSED or tensor.is_nested:
        tensor = tensor.values()
    elif tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    return tensor if tensor.is_floating_point() and tensor.dtype is not PACKED else None
