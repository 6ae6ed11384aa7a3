"""The benchmark suite runs, with the peers that are installed; no test judges a time."""

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


def test_report_is_deterministic(results, tmp_path, monkeypatch):
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


def test_pages_show_the_newest_results(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.report import write_report
    from benchmarks.results import load, newest

    copy_pages(tmp_path)
    for path in write_report(load(newest()), tmp_path)[:2]:
        assert path.read_text() == (ROOT / path.relative_to(tmp_path)).read_text()


def compare(*arguments):
    command = [sys.executable, "-m", "benchmarks.compare", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_ratios_are_paired_by_round(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.compare import BASE, HEAD, Comparison, is_base_first, split_rounds
    from benchmarks.rows import ROWS

    comparison = Comparison(next(iter(ROWS.values())))
    comparison.seconds[BASE] = [1.0, 2.0, 4.0, 8.0]  # a machine that slows down
    comparison.seconds[HEAD] = [1.1, 2.2, 4.8, 8.0]
    assert comparison.ratio == pytest.approx(1.1)
    assert comparison.quartiles == pytest.approx((1.075, 1.125))
    assert comparison.is_slower(1.05)
    assert not comparison.is_slower(1.2)
    comparison.seconds[HEAD] = [0.9, 0.9 * 2, 1.2 * 4, 1.2 * 8]
    assert comparison.exceeds(1.04)
    assert not comparison.is_slower(1.04)
    comparison.errors[BASE] = "AttributeError: no such function"
    assert not comparison.exceeds(1.0)
    assert sum(map(is_base_first, range(24))) == 12
    assert [len(part) for part in split_rounds(24)] == [8, 8, 8]
    assert [number for part in split_rounds(5) for number in part] == [*range(5)]


def test_rows_cover_the_suite(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.rows import ROWS

    groups = {row.group for row in ROWS.values()}
    assert {"kernels", "memory", "isas", "small", "cold", "models", "orthogonal"} <= groups
    assert all(name == row.name for name, row in ROWS.items())


def test_compare_reports_bad_arguments():
    pytest.importorskip("rich")
    for arguments, message in (
        (["no-such-commit"], "no-such-commit"),
        (["HEAD", "--rows", "nothing"], "no row matches nothing"),
        (["HEAD", "--elements", 5], "must be a positive multiple of"),
    ):
        result = compare(*arguments)
        assert result.returncode == 2
        assert message in result.stderr


@pytest.mark.slow
def test_compare_a_commit_with_itself():
    pytest.importorskip("rich")
    result = compare("HEAD", "HEAD", "--quick", "--rows", "*8x8*", "--rounds", 2)
    assert result.returncode == 0, result.stderr
    assert "slower in two runs" in result.stdout
