"""What the documents and docstrings show is what is printed."""

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

import fastinit.torch

MODULES = [each.name for each in pkgutil.iter_modules(fastinit.torch.__path__)]


def test_page():
    page = Path(__file__).parents[2] / "docs" / "pytorch.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(f"fastinit.torch.{name}")
    assert doctest.testmod(module).failed == 0
