"""Recipes: which parameters get which initializer."""

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
from fastinit import plan as plans
from fastinit.plan import Constant, Initializer, keep
from fastinit.table import Table

__all__ = ["PerSite", "Recipe", "Site", "ZeroRow", "constant", "keep", "per_site"]

# The modules whose functions take a torch.Generator, no stream.
TORCHS = (nn.init.__name__, "fastinit.torch.init")


@dataclass(frozen=True, eq=False)
class Site:
    """A parameter and where it stands, as the lines of a recipe see it.

    Attributes
    ----------
    name : str
        The qualified name, ``"layers.0.weight"``; of a shared parameter the first. What
        `torch.compile`, DataParallel, activation checkpointing and the like put into names is not
        part of it.
    tensor : torch.Tensor
        The parameter, maybe on the meta device: look at its shape alone.
    module : torch.nn.Module
        The module that has it.
    ancestors : tuple of torch.nn.Module
        The modules around that one, from the whole model down, without such wrappers.
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
    """An initializer that depends on where the parameter stands: see `per_site`.

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
    """Make an initializer of a function that takes the `Site` and returns one.

    Parameters
    ----------
    label : str
        What a printed recipe shows.

    Returns
    -------
    callable
        A decorator, which returns a `PerSite`.

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
    """An initializer, but for one row of zeros: an embedding's padding.

    Parameters
    ----------
    initializer : callable
        Fills the other rows, each as if there were no such row.
    row : int
    """

    initializer: Initializer
    row: int

    def __call__(self, tensor: torch.Tensor, generator: Any = None) -> torch.Tensor:
        """Fill one tensor."""
        plans.call(self.initializer, tensor, generator)
        with torch.no_grad():
            tensor[self.row].zero_()
        return tensor

    @property
    def __name__(self) -> str:
        """What a table shows."""
        return f"{plans.text_of(self.initializer)}, row {self.row} zero"


def constant(function: Initializer) -> Constant:
    """Mark an initializer of one's own as one whose values are the same for every seed.

    Where a seed is given, a recipe refuses an initializer that takes no `generator`, since the seed
    would have no effect on it. The mark says that this is meant. It is a decorator too.

    Parameters
    ----------
    function : callable
        Fills a tensor in place; any callable, also a lambda or a `functools.partial`.

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
    """Return fastinit's own initializer for torch's of the same name, which takes no stream.

    Torch's functions that need no stream are marked.
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
        # So that "*.bias" has the bias of a bare layer too.
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
            "several, A | B), a function of a Site, or a tuple of these, all of which must hold, "
            f"not by {where!r}"
        )


def _where_text(where: Where) -> str:
    if isinstance(where, str):
        return where
    if isinstance(where, tuple):
        return " and ".join(map(_where_text, where))
    alternatives: tuple[Any, ...] = getattr(where, "__args__", (where,))
    return " | ".join(each.__name__ for each in alternatives)


def text_of(initializer: Initializer | PerSite) -> str:
    """Return an initializer as the tables show it."""
    return initializer.label if isinstance(initializer, PerSite) else plans.text_of(initializer)


Line = tuple[Where, Initializer | PerSite]


class Recipe:
    """An ordered list of lines: which parameters, and the initializer they get. The first wins.

    Parameters
    ----------
    lines : iterable of (where, initializer)
        `where` is a shell pattern of qualified names (``"*.bias"``), a module class (or several,
        ``nn.Linear | nn.Conv2d``) that has the parameter, a function of a `Site`, or a tuple of
        these, all of which must hold. `initializer` is any function that fills a tensor in place
        and takes a `generator`, such as `fastinit.orthogonal_` or
        ``functools.partial(fastinit.normal_, std=0.02)``, one that takes none and is marked by
        `constant`, or a `PerSite`; a function of `torch.nn.init` stands for fastinit's of the same
        name. A last line ``("*", ...)`` is the default; without one, a parameter that no line
        selects is an error.
    name : str, optional
        For the tables.

    Raises
    ------
    TypeError
        A line that is no such pair.

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
        """Return the lines of both; where both select a parameter, the first one's line wins."""
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
        return [(_where_text(where), text_of(initializer)) for where, initializer in self.lines]

    @property
    def table(self) -> Table:
        """The lines as a table."""
        return Table(f"recipe {self.name}", ("parameters", "initializer"), self.texts())

    def __str__(self) -> str:
        return str(self.table)

    def __rich__(self) -> Table:
        """Return what rich prints."""
        return self.table
