"""What a tensor of any dtype and layout holds: its shape, and its numbers in memory."""

from __future__ import annotations

import torch

INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by size in bytes
PACKED = getattr(torch, "float4_e2m1fn_x2", None)  # two numbers per element: torch converts none
COMPRESSED = (torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc)


def name_of_dtype(dtype: torch.dtype) -> str:
    """Return fastinit's name of a dtype, ``"bfloat16"``; torch's for one that cannot be filled."""
    return str(dtype).removeprefix("torch.")


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """Return the shape; of a nested tensor, which has no regular one, how many parts it has."""
    is_regular = tensor.layout is not torch.strided or not tensor.is_nested
    return tuple(tensor.shape) if is_regular else (tensor.size(0),)


def is_dense(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a regular array in memory."""
    return tensor.layout is torch.strided and not tensor.is_nested


def numbers_in(tensor: torch.Tensor) -> torch.Tensor | None:
    """Return the floating-point numbers that a tensor holds, as a dense tensor that shares memory.

    Of a sparse or nested tensor they are the stored values, of a complex one the real and imaginary
    parts along a last dimension. Of MKL-DNN's layout and of lazy conjugates they are a copy. None
    of integers, booleans, quantised and packed values.
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
