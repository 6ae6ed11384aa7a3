"""The fills of torch.nn.init's functions; each returns whether it has filled the tensor.

After False the tensor is unchanged. The caller then calls torch's own function, which fills the
tensor or raises. That is so for other dtypes, devices and layouts, for subclasses and modes that
see torch's operations, and for invalid arguments.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils._device import DeviceContext

from fastinit import _core, initializers
from fastinit.arrays import View, writable_view
from fastinit.dtypes import DTYPES
from fastinit.fill import run
from fastinit.rules import RULES, Distribution, Shape, takes
from fastinit.streams import Calls, as_key
from fastinit.torch_tensors import is_computed

Generator = torch.Generator | Calls | None
# Returns the distribution for a dtype and a shape; raises if torch must fill or raise.
Rule = Callable[[str, Shape], Distribution]


@functools.cache
def is_plain(kind: type) -> bool:
    """Return whether a type of tensors has no Python code that sees operations on them."""
    return kind is Tensor or (
        issubclass(kind, Tensor)
        and kind.__torch_function__ is torch._C._disabled_torch_function_impl
        and kind.__torch_dispatch__ is Tensor.__torch_dispatch__
    )


def is_watched() -> bool:
    """Return whether a mode, a transformation or a tracer sees torch's operations."""
    if torch._C._len_torch_function_stack() > 0:
        modes = torch.overrides._get_current_function_mode_stack()  # type: ignore[no-untyped-call]
        if not all(isinstance(mode, DeviceContext) for mode in modes):
            return True
    return (
        torch._C._len_torch_dispatch_stack() > 0
        or torch._C._functorch.peek_interpreter_stack() is not None
        or torch._C._get_tracing_state() is not None
        or forward_ad._current_level >= 0
    )


def _is_unobserved(tensor: Tensor) -> bool:
    """Return whether no other code would see torch's own operation on the tensor."""
    return (
        not torch.compiler.is_compiling()  # first: the compiler cannot read the others
        and is_plain(type(tensor))
        and not is_watched()
    )


def _is_usable(generator: object) -> bool:
    if isinstance(generator, torch.Generator):
        return generator.device.type == "cpu"
    return generator is None or isinstance(generator, Calls)


def _without_history(tensor: Tensor, stacklevel: int) -> Tensor:
    """Return the tensor; if autograd computed it, warn and return it detached, to be filled."""
    if not is_computed(tensor):
        return tensor
    warnings.warn(
        "tensor is computed by autograd, so a fill would be lost: fill the tensors that it is "
        "computed from",
        stacklevel=stacklevel + 1,
    )
    return tensor.detach()


def _view(tensor: Tensor, generator: Generator, stacklevel: int = 4) -> View | None:
    """Return the view of a tensor; None if fastinit cannot fill it, or it is empty."""
    if (
        not _is_unobserved(tensor)
        or not _is_usable(generator)
        or (tensor.is_inference() and not torch.is_inference_mode_enabled())
    ):
        return None
    try:
        view = writable_view(_without_history(tensor, stacklevel))
    except (TypeError, ValueError):
        return None
    return view if view.size > 0 else None


def _source(generator: Generator) -> torch.Generator | Calls:
    return torch.default_generator if generator is None else generator


def _fill(tensor: Tensor, generator: Generator, rule: Rule) -> bool:
    view = _view(tensor, generator, stacklevel=5)
    return view is not None and _fill_view(view, generator, rule)


def _fill_view(view: View, generator: Generator, rule: Rule) -> bool:
    try:
        distribution = rule(view.dtype, view.shape)
    except (TypeError, ValueError, RuntimeError):
        return False
    key = None if distribution[0] == _core.CONSTANT else as_key(_source(generator))
    run(((view, None, distribution, key),))
    return True


def _fill_in_kernel(tensor: Tensor, generator: Generator, rule: Rule) -> bool:
    """Fill a tensor for which torch's dispatcher has called a CPU kernel.

    Modes, transformations and autograd have seen the operation, and the version counter is bumped.
    """
    if not _is_usable(generator):
        return False
    try:
        if torch.is_grad_enabled():  # autograd records the operation
            view = writable_view(tensor.detach())
        else:
            view = writable_view(_without_history(tensor, stacklevel=4))
    except (TypeError, ValueError):
        return False
    view.on_written = None
    return view.size > 0 and _fill_view(view, generator, rule)


def _as_float(number: Any) -> float:
    """Return a number as a float; raise TypeError if some function of torch refuses it."""
    if isinstance(number, float):
        return float(number)
    if isinstance(number, int):
        is_number = abs(number) < 1 << 63
    elif isinstance(number, Tensor):
        is_number = number.ndim == 0 and not (
            number.requires_grad or number.is_complex() or number.dtype is torch.bool
        )
    else:
        is_number = isinstance(number, np.floating | np.integer)
    if not is_number:
        raise TypeError
    return float(number)


def _finite(number: Any) -> float:
    """Return a number as a float; raise if it is not finite."""
    value = _as_float(number)
    if not math.isfinite(value):
        raise ValueError
    return value


def constant(tensor: Tensor, value: Any) -> bool:
    """Fill with one value."""
    return _fill(
        tensor,
        None,
        lambda dtype, shape: RULES[initializers.constant_](dtype, shape, _as_float(value)),
    )


def uniform(tensor: Tensor, low: Any, high: Any, generator: Generator) -> bool:
    """Fill with values of U[low, high)."""
    return _fill(tensor, generator, _uniform(low, high))


def uniform_in_kernel(tensor: Tensor, low: float, high: float, generator: Generator) -> bool:
    """Fill with values of U[low, high), for the CPU kernel of aten::uniform_."""
    return _fill_in_kernel(tensor, generator, _uniform(low, high))


def _uniform(low: Any, high: Any) -> Rule:
    def rule(dtype: str, shape: Shape) -> Distribution:
        bounds = _finite(low), _finite(high)
        if bounds[1] - bounds[0] > DTYPES[dtype].largest:
            raise ValueError  # torch's own function raises its error
        return RULES[initializers.uniform_](dtype, shape, *bounds)

    return rule


def normal(tensor: Tensor, mean: Any, std: Any, generator: Generator) -> bool:
    """Fill with values of N(mean, std^2)."""
    return _fill(tensor, generator, _normal(mean, std))


def normal_in_kernel(tensor: Tensor, mean: float, std: float, generator: Generator) -> bool:
    """Fill with values of N(mean, std^2), for the CPU kernel of aten::normal_."""
    return _fill_in_kernel(tensor, generator, _normal(mean, std))


def _normal(mean: Any, std: Any) -> Rule:
    return lambda dtype, shape: RULES[initializers.normal_](
        dtype, shape, _finite(mean), _finite(std)
    )


def truncated_normal(
    tensor: Tensor, mean: Any, std: Any, low: Any, high: Any, generator: Generator
) -> bool:
    """Fill with values of N(mean, std^2) within [low, high]; warn as torch does."""
    return _fill(tensor, generator, _truncated_normal(mean, std, low, high))


def truncated_normal_in_sigmas(
    tensor: Tensor, mean: Any, std: Any, low: Any, high: Any, generator: Generator
) -> bool:
    """Fill with mean + std x, x of N(0, 1) within [low, high]; warn as torch does."""
    try:
        bounds = mean + std * low, mean + std * high
    except TypeError:
        return False
    return _fill(tensor, generator, _truncated_normal(mean, std, *bounds))


def _truncated_normal(mean: Any, std: Any, low: Any, high: Any) -> Rule:
    def rule(dtype: str, shape: Shape) -> Distribution:
        bounds = _as_float(low), _as_float(high)
        if not (std > 0 and bounds[0] <= bounds[1]):
            raise ValueError  # torch divides by std, and draws uniforms between the bounds
        own_rule = RULES[initializers.trunc_normal_]
        distribution = own_rule(dtype, shape, _finite(mean), _finite(std), *bounds)
        if mean < low - 2 * std or mean > high + 2 * std:
            warnings.warn(
                "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
                "The distribution of values may be incorrect.",
                stacklevel=6,
            )
        return distribution

    return rule


def xavier_uniform(tensor: Tensor, gain: Any, generator: Generator) -> bool:
    """Fill with values of Glorot's uniform distribution."""
    return _fill(
        tensor,
        generator,
        lambda dtype, shape: RULES[initializers.xavier_uniform_](dtype, shape, _finite(gain)),
    )


def xavier_normal(tensor: Tensor, gain: Any, generator: Generator) -> bool:
    """Fill with values of Glorot's normal distribution."""
    return _fill(
        tensor,
        generator,
        lambda dtype, shape: RULES[initializers.xavier_normal_](dtype, shape, _finite(gain)),
    )


def _is_no_op(tensor: Tensor) -> bool:
    """Return whether the tensor is empty; if so, warn as torch does."""
    if not _is_unobserved(tensor) or 0 not in tensor.shape:
        return False
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=4)
    return True


def kaiming_uniform(
    tensor: Tensor, slope: Any, mode: str, nonlinearity: str, generator: Generator
) -> bool:
    """Fill with values of He's uniform distribution."""
    return _is_no_op(tensor) or _fill(
        tensor,
        generator,
        lambda dtype, shape: RULES[initializers.kaiming_uniform_](
            dtype, shape, _slope(slope), mode, nonlinearity
        ),
    )


def kaiming_normal(
    tensor: Tensor, slope: Any, mode: str, nonlinearity: str, generator: Generator
) -> bool:
    """Fill with values of He's normal distribution."""
    return _is_no_op(tensor) or _fill(
        tensor,
        generator,
        lambda dtype, shape: RULES[initializers.kaiming_normal_](
            dtype, shape, _slope(slope), mode, nonlinearity
        ),
    )


def _slope(slope: Any) -> float:
    if isinstance(slope, bool) or not isinstance(slope, int | float):
        raise ValueError  # torch raises for leaky_relu, and ignores it otherwise
    return _finite(slope)


def eye(tensor: Tensor) -> bool:
    """Fill with the identity."""
    view = _view(tensor, None)
    if view is None or not takes(initializers.eye_, tensor.ndim):
        return False
    initializers.eye_(view.owner)
    return True


def dirac(tensor: Tensor, groups: Any) -> bool:
    """Fill with Dirac's delta."""
    view = _view(tensor, None)
    if (
        view is None
        or not takes(initializers.dirac_, tensor.ndim)
        or type(groups) is not int
        or groups < 1
        or tensor.shape[0] % groups
    ):
        return False
    initializers.dirac_(view.owner, groups)
    return True


def orthogonal(tensor: Tensor, gain: Any, generator: Generator) -> bool:
    """Fill with an orthogonal matrix."""
    view = _view(tensor, generator)
    if view is None or not takes(initializers.orthogonal_, tensor.ndim) or not _is_finite(gain):
        return False
    initializers.orthogonal_(view.owner, gain, _source(generator))
    return True


def sparse(tensor: Tensor, sparsity: Any, std: Any, generator: Generator) -> bool:
    """Fill with normal values; set random rows of each column to zero."""
    view = _view(tensor, generator)
    if (
        view is None
        or not takes(initializers.sparse_, tensor.ndim)
        or not (_is_finite(sparsity) and 0 <= sparsity <= 1)
        or not (_is_finite(std) and std >= 0)
    ):
        return False
    initializers.sparse_(view.owner, sparsity, std, _source(generator))
    return True


def _is_finite(number: Any) -> bool:
    try:
        _finite(number)
    except (TypeError, ValueError, RuntimeError):
        return False
    return True
