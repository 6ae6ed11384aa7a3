"""No single float32 is twice as frequent as it should be."""

import frequencies
import numpy as np
import pytest
import reference
from laws import Uniform


@pytest.mark.parametrize("law", frequencies.RANGES, ids=str)
def test_formula_is_that_of_the_core(law):
    words = reference.words(law.stream("float32").key, 32, 0, 1 << 20)
    values = law.draw(1 << 20, "float32")
    assert np.array_equal(frequencies.uniform_of_words(words, law), values)


def test_uniform():
    for row in frequencies.measure_uniforms():
        assert row["greatest_ratio"] < 2, row


@pytest.mark.parametrize(("law", "lattice"), [(Uniform(0, 1), 2**-25), (Uniform(-1, 1), 2**-31)])
def test_uniform_near_0(law, lattice):
    """Every point of the finest lattice has its due, 0 among them."""
    row = frequencies.measure_uniform(law, 0)
    assert row["least_ratio"] >= 1 - 1 / 64
    assert row["greatest_ratio"] <= 1 + 1 / 64
    words = np.arange(-(1 << 12), 1 << 12) if law.low < 0 else np.arange(1 << 12) - (1 << 31)
    values = np.unique(frequencies.uniform_of_words(words, law).astype(np.float64))
    assert (np.diff(values) == lattice).all()


def test_normal(draws, plausible):
    plausible(frequencies.measure_normal(draws))
