"""Poison: a value that no initializer writes, so that what was never written is seen."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from fastinit.torch.values import INTEGERS, numbers_in

M = TypeVar("M", bound=nn.Module)

# Not-a-numbers of a payload that no arithmetic makes, as signed integers; float8 has hardly any to
# choose from, and its kinds without a negative zero have one.
PATTERNS = {
    torch.float64: 0x7FFDA5A5A5A5A5A5,
    torch.float32: 0x7FE5A5A5,
    torch.float16: 0x7FA5,
    torch.bfloat16: 0x7FE5,
    torch.float8_e4m3fn: 0x7F,
    torch.float8_e5m2: 0x7D,
    torch.float8_e4m3fnuz: -0x80,
    torch.float8_e5m2fnuz: -0x80,
}


def poison_(module: M) -> M:
    """Fill every parameter with a not-a-number that `verify` knows.

    Uninitialised memory cannot be told by its looks: new pages are zeros, old ones hold old
    weights. Poisoned before initialisation, whatever the initialisation leaves out is certain.

    Parameters
    ----------
    module : torch.nn.Module
        In memory. Complex parameters get it in both parts, sparse ones in their stored values. Left
        alone are parameters on the meta device or of a lazy module, integers, booleans, quantised
        values, and what gives only a copy of its values: MKL-DNN's layout, lazy conjugates.

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
        if parameter.is_meta or parameter.is_mkldnn or is_lazy(parameter):
            continue
        numbers = numbers_in(parameter)
        if numbers is not None and numbers.dtype in PATTERNS:
            poison_tensor(numbers)
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
