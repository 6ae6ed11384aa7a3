"""The fans in docs/layouts.md equal those counted in the computation of each layer."""

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest

import fastinit

PAGE = Path(__file__).parents[1] / "docs" / "layouts.md"


def table():
    """Yield framework, layer, shape, layout, groups, group_axis (may be empty) and fans."""
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if len(cells) == 8 and cells[0].startswith(("torch", "JAX", "Keras")):
            framework, layer, shape, layout, groups, group_axis, fan_in, fan_out = cells
            lengths = tuple(map(int, re.findall(r"\d+", shape)))
            fans = int(fan_in), int(fan_out)
            yield pytest.param(
                framework.partition(",")[0], layer, lengths, layout, int(groups), group_axis, fans,
                id=f"{framework.split()[0].strip(',')} {layer}",
            )  # fmt: skip


ROWS = list(table())
CHANNELS_LAST = ("NHWC", "HWIO", "NHWC")


def count(jacobian):
    """Return the largest number of inputs of one output, and of outputs of one input."""
    connected = np.asarray(jacobian) != 0
    return int(connected.sum(axis=1).max()), int(connected.sum(axis=0).max())


def count_in_torch(layer, shape):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    if layer.startswith("torch."):
        weight = torch.ones(shape)
        inputs = (3, 1, 6) if "bmm" in layer else (3, 6)

        def function(x):
            return eval(layer, {"torch": torch, "x": x, "w": weight})
    elif layer.startswith("nn.MultiheadAttention"):
        weight = eval(layer, {"nn": nn}).detach().fill_(1)
        inputs = (3, 6)  # the inputs of queries, keys and values

        def function(x):
            pairs = zip(x, weight, strict=True)
            return torch.stack([nn.functional.linear(*each) for each in pairs])
    else:
        function = eval(layer, {"nn": nn})
        weight = nn.init.ones_(function.weight)
        is_linear = isinstance(function, nn.Linear)
        inputs = (function.in_features,) if is_linear else (function.in_channels, 7, 7)
    assert tuple(weight.shape) == shape
    jacobian = torch.autograd.functional.jacobian(function, torch.zeros(inputs))
    return count(jacobian.detach().reshape(-1, math.prod(inputs)))


def convolve(x, w, groups):
    from jax import lax

    return lax.conv_general_dilated(
        x, w, (1, 1), "VALID", dimension_numbers=CHANNELS_LAST, feature_group_count=groups
    )


def convolve_depthwise(x, w, groups):
    return convolve(x, w.reshape(*w.shape[:2], 1, -1), groups)  # as Keras does with JAX


def convolve_transposed(x, w, groups, transpose_kernel=False):
    from jax import lax

    return lax.conv_transpose(
        x,
        w,
        (1, 1),
        "VALID",
        dimension_numbers=CHANNELS_LAST,
        transpose_kernel=transpose_kernel,
    )


def convolve_transposed_kernel(x, w, groups):
    return convolve_transposed(x, w, groups, transpose_kernel=True)


def contract(equation):
    def function(x, w, groups):
        import jax.numpy as jnp

        return jnp.einsum(equation, x, w)

    return function


# The computations of Flax's and Keras' layers in JAX; keys are the beginnings of the layers' calls.
# Shapes and counts were compared with the layers of Flax 0.12 and Keras 3.15.
OPERATIONS = {
    "nn.Dense(": ((6,), contract("i,io->o")),
    "nn.ConvTranspose(10, (3, 3))": ((1, 7, 7, 6), convolve_transposed),
    "nn.ConvTranspose(10, (3, 3), transpose_kernel=True)": (
        (1, 7, 7, 6),
        convolve_transposed_kernel,
    ),
    "nn.Conv(10": ((1, 7, 7, 6), convolve),
    "nn.Conv(": ((1, 7, 7, 8), convolve),
    "nn.DenseGeneral(": ((3, 6), contract("bi,ibo->bo")),  # queries, keys, values
    "jnp.einsum(": ((3, 6), contract("bi,bio->bo")),
    "Dense(": ((6,), contract("i,io->o")),
    "Conv2D(10": ((1, 7, 7, 6), convolve),
    "Conv2D(": ((1, 7, 7, 8), convolve),
    "DepthwiseConv2D(": ((1, 7, 7, 8), convolve_depthwise),
    "Conv2DTranspose(": ((1, 7, 7, 6), convolve_transposed_kernel),
    'EinsumDense("bi,ijo->bjo"': ((3, 6), contract("bi,ibo->bo")),
    'EinsumDense("bei,eio->beo"': ((3, 6), contract("bi,bio->bo")),
}


def count_in_jax(layer, shape, groups):
    jax = pytest.importorskip("jax")
    call = max((start for start in OPERATIONS if layer.startswith(start)), key=len)
    inputs, function = OPERATIONS[call]
    weight = jax.numpy.ones(shape)
    jacobian = jax.jacobian(lambda x: function(x, weight, groups))(jax.numpy.ones(inputs))
    return count(jacobian.reshape(-1, math.prod(inputs)))


@pytest.mark.parametrize(
    ("framework", "layer", "shape", "layout", "groups", "group_axis", "fans"), ROWS
)
def test_table(framework, layer, shape, layout, groups, group_axis, fans):
    for axis in group_axis or "oi":  # a single group belongs to either axis
        found = fastinit.calculate_fan_in_and_fan_out(shape, layout, groups, axis)
        assert found == fans
    if framework == "torch":
        assert count_in_torch(layer, shape) == fans
    else:
        assert count_in_jax(layer, shape, groups) == fans


def test_table_is_complete():
    kinds = {(row.values[0].split()[0], row.values[3], row.values[4] > 1) for row in ROWS}
    for framework, linear, conv, transposed in (
        ("torch", "oi", "oihw", "iohw"),
        ("JAX", "io", "hwio", "hwoi"),
        ("Keras", "io", "hwio", "hwoi"),
    ):
        for layout, grouped in ((linear, False), (conv, False), (conv, True), (transposed, False)):
            assert (framework, layout, grouped) in kinds
    assert ("torch", "iohw", True) in kinds


FAN_INITIALIZERS = (
    "xavier_uniform",
    "xavier_normal",
    "glorot_uniform",
    "glorot_normal",
    "kaiming_uniform",
    "kaiming_normal",
    "he_uniform",
    "he_normal",
    "variance_scaling",
    "lecun_uniform",
    "lecun_normal",
)


@pytest.mark.parametrize("name", FAN_INITIALIZERS)
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_initializers_by_group_axis(name, mode):
    """Weights of equal fans get equal values: fans affect only the scale."""
    keywords = {"generator": 0, "dtype": "float64"}
    if name.startswith(("kaiming", "he_", "variance")):
        keywords["mode"] = mode
    create, fill = (getattr(fastinit, each) for each in (name, name + "_"))
    grouped = {"layout": "iohw", "groups": 4, "group_axis": "i"}  # fans (18, 27)
    created = create((8, 3, 3, 3), **keywords, **grouped)
    equivalent = create((2, 12, 3, 3), **keywords, layout="iohw", groups=4)
    assert (created.ravel() == equivalent.ravel()).all()
    del keywords["dtype"]
    assert (fill(np.empty((8, 3, 3, 3)), **keywords, **grouped) == created).all()
    part = (slice(2, 7), slice(None, None, -1))
    filled = fill(np.empty((5, 3, 3, 3)), **keywords, **grouped, shape=created.shape, index=part)
    assert (filled == created[part]).all()


EVERY_NAME = [
    name + end for name, end in itertools.product((*FAN_INITIALIZERS, "dirac"), ("", "_"))
]


@pytest.mark.parametrize("name", [*EVERY_NAME, "calculate_fan_in_and_fan_out"])
def test_bad_group_axes(name):
    function = getattr(fastinit, name)
    target = (8, 3, 3) if not name.endswith("_") else np.full((8, 3, 3), 7.0)
    for wrong in ("x", "oi", "", None, 0, [], "O"):
        with pytest.raises(ValueError, match="group_axis must be 'o' or 'i', not ") as error:
            function(target, groups=2, group_axis=wrong)
        assert repr(wrong) in str(error.value)
    with pytest.raises(ValueError, match=r"dim 1 must be .*, but 3 is not .* by 2: group"):
        function(target, groups=2, group_axis="i")
    with pytest.raises(ValueError, match="dim 1 must be divisible by groups"):
        function(target, groups=2, layout="iok")
    if name.endswith("_"):
        assert (target == 7).all()


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("letters", ["iok", "oik", "kio"])
def test_dirac_by_group_axis(groups, letters):
    plain = fastinit.dirac((8, 2, 3), groups)  # all groups' channels, one group's, kernel
    order = ["iok".index(letter) for letter in letters]
    expected = plain.transpose(order)
    keywords = {"layout": letters, "group_axis": "i"}
    assert (fastinit.dirac(expected.shape, groups, **keywords) == expected).all()
    index = (slice(None, None, -1), slice(0, 2), slice(1, None))
    found = fastinit.dirac(expected.shape, groups, **keywords, index=index)
    assert (found == expected[index]).all()


def test_dirac_passes_channels_through_a_grouped_transposed_convolution():
    torch = pytest.importorskip("torch")
    layer = torch.nn.ConvTranspose1d(8, 8, 3, padding=1, groups=4, bias=False)
    fastinit.dirac_(layer.weight, 4, layout="iok", group_axis="i")
    x = torch.arange(40.0).view(1, 8, 5)
    assert torch.equal(layer(x), x)
