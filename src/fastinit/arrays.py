"""Arrays as the core sees them: a writable view of any CPU array, and new aligned memory."""

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

ITEM_SIZES = {
    "float64": 8,
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
}
NARROW = ("bfloat16", "float8_e4m3fn", "float8_e5m2")  # dtypes that NumPy has from ml_dtypes
HUGE_PAGE = 1 << 21
ALIGNMENT = 64


def as_integers(view: View) -> npt.NDArray[Any]:
    """Return the memory as a NumPy array of unsigned integers of the element's size."""
    integers = np.dtype(f"u{ITEM_SIZES[view.dtype]}")
    interface = {
        "version": 3,
        "typestr": integers.str,
        "shape": view.shape,
        "strides": view.strides,
        "data": (view.address, False),
    }
    holder = type("Memory", (), {"__array_interface__": interface, "owner": view.owner})()
    return np.asarray(holder)


def writable_view(tensor: Any) -> View:
    """Return the view of any writable CPU array, or raise what says why there is none."""
    exchange = _exchanges.get(type(tensor))
    if exchange is not None:
        view = _exchanged_torch_view(tensor, exchange)
    elif isinstance(tensor, np.ndarray):
        if type(tensor) is not np.ndarray:
            _refuse_masked(tensor)
        view = _numpy_view(tensor)
    else:
        view = _view_of_any(tensor)
    if not view.is_contiguous:
        _refuse_overlap(view)
    return view


def _view_of_any(tensor: Any) -> View:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(tensor, torch.Tensor):
        return _torch_view(tensor, torch)
    if type(tensor).__module__.partition(".")[0] in ("jax", "jaxlib"):
        raise TypeError(
            "tensor is a JAX array, which is immutable: create a NumPy array by the function "
            "without the underscore, and pass it to jax.dlpack.from_dlpack"
        )
    if hasattr(tensor, "__dlpack__"):
        return _dlpack_view(tensor)
    return _buffer_view(tensor)


def _check_dtype(name: str) -> None:
    if name not in ITEM_SIZES:
        raise TypeError(f"tensor has dtype {name}, but only {', '.join(ITEM_SIZES)} can be filled")


# What dtypes are called here, as far as they have been met.
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
        _check_dtype(name)
        _names[dtype] = name
    # ml_dtypes' types do not pass by the buffer protocol, integers of their size do.
    exporter = array.view(f"u{ITEM_SIZES[name]}") if name in NARROW else array
    return _core.view_of_buffer(exporter, name, array)


def _refuse_masked(array: npt.NDArray[Any]) -> None:
    """Refuse masked elements: a fill of the memory would ignore the mask in silence."""
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


# Of the types of torch tensors that have been met: DLPack's exchange API, and what to tell.
_exchanges: dict[type, tuple[object, Callable[[Any], object]]] = {}


def _exchanged_torch_view(tensor: Any, exchange: tuple[object, Callable[[Any], object]]) -> View:
    api, bump = exchange
    try:
        if not tensor.is_neg() and (tensor.is_leaf or not is_computed(tensor)):
            held = tensor.untyped_storage().nbytes()
            return _core.view_of_dlpack(tensor, api, bump, tensor.storage_offset(), held)
    except Exception:  # not dense, not on the CPU, ...: told below, in torch's terms
        pass
    return _torch_view(tensor, sys.modules["torch"])


def _torch_view(tensor: Any, torch: Any) -> View:
    _check_torch_tensor(tensor, torch)
    name = str(tensor.dtype).removeprefix("torch.")
    _check_dtype(name)
    api = getattr(type(tensor), "__dlpack_c_exchange_api__", None)
    if api is not None and _core.can_exchange(api):
        # torch that has the API does nothing where a tensor of inference has no version counter.
        _exchanges[type(tensor)] = api, torch.autograd.graph.increment_version
    item, strides = tensor.element_size(), tensor.stride()
    address, shape = tensor.data_ptr(), tuple(tensor.shape)
    view = View(address, name, shape, strides, tensor, _bump_version_of_torch, item)
    if not view.is_within(tensor.storage_offset(), tensor.untyped_storage().nbytes()):
        raise ValueError("tensor reaches beyond its storage, which was resized: resize it back")
    return view


def _has_memory(tensor: Any) -> bool:
    """Return whether there is more to the tensor than its shape, as not in tracing and the like."""
    try:
        storage = tensor.untyped_storage()
        return storage.device == tensor.device and bool(storage.data_ptr())
    except RuntimeError:
        return False


def _owner_of_memory(tensor: Any) -> Any:
    """Return the torch tensor that a view is of, or the tensor itself."""
    base = tensor._base
    return tensor if base is None else base


def is_computed(tensor: Any) -> bool:
    """Return whether a torch tensor is a result of autograd that shares no memory with a leaf.

    Views of parameters and other leaves are not: slices, ``.t()``, ``.view(...)``, ``.detach()``.
    Under ``torch.no_grad()`` torch records nothing, and results cannot be told from leaves.
    """
    # The view's own `is_leaf` raises where another view of several, as by chunk, was filled.
    return not _owner_of_memory(tensor).is_leaf


def _check_torch_tensor(tensor: Any, torch: Any) -> None:
    if isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin):
        raise ValueError("tensor is uninitialized: run the lazy module once, or materialize it")
    if tensor.layout is not torch.strided:
        raise TypeError(f"tensor has layout {tensor.layout}, but only dense tensors can be filled")
    if tensor.is_nested:
        raise TypeError("tensor is nested: fill its parts, tensor.unbind()")
    if not tensor.is_cpu:
        raise ValueError(
            f"tensor is on device {tensor.device}, but only CPU memory can be filled: fill a CPU "
            "tensor and copy it there"
        )
    if tensor.is_neg():
        raise TypeError("tensor is a lazily negated view: fill tensor.resolve_neg()")
    if tensor.numel() > 0 and not _has_memory(tensor):
        raise ValueError(
            "tensor has no memory of its own: its storage is empty, or it is fake, or wrapped by a "
            "transformation of torch.func or a subclass (of a DTensor fill the local tensor, by "
            "shape and index)"
        )
    if is_computed(tensor):
        operation = type(_owner_of_memory(tensor).grad_fn).__name__
        raise ValueError(
            f"tensor is computed (grad_fn=<{operation}>), so that filling it changes nothing that "
            "lasts: fill the tensors that it is computed from (of a "
            "parametrized module, module.parametrizations.weight.original*; of older hooks, "
            "module.weight_g and weight_v, or weight_orig), assign where the parametrization "
            "takes it (module.weight = values), or fill tensor.detach() to change this result alone"
        )


def _bump_version_of_torch(tensor: Any) -> None:
    """Do as any in-place operation does, so that autograd notices."""
    try:
        sys.modules["torch.autograd.graph"].increment_version(tensor)
    except RuntimeError:
        if not tensor.is_inference():
            raise


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
    reach = ITEM_SIZES[view.dtype]
    for stride, n in sorted((abs(s), n) for s, n in zip(view.strides, view.shape, strict=True)):
        if n == 1:
            continue
        if stride < reach:
            raise ValueError(
                f"tensor has strides {view.strides} for shape {view.shape}, so that several "
                "elements may share memory (a broadcast or sliding-window view): fill a copy"
            )
        reach += stride * (n - 1)


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy dtype of a `dtype` argument: a name, or NumPy's, torch's or JAX's own."""
    torch = sys.modules.get("torch")  # a torch dtype exists only where torch is imported
    is_torch = torch is not None and isinstance(dtype, torch.dtype)
    name = str(dtype).removeprefix("torch.") if is_torch else dtype
    if isinstance(name, str) and name in NARROW:
        try:
            import ml_dtypes
        except ImportError as error:
            raise TypeError(
                f"dtype {name} needs the package ml_dtypes: pip install 'fastinit[narrow]'"
            ) from error
        name = getattr(ml_dtypes, name)
    try:
        found: np.dtype[Any] | None = np.dtype(name)
    except (TypeError, ValueError):
        found = None
    if found is None or found.name not in ITEM_SIZES or not found.isnative:
        raise TypeError(f"dtype must be one of {', '.join(ITEM_SIZES)}, not {dtype!r}")
    return found


def empty(shape: int | Sequence[int], dtype: Any = "float32") -> npt.NDArray[Any]:
    """Allocate a NumPy array as the fills like it: aligned, and on huge pages where it is large.

    Parameters
    ----------
    shape : int or sequence of int
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32, float16; bfloat16, float8_e4m3fn and float8_e5m2 need ml_dtypes.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better; its values are not initialised.

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
    """Allocate memory as the fills like it; `purpose` is for the error where there is none."""
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
