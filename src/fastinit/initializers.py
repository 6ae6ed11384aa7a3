"""Every initializer, in place: shape -> (distribution, scale) -> fill."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from fastinit import _core, rules
from fastinit.arrays import View, empty_bytes, writable_view
from fastinit.fans import axis_of_groups, parse_layout
from fastinit.fill import Part, locate_part, run
from fastinit.matrices import fill_orthogonal, fill_sparse, ones_on_diagonal
from fastinit.rules import Distribution
from fastinit.streams import as_key, as_stream

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])
Generator = Any  # see SHARED

SHARED = {
    "tensor": """\
tensor : array
        Any writable CPU array: NumPy, torch, the buffer protocol or ``__dlpack__``; float64,
        float32, float16, bfloat16, float8_e4m3fn or float8_e5m2; any strides. Parameters that
        require a gradient record none, and their version counter is bumped.""",
    "generator": """\
generator : None, int, Stream, or a generator of NumPy or torch
        Where the bits come from: the process-wide stream (see `manual_seed`), a seed (an int or a
        numpy.random.SeedSequence), a stream, or the next 128 bits of a numpy.random.Generator,
        BitGenerator or RandomState or of a torch.Generator, which advances.""",
    "layout": """\
layout : str, optional
        A letter an axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices, others
        kernel axes. By default ``"oi"`` and kernel axes, as torch has them; ``"io"`` and ``"hwio"``
        are JAX's and Keras's.
    groups : int, default 1
        Groups of a grouped convolution: they divide the fan of the axis that holds the channels of
        all groups.
    group_axis : {"o", "i"}, default "o"
        Which axis that is; ``i`` in torch's grouped transposed convolutions and in Keras's
        depthwise kernels. ``docs/layouts.md`` has a table of layers.""",
    "part": """\
shape : tuple of int, optional
        Shape of a logical tensor that `tensor` is a part of; fans and values are the logical
        tensor's. Where values are random it needs an explicit `generator`.
    index : tuple of slices, optional
        The part of `shape` that `tensor` is; all of it by default.""",
    "returns": """\
Returns
    -------
    array
        The same object, filled.""",
    "errors": """\
Raises
    ------
    TypeError
        Not an array, an integer or other dtype that cannot be filled, a JAX array.
    ValueError
        A read-only array, GPU memory, elements that share memory or are masked, a torch tensor that
        is computed from others, an unknown mode, nonlinearity or layout, too few dimensions, a
        parameter that is not finite.
    RuntimeError
        A negative standard deviation, an empty range: as torch.
    The target is untouched where anything is raised but by Ctrl-C.""",
}


def documented(function: Function) -> Function:
    """Put the shared sections into a docstring."""
    documentation = function.__doc__
    if documentation is not None:  # python -OO strips it
        for name, text in SHARED.items():
            documentation = documentation.replace(f"<{name}>", text)
        function.__doc__ = inspect.cleandoc(documentation)
    return function


def _finite(name: str, value: Any) -> float:
    # A float is exact as it is, an int is rounded by integer arithmetic.
    number = float(value) if type(value) in (float, int) else _number(name, value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, not {value!r}")
    return number + 0.0  # -0.0 is 0.0 to what remembers


def _number(name: str, value: Any) -> float:
    try:
        with _core.DefaultEnvironment():  # a NumPy scalar may be subnormal
            return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {value!r}") from None


def _target(
    tensor: Any, shape: Sequence[int] | None, index: Any, generator: Generator, random: bool = True
) -> tuple[View, Part]:
    view = writable_view(tensor)
    part, _ = locate_part(view.shape, shape, index)
    if random and shape is not None and generator is None:
        raise ValueError(
            "shape needs an explicit generator, since parts that are filled elsewhere must agree: "
            "pass a seed or a fastinit.Stream"
        )
    return view, part


def _fill(
    tensor: T,
    generator: Generator,
    shape: Sequence[int] | None,
    index: Any,
    rule: Callable[..., Distribution],
    *arguments: Any,
) -> T:
    """Fill by a rule of rules.py: it takes dtype and logical shape, then the arguments."""
    if shape is None and index is None:
        view, part = writable_view(tensor), None
        logical = view.shape
    else:
        view, part = _target(tensor, shape, index, generator)
        logical = part.logical
    try:
        distribution = rule(view.dtype, logical, *arguments)
    except rules.NoElementsError as warning:
        warnings.warn(str(warning), stacklevel=3)
        return tensor
    except TypeError:  # what cannot be hashed cannot be remembered
        distribution = rule.__wrapped__(view.dtype, logical, *arguments)  # type: ignore[attr-defined]
    run(((view, part, distribution, as_key(generator)),))
    return tensor


def _constant(tensor: T, value: float, shape: Sequence[int] | None, index: Any) -> T:
    if shape is None and index is None:
        view, part = writable_view(tensor), None
    else:
        view, part = _target(tensor, shape, index, None, random=False)
    run(((view, part, rules.value(view.dtype, value), None),))
    return tensor


@documented
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
    <tensor>
    a, b : float, default 0 and 1
        Bounds; `b` is never returned, nor what float32 rounds it to (float64 keeps it as it is).
    <generator>
    <part>

    <returns>

    <errors>

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.uniform_(numpy.empty(3, numpy.float32), -1, 1, generator=0).shape
    (3,)

    References
    ----------
    `torch.nn.init.uniform_`.
    """
    low, high = _finite("a", a), _finite("b", b)
    return _fill(tensor, generator, shape, index, rules.uniform, low, high)


@documented
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
    <tensor>
    mean, std : float, default 0 and 1
        Mean and standard deviation.
    <generator>
    <part>

    <returns>

    <errors>

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.normal_(numpy.empty((2, 3)), std=0.02, generator=0).shape
    (2, 3)

    References
    ----------
    `torch.nn.init.normal_`; G. E. P. Box and M. E. Muller, 1958.
    """
    return _fill(
        tensor, generator, shape, index, rules.normal, _finite("mean", mean), _finite("std", std)
    )


@documented
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

    By inversion: every interval takes the same bounded work, far tails included, and no warning is
    needed where the mean lies outside. Where both bounds lie beyond the normal's reach (6.77 sigma,
    9.5 in float64) the values are those of `normal_`.

    Parameters
    ----------
    <tensor>
    mean, std : float, default 0 and 1
        Mean and standard deviation of the normal before truncation.
    a, b : float, default -2 and 2
        Bounds, absolute, not in sigmas; either may be infinite.
    <generator>
    <part>

    <returns>

    <errors>

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
    low, high = float(a), float(b)
    if math.isnan(low) or low == math.inf:
        raise ValueError(f"a must be a number below infinity, not {a!r}")
    if math.isnan(high) or high == -math.inf:
        raise ValueError(f"b must be a number above -infinity, not {b!r}")
    return _fill(
        tensor,
        generator,
        shape,
        index,
        rules.truncated_normal,
        _finite("mean", mean),
        _finite("std", std),
        low,
        high,
    )


@documented
def constant_(tensor: T, val: float, *, shape: Sequence[int] | None = None, index: Any = None) -> T:
    """Fill with one value.

    Parameters
    ----------
    <tensor>
    val : float
        The value; infinities and NaN are allowed.
    <part>

    <returns>

    <errors>

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.constant_(numpy.empty(2), 0.3)
    array([0.3, 0.3])

    References
    ----------
    `torch.nn.init.constant_`.
    """
    try:
        value = float(val)
    except (TypeError, ValueError):
        raise TypeError(f"val must be a number, not {val!r}") from None
    return _constant(tensor, value, shape, index)


@documented
def ones_(tensor: T, *, shape: Sequence[int] | None = None, index: Any = None) -> T:
    """Fill with ones.

    Parameters
    ----------
    <tensor>
    <part>

    <returns>

    <errors>

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.ones_(numpy.empty(2))
    array([1., 1.])

    References
    ----------
    `torch.nn.init.ones_`.
    """
    return _constant(tensor, 1.0, shape, index)


@documented
def zeros_(tensor: T, *, shape: Sequence[int] | None = None, index: Any = None) -> T:
    """Fill with zeros.

    Parameters
    ----------
    <tensor>
    <part>

    <returns>

    <errors>

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.zeros_(numpy.empty(2))
    array([0., 0.])

    References
    ----------
    `torch.nn.init.zeros_`.
    """
    return _constant(tensor, 0.0, shape, index)


@documented
def eye_(tensor: T, *, shape: Sequence[int] | None = None, index: Any = None) -> T:
    """Fill a matrix with the identity: ones on the diagonal, zeros elsewhere.

    Parameters
    ----------
    <tensor>
    <part>

    <returns>

    <errors>

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
        view, part = _target(tensor, shape, index, None, random=False)
        if len(part.logical) != 2:
            raise ValueError("Only tensors with 2 dimensions are supported")
        zeros = (view, part, rules.constant(0.0), None)
        run([zeros])
        run(ones_on_diagonal(view, part, 0, 1, {}, 1))
    return tensor


@documented
def dirac_(
    tensor: T,
    groups: int = 1,
    *,
    layout: str | None = None,
    group_axis: str = "o",
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill a convolution with the Dirac delta, which passes on as many channels as it can.

    In each group, output d takes input d at the kernel's tap k // 2.

    Parameters
    ----------
    <tensor>
    groups : int, default 1
        Groups of the convolution; they divide the axis `group_axis`.
    layout, group_axis : str, optional
        As for `kaiming_normal_`.
    <part>

    <returns>

    <errors>

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
        view, part = _target(tensor, shape, index, None, random=False)
        if len(part.logical) not in (3, 4, 5):
            raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
        axes = parse_layout(layout, len(part.logical))
        if axes.stack:
            raise ValueError(f"layout {layout!r} has a stack axis 'b', which dirac_ does not take")
        grouped = axis_of_groups(axes, part.logical, groups, group_axis)
        other = axes.into if grouped == axes.out else axes.out
        centre = {axis: part.logical[axis] // 2 for axis in axes.kernel}
        run([(view, part, rules.constant(0.0), None)])
        run(ones_on_diagonal(view, part, grouped, other, centre, groups))
    return tensor


@documented
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
    <tensor>
    gain : float, default 1
        See `calculate_gain`.
    <generator>
    <layout>
    <part>

    <returns>

    <errors>

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
    gain = _finite("gain", gain)
    return _fill(
        tensor, generator, shape, index, rules.xavier_uniform, gain, layout, groups, group_axis
    )


@documented
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
    <tensor>
    gain : float, default 1
        See `calculate_gain`.
    <generator>
    <layout>
    <part>

    <returns>

    <errors>

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
    gain = _finite("gain", gain)
    return _fill(
        tensor, generator, shape, index, rules.xavier_normal, gain, layout, groups, group_axis
    )


@documented
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
    <tensor>
    a : float, default 0
        Negative slope, used with ``leaky_relu`` alone.
    mode : {"fan_in", "fan_out"}
        Keeps the variance of the forward or of the backward pass.
    nonlinearity : str, default "leaky_relu"
        See `calculate_gain`.
    <generator>
    <layout>
    <part>

    <returns>

    <errors>

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.kaiming_uniform_(numpy.empty((3, 5)), generator=0).shape
    (3, 5)

    References
    ----------
    K. He et al., Delving deep into rectifiers, 2015; `torch.nn.init.kaiming_uniform_`.
    """
    a = _finite("a", a)
    return _fill(
        tensor,
        generator,
        shape,
        index,
        rules.kaiming_uniform,
        a,
        mode,
        nonlinearity,
        layout,
        groups,
        group_axis,
    )


@documented
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
    <tensor>
    a : float, default 0
        Negative slope, used with ``leaky_relu`` alone.
    mode : {"fan_in", "fan_out"}
        Keeps the variance of the forward or of the backward pass.
    nonlinearity : str, default "leaky_relu"
        See `calculate_gain`.
    <generator>
    <layout>
    <part>

    <returns>

    <errors>

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
    a = _finite("a", a)
    return _fill(
        tensor,
        generator,
        shape,
        index,
        rules.kaiming_normal,
        a,
        mode,
        nonlinearity,
        layout,
        groups,
        group_axis,
    )


@documented
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
    <tensor>
    scale : float, default 1
        Positive.
    mode : {"fan_in", "fan_out", "fan_avg", "fan_geo_avg"}
        n: one of the fans, their arithmetic or their geometric mean.
    distribution : {"truncated_normal", "normal", "uniform"}
        The truncated normal is cut at 2 of its own standard deviations and rescaled, so that its
        variance after truncation is as stated.
    <generator>
    <layout>
    <part>

    <returns>

    <errors>

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
    scale = _finite("scale", scale)
    return _fill(
        tensor,
        generator,
        shape,
        index,
        rules.variance_scaling,
        scale,
        mode,
        distribution,
        layout,
        groups,
        group_axis,
    )


@documented
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
    <tensor>
    <generator>
    <layout>
    <part>

    <returns>

    <errors>

    Examples
    --------
    >>> import fastinit, numpy
    >>> fastinit.lecun_uniform_(numpy.empty((3, 5)), generator=0).shape
    (3, 5)

    References
    ----------
    Y. LeCun et al., Efficient backprop, 1998; `jax.nn.initializers.lecun_uniform`.
    """
    return variance_scaling_(
        tensor,
        1.0,
        "fan_in",
        "uniform",
        generator,
        layout=layout,
        groups=groups,
        group_axis=group_axis,
        shape=shape,
        index=index,
    )


@documented
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
    <tensor>
    <generator>
    <layout>
    <part>

    <returns>

    <errors>

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
    return variance_scaling_(
        tensor,
        1.0,
        "fan_in",
        "truncated_normal",
        generator,
        layout=layout,
        groups=groups,
        group_axis=group_axis,
        shape=shape,
        index=index,
    )


@documented
def orthogonal_(
    tensor: T,
    gain: float = 1,
    generator: Generator = None,
    *,
    layout: str | None = None,
    shape: Sequence[int] | None = None,
    index: Any = None,
) -> T:
    """Fill with a (semi-)orthogonal matrix: outputs by all the rest.

    Uniform among the orthogonal matrices (the Haar measure), as the Q of a normal matrix's QR
    decomposition is when R's diagonal is positive: a product of random Householder reflections by
    Stewart's method, in float32 (float64 for float64), then rounded once. Its bytes too are the
    same everywhere; a part costs as much as the whole. Working memory: half the matrix, and 64
    columns of it a thread; a copy of it for narrower types and parts.

    Parameters
    ----------
    <tensor>
    gain : float, default 1
        Factor.
    <generator>
    layout : str, optional
        As for `kaiming_normal_`; each matrix of a stack ``b`` is orthogonal by itself.
    <part>

    <returns>

    <errors>

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
    gain = _finite("gain", gain)
    with _core.DefaultEnvironment():
        view, part = _target(tensor, shape, index, generator)
        if len(part.logical) < 2:
            raise ValueError("Only tensors with 2 or more dimensions are supported")
        axes = parse_layout(layout, len(part.logical))
        fill_orthogonal(view, part, axes, gain, as_stream(generator))
    return tensor


@documented
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
    <tensor>
    gain : float, default 1
        Factor.
    <generator>
    layout : str, optional
        As for `kaiming_normal_`.
    <part>

    <returns>

    <errors>

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
    gain = _finite("gain", gain)
    with _core.DefaultEnvironment():
        view, part = _target(tensor, shape, index, generator)
        if len(part.logical) not in (3, 4, 5):
            raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
        axes = parse_layout(layout, len(part.logical))
        if part.logical[axes.into] > part.logical[axes.out]:
            raise ValueError(
                f"delta_orthogonal_ needs at most as many inputs as outputs, not "
                f"{part.logical[axes.into]} and {part.logical[axes.out]}"
            )
        centre = {axis: (part.logical[axis] - 1) // 2 for axis in axes.kernel}
        fill_orthogonal(view, part, axes, gain, as_stream(generator), centre)
    return tensor


@documented
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
    <tensor>
    sparsity : float
        Share of each column that is zero: ceil(sparsity * rows) of its elements.
    std : float, default 0.01
        Standard deviation of the others.
    <generator>
    <part>

    <returns>

    <errors>

    Examples
    --------
    >>> import fastinit, numpy
    >>> int((fastinit.sparse_(numpy.empty((10, 3)), 0.25, generator=0) == 0).sum())
    9

    References
    ----------
    J. Martens, Deep learning via Hessian-free optimization, 2010; `torch.nn.init.sparse_`.
    """
    sparsity = _finite("sparsity", sparsity)
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparsity must be between 0 and 1, not {sparsity:g}")
    std = _finite("std", std)
    with _core.DefaultEnvironment():
        view, part = _target(tensor, shape, index, generator)
        if len(part.logical) != 2:
            raise ValueError("Only tensors with 2 dimensions are supported")
        stream = as_stream(generator)
        distribution = rules.normal(view.dtype, part.logical, 0.0, std)
        run([(view, part, distribution, stream.key)])
        fill_sparse(view, part, sparsity, stream)
    return tensor


glorot_uniform_ = xavier_uniform_
glorot_normal_ = xavier_normal_
he_uniform_ = kaiming_uniform_
he_normal_ = kaiming_normal_


def keystream(generator: Generator, nbytes: int, start: int = 0) -> np.ndarray[Any, np.dtype[Any]]:
    """Return raw bytes of a stream: the standard AES-128-CTR keystream of its key.

    ``openssl enc -aes-128-ctr -K $KEY -iv 00000000000000000000000000000000 -in /dev/zero`` prints
    the same for the key ``fastinit.Stream(seed).key.hex()``.

    Parameters
    ----------
    generator : int, Stream, or a generator of NumPy or torch
        As for the initializers.
    nbytes : int
        How many bytes.
    start : int, default 0
        The first byte.

    Returns
    -------
    numpy.ndarray
        uint8, of shape (nbytes,).

    Examples
    --------
    >>> import fastinit
    >>> bytes(fastinit.keystream(0, 4)) == bytes(fastinit.keystream(0, 8)[:4])
    True

    References
    ----------
    NIST SP 800-38A, section 6.5; FIPS-197.
    """
    for name, value in (("nbytes", nbytes), ("start", start)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise ValueError(f"{name} must be an int of at least 0, not {value!r}")
    if start + nbytes > 1 << 64:
        raise ValueError(f"start + nbytes must be at most 2**64, not {start + nbytes}")
    length, first = int(nbytes), int(start)
    out = empty_bytes(length, f"nbytes={length}")
    part = Part((first + length,), (first if length else 0,), (1,))
    run([(_core.view_of_buffer(out, "uint8", out), part, (_core.BITS, ()), as_key(generator))])
    return out
