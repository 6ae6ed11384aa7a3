"""Keys and keystream against hashlib, published vectors, `cryptography` and openssl."""

import hashlib
import pickle
import shutil
import subprocess

import numpy as np
import pytest
import reference
from hypothesis import given
from hypothesis import strategies as st

import fastinit

# Known answers of AES-128 for a zero plaintext (NIST AESAVS, appendix E.1 and D.1).
KNOWN_ANSWERS = [
    ("80000000000000000000000000000000", "0edd33d3c621e546455bd8ba1418bec8"),
    ("ffffffffffffffffffffffffffffffff", "a1f6258c877d5fcd8964484538bfc92c"),
    ("10a58869d74be5a374cf867cfb473859", "6d251e6944b051e04eaa6fb4dbf78465"),
    ("00000000000000000000000000000000", "66e94bd4ef8a2c3b884cfa59ca342b2e"),
]


def stream_of_key(key: bytes) -> fastinit.Stream:
    stream = fastinit.Stream.__new__(fastinit.Stream)
    stream._set(key, (0,))
    return stream


@pytest.mark.parametrize(("key", "answer"), KNOWN_ANSWERS)
def test_known_answers(isa, key, answer):
    stream = stream_of_key(bytes.fromhex(key))
    assert bytes(fastinit.keystream(stream, 16)).hex() == answer


@pytest.mark.parametrize("start", [0, 1, 15, 16, 127, 128, 4093, 2**12 - 1, 2**36 + 5, 2**40 - 3])
@pytest.mark.parametrize("count", [0, 1, 16, 131, 5000])
def test_against_cryptography(isa, start, count):
    stream = fastinit.Stream(7) / "x"
    expected = reference.keystream(reference.derive(7, "x"), start, count)
    assert bytes(fastinit.keystream(stream, count, start)) == expected


@pytest.mark.parametrize("start", [0, 3, 2**30 + 77])
def test_large_keystream(isa, threads, start):
    """Several work units, with non-temporal stores."""
    count = (5 << 20) + 13
    found = fastinit.keystream(7, count, start)
    assert bytes(found) == reference.keystream(reference.derive(7), start, count)


def test_last_bytes_of_the_keystream(isa):
    for count in (1, 16, 1000):
        found = bytes(fastinit.keystream(7, count, 2**64 - count))
        assert found == reference.keystream(reference.derive(7), 2**64 - count, count)
    assert fastinit.keystream(7, 0, 2**64).size == 0


def test_keystream_is_writable_and_aligned():
    for count in (5, 3 << 20):
        found = fastinit.keystream(0, count)
        assert found.dtype == np.uint8
        assert found.shape == (count,)
        assert found.flags.writeable
        assert found.ctypes.data % 64 == 0


def test_keystream_beyond_memory():
    with pytest.raises(MemoryError, match=f"unable to allocate {2**62} bytes for nbytes"):
        fastinit.keystream(0, 2**62)


def test_against_openssl():
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key = fastinit.Stream(0).key.hex()
    command = ["openssl", "enc", "-aes-128-ctr", "-K", key, "-iv", "0" * 32]
    output = subprocess.run(command, input=bytes(1000), capture_output=True, check=True).stdout
    assert output == bytes(fastinit.keystream(0, 1000))


@given(st.integers(0, 2**128 - 1), st.lists(st.text(), max_size=3))
def test_keys(seed, names):
    stream = fastinit.Stream(seed)
    for name in names:
        stream = stream / name
    assert stream.key == reference.derive(seed, *names)
    again = pickle.loads(pickle.dumps(stream))
    assert again == stream
    assert hash(again) == hash(stream)
    assert repr(again) == repr(stream)


def test_any_str_is_a_name():
    assert (fastinit.Stream(0) / "\ud800").key != (fastinit.Stream(0) / "?").key


def test_stream_is_immutable():
    stream = fastinit.Stream(0)
    with pytest.raises(AttributeError, match="immutable"):
        stream._key = b""
    with pytest.raises(AttributeError, match="immutable"):
        del stream._key
    assert stream != 0


@pytest.mark.parametrize("seed", [-1, 2**128])
def test_seed_out_of_range(seed):
    with pytest.raises(ValueError, match=r"seed .* below 2\*\*128"):
        fastinit.Stream(seed)


@pytest.mark.parametrize("seed", [1.0, "1", None, True])
def test_seed_of_wrong_type(seed):
    with pytest.raises(TypeError, match="seed must be an int"):
        fastinit.Stream(seed)


def test_name_of_wrong_type():
    with pytest.raises(TypeError, match="must be a str"):
        fastinit.Stream(0) / 1


class TestNumpyGeneratorOfAStream:
    def test_derivation(self):
        stream = fastinit.Stream(0) / "dropout"
        options = {"key": stream.key, "digest_size": 16, "person": b"fastinit-1-numpy"}
        seed = int.from_bytes(hashlib.blake2b(**options).digest(), "little")
        expected = np.random.Generator(np.random.SFC64(seed))
        assert stream.numpy().bytes(100) == expected.bytes(100)

    @pytest.mark.parametrize(
        ("stream", "words"),
        [
            (fastinit.Stream(0), ("0xe97efb9f426f7a04", "0x8b26fc6d94dacd50")),
            (fastinit.Stream(0) / "dropout", ("0xca6e1995842dd8d0", "0x416736c6118c4a73")),
            (fastinit.Stream(2**128 - 1) / "a" / "", ("0xbdff21f51d655dc5", "0xfada722975d6e1cd")),
        ],
    )
    def test_known_answers(self, stream, words):
        assert tuple(map(hex, stream.numpy().bit_generator.random_raw(2).tolist())) == words

    def test_each_call_returns_a_new_generator(self):
        stream = fastinit.Stream(7)
        first, second = stream.numpy(), stream.numpy()
        values = first.random(5)
        assert (second.random(5) == values).all()
        assert (second.random(5) != values).any()
        assert isinstance(first.bit_generator, np.random.SFC64)

    def test_its_values_are_not_the_fills(self):
        stream = fastinit.Stream(7)
        drawn = stream.numpy().bit_generator.random_raw(64)
        assert not np.isin(drawn, fastinit.keystream(stream, 4096).view("<u8")).any()
        derived = (b"fastinit-1-numpy", b"fastinit-1-torch", b"fastinit-1")
        assert len({stream._derived_seed(person, 16) for person in derived}) == 3


def test_default_stream():
    fastinit.manual_seed(3)
    a, b = fastinit.normal(5), fastinit.normal(5)
    fastinit.manual_seed(3)
    assert (fastinit.normal(5) == a).all()
    assert (fastinit.normal(5, generator=fastinit.Stream(3) / "1") == b).all()
    assert (a != b).any()


def test_numpy_generator_advances_and_repeats():
    generator = np.random.default_rng(0)
    a, b = fastinit.normal(5, generator=generator), fastinit.normal(5, generator=generator)
    assert (a != b).any()
    assert (fastinit.normal(5, generator=np.random.default_rng(0)) == a).all()


class OwnGenerator(np.random.Generator):
    pass


GENERATORS = {
    "Generator": lambda: np.random.Generator(np.random.PCG64(0)),
    "subclass of Generator": lambda: OwnGenerator(np.random.PCG64(0)),
    "BitGenerator": lambda: np.random.PCG64(0),
    "RandomState": lambda: np.random.RandomState(0),
}


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("fill", [fastinit.normal, fastinit.orthogonal])
def test_generators_of_numpy_advance_and_repeat(name, fill):
    generator, again = GENERATORS[name](), GENERATORS[name]()
    drawn = [fill((4, 4), generator=generator).tobytes() for _ in range(3)]
    assert len(set(drawn)) == 3
    assert [fill((4, 4), generator=again).tobytes() for _ in range(3)] == drawn
    # Other calls on the same generator continue from its new state.
    key = int.from_bytes(GENERATORS["Generator"]().bytes(16), "little")
    if name != "RandomState":
        assert drawn[0] == fill((4, 4), generator=key).tobytes()


def test_bit_generator_equals_its_generator():
    bits = np.random.PCG64(0)
    drawn = [fastinit.normal(4, generator=g) for g in (bits, np.random.Generator(bits), bits)]
    generator = np.random.default_rng(0)
    for values in drawn:
        assert (values == fastinit.normal(4, generator=generator)).all()


@pytest.mark.parametrize("bits", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_every_bit_generator(bits):
    made = getattr(np.random, bits)
    key = int.from_bytes(np.random.Generator(made(1)).bytes(16), "little")
    assert (fastinit.normal(4, generator=made(1)) == fastinit.normal(4, generator=key)).all()


def test_known_answer_of_a_random_state():
    """NumPy never changes the values of a RandomState."""
    seed = 0xD821CCC0B716A67597C4AA2F8C7F0AAC
    assert np.random.RandomState(0).bytes(16) == seed.to_bytes(16, "little")
    values = fastinit.normal(5, generator=np.random.RandomState(0))
    assert (values == fastinit.normal(5, generator=seed)).all()


def test_seed_sequence_is_a_seed():
    sequence = np.random.SeedSequence(12345)
    values = fastinit.normal(5, generator=sequence)
    assert (fastinit.normal(5, generator=sequence) == values).all()
    seed = int.from_bytes(sequence.generate_state(4).astype("<u4").tobytes(), "little")
    assert (fastinit.normal(5, generator=seed) == values).all()
    first, second = sequence.spawn(2)
    assert (fastinit.normal(5, generator=sequence) == values).all()
    different = {fastinit.normal(5, generator=g).tobytes() for g in (sequence, first, second)}
    assert len(different) == 3


@pytest.mark.parametrize("make", ["key", "PRNGKey"])
def test_key_of_jax_raises_and_names_the_way_out(make):
    jax = pytest.importorskip("jax")
    key = getattr(jax.random, make)(3)
    target = np.ones(4)
    with pytest.raises(TypeError, match="generator is a JAX array") as error:
        fastinit.normal_(target, generator=key)
    assert (target == 1).all()
    way_out = str(error.value).partition("make a seed of the key, ")[2]
    seed = eval(way_out, {"numpy": np, "jax": jax, "key": key})
    other = eval(way_out, {"numpy": np, "jax": jax, "key": jax.random.fold_in(key, 1)})
    assert (fastinit.normal(4, generator=seed) == fastinit.normal(4, generator=seed)).all()
    assert (fastinit.normal(4, generator=seed) != fastinit.normal(4, generator=other)).any()


def test_torch_generator_advances_and_repeats():
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(5)
    a, b = fastinit.normal(5, generator=generator), fastinit.normal(5, generator=generator)
    assert (a != b).any()
    assert (fastinit.normal(5, generator=generator.manual_seed(5)) == a).all()


def test_seeds_and_streams_agree():
    assert (fastinit.normal(5, generator=9) == fastinit.normal(5, generator=np.uint8(9))).all()
    assert (
        fastinit.normal(5, generator=9) == fastinit.normal(5, generator=fastinit.Stream(9))
    ).all()


@pytest.mark.parametrize("arguments", [(-1,), (1.5,), (4, -1), (True,), (8, 2**64)])
def test_keystream_bad_arguments(arguments):
    with pytest.raises(ValueError, match="must be"):
        fastinit.keystream(0, *arguments)
