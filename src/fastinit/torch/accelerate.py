"""Makes the construction of models faster, without a change of their code.

Torch's random initialisation ends in the CPU kernels of two operators; `kernels` replaces them.
Three functions of `torch.nn.init` do more than one fill; `exchange` replaces their code. The
replacements are in place while any thread accelerates. Called by a thread that does not, they call
torch's own kernels and functions.
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
    """Check the arguments; return a function that makes an acceleration of them."""
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
    """The context manager of `accelerate`; several threads may enter it, and more than once."""

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
        """Decorate a function: each call enters a new context."""
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
    """Construct PyTorch models faster, without a change of their code.

    A context manager and a decorator. Within it, in this thread, fastinit fills the CPU tensors
    that torch would fill with uniform, normal, truncated normal, orthogonal or sparse values: by
    layers' `reset_parameters`, by `torch.nn.init` under any name, by `Tensor.normal_` and
    `Tensor.uniform_`, by `torch.randn` and `torch.rand`. Torch still fills tensors that fastinit
    cannot fill (complex, expanded, ...) and those that never reach its CPU kernels (meta, CUDA,
    sparse tensors); their errors and warnings are torch's. No function object of torch changes.

    Contexts nest, and an exception ends them. A thread that is started within a context is not
    accelerated: see `enable_acceleration`. A forked process is: with a seed all forks start with
    the same values; without one they differ as torch's generators do.

    Parameters
    ----------
    seed : int, optional
        Source of random bits for calls that name no generator. None: torch's default generator,
        which `torch.manual_seed` seeds. An int: the streams that follow `fastinit.manual_seed` of
        this seed, from the first again each time the context is entered; torch's generator does
        not advance.
    creation : bool, default True
        Must be True: `torch.randn` and `torch.rand` fill new memory by the same kernels. Call them
        within `no_acceleration` to leave them to torch.

    Returns
    -------
    context manager
        Also a decorator; ``@accelerate`` needs no parentheses.

    Raises
    ------
    TypeError, ValueError
        `seed` is not an int, or out of range; `creation` is not True; the decorated object is a
        class, a generator function or a coroutine function, whose code would run after the context
        has ended.

    Notes
    -----
    While any thread accelerates, torch's CPU kernels of `normal_` and `uniform_` are Python
    functions: a call in another thread takes a few microseconds more. If other threads run when the
    last context ends, the Python kernels stay until a later context ends in the only thread.

    Examples
    --------
    >>> import torch
    >>> import fastinit.torch
    >>> _ = torch.manual_seed(0)
    >>> with fastinit.torch.accelerate():
    ...     model = torch.nn.Linear(512, 256)

    References
    ----------
    The code that runs sets the rules; torch's own layers call `torch.nn.init`.
    """
    if callable(seed):
        return _Context(_checked(None, creation))(seed)
    return _Context(_checked(seed, creation))


def no_acceleration() -> _Context:
    """Let torch fill tensors within an accelerated block.

    A context manager and a decorator, for this thread. Code needs it that depends on the exact
    values of torch's generator, for instance to regenerate them later from a seed.

    Returns
    -------
    context manager
        Also a decorator.

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
    """Accelerate all threads from now on, as `accelerate` does one.

    Parameters
    ----------
    seed, creation
        As for `accelerate`. A thread within `accelerate` uses the arguments given there.

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
    """Undo `enable_acceleration`; contexts of `accelerate` are not affected.

    Examples
    --------
    >>> import fastinit.torch
    >>> fastinit.torch.disable_acceleration()
    """
    with _switch:
        if set_everywhere(None) is not None:
            _release()


_switch = threading.Lock()
