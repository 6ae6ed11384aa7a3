"""Plans of PyTorch models: a recipe applied to a model's parameters, and one fill for them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from fastinit import plan as plans
from fastinit.arrays import View
from fastinit.dtypes import DTYPES, NAMES
from fastinit.entries import Index, InitializerEntry, keep, naming
from fastinit.fill import Part
from fastinit.plan import some
from fastinit.streams import Stream
from fastinit.torch.names import parameter_places, unwrapped
from fastinit.torch.recipe import Recipe, Site, ZeroRow
from fastinit.torch.values import name_of_dtype, shape_of

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class PlannedParameter(InitializerEntry):
    """A parameter and what fills it.

    Attributes
    ----------
    name : str
        The qualified name. A shared parameter has its first name here, the others in `aliases`.
    aliases : tuple of str
    shape : tuple of int
    dtype : str
        fastinit's name of the dtype in which it is filled, ``"bfloat16"``.
    initializer : callable
        `keep` fills nothing.
    zero_row : int or None
        The row that is zero: an embedding's padding.
    distribution : tuple or None
        Distribution of the values, where it is one.
    tensor : torch.nn.Parameter
    """

    tensor: nn.Parameter = field(kw_only=True)

    def _view_of(self, target: Any, index: Index) -> tuple[View, Part | None]:
        if isinstance(target, torch.Tensor) and target.is_meta:
            raise ValueError("it is on the meta device: fastinit.torch.materialize gives it memory")
        view, part = super()._view_of(target, index)
        if view.address == 0 and view.size > 0:
            raise TypeError(f"{type(target).__name__} has no memory of its own: fill its parts")
        return view, part

    def _call(self, target: Any, stream: Stream, index: Index) -> Callable[[], object]:
        return torch.no_grad()(super()._call(target, stream, index))


class Plan(plans.Plan[PlannedParameter]):
    """What a recipe does to a model: print it to see.

    Attributes
    ----------
    title : str
    entries : tuple of PlannedParameter
    unused : tuple of str
        The recipe's lines that select nothing.
    """

    def __init__(
        self, entries: Iterable[PlannedParameter], title: str = "plan", unused: Iterable[str] = ()
    ) -> None:
        super().__init__(entries, title)
        self.unused = tuple(unused)

    @property
    def parameters(self) -> tuple[PlannedParameter, ...]:
        """The entries."""
        return self.entries


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
        The module's name in the whole model, ``"layers.3."``, if it is a part of one; without the
        parts that wrappers add to names.
    dtype : torch.dtype, optional
        The dtype in which floating-point parameters are filled; their own by default.

    Returns
    -------
    Plan
        Names are those of the model without wrappers: they leave out what `torch.compile`,
        DataParallel, DistributedDataParallel, FullyShardedDataParallel, AveragedModel and
        activation checkpointing add, wherever in the model the wrapper is.

    Raises
    ------
    ValueError
        No line selects a parameter; the recipe selects nothing; a module is lazy; an initializer
        does not take a tensor.
    TypeError
        A parameter has a dtype or layout that cannot be filled, and the recipe does not `keep` it.

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
                raise ValueError("its module is lazy and has no shapes yet: run the module once")
            found = recipe.find(site)
        if found is None:
            unknown.append(name)
            continue
        number, initializer = found
        used.add(number)
        target_dtype = name_of_dtype(dtype or parameter.dtype)
        if not parameter.is_floating_point():
            target_dtype = name_of_dtype(parameter.dtype)
        if initializer is not keep:
            with naming(name):
                _check_fillable(parameter, target_dtype)
        filler, zero_row = initializer, None
        if isinstance(initializer, ZeroRow):
            filler, zero_row = initializer.initializer, initializer.row
        aliases = tuple(place.name for place in places[1:])
        planned.append(
            PlannedParameter(
                name,
                shape_of(parameter),
                target_dtype,
                filler,
                aliases,
                zero_row,
                tensor=parameter,
            )
        )
    if not planned:
        raise ValueError(
            f"recipe {recipe.name!r} matches nothing in {kind}, whose parameters are: "
            f"{some(every_name)}"
        )
    if unknown:
        raise ValueError(
            f"recipe {recipe.name!r} selects no initializer for {len(unknown)} parameters of "
            f"{kind}: {some(unknown)}; add lines for them, or a default: "
            "recipe + fastinit.torch.torch_default, or a last line ('*', initializer)"
        )
    texts = recipe.texts()
    unused = tuple(text for number, (text, _) in enumerate(texts) if number not in used)
    return Plan(planned, f"{kind} by {recipe.name}", unused)


def _check_fillable(parameter: nn.Parameter, dtype: str) -> None:
    if parameter.layout is not torch.strided or parameter.is_nested:
        layout = "torch.nested" if parameter.is_nested else parameter.layout
        raise TypeError(f"it has layout {layout}, but only dense ones can be filled")
    if dtype not in DTYPES:
        kind = "quantised dtype" if parameter.is_quantized else "dtype"
        raise TypeError(f"it has {kind} torch.{dtype}, but only {NAMES} can be filled")


def init_module(
    module: M, recipe: Recipe, seed: Any = None, *, prefix: str = "", dry_run: bool = False
) -> M:
    """Fill a model's parameters by a recipe, in one parallel fill.

    Each parameter is filled from the stream of its qualified name, ``Stream(seed) / name``. Its
    values do not depend on other layers, their order, or the number of threads. Buffers do not
    change.

    Parameters
    ----------
    module : torch.nn.Module
        In CPU memory; `materialize` takes a model on the meta device.
    recipe : Recipe
        `torch_default`, `resnext`, ... or your own.
    seed : int, Stream or generator
        As the `generator` of every initializer.
    prefix : str, optional
        The module's name in the whole model, ``"layers.3."``, if it is a part of one: it then gets
        the values that it has in the whole. Without the parts that wrappers add to names.
    dry_run : bool, default False
        Print the plan, and fill nothing.

    Returns
    -------
    torch.nn.Module
        The same module.

    Raises
    ------
    ValueError, TypeError
        As `make_plan`; a parameter to be filled is not in CPU memory; a seed is given, and your own
        initializer takes no `generator` and is not marked by `constant`. The error names the
        parameter, and the model is unchanged. After an error that your own initializer raises,
        parameters that are not of one distribution may have been filled.

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
    plan.fill(seed, {planned.name: planned.tensor for planned in plan if not planned.is_kept})
    return module
