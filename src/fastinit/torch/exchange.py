"""Replaces functions that do more than one fill, by exchanging their code objects.

The function objects stay the same, so that names that other libraries imported are served too.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import init

from fastinit.torch import fills
from fastinit.torch.scope import active

Parameter = inspect.Parameter


class Operation(NamedTuple):
    """The operation of an exchanged function: its parameters after the tensor, and the fill."""

    defaults: dict[str, Any]  # of all parameters; a function need not have all of them
    fill: Callable[..., bool]  # takes the tensor and all parameters


_TRUNCATED = {"mean": 0.0, "std": 1.0, "a": -2.0, "b": 2.0, "generator": None}
OPERATIONS = {
    "trunc_normal_": Operation(_TRUNCATED, fills.truncated_normal),
    "trunc_normal_tf_": Operation(_TRUNCATED, fills.truncated_normal_in_sigmas),
    "orthogonal_": Operation({"gain": 1.0, "generator": None}, fills.orthogonal),
    "sparse_": Operation({"sparsity": None, "std": 0.01, "generator": None}, fills.sparse),
}


class _Exchanged(NamedTuple):
    function: Any  # its code is exchanged
    original: Callable[..., Any]  # a copy with the original code
    own_code: CodeType
    code: CodeType  # calls `serve`
    names: tuple[str, ...]  # of the parameters after the tensor
    operation: Operation


_exchanged: list[_Exchanged] = []
_lock = threading.RLock()
_users = 0


def serve(number: int, tensor: Tensor, *arguments: Any) -> Any:
    """Run a call of exchanged function `number`: fill, or call the original."""
    exchanged = _exchanged[number]
    # torch.compile cannot trace our fills: let it trace the original.
    acceleration = None if torch.compiler.is_compiling() else active()
    if acceleration is not None:
        given = {
            **exchanged.operation.defaults,
            **dict(zip(exchanged.names, arguments, strict=True)),
        }
        if given["generator"] is None:
            given["generator"] = acceleration.calls
        if exchanged.operation.fill(tensor, *given.values()):
            return tensor
    return exchanged.original(tensor, *arguments)


# Source of the code that replaces a function's; it has the same parameters.
_SOURCE = """
def {name}({parameters}):
    from fastinit.torch.exchange import serve

    return serve({number}, {arguments})
"""


def _add(function: FunctionType, operation: Operation, names: tuple[str, ...]) -> None:
    code = function.__code__
    parameters = code.co_varnames[: code.co_argcount]
    source = _SOURCE.format(
        name=function.__name__,
        parameters=", ".join(parameters),
        number=len(_exchanged),
        arguments=", ".join(parameters),
    )
    made: dict[str, Any] = {}
    exec(source, made)
    original = FunctionType(
        code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    ours = made[function.__name__].__code__.replace(
        co_filename=code.co_filename, co_firstlineno=code.co_firstlineno
    )
    exchanged = _Exchanged(function, original, code, ours, names, operation)
    _exchanged.append(exchanged)
    if _users > 0:
        function.__code__ = ours


def register(function: Callable[..., Any], *, as_: str) -> None:
    """Let `accelerate` serve a copy of one of torch.nn.init's functions.

    Other projects have copies of these functions. They fill by several operations; without this
    call `accelerate` makes only the first one faster. timm's copies are known, and need no call.

    Parameters
    ----------
    function : callable
        A Python function that fills its first argument, a tensor. Its other parameters must have
        names of parameters of `as_`; their order is free, and some may be missing. A decorated
        function is unwrapped.
    as_ : {"trunc_normal_", "trunc_normal_tf_", "orthogonal_", "sparse_"}
        The function of `torch.nn.init` whose rule it follows; ``"trunc_normal_tf_"`` is timm's,
        whose bounds `a` and `b` are in standard deviations from the mean.

    Raises
    ------
    TypeError
        The function is not written in Python, has a closure, or has other parameters.
    ValueError
        `as_` is unknown.

    Examples
    --------
    >>> import torch
    >>> import fastinit.torch
    >>> def truncated(tensor, std=1.0):  # at two standard deviations
    ...     with torch.no_grad():
    ...         return tensor.uniform_(-0.9545, 0.9545).erfinv_().mul_(std * 2**0.5)
    >>> fastinit.torch.register(truncated, as_="trunc_normal_tf_")
    >>> with fastinit.torch.accelerate(seed=0):
    ...     values = truncated(torch.empty(1000), std=0.02)
    >>> bool((values.abs() <= 0.04).all())
    True

    References
    ----------
    `torch.nn.init`, PyTorch 2.13; ``timm.layers.weight_init``, timm 1.0.
    """
    if as_ not in OPERATIONS:
        raise ValueError(f"as_ must be one of {', '.join(OPERATIONS)}, not {as_!r}")
    operation = OPERATIONS[as_]
    plain: Any = inspect.unwrap(function) if callable(function) else function
    if type(plain) is not FunctionType:
        raise TypeError(f"function must be written in Python, not {function!r}")
    if plain.__closure__:
        raise TypeError(f"function {plain.__qualname__} has a closure: register what it calls")
    signature = inspect.signature(plain)
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    names = tuple(signature.parameters)[1:]
    if (
        not signature.parameters
        or not kinds <= {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
        or not operation.defaults.keys() >= {*names}
    ):
        raise TypeError(
            f"function {plain.__qualname__} must take a tensor, then parameters that are called as "
            f"those of {as_}, {', '.join(operation.defaults)}; it takes {signature}"
        )
    with _lock:
        if not any(exchanged.function is plain for exchanged in _exchanged):
            _add(plain, operation, names)


# Functions of other libraries, which are exchanged once their module is imported: as which function
# of OPERATIONS, and names that their code must use. A later version that uses others is left alone.
_ERFINV = {"uniform_", "erfinv_", "mul_", "add_", "clamp_"}
_KNOWN = {
    "timm.layers.weight_init": {
        "_trunc_normal_": ("trunc_normal_", _ERFINV),
        "trunc_normal_tf_": ("trunc_normal_tf_", {"_trunc_normal_", "mul_", "add_"}),
    }
}


def exchange_imported() -> None:
    """Exchange the functions of _KNOWN whose modules have been imported since the last call."""
    for module in [name for name in _KNOWN if name in sys.modules]:
        with _lock:
            for name, (as_, uses) in _KNOWN.get(module, {}).items():
                function = getattr(sys.modules[module], name, None)
                if isinstance(function, FunctionType) and uses <= {*function.__code__.co_names}:
                    register(function, as_=as_)
            _KNOWN.pop(module, None)


def _add_torchs() -> None:
    """Exchange torch's own functions.

    Skip functions that are already monkey-patched at import time, as by context managers that skip
    initialisation: their random values come from the kernels.
    """
    for name in ("trunc_normal_", "orthogonal_", "sparse_"):
        function = getattr(init, name)
        if getattr(function, "__globals__", None) is vars(init):
            register(function, as_=name)


_add_torchs()


def acquire() -> None:
    """Count a user; exchange the functions' code for the first one."""
    global _users
    with _lock:
        exchange_imported()
        if _users == 0:
            for exchanged in _exchanged:
                exchanged.function.__code__ = exchanged.code
        _users += 1


def release() -> None:
    """End a user; restore the functions' own code after the last one."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for exchanged in _exchanged:
                exchanged.function.__code__ = exchanged.own_code
