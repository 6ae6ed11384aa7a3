"""Which initializers are one distribution, so that many tensors are filled at once."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

from fastinit import initializers, rules
from fastinit.rules import Distribution

Initializer = Callable[..., Any]

NOT_OF_RULES = ("tensor", "generator", "shape", "index")


def _constant(dtype: str, logical: rules.Shape, val: float) -> Distribution:
    return rules.value(dtype, val)


def _ones(dtype: str, logical: rules.Shape) -> Distribution:
    return rules.value(dtype, 1.0)


def _zeros(dtype: str, logical: rules.Shape) -> Distribution:
    return rules.value(dtype, 0.0)


def _lecun(distribution: str) -> Callable[..., Distribution]:
    def lecun(
        dtype: str, logical: rules.Shape, layout: str | None, groups: int, group_axis: str
    ) -> Distribution:
        return rules.variance_scaling(
            dtype, logical, 1.0, "fan_in", distribution, layout, groups, group_axis
        )

    return lecun


# A rule takes dtype and shape, then the initializer's other arguments in its order.
RULES: dict[Initializer, Callable[..., Distribution]] = {
    initializers.uniform_: rules.uniform,
    initializers.normal_: rules.normal,
    initializers.trunc_normal_: rules.truncated_normal,
    initializers.constant_: _constant,
    initializers.ones_: _ones,
    initializers.zeros_: _zeros,
    initializers.xavier_uniform_: rules.xavier_uniform,
    initializers.xavier_normal_: rules.xavier_normal,
    initializers.kaiming_uniform_: rules.kaiming_uniform,
    initializers.kaiming_normal_: rules.kaiming_normal,
    initializers.variance_scaling_: rules.variance_scaling,
    initializers.lecun_uniform_: _lecun("uniform"),
    initializers.lecun_normal_: _lecun("truncated_normal"),
}
# How many dimensions the others take.
DIMENSIONS: dict[Initializer, tuple[int, float]] = {
    initializers.eye_: (2, 2),
    initializers.sparse_: (2, 2),
    initializers.orthogonal_: (2, math.inf),
    initializers.dirac_: (3, 5),
    initializers.delta_orthogonal_: (3, 5),
}


def distribution_of(
    initializer: Initializer, dtype: str, shape: tuple[int, ...]
) -> Distribution | None:
    """Return the distribution that an initializer fills a tensor with; None if it is not one.

    Raises what the initializer would raise.
    """
    keywords: dict[str, Any] = {}
    partial: Any = initializer
    if isinstance(partial, functools.partial):
        if partial.args:
            raise TypeError("a recipe's functools.partial takes arguments by name, not by position")
        initializer, keywords = partial.func, partial.keywords
    if not isinstance(initializer, FunctionType):  # one's own, and maybe not hashable
        return None
    if initializer in DIMENSIONS:
        least, most = DIMENSIONS[initializer]
        if not least <= len(shape) <= most:
            raise ValueError(
                f"{initializer.__name__} does not take a tensor of {len(shape)} dimensions"
            )
    rule = RULES.get(initializer)
    if rule is None:
        return None
    bound = inspect.signature(initializer).bind(None, **keywords)
    bound.apply_defaults()
    if any(bound.arguments.get(name) is not None for name in NOT_OF_RULES):
        raise TypeError(f"a recipe gives tensor and generator itself, and no part: {keywords}")
    arguments = [value for name, value in bound.arguments.items() if name not in NOT_OF_RULES]
    distribution = rule(dtype, shape, *arguments)
    constant = rule in (_constant, _ones, _zeros)
    if not constant and not all(map(math.isfinite, distribution[1][:2])):
        raise ValueError(f"its parameters must be finite, not {keywords}")
    return distribution
