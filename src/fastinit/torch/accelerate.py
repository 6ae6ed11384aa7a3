"""Model code that someone else wrote, constructed faster with no change.

All of torch's random initialisation comes down to the CPU kernels of two operators (`kernels`),
except for three functions of `torch.nn.init` that are more than one fill (`exchange`). While
anybody accelerates, ours stand in their place. They call torch's wherever nobody accelerates: in
another thread, for instance.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

from fastinit.streams import Calls
from fastinit.torch import exchange, kernels
from fastinit.torch.scope import Acceleration, innermost, set_everywhere, set_here

Function = TypeVar("Function", bound=Callable[..., Any])


def _acquire() -> None:
    kernels.acquire()
    exchange.acquire()


def _release() -> None:
    exchange.release()
    kernels.release()


def _checked(seed: int | None, creation: bool) -> Callable[[], Acceleration]:
    """Return what begins an acceleration, once the arguments are found right."""
    if not creation:
        raise ValueError(
            "creation must be True: torch.rand and torch.randn fill new memory by the kernels that "
            "are accelerated; call them within fastinit.torch.no_acceleration()"
        )

    def begin() -> Acceleration:
        return Acceleration(None if seed is None else Calls(seed))

    begin()
    return begin


class _Context:
    """What `accelerate` returns; it may be entered again, and by several threads."""

    def __init__(self, begin: Callable[[], Acceleration]) -> None:
        self._begin = begin
        self._entered: list[Acceleration] = []

    def __enter__(self) -> None:
        acceleration = self._begin()
        acceleration.outer = innermost()
        _acquire()
        self._entered.append(acceleration)
        set_here(acceleration)

    def __exit__(self, *exception: object) -> None:
        here = innermost()
        ending = here if here is not None and here in self._entered else self._entered[-1]
        self._entered.remove(ending)
        ending.has_ended = True
        set_here(innermost())
        _release()

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
            with _Context(self._begin):
                return function(*args, **kwargs)

        return cast(Function, accelerated)


@overload
def accelerate(seed: Function) -> Function: ...
@overload
def accelerate(seed: int | None = None, *, creation: bool = True) -> _Context: ...
def accelerate(seed: Any = None, *, creation: bool = True) -> Any:
    """Construct PyTorch models faster, by code that knows nothing of fastinit.

    A context manager and a decorator. Within it, in this thread, fastinit fills the CPU tensors
    that torch fills with uniform, normal, truncated normal, orthogonal or sparse values: those of
    layers' `reset_parameters`, of `torch.nn.init` under any name, of `Tensor.normal_` and
    `Tensor.uniform_`, of `torch.randn` and `torch.rand`. Tensors that fastinit cannot fill
    (complex, expanded, ...) and all that never reaches torch's CPU kernels (meta, CUDA, sparse
    tensors) stay torch's, errors and warnings too. No function object of torch changes.

    Contexts nest, and end with an exception. Threads that are started within one are not part of
    it: see `enable_acceleration`. Processes that are forked within one are: with a seed they start
    alike; without one they differ as torch's generators do.

    Parameters
    ----------
    seed : int, optional
        Where random bits come from if a call names no generator. None: torch's default generator,
        which `torch.manual_seed` seeds. An int: the streams that `fastinit.manual_seed` of it would
        start, anew each time the context is entered; torch's generator does not advance.
    creation : bool, default True
        Only True: `torch.randn` and `torch.rand` fill new memory by the same kernels. See
        `no_acceleration` for a way to leave them to torch.

    Returns
    -------
    context manager
        It decorates functions too; ``@accelerate`` without parentheses does as well.

    Raises
    ------
    TypeError, ValueError
        A seed that is not an int, or is out of range; `creation` that is not True; decorating a
        class, a generator or a coroutine, whose code runs after the call that makes it.

    Notes
    -----
    While anybody accelerates, torch's CPU kernels of `normal_` and `uniform_` are Python functions:
    a call in a thread that does not accelerate takes a few microseconds more. Where other threads
    run when the last context ends, this lasts until a later context ends beside none.

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
        return _Context(_checked(None, creation))(seed)
    return _Context(_checked(seed, creation))


def no_acceleration() -> _Context:
    """Leave tensors to torch within a block that is accelerated.

    A context manager and a decorator, for this thread: for code that draws the values which torch's
    generator gives for a seed, and regenerates them later.

    Returns
    -------
    context manager
        It decorates functions too.

    Examples
    --------
    >>> import torch
    >>> import fastinit.torch
    >>> with fastinit.torch.accelerate(), fastinit.torch.no_acceleration():
    ...     projection = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    >>> bool((projection == torch.randn(4, 8, generator=torch.Generator().manual_seed(0))).all())
    True
    """
    return _Context(lambda: Acceleration(None, is_off=True))


def enable_acceleration(seed: int | None = None, *, creation: bool = True) -> None:
    """Accelerate every thread, from now on, as `accelerate` does in one.

    Parameters
    ----------
    seed, creation
        As for `accelerate`, which takes precedence where it is entered.

    Raises
    ------
    TypeError, ValueError
        As `accelerate`.

    Examples
    --------
    >>> import torch
    >>> import fastinit.torch
    >>> fastinit.torch.enable_acceleration()
    >>> model = torch.nn.Linear(512, 256)
    >>> fastinit.torch.disable_acceleration()
    """
    acceleration = _checked(seed, creation)()
    with _switch:
        _acquire()
        if set_everywhere(acceleration) is not None:
            _release()


def disable_acceleration() -> None:
    """End what `enable_acceleration` began; contexts of `accelerate` are not affected.

    Examples
    --------
    >>> import fastinit.torch
    >>> fastinit.torch.disable_acceleration()
    """
    with _switch:
        if set_everywhere(None) is not None:
            _release()


_switch = threading.Lock()
