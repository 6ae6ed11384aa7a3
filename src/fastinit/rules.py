"""What an initializer fills a tensor with.

A rule takes the tensor's dtype and logical shape, then the initializer's other arguments, and
returns a distribution, or raises the error that torch raises. Each initializer carries its rule:
see `initializer`.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

from fastinit import _core
from fastinit.dtypes import DTYPES
from fastinit.fans import calculate_gain, fans_of_shape

Shape = tuple[int, ...]
# A distribution of the core and its parameters.
Distribution = tuple[int, tuple[float, ...]]
Rule = Callable[..., Distribution]
Function = TypeVar("Function", bound=Callable[..., Any])

# Standard deviation of the standard normal truncated to +-2.
TRUNCATED_STD = 0.87962566103423978
EXACT = (float, int)  # `float` converts them without an operation of floating-point arithmetic
# Parameters of an initializer that its rule does not take.
NOT_OF_RULES = ("tensor", "generator", "shape", "index")

# The rule of each initializer that fills with one distribution.
RULES: dict[Callable[..., Any], Rule] = {}
# The least and the most dimensions that each of the other initializers takes.
DIMENSIONS: dict[Callable[..., Any], tuple[int, float]] = {}


class NoElementsError(Exception):
    """The tensor is empty; torch warns instead of failing."""


def initializer(
    rule: Rule | None = None, *, dimensions: tuple[int, float] | None = None
) -> Callable[[Function], Function]:
    """Let an initializer carry its rule, or the dimensions that it takes if it has no single rule.

    Filling in place, creation, plans and the drop-in for torch all ask `RULES` and `DIMENSIONS`.
    """

    def carry(function: Function) -> Function:
        if rule is not None:
            RULES[function] = rule
        if dimensions is not None:
            DIMENSIONS[function] = dimensions
        return function

    return carry


def takes(initializer: Callable[..., Any], dimensions: int) -> bool:
    """Return whether an initializer may take a tensor of this number of dimensions."""
    least, most = DIMENSIONS.get(initializer, (0, math.inf))
    return least <= dimensions <= most


def check_dimensions(initializer: Callable[..., Any], shape: Shape) -> None:
    """Refuse, in torch's words, a shape of more or fewer dimensions than an initializer takes."""
    if takes(initializer, len(shape)):
        return
    least, most = DIMENSIONS[initializer]
    if most == math.inf:
        numbers = f"{least} or more"
    elif most == least:
        numbers = str(least)
    else:
        numbers = ", ".join(map(str, range(least, int(most)))) + f", or {most}"
    raise ValueError(f"Only tensors with {numbers} dimensions are supported")


_signature = functools.cache(inspect.signature)  # of the functions in RULES


def distribution_of(
    initializer: Callable[..., Any], dtype: str, shape: Shape
) -> Distribution | None:
    """Return what an initializer fills a tensor with; None if that is not one distribution.

    `initializer` is any callable, or a `functools.partial` with keyword arguments. Raises what the
    initializer raises.
    """
    keywords: dict[str, Any] = {}
    partial: Any = initializer
    if isinstance(partial, functools.partial):
        if partial.args:
            raise TypeError("a functools.partial takes arguments by name, not by position")
        initializer, keywords = partial.func, partial.keywords
    if not inspect.isfunction(initializer):  # it may be unhashable
        return None
    check_dimensions(initializer, shape)
    rule = RULES.get(initializer)
    if rule is None:
        return None
    bound = _signature(initializer).bind(None, **keywords)
    bound.apply_defaults()
    if any(bound.arguments.get(name) is not None for name in NOT_OF_RULES):
        raise TypeError(f"a recipe gives tensor and generator itself, and no part: {keywords}")
    arguments = [value for name, value in bound.arguments.items() if name not in NOT_OF_RULES]
    return rule(dtype, shape, *arguments)


def _number(name: str, value: Any) -> float:
    if type(value) in EXACT:
        return float(value)
    try:
        with _core.DefaultEnvironment():  # a NumPy scalar may be subnormal
            return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {value!r}") from None


def finite(name: str, value: Any) -> float:
    """Return an argument as a finite float; -0.0, which equals 0.0 to a cache, becomes 0.0."""
    number = float(value) if type(value) in EXACT else _number(name, value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, not {value!r}")
    return number + 0.0


def _computed(function: Function) -> Function:
    """Compute in the default floating-point environment."""

    @functools.wraps(function)
    def compute(*arguments: Any) -> Any:
        with _core.DefaultEnvironment():
            return function(*arguments)

    return cast(Function, compute)


def _remembered(function: Function) -> Function:
    """Cache what is computed: a model has few shapes. Zeros of other signs are equal to a cache."""
    return cast(Function, functools.lru_cache(maxsize=1024, typed=True)(_computed(function)))


def _rule(number: str) -> Callable[[Rule], Rule]:
    """Make a rule of a function whose third argument, called `number`, is a finite float."""

    def decorate(function: Rule) -> Rule:
        def checked(dtype: str, logical: Shape, value: Any, *others: Any) -> Distribution:
            return function(dtype, logical, finite(number, value), *others)

        computed, remembered = _computed(checked), _remembered(checked)

        @functools.wraps(function)
        def rule(dtype: str, logical: Shape, value: Any, *others: Any) -> Distribution:
            if type(value) not in EXACT:  # it may be mutable, and so must not be cached
                value = finite(number, value)
            try:
                return remembered(dtype, logical, value, *others)
            except TypeError:  # what cannot be hashed cannot be cached
                return computed(dtype, logical, value, *others)

        return rule

    return decorate


def constant(value: float) -> Distribution:
    """Return the distribution of one value."""
    return _core.CONSTANT, (value,)


ZERO, ONE = constant(0.0), constant(1.0)


def ones(dtype: str, logical: Shape) -> Distribution:
    """Return the distribution of 1."""
    return ONE


def zeros(dtype: str, logical: Shape) -> Distribution:
    """Return the distribution of 0."""
    return ZERO


def value(dtype: str, logical: Shape, val: Any) -> Distribution:
    """Return the distribution of one value, which must not overflow."""
    number, known = val if type(val) is float else _number("val", val), DTYPES[dtype]
    if abs(number) > known.largest and (math.isfinite(number) or not known.has_infinity):
        raise RuntimeError(
            f"value cannot be converted to type {known.torch_name} without overflow: {number:g}"
        )
    return constant(number)


def _random(kind: int, *parameters: float) -> Distribution:
    """Return a distribution whose zeros have no sign, since a cache takes -0.0 for 0.0."""
    return kind, tuple(parameter or 0.0 for parameter in parameters)


def uniform(dtype: str, logical: Shape, a: Any, b: Any) -> Distribution:
    """Return U[a, b)."""
    return _uniform(dtype, finite("a", a), finite("b", b))


@_remembered
def _uniform(dtype: str, low: float, high: float) -> Distribution:
    known = DTYPES[dtype]
    for which, bound in (("from", low), ("to", high)):
        if abs(bound) > known.largest:
            raise RuntimeError(f"{which} is out of bounds for {known.torch_name}: {bound:g}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    return _random(_core.UNIFORM, low, high)


def normal(dtype: str, logical: Shape, mean: Any, std: Any) -> Distribution:
    """Return N(mean, std^2)."""
    return _normal(finite("mean", mean), finite("std", std))


@_remembered
def _normal(mean: float, std: float) -> Distribution:
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    return _random(_core.NORMAL, mean, std)


def truncated_normal(
    dtype: str, logical: Shape, mean: Any, std: Any, a: Any, b: Any
) -> Distribution:
    """Return N(mean, std^2) truncated to [a, b], where a may be -infinity and b infinity."""
    low, high = _number("a", a), _number("b", b)
    if math.isnan(low) or low == math.inf:
        raise ValueError(f"a must be a number below infinity, not {a!r}")
    if math.isnan(high) or high == -math.inf:
        raise ValueError(f"b must be a number above -infinity, not {b!r}")
    return _truncated_normal(finite("mean", mean), finite("std", std), low, high)


@_remembered
def _truncated_normal(mean: float, std: float, low: float, high: float) -> Distribution:
    if std < 0:
        raise ValueError(f"std must be at least 0, not {std:g}")
    if low > high:
        raise RuntimeError(
            "trunc_normal_ expects to return a [a, b] range, but found "
            f"a={low:g} > b={high:g}: uniform_ expects to return a [from, to) range"
        )
    return _random(_core.TRUNCATED_NORMAL, mean, std, low, high)


def _xavier_std(
    logical: Shape, gain: float, layout: str | None, groups: int, group_axis: str
) -> float:
    fan_in, fan_out = fans_of_shape(logical, layout, groups, group_axis)
    return gain * math.sqrt(2.0 / (fan_in + fan_out)) if fan_in + fan_out else 0.0


@_rule("gain")
def xavier_uniform(
    dtype: str,
    logical: Shape,
    gain: float,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
) -> Distribution:
    """Return U[-bound, bound), bound = gain sqrt(6 / (fan_in + fan_out))."""
    bound = math.sqrt(3.0) * _xavier_std(logical, gain, layout, groups, group_axis)
    return _uniform(dtype, -bound, bound)


@_rule("gain")
def xavier_normal(
    dtype: str,
    logical: Shape,
    gain: float,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
) -> Distribution:
    """Return N(0, gain^2 2 / (fan_in + fan_out))."""
    return _normal(0.0, _xavier_std(logical, gain, layout, groups, group_axis))


def _kaiming_std(
    logical: Shape,
    a: float,
    mode: str,
    nonlinearity: str,
    layout: str | None,
    groups: int,
    group_axis: str,
) -> float:
    if 0 in logical:
        raise NoElementsError("Initializing zero-element tensors is a no-op")
    modes = ["fan_in", "fan_out"]
    if not isinstance(mode, str) or mode.lower() not in modes:
        raise ValueError(f"Mode {str(mode).lower()} not supported, please use one of {modes}")
    fan = fans_of_shape(logical, layout, groups, group_axis)[modes.index(mode.lower())]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


@_rule("a")
def kaiming_uniform(
    dtype: str,
    logical: Shape,
    a: float,
    mode: str,
    nonlinearity: str,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
) -> Distribution:
    """Return U[-bound, bound), bound = gain sqrt(3 / fan)."""
    bound = math.sqrt(3.0) * _kaiming_std(
        logical, a, mode, nonlinearity, layout, groups, group_axis
    )
    return _uniform(dtype, -bound, bound)


@_rule("a")
def kaiming_normal(
    dtype: str,
    logical: Shape,
    a: float,
    mode: str,
    nonlinearity: str,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
) -> Distribution:
    """Return N(0, gain^2 / fan)."""
    std = _kaiming_std(logical, a, mode, nonlinearity, layout, groups, group_axis)
    return _normal(0.0, std)


@_rule("scale")
def variance_scaling(
    dtype: str,
    logical: Shape,
    scale: float,
    mode: str,
    distribution: str,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
) -> Distribution:
    """Return the distribution of variance scale / fan."""
    if scale <= 0:
        raise ValueError(f"scale must be positive, not {scale:g}")
    distributions = ["truncated_normal", "normal", "uniform"]
    if distribution not in distributions:
        raise ValueError(
            f"distribution {distribution!r} not supported, please use one of {distributions}"
        )
    fan_in, fan_out = fans_of_shape(logical, layout, groups, group_axis)
    means = {
        "fan_in": float(fan_in),
        "fan_out": float(fan_out),
        "fan_avg": (fan_in + fan_out) / 2,
        "fan_geo_avg": math.sqrt(fan_in * fan_out),
    }
    if mode not in means:
        raise ValueError(f"Mode {mode} not supported, please use one of {list(means)}")
    variance = scale / means[mode] if means[mode] else 0.0
    if distribution == "uniform":
        bound = math.sqrt(3.0 * variance)
        return _uniform(dtype, -bound, bound)
    if distribution == "normal":
        return _normal(0.0, math.sqrt(variance))
    std = math.sqrt(variance) / TRUNCATED_STD
    return _truncated_normal(0.0, std, -2 * std, 2 * std)


def lecun_uniform(
    dtype: str,
    logical: Shape,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
) -> Distribution:
    """Return U[-bound, bound), bound = sqrt(3 / fan_in)."""
    return variance_scaling(dtype, logical, 1.0, "fan_in", "uniform", layout, groups, group_axis)


def lecun_normal(
    dtype: str,
    logical: Shape,
    layout: str | None = None,
    groups: int = 1,
    group_axis: str = "o",
) -> Distribution:
    """Return a truncated normal distribution of variance 1 / fan_in."""
    return variance_scaling(
        dtype, logical, 1.0, "fan_in", "truncated_normal", layout, groups, group_axis
    )
