"""Every initializer, in place.

Each carries its rule (`rules`), which turns dtype, logical shape and arguments into a distribution;
those without a single rule build their values in `matrices`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, TypeVar

from fastinit import _core, rules
from fastinit.arrays import View, writable_view
from fastinit.fans import axis_of_groups, checked_groups, parse_layout
from fastinit.fill import Part, locate_part, run
from fastinit.matrices import fill_orthogonal, fill_sparse, ones_on_diagonal
from fastinit.rules import RULES, NoElementsError, check_dimensions, initializer
from fastinit.streams import as_key, as_stream

T = TypeVar("T")
Initializer = Any  # a function of this module, as an argument of its own helpers
Generator = Any  # None, an int, a Stream, or a generator of NumPy or torch


def _target(
    initializer: Initializer,
    tensor: Any,
    shape: Sequence[int] | None,
    index: Any,
) -> tuple[View, Part]:
    """Return the view of a target and its part of the logical tensor, of checked dimensions."""
    view = writable_view(tensor)
    part, _ = locate_part(view.shape, shape, index)
    check_dimensions(initializer, part.logical)
    return view, part


def _random_target(
    initializer: Initializer,
    tensor: Any,
    shape: Sequence[int] | None,
    index: Any,
    generator: Generator,
) -> tuple[View, Part]:
    target = _target(initializer, tensor, shape, index)
    if shape is not None and generator is None:
        raise ValueError(
            "shape needs an explicit generator, since parts that are filled elsewhere must agree: "
            "pass a seed or a fastinit.Stream"
        )
    return target


def _fill(
    initializer: Initializer,
    tensor: T,
    generator: Generator,
    shape: Sequence[int] | None,
    index: Any,
    *arguments: Any,
) -> T:
    """Fill by an initializer's rule, which takes dtype and logical shape, then the arguments."""
    if shape is None and index is None:
        view, part = writable_view(tensor), None
        logical = view.shape
    else:
        view, part = _random_target(initializer, tensor, shape, index, generator)
        logical = part.logical
    try:
        distribution = RULES[initializer](view.dtype, logical, *arguments)
    except NoElementsError as warning:
        warnings.warn(str(warning), stacklevel=3)
        return tensor
    run(((view, part, distribution, as_key(generator)),))
    return tensor


def _fill_constant(
    initializer: Initializer,
    tensor: T,
    shape: Sequence[int] | None,
    index: Any,
    *arguments: Any,
) -> T:
    """Fill by the rule of an initializer that takes no generator."""
    if shape is None and index is None:
        view, part = writable_view(tensor), None
        logical = view.shape
    else:
        view, part = _target(initializer, tensor, shape, index)
        logical = part.logical
    run(((view, part, RULES[initializer](view.dtype, logical, *arguments), None),))
    return tensor


@initializer(rules.uniform)
def uniform_(
    tensor: T,
    a: float = 0.0,
    b: float = 1.0,
    generator: Generator = None,
    *,
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with values of the uniform distribution on [a, b).

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    a, b : float, default 0 and 1
        Bounds. No value equals `b`, which dtypes other than float64 take rounded to float32.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; `index` does not fit `shape`; an argument is not finite.
    RuntimeError
        `a` is greater than `b`, or a bound overflows the dtype.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.uniform_(numpy.empty(3, numpy.float32), -1, 1, generator=0).shape
    (3,)

    References
    ----------
    `torch.nn.init.uniform_`.
    """
    return _fill(uniform_, tensor, generator, shape, index, a, b)


@initializer(rules.normal)
def normal_(
    tensor: T,
    mean: float = 0.0,
    std: float = 1.0,
    generator: Generator = None,
    *,
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with values of the normal distribution.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    mean, std : float, default 0 and 1
        Mean and standard deviation.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; `index` does not fit `shape`; an argument is not finite.
    RuntimeError
        `std` is negative.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.normal_(numpy.empty((2, 3)), std=0.02, generator=0).shape
    (2, 3)

    References
    ----------
    `torch.nn.init.normal_`; G. E. P. Box and M. E. Muller, 1958.
    """
    return _fill(normal_, tensor, generator, shape, index, mean, std)


@initializer(rules.truncated_normal)
def trunc_normal_(
    tensor: T,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator = None,
    *,
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with values of the normal distribution truncated to [a, b].

    By inversion: every interval takes the same bounded work, far tails included, so a mean outside
    [a, b] needs no warning. If both bounds lie beyond the normal's reach (6.77 sigma, in float64
    9.5), the values are those of `normal_`.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    mean, std : float, default 0 and 1
        Mean and standard deviation of the normal before truncation.
    a, b : float, default -2 and 2
        Bounds, absolute, not in sigmas; either may be infinite.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; `index` does not fit `shape`; `mean` or `std` is not finite; `std` is
        negative; a bound is NaN, or infinite on the wrong side.
    RuntimeError
        `a` is greater than `b`.

    Examples
    --------
    >>> import fastinit, numpy
    >>> x = fastinit.trunc_normal_(numpy.empty(1000), a=5, b=6, generator=0)
    >>> bool(x.min() >= 5 and x.max() <= 6)
    True

    References
    ----------
    `torch.nn.init.trunc_normal_`.
    """
    return _fill(trunc_normal_, tensor, generator, shape, index, mean, std, a, b)


@initializer(rules.value)
def constant_(tensor: T, val: float, *, shape: Sequence[int] | None = None, index: Any = None) -> T:
    """Fill with one value.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    val : float
        The value; infinities and NaN are allowed.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; `val` is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; `index` does not fit `shape`.
    RuntimeError
        `val` overflows the dtype.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.constant_(numpy.empty(2), 0.3)
    array([0.3, 0.3])

    References
    ----------
    `torch.nn.init.constant_`.
    """
    return _fill_constant(constant_, tensor, shape, index, val)


@initializer(rules.ones)
def ones_(tensor: T, *, shape: Sequence[int] | None = None, index: Any = None) -> T:
    """Fill with ones.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; `index` does not fit `shape`.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.ones_(numpy.empty(2))
    array([1., 1.])

    References
    ----------
    `torch.nn.init.ones_`.
    """
    return _fill_constant(ones_, tensor, shape, index)


@initializer(rules.zeros)
def zeros_(tensor: T, *, shape: Sequence[int] | None = None, index: Any = None) -> T:
    """Fill with zeros.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; `index` does not fit `shape`.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.zeros_(numpy.empty(2))
    array([0., 0.])

    References
    ----------
    `torch.nn.init.zeros_`.
    """
    return _fill_constant(zeros_, tensor, shape, index)


@initializer(dimensions=(2, 2))
def eye_(tensor: T, *, shape: Sequence[int] | None = None, index: Any = None) -> T:
    """Fill a matrix with the identity: ones on the diagonal, zeros elsewhere.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it does not have 2 dimensions; `index` does not fit `shape`.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.eye_(numpy.empty((2, 3)))
    array([[1., 0., 0.],
           [0., 1., 0.]])

    References
    ----------
    `torch.nn.init.eye_`.
    """
    with _core.DefaultEnvironment():
        view, part = _target(eye_, tensor, shape, index)
        zeros = (view, part, rules.constant(0.0), None)
        run([zeros])
        run(ones_on_diagonal(view, part, 0, 1, {}, 1))
    return tensor


@initializer(dimensions=(3, 5))
def dirac_(
    tensor: T,
    groups: int = 1,
    *,
    layout: str | None = None,
    group_axis: str = "o",
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill a convolution with the Dirac delta, which copies as many channels as it can.

    In each group, output channel d is input channel d: a one at the kernel's tap k // 2.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    groups : int, default 1
        Number of groups of the convolution, which divides the axis `group_axis`.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, any other letter a kernel axis. The
        default is torch's, ``"oi"`` and then kernel axes.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it does not have 3 to 5 dimensions; `layout` or `groups` does not fit it;
        `index` does not fit `shape`.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.dirac_(numpy.empty((2, 2, 3)))[1]
    array([[0., 0., 0.],
           [0., 1., 0.]])

    References
    ----------
    `torch.nn.init.dirac_`.
    """
    with _core.DefaultEnvironment():
        view, part = _target(dirac_, tensor, shape, index)
        axes = parse_layout(layout, len(part.logical))
        if axes.stack:
            raise ValueError(f"layout {layout!r} has a stack axis 'b', which dirac_ does not take")
        groups = checked_groups(groups)
        grouped = axis_of_groups(axes, part.logical, groups, group_axis)
        other = axes.into if grouped == axes.out else axes.out
        centre = {axis: part.logical[axis] // 2 for axis in axes.kernel}
        run([(view, part, rules.constant(0.0), None)])
        run(ones_on_diagonal(view, part, grouped, other, centre, groups))
    return tensor


@initializer(rules.xavier_uniform)
def xavier_uniform_(
    tensor: T,
    gain: float = 1.0,
    generator: Generator = None,
    *,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with U[-bound, bound), bound = gain * sqrt(6 / (fan_in + fan_out)).

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    gain : float, default 1
        See `calculate_gain`.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it has fewer than 2 dimensions; `layout` or `groups` does not fit it; `index`
        does not fit `shape`; `gain` is not finite.
    RuntimeError
        `gain` is negative.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.xavier_uniform_(numpy.empty((3, 5)), generator=0).shape
    (3, 5)

    References
    ----------
    X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural
    networks, 2010; `torch.nn.init.xavier_uniform_`.
    """
    return _fill(xavier_uniform_, tensor, generator, shape, index, gain, layout, groups, group_axis)


@initializer(rules.xavier_normal)
def xavier_normal_(
    tensor: T,
    gain: float = 1.0,
    generator: Generator = None,
    *,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with N(0, std**2), std = gain * sqrt(2 / (fan_in + fan_out)).

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    gain : float, default 1
        See `calculate_gain`.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it has fewer than 2 dimensions; `layout` or `groups` does not fit it; `index`
        does not fit `shape`; `gain` is not finite.
    RuntimeError
        `gain` is negative.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.xavier_normal_(numpy.empty((3, 5)), generator=0).shape
    (3, 5)

    References
    ----------
    X. Glorot and Y. Bengio, 2010; `torch.nn.init.xavier_normal_`. JAX's and Keras's glorot_normal
    is truncated: ``variance_scaling_(tensor, 1.0, "fan_avg")``.
    """
    return _fill(xavier_normal_, tensor, generator, shape, index, gain, layout, groups, group_axis)


@initializer(rules.kaiming_uniform)
def kaiming_uniform_(
    tensor: T,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator = None,
    *,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with U[-bound, bound), bound = gain * sqrt(3 / fan).

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
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
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it has fewer than 2 dimensions; `layout` or `groups` does not fit it; `index`
        does not fit `shape`; `a` is not finite; `mode` or `nonlinearity` is unknown.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.kaiming_uniform_(numpy.empty((3, 5)), generator=0).shape
    (3, 5)

    References
    ----------
    K. He et al., Delving deep into rectifiers, 2015; `torch.nn.init.kaiming_uniform_`.
    """
    return _fill(
        kaiming_uniform_,
        tensor,
        generator,
        shape,
        index,
        a,
        mode,
        nonlinearity,
        layout,
        groups,
        group_axis,
    )


@initializer(rules.kaiming_normal)
def kaiming_normal_(
    tensor: T,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator = None,
    *,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with N(0, std**2), std = gain / sqrt(fan).

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
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
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it has fewer than 2 dimensions; `layout` or `groups` does not fit it; `index`
        does not fit `shape`; `a` is not finite; `mode` or `nonlinearity` is unknown.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.kaiming_normal_(numpy.empty((3, 5)), generator=0).shape
    (3, 5)

    References
    ----------
    K. He et al., 2015; `torch.nn.init.kaiming_normal_`. JAX's and Keras's he_normal is truncated:
    ``variance_scaling_(tensor, 2.0)``.
    """
    return _fill(
        kaiming_normal_,
        tensor,
        generator,
        shape,
        index,
        a,
        mode,
        nonlinearity,
        layout,
        groups,
        group_axis,
    )


@initializer(rules.variance_scaling)
def variance_scaling_(
    tensor: T,
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
    generator: Generator = None,
    *,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with values of mean 0 and variance scale / n, as JAX and Keras do.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
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
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it has fewer than 2 dimensions; `layout` or `groups` does not fit it; `index`
        does not fit `shape`; `scale` is not positive and finite; `mode` or `distribution` is
        unknown.

    Examples
    --------
    >>> import fastinit, numpy
    >>> w = numpy.empty((3, 3, 16, 32), numpy.float32)
    >>> fastinit.variance_scaling_(w, 2.0, "fan_out", layout="hwio", generator=0).shape
    (3, 3, 16, 32)

    References
    ----------
    `jax.nn.initializers.variance_scaling`; `keras.initializers.VarianceScaling`.
    """
    return _fill(
        variance_scaling_,
        tensor,
        generator,
        shape,
        index,
        scale,
        mode,
        distribution,
        layout,
        groups,
        group_axis,
    )


@initializer(rules.lecun_uniform)
def lecun_uniform_(
    tensor: T,
    generator: Generator = None,
    *,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with U[-bound, bound), bound = sqrt(3 / fan_in).

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it has fewer than 2 dimensions; `layout` or `groups` does not fit it; `index`
        does not fit `shape`.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.lecun_uniform_(numpy.empty((3, 5)), generator=0).shape
    (3, 5)

    References
    ----------
    Y. LeCun et al., Efficient backprop, 1998; `jax.nn.initializers.lecun_uniform`.
    """
    return _fill(lecun_uniform_, tensor, generator, shape, index, layout, groups, group_axis)


@initializer(rules.lecun_normal)
def lecun_normal_(
    tensor: T,
    generator: Generator = None,
    *,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with a truncated normal of mean 0 and variance 1 / fan_in.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, any
        other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes; ``"io"``
        and ``"hwio"`` are JAX's and Keras's.
    groups : int, default 1
        Number of groups of a grouped convolution.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups; ``docs/layouts.md`` has a table of layers.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it has fewer than 2 dimensions; `layout` or `groups` does not fit it; `index`
        does not fit `shape`.

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.lecun_normal_(numpy.empty((3, 5)), generator=0).shape
    (3, 5)

    References
    ----------
    Y. LeCun et al., Efficient backprop, 1998; `jax.nn.initializers.lecun_normal`, truncated at 2 of
    its standard deviations, as JAX and Keras do.
    """
    return _fill(lecun_normal_, tensor, generator, shape, index, layout, groups, group_axis)


@initializer(dimensions=(2, math.inf))
def orthogonal_(
    tensor: T,
    gain: float = 1,
    generator: Generator = None,
    *,
    layout: str | None = None,
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with a (semi-)orthogonal matrix, whose rows are the outputs and columns all the rest.

    The matrix is uniform among the orthogonal ones (the Haar measure): it is distributed as the Q
    of a normal matrix's QR decomposition with a positive diagonal of R. Stewart's method multiplies
    random Householder reflections, in float64 for float64 and in float32 for the other dtypes, to
    which the result is rounded once. A part costs as much as the whole. Working memory is half the
    matrix, 64 columns of it per thread, and for parts and narrow dtypes a copy of it.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    gain : float, default 1
        A factor of the matrix.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of orthogonal
        matrices, any other letter a kernel axis. The default is torch's, ``"oi"`` and then kernel
        axes.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it has fewer than 2 dimensions; `layout` does not fit it; `index` does not fit
        `shape`; `gain` is not finite.

    Examples
    --------
    >>> import fastinit, numpy
    >>> q = fastinit.orthogonal_(numpy.empty((2, 3)), generator=0)
    >>> bool(numpy.allclose(q @ q.T, numpy.eye(2)))
    True

    References
    ----------
    A. Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks, 2013; G. W. Stewart, The efficient generation of random orthogonal matrices with an
    application to condition estimators, 1980; `torch.nn.init.orthogonal_`.
    """
    gain = rules.finite("gain", gain)
    with _core.DefaultEnvironment():
        view, part = _random_target(orthogonal_, tensor, shape, index, generator)
        axes = parse_layout(layout, len(part.logical))
        fill_orthogonal(view, part, axes, gain, as_stream(generator))
    return tensor


@initializer(dimensions=(3, 5))
def delta_orthogonal_(
    tensor: T,
    gain: float = 1,
    generator: Generator = None,
    *,
    layout: str | None = None,
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill a convolution with zeros and an orthogonal matrix at the kernel's tap (k - 1) // 2.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    gain : float, default 1
        A factor of the matrix.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of convolutions, any other
        letter a kernel axis. The default is torch's, ``"oi"`` and then kernel axes.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it does not have 3 to 5 dimensions, or has more inputs than outputs; `layout`
        does not fit it; `index` does not fit `shape`; `gain` is not finite.

    Examples
    --------
    >>> import fastinit, numpy
    >>> w = fastinit.delta_orthogonal_(numpy.empty((4, 3, 3, 3)), generator=0)
    >>> bool(numpy.allclose(w[:, :, 1, 1].T @ w[:, :, 1, 1], numpy.eye(3)))
    True

    References
    ----------
    L. Xiao et al., Dynamical isometry and a mean field theory of CNNs, 2018;
    `jax.nn.initializers.delta_orthogonal`.
    """
    gain = rules.finite("gain", gain)
    with _core.DefaultEnvironment():
        view, part = _random_target(delta_orthogonal_, tensor, shape, index, generator)
        axes = parse_layout(layout, len(part.logical))
        if part.logical[axes.into] > part.logical[axes.out]:
            raise ValueError(
                f"delta_orthogonal_ needs at most as many inputs as outputs, not "
                f"{part.logical[axes.into]} and {part.logical[axes.out]}"
            )
        centre = {axis: (part.logical[axis] - 1) // 2 for axis in axes.kernel}
        fill_orthogonal(view, part, axes, gain, as_stream(generator), centre)
    return tensor


@initializer(dimensions=(2, 2))
def sparse_(
    tensor: T,
    sparsity: float,
    std: float = 0.01,
    generator: Generator = None,
    *,
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill a matrix with N(0, std**2), then set random rows of each column to zero.

    Parameters
    ----------
    tensor : array
        Any writable CPU array (NumPy, torch, the buffer protocol or ``__dlpack__``) of float64,
        float32, float16, bfloat16 or float8, with any strides. Autograd records nothing.
    sparsity : float
        Share of each column that is zero: ceil(sparsity * rows) of its elements.
    std : float, default 0.01
        Standard deviation of the other elements.
    generator : None, int, Stream, or a generator of NumPy or torch
        Where the random bits come from: the process-wide stream (see `manual_seed`), a seed (an int
        or a numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.
    shape : tuple of int, optional
        Shape of the logical tensor that `tensor` is a part of. Fans and values are those of the
        logical tensor. Needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.

    Returns
    -------
    array
        `tensor`, filled. On any exception except KeyboardInterrupt it is unchanged.

    Raises
    ------
    TypeError
        `tensor` is not an array, or has a dtype that cannot be filled; an argument is not a number.
    ValueError
        `tensor` is read-only, not in CPU memory, masked or computed by autograd, or its elements
        share memory; it does not have 2 dimensions; `index` does not fit `shape`; an argument is
        not finite; `sparsity` is not between 0 and 1.
    RuntimeError
        `std` is negative.

    Examples
    --------
    >>> import fastinit, numpy
    >>> int((fastinit.sparse_(numpy.empty((10, 3)), 0.25, generator=0) == 0).sum())
    9

    References
    ----------
    J. Martens, Deep learning via Hessian-free optimization, 2010; `torch.nn.init.sparse_`.
    """
    sparsity = rules.finite("sparsity", sparsity)
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparsity must be between 0 and 1, not {sparsity:g}")
    std = rules.finite("std", std)
    with _core.DefaultEnvironment():
        view, part = _random_target(sparse_, tensor, shape, index, generator)
        stream = as_stream(generator)
        distribution = rules.normal(view.dtype, part.logical, 0.0, std)
        run([(view, part, distribution, stream.key)])
        fill_sparse(view, part, sparsity, stream)
    return tensor


glorot_uniform_ = xavier_uniform_
glorot_normal_ = xavier_normal_
he_uniform_ = kaiming_uniform_
he_normal_ = kaiming_normal_
