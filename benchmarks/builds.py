"""Builds several commits, each in a directory for PYTHONPATH."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import ROOT

# A commit by any name that git knows; None is the work tree with its uncommitted changes.
Revision = str | None


class BuildError(Exception):
    """A commit does not exist, or cannot be built."""


def _git(*arguments: str) -> bytes:
    command = ["git", *arguments]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except OSError as error:
        raise BuildError(f"cannot run git: {error}") from None
    except subprocess.CalledProcessError as error:
        problem = error.stderr.decode(errors="replace").strip()
        raise BuildError(f"{' '.join(command)}: {problem}") from None


def describe(revision: Revision) -> str:
    """Return the abbreviated hash and the subject of a commit."""
    if revision is None:
        changed = _git("status", "--porcelain").strip()
        return f"{describe('HEAD')}{', with changes of the work tree' if changed else ''}"
    return _git("log", "-1", "--format=%h %s", revision, "--").decode().strip()


def _copy(revision: Revision, target: Path) -> None:
    """Copy the source of a commit, or the files of the work tree that git does not ignore."""
    if revision is not None:
        with tarfile.open(fileobj=io.BytesIO(_git("archive", revision))) as archive:
            archive.extractall(target, filter="data")
        return
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # it may have been deleted
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def build(revisions: Sequence[Revision], directory: Path, isolated: bool = True) -> list[Path]:
    """Build each commit in a directory of its own; return the directories for PYTHONPATH.

    If `isolated`, pip fetches setuptools and Cython; otherwise it uses the installed ones.
    """
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pip += ["--no-deps", *([] if isolated else ["--no-build-isolation"])]
    started = []
    for number, revision in enumerate(revisions):
        source, target = directory / f"source{number}", directory / f"build{number}"
        source.mkdir()
        _copy(revision, source)
        command = [*pip, "--target", str(target), str(source)]
        with open(directory / f"log{number}", "wb") as log:
            process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=log)
        started.append((process, target, Path(log.name)))
    for process, _, _ in started:
        process.wait()
    for revision, (process, _, log_path) in zip(revisions, started, strict=True):
        if process.returncode != 0:
            problem = log_path.read_text(errors="replace").strip()
            raise BuildError(f"cannot build {describe(revision)}:{os.linesep}{problem}")
    return [target for _, target, _ in started]
