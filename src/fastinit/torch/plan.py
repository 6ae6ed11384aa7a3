"""Plans: every parameter of a model, what it will be filled with, and one fill for them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from fastinit.arrays import View, writable_view
from fastinit.dtypes import DTYPES, NAMES
from fastinit.fans import fans_of_shape
from fastinit.fill import Fill, Part, run
from fastinit.rules import Distribution, constant, distribution_of
from fastinit.streams import Stream, as_stream
from fastinit.torch.moments import Moments, expected
from fastinit.torch.names import parameter_places, unwrapped
from fastinit.torch.recipe import (
    Initializer,
    Recipe,
    Site,
    ZeroRow,
    call,
    is_constant,
    keep,
    takes_generator,
    text_of,
)
from fastinit.torch.table import Table
from fastinit.torch.values import shape_of

M = TypeVar("M", bound=nn.Module)
SHOWN_NAMES = 8


@dataclass(frozen=True, eq=False)
class PlannedParameter:
    """A parameter and what it is to be filled with.

    Attributes
    ----------
    name : str
        The qualified name; of a shared parameter the first, the others are `aliases`.
    tensor : torch.nn.Parameter
    dtype : torch.dtype
        What it is filled in.
    initializer : callable
    distribution : tuple or None
        Of the values, where they are of one distribution: then it is part of the one fill.
    """

    name: str
    aliases: tuple[str, ...]
    tensor: nn.Parameter
    dtype: torch.dtype
    initializer: Initializer
    distribution: Distribution | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The parameter's shape."""
        return shape_of(self.tensor)

    @property
    def is_kept(self) -> bool:
        """Whether the values are left as they are."""
        return self.initializer is keep

    @property
    def zero_row(self) -> int | None:
        """The row that is zero: an embedding's padding."""
        return self.initializer.row if isinstance(self.initializer, ZeroRow) else None

    @property
    def moments(self) -> Moments | None:
        """What the values must look like, but for a zero row; None where that is not known."""
        return None if self.distribution is None else expected(self.distribution, self.dtype)

    @property
    def rule(self) -> str:
        """The initializer as text."""
        return text_of(self.initializer)

    def fills(self, view: View, stream: Stream) -> Iterator[Fill]:
        """Yield the fills of a parameter of one distribution."""
        assert self.distribution is not None
        key = stream.key
        row = self.zero_row
        if row is None:
            yield view, None, self.distribution, key
            return
        rows = view.shape[0]
        row %= rows
        for first, last, distribution in (
            (0, row, self.distribution),
            (row, row + 1, constant(0.0)),
            (row + 1, rows, self.distribution),
        ):
            if last > first:
                shape = (last - first, *view.shape[1:])
                rest = len(shape) - 1
                part = Part(view.shape, (first,) + (0,) * rest, (1,) * (rest + 1))
                yield (
                    view.part(first * view.strides[0], shape, view.strides),
                    part,
                    distribution,
                    key,
                )


@dataclass(frozen=True, eq=False)
class Plan:
    """What a recipe does to a model: print it to see.

    Attributes
    ----------
    title : str
    parameters : tuple of PlannedParameter
    unused : tuple of str
        The recipe's lines that select nothing.
    """

    title: str
    parameters: tuple[PlannedParameter, ...]
    unused: tuple[str, ...]

    def __iter__(self) -> Iterator[PlannedParameter]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def table(self) -> Table:
        """Name, shape, fans, rule, and the values' standard deviation."""
        rows = []
        for planned in self.parameters:
            fans = "" if len(planned.shape) < 2 else "{} / {}".format(*fans_of_shape(planned.shape))
            moments = planned.moments
            std = "" if moments is None else f"{moments.std:.4g}"
            name = " = ".join((planned.name, *planned.aliases))
            rows.append((name, "x".join(map(str, planned.shape)), fans, planned.rule, std))
        columns = ("parameter", "shape", "fan in / out", "rule", "std")
        return Table(self.title, columns, rows)

    def __str__(self) -> str:
        return str(self.table)

    def __rich__(self) -> Table:
        """Return what rich prints."""
        return self.table

    def show(self) -> None:
        """Print, by rich where it is installed."""
        self.table.show()

    def fill(self, stream: Stream, targets: Mapping[str, torch.Tensor]) -> None:
        """Fill the parameters' targets, each from the stream of its name.

        Those of one distribution are filled at once, by one team of threads; the others' own
        initializers are called one after the other. Those that are kept need no target.
        """
        fills: list[Fill] = []
        for planned in self.parameters:
            if planned.distribution is not None:
                view = checked_view(planned.name, targets[planned.name])
                fills.extend(planned.fills(view, stream / planned.name))
        for planned in self.parameters:
            if planned.distribution is None and not planned.is_kept:
                with torch.no_grad(), naming(planned.name):
                    call(planned.initializer, targets[planned.name], stream / planned.name)
        run(fills)


def seeded_stream(plan: Iterable[PlannedParameter], seed: Any) -> Stream:
    """Return the stream of a `seed` argument, or raise where it would have no effect."""
    for planned in plan if seed is not None else ():
        initializer = planned.initializer
        if planned.distribution is None and not (
            takes_generator(initializer) or is_constant(initializer)
        ):
            raise TypeError(
                f"parameter {planned.name}: {planned.rule} takes no `generator`, so that the seed "
                "has no effect on it: give it that parameter, which will be a fastinit.Stream, or "
                "mark it by fastinit.torch.constant if its values are the same for every seed"
            )
    return as_stream(seed)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of a parameter before what is raised in a `with` block."""
    try:
        yield
    except (TypeError, ValueError, RuntimeError) as error:
        kind = next(
            each for each in (TypeError, ValueError, RuntimeError) if isinstance(error, each)
        )
        raise kind(f"parameter {name}: {error}") from error


def checked_view(name: str, tensor: torch.Tensor) -> View:
    """Return the view of a parameter, or raise what names it."""
    with naming(name):
        if tensor.is_meta:
            raise ValueError("it is on the meta device: fastinit.torch.materialize gives it memory")
        view = writable_view(tensor)
        if view.address == 0 and view.size > 0:
            raise TypeError(f"{type(tensor).__name__} has no memory of its own: fill its parts")
        return view


def make_plan(
    module: nn.Module, recipe: Recipe, *, prefix: str = "", dtype: torch.dtype | None = None
) -> Plan:
    """Find what a recipe does to a model, without touching it.

    Parameters
    ----------
    module : torch.nn.Module
        The model, on any device, meta included.
    recipe : Recipe
    prefix : str, optional
        The module's own name within the whole model, ``"layers.3."``, where it is a part of one;
        as the names, without what wrappers add to it.
    dtype : torch.dtype, optional
        What the parameters are to be filled in, where not in their own.

    Returns
    -------
    Plan
        Its names are those of the model without wrappers: what `torch.compile`, DataParallel,
        DistributedDataParallel, FullyShardedDataParallel, AveragedModel and activation
        checkpointing put into them is left out, wherever in the model the wrapper is.

    Raises
    ------
    ValueError
        Parameters that no line selects, a recipe that selects nothing, a lazy module, a tensor that
        an initializer does not take.
    TypeError
        A dtype or layout that cannot be filled, of a parameter that is to be filled: what a line
        `keep` selects may have any.

    Examples
    --------
    >>> import torch
    >>> from fastinit.torch import make_plan, torch_default
    >>> print(make_plan(torch.nn.Linear(4, 2), torch_default))
    Linear by torch_default
    parameter  shape  fan in / out  rule                         std
    weight     2x4    4 / 2         kaiming_uniform_(a=2.23607)  0.2887
    bias       2                    uniform_(a=-0.5, b=0.5)      0.2887
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a fastinit.torch.Recipe, not {recipe!r}")
    kind = type(unwrapped(module)).__name__
    everything = parameter_places(module, prefix)
    every_name = tuple(first.name for first, *_ in everything.values())
    planned, unknown, used = [], [], set()
    for parameter, places in everything.items():
        name, owner, _, ancestors = places[0]
        site = Site(name, parameter, owner, ancestors, every_name)
        with naming(name):
            if is_lazy(parameter):
                raise ValueError("it is of a lazy module, which has no shapes yet: run it once")
            found = recipe.find(site)
        if found is None:
            unknown.append(name)
            continue
        number, initializer = found
        used.add(number)
        target_dtype = dtype if dtype is not None and parameter.is_floating_point() else None
        target_dtype = target_dtype or parameter.dtype
        distribution = None
        if initializer is not keep:
            with naming(name):
                _check_fillable(parameter, target_dtype)
                distribution = _distribution(initializer, parameter, target_dtype)
        aliases = tuple(place.name for place in places[1:])
        planned.append(
            PlannedParameter(name, aliases, parameter, target_dtype, initializer, distribution)
        )
    if not planned:
        raise ValueError(
            f"recipe {recipe.name!r} matches nothing in {kind}, whose parameters are: "
            f"{_some(every_name)}"
        )
    if unknown:
        raise ValueError(
            f"recipe {recipe.name!r} says nothing of {len(unknown)} parameters of {kind}: "
            f"{_some(unknown)}; add lines for them, or a default: "
            "recipe + fastinit.torch.torch_default, or a last line ('*', initializer)"
        )
    texts = recipe.texts()
    unused = tuple(text for number, (text, _) in enumerate(texts) if number not in used)
    return Plan(f"{kind} by {recipe.name}", tuple(planned), unused)


def _check_fillable(parameter: nn.Parameter, dtype: torch.dtype) -> None:
    if parameter.layout is not torch.strided or parameter.is_nested:
        layout = "torch.nested" if parameter.is_nested else parameter.layout
        raise TypeError(f"it has layout {layout}, but only dense ones can be filled")
    if str(dtype).removeprefix("torch.") not in DTYPES:
        kind = "quantised dtype" if parameter.is_quantized else "dtype"
        raise TypeError(f"it has {kind} {dtype}, but only {NAMES} can be filled")


def _distribution(
    initializer: Initializer, parameter: nn.Parameter, dtype: torch.dtype
) -> Distribution | None:
    row = None
    if isinstance(initializer, ZeroRow):
        row, initializer = initializer.row, initializer.initializer
    shape = tuple(parameter.shape)
    if 0 in shape:
        return constant(0.0)
    distribution = distribution_of(initializer, str(dtype).removeprefix("torch."), shape)
    if row is not None and not -shape[0] <= row < shape[0]:
        raise ValueError(f"there is no row {row} in shape {shape}")
    return distribution


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN_NAMES])
    more = len(names) - SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown or "none"


def init_module(
    module: M, recipe: Recipe, seed: Any = None, *, prefix: str = "", dry_run: bool = False
) -> M:
    """Fill a model's parameters by a recipe, in one parallel fill.

    Each parameter is filled from the stream of its qualified name, ``Stream(seed) / name``: its
    values depend neither on the order of layers, nor on the other layers, nor on the number of
    threads. Buffers are left alone.

    Parameters
    ----------
    module : torch.nn.Module
        In CPU memory; for one on the meta device see `materialize`.
    recipe : Recipe
        `torch_default`, `resnext`, ... or one's own.
    seed : int, Stream or generator
        As the `generator` of every initializer.
    prefix : str, optional
        The module's own name within the whole model, ``"layers.3."``, where it is a part of one:
        then it gets what the whole would give it. As the names in `make_plan`, without what
        wrappers add to it.
    dry_run : bool, default False
        Print the plan as a table, and touch nothing.

    Returns
    -------
    torch.nn.Module
        The same module.

    Raises
    ------
    ValueError, TypeError
        As `make_plan`; a parameter that is to be filled and is not in CPU memory; a seed, and an
        initializer of one's own that takes no `generator` and is not marked by `constant`. The
        error names the parameter, and nothing was changed. (But for an initializer of one's own
        that raises by itself: then the parameters that are not of one distribution may have been
        filled.)

    Examples
    --------
    >>> import torch
    >>> from fastinit.torch import init_module, torch_default
    >>> a = init_module(torch.nn.Linear(4, 2), torch_default, seed=0)
    >>> b = init_module(torch.nn.Sequential(torch.nn.Linear(4, 2)), torch_default, seed=0)
    >>> c = init_module(torch.nn.Linear(4, 2), torch_default, seed=0, prefix="0.")
    >>> bool((a.weight == b[0].weight).any()), bool((c.weight == b[0].weight).all())
    (False, True)
    """
    plan = make_plan(module, recipe, prefix=prefix)
    if dry_run:
        plan.show()
        return module
    targets = {planned.name: planned.tensor for planned in plan if not planned.is_kept}
    for name, tensor in targets.items():
        checked_view(name, tensor)  # those too that initializers of one's own will fill
    plan.fill(seeded_stream(plan, seed), targets)
    return module
