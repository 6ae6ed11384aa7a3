"""One threshold for all p-values, and how many values are drawn for each."""

from pathlib import Path

import pytest
import significance

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(config, items):
    """Compare the number of p-values with what significance.py says, where all were collected."""
    ours = [item for item in items if item.path.parent == FOLDER]
    partial = {item.path for item in ours} < set(FOLDER.glob("test_*.py")) or any(
        "::" in argument for argument in config.args
    )
    number = sum("plausible" in item.fixturenames for item in ours)
    if number != significance.NUMBER_OF_TESTS and not partial:
        raise pytest.UsageError(
            f"tests/statistics: {number} tests have a p-value, but significance.NUMBER_OF_TESTS"
            f" is {significance.NUMBER_OF_TESTS}"
        )


@pytest.fixture
def plausible():
    """Return the assertion that a measurement's p-value may be chance."""

    def check(measurement):
        assert measurement["p_value"] >= significance.THRESHOLD, measurement

    return check


@pytest.fixture
def draws(request):
    """Return how many values are drawn where they must be sorted."""
    return 10**8 if request.config.getoption("--slow") else 10**7
