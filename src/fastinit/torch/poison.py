"""Poison: a value that no initializer writes, so that what was never written is seen."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)

INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
# Not-a-numbers of a payload that no arithmetic makes; float8 has hardly any to choose from.
PATTERNS = {
    torch.float64: 0x7FFDA5A5A5A5A5A5,
    torch.float32: 0x7FE5A5A5,
    torch.float16: 0x7FA5,
    torch.bfloat16: 0x7FE5,
    torch.float8_e4m3fn: 0x7F,
    torch.float8_e5m2: 0x7D,
}


def poison_(module: M) -> M:
    """Fill every parameter with a not-a-number that `verify` knows.

    Uninitialised memory cannot be told by its looks: new pages are zeros, old ones hold old
    weights. Poisoned before initialisation, whatever the initialisation leaves out is certain.

    Parameters
    ----------
    module : torch.nn.Module
        In memory; parameters on the meta device are left alone.

    Returns
    -------
    torch.nn.Module
        The same module.

    Examples
    --------
    >>> import torch
    >>> from fastinit.torch import poison_, verify
    >>> layer = poison_(torch.nn.Linear(4, 2))
    >>> _ = torch.nn.init.normal_(layer.weight)
    >>> print(verify(layer).bad[0])
    bias: 2 of 2 elements not initialised
    """
    for parameter in module.parameters():
        if parameter.dtype in PATTERNS and not parameter.is_meta:
            poison_tensor(parameter)
    return module


def poison_tensor(tensor: torch.Tensor) -> None:
    """Fill a tensor of floating-point numbers."""
    integers = tensor.detach().view(INTEGERS[tensor.dtype.itemsize])
    integers.fill_(PATTERNS[tensor.dtype])


def count_poison(tensor: torch.Tensor) -> int:
    """Return how many elements are poison."""
    pattern = PATTERNS.get(tensor.dtype)
    if pattern is None:
        return 0
    return int((tensor.detach().view(INTEGERS[tensor.dtype.itemsize]) == pattern).sum())
