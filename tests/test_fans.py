"""Fans and gains: against torch, with groups and layouts, and for parts of a tensor."""

import math

import numpy as np
import pytest

import fastinit


@pytest.mark.parametrize("shape", [(3, 5), (7, 4, 3), (8, 2, 3, 5), (6, 1, 2, 2, 2), (0, 3)])
def test_fans_against_torch(shape):
    torch = pytest.importorskip("torch")
    expected = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
    assert fastinit.calculate_fan_in_and_fan_out(shape) == expected
    assert fastinit.calculate_fan_in_and_fan_out(np.empty(shape)) == expected


def test_fans_of_groups_and_layouts():
    fans = fastinit.calculate_fan_in_and_fan_out
    assert fans((64, 4, 3, 3), groups=8) == (36, 72)
    assert fans((4, 64), "io") == (4, 64)
    assert fans((8, 64, 4), "boi") == (4, 64)


def test_fans_of_group_axes():
    fans = fastinit.calculate_fan_in_and_fan_out
    assert fans((16, 4, 3, 3), layout="iohw", groups=4, group_axis="i") == (36, 36)
    assert fans((8, 1, 3, 3), layout="iohw", groups=8, group_axis="i") == (9, 9)
    assert fans((3, 3, 8, 2), layout="hwio", groups=8, group_axis="i") == (9, 18)
    assert fans((5, 16, 4, 3), layout="biok", groups=4, group_axis="i") == (12, 12)
    assert fans((4, 16, 3), groups=4, group_axis="o") == fans((4, 16, 3), "oik", 4) == (48, 3)


def test_gains_against_torch():
    torch = pytest.importorskip("torch")
    from fastinit.fans import NONLINEARITIES

    for name in NONLINEARITIES:
        assert fastinit.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    for slope in (0, 0.2, math.sqrt(5), -1):
        expected = torch.nn.init.calculate_gain("leaky_relu", slope)
        assert fastinit.calculate_gain("leaky_relu", slope) == expected


@pytest.mark.parametrize("name", ["kaiming_normal", "xavier_uniform", "lecun_normal"])
def test_parts_have_the_fans_of_the_whole(name):
    create = getattr(fastinit, name)
    whole = create((64, 32, 3), generator=4)
    index = (slice(5, 60, 7), Ellipsis, slice(1, None))
    assert (create((64, 32, 3), generator=4, index=index) == whole[index]).all()
    target = np.empty(whole[index].shape, np.float32)
    getattr(fastinit, name + "_")(target, generator=4, shape=(64, 32, 3), index=index)
    assert (target == whole[index]).all()
