"""`pytest --nothing-missing` turns skips for missing packages into failures."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).parent / "conftest.py"

FAKE_TESTS = {
    "in a test": "def test_missing():\n    pytest.importorskip('no_such_framework')\n",
    "in a module": "pytest.importorskip('no_such_framework')\ndef test_missing(): pass\n",
    "otherwise": "def test_elsewhere():\n    pytest.skip('no CUDA device')\n",
}


@pytest.mark.parametrize("place", FAKE_TESTS)
def test_missing_packages_fail_on_demand(pytester, place):
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile("import pytest\n" + FAKE_TESTS[place])
    plain = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    plain.assert_outcomes(skipped=1)
    strict = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--nothing-missing")
    if place == "otherwise":
        strict.assert_outcomes(skipped=1)
    else:
        failure = {"in a test": "failed", "in a module": "errors"}[place]
        strict.assert_outcomes(**{failure: 1})
        strict.stdout.fnmatch_lines(["*--nothing-missing: *could not import 'no_such_framework'*"])
        assert strict.ret != 0
