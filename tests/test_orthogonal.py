"""Orthogonal matrices: against the oracle, uniformly distributed, with any number of threads."""

import math
import subprocess
import sys

import numpy as np
import pytest
import reference
from scipy import stats

import fastinit
from fastinit import matrices

SEED, NAME = 11, "weight"
STREAM = fastinit.Stream(SEED) / NAME
DTYPES = ["float64", "float32"]
SHAPES = [  # one block and panel, sizes at their edges, several of both
    *[(1, 1), (1, 5), (5, 1), (2, 2), (3, 4), (63, 63), (64, 64), (64, 65), (65, 64), (65, 65)],
    *[(129, 128), (128, 130), (200, 7), (7, 1000), (193, 300), (300, 300)],
]


def layout_of(shape):
    return "boi" if len(shape) == 3 else None


def orthogonal(shape, dtype, gain=1, generator=STREAM):
    return fastinit.orthogonal(shape, gain, generator, layout=layout_of(shape), dtype=dtype)


def deviation(matrix):
    """Return how far the shorter side of the matrix is from orthonormal."""
    matrix = matrix.astype(np.float64)
    product = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    return abs(product - np.eye(len(product))).max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_oracle(shape, dtype):
    matrix = orthogonal(shape, dtype)
    eps = np.finfo(dtype).eps
    assert deviation(matrix) < 12 * eps
    bits = 8 * matrix.itemsize
    key = reference.derive(SEED, NAME)
    expected = reference.orthogonal(key, bits, max(shape), min(shape))
    error = (matrix if shape[0] >= shape[1] else matrix.T) - expected
    assert abs(error).max() < 8 * eps


@pytest.mark.parametrize("dtype", DTYPES)
def test_large(dtype):
    assert deviation(orthogonal((1500, 1100), dtype)) < 12 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (193, 300), (3, 80, 66)])
def test_threads(threads, shape, dtype):
    matrix = orthogonal(shape, dtype)
    fastinit.set_num_threads(1)
    assert matrix.tobytes() == orthogonal(shape, dtype).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(70, 90), (90, 70)])
def test_targets(shape, dtype):
    expected = orthogonal(shape, dtype)
    rows, columns = shape
    memory = np.frombuffer(bytearray(expected.nbytes + 1), np.uint8)[1:]
    views = [
        np.empty((columns, rows), dtype).T,
        np.empty(shape, dtype)[::-1],
        np.empty((2 * rows, 3 * columns), dtype)[::2, ::-3],
        memory.view(dtype).reshape(shape),
    ]
    for view in views:
        assert (fastinit.orthogonal_(view, generator=STREAM) == expected).all()


def test_kernels():
    expected = fastinit.orthogonal((8, 3, 2, 5), generator=STREAM)
    assert (expected.reshape(8, -1) == orthogonal((8, 30), "float32")).all()
    channels_last = np.empty((8, 2, 5, 3), np.float32).transpose(0, 3, 1, 2)  # no matrix
    assert (fastinit.orthogonal_(channels_last, generator=STREAM) == expected).all()


def test_narrow_types_are_rounded_once():
    wide = orthogonal((100, 80), "float32", 1.5)
    assert (orthogonal((100, 80), "float16", 1.5) == wide.astype(np.float16)).all()


def test_gain():
    matrix = orthogonal((100, 80), "float32")
    assert (orthogonal((100, 80), "float32", 0.3) == matrix * np.float32(0.3)).all()
    assert (orthogonal((100, 80), "float32", 0) == 0).all()


def test_one_by_one_is_a_sign():
    signs = orthogonal((100, 1, 1), "float32")
    assert set(signs.ravel()) == {-1, 1}


def test_stack(monkeypatch):
    stack = orthogonal((5, 70, 66), "float32")
    key = reference.derive(SEED, NAME)
    for number, matrix in enumerate(stack):
        expected = reference.orthogonal(key, 32, 70, 66, number)
        assert abs(matrix - expected).max() < 1e-5
    monkeypatch.setattr(matrices, "REFLECTOR_BYTES", 1)  # one matrix at a time
    assert stack.tobytes() == orthogonal((5, 70, 66), "float32").tobytes()


@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (7, 7), (6, 3), (3, 6)])
class TestUniform:
    """20,000 matrices have the uniform (Haar) distribution."""

    COUNT = 20_000

    def stack(self, shape):
        return orthogonal((self.COUNT, *shape), "float32", generator=5).astype(np.float64)

    def test_entries(self, shape):
        n = max(shape)
        law = stats.beta((n - 1) / 2, (n - 1) / 2, loc=-1, scale=2)
        stack = self.stack(shape)
        for i, j in np.ndindex(shape):
            assert stats.kstest(stack[:, i, j], law.cdf).pvalue > 1e-5

    def test_directions(self, shape):
        """Any linear combination of rows and columns has the distribution of an entry."""
        n = max(shape)
        law = stats.beta((n - 1) / 2, (n - 1) / 2, loc=-1, scale=2)
        random = np.random.default_rng(0)
        left, right = random.normal(size=shape[0]), random.normal(size=shape[1])
        left, right = left / np.linalg.norm(left), right / np.linalg.norm(right)
        stack = self.stack(shape)
        if shape[0] == n:
            entry = np.einsum("i,kij,j->k", left, stack, right)
        else:
            entry = np.einsum("j,kij,i->k", right, stack, left)
        assert stats.kstest(entry, law.cdf).pvalue > 1e-5

    def test_traces(self, shape):
        if shape[0] != shape[1]:
            pytest.skip("only square matrices have a trace")
        stack = self.stack(shape)
        trace = np.trace(stack, axis1=1, axis2=2)
        trace_of_square = np.einsum("kij,kji->k", stack, stack)
        moments = ((trace, 0), (trace**2, 1), (trace**4, 3), (trace_of_square, 1))
        for value, expected in moments:
            sigma = value.std() / math.sqrt(self.COUNT)
            assert abs(value.mean() - expected) < 5 * sigma
        positive = np.linalg.det(stack) > 0
        assert abs(positive.mean() - 0.5) < 5 * 0.5 / math.sqrt(self.COUNT)


def test_uniform_across_blocks():
    n = 130
    stack = orthogonal((2000, n, n), "float32", generator=6)
    law = stats.beta((n - 1) / 2, (n - 1) / 2, loc=-1, scale=2)
    for i, j in [(0, 0), (63, 64), (64, 63), (127, 129), (129, 0), (0, 129), (129, 129)]:
        assert stats.kstest(stack[:, i, j], law.cdf).pvalue > 1e-5
    trace = np.trace(stack, axis1=1, axis2=2)
    assert stats.kstest(trace, "norm").pvalue > 1e-5


def test_target_is_unchanged_if_memory_is_short():
    code = (
        "import fastinit, numpy as np, resource\n"
        "array = np.zeros((16384, 16384), np.float32)\n"
        "with open('/proc/self/statm') as statm:\n"
        "    size = int(statm.read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 28), size + (1 << 28)))\n"
        "try: fastinit.orthogonal_(array, generator=0)\n"
        "except MemoryError as error: print('MemoryError', error)\n"
        "print(array[::100, ::100].any())\n"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "MemoryError unable to allocate" in output.stdout, output.stderr
    assert "False" in output.stdout
