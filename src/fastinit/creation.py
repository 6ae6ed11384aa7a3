"""Every initializer as a function that creates a NumPy array: the same name, no underscore."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fastinit import initializers as in_place
from fastinit.arrays import checked_shape, empty
from fastinit.fill import locate_part
from fastinit.initializers import SHARED, Generator

Array = npt.NDArray[Any]
Shape = int | Sequence[int]
Function = TypeVar("Function", bound=Callable[..., Any])

SHAPE_TEXT = """\
shape : int or sequence of int
    Shape of the array, or with `index` of the logical tensor that the array is a part of."""
KEYWORDS_TEXT = """\
dtype : str, numpy, torch or JAX dtype, default "float32"
    float64, float32, float16; bfloat16, float8_e4m3fn and float8_e5m2 need ml_dtypes.
index : tuple of slices, optional
    Create this part of the logical tensor alone; its values are those of that slice of the
    whole."""
RETURNS_TEXT = """\
Returns
-------
numpy.ndarray
    Writable, C-contiguous, aligned to 64 bytes or better; torch.from_dlpack and
    jax.dlpack.from_dlpack take it without a copy."""


def created(function: Function) -> Function:
    """Derive the docstring from the initializer in place."""
    text = getattr(in_place, function.__name__ + "_").__doc__
    if text is None:  # python -OO strips it
        return function
    indented = {name: re.sub(r"(?m)^    ", "", shared) for name, shared in SHARED.items()}
    text = text.replace("Fill with", "Create an array of").replace("Fill a", "Create a")
    text = text.replace(indented["tensor"], SHAPE_TEXT).replace(indented["part"], KEYWORDS_TEXT)
    text = text.replace(indented["returns"], RETURNS_TEXT)
    example, references = text.index("Examples\n"), text.find("References\n")
    arguments = ", 0.3" if function.__name__ in ("constant", "sparse") else ""
    shape = "(4, 4, 3)" if function.__name__ in ("dirac", "delta_orthogonal") else "(4, 4)"
    lines = [
        "Examples",
        "--------",
        ">>> import fastinit",
        f">>> fastinit.{function.__name__}({shape}{arguments}).shape",
        shape,
    ]
    text = text[:example] + "\n".join(lines) + "\n\n" + text[references:]
    function.__doc__ = text
    return function


def _create(
    shape: Shape,
    dtype: Any,
    index: Any,
    initializer: Callable[..., Any],
    *arguments: Any,
    **named: Any,
) -> Array:
    logical = checked_shape((shape,) if isinstance(shape, int | np.integer) else shape)
    if index is None:
        array = empty(logical, dtype)
        initializer(array, *arguments, **named)
    else:
        array = empty(locate_part(None, logical, index)[1], dtype)
        initializer(array, *arguments, shape=logical, index=index, **named)
    return array


@created
def uniform(
    shape: Shape,
    a: float = 0.0,
    b: float = 1.0,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    return _create(shape, dtype, index, in_place.uniform_, a, b, generator)


@created
def normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    return _create(shape, dtype, index, in_place.normal_, mean, std, generator)


@created
def trunc_normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    return _create(shape, dtype, index, in_place.trunc_normal_, mean, std, a, b, generator)


@created
def constant(
    shape: Shape,
    val: float,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    return _create(shape, dtype, index, in_place.constant_, val)


@created
def ones(
    shape: Shape,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    return _create(shape, dtype, index, in_place.ones_)


@created
def zeros(
    shape: Shape,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    return _create(shape, dtype, index, in_place.zeros_)


@created
def eye(
    shape: Shape,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    return _create(shape, dtype, index, in_place.eye_)


@created
def dirac(
    shape: Shape,
    groups: int = 1,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    group_axis: str = "o",
    index: Any = None,
) -> Array:
    return _create(
        shape, dtype, index, in_place.dirac_, groups, layout=layout, group_axis=group_axis
    )


@created
def xavier_uniform(
    shape: Shape,
    gain: float = 1.0,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    index: Any = None,
) -> Array:
    return _create(
        shape,
        dtype,
        index,
        in_place.xavier_uniform_,
        gain,
        generator,
        layout=layout,
        groups=groups,
        group_axis=group_axis,
    )


@created
def xavier_normal(
    shape: Shape,
    gain: float = 1.0,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    index: Any = None,
) -> Array:
    return _create(
        shape,
        dtype,
        index,
        in_place.xavier_normal_,
        gain,
        generator,
        layout=layout,
        groups=groups,
        group_axis=group_axis,
    )


@created
def kaiming_uniform(
    shape: Shape,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    index: Any = None,
) -> Array:
    return _create(
        shape,
        dtype,
        index,
        in_place.kaiming_uniform_,
        a,
        mode,
        nonlinearity,
        generator,
        layout=layout,
        groups=groups,
        group_axis=group_axis,
    )


@created
def kaiming_normal(
    shape: Shape,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    index: Any = None,
) -> Array:
    return _create(
        shape,
        dtype,
        index,
        in_place.kaiming_normal_,
        a,
        mode,
        nonlinearity,
        generator,
        layout=layout,
        groups=groups,
        group_axis=group_axis,
    )


@created
def variance_scaling(
    shape: Shape,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    index: Any = None,
) -> Array:
    return _create(
        shape,
        dtype,
        index,
        in_place.variance_scaling_,
        scale,
        mode,
        distribution,
        generator,
        layout=layout,
        groups=groups,
        group_axis=group_axis,
    )


@created
def lecun_uniform(
    shape: Shape,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    index: Any = None,
) -> Array:
    return _create(
        shape,
        dtype,
        index,
        in_place.lecun_uniform_,
        generator,
        layout=layout,
        groups=groups,
        group_axis=group_axis,
    )


@created
def lecun_normal(
    shape: Shape,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    index: Any = None,
) -> Array:
    return _create(
        shape,
        dtype,
        index,
        in_place.lecun_normal_,
        generator,
        layout=layout,
        groups=groups,
        group_axis=group_axis,
    )


@created
def orthogonal(
    shape: Shape,
    gain: float = 1,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    index: Any = None,
) -> Array:
    return _create(shape, dtype, index, in_place.orthogonal_, gain, generator, layout=layout)


@created
def delta_orthogonal(
    shape: Shape,
    gain: float = 1,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    index: Any = None,
) -> Array:
    return _create(shape, dtype, index, in_place.delta_orthogonal_, gain, generator, layout=layout)


@created
def sparse(
    shape: Shape,
    sparsity: float,
    std: float = 0.01,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    return _create(shape, dtype, index, in_place.sparse_, sparsity, std, generator)


glorot_uniform = xavier_uniform
glorot_normal = xavier_normal
he_uniform = kaiming_uniform
he_normal = kaiming_normal
