"""The benchmark suite runs, with whatever peers there are; nothing here judges a time."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def benchmarks(*arguments, root=ROOT):
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    pytest.importorskip("rich")
    path = tmp_path_factory.mktemp("results") / "run.json"
    printed = benchmarks("--elements", 4096, "--rounds", 1, "--results", path)
    assert f"written: {path}" in printed
    assert "Bars and goals" in printed
    return path


def test_every_group_and_bar_has_its_sides(results, monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.bars import BARS
    from benchmarks.groups import GROUPS
    from benchmarks.machine import PEERS, installed
    from benchmarks.results import load

    run = load(results)
    left_out = set() if installed("transformers") else {"construction"}
    assert {race.group for race in run.races} == set(GROUPS) - left_out
    for race in run.races:
        for samples in race.seconds.values():
            assert len(samples) == 1
            assert samples[0] > 0
    missing = [bar.label for bar in BARS if bar.value(run) is None]
    if missing:
        absent = [name for name in PEERS if installed(name) is None]
        pytest.skip(f"could not import {absent}: left out {missing}")


def copy_pages(folder):
    for name in ("README.md", "docs/performance.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "benchmarks").mkdir()


def test_report_is_written_and_deterministic(results, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.report import write_report
    from benchmarks.results import load

    copy_pages(tmp_path)
    first = {path: path.read_bytes() for path in write_report(load(results), tmp_path)}
    pages = {"README.md", "performance.md"}
    assert {path.name for path in first} == {*pages, "curve.svg", "peers.svg", "threads.svg"}
    second = {path: path.read_bytes() for path in write_report(load(results), tmp_path)}
    assert first == second
    assert all(len(content) < 100_000 for content in first.values())
    assert b"| `uniform_` float32, ns per value |" in first[tmp_path / "README.md"]
    assert b"| uniform_ float32 |" in first[tmp_path / "docs" / "performance.md"]


def test_pages_show_the_newest_kept_run(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.report import write_report
    from benchmarks.results import load, newest

    copy_pages(tmp_path)
    for path in write_report(load(newest()), tmp_path)[:2]:
        assert path.read_text() == (ROOT / path.relative_to(tmp_path)).read_text()
