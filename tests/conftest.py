"""Fixtures that force each compiled path, hypothesis' profiles, options of the command line."""

import hypothesis
import numpy as np
import pytest

import fastinit
from fastinit import _core, fill, matrices

hypothesis.settings.register_profile("default", deadline=None, derandomize=True)
hypothesis.settings.register_profile("long", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile("default")

ISAS = ("portable", "avx2", "avx2_vaes", "avx512", "avx512_bf16", "neon")


@pytest.fixture(params=ISAS)
def isa(request):
    """Force an instruction set; skip the test if the machine or the build lacks it."""
    name = request.param
    if name not in fastinit.available_isas():
        pytest.skip(f"{name} is not available on this machine")
    before = fastinit.isa()
    _core.choose_isa(name)
    assert fastinit.isa() == name
    yield name
    _core.choose_isa(before)


@pytest.fixture(params=[1, 2, 3])
def threads(request, monkeypatch):
    """Fill by this number of threads, even small targets."""
    monkeypatch.setattr(fill, "BYTES_PER_THREAD", 1)
    monkeypatch.setattr(matrices, "OPERATIONS_PER_THREAD", 1)
    fastinit.set_num_threads(request.param)
    yield request.param
    fastinit.set_num_threads(None)


@pytest.fixture
def dtype_of():
    """Return a function from name to NumPy dtype; it skips the test if ml_dtypes is missing."""

    def find(name):
        if name.startswith(("bfloat", "float8")):
            return np.dtype(getattr(pytest.importorskip("ml_dtypes"), name))
        return np.dtype(name)

    return find


def pytest_addoption(parser):
    parser.addoption(
        "--slow", action="store_true", help="also run the tests marked slow (minutes to an hour)"
    )
    parser.addoption(
        "--nothing-missing",
        action="store_true",
        help="fail instead of skipping tests if a package cannot be imported",
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        skip = pytest.mark.skip(reason="slow: run with --slow")
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(skip)


def _fail_if_missing(config, report):
    """Turn the skip of `pytest.importorskip` into a failure under --nothing-missing."""
    if report.skipped and config.getoption("--nothing-missing"):
        _, _, reason = report.longrepr
        if "could not import" in reason:
            report.outcome, report.longrepr = "failed", f"--nothing-missing: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _fail_if_missing(collector.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    return _fail_if_missing(item.config, (yield))
