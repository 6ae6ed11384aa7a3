"""Neighbouring streams, and parts of one stream, are uncorrelated."""

import pytest
import streams


@pytest.mark.parametrize("family", streams.FAMILIES)
def test_families(family, plausible):
    plausible(streams.measure_family(family))


@pytest.mark.parametrize("parts", streams.PARTS)
def test_parts(parts, plausible):
    plausible(streams.measure_parts(parts))
