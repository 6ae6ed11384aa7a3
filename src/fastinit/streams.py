"""Streams: where random bits come from. A seed and a path of names make a 16-byte AES key.

Ten lines reproduce a key without this package::

    import hashlib

    def derive(data: bytes, parent: bytes = b"") -> bytes:
        return hashlib.blake2b(data, digest_size=16, key=parent, person=b"fastinit-1").digest()

    key = derive((0).to_bytes(16, "little"))              # Stream(0)
    key = derive("layers.0.weight".encode(), key)         # Stream(0) / "layers.0.weight"
"""

from __future__ import annotations

import hashlib
import itertools
import operator
import secrets
import sys
from typing import Any

import numpy as np

PERSON = b"fastinit-1"
SEEDS = 1 << 128


def _derive(data: bytes, parent: bytes = b"") -> bytes:
    return hashlib.blake2b(data, digest_size=16, key=parent, person=PERSON).digest()


class Stream:
    """Name a stream of random bits: a pure function of a seed and a path of names.

    Every value that is filled from a stream depends on its key and on the element's logical index
    alone. Equal paths give equal values, so two tensors filled from the same stream start alike:
    give each its own name.

    Parameters
    ----------
    seed : int
        At least 0, below 2**128.

    Raises
    ------
    ValueError
        The seed is out of range.
    TypeError
        The seed is not an integer.

    Examples
    --------
    >>> import fastinit
    >>> stream = fastinit.Stream(0) / "layers.0.weight"
    >>> stream.key.hex()
    'adb619940277b33cb8cb133468814c10'
    >>> stream == fastinit.Stream(0).child("layers.0.weight")
    True

    References
    ----------
    BLAKE2, RFC 7693, keyed and personalised, as `hashlib.blake2b` computes it.
    """

    __slots__ = ("_key", "_path")

    _key: bytes
    _path: tuple[int | str, ...]

    def __init__(self, seed: int) -> None:
        seed = _checked_seed(seed)
        self._set(_derive(seed.to_bytes(16, "little")), (seed,))

    def _set(self, key: bytes, path: tuple[int | str, ...]) -> None:
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "_path", path)

    @property
    def key(self) -> bytes:
        """The 16 bytes of the AES key."""
        return self._key

    def child(self, name: str) -> Stream:
        """Derive the stream of a name, which may be any string.

        Parameters
        ----------
        name : str
            Usually a parameter's qualified name.

        Returns
        -------
        Stream
        """
        if not isinstance(name, str):
            raise TypeError(f"a stream's name must be a str, not {name!r}; use str(...)")
        child = Stream.__new__(Stream)
        # A lone surrogate, which strict UTF-8 has no bytes for, is part of "any string".
        child._set(_derive(name.encode("utf-8", "surrogatepass"), self._key), (*self._path, name))
        return child

    def __truediv__(self, name: str) -> Stream:
        """Derive the stream of a name: ``stream / "name"``."""
        return self.child(name)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: streams are immutable."""
        raise AttributeError(f"a Stream is immutable: {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        """Refuse: streams are immutable."""
        raise AttributeError(f"a Stream is immutable: {name!r} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        """Compare keys."""
        return self._key == other._key if isinstance(other, Stream) else NotImplemented

    def __hash__(self) -> int:
        """Hash the key."""
        return hash(self._key)

    def __repr__(self) -> str:
        """Return the expression that makes the stream."""
        return " / ".join([f"Stream({self._path[0]})", *map(repr, self._path[1:])])

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as seed and names."""
        return _from_path, self._path


def _from_path(seed: int, *names: str) -> Stream:
    stream = Stream(seed)
    for name in names:
        stream = stream.child(name)
    return stream


def _checked_seed(seed: int) -> int:
    if isinstance(seed, bool | np.bool_):
        raise TypeError(f"seed must be an int, not {seed!r}")
    try:
        seed = operator.index(seed)
    except TypeError:
        raise TypeError(f"seed must be an int, not {seed!r}") from None
    if not 0 <= seed < SEEDS:
        raise ValueError(f"seed must be at least 0 and below 2**128, not {seed}")
    return seed


class _Default:
    """The process-wide stream: each call takes the next child."""

    def __init__(self, seed: int) -> None:
        self.root = Stream(seed)
        self.calls = itertools.count()
        self.hash = hashlib.blake2b(digest_size=16, key=self.root.key, person=PERSON)

    def next(self) -> Stream:
        return self.root.child(str(next(self.calls)))


_default = _Default(secrets.randbits(128))


def manual_seed(seed: int) -> None:
    """Seed the process-wide stream that initializers without a `generator` use.

    Call number k after it, from 0, uses ``Stream(seed) / str(k)``.

    Parameters
    ----------
    seed : int
        At least 0, below 2**128. Without any call, it is drawn from the system's entropy.

    Examples
    --------
    >>> import fastinit
    >>> fastinit.manual_seed(0)
    >>> a = fastinit.normal((3,))
    >>> fastinit.manual_seed(0)
    >>> bool((a == fastinit.normal((3,))).all())
    True
    """
    global _default
    _default = _Default(seed)


def as_key(generator: object) -> bytes:
    """Return the key of a `generator` argument in any of its forms."""
    if generator is None:  # as _default.next().key, in half the time
        default = _default
        child = default.hash.copy()
        child.update(b"%d" % next(default.calls))
        return child.digest()
    return as_stream(generator).key


def as_stream(generator: object) -> Stream:
    """Return the stream of a `generator` argument in any of its forms."""
    if generator is None:
        return _default.next()
    if isinstance(generator, Stream):
        return generator
    if isinstance(generator, int | np.integer) and not isinstance(generator, bool):
        return Stream(int(generator))
    if isinstance(generator, np.random.Generator):
        return Stream(int.from_bytes(generator.bytes(16), "little"))
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(generator, torch.Generator):
        words = torch.randint(0, 1 << 32, (4,), generator=generator, device=generator.device)
        return Stream(sum(int(word) << (32 * i) for i, word in enumerate(words.tolist())))
    raise TypeError(
        "generator must be None, an int seed, a fastinit.Stream, a numpy.random.Generator or a "
        f"torch.Generator, not {generator!r}"
    )
