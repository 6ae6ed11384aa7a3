"""A drop-in for `torch.nn.init`: ``import fastinit.torch.init as init``.

It has every public name of `torch.nn.init` (2.13), with its signature, warnings and errors.
fastinit fills dense CPU tensors of its dtypes, with any strides. Torch's own functions are called
for all others: complex, sparse and CUDA tensors, meta tensors (which have no values), and
subclasses and modes that see torch's operations.

Random bits come from `generator`, a `torch.Generator`, or from torch's default one, which
`torch.manual_seed` seeds. Each call draws 128 bits, which select the stream that fills the tensor.
So equal states of the generator give equal values, on any number of threads. They are not the
values that torch would write. For values that depend on the parameters' names use `fastinit` with
a `fastinit.Stream`, or `fastinit.torch.init_module`.

>>> import torch
>>> import fastinit.torch.init as init
>>> _ = torch.manual_seed(0)
>>> w = init.kaiming_normal_(torch.empty(3, 5), nonlinearity="relu")
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec

import torch
from torch import Tensor
from torch.nn import init as stock
from torch.nn.init import calculate_gain as calculate_gain

from fastinit.torch import fills

__all__ = list(stock.__all__)


def __getattr__(name: str) -> Any:
    """Return any other name of torch.nn.init, such as `_calculate_fan_in_and_fan_out`."""
    return getattr(stock, name)


P = ParamSpec("P")
Generator = torch.Generator | None
Initializer = Callable[P, Tensor]


DOCUMENTATION = """\
{summary}

Parameters
----------
tensor : torch.Tensor
    Any tensor. fastinit fills dense CPU tensors, torch all others.
others
    As in `torch.nn.init.{name}`, which documents the rule and its source.

Returns
-------
torch.Tensor
    The same object, filled; autograd records nothing.

Raises
------
TypeError, ValueError, RuntimeError
    As `torch.nn.init.{name}`.

Examples
--------
>>> import torch
>>> import fastinit.torch.init as init
>>> tuple(init.{name}({example}).shape)
{shape}

References
----------
`torch.nn.init.{name}`.
"""


def _documented(
    example: str = "torch.empty(3, 5)", shape: str = "(3, 5)"
) -> Callable[[Initializer[P]], Initializer[P]]:
    """Append the sections that all functions share to a docstring."""

    def document(function: Initializer[P]) -> Initializer[P]:
        if function.__doc__ is not None:  # python -OO strips docstrings
            function.__doc__ = DOCUMENTATION.format(
                summary=inspect.getdoc(function),
                name=function.__name__,
                example=example,
                shape=shape,
            )
        return function

    return document


@_documented()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator = None) -> Tensor:
    """Fill with values of the uniform distribution on [a, b)."""
    if fills.uniform(tensor, a, b, generator):
        return tensor
    return stock.uniform_(tensor, a, b, generator)


@_documented()
def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator = None
) -> Tensor:
    """Fill with values of the normal distribution."""
    if fills.normal(tensor, mean, std, generator):
        return tensor
    return stock.normal_(tensor, mean, std, generator)


@_documented()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator = None,
) -> Tensor:
    """Fill with values of the normal distribution truncated to [a, b].

    Torch warns that the distribution of some intervals may be incorrect, and so does this function;
    fastinit's distribution is exact for every interval.
    """
    if fills.truncated_normal(tensor, mean, std, a, b, generator):
        return tensor
    return stock.trunc_normal_(tensor, mean, std, a, b, generator)


@_documented("torch.empty(3, 5), 0.3")
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value."""
    return tensor if fills.constant(tensor, val) else stock.constant_(tensor, val)


@_documented()
def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return tensor if fills.constant(tensor, 1.0) else stock.ones_(tensor)


@_documented()
def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return tensor if fills.constant(tensor, 0.0) else stock.zeros_(tensor)


@_documented()
def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity."""
    return tensor if fills.eye(tensor) else stock.eye_(tensor)


@_documented("torch.empty(6, 4, 3), groups=2", "(6, 4, 3)")
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution with the Dirac delta."""
    return tensor if fills.dirac(tensor, groups) else stock.dirac_(tensor, groups)


@_documented()
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator = None) -> Tensor:
    """Fill with values of Glorot's uniform distribution."""
    if fills.xavier_uniform(tensor, gain, generator):
        return tensor
    return stock.xavier_uniform_(tensor, gain, generator)


@_documented()
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator = None) -> Tensor:
    """Fill with values of Glorot's normal distribution."""
    if fills.xavier_normal(tensor, gain, generator):
        return tensor
    return stock.xavier_normal_(tensor, gain, generator)


@_documented()
def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: stock._FanMode = "fan_in",
    nonlinearity: stock._NonlinearityType = "leaky_relu",
    generator: Generator = None,
) -> Tensor:
    """Fill with values of He's uniform distribution."""
    if fills.kaiming_uniform(tensor, a, mode, nonlinearity, generator):
        return tensor
    return stock.kaiming_uniform_(tensor, a, mode, nonlinearity, generator)


@_documented()
def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: stock._FanMode = "fan_in",
    nonlinearity: stock._NonlinearityType = "leaky_relu",
    generator: Generator = None,
) -> Tensor:
    """Fill with values of He's normal distribution."""
    if fills.kaiming_normal(tensor, a, mode, nonlinearity, generator):
        return tensor
    return stock.kaiming_normal_(tensor, a, mode, nonlinearity, generator)


@_documented()
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator = None) -> Tensor:
    """Fill with an orthogonal matrix; float16, bfloat16 and float8 too."""
    if fills.orthogonal(tensor, gain, generator):
        return tensor
    return stock.orthogonal_(tensor, gain, generator)


@_documented("torch.empty(3, 5), sparsity=0.1")
def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator = None
) -> Tensor:
    """Fill with normal values; set random rows of each column to zero."""
    if fills.sparse(tensor, sparsity, std, generator):
        return tensor
    return stock.sparse_(tensor, sparsity, std, generator)


def _deprecated(function: Initializer[P]) -> Initializer[P]:
    """Return the function under its old name; it warns as torch's does."""
    new_name = function.__name__
    old_name = new_name.removesuffix("_")

    @functools.wraps(function)
    def deprecated(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        warnings.warn(
            f"`nn.init.{old_name}` is now deprecated in favor of `nn.init.{new_name}`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    deprecated.__name__ = deprecated.__qualname__ = old_name
    deprecated.__doc__ = f"Deprecated name of `{new_name}`."
    return deprecated


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
dirac = _deprecated(dirac_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
