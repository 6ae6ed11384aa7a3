"""What a tensor is filled with: dtype, logical shape and the arguments of an initializer in, the
distribution out, or the error that torch raises."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from fastinit import _core
from fastinit.dtypes import DTYPES
from fastinit.fans import calculate_gain, fans_of_shape

P = ParamSpec("P")
R = TypeVar("R")
Shape = tuple[int, ...]

# Standard deviation of the standard normal truncated to +-2.
TRUNCATED_STD = 0.87962566103423978

# A distribution of the core and its parameters.
Distribution = tuple[int, tuple[float, ...]]


class NoElementsError(Exception):
    """There is nothing to fill, of which torch warns."""


def rule(function: Callable[P, R]) -> Callable[P, R]:
    """Compute in the default floating-point environment, and remember: a model has few shapes."""

    @functools.lru_cache(maxsize=1024, typed=True)
    @functools.wraps(function)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> R:
        with _core.DefaultEnvironment():
            return function(*args, **kwargs)

    return cast(Callable[P, R], remembered)


def constant(value: float) -> Distribution:
    """Return the distribution of one value."""
    return _core.CONSTANT, (value,)


def _random(kind: int, *parameters: float) -> Distribution:
    """Return a distribution whose zeros have no sign: what is remembered takes -0.0 for 0.0."""
    return kind, tuple(parameter or 0.0 for parameter in parameters)


def value(dtype: str, value: float) -> Distribution:
    """Return the distribution of one value, which must not overflow."""
    known = DTYPES[dtype]
    if abs(value) > known.largest and (math.isfinite(value) or not known.has_infinity):
        raise RuntimeError(
            f"value cannot be converted to type {known.torch_name} without overflow: {value:g}"
        )
    return constant(value)


@rule
def uniform(dtype: str, logical: Shape, low: float, high: float) -> Distribution:
    """Return the uniform distribution on [low, high)."""
    known = DTYPES[dtype]
    for which, bound in (("from", low), ("to", high)):
        if abs(bound) > known.largest:
            raise RuntimeError(f"{which} is out of bounds for {known.torch_name}: {bound:g}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    return _random(_core.UNIFORM, low, high)


@rule
def normal(dtype: str, logical: Shape, mean: float, std: float) -> Distribution:
    """Return the normal distribution."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    return _random(_core.NORMAL, mean, std)


@rule
def truncated_normal(
    dtype: str, logical: Shape, mean: float, std: float, low: float, high: float
) -> Distribution:
    """Return the normal distribution truncated to [low, high]."""
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


@rule
def xavier_uniform(
    dtype: str,
    logical: Shape,
    gain: float,
    layout: str | None,
    groups: int,
    group_axis: str = "o",
) -> Distribution:
    """Return U[-bound, bound), bound = gain sqrt(6 / (fan_in + fan_out))."""
    bound = math.sqrt(3.0) * _xavier_std(logical, gain, layout, groups, group_axis)
    return uniform(dtype, logical, -bound, bound)


@rule
def xavier_normal(
    dtype: str,
    logical: Shape,
    gain: float,
    layout: str | None,
    groups: int,
    group_axis: str = "o",
) -> Distribution:
    """Return N(0, gain^2 2 / (fan_in + fan_out))."""
    return normal(dtype, logical, 0.0, _xavier_std(logical, gain, layout, groups, group_axis))


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


@rule
def kaiming_uniform(
    dtype: str,
    logical: Shape,
    a: float,
    mode: str,
    nonlinearity: str,
    layout: str | None,
    groups: int,
    group_axis: str = "o",
) -> Distribution:
    """Return U[-bound, bound), bound = gain sqrt(3 / fan)."""
    bound = math.sqrt(3.0) * _kaiming_std(
        logical, a, mode, nonlinearity, layout, groups, group_axis
    )
    return uniform(dtype, logical, -bound, bound)


@rule
def kaiming_normal(
    dtype: str,
    logical: Shape,
    a: float,
    mode: str,
    nonlinearity: str,
    layout: str | None,
    groups: int,
    group_axis: str = "o",
) -> Distribution:
    """Return N(0, gain^2 / fan)."""
    std = _kaiming_std(logical, a, mode, nonlinearity, layout, groups, group_axis)
    return normal(dtype, logical, 0.0, std)


@rule
def variance_scaling(
    dtype: str,
    logical: Shape,
    scale: float,
    mode: str,
    distribution: str,
    layout: str | None,
    groups: int,
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
        return uniform(dtype, logical, -bound, bound)
    if distribution == "normal":
        return normal(dtype, logical, 0.0, math.sqrt(variance))
    std = math.sqrt(variance) / TRUNCATED_STD
    return truncated_normal(dtype, logical, 0.0, std, -2 * std, 2 * std)
