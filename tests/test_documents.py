"""The pages for users: every example runs, and every link has a target."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "csrc/*.md", "tests/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"(?ms)^```python\n(.*?)^```")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


def without_code(text):
    return re.sub(r"(?ms)^```.*?^```|`[^`\n]*`", "", text)


def anchors(text):
    """Return the anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", without_code(text))
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_examples(page):
    """Run a page's fenced Python in order: sessions as doctests, other blocks as one program."""
    text = (ROOT / page).read_text()
    blocks = FENCE.findall(text)
    if any("torch" in block for block in blocks):
        pytest.importorskip("torch")
        pytest.importorskip("matplotlib")
    program = {}
    for block in blocks:
        if not block.startswith(">>>"):
            exec(compile(block, page, "exec"), program)
    failed, tried = doctest.testfile(str(ROOT / page), module_relative=False)
    assert failed == 0
    assert tried > 0 or not any(block.startswith(">>>") for block in blocks)


@pytest.mark.parametrize("page", PAGES)
def test_links(page):
    text = (ROOT / page).read_text()
    for target, anchor in LINK.findall(without_code(text)):
        if not target.startswith(("http:", "https:")):
            file = (ROOT / page).parent / target if target else ROOT / page
            assert file.exists(), target
            assert not anchor or anchor in anchors(file.read_text()), f"{target}#{anchor}"
