"""Every initializer as a function that creates a NumPy array: its name without the underscore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastinit import initializers as in_place
from fastinit.arrays import checked_shape, empty
from fastinit.fill import locate_part
from fastinit.initializers import Generator

Array = npt.NDArray[Any]
Shape = int | Sequence[int]


def _create(
    shape: Shape,
    dtype: Any,
    index: Any,
    initializer: Callable[..., Any],
    *arguments: Any,
    **named: Any,
) -> Array:
    """Create an array, or a part of a logical one, and fill it by the initializer in place."""
    logical = checked_shape((shape,) if isinstance(shape, int | np.integer) else shape)
    if index is None:
        array = empty(logical, dtype)
        initializer(array, *arguments, **named)
    else:
        array = empty(locate_part(None, logical, index)[1], dtype)
        initializer(array, *arguments, shape=logical, index=index, **named)
    return array


def uniform(
    shape: Shape,
    a: float = 0.0,
    b: float = 1.0,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    """Create an array of values of the uniform distribution on [a, b).

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    a, b : float, default 0 and 1
        Bounds. No value equals `b`, which dtypes other than float64 take rounded to float32.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry; `index` does not fit it; an argument is not finite.
    RuntimeError
        `a` is greater than `b`, or a bound overflows the dtype.

    Examples
    --------
    >>> import fastinit
    >>> x = fastinit.uniform((2, 3), -1, 1, generator=0)
    >>> bool((x >= -1).all() and (x < 1).all())
    True

    References
    ----------
    `torch.nn.init.uniform_`.
    """
    return _create(shape, dtype, index, in_place.uniform_, a, b, generator)


def normal(
    shape: Shape,
    mean: float = 0.0,
    std: float = 1.0,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    """Create an array of values of the normal distribution.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    mean, std : float, default 0 and 1
        Mean and standard deviation.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry; `index` does not fit it; an argument is not finite.
    RuntimeError
        `std` is negative.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.normal((2, 3), std=0.02, generator=0).dtype
    dtype('float32')

    References
    ----------
    `torch.nn.init.normal_`; G. E. P. Box and M. E. Muller, 1958.
    """
    return _create(shape, dtype, index, in_place.normal_, mean, std, generator)


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
    """Create an array of values of the normal distribution truncated to [a, b].

    By inversion: every interval takes the same bounded work, far tails included, so a mean outside
    [a, b] needs no warning. If both bounds lie beyond the normal's reach (6.77 sigma, in float64
    9.5), the values are those of `normal`.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    mean, std : float, default 0 and 1
        Mean and standard deviation of the normal before truncation.
    a, b : float, default -2 and 2
        Bounds, absolute, not in sigmas; either may be infinite.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry; `index` does not fit it; `mean` or `std` is not finite; `std`
        is negative; a bound is NaN, or infinite on the wrong side.
    RuntimeError
        `a` is greater than `b`.

    Examples
    --------
    >>> import fastinit
    >>> x = fastinit.trunc_normal(1000, a=5, b=6, generator=0)
    >>> bool(x.min() >= 5 and x.max() <= 6)
    True

    References
    ----------
    `torch.nn.init.trunc_normal_`.
    """
    return _create(shape, dtype, index, in_place.trunc_normal_, mean, std, a, b, generator)


def constant(
    shape: Shape,
    val: float,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    """Create an array of one value.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    val : float
        The value; infinities and NaN are allowed.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; `val`
        is not a number.
    ValueError
        `shape` has a negative entry; `index` does not fit it.
    RuntimeError
        `val` overflows the dtype.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.constant(2, 0.25)
    array([0.25, 0.25], dtype=float32)

    References
    ----------
    `torch.nn.init.constant_`.
    """
    return _create(shape, dtype, index, in_place.constant_, val)


def ones(
    shape: Shape,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    """Create an array of ones.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int.
    ValueError
        `shape` has a negative entry; `index` does not fit it.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.ones(2)
    array([1., 1.], dtype=float32)

    References
    ----------
    `torch.nn.init.ones_`.
    """
    return _create(shape, dtype, index, in_place.ones_)


def zeros(
    shape: Shape,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    """Create an array of zeros.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int.
    ValueError
        `shape` has a negative entry; `index` does not fit it.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.zeros(2, dtype="float64")
    array([0., 0.])

    References
    ----------
    `torch.nn.init.zeros_`.
    """
    return _create(shape, dtype, index, in_place.zeros_)


def eye(
    shape: Shape,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    """Create an identity matrix: ones on the diagonal, zeros elsewhere.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int.
    ValueError
        `shape` has a negative entry, or does not have 2 dimensions; `index` does not fit it.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.eye((2, 3), dtype="float64")
    array([[1., 0., 0.],
           [0., 1., 0.]])

    References
    ----------
    `torch.nn.init.eye_`.
    """
    return _create(shape, dtype, index, in_place.eye_)


def dirac(
    shape: Shape,
    groups: int = 1,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    group_axis: str = "o",
    index: Any = None,
) -> Array:
    """Create the Dirac delta of a convolution, which copies as many channels as it can.

    In each group, output channel d is input channel d: a one at the kernel's tap k // 2.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    groups : int, default 1
        Number of groups of the convolution, which divides the axis `group_axis`.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, any other letter a kernel axis. The
        default is torch's, ``"oi"`` and then kernel axes.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int.
    ValueError
        `shape` has a negative entry, or does not have 3 to 5 dimensions; `index`, `layout` or
        `groups` does not fit it.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.dirac((2, 2, 3), dtype="float64")[1]
    array([[0., 0., 0.],
           [0., 1., 0.]])

    References
    ----------
    `torch.nn.init.dirac_`.
    """
    return _create(
        shape, dtype, index, in_place.dirac_, groups, layout=layout, group_axis=group_axis
    )


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
    """Create an array of U[-bound, bound), bound = gain * sqrt(6 / (fan_in + fan_out)).

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    gain : float, default 1
        See `calculate_gain`.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry, or has fewer than 2 dimensions; `index`, `layout` or `groups`
        does not fit it; `gain` is not finite.
    RuntimeError
        `gain` is negative.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.xavier_uniform((512, 256), generator=0).shape
    (512, 256)

    References
    ----------
    X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural
    networks, 2010; `torch.nn.init.xavier_uniform_`.
    """
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
    """Create an array of N(0, std**2), std = gain * sqrt(2 / (fan_in + fan_out)).

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    gain : float, default 1
        See `calculate_gain`.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry, or has fewer than 2 dimensions; `index`, `layout` or `groups`
        does not fit it; `gain` is not finite.
    RuntimeError
        `gain` is negative.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.xavier_normal((512, 256), generator=0).shape
    (512, 256)

    References
    ----------
    X. Glorot and Y. Bengio, 2010; `torch.nn.init.xavier_normal_`. JAX's and Keras's glorot_normal
    is truncated: ``variance_scaling(shape, 1.0, "fan_avg")``.
    """
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
    """Create an array of U[-bound, bound), bound = gain * sqrt(3 / fan).

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    a : float, default 0
        Negative slope of ``leaky_relu``; the other nonlinearities ignore it.
    mode : {"fan_in", "fan_out"}
        The pass whose variance is kept: forward or backward.
    nonlinearity : str, default "leaky_relu"
        See `calculate_gain`.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry, or has fewer than 2 dimensions; `index`, `layout` or `groups`
        does not fit it; `a` is not finite; `mode` or `nonlinearity` is unknown.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.kaiming_uniform((512, 256), generator=0).shape
    (512, 256)

    References
    ----------
    K. He et al., Delving deep into rectifiers, 2015; `torch.nn.init.kaiming_uniform_`.
    """
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
    """Create an array of N(0, std**2), std = gain / sqrt(fan).

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    a : float, default 0
        Negative slope of ``leaky_relu``; the other nonlinearities ignore it.
    mode : {"fan_in", "fan_out"}
        The pass whose variance is kept: forward or backward.
    nonlinearity : str, default "leaky_relu"
        See `calculate_gain`.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry, or has fewer than 2 dimensions; `index`, `layout` or `groups`
        does not fit it; `a` is not finite; `mode` or `nonlinearity` is unknown.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.kaiming_normal((512, 256), generator=0).shape
    (512, 256)

    References
    ----------
    K. He et al., 2015; `torch.nn.init.kaiming_normal_`. JAX's and Keras's he_normal is truncated:
    ``variance_scaling(shape, 2.0)``.
    """
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
    """Create an array of values of mean 0 and variance scale / n, as JAX and Keras do.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    scale : float, default 1
        A positive factor of the variance.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}
        What n is: a fan, or the arithmetic or geometric mean of both.
    distribution : {"truncated_normal", "normal", "uniform"}
        A truncated normal is cut at 2 standard deviations of the normal, which is widened so that
        the variance after truncation is scale / n.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry, or has fewer than 2 dimensions; `index`, `layout` or `groups`
        does not fit it; `scale` is not positive and finite; `mode` or `distribution` is unknown.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.variance_scaling((3, 3, 16, 32), 2.0, "fan_out", layout="hwio", generator=0).shape
    (3, 3, 16, 32)

    References
    ----------
    `jax.nn.initializers.variance_scaling`; `keras.initializers.VarianceScaling`.
    """
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
    """Create an array of U[-bound, bound), bound = sqrt(3 / fan_in).

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int.
    ValueError
        `shape` has a negative entry, or has fewer than 2 dimensions; `index`, `layout` or `groups`
        does not fit it.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.lecun_uniform((512, 256), generator=0).shape
    (512, 256)

    References
    ----------
    Y. LeCun et al., Efficient backprop, 1998; `jax.nn.initializers.lecun_uniform`.
    """
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
    """Create an array of a truncated normal of mean 0 and variance 1 / fan_in.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int.
    ValueError
        `shape` has a negative entry, or has fewer than 2 dimensions; `index`, `layout` or `groups`
        does not fit it.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.lecun_normal((512, 256), generator=0).shape
    (512, 256)

    References
    ----------
    Y. LeCun et al., Efficient backprop, 1998; `jax.nn.initializers.lecun_normal`, truncated at 2 of
    its standard deviations, as JAX and Keras do.
    """
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


def orthogonal(
    shape: Shape,
    gain: float = 1,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    index: Any = None,
) -> Array:
    """Create a (semi-)orthogonal matrix, whose rows are the outputs and columns all the rest.

    The matrix is uniform among the orthogonal ones (the Haar measure): it is distributed as the Q
    of a normal matrix's QR decomposition with a positive diagonal of R. Stewart's method multiplies
    random Householder reflections, in float64 for float64 and in float32 for the other dtypes, to
    which the result is rounded once. A part costs as much as the whole. Working memory is half the
    matrix, 64 columns of it per thread, and for parts and narrow dtypes a copy of it.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    gain : float, default 1
        A factor of the matrix.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of orthogonal
        matrices, any other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel
        axes.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry, or has fewer than 2 dimensions; `index` or `layout` does not
        fit it; `gain` is not finite.

    Examples
    --------
    >>> import fastinit
    >>> import numpy
    >>> q = fastinit.orthogonal((2, 3), generator=0)
    >>> bool(numpy.allclose(q @ q.T, numpy.eye(2), atol=1e-6))
    True

    References
    ----------
    A. Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks, 2013; G. W. Stewart, The efficient generation of random orthogonal matrices with an
    application to condition estimators, 1980; `torch.nn.init.orthogonal_`.
    """
    return _create(shape, dtype, index, in_place.orthogonal_, gain, generator, layout=layout)


def delta_orthogonal(
    shape: Shape,
    gain: float = 1,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    layout: str | None = None,
    index: Any = None,
) -> Array:
    """Create a convolution of zeros and an orthogonal matrix at the kernel's tap (k - 1) // 2.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    gain : float, default 1
        A factor of the matrix.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of convolutions, any other
        letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry, or does not have 3 to 5 dimensions, or has more inputs than
        outputs; `index` or `layout` does not fit it; `gain` is not finite.

    Examples
    --------
    >>> import fastinit
    >>> import numpy
    >>> w = fastinit.delta_orthogonal((4, 3, 3, 3), generator=0)
    >>> bool(numpy.allclose(w[:, :, 1, 1].T @ w[:, :, 1, 1], numpy.eye(3), atol=1e-6))
    True

    References
    ----------
    L. Xiao et al., Dynamical isometry and a mean field theory of CNNs, 2018;
    `jax.nn.initializers.delta_orthogonal`.
    """
    return _create(shape, dtype, index, in_place.delta_orthogonal_, gain, generator, layout=layout)


def sparse(
    shape: Shape,
    sparsity: float,
    std: float = 0.01,
    generator: Generator = None,
    *,
    dtype: Any = "float32",
    index: Any = None,
) -> Array:
    """Create a matrix of N(0, std**2) with random rows of each column set to zero.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of the array, or with `index` of the logical tensor that the array is a part of.
    sparsity : float
        Share of each column that is zero: ceil(sparsity * rows) of its elements.
    std : float, default 0.01
        Standard deviation of the other elements.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    dtype : str, numpy, torch or JAX dtype, default "float32"
        float64, float32 or float16; bfloat16 and float8 need the package ml_dtypes.
    index : tuple of slices, optional
        The part of the logical tensor to create: its values are those of this slice of the whole.

    Returns
    -------
    numpy.ndarray
        Writable, C-contiguous, aligned to 64 bytes or better. torch.from_dlpack and
        jax.dlpack.from_dlpack share its memory.

    Raises
    ------
    TypeError
        `dtype` cannot be filled or needs ml_dtypes; `shape` has an entry that is not an int; an
        argument is not a number.
    ValueError
        `shape` has a negative entry, or does not have 2 dimensions; `index` does not fit it; an
        argument is not finite; `sparsity` is not between 0 and 1.
    RuntimeError
        `std` is negative.

    Examples
    --------
    >>> import fastinit
    >>> int((fastinit.sparse((10, 3), 0.25, generator=0) == 0).sum())
    9

    References
    ----------
    J. Martens, Deep learning via Hessian-free optimization, 2010; `torch.nn.init.sparse_`.
    """
    return _create(shape, dtype, index, in_place.sparse_, sparsity, std, generator)


glorot_uniform = xavier_uniform
glorot_normal = xavier_normal
he_uniform = kaiming_uniform
he_normal = kaiming_normal
