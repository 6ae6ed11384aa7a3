"""The page shows what was measured, and its pictures come out the same each time."""

import pytest

pytest.importorskip("matplotlib")

import report


def test_page_shows_the_tables():
    page = (report.DOCS / "evidence.md").read_text()
    assert report.with_tables(page) == page


def test_pictures_are_deterministic(tmp_path):
    first, second = (
        {path.name: path.read_bytes() for path in report.write_pictures(tmp_path)} for _ in range(2)
    )
    assert first == second
    assert {f"{name}.svg" for name in report.PICTURES} == set(first)
    assert all(len(content) < 200_000 for content in first.values())
