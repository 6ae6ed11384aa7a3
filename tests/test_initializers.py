"""The rules of every public initializer, against torch, JAX and their formulae."""

import ast
import doctest
import functools
import importlib
import inspect
import math
import re

import numpy as np
import pytest

import fastinit
from fastinit import arrays, fill, rules

IN_PLACE = sorted(name for name in fastinit.__all__ if name.endswith("_"))
TRUNCATED = 0.87962566103423978
SHAPE = (256, 64, 3, 3)
FAN_IN, FAN_OUT = 64 * 9, 256 * 9
# name, arguments, std for SHAPE by the formula of the source
STDS = [
    ("uniform_", (-2, 4), 6 / math.sqrt(12)),
    ("normal_", (0.5, 0.3), 0.3),
    ("xavier_uniform_", (5 / 3,), 5 / 3 * math.sqrt(2 / (FAN_IN + FAN_OUT))),
    ("xavier_normal_", (), math.sqrt(2 / (FAN_IN + FAN_OUT))),
    ("kaiming_uniform_", (math.sqrt(5),), math.sqrt(1 / 3 / FAN_IN)),
    ("kaiming_normal_", (), math.sqrt(2 / FAN_IN)),
    ("kaiming_normal_", (0, "FAN_OUT", "relu"), math.sqrt(2 / FAN_OUT)),
    ("lecun_uniform_", (), math.sqrt(1 / FAN_IN)),
    ("lecun_normal_", (), math.sqrt(1 / FAN_IN)),
    ("variance_scaling_", (), math.sqrt(1 / FAN_IN)),
    ("variance_scaling_", (2.0, "fan_out", "uniform"), math.sqrt(2 / FAN_OUT)),
    ("variance_scaling_", (1.0, "fan_avg", "normal"), math.sqrt(2 / (FAN_IN + FAN_OUT))),
    ("variance_scaling_", (1.0, "fan_geo_avg"), (FAN_IN * FAN_OUT) ** -0.25),
]


def check_std(array, std):
    x = array.astype(np.float64)
    fourth = ((x - x.mean()) ** 4).mean()
    error = math.sqrt((fourth - x.var() ** 2) / x.size) / (2 * x.std())
    assert abs(x.std() - std) < 5 * error


@pytest.mark.parametrize(("name", "arguments", "std"), STDS)
def test_std(name, arguments, std):
    array = np.empty(SHAPE, np.float32)
    assert getattr(fastinit, name)(array, *arguments, generator=1) is array
    check_std(array, std)
    created = getattr(fastinit, name.removesuffix("_"))(SHAPE, *arguments, generator=1)
    assert created.tobytes() == array.tobytes()


@pytest.mark.parametrize(("name", "arguments", "std"), STDS[2:])
def test_layout(name, arguments, std):
    array = np.empty((3, 3, 64, 256), np.float32)
    getattr(fastinit, name)(array, *arguments, generator=1, layout="hwio")
    check_std(array, std)
    stack = np.empty((256, 5, 9, 64), np.float32)
    getattr(fastinit, name)(stack, *arguments, generator=1, layout="obki")
    check_std(stack, std)


def test_trunc_normal():
    array = fastinit.trunc_normal((1000, 1000), generator=1)
    check_std(array, TRUNCATED)
    assert abs(array).max() <= 2


def test_variance_scaling_against_jax():
    jax = pytest.importorskip("jax")
    scaling = jax.nn.initializers.variance_scaling
    for mode in ("fan_in", "fan_out", "fan_avg", "fan_geo_avg"):
        for distribution in ("truncated_normal", "normal", "uniform"):
            theirs = scaling(2.0, mode, distribution)(jax.random.key(0), (3, 3, 128, 512))
            ours = fastinit.variance_scaling(
                (3, 3, 128, 512), 2.0, mode, distribution, generator=0, layout="hwio"
            )
            assert abs(ours.std() / np.std(np.asarray(theirs)) - 1) < 0.01
            if distribution != "normal":
                assert abs(abs(ours).max() / np.abs(np.asarray(theirs)).max() - 1) < 1e-4


def test_signatures_of_torch():
    torch = pytest.importorskip("torch")
    names = [name for name in dir(torch.nn.init) if name.endswith("_") and name[0] != "_"]
    assert set(names) <= set(fastinit.__all__)
    for name in names:
        theirs = list(inspect.signature(getattr(torch.nn.init, name)).parameters.values())
        ours = list(inspect.signature(getattr(fastinit, name)).parameters.values())
        for a, b in zip(theirs, ours, strict=False):
            assert (a.name, a.default) == (b.name, b.default)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 1)])
def test_eye(shape):
    assert (fastinit.eye_(np.full(shape, 7.0)) == np.eye(*shape)).all()
    part = fastinit.eye(shape, index=(slice(None, None, -1), slice(1, None)))
    assert (part == np.eye(*shape)[::-1, 1:]).all()


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("shape", [(8, 2, 3), (4, 8, 4, 3), (8, 3, 2, 5, 1)])
def test_dirac(shape, groups):
    torch = pytest.importorskip("torch")
    expected = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
    assert (fastinit.dirac_(np.full(shape, 7.0, np.float32), groups) == expected).all()
    index = (slice(1, None, 2), slice(0, 2), slice(1, None))
    assert (fastinit.dirac(shape, groups, index=index) == expected[index]).all()
    moved = np.moveaxis(expected, (0, 1), (-1, -2))
    letters = "dhw"[: len(shape) - 2] + "io"
    assert (fastinit.dirac(moved.shape, groups, layout=letters) == moved).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (16, 3, 4, 5)])
def test_orthogonal(shape, dtype, dtype_of):
    array = fastinit.orthogonal_(np.empty(shape, dtype_of(dtype)), 1.5, generator=3)
    matrix = array.reshape(shape[0], -1).astype(np.float64) / 1.5
    product = matrix @ matrix.T if shape[0] < matrix.shape[1] else matrix.T @ matrix
    tolerance = {"float64": 1e-12, "float32": 1e-5, "float16": 5e-3, "bfloat16": 3e-2}[dtype]
    assert abs(product - np.eye(len(product))).max() < tolerance
    index = (slice(2, 9, 3), slice(None, None, -1))
    part = fastinit.orthogonal(shape, 1.5, generator=3, dtype=dtype, index=index)
    assert (part == array[index]).all()


def test_orthogonal_layouts():
    stack = fastinit.orthogonal((5, 8, 6), generator=0, layout="boi")
    for matrix in stack:
        assert np.allclose(matrix.T @ matrix, np.eye(6), atol=1e-5)
    kernel = fastinit.orthogonal((2, 2, 3, 12), generator=0, layout="hwio")
    matrix = np.moveaxis(kernel, -1, 0).reshape(12, 12)
    assert np.allclose(matrix @ matrix.T, np.eye(12), atol=1e-5)


@pytest.mark.parametrize("kernel", [(3,), (4, 5), (1, 2, 3)])
def test_delta_orthogonal(kernel):
    array = fastinit.delta_orthogonal((8, 6, *kernel), 2.0, generator=0)
    centre = tuple((k - 1) // 2 for k in kernel)
    matrix = array[(slice(None), slice(None), *centre)] / 2
    assert np.allclose(matrix.T @ matrix, np.eye(6), atol=1e-5)
    assert np.count_nonzero(array) == 48
    letters = "hwd"[: len(kernel)] + "io"
    moved = fastinit.delta_orthogonal((*kernel, 6, 8), 2.0, generator=0, layout=letters)
    assert (np.moveaxis(moved, (-1, -2), (0, 1)) == array).all()
    index = (slice(3, 6), slice(1, None, 2), slice(0, 2))
    part = fastinit.delta_orthogonal((8, 6, *kernel), 2.0, generator=0, index=index)
    assert (part == array[index]).all()


@pytest.mark.parametrize("sparsity", [0, 0.1, 0.25, 1])
def test_sparse(sparsity):
    shape = (37, 501)
    array = fastinit.sparse(shape, sparsity, 0.5, generator=0)
    assert ((array == 0).sum(axis=0) == math.ceil(sparsity * 37)).all()
    normal = fastinit.normal(shape, 0, 0.5, generator=0)
    assert (array[array != 0] == normal[array != 0]).all()
    index = (slice(30, None, -2), slice(7, 400, 3))
    part = fastinit.sparse(shape, sparsity, 0.5, generator=0, index=index)
    assert (part == array[index]).all()


def test_sparse_rows_are_uniform():
    zeros = (fastinit.sparse((10, 20_000), 0.3, generator=1) == 0).mean(axis=1)
    assert abs(zeros - 0.3).max() < 5 * math.sqrt(0.3 * 0.7 / 20_000)


def test_aliases():
    for alias, name in (("glorot", "xavier"), ("he", "kaiming")):
        for kind in ("uniform", "normal", "uniform_", "normal_"):
            assert getattr(fastinit, f"{alias}_{kind}") is getattr(fastinit, f"{name}_{kind}")


def test_zero_size_is_a_no_op():
    array = np.empty((0, 3))
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        assert fastinit.kaiming_normal_(array) is array
    for name in IN_PLACE:
        if "kaiming" in name or "he_" in name:
            continue
        shape = (0, 3, 3) if "dirac" in name else (3, 0, 3) if "delta" in name else (0, 3)
        arguments = (0.5,) if name in ("constant_", "sparse_") else ()
        target = np.empty(shape)
        assert getattr(fastinit, name)(target, *arguments) is target


@pytest.mark.parametrize("name", IN_PLACE)
def test_every_initializer_carries_its_rule(name):
    initializer = getattr(fastinit, name)
    assert (initializer in rules.RULES) != (initializer in rules.DIMENSIONS)


ARGUMENTS = {
    "constant_": {"val": 3},
    "sparse_": {"sparsity": 0.5},
    "uniform_": {"a": -2, "b": np.float32(3)},
    "trunc_normal_": {"std": 0.5, "a": -math.inf},
    "kaiming_normal_": {"a": 2, "mode": "fan_out", "groups": np.int64(2)},
    "xavier_uniform_": {"gain": 2, "layout": "ihwo", "groups": 2, "group_axis": "i"},
    "lecun_normal_": {"layout": "oihw"},
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_rule_is_what_the_initializer_does(name):
    initializer, arguments = getattr(fastinit, name), ARGUMENTS.get(name, {})
    shape = (4, 6) if rules.takes(initializer, 2) else (6, 4, 3)
    shape = (4, 6, 3, 2) if "layout" in arguments else shape
    partial = functools.partial(initializer, **arguments) if arguments else initializer
    distribution = rules.distribution_of(partial, "float32", shape)
    assert (distribution is None) == (initializer in rules.DIMENSIONS)
    if distribution is not None:
        array, expected = np.empty(shape, np.float32), np.empty(shape, np.float32)
        fill.run([(arrays.writable_view(array), None, distribution, fastinit.Stream(0).key)])
        is_random = "generator" in inspect.signature(initializer).parameters
        initializer(expected, **arguments, **({"generator": 0} if is_random else {}))
        assert array.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("partial", "error", "text"),
    [
        (functools.partial(fastinit.normal_, std=math.nan), ValueError, "std must be finite"),
        (functools.partial(fastinit.normal_, std="x"), TypeError, "std must be a number"),
        (functools.partial(fastinit.kaiming_normal_, mode=[]), ValueError, r"Mode \[\] not"),
        (functools.partial(fastinit.constant_, val=1e39), RuntimeError, "to type float without"),
        (functools.partial(fastinit.normal_, 1), TypeError, "takes arguments by name"),
        (functools.partial(fastinit.normal_, generator=1), TypeError, "gives tensor and generator"),
        (functools.partial(fastinit.normal_, stdev=1), TypeError, "stdev"),
        (fastinit.dirac_, ValueError, "Only tensors with 3, 4, or 5 dimensions are supported"),
    ],
)
def test_rules_raise_what_the_initializer_raises(partial, error, text):
    with pytest.raises(error, match=text):
        rules.distribution_of(partial, "float32", (4, 6))


def test_rules_of_arguments_that_change():
    """Numbers that can change, such as tensors, are no keys of the cache of distributions."""
    std = np.array(1.0)

    class Changing:
        def __float__(self):
            return float(std)

    changing = Changing()
    for value in (1.0, 2.0):
        std[...] = value
        for partial in (
            functools.partial(fastinit.normal_, std=changing),
            functools.partial(fastinit.kaiming_normal_, a=changing),
        ):
            before = rules.distribution_of(partial, "float32", (4, 6))
            std[...] = value + 1
            assert rules.distribution_of(partial, "float32", (4, 6)) != before
            std[...] = value


def test_a_function_that_wraps_an_initializer_has_no_rule():
    @functools.wraps(fastinit.normal_)
    def doubled(tensor, **keywords):
        return fastinit.normal_(tensor, std=2, **keywords)

    assert rules.distribution_of(doubled, "float32", (4, 6)) is None


@pytest.mark.parametrize("groups", [np.int64(2), np.uint8(2), np.array(2)])
def test_groups_of_numpy(groups):
    fans = fastinit.calculate_fan_in_and_fan_out((64, 4, 3, 3), groups=groups)
    assert fans == (36, 288)
    assert [type(fan) for fan in fans] == [int, int]
    for name in ("kaiming_normal", "xavier_uniform", "lecun_normal", "variance_scaling"):
        create = getattr(fastinit, name)
        array = create((8, 4, 3), generator=0, groups=groups)
        assert (array == create((8, 4, 3), generator=0, groups=2)).all()
    assert (fastinit.dirac((8, 4, 3), groups) == fastinit.dirac((8, 4, 3), 2)).all()


def section(text, name):
    """Return the lines of a section of a numpydoc docstring."""
    after = text.split(f"{name}\n{'-' * len(name)}\n")[1]
    return re.split(r"\n\n\w.*\n---", after)[0].splitlines()


@pytest.mark.parametrize("name", sorted({*fastinit.__all__} - {"isa", "available_isas"}))
def test_docstrings(name):
    member = getattr(fastinit, name)
    text = inspect.getdoc(member)
    sections = re.findall(r"(?m)^(\w+)\n-+$", text)
    order = ["Parameters", "Attributes", "Returns", "Raises", "Notes", "Examples", "References"]
    assert sections == [each for each in order if each in sections]
    if name != "get_num_threads":
        assert {"Parameters", "Examples"} <= {*sections}
    documented = [
        parameter
        for line in (section(text, "Parameters") if "Parameters" in sections else [])
        if line and not line.startswith(" ")
        for parameter in line.partition(" :")[0].split(", ")
    ]
    assert documented == list(inspect.signature(member).parameters)


@pytest.mark.parametrize("module", ["initializers", "creation"])
def test_docstrings_are_in_the_source(module):
    """Editors show the docstring in the source: it must be complete there."""
    source = importlib.import_module(f"fastinit.{module}")
    functions = [
        node
        for node in ast.parse(inspect.getsource(source)).body
        if isinstance(node, ast.FunctionDef) and node.name in fastinit.__all__
    ]
    names = IN_PLACE if module == "initializers" else [name[:-1] for name in IN_PLACE]
    assert {node.name for node in functions} == {getattr(source, name).__name__ for name in names}
    for function in functions:
        text = ast.get_docstring(function)
        assert text == inspect.getdoc(getattr(source, function.name))
        for name in ("Parameters", "Returns", "Raises", "Examples", "References"):
            assert section(text, name), (function.name, name)
        verb = "Fill " if module == "initializers" else "Create "
        assert text.startswith(verb)
        assert f"fastinit.{function.name}(" in "\n".join(section(text, "Examples"))


@pytest.mark.parametrize(
    "module", ["streams", "threads", "fans", "fill", "arrays", "initializers", "creation"]
)
def test_examples_run(module):
    result = doctest.testmod(importlib.import_module(f"fastinit.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_earlier_fills_change_nothing():
    """The cache of rules must distinguish -0.0 from 0.0, which are equal."""
    array = np.empty(40, np.float32)
    for zero, other in ((0.0, -0.0), (-0.0, 0.0)):
        fastinit.constant_(array, zero)
        fastinit.constant_(array, other)
        assert (np.signbit(array) == np.signbit(other)).all()
        for name in ("uniform_", "normal_"):
            getattr(fastinit, name)(array, zero, 0.0, generator=0)
            getattr(fastinit, name)(array, other, 0.0, generator=0)
            assert array.tobytes() == bytes(array.nbytes)
    fastinit.xavier_uniform_(array.reshape(5, 8), gain=-0.0, generator=0)
    assert array.tobytes() == bytes(array.nbytes)
