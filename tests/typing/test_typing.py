"""The types that a user's checker sees: mypy on this folder's other files.

`nox -s typing` runs pyright on them too.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastinit

HERE = Path(__file__).parent


@pytest.mark.parametrize(("file", "needs"), [("arrays.py", "numpy"), ("tensors.py", "torch")])
def test_mypy(file, needs):
    pytest.importorskip("mypy")
    pytest.importorskip(needs)
    command = [sys.executable, "-m", "mypy", str(HERE / file)]
    found = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("name", fastinit.__all__)
def test_no_public_name_is_missing(name):
    assert re.search(rf"fastinit\.{name}\b", (HERE / "arrays.py").read_text())
