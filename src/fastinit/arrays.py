"""Arrays as the core sees them: writable views of CPU arrays, and new aligned memory."""

from __future__ import annotations

import math
import mmap
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastinit import _core
from fastinit._core import View as View
from fastinit.dtypes import DTYPES, NAMES

HUGE_PAGE = 1 << 21
ALIGNMENT = 64


# How to view the arrays of each type that has been met. Modules of frameworks add theirs.
view_functions: dict[type, Callable[[Any], View]] = {}


def writable_view(tensor: Any) -> View:
    """Return the view of any writable CPU array, or raise what says why there is none."""
    view_function = view_functions.get(type(tensor))
    view = _view_of_new_type(tensor) if view_function is None else view_function(tensor)
    if not view.is_contiguous:
        _refuse_overlap(view)
    return view


def _view_of_new_type(tensor: Any) -> View:
    if isinstance(tensor, np.ndarray):
        _refuse_masked(tensor)
        return _numpy_view(tensor)
    torch = sys.modules.get("torch")  # a torch tensor exists only where torch is imported
    if torch is not None and isinstance(tensor, torch.Tensor):
        from fastinit.torch_tensors import torch_view

        return torch_view(tensor)
    if type(tensor).__module__.partition(".")[0] in ("jax", "jaxlib"):
        raise TypeError(
            "tensor is a JAX array, which is immutable: create a NumPy array by the function "
            "without the underscore, and pass it to jax.dlpack.from_dlpack"
        )
    if hasattr(tensor, "__dlpack__"):
        return _dlpack_view(tensor)
    return _buffer_view(tensor)


def check_dtype(name: str) -> None:
    """Refuse the dtype of a tensor if it cannot be filled."""
    if name not in DTYPES:
        raise TypeError(f"tensor has dtype {name}, but only {NAMES} can be filled")


# The names of NumPy's dtypes that have been met.
_names: dict[object, str] = {np.dtype(name): name for name in ("float64", "float32", "float16")}


def _numpy_view(array: npt.NDArray[Any]) -> View:
    dtype = array.dtype
    name = _names.get(dtype)
    if name is None:
        if not dtype.isnative:
            raise TypeError(
                f"tensor has dtype {dtype.str}, whose byte order is not the machine's: convert it "
                "by astype(dtype.newbyteorder('='))"
            )
        name = dtype.name
        check_dtype(name)
        _names[dtype] = name
    known = DTYPES[name]
    # The buffer protocol has no code for ml_dtypes' types, so export integers of their size.
    exporter = array.view(f"u{known.itemsize}") if known.needs_ml_dtypes else array
    return _core.view_of_buffer(exporter, name, array)


view_functions[np.ndarray] = _numpy_view


def _refuse_masked(array: npt.NDArray[Any]) -> None:
    """Refuse masked elements, because a fill of the memory would ignore the mask in silence."""
    ma = sys.modules.get("numpy.ma")  # a masked array exists only where it is imported
    if ma is None or not isinstance(array, ma.MaskedArray):
        return
    masked = np.count_nonzero(ma.getmask(array))
    if masked > 0:
        raise ValueError(
            f"tensor is a masked array with {masked} masked elements: fill tensor.data, which "
            "ignores the mask, or fill a plain array and assign, tensor[...] = values, which "
            "keeps to a hard mask and clears a soft one"
        )


def _dlpack_view(tensor: Any) -> View:
    _core.check_dlpack_device(int(tensor.__dlpack_device__()[0]))
    try:
        try:
            capsule = tensor.__dlpack__(max_version=(1, 0), copy=False)
        except TypeError:  # written before DLPack 1.0, which cannot export what is read-only
            capsule = tensor.__dlpack__()
    except BufferError as error:
        raise ValueError(f"tensor does not lend its memory: {error}") from error
    return _core.view_of_dlpack_capsule(capsule, tensor)


def _buffer_view(tensor: Any) -> View:
    try:
        buffer = memoryview(tensor)
    except TypeError:
        raise TypeError(
            f"tensor must be an array in CPU memory (NumPy, torch, the buffer protocol or "
            f"__dlpack__), not {type(tensor).__name__}"
        ) from None
    except BufferError as error:
        raise ValueError(f"tensor does not lend its memory: {error}") from error
    if buffer.readonly:
        raise ValueError("tensor is read-only: fill a copy, or make it writable")
    try:
        array = np.asarray(buffer)
    except ValueError as error:
        raise TypeError(f"tensor has buffer format {buffer.format!r}: {error}") from error
    return _numpy_view(array)


def _refuse_overlap(view: View) -> None:
    if 0 in view.shape:
        return
    reach = DTYPES[view.dtype].itemsize
    for stride, n in sorted((abs(s), n) for s, n in zip(view.strides, view.shape, strict=True)):
        if n == 1:
            continue
        if stride < reach:
            raise ValueError(
                f"tensor has strides {view.strides} for shape {view.shape}, so that several "
                "elements may share memory (a broadcast or sliding-window view): fill a copy"
            )
        reach += stride * (n - 1)


def as_integers(view: View) -> npt.NDArray[Any]:
    """Return the memory as a NumPy array of unsigned integers of the element's size."""
    integers = np.dtype(f"u{DTYPES[view.dtype].itemsize}")
    interface = {
        "version": 3,
        "typestr": integers.str,
        "shape": view.shape,
        "strides": view.strides,
        "data": (view.address, False),
    }
    holder = type("Memory", (), {"__array_interface__": interface, "owner": view.owner})()
    return np.asarray(holder)


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of a `dtype` argument: a name, or NumPy's, torch's or JAX's own."""
    torch = sys.modules.get("torch")  # a torch dtype exists only where torch is imported
    is_torch = torch is not None and isinstance(dtype, torch.dtype)
    name = str(dtype).removeprefix("torch.") if is_torch else dtype
    if isinstance(name, str) and name in DTYPES and DTYPES[name].needs_ml_dtypes:
        try:
            import ml_dtypes
        except ImportError as error:
            raise TypeError(
                f"dtype {name} needs the package ml_dtypes: pip install 'fastinit[narrow]'"
            ) from error
        name = getattr(ml_dtypes, name)
    try:
        # NumPy takes None for float64, which is not the default here.
        found: np.dtype[Any] | None = None if name is None else np.dtype(name)
    except (TypeError, ValueError):
        found = None
    if found is None or found.name not in DTYPES or not found.isnative:
        raise TypeError(f"dtype must be one of {NAMES}, not {dtype!r}")
    return found


def empty(shape: int | Sequence[int], dtype: Any = "float32") -> npt.NDArray[Any]:
    """Allocate a NumPy array that is fast to fill: aligned, and on huge pages if it is large.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better; its values are not initialised.

    Raises
    ------
    TypeError
        A dtype that cannot be filled, or needs ml_dtypes; a shape that is not made of ints.
    ValueError
        A negative length.
    MemoryError
        The system has not enough memory.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.empty((2, 3)).shape
    (2, 3)
    """
    numpy_dtype = dtype_of(dtype)
    lengths = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    checked = checked_shape(lengths)
    size = math.prod(checked) * numpy_dtype.itemsize
    memory = empty_bytes(size, f"shape {checked} and dtype {numpy_dtype.name}")
    return memory.view(numpy_dtype).reshape(checked)


def empty_bytes(size: int, purpose: str) -> npt.NDArray[np.uint8]:
    """Allocate memory that is fast to fill; `purpose` says what for if there is not enough."""
    if size < HUGE_PAGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        memory = np.empty(size + ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
    else:
        # The mapping ends with the array that holds it.
        try:
            pages = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except (OSError, OverflowError, ValueError) as error:
            raise MemoryError(f"unable to allocate {size} bytes for {purpose}") from error
        pages.madvise(mmap.MADV_HUGEPAGE)
        memory = np.frombuffer(pages, np.uint8)
        start = -memory.ctypes.data % HUGE_PAGE
    return memory[start : start + size]


def checked_shape(shape: Sequence[Any]) -> tuple[int, ...]:
    """Return a `shape` argument as a tuple of non-negative ints."""
    lengths = []
    for n in shape:
        if isinstance(n, bool) or not isinstance(n, int | np.integer):
            raise TypeError(f"shape must have int entries, not {n!r}")
        if n < 0:
            raise ValueError(f"shape must have entries of at least 0, not {n}")
        lengths.append(int(n))
    return tuple(lengths)
