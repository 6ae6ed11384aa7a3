"""Every column of the table of dtypes, against the core, NumPy, ml_dtypes and torch."""

import math

import numpy as np
import pytest

import fastinit
from fastinit import _core
from fastinit.dtypes import DTYPES

NAMES = list(DTYPES)


class OnlyDLPack:
    def __init__(self, tensor):
        self.__dlpack__ = tensor.__dlpack__
        self.__dlpack_device__ = tensor.__dlpack_device__


def test_table_has_the_dtypes_of_the_core():
    assert list(DTYPES) == list(_core.DTYPES)


@pytest.mark.parametrize("name", NAMES)
def test_numpy(name, dtype_of):
    known, dtype = DTYPES[name], dtype_of(name)
    assert dtype.name == name
    assert dtype.itemsize == known.itemsize
    assert known.needs_ml_dtypes == (dtype.type.__module__ != "numpy")
    patterns = np.arange(1 << 8 * min(known.itemsize, 2), dtype=f"u{known.itemsize}")
    if known.itemsize > 2:  # too many for all: vary the highest bits, add the largest number
        patterns <<= 8 * (known.itemsize - 2)
        patterns = np.append(patterns, np.array(np.finfo(dtype).max).view(patterns.dtype))
    with np.errstate(invalid="ignore"):  # signalling NaNs
        values = patterns.view(dtype).astype(np.float64)
    assert values[np.isfinite(values)].max() == known.largest
    assert np.isinf(values).any() == known.has_infinity
    assert np.isnan(np.array(known.poison, patterns.dtype).view(dtype).astype(np.float64))


@pytest.mark.parametrize("name", NAMES)
def test_format(name, dtype_of):
    known, dtype = DTYPES[name], dtype_of(name)
    patterns = np.array([0, 1 << known.mantissa_bits, 1 << 8 * known.itemsize - 1])
    zero, tiny, negative = patterns.astype(f"u{known.itemsize}").view(dtype).astype(np.float64)
    assert zero == 0
    assert tiny == 2.0 ** (1 - known.bias)  # the least normal number
    assert (negative == 0) == known.has_negative_zero


@pytest.mark.parametrize("name", NAMES)
def test_torch(name):
    torch = pytest.importorskip("torch")
    known, dtype = DTYPES[name], getattr(torch, name)
    assert dtype.itemsize == known.itemsize
    assert torch.finfo(dtype).max == known.largest
    tensor = torch.ones(3, dtype=dtype)
    if known.largest < 1e300:
        with pytest.raises(RuntimeError) as theirs:
            torch.nn.init.constant_(tensor, 1e300)
        with pytest.raises(RuntimeError) as ours:
            fastinit.constant_(tensor, 1e300)
        assert f"type {known.torch_name} without overflow" in str(theirs.value)
        assert str(theirs.value) in str(ours.value)
    if known.has_infinity:
        assert fastinit.constant_(tensor, math.inf).isinf().all()
    else:
        with pytest.raises(RuntimeError, match=r"to type .* without overflow: inf"):
            fastinit.constant_(tensor, math.inf)


@pytest.mark.parametrize("name", NAMES)
def test_dlpack(name, dtype_of):
    torch = pytest.importorskip("torch")

    tensor = torch.zeros(24, dtype=getattr(torch, name))
    fastinit.normal_(OnlyDLPack(tensor), generator=0)
    bits = tensor.view(getattr(torch, f"uint{8 * DTYPES[name].itemsize}")).numpy()
    expected = fastinit.normal(24, generator=0, dtype=dtype_of(name))
    assert bits.tobytes() == expected.tobytes()


def test_dlpack_error_names_the_dtypes():
    torch = pytest.importorskip("torch")

    for dtype in (torch.int32, torch.complex64, torch.bool):
        with pytest.raises(TypeError, match=r"DLPack dtype \(code \d+, .* only float64, "):
            fastinit.normal_(OnlyDLPack(torch.zeros(3, dtype=dtype)))
