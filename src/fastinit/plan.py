"""Plans: many named tensors, what fills each, and one parallel fill for them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from fastinit.entries import (
    ERRORS,
    Entry,
    Index,
    InitializerEntry,
    is_constant,
    named,
    naming,
    takes,
    text_of,
)
from fastinit.fill import Fill, run
from fastinit.streams import as_stream
from fastinit.table import Table

E = TypeVar("E", bound=Entry)
COLUMNS = ("parameter", "shape", "fan in / out", "rule", "std")
SHOWN_NAMES = 8


def check_seed(entries: Iterable[Entry], seed: Any) -> None:
    """Raise where a seed would have no effect on the values of an entry."""
    for entry in entries if seed is not None else ():
        if not isinstance(entry, InitializerEntry) or entry.distribution is not None:
            continue
        initializer = entry.initializer
        if not takes(initializer, "generator") and not is_constant(initializer):
            raise TypeError(
                f"parameter {entry.name}: {text_of(initializer)} takes no `generator`, so that the "
                "seed has no effect on it: give it that parameter, which will be a "
                "fastinit.Stream, or mark it by fastinit.torch.constant if its values are the "
                "same for every seed"
            )


class Plan(Generic[E]):
    """Named tensors and what fills each: print it to see, fill them all at once.

    Parameters
    ----------
    entries : iterable of Entry or tuple
        A tuple is ``(name, shape, dtype, initializer)``, and may go on with `aliases` and
        `zero_row`, as `fastinit.entries.InitializerEntry` takes them.
    title : str, default "plan"
        For the printed table.

    Attributes
    ----------
    entries : tuple of Entry
    title : str

    Raises
    ------
    ValueError
        Two tensors have the same name.
    TypeError, ValueError, RuntimeError
        An initializer does not take such a tensor. The error names the entry.

    Examples
    --------
    >>> from functools import partial
    >>> import fastinit
    >>> plan = fastinit.Plan(
    ...     [
    ...         ("embed", (1000, 64), "float32", partial(fastinit.normal_, std=0.02)),
    ...         ("dense", (64, 16), "float32", partial(fastinit.he_normal_, layout="io")),
    ...         ("bias", (16,), "float32", fastinit.zeros_),
    ...     ]
    ... )
    >>> print(plan)
    plan
    parameter  shape    fan in / out  rule                          std
    embed      1000x64  64 / 1000     normal_(std=0.02)             0.02
    dense      64x16    64 / 16       kaiming_normal_(layout='io')  0.1768
    bias       16                     zeros_                        0
    >>> stream = fastinit.Stream(0) / "embed"
    >>> arrays = {entry.name: fastinit.empty(entry.shape, entry.dtype) for entry in plan}
    >>> plan.fill(0, arrays)
    >>> bool((arrays["embed"] == fastinit.normal((1000, 64), std=0.02, generator=stream)).all())
    True
    """

    @overload
    def __init__(self, entries: Iterable[E], title: str = ...) -> None: ...
    @overload
    def __init__(
        self: Plan[InitializerEntry],
        entries: Iterable[InitializerEntry | tuple[Any, ...]],
        title: str = ...,
    ) -> None: ...
    def __init__(self, entries: Iterable[Any], title: str = "plan") -> None:
        made: list[Any] = [
            InitializerEntry(*entry) if isinstance(entry, tuple) else entry for entry in entries
        ]
        self.entries: tuple[E, ...] = tuple(made)
        self.title = title
        names: set[str] = set()
        for entry in self.entries:
            for name in (entry.name, *entry.aliases):
                if name in names:
                    raise ValueError(f"parameter {name}: the plan has two tensors of that name")
                names.add(name)

    def __iter__(self) -> Iterator[E]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        return f"<Plan {self.title}: {len(self)} entries>"

    @property
    def table(self) -> Table:
        """Name, shape, fans, rule, and the values' standard deviation."""
        return Table(self.title, COLUMNS, [row_of(entry) for entry in self.entries])

    def __str__(self) -> str:
        return str(self.table)

    def __rich__(self) -> Table:
        """Return what rich prints."""
        return self.table

    def show(self) -> None:
        """Print, by rich where it is installed."""
        self.table.show()

    def fill(
        self, seed: Any, targets: Mapping[str, Any], index: Mapping[str, Index] | None = None
    ) -> None:
        """Fill the targets, each from the stream of its entry's name, ``Stream(seed) / name``.

        All entries whose values have a single distribution are filled in one parallel job. Before
        it, the initializers of the other entries are called one after the other.

        Parameters
        ----------
        seed : int, Stream or generator
            As the `generator` of every initializer.
        targets : mapping of str to array
            By the entries' names. Entries that keep their values need none.
        index : mapping of str to tuple of slices, optional
            Which part of its entry's tensor a target is: as the `index` of every initializer. The
            whole by default.

        Raises
        ------
        TypeError, ValueError
            A target is missing, belongs to no entry, or does not fit; a seed has no effect on an
            initializer. The error names the entry, and no target has changed.
        Exception
            What an initializer raises that is called by itself. Those called before it have filled
            their targets.
        """
        check_seed(self.entries, seed)
        parts = {} if index is None else index
        names = {entry.name for entry in self.entries}
        for argument, given in (("targets", targets), ("index", parts)):
            unknown = [name for name in given if name not in names]
            if unknown:
                raise ValueError(
                    f"{argument} has names that no entry of the plan has: {some(unknown)}; the "
                    f"plan's names are: {some([entry.name for entry in self.entries])}"
                )
        stream = as_stream(seed)
        fills: list[Fill] = []
        calls: list[tuple[str, Callable[[], object]]] = []
        for entry in self.entries:
            name = entry.name
            try:
                for piece in entry.fills(targets.get(name), stream, parts.get(name)):
                    if callable(piece):
                        calls.append((name, piece))
                    else:
                        fills.append(piece)
            except ERRORS as error:
                raise named(error, name) from error
        for name, fill in calls:
            with naming(name):
                fill()
        run(fills)


def row_of(entry: Entry) -> tuple[str, ...]:
    """Return an entry's row of a plan's table, whose columns are `COLUMNS`."""
    rule, fans = entry.describe()
    moments = entry.moments()
    return (
        " = ".join((entry.name, *entry.aliases)),
        "x".join(map(str, entry.shape)),
        "" if fans is None else f"{fans[0]} / {fans[1]}",
        rule,
        "" if moments is None else f"{moments.std:.4g}",
    )


def some(names: Sequence[str]) -> str:
    """Return the first few of many names."""
    shown = ", ".join(names[:SHOWN_NAMES])
    more = len(names) - SHOWN_NAMES
    return f"{shown} and {more} more" if more > 0 else shown or "none"
