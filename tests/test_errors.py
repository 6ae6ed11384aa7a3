"""Bad input raises a clear error, and leaves the target unchanged."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

import fastinit
from fastinit import _core, arrays

NAN, INF = math.nan, math.inf


def target(shape=(4, 6), dtype=np.float32):
    return np.full(shape, 7, dtype)


# initializer, shape, arguments, keywords, exception, text
BAD_PARAMETERS = [
    ("uniform_", (3,), (2, 1), {}, RuntimeError, r"\[from, to\) range, but found from=2 > to=1"),
    ("uniform_", (3,), (NAN, 1), {}, ValueError, "a must be finite, not nan"),
    ("uniform_", (3,), (0, INF), {}, ValueError, "b must be finite, not inf"),
    ("uniform_", (3,), (0, 1e39), {}, RuntimeError, "to is out of bounds for float"),
    ("uniform_", (3,), ("x",), {}, TypeError, "a must be a number, not 'x'"),
    ("normal_", (3,), (0, -1), {}, RuntimeError, "normal expects std >= 0.0, but found std -1"),
    ("normal_", (3,), (INF, 1), {}, ValueError, "mean must be finite"),
    ("normal_", (3,), (0, NAN), {}, ValueError, "std must be finite"),
    ("trunc_normal_", (3,), (0, 1, 2, -2), {}, RuntimeError, "a=2 > b=-2"),
    ("trunc_normal_", (3,), (0, 1, NAN, 2), {}, ValueError, "a must be"),
    ("trunc_normal_", (3,), (0, 1, INF, INF), {}, ValueError, "a must be"),
    ("trunc_normal_", (3,), (0, 1, -INF, -INF), {}, ValueError, "b must be"),
    ("trunc_normal_", (3,), (0, -1), {}, ValueError, "std must be at least 0"),
    ("constant_", (3,), (1e39,), {}, RuntimeError, "cannot be converted to type float "),
    ("constant_", (3,), (None,), {}, TypeError, "val must be a number"),
    ("eye_", (3,), (), {}, ValueError, "Only tensors with 2 dimensions are supported"),
    ("eye_", (3, 3, 3), (), {}, ValueError, "Only tensors with 2 dimensions are supported"),
    ("dirac_", (3, 3), (), {}, ValueError, "Only tensors with 3, 4, or 5 dimensions are supported"),
    ("dirac_", (3, 3, 3), (2,), {}, ValueError, "dim 0 must be divisible by groups"),
    ("dirac_", (3, 3, 3), (0,), {}, ValueError, "groups must be a positive int"),
    ("xavier_uniform_", (3,), (), {}, ValueError, "tensor with fewer than 2 dimensions"),
    ("xavier_normal_", (3, 3), (-1,), {}, RuntimeError, "normal expects std >= 0.0"),
    ("xavier_normal_", (3, 3), (INF,), {}, ValueError, "gain must be finite"),
    ("kaiming_normal_", (3,), (), {}, ValueError, "tensor with fewer than 2 dimensions"),
    (
        "kaiming_normal_",
        (3, 3),
        (0, "fan_avg"),
        {},
        ValueError,
        r"Mode fan_avg not supported, please use one of \['fan_in', 'fan_out'\]",
    ),
    (
        "kaiming_normal_",
        (3, 3),
        (0, "fan_in", "foo"),
        {},
        ValueError,
        "Unsupported nonlinearity foo",
    ),
    ("kaiming_uniform_", (3, 3), (NAN,), {}, ValueError, "a must be finite"),
    ("kaiming_normal_", (3, 3), (), {"layout": "oo"}, ValueError, "layout 'oo' does not describe"),
    ("kaiming_normal_", (3, 3), (), {"layout": "oih"}, ValueError, "'hwio'"),
    ("kaiming_normal_", (3, 3), (), {"groups": 2}, ValueError, "divisible by groups"),
    ("kaiming_normal_", (3, 3), (), {"groups": 1.0}, ValueError, "groups must be a positive int"),
    ("variance_scaling_", (3, 3), (0,), {}, ValueError, "scale must be positive, not 0"),
    ("variance_scaling_", (3, 3), (INF,), {}, ValueError, "scale must be finite"),
    ("variance_scaling_", (3, 3), (1, "fan"), {}, ValueError, "'fan_geo_avg'"),
    ("variance_scaling_", (3, 3), (1, "fan_in", "t"), {}, ValueError, "'truncated_normal'"),
    ("lecun_normal_", (3,), (), {}, ValueError, "fewer than 2 dimensions"),
    ("orthogonal_", (3,), (), {}, ValueError, "Only tensors with 2 or more dimensions"),
    ("delta_orthogonal_", (3, 3), (), {}, ValueError, "3, 4, or 5 dimensions"),
    ("delta_orthogonal_", (3, 4, 3), (), {}, ValueError, "at most as many inputs as outputs"),
    ("sparse_", (3,), (0.5,), {}, ValueError, "Only tensors with 2 dimensions are supported"),
    ("sparse_", (3, 3), (1.5,), {}, ValueError, "sparsity must be between 0 and 1"),
    ("sparse_", (3, 3), (0.5, -1), {}, RuntimeError, "normal expects std"),
    ("normal_", (3,), (), {"generator": "0"}, TypeError, "generator must be None, an int seed"),
    ("normal_", (3,), (), {"generator": True}, TypeError, "generator must be"),
    ("normal_", (3,), (), {"generator": -1}, ValueError, "seed must be at least 0"),
    ("normal_", (3,), (), {"shape": (3,)}, ValueError, "explicit generator"),
    ("normal_", (3,), (), {"index": (slice(3),)}, ValueError, "index needs shape"),
    ("normal_", (3,), (), {"shape": (9,), "generator": 0}, ValueError, r"index selects \(9,\)"),
    (
        "normal_",
        (3,),
        (),
        {"shape": (9,), "index": (2,), "generator": 0},
        TypeError,
        "index must be a tuple of slices",
    ),
    (
        "normal_",
        (3,),
        (),
        {"shape": (9,), "index": (slice(3), slice(3)), "generator": 0},
        ValueError,
        "more entries",
    ),
    ("normal_", (3,), (), {"shape": (-3,), "generator": 0}, ValueError, "shape must have entries"),
    ("normal_", (3,), (), {"shape": (3.0,), "generator": 0}, TypeError, "shape must have int"),
]


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "keywords", "error", "text"), BAD_PARAMETERS
)
def test_bad_parameters(name, shape, arguments, keywords, error, text):
    array = target(shape)
    with pytest.raises(error, match=text):
        getattr(fastinit, name)(array, *arguments, **keywords)
    assert (array == 7).all()


@pytest.mark.parametrize(
    ("shape", "index"),
    [
        (1 << 63, slice(3)),
        ((1 << 70,), slice(1 << 69, (1 << 69) + 3)),
        ((1 << 40, 1 << 40), (slice(3), slice(1))),
        ((0, 1 << 63), (slice(3), slice(1))),
    ],
)
@pytest.mark.parametrize("name", ["normal_", "zeros_", "orthogonal_"])
def test_logical_tensors_past_63_bits(name, shape, index):
    array = target((3, 1))
    keywords = {} if name == "zeros_" else {"generator": 0}
    with pytest.raises(
        ValueError, match=r"shape must have fewer than 2\*\*63 elements, not .*Stream"
    ):
        getattr(fastinit, name)(array, shape=shape, index=index, **keywords)
    assert (array == 7).all()


def test_slices_past_64_bits():
    whole = fastinit.normal(9, generator=0)
    for index, far in (
        (slice(2, 3), slice(2, 1 << 70, 1 << 70)),
        (slice(8, 9), slice(8, -1 << 70, -1 << 70)),
        (slice(9), slice(-1 << 70, 1 << 70)),
        (slice(0), slice(1 << 70, None)),
    ):
        array = target(whole[index].shape)
        fastinit.normal_(array, generator=0, shape=9, index=far)
        assert (array == whole[index]).all()
    last = (1 << 63) - 4
    pair = fastinit.normal((1 << 63) - 1, generator=0, index=slice(last, last + 3, 2))
    run = fastinit.normal((1 << 63) - 1, generator=0, index=slice(last, last + 3))
    assert (pair == run[::2]).all()


@pytest.mark.parametrize(
    "dtype", ["int32", "int8", "bool", "complex64", "longdouble", "object", ">f4", "datetime64[s]"]
)
def test_dtypes_that_cannot_be_filled(dtype):
    array = np.ones(3).astype(dtype) if dtype != "datetime64[s]" else np.zeros(3, dtype)
    before = array.copy()
    with pytest.raises(TypeError, match=r"dtype|byte order"):
        fastinit.normal_(array)
    assert (array == before).all()


def read_only_array():
    array = target()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("make", [read_only_array, lambda: bytes(8), lambda: memoryview(bytes(8))])
def test_read_only(make):
    with pytest.raises((ValueError, TypeError), match=r"read-only"):
        fastinit.normal_(make())


def test_read_only_memmap(tmp_path):
    (tmp_path / "x").write_bytes(bytes(64))
    with pytest.raises(ValueError, match="read-only"):
        fastinit.normal_(np.memmap(tmp_path / "x", np.float32, "r"))
    assert (tmp_path / "x").read_bytes() == bytes(64)


@pytest.mark.parametrize("name", ["normal_", "zeros_", "orthogonal_"])
@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_masked_elements(name, hard, dtype, dtype_of):
    mask = np.zeros((4, 6), bool)
    mask[1, 2:4] = True
    array = np.ma.array(target(dtype=dtype_of(dtype)), mask=mask, hard_mask=hard)
    shared = array[1:]  # shares memory and mask
    for masked, kept in ((array, array.mask.copy()), (shared, shared.mask.copy())):
        with pytest.raises(
            ValueError, match=r"masked array with 2 masked elements: .*tensor\.data"
        ):
            getattr(fastinit, name)(masked)
        assert (masked.data == 7).all()
        assert (masked.mask == kept).all()
    assert shared.sharedmask
    # The ways out that the error names.
    getattr(fastinit, name)(array.data)
    assert (array.mask == mask).all()
    array[...] = fastinit.constant((4, 6), 3, dtype=array.dtype)
    assert (array.data[~mask] == 3).all()
    assert (array.data[mask] == 3).all() != hard
    assert np.ma.is_masked(array) == hard


def test_masked_constant():
    with pytest.raises(ValueError, match=r"masked|read-only"):
        fastinit.normal_(np.ma.masked)


def test_elements_that_share_memory():
    base = target((6,))
    for view in (
        np.lib.stride_tricks.as_strided(base, (3, 6), (0, 4)),
        np.lib.stride_tricks.as_strided(base, (3, 4), (4, 4)),
        np.lib.stride_tricks.as_strided(base, (5,), (2,)),
    ):
        with pytest.raises(ValueError, match="share memory"):
            fastinit.normal_(view)
    assert (base == 7).all()


@pytest.mark.parametrize("thing", [None, [1.0, 2.0], 1.0, "x", object()])
def test_no_array(thing):
    with pytest.raises(TypeError, match="tensor must be an array in CPU memory"):
        fastinit.normal_(thing)


def test_jax_arrays():
    jax = pytest.importorskip("jax")
    array = jax.numpy.ones(3)
    with pytest.raises(TypeError, match="immutable"):
        fastinit.normal_(array)
    assert (array == 1).all()


@pytest.mark.filterwarnings("ignore:.*prototype", "ignore:Sparse CSR", "ignore:.*deprecated")
def test_torch_tensors_that_cannot_be_filled():
    torch = pytest.importorskip("torch")
    fastinit.normal_(torch.zeros(3))  # from now on the type's exchange API is used
    many = [1] * 65
    for tensor, error in (
        (torch.ones(3, dtype=torch.int32), TypeError),
        (torch.ones(3, dtype=torch.complex64), TypeError),
        (torch.ones(3).to_sparse(), TypeError),
        (torch.ones(3, device="meta"), ValueError),
        (torch.ones(1).expand(3), ValueError),
        (torch.nn.LazyLinear(3).weight, ValueError),
        (torch.ones(3, dtype=torch.complex64).conj().imag, TypeError),
        (torch.ones(3, 3).to_sparse_csr(), TypeError),
        (torch.ones(3, 3).to_mkldnn(), TypeError),
        (torch.nested.nested_tensor([torch.ones(3), torch.ones(2)]), TypeError),
        (torch.quantize_per_tensor(torch.ones(3), 1.0, 0, torch.quint8), TypeError),
        (torch.ones(many), ValueError),
    ):
        with pytest.raises(error, match="tensor "):
            fastinit.normal_(tensor)


@pytest.mark.parametrize("error", [RuntimeError, TypeError, ValueError, AttributeError])
def test_errors_of_the_exchange_api_are_raised(error, monkeypatch):
    """An unexpected failure must not select the slower way in silence."""
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(3)
    fastinit.normal_(tensor)
    if not hasattr(torch.Tensor, "__dlpack_c_exchange_api__"):
        pytest.skip("this torch has no exchange API")

    def fail(*arguments):
        raise error("a bug")

    monkeypatch.setattr(_core, "view_of_dlpack", fail)
    with pytest.raises(error, match="a bug"):
        fastinit.zeros_(tensor)
    assert (tensor != 0).all()


def parametrized(torch, register):
    layer = torch.nn.Linear(6, 4)
    register(layer)
    layer(torch.ones(1, 6))  # the older hooks compute the weight in each call
    return layer.weight


def changed_in_place(torch, weight):
    buffer = torch.zeros(4, 6)
    buffer.mul_(weight)
    return buffer


COMPUTED = {
    "weight_norm": lambda torch, w: parametrized(
        torch, torch.nn.utils.parametrizations.weight_norm
    ),
    "orthogonal": lambda torch, w: parametrized(torch, torch.nn.utils.parametrizations.orthogonal),
    "spectral_norm": lambda torch, w: parametrized(
        torch, torch.nn.utils.parametrizations.spectral_norm
    ),
    "older weight_norm": lambda torch, w: parametrized(torch, torch.nn.utils.weight_norm),
    "older spectral_norm": lambda torch, w: parametrized(torch, torch.nn.utils.spectral_norm),
    "pruning": lambda torch, w: parametrized(
        torch, lambda layer: torch.nn.utils.prune.random_unstructured(layer, "weight", 0.5)
    ),
    "sum": lambda torch, w: w + 1,
    "copy": lambda torch, w: w.clone(),
    "converted": lambda torch, w: w.to(torch.bfloat16),
    "transposed copy": lambda torch, w: w.t().contiguous(),
    "view of a result": lambda torch, w: (w * 2)[1:].t(),
    "chunk of a result": lambda torch, w: (w * 2).chunk(2)[0],
    "changed in place": changed_in_place,
}


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
@pytest.mark.parametrize("known", [False, True])  # the exchange API of the type
@pytest.mark.parametrize("name", COMPUTED)
def test_computed_torch_tensors(name, known, monkeypatch):
    torch = pytest.importorskip("torch")
    pytest.importorskip("torch.nn.utils.prune")
    from fastinit import torch_tensors

    monkeypatch.setattr(arrays, "view_functions", {})
    tensor = COMPUTED[name](torch, torch.nn.Parameter(torch.ones(4, 6)))
    if known:
        fastinit.normal_(torch.zeros(4, 6))
    assert torch_tensors.is_computed(tensor)
    before, version = tensor.detach().clone(), tensor._version
    for function in (fastinit.normal_, fastinit.zeros_, fastinit.eye_, fastinit.orthogonal_):
        with pytest.raises(ValueError, match="tensor is computed") as error:
            function(tensor)
        assert "grad_fn=<" in str(error.value)
        assert "module.parametrizations.weight.original" in str(error.value)
    assert torch.equal(tensor.detach(), before)
    assert tensor._version == version
    fastinit.zeros_(tensor.detach())  # the way out, to fill only this result
    assert (tensor.detach() == 0).all()
    with pytest.raises(ValueError, match="tensor is computed"):
        fastinit.normal_(tensor)


def test_parametrizations_that_return_their_original():
    torch = pytest.importorskip("torch")
    for parametrization in (torch.nn.Identity(), torch.nn.Flatten()):
        layer = torch.nn.Linear(6, 4)
        torch.nn.utils.parametrize.register_parametrization(layer, "weight", parametrization)
        fastinit.constant_(layer.weight, 3)
        assert (layer.parametrizations.weight.original == 3).all()


class Elsewhere:
    def __dlpack_device__(self):
        return (2, 0)

    def __dlpack__(self, **keywords):
        raise AssertionError("asked for the memory of a GPU")


def test_gpu_memory():
    with pytest.raises(ValueError, match="only CPU memory can be filled"):
        fastinit.normal_(Elsewhere())


def test_same_exceptions_as_torch():
    torch = pytest.importorskip("torch")
    for name, shape, arguments in (
        ("uniform_", (3,), (2, 1)),
        ("normal_", (3,), (0, -1)),
        ("trunc_normal_", (3,), (0, 1, 2, -2)),
        ("eye_", (3,), ()),
        ("dirac_", (3, 3), ()),
        ("dirac_", (3, 3, 3), (2,)),
        ("xavier_uniform_", (3,), ()),
        ("xavier_normal_", (3, 3), (-1,)),
        ("kaiming_normal_", (3,), ()),
        ("kaiming_normal_", (3, 3), (0, "fan_avg")),
        ("kaiming_normal_", (3, 3), (0, "fan_in", "foo")),
        ("orthogonal_", (3,), ()),
        ("sparse_", (3,), (0.5,)),
        ("constant_", (3,), (1e39,)),
    ):
        with pytest.raises(Exception) as theirs:  # noqa: PT011
            getattr(torch.nn.init, name)(torch.ones(shape), *arguments)
        with pytest.raises(theirs.type) as ours:
            getattr(fastinit, name)(target(shape), *arguments)
        wording = str(theirs.value).split("std -")[0]
        if name != "trunc_normal_":
            assert wording in str(ours.value)


def test_no_warning_about_truncation():
    fastinit.trunc_normal(9, 5.0, generator=0)  # warnings are errors here


@pytest.mark.parametrize(
    "dtype",
    [
        "int32",
        "float128",
        "x",
        ">f4",
        "3f4",
        "f4,f4",
        "torch.float32",
        np.complex64,
        3,
        (),
        [],
        {},
        None,
    ],
)
def test_dtype_of_creation(dtype):
    for create in (fastinit.normal, fastinit.empty):
        with pytest.raises(TypeError, match=r"dtype must be one of float64, .*, not ") as error:
            create(3, dtype=dtype)
        assert str(error.value).endswith(repr(dtype))


@pytest.mark.parametrize(
    "name", ["int32", "long", "uint8", "bool", "complex64", "float8_e8m0fnu", "quint8"]
)
def test_dtype_of_torch_in_creation(name):
    torch = pytest.importorskip("torch")
    dtype = getattr(torch, name)
    with pytest.raises(TypeError, match=f"dtype must be one of float64, .*, not {dtype}"):
        fastinit.normal(3, dtype=dtype)


@pytest.mark.parametrize("name", ["int32", "bool_", "complex64", "int4", "float8_e4m3b11fnuz"])
def test_dtype_of_jax_in_creation(name):
    dtype = getattr(pytest.importorskip("jax").numpy, name)
    with pytest.raises(TypeError, match=r"dtype must be one of float64, .*, not "):
        fastinit.normal(3, dtype=dtype)


@pytest.mark.parametrize(
    ("shape", "error"),
    [((-1,), ValueError), ((2.0,), TypeError), (1 << 60, MemoryError), ((True,), TypeError)],
)
def test_shape_of_creation(shape, error):
    with pytest.raises(error):
        fastinit.normal(shape)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "x", True])
def test_number_of_threads(threads):
    with pytest.raises(ValueError, match="threads must be an int of at least 1"):
        fastinit.set_num_threads(threads)


def test_environment(monkeypatch):
    monkeypatch.setenv("FASTINIT_NUM_THREADS", "many")
    with pytest.raises(ValueError, match="FASTINIT_NUM_THREADS must be an int"):
        fastinit.get_num_threads()
    monkeypatch.setenv("FASTINIT_NUM_THREADS", "3")
    assert fastinit.get_num_threads() == 3
    monkeypatch.delenv("FASTINIT_NUM_THREADS")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(10 * (os.cpu_count() or 1)))
    assert fastinit.get_num_threads() == 1


def test_isa_of_the_environment():
    for name, status in (("portable", 0), ("mmx", 1)):
        command = [sys.executable, "-c", "import fastinit; print(fastinit.isa())"]
        environment = {**os.environ, "FASTINIT_ISA": name}
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert run.returncode == status
        assert name in (run.stdout if status == 0 else run.stderr.splitlines()[-1])
    assert "ImportError: FASTINIT_ISA" in run.stderr


@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")
def test_torch_tensors_without_memory():
    torch = pytest.importorskip("torch")
    fake_tensor = pytest.importorskip("torch._subclasses.fake_tensor")
    fastinit.normal_(torch.empty(4), generator=0)  # from now on the type's exchange API is used
    with fake_tensor.FakeTensorMode():
        fake = torch.empty(100)
    for tensor in (fake, torch._efficientzerotensor((4,))):
        with pytest.raises(ValueError, match="no memory of its own"):
            fastinit.normal_(tensor, generator=0)

    def initialize(tensor):
        return fastinit.normal_(tensor, generator=0)

    zeros = torch.zeros(3, 4)
    for transform in (torch.func.vmap, torch.func.functionalize):
        with pytest.raises(ValueError, match="no memory of its own"):
            transform(initialize)(zeros)
    assert (zeros == 0).all()


def test_torch_tensor_beyond_its_storage():
    torch = pytest.importorskip("torch")
    fastinit.normal_(torch.empty(4), generator=0)
    tensor = torch.zeros(1000)
    beyond = (tensor, tensor[2:8:3], tensor[4:5], tensor.reshape(25, 40)[:, 3:4])
    within = (tensor[:4], tensor[:4:3], tensor[900:900])
    tensor.untyped_storage().resize_(16)
    for view in beyond:
        with pytest.raises(ValueError, match="beyond its storage"):
            fastinit.normal_(view, generator=0)
    for view in within:
        fastinit.normal_(view, generator=0)
