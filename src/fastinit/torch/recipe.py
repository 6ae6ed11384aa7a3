"""Recipes: which parameters of a model get which initializer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import UnionType
from typing import Any, TypeGuard

import torch
from torch import nn

import fastinit
from fastinit.entries import Constant, Initializer, call, keep, text_of
from fastinit.table import Table

__all__ = ["PerSite", "Recipe", "Site", "ZeroRow", "constant", "keep", "per_site"]

# Modules whose initializers take a torch.Generator, but no Stream.
TORCHS = (nn.init.__name__, "fastinit.torch.init")


@dataclass(frozen=True, eq=False)
class Site:
    """A parameter and its place in the model: what the lines of a recipe select by.

    Attributes
    ----------
    name : str
        The qualified name, ``"layers.0.weight"``; the first one of a shared parameter. Without the
        parts that `torch.compile`, DataParallel and other wrappers add.
    tensor : torch.Tensor
        The parameter. It may be on the meta device, where it has a shape but no values.
    module : torch.nn.Module
        The module that owns it.
    ancestors : tuple of torch.nn.Module
        The modules around `module`, from the whole model down, without wrappers.
    names : tuple of str
        The names of all the model's parameters.
    """

    name: str
    tensor: torch.Tensor
    module: nn.Module
    ancestors: tuple[nn.Module, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class PerSite:
    """An initializer that depends on the parameter's place in the model: see `per_site`.

    Attributes
    ----------
    function : callable
        Takes the `Site` and returns an initializer.
    label : str
        What a printed recipe shows.
    """

    function: Callable[[Site], Initializer]
    label: str


def per_site(label: str) -> Callable[[Callable[[Site], Initializer]], PerSite]:
    """Turn a function that takes a `Site` and returns an initializer into a `PerSite`.

    Parameters
    ----------
    label : str
        What a printed recipe shows.

    Returns
    -------
    callable
        A decorator that returns a `PerSite`.

    Raises
    ------
    TypeError
        The label is missing.

    Examples
    --------
    >>> from functools import partial
    >>> import fastinit
    >>> from fastinit.torch import per_site
    >>> @per_site("N(0, 1 / width)")
    ... def by_width(site):
    ...     return partial(fastinit.normal_, std=site.tensor.shape[-1] ** -0.5)
    >>> by_width.label
    'N(0, 1 / width)'
    """
    if not isinstance(label, str):
        raise TypeError(
            f'per_site takes the label that a printed recipe shows, as @per_site("N(0, 1)"), '
            f"not {label!r}"
        )
    return functools.partial(PerSite, label=label)


@dataclass(frozen=True)
class ZeroRow:
    """An initializer with one row of zeros: an embedding's padding.

    Parameters
    ----------
    initializer : callable
        Fills the other rows with the values that they have without the zero row.
    row : int
    """

    initializer: Initializer
    row: int

    def __call__(self, tensor: torch.Tensor, generator: Any = None) -> torch.Tensor:
        """Fill one tensor."""
        call(self.initializer, tensor, generator)
        with torch.no_grad():
            tensor[self.row].zero_()
        return tensor

    @property
    def __name__(self) -> str:
        """What a table shows."""
        return f"{text_of(self.initializer)}, row {self.row} zero"


def constant(function: Initializer) -> Constant:
    """Mark your own initializer as one whose values are the same for every seed.

    With a seed, a recipe refuses an unmarked initializer that takes no `generator`, because the
    seed would have no effect on it. `constant` is also a decorator.

    Parameters
    ----------
    function : callable
        Any callable that fills a tensor in place, lambdas and `functools.partial` included.

    Returns
    -------
    Constant
        Calls the function.

    Examples
    --------
    >>> import torch
    >>> from fastinit.torch import Recipe, constant, init_module
    >>> @constant
    ... def ramp_(tensor):
    ...     with torch.no_grad():
    ...         return tensor.copy_(torch.arange(tensor.numel()).view_as(tensor))
    >>> layer = torch.nn.Linear(2, 2, bias=False)
    >>> init_module(layer, Recipe([("*", ramp_)]), seed=0).weight.tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """
    if not callable(function):
        raise TypeError(f"an initializer must be callable, not {function!r}")
    return Constant(function)


# Functions of torch that give the same values for every seed.
CONSTANT_FUNCTIONS = (torch.zero_, torch.fill_, torch.Tensor.zero_, torch.Tensor.fill_)


def _taking_streams(initializer: Initializer) -> Initializer:
    """Replace an initializer of torch by fastinit's of the same name, which takes a stream.

    Functions of torch that need no stream are marked as `Constant`.
    """
    if isinstance(initializer, functools.partial):
        function = _taking_streams(initializer.func)
        return functools.partial(function, *initializer.args, **initializer.keywords)
    if isinstance(initializer, ZeroRow):
        return ZeroRow(_taking_streams(initializer.initializer), initializer.row)
    if getattr(initializer, "__module__", None) in TORCHS:
        # Torch's deprecated names have no underscore.
        name = initializer.__name__.removesuffix("_") + "_"
        own: Initializer = getattr(fastinit, name, initializer)
        return own
    is_constant = any(initializer is each for each in CONSTANT_FUNCTIONS)
    return Constant(initializer) if is_constant else initializer


Where = str | type | UnionType | Callable[[Site], bool] | tuple[Any, ...]


def _is_class(where: Where) -> TypeGuard[type | UnionType]:
    return isinstance(where, type | UnionType)


def _matches(where: Where, site: Site) -> bool:
    if isinstance(where, str):
        # "*.bias" also selects the bias of a bare layer.
        return fnmatchcase(site.name, where) or fnmatchcase("." + site.name, where)
    if isinstance(where, tuple):
        return all(_matches(each, site) for each in where)
    if _is_class(where):
        return isinstance(site.module, where)
    return bool(where(site))  # type: ignore[operator]


def _check_where(where: Where) -> None:
    if isinstance(where, tuple):
        for each in where:
            _check_where(each)
    elif _is_class(where):
        for each in getattr(where, "__args__", (where,)):
            if not (isinstance(each, type) and issubclass(each, nn.Module)):
                raise TypeError(f"a recipe selects by subclasses of torch.nn.Module, not {each!r}")
    elif not isinstance(where, str) and not callable(where):
        raise TypeError(
            "a recipe's line selects by a pattern of qualified names, a module class (or "
            "several, A | B), a function of a Site, or a tuple of these that must all hold, "
            f"not by {where!r}"
        )


def _where_text(where: Where) -> str:
    if isinstance(where, str):
        return where
    if isinstance(where, tuple):
        return " and ".join(map(_where_text, where))
    alternatives: tuple[Any, ...] = getattr(where, "__args__", (where,))
    return " | ".join(each.__name__ for each in alternatives)


Line = tuple[Where, Initializer | PerSite]


class Recipe:
    """An ordered list of lines (which parameters, which initializer); the first match wins.

    Parameters
    ----------
    lines : iterable of (where, initializer)
        `where` is a shell pattern of qualified names (``"*.bias"``), the class of the owning module
        (or several, ``nn.Linear | nn.Conv2d``), a function of a `Site`, or a tuple of these that
        must all hold. `initializer` is a function that fills a tensor in place and takes a
        `generator`, such as `fastinit.orthogonal_` or
        ``functools.partial(fastinit.normal_, std=0.02)``; one without `generator` that is marked by
        `constant`; or a `PerSite`. A function of `torch.nn.init` stands for fastinit's of the same
        name. A last line ``("*", ...)`` is the default. Without a default, a parameter that no line
        selects is an error.
    name : str, optional
        Shown in tables and errors.

    Raises
    ------
    TypeError
        A line is not such a pair.

    Examples
    --------
    >>> from functools import partial
    >>> import torch, fastinit
    >>> from fastinit.torch import Recipe, init_module, torch_default
    >>> recipe = Recipe([(torch.nn.Linear, fastinit.orthogonal_)], "square") + torch_default
    >>> recipe = Recipe([("*.bias", fastinit.zeros_)]) + recipe
    >>> layer = init_module(torch.nn.Linear(3, 3), recipe, seed=0)
    >>> bool(torch.allclose(layer.weight @ layer.weight.T, torch.eye(3), atol=1e-6))
    True
    """

    def __init__(self, lines: Iterable[Line], name: str = "recipe") -> None:
        self.lines = tuple(lines)
        self.name = name
        for line in self.lines:
            if not isinstance(line, tuple) or len(line) != 2:
                raise TypeError(f"a recipe's line is a pair (where, initializer), not {line!r}")
            where, initializer = line
            _check_where(where)
            if not callable(initializer) and not isinstance(initializer, PerSite):
                raise TypeError(f"an initializer must be callable, not {initializer!r}")

    def find(self, site: Site) -> tuple[int, Initializer] | None:
        """Return the number of the line that selects a parameter, and its initializer."""
        for number, (where, initializer) in enumerate(self.lines):
            if _matches(where, site):
                if isinstance(initializer, PerSite):
                    initializer = initializer.function(site)
                return number, _taking_streams(initializer)
        return None

    def __add__(self, other: Recipe) -> Recipe:
        """Return the lines of both; if both select a parameter, the first recipe wins."""
        if not isinstance(other, Recipe):
            return NotImplemented
        return Recipe(self.lines + other.lines, f"{self.name} + {other.name}")

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        return f"<Recipe {self.name}: {len(self.lines)} lines>"

    def texts(self) -> list[tuple[str, str]]:
        """Return the lines as text."""
        return [
            (_where_text(where), what.label if isinstance(what, PerSite) else text_of(what))
            for where, what in self.lines
        ]

    @property
    def table(self) -> Table:
        """The lines as a table."""
        return Table(f"recipe {self.name}", ("parameters", "initializer"), self.texts())

    def __str__(self) -> str:
        return str(self.table)

    def __rich__(self) -> Table:
        """Return what rich prints."""
        return self.table
