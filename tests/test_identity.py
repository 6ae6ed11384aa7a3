"""Every initializer writes its pinned bytes, by every instruction set, way and thread count."""

import contextlib
import ctypes
import ctypes.util
import platform

import identity
import numpy as np
import pytest

import fastinit
from fastinit import fill, rules
from fastinit.dtypes import DTYPES

ALIASES = {
    "glorot_uniform_": "xavier_uniform_",
    "glorot_normal_": "xavier_normal_",
    "he_uniform_": "kaiming_uniform_",
    "he_normal_": "kaiming_normal_",
}
CASES = identity.cases()
SMALL = [case for case in CASES if not case.is_large]
LARGE = [case for case in CASES if case.is_large]
FUNCTIONS = sorted({case.function for case in CASES})


def check(cases, ways):
    assert list(identity.differences(cases, ways)) == []


def test_every_initializer_is_pinned_in_every_dtype():
    public = {name for name in fastinit.__all__ if name.endswith("_")}
    assert {alias: getattr(fastinit, alias).__name__ for alias in ALIASES} == ALIASES
    pinned = {case.function for case in CASES}
    assert public - ALIASES.keys() == pinned
    assert [str(case) for case in CASES if case.pin is None] == []
    assert {name.removesuffix("_") for name in public} <= set(fastinit.__all__)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_ways(isa, function, dtype, dtype_of):
    dtype_of(dtype)
    check(
        [case for case in SMALL if case.function == function and case.dtype == dtype],
        identity.WAYS,
    )


@pytest.mark.parametrize("threads", identity.THREADS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_threads(monkeypatch, threads, dtype, dtype_of):
    dtype_of(dtype)
    monkeypatch.setattr(fill, "BYTES_PER_THREAD", 1)
    fastinit.set_num_threads(threads)
    try:
        check(
            [case for case in LARGE if case.dtype == dtype],
            (identity.whole, identity.odd_slices, identity.transposed_view),
        )
    finally:
        fastinit.set_num_threads(None)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_creation(function, dtype, dtype_of):
    dtype_of(dtype)
    for case in SMALL:
        if case.function == function and case.dtype == dtype:
            assert identity.digest(case.create()) == case.pin, str(case)


# Constants of fenv.h on x86 or AArch64: to nearest, up, down, to zero
MODES = (
    (0, 0x400, 0x800, 0xC00) if platform.machine() == "x86_64" else (0, 1 << 22, 2 << 22, 3 << 22)
)


def forget_rules():
    for rule in vars(rules).values():
        if hasattr(rule, "cache_clear"):
            rule.cache_clear()


@contextlib.contextmanager
def environment(mode, flush):
    """Set a rounding mode and flushing of subnormals; check at the end that neither has changed."""
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    subnormal = np.array([1e-40], np.float32)
    if flush and not pytest.importorskip("torch").set_flush_denormal(True):
        pytest.skip("torch cannot flush subnormals here")
    assert libm.fesetround(mode) == 0
    try:
        yield
        found = libm.fegetround()
        is_flushed = (subnormal * np.float32(1)).view(np.uint32)[0] == 0
    finally:
        libm.fesetround(0)
        if flush:
            pytest.importorskip("torch").set_flush_denormal(False)
    assert found == mode
    assert is_flushed == flush


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_environments_of_the_caller(isa, mode, flush, dtype, dtype_of):
    dtype_of(dtype)
    forget_rules()
    with environment(mode, flush):
        check([case for case in SMALL if case.dtype == dtype], (identity.whole,))
