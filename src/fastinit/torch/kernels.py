"""The CPU kernels of aten::uniform_ and aten::normal_, replaced in torch's dispatcher.

The dispatcher calls a kernel after function modes, autograd, tracing, FakeTensor and the like have
had their turn: what arrives is memory of the CPU. No object of torch's Python API changes, so
whatever compares, caches or pickles functions sees torch's own. C++ callers are reached too:
`torch.rand` and `torch.randn` fill new memory by these kernels.
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
    """Put our kernels in torch's place, for the first user."""
    global _library, _users
    with _lock:
        if _library is None:
            _library = _register()
        _users += 1


def release() -> None:
    """Restore torch's kernels, for the last user.

    The dispatcher takes no lock to call a kernel, so a kernel must not end while another thread may
    be in it. Beside other threads ours stay, and pass every call on to torch's, until the last user
    leaves in a process of one thread.
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


def _kernel(fill: Callable[..., bool], torchs: Any) -> Callable[..., Tensor]:
    """Return a kernel that fills, or passes on to torch's; its numbers are by default 0 and 1."""

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
        result: Tensor = torchs.call_boxed(keys, tensor, first, second, generator=generator)
        return result

    return kernel
