"""Marks elements that are not yet written by poison: a NaN that no initializer writes."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from fastinit.dtypes import DTYPES
from fastinit.torch.values import INTEGERS, numbers_in

M = TypeVar("M", bound=nn.Module)

PATTERNS = {getattr(torch, name): dtype.poison for name, dtype in DTYPES.items()}


def poison_(module: M) -> M:
    """Fill every parameter with a NaN that `verify` recognises.

    Uninitialised memory cannot be told from values: new pages are zeros, old ones hold old weights.
    After `poison_`, `verify` finds every element that the initialisation has not written.

    Parameters
    ----------
    module : torch.nn.Module
        Both parts of complex parameters and the stored values of sparse ones are filled. Some
        parameters are skipped: those on the meta device or of a lazy module; integers, booleans and
        quantised values; MKL-DNN's layout and lazy conjugates, whose values can only be copied.

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
    """Fill a tensor of floating-point numbers with poison."""
    integers = tensor.detach().view(INTEGERS[tensor.dtype.itemsize])
    integers.fill_(_as_signed(PATTERNS[tensor.dtype], tensor.dtype.itemsize))


def count_poison(tensor: torch.Tensor) -> int:
    """Return how many elements are poison."""
    pattern = PATTERNS.get(tensor.dtype)
    if pattern is None:
        return 0
    itemsize = tensor.dtype.itemsize
    integers = tensor.detach().view(INTEGERS[itemsize])
    return int((integers == _as_signed(pattern, itemsize)).sum())


def _as_signed(bits: int, itemsize: int) -> int:
    """Return the signed integer that has these bits."""
    return int.from_bytes(bits.to_bytes(itemsize, "little"), "little", signed=True)
