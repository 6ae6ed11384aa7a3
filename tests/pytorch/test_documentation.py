"""The examples in docstrings of `fastinit.torch` run."""

import doctest
import importlib
import pkgutil

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

import fastinit.torch

MODULES = [each.name for each in pkgutil.iter_modules(fastinit.torch.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(f"fastinit.torch.{name}")
    assert doctest.testmod(module).failed == 0
