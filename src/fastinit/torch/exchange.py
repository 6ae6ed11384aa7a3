"""Functions that are more than one fill, and are served as a whole: their code is exchanged.

As objects they stay what they are, under whatever names libraries hold them.
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
    """What an exchanged function does: its parameters after the tensor, and the fill."""

    defaults: dict[str, Any]  # of the parameters that a function may lack
    fill: Callable[..., bool]  # takes the tensor and all parameters


_TRUNCATED = {"mean": 0.0, "std": 1.0, "a": -2.0, "b": 2.0, "generator": None}
OPERATIONS = {
    "trunc_normal_": Operation(_TRUNCATED, fills.truncated_normal),
    "trunc_normal_tf_": Operation(_TRUNCATED, fills.truncated_normal_in_sigmas),
    "orthogonal_": Operation({"gain": 1.0, "generator": None}, fills.orthogonal),
    "sparse_": Operation({"sparsity": None, "std": 0.01, "generator": None}, fills.sparse),
}


class _Exchanged(NamedTuple):
    function: Any  # the function, whose code is exchanged
    original: Callable[..., Any]  # a copy of it that keeps its code
    own_code: CodeType
    code: CodeType  # calls `serve`
    names: tuple[str, ...]  # of the parameters after the tensor
    operation: Operation


_exchanged: list[_Exchanged] = []
_lock = threading.RLock()
_users = 0


def serve(number: int, tensor: Tensor, *arguments: Any) -> Any:
    """Do what an exchanged function does."""
    exchanged = _exchanged[number]
    # The compiler cannot read our fills, and wants the original.
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


# A function's code while it is exchanged: it has the function's own parameters.
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
    """Let `accelerate` serve a function that does what one of torch.nn.init's does.

    For copies of torch's code in other projects: they fill by several operations, of which
    `accelerate` alone would speed up the first. timm's are known, and need no call.

    Parameters
    ----------
    function : callable
        A Python function that fills the tensor it is given first. Its other parameters are called
        as those of `as_`, in any order; it may lack some. A decorated function is unwrapped.
    as_ : {"trunc_normal_", "trunc_normal_tf_", "orthogonal_", "sparse_"}
        The function of `torch.nn.init` whose rule it follows; ``"trunc_normal_tf_"`` is timm's,
        whose bounds `a` and `b` are in standard deviations from the mean.

    Raises
    ------
    TypeError
        A function that is not written in Python, has a closure, or other parameters.
    ValueError
        An unknown `as_`.

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


# Functions of other libraries that are exchanged once their module is imported, and names that
# their code must have: a later version may do something else.
_ERFINV = {"uniform_", "erfinv_", "mul_", "add_", "clamp_"}
_KNOWN = {
    "timm.layers.weight_init": {
        "_trunc_normal_": ("trunc_normal_", _ERFINV),
        "trunc_normal_tf_": ("trunc_normal_tf_", {"_trunc_normal_", "mul_", "add_"}),
    }
}


def exchange_imported() -> None:
    """Exchange what is known of the modules that have been imported meanwhile."""
    for module in [name for name in _KNOWN if name in sys.modules]:
        with _lock:
            for name, (as_, uses) in _KNOWN.get(module, {}).items():
                function = getattr(sys.modules[module], name, None)
                if isinstance(function, FunctionType) and uses <= {*function.__code__.co_names}:
                    register(function, as_=as_)
            _KNOWN.pop(module, None)


def _add_torchs() -> None:
    """Exchange torch's own functions.

    Skip functions that are already monkey-patched at import time, by a manager that skips
    initialisation: they come down to the kernels.
    """
    for name in ("trunc_normal_", "orthogonal_", "sparse_"):
        function = getattr(init, name)
        if getattr(function, "__globals__", None) is vars(init):
            register(function, as_=name)


_add_torchs()


def acquire() -> None:
    """Exchange the functions' code, for the first user."""
    global _users
    with _lock:
        exchange_imported()
        if _users == 0:
            for exchanged in _exchanged:
                exchanged.function.__code__ = exchanged.code
        _users += 1


def release() -> None:
    """Give the functions their own code again, for the last user."""
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for exchanged in _exchanged:
                exchanged.function.__code__ = exchanged.own_code
