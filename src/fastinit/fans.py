"""Fan in and fan out of a shape in a layout, and gains of nonlinearities."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

LINEAR = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
)
NONLINEARITIES = (*LINEAR, "tanh", "relu", "leaky_relu", "selu")


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the recommended gain for a nonlinearity.

    Parameters
    ----------
    nonlinearity : str
        ``linear``, ``conv1d`` ... ``conv_transpose3d`` and ``sigmoid``: 1; ``tanh``: 5/3; ``relu``:
        sqrt(2); ``leaky_relu``: sqrt(2 / (1 + param**2)); ``selu``: 3/4.
    param : float, optional
        Negative slope of ``leaky_relu``, 0.01 by default.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        The nonlinearity is unknown, or `param` is not a number.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.calculate_gain("tanh")
    1.6666666666666667

    References
    ----------
    `torch.nn.init.calculate_gain`, PyTorch 2.13.
    """
    if nonlinearity in LINEAR:
        return 1.0
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if param is None:
            param = 0.01
        elif isinstance(param, bool) or not isinstance(param, int | float):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + param**2))
    if nonlinearity == "selu":
        return 0.75
    raise ValueError(
        f"Unsupported nonlinearity {nonlinearity}, please use one of {list(NONLINEARITIES)}"
    )


class Axes(NamedTuple):
    """The numbers of a layout's axes: outputs, inputs, stack and kernel."""

    out: int
    into: int
    stack: tuple[int, ...]
    kernel: tuple[int, ...]


def parse_layout(layout: str | None, dimensions: int) -> Axes:
    """Return the axes of a layout; the default is torch's: ``"oi"``, then kernel axes."""
    if dimensions < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    if layout is None:
        return Axes(0, 1, (), tuple(range(2, dimensions)))
    letters = list(layout) if isinstance(layout, str) else []
    if (
        len(letters) != dimensions
        or letters.count("o") != 1
        or letters.count("i") != 1
        or any(letters.count(letter) > 1 for letter in letters if letter != "b")
    ):
        raise ValueError(
            f"layout {layout!r} does not describe {dimensions} dimensions: it takes one letter "
            "per dimension: 'o' (outputs) and 'i' (inputs) once each, 'b' for a stack of "
            "independent matrices, any other letter, once, for a kernel axis; for example 'oi', "
            "'oihw' (torch), 'io', 'hwio' (JAX, Keras), 'boi' (experts)"
        )
    return Axes(
        letters.index("o"),
        letters.index("i"),
        tuple(axis for axis, letter in enumerate(letters) if letter == "b"),
        tuple(axis for axis, letter in enumerate(letters) if letter not in "oib"),
    )


def fans_of_shape(
    shape: Sequence[int], layout: str | None = None, groups: int = 1, group_axis: str = "o"
) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a shape."""
    axes = parse_layout(layout, len(shape))
    groups = checked_groups(groups)
    axis_of_groups(axes, shape, groups, group_axis)
    field = math.prod(shape[axis] for axis in axes.kernel)
    fan_in, fan_out = shape[axes.into] * field, shape[axes.out] * field
    return (fan_in, fan_out // groups) if group_axis == "o" else (fan_in // groups, fan_out)


def checked_groups(groups: Any) -> int:
    """Return a `groups` argument as an int; it may be one of NumPy's."""
    try:
        number = 0 if isinstance(groups, bool) else operator.index(groups)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"groups must be a positive int, not {groups!r}")
    return number


def axis_of_groups(axes: Axes, shape: Sequence[int], groups: int, group_axis: str) -> int:
    """Return the axis that holds the channels of all groups, which must divide it."""
    if group_axis not in ("o", "i"):
        raise ValueError(f"group_axis must be 'o' or 'i', not {group_axis!r}")
    axis = axes.out if group_axis == "o" else axes.into
    if shape[axis] % groups != 0:
        raise ValueError(
            f"dim {axis} must be divisible by groups, but {shape[axis]} is not divisible by "
            f"{groups}: group_axis={group_axis!r} says that this axis holds all groups' channels"
        )
    return axis


def calculate_fan_in_and_fan_out(
    tensor_or_shape: Any, layout: str | None = None, groups: int = 1, group_axis: str = "o"
) -> tuple[int, int]:
    """Return the fans of a weight: inputs to one output, outputs of one input.

    Parameters
    ----------
    tensor_or_shape : array or tuple of int
        The weight, or its shape.
    layout : str, optional
        One letter per axis: ``o`` outputs, ``i`` inputs, ``b`` a stack of independent matrices,
        any other letter a kernel axis. By default ``"oi"`` and then kernel axes.
    groups : int, default 1
        Number of groups of a grouped convolution. It divides the fan of the axis that holds the
        channels of all groups; the other axis holds those of one group.
    group_axis : {"o", "i"}, default "o"
        The axis that holds the channels of all groups: ``o`` in grouped convolutions; ``i`` in
        torch's grouped transposed convolutions (in, out / groups, k, k) and in Keras's depthwise
        kernels (h, w, in, multiplier). ``docs/layouts.md`` has a table of layers.

    Returns
    -------
    fan_in, fan_out : int

    Raises
    ------
    ValueError
        Fewer than 2 dimensions, a layout that does not fit, groups that do not divide, a
        `group_axis` that is neither letter.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.calculate_fan_in_and_fan_out((64, 32, 3, 3))
    (288, 576)
    >>> fastinit.calculate_fan_in_and_fan_out((3, 3, 32, 64), layout="hwio")
    (288, 576)
    >>> fastinit.calculate_fan_in_and_fan_out((16, 4, 3, 3), "iohw", groups=4, group_axis="i")
    (36, 36)

    References
    ----------
    `torch.nn.init._calculate_fan_in_and_fan_out`, PyTorch 2.13; `jax.nn.initializers`, JAX 0.10.
    """
    shape = getattr(tensor_or_shape, "shape", tensor_or_shape)
    return fans_of_shape(tuple(int(n) for n in shape), layout, groups, group_axis)
