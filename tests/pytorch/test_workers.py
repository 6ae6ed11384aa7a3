"""What a DataLoader's workers draw, and torch generators that are keyed by name."""

import hashlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, get_worker_info

import fastinit
import fastinit.torch as ft
from fastinit import streams

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning"),
]


class Draws(torch.utils.data.Dataset):
    """Element i is the worker's number and what it draws, without a generator."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return get_worker_info().id, torch.from_numpy(fastinit.normal(4))


class TorchDraws(Draws):
    def __getitem__(self, index):
        return get_worker_info().id, torch.empty(4).normal_()


def drawn(dataset, method="fork", **options):
    """Return what each of two workers draws, in order."""
    loader = DataLoader(
        dataset, batch_size=None, num_workers=2, multiprocessing_context=method, **options
    )
    values = {0: [], 1: []}
    for worker, tensor in loader:
        values[int(worker)].append(tensor.numpy().tobytes())
    assert [len(of_worker) for of_worker in values.values()] == [2, 2]
    return values[0], values[1]


@pytest.fixture
def unseeded(monkeypatch):
    monkeypatch.setattr(streams, "_default", streams._random_calls())


def seed_worker(worker):
    fastinit.manual_seed(torch.initial_seed())


def test_forked_workers_differ(unseeded):
    first, second = drawn(Draws())
    again, other = drawn(Draws())
    assert len({*first, *second, *again, *other}) == 8


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_of_new_processes_differ(unseeded, method):
    first, second = drawn(Draws(), method)
    assert len({*first, *second}) == 4


def test_seed_is_repeated_by_forked_workers(unseeded):
    fastinit.manual_seed(3)
    first, second = drawn(Draws())
    assert first == second
    assert first[0] == fastinit.normal(4, generator=fastinit.Stream(3) / "0").tobytes()


def test_workers_seeded_by_torch(unseeded):
    """Workers differ, and torch.manual_seed repeats them."""
    runs = []
    for _ in range(2):
        torch.manual_seed(5)
        runs.append(drawn(Draws(), worker_init_fn=seed_worker))
    assert runs[0] == runs[1]
    assert len({*runs[0][0], *runs[0][1]}) == 4


def test_forked_workers_of_a_seeded_acceleration_draw_the_same():
    with ft.accelerate(seed=0):
        first, second = drawn(TorchDraws())
        assert first == second
        # In the parent, drawing goes on where it was.
        assert torch.empty(4).normal_().numpy().tobytes() == first[0]
    assert first[0] == fastinit.normal(4, generator=fastinit.Stream(0) / "0").tobytes()


def test_forked_workers_of_an_acceleration_without_a_seed_differ():
    torch.manual_seed(0)
    with ft.accelerate():
        first, second = drawn(TorchDraws())
    assert len({*first, *second}) == 4


class TestGeneratorOfAStream:
    def test_derivation(self):
        stream = fastinit.Stream(0) / "dropout"
        options = {"key": stream.key, "digest_size": 8, "person": b"fastinit-1-torch"}
        seed = int.from_bytes(hashlib.blake2b(**options).digest(), "little")
        generator = stream.torch()
        assert generator.initial_seed() == seed == 7589148470344638013
        expected = torch.rand(5, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(torch.rand(5, generator=generator), expected)

    def test_each_call_returns_a_new_generator(self):
        stream = fastinit.Stream(7)
        first, second = stream.torch(), stream.torch()
        values = torch.rand(5, generator=first)
        assert torch.equal(torch.rand(5, generator=second), values)
        assert not torch.equal(torch.rand(5, generator=second), values)

    def test_streams_differ(self):
        seeds = {(fastinit.Stream(7) / str(n)).torch().initial_seed() for n in range(100)}
        assert len(seeds) == 100

    def test_device(self):
        assert fastinit.Stream(7).torch(torch.device("cpu")).device == torch.device("cpu")
        with pytest.raises(RuntimeError, match="nowhere"):
            fastinit.Stream(7).torch("nowhere")

    def test_default_generator_of_torch_does_not_advance(self):
        before = torch.get_rng_state()
        torch.rand(5, generator=fastinit.Stream(7).torch())
        assert torch.equal(torch.get_rng_state(), before)

    def test_its_values_are_not_the_fills(self):
        stream = fastinit.Stream(7)
        drawn = torch.empty(64, dtype=torch.int32).random_(-(2**31), None, generator=stream.torch())
        keystream = fastinit.keystream(stream, 4096).view("<i4")
        assert not np.isin(drawn.numpy(), keystream).any()
