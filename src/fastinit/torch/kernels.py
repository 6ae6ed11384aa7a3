"""Replaces the CPU kernels of aten::uniform_ and aten::normal_ in torch's dispatcher.

The dispatcher calls a kernel last, after function modes, autograd, tracing, FakeTensor and others,
so kernels see only tensors in CPU memory. No object of torch's Python API changes: code that
compares, caches or pickles functions sees torch's own. C++ callers reach the kernels too:
`torch.rand` and `torch.randn` fill new memory by them.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.library import Library, get_kernel

from fastinit.torch import exchange, fills
from fastinit.torch.scope import active

_FILLS = {"uniform_": fills.uniform_in_kernel, "normal_": fills.normal_in_kernel}

_lock = threading.Lock()
_users = 0
_library: Any = None  # a torch.library.Library


def acquire() -> None:
    """Count a user; replace torch's kernels for the first one."""
    global _library, _users
    with _lock:
        if _library is None:
            _library = _register()
        _users += 1


def release() -> None:
    """End a user; restore torch's kernels after the last one, unless other threads run.

    The dispatcher calls kernels without a lock, so a kernel must not be freed while another thread
    may be in it. If other threads run, our kernels stay and pass every call to torch's, until the
    last user ends in a process of one thread.
    """
    global _library, _users
    with _lock:
        _users -= 1
        if _users == 0 and threading.active_count() == 1:
            _library = None  # the kernels end with their Library


def _register() -> Any:
    library: Any = Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        # torch warns once per process that a kernel is overridden.
        warnings.filterwarnings("ignore", message="(?s).*Overriding a previously registered kernel")
        for name, fill in _FILLS.items():
            kernel = _kernel(fill, get_kernel(f"aten::{name}", "CPU"))
            library.impl(name, kernel, "CPU", with_keyset=True, allow_override=True)
    return library


def _kernel(fill: Callable[..., bool], original: Any) -> Callable[..., Tensor]:
    """Return a kernel that fills by `fill`, or calls `original` if that cannot.

    Both operators have two parameters, which default to 0 and 1.
    """

    def kernel(
        keys: torch._C.DispatchKeySet,
        tensor: Tensor,
        first: float = 0.0,
        second: float = 1.0,
        *,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        acceleration = active()
        if acceleration is not None:
            exchange.exchange_imported()
            source = acceleration.calls if generator is None else generator
            if fill(tensor, first, second, source):
                return tensor
        result: Tensor = original.call_boxed(keys, tensor, first, second, generator=generator)
        return result

    return kernel
