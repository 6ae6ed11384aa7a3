"""fastinit works without docstrings, metadata and frameworks; versions are as declared."""

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fastinit

ROOT = Path(__file__).parent.parent
TORCH = importlib.util.find_spec("torch") is not None


def python(*arguments):
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# Imports every module, calls every public function of fastinit, and prints every table.
PROGRAM = """
import importlib, pkgutil
import numpy as np
import fastinit

def import_all(package):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if found.name.split(".")[1] not in SKIPPED | {"__main__"}:
            importlib.import_module(found.name)
            print(found.name)

SKIPPED = set() if TORCH else {"torch", "torch_tensors"}
import_all(fastinit)
for name in sorted(fastinit.__all__):
    if name + "_" in fastinit.__all__:
        arguments = (0.5,) if name in ("constant", "sparse") else ()
        known = {"ones", "zeros", "eye", "dirac", "constant"}
        seed = {} if name in known else {"generator": 0}
        shape = (4, 2, 3) if name in ("dirac", "delta_orthogonal") else (4, 2)
        print(name, getattr(fastinit, name)(shape, *arguments, **seed).tolist())
try:
    fastinit.normal_(np.zeros(3, int))
except TypeError as error:
    print(error)
"""
TORCH_PROGRAM = """
import torch
from torch import nn
import fastinit.torch as ft
import fastinit.torch.init as init

for recipe in (ft.torch_default, ft.resnext, ft.resnext_lua, ft.densenet, ft.wide_resnet,
               ft.transformer(), ft.gpt2(), ft.megatron(), ft.vit()):
    print(recipe)
layers = nn.Embedding(4, 8, padding_idx=0), nn.Conv1d(8, 8, 3), nn.GRU(8, 8), nn.PReLU()
model = nn.Sequential(*layers, nn.Bilinear(8, 8, 2), nn.LayerNorm(2))
print(ft.make_plan(model, ft.torch_default))
ft.init_module(model, ft.torch_default, seed=0)
print(ft.verify(model, ft.torch_default))
for name in init.__all__:
    print(name, callable(getattr(init, name)))
torch.manual_seed(0)
with ft.accelerate():
    print(nn.Linear(3, 3).weight.tolist())
print(init.kaiming_normal_(torch.empty(2, 2)).tolist())
"""


def run_program(*options):
    program = f"TORCH = {TORCH}\n" + PROGRAM + (TORCH_PROGRAM if TORCH else "")
    return python(*options, "-c", program)


def test_docstrings_and_asserts_may_be_stripped():
    printed = run_program()
    assert "fastinit.cli.bench" in printed
    assert ("fastinit.torch.recipes" in printed) == TORCH
    assert run_program("-OO") == printed


def test_command_without_docstrings():
    pytest.importorskip("rich")
    help_text = python("-m", "fastinit", "bench", "--help")
    assert python("-OO", "-m", "fastinit", "bench", "--help") == help_text


def test_import_without_metadata():
    """Frozen applications contain only the modules."""
    code = """
import importlib.metadata as metadata
def gone(name):
    raise metadata.PackageNotFoundError(name)
metadata.version = metadata.metadata = metadata.distribution = gone
import fastinit
print(fastinit.__version__)
"""
    assert python("-c", code).strip() == fastinit.__version__


def test_version_is_a_literal():
    """The build reads it before the core is built, without NumPy."""
    tree = ast.parse((ROOT / "src" / "fastinit" / "__init__.py").read_text())
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__"
    )
    assert ast.literal_eval(value) == fastinit.__version__


def test_no_folder_of_tests_is_named_like_a_framework():
    """A folder tests/torch could be imported as torch if torch is missing."""
    frameworks = {"torch", "jax", "keras", "dask", "ml_dtypes", "rich", "matplotlib"}
    assert not {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()} & frameworks


def test_extras_agree_on_the_lowest_version():
    """The session numpy(oldest) of noxfile.py installs one version of each package."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = declared["project"]
    texts = [*declared["build-system"]["requires"], *project["dependencies"]]
    texts += [text for extra in project["optional-dependencies"].values() for text in extra]
    floors = {}
    for text in texts:
        name, _, floor = re.match(r"([\w-]+)(>=)?([\d.]*)", text).groups()
        if "python_version" not in text:
            floors.setdefault(name, set()).add(floor)
    assert all(len(found) == 1 for found in floors.values()), floors
