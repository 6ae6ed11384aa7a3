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
import os
import secrets
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from fastinit import _core
from fastinit.arrays import empty_bytes
from fastinit.fill import Part, run

if TYPE_CHECKING:
    from torch import Generator as TorchGenerator

PERSON = b"fastinit-1"
SEEDS = 1 << 128
LITTLE_ENDIAN = np.dtype("<i8")


def _derive(data: bytes, parent: bytes = b"") -> bytes:
    return hashlib.blake2b(data, digest_size=16, key=parent, person=PERSON).digest()


class Stream:
    """Name a stream of random bits: a pure function of a seed and a path of names.

    A value depends only on the stream's key and on the element's logical index. Equal paths give
    equal values, so two tensors that are filled from the same stream start alike: give each its own
    name.

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
        # A name may be any string: a lone surrogate has no bytes in strict UTF-8.
        child._set(_derive(name.encode("utf-8", "surrogatepass"), self._key), (*self._path, name))
        return child

    def numpy(self) -> np.random.Generator:
        """Return a NumPy generator keyed by the stream, for code that does not draw by fastinit.

        Its bits are independent of the fills', of `torch`'s and of those of any other stream. These
        lines make the same generator::

            options = {"key": stream.key, "digest_size": 16, "person": b"fastinit-1-numpy"}
            seed = int.from_bytes(hashlib.blake2b(**options).digest(), "little")
            generator = numpy.random.Generator(numpy.random.SFC64(seed))

        Returns
        -------
        numpy.random.Generator
            A new one per call, always in the same state.

        Examples
        --------
        >>> import fastinit
        >>> (fastinit.Stream(0) / "dropout").numpy().integers(1000, size=3)
        array([516, 790,  68])
        """
        random = np.random  # NumPy imports it at the first access
        return random.Generator(random.SFC64(self._derived_seed(b"fastinit-1-numpy", 16)))

    def torch(self, device: Any = "cpu") -> TorchGenerator:
        """Return a torch generator keyed by the stream, for code that does not draw by fastinit.

        Its bits are independent of the fills' and of `numpy`'s. These lines make the same
        generator::

            options = {"key": stream.key, "digest_size": 8, "person": b"fastinit-1-torch"}
            seed = int.from_bytes(hashlib.blake2b(**options).digest(), "little")
            generator = torch.Generator(device).manual_seed(seed)

        torch takes 64 bits of seed; its generator for the CPU uses only the lower 32: two
        of n streams have equal torch generators with a probability of about n**2 / 2**33. `numpy`
        takes 128 bits.

        Parameters
        ----------
        device : str or torch.device, default "cpu"
            As `torch.Generator` takes it.

        Returns
        -------
        torch.Generator
            A new one per call, always in the same state.
        """
        from torch import Generator

        return Generator(device).manual_seed(self._derived_seed(b"fastinit-1-torch", 8))

    def _derived_seed(self, person: bytes, size: int) -> int:
        """Return a seed for another library's generator; no name's key has its personalisation."""
        seed = hashlib.blake2b(key=self._key, digest_size=size, person=person)
        return int.from_bytes(seed.digest(), "little")

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


class Calls:
    """The streams of successive calls: call number k, from 0, gets ``Stream(seed) / str(k)``."""

    def __init__(self, seed: int, is_random: bool = False) -> None:
        self.is_random = is_random  # the user did not choose the seed
        self._root = Stream(seed)
        self._numbers = itertools.count()
        self._hash = hashlib.blake2b(digest_size=16, key=self._root.key, person=PERSON)

    def next(self) -> Stream:
        """Return the next call's stream."""
        return self._root.child(str(next(self._numbers)))

    def next_key(self) -> bytes:
        """Return the key of the next call's stream, in half the time."""
        child = self._hash.copy()
        child.update(b"%d" % next(self._numbers))
        return child.digest()


def _random_calls() -> Calls:
    return Calls(secrets.randbits(128), is_random=True)


_default = _random_calls()


def _separate_from_parent() -> None:
    """Replace the default stream, which the parent continues to use, unless the user seeded it."""
    global _default
    if _default.is_random:
        _default = _random_calls()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_separate_from_parent)


def manual_seed(seed: int) -> None:
    """Seed the process-wide stream that initializers without a `generator` use.

    Call number k after it, from 0, uses ``Stream(seed) / str(k)``; threads share the count. A
    forked child continues as its parent would, so children forked at the same point draw alike.
    Children that `multiprocessing` starts by spawn or forkserver are new processes, which their
    parent's seed does not reach: call `manual_seed` in each. Without any call, every process has a
    random stream of its own, forked children too.

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
    _default = Calls(seed)


class _Words(threading.local):
    """Memory of each thread to which a torch.Generator on the CPU writes."""

    tensor: Any = None
    values: Any = None


_words = _Words()


def _bytes_of_torch(generator: Any, torch: Any) -> bytes:
    """Return the generator's next 16 bytes."""
    if generator.device.type != "cpu":
        words = torch.empty(2, dtype=torch.int64, device=generator.device)
        values = words.random_(-(1 << 63), None, generator=generator).cpu().numpy()
    else:
        if _words.tensor is None:
            with torch.inference_mode(False):  # a tensor of that mode is read-only outside it
                _words.tensor = torch.empty(2, dtype=torch.int64, device="cpu")
            _words.values = _words.tensor.numpy()
        _words.tensor.random_(-(1 << 63), None, generator=generator)
        values = _words.values
    return bytes(values.tobytes() if values.dtype == LITTLE_ENDIAN else values.byteswap().tobytes())


def _bytes_of(generator: object) -> bytes:
    """Return the next 16 bytes of a generator of NumPy or torch, or those of a SeedSequence."""
    numpy_random = sys.modules.get("numpy.random")  # a generator exists only if it is imported
    if numpy_random is not None:
        if isinstance(generator, numpy_random.SeedSequence):
            return bytes(generator.generate_state(2, np.uint64).astype("<u8"))
        if isinstance(generator, numpy_random.BitGenerator):
            generator = numpy_random.Generator(generator)
        if isinstance(generator, numpy_random.Generator | numpy_random.RandomState):
            return bytes(generator.bytes(16))
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(generator, torch.Generator):
        return _bytes_of_torch(generator, torch)
    if type(generator).__module__.partition(".")[0] in ("jax", "jaxlib"):
        raise TypeError(
            "generator is a JAX array, and JAX's keys are no generators: make a seed of the key, "
            "numpy.random.SeedSequence(jax.random.key_data(key).tolist())"
        )
    raise TypeError(
        "generator must be None, an int seed, a fastinit.Stream, a torch.Generator, or the "
        "Generator, BitGenerator, RandomState or SeedSequence of numpy.random, not "
        f"{generator!r}: draw an int seed below 2**128 from it"
    )


def _is_seed(generator: object) -> TypeGuard[int | np.integer[Any]]:
    return isinstance(generator, (int, np.integer)) and not isinstance(generator, bool)


def as_key(generator: object) -> bytes:
    """Return the key of a `generator` argument in any of its forms."""
    if generator is None:
        return _default.next_key()
    if isinstance(generator, Calls):
        return generator.next_key()
    if isinstance(generator, Stream) or _is_seed(generator):
        return as_stream(generator).key
    return _derive(_bytes_of(generator))


def as_stream(generator: object) -> Stream:
    """Return the stream of a `generator` argument in any of its forms."""
    if generator is None:
        return _default.next()
    if isinstance(generator, Calls):
        return generator.next()
    if isinstance(generator, Stream):
        return generator
    if _is_seed(generator):
        return Stream(int(generator))
    return Stream(int.from_bytes(_bytes_of(generator), "little"))


def keystream(generator: Any, nbytes: int, start: int = 0) -> np.ndarray[Any, np.dtype[Any]]:
    """Return raw bytes of a stream: the standard AES-128-CTR keystream of its key.

    ``openssl enc -aes-128-ctr -K $KEY -iv 00000000000000000000000000000000 -in /dev/zero`` prints
    the same bytes, where ``KEY`` is ``fastinit.Stream(seed).key.hex()``.

    Parameters
    ----------
    generator : None, int, Stream, or a generator of NumPy or torch
        As for the initializers.
    nbytes : int
        Number of bytes.
    start : int, default 0
        Number of the first byte.

    Returns
    -------
    numpy.ndarray
        uint8, of shape (nbytes,).

    Raises
    ------
    ValueError
        A negative number, or bytes beyond the 2**64 that a keystream has here.

    Examples
    --------
    >>> import fastinit
    >>> bytes(fastinit.keystream(0, 4)) == bytes(fastinit.keystream(0, 8)[:4])
    True

    References
    ----------
    NIST SP 800-38A, section 6.5; FIPS-197.
    """
    for name, value in (("nbytes", nbytes), ("start", start)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise ValueError(f"{name} must be an int of at least 0, not {value!r}")
    if start + nbytes > 1 << 64:
        raise ValueError(f"start + nbytes must be at most 2**64, not {start + nbytes}")
    length, first = int(nbytes), int(start)
    out = empty_bytes(length, f"nbytes={length}")
    part = Part((first + length,), (first if length else 0,), (1,))
    run([(_core.view_of_buffer(out, "uint8", out), part, (_core.BITS, ()), as_key(generator))])
    return out
