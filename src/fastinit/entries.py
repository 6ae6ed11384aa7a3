"""Entries of a plan: a named tensor and what fills it.

An entry is anything that has the attributes of `Entry`; `InitializerEntry` is the ordinary one, a
tensor that an initializer fills.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from fastinit.arrays import View, checked_shape, writable_view
from fastinit.dtypes import DTYPES, NAMES
from fastinit.fans import fans_of_shape
from fastinit.fill import Fill, Part, locate_part
from fastinit.moments import Moments, expected
from fastinit.rules import DIMENSIONS, RULES, ZERO, Distribution, distribution_of
from fastinit.streams import Stream

Initializer = Callable[..., Any]
Index = Any  # a slice or a tuple of slices, as the `index` of initializers
# A fill that joins the plan's parallel job, or a function that fills when its turn comes.
Piece = Fill | Callable[[], object]
ERRORS = (TypeError, ValueError, RuntimeError)


class Description(NamedTuple):
    """What a plan's table shows of an entry."""

    rule: str
    fans: tuple[int, int] | None = None  # in and out


@runtime_checkable
class Entry(Protocol):
    """One tensor of a plan.

    Attributes
    ----------
    name : str
        Unique in the plan.
    aliases : tuple of str
        Other names of the same tensor.
    shape : tuple of int
        Logical shape, that of the whole tensor; a target may be a part of it.
    dtype : str
        fastinit's name of the dtype.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def aliases(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def dtype(self) -> str: ...  # noqa: D102

    def describe(self) -> Description:
        """Return what the plan's table shows."""

    def moments(self) -> Moments | None:
        """Return the expected moments, those of a zero row left out; None if they are unknown."""

    def fills(self, target: Any, stream: Stream, index: Index = None) -> Iterable[Piece]:
        """Return the pieces that fill a target.

        Parameters
        ----------
        target : array or None
            The part `index` of the tensor; None if the caller has no target.
        stream : Stream
            The plan's. The values of an entry come from ``stream / entry.name``.
        index : tuple of slices, optional
            The whole tensor by default.

        Returns
        -------
        iterable of Piece
            Fills join one parallel job. Functions are called before it, in the plan's order.

        Raises
        ------
        TypeError, ValueError
            The target does not fit. Nothing has been written.
        """


@dataclass(frozen=True)
class Constant:
    """An initializer whose values are the same for every seed: see `fastinit.torch.constant`."""

    function: Initializer

    def __call__(self, tensor: Any, *arguments: Any, **keywords: Any) -> Any:
        """Fill one tensor."""
        return self.function(tensor, *arguments, **keywords)

    @property
    def __wrapped__(self) -> Initializer:
        """The function, for `inspect.signature`."""
        return self.function

    @property
    def __name__(self) -> str:
        """What a table shows."""
        return text_of(self.function)


def keep(tensor: Any) -> Any:
    """Leave the values as they are: the default of a recipe for a part of a model.

    The tensor may have any dtype, layout and device.
    """
    return tensor


def text_of(initializer: Initializer) -> str:
    """Return an initializer as the tables show it."""
    if isinstance(initializer, functools.partial):
        arguments = [_number_text(value) for value in initializer.args]
        arguments += [f"{key}={_number_text(v)}" for key, v in initializer.keywords.items()]
        return f"{text_of(initializer.func)}({', '.join(arguments)})"
    return str(getattr(initializer, "__name__", initializer))


def _number_text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def takes(initializer: Initializer, *names: str) -> bool:
    """Return whether an initializer has parameters of these names."""
    try:
        parameters = inspect.signature(initializer).parameters
    except ValueError:  # a function written in C
        return False
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values()):
        return True
    return all(
        name in parameters and parameters[name].kind is not inspect.Parameter.POSITIONAL_ONLY
        for name in names
    )


def call(initializer: Initializer, tensor: Any, generator: Any, **part: Any) -> None:
    """Fill one tensor, by the generator if the initializer takes one."""
    if takes(initializer, "generator"):
        part["generator"] = generator
    initializer(tensor, **part)


def named(error: Exception, name: str) -> Exception:
    """Return an error of the same kind, whose text begins with the name of a parameter."""
    kind = next(each for each in ERRORS if isinstance(error, each))
    return kind(f"parameter {name}: {error}")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of a parameter before the error that a `with` block raises."""
    try:
        yield
    except ERRORS as error:
        raise named(error, name) from error


@dataclass(frozen=True, eq=False)
class InitializerEntry:
    """A tensor that an initializer fills.

    Parameters
    ----------
    name : str
        The tensor's name, from which its stream derives.
    shape : tuple of int
        Shape of the whole tensor.
    dtype : str
        fastinit's name of the dtype.
    initializer : callable
        Fills a tensor in place and takes a `generator`, such as `fastinit.orthogonal_` or
        ``functools.partial(fastinit.normal_, std=0.02)``. `Constant` marks one that takes none.
        `keep` leaves the tensor as it is. To fill parts, your own must take `shape` and `index`.
    aliases : tuple of str, optional
        Other names of the same tensor.
    zero_row : int, optional
        First index whose elements are zero, as an embedding's padding. The other values are those
        of an entry without it.

    Attributes
    ----------
    distribution : tuple or None
        Distribution of the values outside the zero row; None if they have no single one.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        What the initializer raises for such a tensor; the error names the entry.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    initializer: Initializer
    aliases: tuple[str, ...] = ()
    zero_row: int | None = None
    distribution: Distribution | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        with naming(self.name):
            if not callable(self.initializer):
                raise TypeError(f"an initializer must be callable, not {self.initializer!r}")
            if self.is_kept:
                return
            object.__setattr__(self, "shape", checked_shape(self.shape))
            self._check_dtype()
            if self.zero_row is not None and not (
                self.shape and -self.shape[0] <= self.zero_row < self.shape[0]
            ):
                raise ValueError(f"there is no row {self.zero_row} in shape {self.shape}")
            if 0 in self.shape:
                distribution: Distribution | None = ZERO
            else:
                distribution = distribution_of(self.initializer, self.dtype, self.shape)
            object.__setattr__(self, "distribution", distribution)
            if distribution is None:
                self.describe()  # raises if the layout is wrong, which a rule would have found

    @property
    def is_kept(self) -> bool:
        """Whether the values are left as they are."""
        return self.initializer is keep

    def _check_dtype(self) -> None:
        if self.dtype not in DTYPES:
            raise TypeError(f"it has dtype {self.dtype}, but only {NAMES} can be filled")

    def describe(self) -> Description:
        """Return the initializer as text, and the fans by its own layout and groups."""
        rule = text_of(self.initializer)
        if self.zero_row is not None:
            rule += f", row {self.zero_row} zero"
        if len(self.shape) < 2:
            return Description(rule)
        return Description(rule, fans_of_shape(self.shape, **_layout_of(self.initializer)))

    def moments(self) -> Moments | None:
        """Return the moments of the distribution, rounded to the dtype."""
        return None if self.distribution is None else expected(self.distribution, self.dtype)

    def fills(self, target: Any, stream: Stream, index: Index = None) -> Iterator[Piece]:
        """Yield one fill, or the call of the initializer; a zero row divides the fill in three."""
        if self.is_kept:
            return
        view, part = self._view_of(target, index)
        key = (stream / self.name).key
        if self.distribution is None:
            yield self._call(target, stream / self.name, index)
        row = self._zero_row_in(view, part)
        if row is None:
            if self.distribution is not None:
                yield view, part, self.distribution, key
            return
        whole = self._whole if part is None else part
        for first, last, distribution in (
            (0, row, self.distribution),
            (row, row + 1, ZERO),
            (row + 1, view.shape[0], self.distribution),
        ):
            if last > first and distribution is not None:
                yield *_rows(view, whole, first, last), distribution, key

    @property
    def _whole(self) -> Part:
        return locate_part(self.shape, None, None)[0]

    def _view_of(self, target: Any, index: Index) -> tuple[View, Part | None]:
        """Return the view of a target, and its part if it is not the whole tensor."""
        if target is None:
            raise ValueError("it has no target: `targets` must have an array of that name")
        view = writable_view(target)
        if view.dtype != self.dtype:
            raise TypeError(f"its target has dtype {view.dtype}, but the plan says {self.dtype}")
        if index is not None:
            return view, locate_part(view.shape, self.shape, index)[0]
        if view.shape != self.shape:
            raise ValueError(
                f"its target has shape {view.shape}, but the plan says {self.shape}: a part of the "
                "tensor needs its index"
            )
        return view, None

    def _call(self, target: Any, stream: Stream, index: Index) -> Callable[[], object]:
        """Return the call of an initializer whose values are not one distribution."""
        part = {} if index is None else {"shape": self.shape, "index": index}
        if part and not takes(self.initializer, *part):
            raise TypeError(
                f"{text_of(self.initializer)} takes no `shape` and `index`, so that it cannot fill "
                "a part of a tensor: fill the whole tensor, or give it these parameters"
            )
        return lambda: call(self.initializer, target, stream, **part)

    def _zero_row_in(self, view: View, part: Part | None) -> int | None:
        """Return the first index of the zero row in a target; None if it is not there."""
        if self.zero_row is None:
            return None
        row = self.zero_row % self.shape[0]
        if part is None:
            return row
        place, rest = divmod(row - part.start[0], part.step[0])
        return place if rest == 0 and 0 <= place < view.shape[0] else None


def _layout_of(initializer: Initializer) -> dict[str, Any]:
    """Return the layout, groups and their axis that an initializer of fastinit is given."""
    if not isinstance(initializer, functools.partial):
        return {}
    if not is_own(initializer.func):
        return {}
    names = ("layout", "groups", "group_axis")
    return {name: initializer.keywords[name] for name in names if name in initializer.keywords}


def _rows(view: View, part: Part, first: int, last: int) -> tuple[View, Part]:
    """Return the view of the first indices [first, last), and their part of the logical tensor."""
    shape = (last - first, *view.shape[1:])
    start = (part.start[0] + first * part.step[0], *part.start[1:])
    return (
        view.part(first * view.strides[0], shape, view.strides),
        Part(part.logical, start, part.step),
    )


def is_own(initializer: Initializer) -> bool:
    """Return whether a function is an initializer of fastinit."""
    return inspect.isfunction(initializer) and (initializer in RULES or initializer in DIMENSIONS)


def is_constant(initializer: Initializer) -> bool:
    """Return whether an initializer's values are known to be the same for every seed."""
    if isinstance(initializer, functools.partial):
        return is_constant(initializer.func)
    return (
        isinstance(initializer, Constant)
        or initializer is keep
        or (is_own(initializer) and not takes(initializer, "generator"))
    )
