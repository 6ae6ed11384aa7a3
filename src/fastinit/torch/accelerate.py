"""Model code that someone else wrote, constructed faster with no change.

All of torch's random initialisation comes down to `Tensor.uniform_` and `Tensor.normal_`, but for
three functions of `torch.nn.init` that do more than one fill. While anything is accelerated, the
two methods of torch.Tensor are ours, and the three functions have other code: as objects they stay
what they were, since libraries hold them under names of their own. Ours do nothing but call torch's
where nothing is accelerated: another thread's context, say.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import ContextVar
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NamedTuple, TypeVar, cast, overload

import torch
from torch import Tensor
from torch.nn import init

from fastinit.streams import Calls
from fastinit.torch import fills

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(eq=False)
class _Acceleration:
    calls: Calls | None  # whence random bits come; None: torch's default generator
    creation: bool  # torch.rand and torch.randn too
    outer: _Acceleration | None = None  # within which it was entered
    has_ended: bool = False


_here: ContextVar[_Acceleration | None] = ContextVar("fastinit_accelerate", default=None)
_everywhere: _Acceleration | None = None


def _innermost() -> _Acceleration | None:
    """Return the one that was entered here last, of those that have not ended.

    Those that have are still found where they ended elsewhere: copies of the context (tasks,
    generators that another finishes), and exits in another order than LIFO.
    """
    acceleration = _here.get()
    while acceleration is not None and acceleration.has_ended:
        acceleration = acceleration.outer
    return acceleration


def _active() -> _Acceleration | None:
    if torch.compiler.is_compiling():  # the compiler cannot read the rest, and wants torch's
        return None
    return _innermost() or _everywhere


def _method(
    torchs: Callable[..., Tensor], bind: Callable[..., tuple[Any, ...]], fill: Callable[..., bool]
) -> Callable[..., Tensor]:
    """Return a method in place of torch's; `bind` brings what it is given into order."""

    @functools.wraps(torchs)
    def method(tensor: Tensor, /, *args: Any, **kwargs: Any) -> Tensor:
        active = _active()
        if active is not None and not _is_recorded(tensor):
            try:
                *parameters, generator = bind(*args, **kwargs)
            except TypeError:
                return torchs(tensor, *args, **kwargs)
            if fill(tensor, *parameters, active.calls if generator is None else generator):
                return tensor
        return torchs(tensor, *args, **kwargs)

    # Pickled by name, as torch's is.
    method.__module__, method.__qualname__ = "torch", f"Tensor.{torchs.__name__}"
    return method


def _is_recorded(tensor: Tensor) -> bool:
    """Return whether autograd records, or forbids, what is done to the tensor."""
    return torch.is_grad_enabled() and fills.is_plain(type(tensor)) and tensor.requires_grad


def _creator(torchs: Callable[..., Tensor], fill: Callable[..., bool]) -> Callable[..., Tensor]:
    @functools.wraps(torchs)
    def create(*size: Any, **options: Any) -> Tensor:
        active = _active()
        if (
            active is None
            or not active.creation
            or fills.is_watched()
            or "memory_format" in options
        ):
            return torchs(*size, **options)
        generator = options.get("generator")
        try:
            tensor = torch.empty(*size, **{k: v for k, v in options.items() if k != "generator"})
        except (TypeError, ValueError, RuntimeError):
            return torchs(*size, **options)
        is_new = options.get("out") is None
        if is_new and fill(tensor, 0.0, 1.0, active.calls if generator is None else generator):
            return tensor
        return torchs(*size, **options)

    return create


def _uniform_arguments(
    low: Any = 0.0, /, to: Any = 1.0, *, generator: Any = None
) -> tuple[Any, ...]:
    return low, to, generator  # torch calls the first "from", which no parameter can be called here


def _normal_arguments(mean: Any = 0.0, std: Any = 1.0, *, generator: Any = None) -> tuple[Any, ...]:
    return mean, std, generator


# The code of three functions of torch.nn.init while anything is accelerated. It runs in that
# module's namespace, whence the imports.


def _trunc_normal_(  # type: ignore[no-untyped-def]
    tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None
):
    from fastinit.torch.accelerate import do_in_place_of

    return do_in_place_of("trunc_normal_", tensor, mean, std, a, b, generator)


def _orthogonal_(tensor, gain=1, generator=None):  # type: ignore[no-untyped-def]
    from fastinit.torch.accelerate import do_in_place_of

    return do_in_place_of("orthogonal_", tensor, gain, generator)


def _sparse_(tensor, sparsity, std=0.01, generator=None):  # type: ignore[no-untyped-def]
    from fastinit.torch.accelerate import do_in_place_of

    return do_in_place_of("sparse_", tensor, sparsity, std, generator)


class _Replaced(NamedTuple):
    function: FunctionType  # torch's, whose code is replaced
    torchs: FunctionType  # a copy that keeps torch's code
    ours: FunctionType
    fill: Callable[..., bool]


def _replaced(function: Any, ours: Any, fill: Callable[..., bool]) -> _Replaced:
    torchs = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    return _Replaced(function, torchs, ours, fill)


# Without those for which something else stands while this is imported, a manager's that skips
# initialisation: they come down to the two methods too.
_FUNCTIONS = {
    name: _replaced(getattr(init, name), ours, fill)
    for name, ours, fill in (
        ("trunc_normal_", _trunc_normal_, fills.truncated_normal),
        ("orthogonal_", _orthogonal_, fills.orthogonal),
        ("sparse_", _sparse_, fills.sparse),
    )
    if getattr(getattr(init, name), "__globals__", None) is vars(init)
}


def do_in_place_of(name: str, tensor: Tensor, *arguments: Any) -> Tensor:
    """Do what a function of torch.nn.init does; the last argument is its generator."""
    replaced, active = _FUNCTIONS[name], _active()
    *parameters, generator = arguments
    if active is not None:
        source = active.calls if generator is None else generator
        if replaced.fill(tensor, *parameters, source):
            return tensor
    result: Tensor = replaced.torchs(tensor, *arguments)
    return result


def _set_attribute(undo: ExitStack, owner: Any, name: str, ours: Any) -> None:
    """Set an attribute until `undo` is closed, unless another has replaced it by then."""
    was_own, before = name in vars(owner), getattr(owner, name)

    def restore() -> None:
        if vars(owner).get(name) is ours:
            setattr(owner, name, before) if was_own else delattr(owner, name)

    setattr(owner, name, ours)
    undo.callback(restore)


def _replace_fills(undo: ExitStack) -> None:
    for name, bind, fill in (
        ("uniform_", _uniform_arguments, fills.uniform),
        ("normal_", _normal_arguments, fills.normal),
    ):
        _set_attribute(undo, Tensor, name, _method(getattr(Tensor, name), bind, fill))
    for function, torchs, ours, _ in _FUNCTIONS.values():
        function.__code__ = ours.__code__
        undo.callback(setattr, function, "__code__", torchs.__code__)


def _replace_creators(undo: ExitStack) -> None:
    for name, fill in (("rand", fills.uniform), ("randn", fills.normal)):
        _set_attribute(undo, torch, name, _creator(getattr(torch, name), fill))


class _Replacement:
    """What is replaced as long as somebody uses it."""

    def __init__(self, replace: Callable[[ExitStack], None]) -> None:
        self.replace = replace
        self.users = 0
        self.lock = threading.Lock()
        self.undo = ExitStack()

    def acquire(self) -> None:
        with self.lock:
            if self.users == 0:
                self.replace(self.undo)
            self.users += 1

    def release(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.undo.close()


_fills, _creators = _Replacement(_replace_fills), _Replacement(_replace_creators)


def _acquire(acceleration: _Acceleration) -> None:
    _fills.acquire()
    if acceleration.creation:
        _creators.acquire()


def _release(acceleration: _Acceleration) -> None:
    if acceleration.creation:
        _creators.release()
    _fills.release()


def _acceleration(seed: int | None, creation: bool) -> _Acceleration:
    return _Acceleration(None if seed is None else Calls(seed), creation)


class _Context:
    """What `accelerate` returns; it may be entered again, and by several threads."""

    def __init__(self, seed: int | None, creation: bool) -> None:
        self._arguments = seed, creation
        self._entered: list[_Acceleration] = []
        _acceleration(seed, creation)  # raises now what it would raise when it is entered

    def __enter__(self) -> None:
        acceleration = _acceleration(*self._arguments)
        acceleration.outer = _innermost()
        _acquire(acceleration)
        self._entered.append(acceleration)
        _here.set(acceleration)

    def __exit__(self, *exception: object) -> None:
        innermost = _innermost()
        ending = innermost if innermost in self._entered else self._entered[-1]
        assert ending is not None
        self._entered.remove(ending)
        ending.has_ended = True
        _here.set(_innermost())
        _release(ending)

    def __call__(self, function: Function) -> Function:
        """Decorate a function, each call of which enters a context of its own."""
        if inspect.isclass(function) or any(
            is_kind(function)
            for is_kind in (
                inspect.isgeneratorfunction,
                inspect.iscoroutinefunction,
                inspect.isasyncgenfunction,
            )
        ):
            raise TypeError(
                f"accelerate decorates functions that return what they construct, not {function!r}:"
                " use it in a with statement within"
            )

        @functools.wraps(function)
        def accelerated(*args: Any, **kwargs: Any) -> Any:
            with _Context(*self._arguments):
                return function(*args, **kwargs)

        return cast(Function, accelerated)


@overload
def accelerate(seed: Function) -> Function: ...
@overload
def accelerate(seed: int | None = None, *, creation: bool = False) -> _Context: ...
def accelerate(seed: Any = None, *, creation: bool = False) -> Any:
    """Construct PyTorch models faster, by code that knows nothing of fastinit.

    A context manager and a decorator. Within it, in this thread, tensors that fastinit can fill are
    filled by it wherever torch's own functions are asked to: layers' `reset_parameters`,
    `torch.nn.init` under whatever names it was imported, `Tensor.normal_` and `Tensor.uniform_`.
    All other tensors (meta, CUDA, sparse, complex, subclasses ...) are torch's, errors and warnings
    too. It nests, and ends with an exception. Threads that are started within it are not part of
    it: see `enable_acceleration`. Processes that are forked within it are, and start alike: where
    they draw (a DataLoader's workers), give no seed, and torch's generators differ.

    Parameters
    ----------
    seed : int, optional
        Whence random bits come where a call names no generator: by default from torch's default
        generator, which `torch.manual_seed` seeds; else from the streams that
        `fastinit.manual_seed` of this number would start, each time the context is entered, and
        torch's generator is left alone.
    creation : bool, default False
        Whether `torch.rand` and `torch.randn` are accelerated too.

    Returns
    -------
    context manager
        Which decorates functions too; ``@accelerate`` without parentheses does as well.

    Raises
    ------
    TypeError, ValueError
        A seed that is not an int, or is out of range; decorating a class, a generator or a
        coroutine, whose code runs after the call that makes it.

    Examples
    --------
    >>> import torch
    >>> import fastinit.torch
    >>> _ = torch.manual_seed(0)
    >>> with fastinit.torch.accelerate():
    ...     model = torch.nn.Linear(512, 256)

    References
    ----------
    The rules are those of whatever code runs; `torch.nn.init` where it is torch's own.
    """
    if callable(seed):
        return _Context(None, creation)(seed)
    return _Context(seed, creation)


def enable_acceleration(seed: int | None = None, *, creation: bool = False) -> None:
    """Accelerate every thread, from now on, as `accelerate` does in one.

    Parameters
    ----------
    seed, creation
        As for `accelerate`, which takes precedence where it is entered.

    Examples
    --------
    >>> import torch
    >>> import fastinit.torch
    >>> fastinit.torch.enable_acceleration()
    >>> model = torch.nn.Linear(512, 256)
    >>> fastinit.torch.disable_acceleration()
    """
    global _everywhere
    acceleration = _acceleration(seed, creation)
    with _switch:
        _acquire(acceleration)
        before, _everywhere = _everywhere, acceleration
        if before is not None:
            _release(before)


def disable_acceleration() -> None:
    """End what `enable_acceleration` began; contexts of `accelerate` are not affected."""
    global _everywhere
    with _switch:
        before, _everywhere = _everywhere, None
        if before is not None:
            _release(before)


_switch = threading.Lock()
