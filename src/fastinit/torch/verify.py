"""Checks of a model's parameters: initialised, finite, of the recipe's moments, none alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from fastinit.dtypes import DTYPES
from fastinit.entries import is_constant, takes
from fastinit.moments import Measured, Moments, measure
from fastinit.plan import check_seed
from fastinit.streams import Stream, as_stream
from fastinit.table import Table
from fastinit.torch.alike import (
    Booleans,
    Comparison,
    Hashes,
    Rows,
    compared_rows,
    has_random_rows,
    hashes_of,
    is_nonzero,
    rows_in,
)
from fastinit.torch.names import buffer_places, parameter_places, unwrapped
from fastinit.torch.plan import Plan, PlannedParameter, make_plan
from fastinit.torch.poison import count_poison
from fastinit.torch.recipe import Recipe
from fastinit.torch.values import INTEGERS, is_dense, name_of_dtype, numbers_in, shape_of

STARTS = 64  # elements at the start of a row that are compared with zero first
# Above this share of subnormal values, memory holds pointers or small integers, not weights.
SUBNORMAL_SHARE = 0.01
WIDE_EXPONENT = (torch.float64, torch.float32, torch.bfloat16)


class VerificationError(RuntimeError):
    """A model's parameters have problems, which `report` lists."""

    def __init__(self, report: Report) -> None:
        super().__init__("\n".join(map(str, report.bad)))
        self.report = report


@dataclass(frozen=True)
class Finding:
    """The measured moments of a parameter or buffer, and its problems.

    Attributes
    ----------
    name : str
    shape : tuple of int
    dtype : torch.dtype
    mean, std : float
        Those of the finite values, as are `minimum` and `maximum`.
    minimum, maximum : float
    expected : Moments or None
        Moments that the recipe gives; None without a recipe.
    off : float
        The larger distance of mean and std from the expected ones, in standard errors; NaN if none
        are expected.
    problems : tuple of str
    """

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    mean: float
    std: float
    minimum: float
    maximum: float
    expected: Moments | None
    off: float
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}: {'; '.join(self.problems) or 'ok'}"


@dataclass(frozen=True)
class Report:
    """What `verify` found: print it to see.

    Attributes
    ----------
    title : str
    findings : tuple of Finding
    """

    title: str
    findings: tuple[Finding, ...]

    @property
    def bad(self) -> tuple[Finding, ...]:
        """The findings with a problem."""
        return tuple(finding for finding in self.findings if finding.problems)

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.bad

    def raise_if_bad(self) -> None:
        """Raise `VerificationError` if there is a problem."""
        if not self.ok:
            raise VerificationError(self)

    @property
    def table(self) -> Table:
        """Every parameter, measured and expected."""
        rows = []
        for f in self.findings:
            expected = "" if f.expected is None else f"{f.expected.std:.4g}"
            off = "" if math.isnan(f.off) else f"{f.off:.2f}"
            shape = "x".join(map(str, f.shape))
            none = math.isnan(f.mean)
            measured = ("", "") if none else (f"{f.mean:.3g}", f"{f.std:.4g}")
            rows.append((f.name, shape, *measured, expected, off, "; ".join(f.problems) or "ok"))
        columns = ("parameter", "shape", "mean", "std", "expected", "off by", "verdict")
        total = f"{len(self.findings)} parameters and buffers, {len(self.bad)} with a problem"
        return Table(self.title, columns, rows, [total])

    def __str__(self) -> str:
        return str(self.table)

    def __rich__(self) -> Table:
        """Return what rich prints."""
        return self.table

    def show(self) -> None:
        """Print, by rich where it is installed."""
        self.table.show()


NOT_MEASURED = (math.nan,) * 4


def _measure(pieces: Sequence[torch.Tensor], expected: Moments | None) -> tuple[Measured, int]:
    """Measure the values of all pieces together, and count their poison."""
    dtype = name_of_dtype(pieces[0].dtype)
    if dtype in DTYPES:
        integers = INTEGERS[pieces[0].dtype.itemsize]
        arrays = (piece.contiguous().view(integers).numpy() for piece in pieces)
    else:  # float8 of the other kinds, whose values float32 has
        dtype, arrays = "float32", (piece.float().numpy() for piece in pieces)
    measured = measure(arrays, dtype, expected)
    return measured, sum(map(count_poison, pieces)) if measured.nans else 0


def _some(count: int, total: int, what: str) -> Iterator[str]:
    if count:
        yield f"{count} of {total} {what}"


def _row_problems(rows: Rows, hashes: Hashes | None, padding: int | None) -> Iterator[str]:
    """Yield the problem of rows that are zero, and that of rows equal to an earlier one."""
    total = len(rows)
    if total < 2:
        return
    alive: Booleans = np.any(is_nonzero(rows[:, :STARTS]), axis=1)
    for row in np.flatnonzero(~alive):
        alive[row] = np.any(is_nonzero(rows[row]))
    if padding is not None:
        total -= 1
        alive[padding] = False
    count = int(np.count_nonzero(alive))
    yield from _some(total - count, total, "rows are zero")
    if hashes is not None:
        different = len(np.unique(hashes[alive]))
        yield from _some(count - different, total, "rows repeat an earlier one")


def _expected_problems(
    measured: Measured, expected: Moments, dtype: torch.dtype, most: float
) -> tuple[float, list[str]]:
    """Return the larger distance of the moments in standard errors, and the problems."""
    bounds = [abs(bound) for bound in (expected.low, expected.high) if math.isfinite(bound)]
    margin = torch.finfo(dtype).eps * max(bounds, default=0.0)
    problems = []
    if measured.minimum < expected.low - margin or measured.maximum > expected.high + margin:
        problems.append(
            f"values in [{measured.minimum:.4g}, {measured.maximum:.4g}], not in "
            f"[{expected.low:.4g}, {expected.high:.4g}]"
        )
    mean_off, std_off = measured.errors_off(expected)
    if mean_off > most:
        problems.append(f"mean {measured.mean:.4g}, not {expected.mean:.4g}")
    if std_off > most:
        problems.append(f"std {measured.std:.4g}, not {expected.std:.4g}")
    return max(mean_off, std_off), problems


def _differing(planned: PlannedParameter, tensor: torch.Tensor, stream: Stream) -> int:
    """Count the elements whose bits differ from those of the recipe and the seed."""
    wanted = torch.empty_like(tensor)
    Plan([planned]).fill(stream, {planned.name: wanted})
    integers = INTEGERS[tensor.dtype.itemsize]
    return int((wanted.view(integers) != tensor.view(integers)).sum())


def _is_random(parameter: torch.Tensor, planned: PlannedParameter | None) -> bool:
    """Return whether a parameter should differ from every other.

    Without a recipe, trained parameters should. Frozen ones are often tables or deliberate copies.
    """
    if planned is None:
        return parameter.requires_grad
    expected = planned.moments()
    if expected is not None:
        return expected.std > 0
    return takes(planned.initializer, "generator") and not is_constant(planned.initializer)


def _noun(tensor: torch.Tensor) -> str:
    noun = "parts of complex elements" if tensor.dtype.is_complex else "elements"
    return noun if is_dense(tensor) else f"stored {noun}"


def _value_problems(
    measured: Measured, poisoned: int, tensor: torch.Tensor, total: int
) -> Iterator[str]:
    noun = _noun(tensor)
    yield from _some(poisoned, total, f"{noun} not initialised")
    yield from _some(measured.nans - poisoned, total, f"{noun} are NaN")
    yield from _some(measured.infinities, total, f"{noun} are infinite")


def _check_parameter(
    name: str,
    parameter: torch.Tensor,
    planned: PlannedParameter | None,
    padding: int | None,
    stream: Stream | None,
    most: float,
    comparison: Comparison,
) -> Finding:
    shape, dtype = shape_of(parameter), parameter.dtype
    expected = planned.moments() if planned is not None else None
    if parameter.is_meta:
        problems = ("not initialised: on the meta device",)
        return Finding(name, shape, dtype, *NOT_MEASURED, expected, math.nan, problems)
    numbers = numbers_in(parameter)
    if numbers is None:
        return Finding(name, shape, dtype, *NOT_MEASURED, expected, math.nan, ())
    numbers, total = numbers.cpu(), numbers.numel()
    row = planned.zero_row if planned is not None else padding
    if not is_dense(parameter):
        row = None
    pieces = [numbers] if row is None else [numbers[:row], numbers[row:][1:]]
    measured, poisoned = _measure(pieces, expected)
    found = list(_value_problems(measured, poisoned, parameter, total))
    off = math.nan
    if expected is not None:
        off, problems_of_values = _expected_problems(measured, expected, dtype, most)
        found += problems_of_values
    elif numbers.dtype in WIDE_EXPONENT and measured.subnormals > SUBNORMAL_SHARE * total:
        found += _some(measured.subnormals, total, f"{_noun(parameter)} are subnormal: not weights")
    if planned is not None and row is not None and not bool((numbers[row] == 0).all()):
        found.append(f"row {row} is not zero")
    if not poisoned and name_of_dtype(numbers.dtype) in DTYPES:
        found += _likeness(name, parameter, numbers, planned, row, comparison)
    if stream is not None and planned is not None and not planned.is_kept:
        differing = _differing(planned, numbers, stream)
        found += _some(differing, total, "elements are not the seed's")
    values = measured[1:5]
    return Finding(name, shape, dtype, *values, expected, off, tuple(found))


def _likeness(
    name: str,
    parameter: torch.Tensor,
    numbers: torch.Tensor,
    planned: PlannedParameter | None,
    row: int | None,
    comparison: Comparison,
) -> Iterator[str]:
    """Yield the problems of rows within the parameter; hand it to the comparison of parameters."""
    expected = planned.moments() if planned is not None else None
    has_varied_rows = planned is None or (expected is not None and expected.std > 0)
    is_random = _is_random(parameter, planned)
    if not has_varied_rows and not is_random:
        return
    rows = rows_in(numbers, is_dense(parameter))
    compared = compared_rows(rows)
    hashes = hashes_of(compared)
    if has_varied_rows:
        yield from _row_problems(rows, hashes if has_random_rows(rows) else None, row)
    if is_random:
        comparison.add(name, parameter, compared, hashes)


def _check_buffer(name: str, buffer: torch.Tensor) -> Finding:
    values, problems = NOT_MEASURED, []
    if buffer.is_meta:
        problems.append("not initialised: on the meta device")
    elif (numbers := numbers_in(buffer)) is not None:
        measured, _ = _measure([numbers.cpu()], None)
        values = measured[1:5]
        problems += _some(measured.nans, numbers.numel(), f"{_noun(buffer)} are NaN")
    return Finding(name, shape_of(buffer), buffer.dtype, *values, None, math.nan, tuple(problems))


def _paddings(module: nn.Module) -> dict[torch.Tensor, int]:
    """Return the padding rows of embeddings."""
    return {
        each.weight: each.padding_idx
        for each in module.modules()
        if isinstance(each, nn.Embedding | nn.EmbeddingBag) and each.padding_idx is not None
    }


def verify(
    module: nn.Module,
    recipe: Recipe | None = None,
    seed: Any = None,
    *,
    standard_errors: float = 6.0,
    strict: bool = False,
    prefix: str = "",
) -> Report:
    """Check that a model's parameters are initialised as they should be.

    * Always: no parameter or buffer is on the meta device; no element is poison of `poison_`, NaN
      or infinite.
    * Without a recipe: no rows of a matrix are zero or equal (except an embedding's padding), and
      few values are subnormal, as they are in memory that holds something else.
    * With a recipe: mean and standard deviation lie within `standard_errors` standard errors of the
      recipe's, values between its bounds; constants are exact; no rows of random parameters are
      zero or equal.
    * With recipe and seed: every bit is the one that `init_module` gives.

    * Across the model: no parameter equals an earlier one, shares rows with it, or starts with the
      same values, as layers do that were copied or drawn from one seed.

    The last check compares the parameters that the recipe makes random; without a recipe, those
    that require a gradient. A shared parameter is one parameter. Values with less than 80 random
    bits are not compared. Only elements that are neither zero nor equal to the previous element
    have random bits, so that constants, identities and Dirac deltas have none.

    `verify` accepts every dtype and layout. It checks the real and imaginary parts of complex
    parameters, and the stored values (not the rows) of sparse ones. It compares rows in the dtypes
    that can be filled, and in complex ones. It checks only that integers, booleans and quantised
    values have memory. It checks what a recipe keeps for poison, NaN, infinities and subnormal
    values.

    The comparison reads all values once, at about 2 GB/s and 0.2 us per row, and those with equal
    hashes once more. It keeps 8 bytes per row, and needs about 60 bytes per row at the end.

    Memory that was never written looks like zeros, or like its previous contents. Only `poison_`
    before the initialisation, or a recipe, proves that every element was written.

    Parameters
    ----------
    module : torch.nn.Module
    recipe : Recipe, optional
    seed : int or Stream, optional
        The one given to `init_module`; needs a recipe.
    standard_errors : float, default 6
    strict : bool, default False
        Raise `VerificationError` if there is a problem.
    prefix : str, optional
        As for `init_module`. Names are those of the model without wrappers, as in `make_plan`.

    Returns
    -------
    Report

    Raises
    ------
    VerificationError
        Only if `strict`.
    ValueError, TypeError
        As `make_plan`; a seed is given without a recipe.

    Examples
    --------
    >>> import torch
    >>> from fastinit.torch import init_module, torch_default, verify
    >>> layer = init_module(torch.nn.Linear(64, 64), torch_default, seed=0)
    >>> verify(layer, torch_default, seed=0).ok
    True
    >>> _ = torch.nn.init.zeros_(layer.weight[:3])
    >>> print(verify(layer).bad[0])
    weight: 3 of 64 rows are zero
    """
    if seed is not None and recipe is None:
        raise ValueError("seed needs a recipe: pass the one that init_module was given")
    with torch.device("cpu"):  # even if the default device is another
        report = _verify(module, recipe, seed, standard_errors, prefix)
    if strict:
        report.raise_if_bad()
    return report


def _verify(
    module: nn.Module, recipe: Recipe | None, seed: Any, standard_errors: float, prefix: str
) -> Report:
    plan = {} if recipe is None else {p.name: p for p in make_plan(module, recipe, prefix=prefix)}
    check_seed(plan.values(), seed)
    stream = None if seed is None else as_stream(seed)
    paddings = _paddings(module)
    comparison = Comparison()
    findings = []
    for parameter, (first, *_) in parameter_places(module, prefix).items():
        name = first.name
        if is_lazy(parameter):
            raise ValueError(f"parameter {name}: its module is lazy: run the module once")
        planned, padding = plan.get(name), paddings.get(parameter)
        findings.append(
            _check_parameter(name, parameter, planned, padding, stream, standard_errors, comparison)
        )
    alike = comparison.problems()
    findings = [
        replace(each, problems=(*each.problems, *alike.get(each.name, ()))) for each in findings
    ]
    buffers: dict[torch.Tensor, str] = {}
    for buffer, place in buffer_places(module):
        buffers.setdefault(buffer, prefix + place.name)
    findings += [_check_buffer(name, buffer) for buffer, name in buffers.items()]
    by = "" if recipe is None else f" by {recipe.name}"
    return Report(f"{type(unwrapped(module)).__name__}{by}", tuple(findings))
