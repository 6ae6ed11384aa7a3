"""Every kind of target, and the arrays that creation functions return."""

import array
import ctypes
import itertools
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import fastinit
from fastinit import arrays
from fastinit.dtypes import DTYPES

EXPECTED = {
    dtype: fastinit.normal((4, 6), generator=0, dtype=dtype) for dtype in ("float32", "float64")
}


def test_memmap(tmp_path):
    file = np.memmap(tmp_path / "x", np.float32, "w+", shape=(4, 6))
    assert fastinit.normal_(file, generator=0) is file
    file.flush()
    assert (tmp_path / "x").read_bytes() == EXPECTED["float32"].tobytes()


def test_structured_fields_and_subarrays():
    record = np.zeros((4, 6), np.dtype([("pad", "i1"), ("w", "f4"), ("b", "f8", (2,))]))
    fastinit.normal_(record["w"], generator=0)
    fastinit.zeros_(record["b"])
    assert (record["w"] == EXPECTED["float32"]).all()
    assert (record["pad"] == 0).all()
    packed = np.zeros(24, np.dtype([("pad", "i1"), ("b", "f8", (3,))]))
    fastinit.normal_(packed["b"][:, 1], generator=0)
    assert (packed["b"][:, 1] == EXPECTED["float64"].ravel()).all()
    assert (packed["b"][:, ::2] == 0).all()


@pytest.mark.parametrize("rank", range(1, 7))
def test_transposed_views_of_all_ranks(rank):
    shape = (5, 2, 3, 1, 4, 2)[:rank]
    expected = fastinit.normal(shape, generator=0)
    for order in itertools.permutations(range(rank)):
        base = np.full([shape[axis] for axis in order], 7, np.float32)
        view = base.transpose(np.argsort(order))
        fastinit.normal_(view, generator=0)
        assert (view == expected).all()


def test_0_d_1_element_and_empty():
    scalar = np.zeros((), np.float32)
    assert fastinit.normal_(scalar, generator=0) is scalar
    assert scalar == EXPECTED["float32"][0, 0]
    assert fastinit.normal_(np.zeros((1, 1, 1), np.float32), generator=0) == scalar
    assert fastinit.normal_(np.zeros((3, 0, 2)), generator=0).size == 0
    assert fastinit.normal((), generator=0) == scalar
    assert fastinit.normal((2, 0)).shape == (2, 0)


def test_subclasses():
    class Weights(np.ndarray):
        pass

    weights = np.zeros((4, 6), np.float32).view(Weights)
    assert fastinit.normal_(weights, generator=0) is weights
    assert (np.asarray(weights) == EXPECTED["float32"]).all()


@pytest.mark.parametrize("kind", [np.matrix, np.recarray])
def test_subclasses_of_numpy(kind):
    target = np.zeros((4, 6), np.float32).view(kind)
    assert fastinit.normal_(target, generator=0) is target
    assert type(target) is kind
    assert (np.asarray(target) == EXPECTED["float32"]).all()


def test_fields_of_records():
    records = np.zeros(24, [("pad", "i1"), ("w", "f4")]).view(np.recarray)
    fastinit.normal_(records.w, generator=0)
    assert (records.w == EXPECTED["float32"].ravel()).all()
    with pytest.raises(TypeError, match="dtype"):
        fastinit.normal_(records)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("mask", [np.ma.nomask, np.zeros((4, 6), bool)])
def test_masked_arrays_that_mask_nothing(hard, mask):
    target = np.ma.array(np.zeros((4, 6), np.float32), mask=mask, hard_mask=hard)
    before = target.mask
    assert fastinit.normal_(target, generator=0) is target
    assert (target.data == EXPECTED["float32"]).all()
    assert not np.ma.is_masked(target)
    assert target.hardmask == hard
    assert target.mask is before or not before.any()


@pytest.mark.parametrize(
    "target",
    [
        array.array("f", bytes(96)),
        (ctypes.c_float * 24)(),
        ((ctypes.c_float * 6) * 4)(),
        memoryview(bytearray(96)).cast("f"),
        memoryview(np.zeros((4, 6), np.float32)),
    ],
)
def test_buffer_protocol(target):
    assert fastinit.normal_(target, generator=0) is target
    assert bytes(memoryview(target)) == EXPECTED["float32"].tobytes()


class OnlyDLPack:
    def __init__(self, wrapped):
        self.wrapped = wrapped

    def __dlpack__(self, **keywords):
        return self.wrapped.__dlpack__(**keywords)

    def __dlpack_device__(self):
        return self.wrapped.__dlpack_device__()


class OldDLPack(OnlyDLPack):
    def __dlpack__(self, stream=None):
        return self.wrapped.__dlpack__()


@pytest.mark.parametrize("kind", [OnlyDLPack, OldDLPack])
def test_dlpack(kind):
    base = np.zeros((6, 8), np.float32)
    wrapped = kind(base[1:5, 1:7])
    assert fastinit.normal_(wrapped, generator=0) is wrapped
    assert (base[1:5, 1:7] == EXPECTED["float32"]).all()
    assert (base[0] == 0).all()
    base.flags.writeable = False
    if kind is OnlyDLPack:
        with pytest.raises(ValueError, match=r"read-?only"):
            fastinit.normal_(OnlyDLPack(base))


def test_dlpack_exporter_refuses():
    class Refusing(OnlyDLPack):
        def __dlpack__(self, **keywords):
            raise BufferError("the array is read-only")

    with pytest.raises(ValueError, match="tensor does not lend its memory: the array is read-only"):
        fastinit.normal_(Refusing(np.zeros(3)))


def test_bfloat16_by_dlpack():
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(24, dtype=torch.bfloat16)
    fastinit.normal_(OnlyDLPack(tensor), generator=0)
    assert (tensor == torch.from_numpy(EXPECTED["float32"]).ravel().bfloat16()).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_torch(dtype, dtype_of):
    torch = pytest.importorskip("torch")
    expected = fastinit.normal((4, 6), generator=0, dtype=dtype_of(dtype))
    tensor = torch.zeros((6, 4), dtype=getattr(torch, dtype)).T
    assert fastinit.normal_(tensor, generator=0) is tensor
    unsigned = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.int8}
    bits = tensor.contiguous().view(unsigned[expected.itemsize]).numpy()
    assert bits.tobytes() == expected.tobytes()


def test_torch_parameters_record_no_gradient():
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(6, 4)
    version = layer.weight._version
    assert fastinit.normal_(layer.weight, generator=0) is layer.weight
    assert layer.weight._version == version + 1
    assert layer.weight.is_leaf
    assert layer.weight.requires_grad
    assert layer.weight.grad_fn is None
    assert (layer.weight.detach().numpy() == EXPECTED["float32"]).all()
    result = (layer.weight**2).sum()
    fastinit.normal_(layer.weight)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        result.backward()


VIEWS_OF_LEAVES = {
    "itself": lambda p: p,
    "slice": lambda p: p[1:3],
    "transposed": lambda p: p.t(),
    "reshaped": lambda p: p.view(2, 2, 6),
    "view of a view": lambda p: p.T[::2].unsqueeze(0),
    "chunk": lambda p: p.chunk(2)[1],
    "row": lambda p: p.unbind()[2],
    "detached": lambda p: p.detach(),
    "data": lambda p: p.data,
    "alias": lambda p: p.view_as(p),
    "detached result": lambda p: (p * 2).detach(),
}


@pytest.mark.parametrize("known", [False, True])  # the exchange API of the type
@pytest.mark.parametrize("name", VIEWS_OF_LEAVES)
def test_torch_views_of_leaves_under_autograd(name, known, monkeypatch):
    torch = pytest.importorskip("torch")
    from fastinit import torch_tensors

    monkeypatch.setattr(arrays, "view_functions", {})
    parameter = torch.nn.Parameter(torch.zeros(4, 6))
    view = VIEWS_OF_LEAVES[name](parameter)
    if known:
        fastinit.zeros_(view)
        assert not hasattr(torch.Tensor, "__dlpack_c_exchange_api__") or arrays.view_functions
    assert not torch_tensors.is_computed(view)
    assert fastinit.normal_(view, generator=0) is view
    assert (view.detach().numpy() == fastinit.normal(tuple(view.shape), generator=0)).all()
    if name != "detached result":
        assert (parameter != 0).sum() == view.numel()


@pytest.mark.parametrize("known", [False, True])
def test_torch_views_of_one_parameter_in_turn(known, monkeypatch):
    """Torch raises on access to `grad_fn` of these views after one of them has changed."""
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(arrays, "view_functions", {})
    if known:
        fastinit.zeros_(torch.nn.Parameter(torch.zeros(4, 6)))
    for split in (lambda p: p.chunk(3), lambda p: p.unbind(), lambda p: (p[:2], p[2:4], p[4:])):
        parameter = torch.nn.Parameter(torch.zeros(6, 4))
        for number, part in enumerate(split(parameter)):
            fastinit.constant_(part, number + 1)
            fastinit.normal_(part)
            fastinit.constant_(part, number + 1)
        assert parameter[0, 0] == 1
        assert parameter[5, 3] == number + 1


def test_torch_local_part_of_a_distributed_tensor():
    torch = pytest.importorskip("torch")
    distributed = pytest.importorskip("torch.distributed")
    tensor = pytest.importorskip("torch.distributed.tensor")
    store = distributed.HashStore()
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        mesh = distributed.init_device_mesh("cpu", (1,))
        whole = tensor.DTensor.from_local(torch.zeros(4, 6), mesh, [tensor.Shard(0)])
        fastinit.normal_(torch.nn.Parameter(whole).to_local(), generator=0)
        assert (whole.to_local().numpy() == EXPECTED["float32"]).all()
    finally:
        distributed.destroy_process_group()


def test_torch_views_and_inference():
    torch = pytest.importorskip("torch")
    base = torch.zeros(8, 6)
    fastinit.normal_(base[2:6], generator=0)
    assert (base[2:6].numpy() == EXPECTED["float32"]).all()
    assert (base[6:] == 0).all()
    with torch.inference_mode():
        tensor = torch.zeros(4, 6)
    assert (fastinit.normal_(tensor, generator=0).numpy() == EXPECTED["float32"]).all()
    for name in ("orthogonal_", "eye_"):
        version = base._version
        getattr(fastinit, name)(base)
        assert base._version > version


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *zip(DTYPES, DTYPES, strict=True),
        ("double", "float64"),
        ("float", "float32"),
        ("half", "float16"),
    ],
)
def test_dtypes_of_torch_in_creation(name, dtype, dtype_of):
    torch = pytest.importorskip("torch")
    expected = fastinit.normal((4, 6), generator=0, dtype=dtype_of(dtype))
    created = fastinit.normal((4, 6), generator=0, dtype=getattr(torch, name))
    assert created.dtype == expected.dtype
    assert created.tobytes() == expected.tobytes()
    assert fastinit.empty(3, getattr(torch, name)).dtype == expected.dtype


@pytest.mark.parametrize("name", [name for name in DTYPES if name != "float64"])
def test_dtypes_of_jax_in_creation(name):
    jnp = pytest.importorskip("jax").numpy
    ml_dtypes = pytest.importorskip("ml_dtypes")
    expected = np.dtype(getattr(ml_dtypes, name, name))
    scalar_type = getattr(jnp, name)
    for dtype in (scalar_type, jnp.dtype(name), jnp.zeros(3, name).dtype, expected.type, name):
        created = fastinit.normal((4, 6), generator=0, dtype=dtype)
        assert created.dtype == expected
        assert fastinit.empty(3, dtype).dtype == expected


def test_dtypes_import_no_framework():
    code = (
        "import sys, fastinit\n"
        "fastinit.normal(3, dtype='float32'), fastinit.normal(3, dtype=float)\n"
        "try: fastinit.normal(3, dtype='int32')\n"
        "except TypeError: print(sorted({'torch', 'jax', 'ml_dtypes'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "[]\n", run.stderr


def test_torch_tensors_import_only_torch_tensors():
    pytest.importorskip("torch")
    code = (
        "import sys, torch, fastinit\n"
        "def loaded(): return sorted(n for n in sys.modules if n.startswith('fastinit.torch'))\n"
        "before, everything = loaded(), set(sys.modules)\n"
        "fastinit.normal_(torch.zeros(3)), fastinit.orthogonal_(torch.nn.Linear(3, 3).weight)\n"
        "print(before, loaded(), sorted(set(sys.modules) - everything))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    module = "['fastinit.torch_tensors']"
    assert run.stdout == f"[] {module} {module}\n", run.stderr


def test_torch_bfloat16_without_ml_dtypes():
    pytest.importorskip("torch")
    code = (
        "import sys; sys.modules['ml_dtypes'] = None\n"
        "import torch, fastinit\n"
        "t = fastinit.normal_(torch.zeros(9, dtype=torch.bfloat16), generator=0)\n"
        "assert (t != 0).all()\n"
        "fastinit.orthogonal_(t.view(3, 3))\n"
        "for dtype in ('bfloat16', torch.bfloat16):\n"
        "    try: fastinit.normal(3, dtype=dtype)\n"
        "    except TypeError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.count("dtype bfloat16 needs the package ml_dtypes: pip install") == 2, (
        run.stderr
    )


@pytest.mark.parametrize("shape", [(3,), (7, 5), (1000, 1000), (3, 1 << 19)])
def test_created_arrays(shape):
    created = fastinit.normal(shape, generator=0)
    assert created.shape == shape
    assert created.flags.writeable
    assert created.flags.c_contiguous
    assert created.ctypes.data % 64 == 0
    assert created.dtype == np.float32
    assert (created == fastinit.normal_(np.empty(shape, np.float32), generator=0)).all()


def test_large_arrays_are_on_huge_pages():
    created = fastinit.zeros((4 << 20,))
    start = created.ctypes.data
    assert start % (2 << 20) == 0
    if not os.path.exists("/proc/self/smaps"):
        pytest.skip("the system has no /proc/self/smaps")
    inside = False
    with open("/proc/self/smaps") as lines:
        for line in lines:
            if mapping := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
                inside = int(mapping[1], 16) <= start < int(mapping[2], 16)
            elif inside and line.startswith("VmFlags:"):
                assert "hg" in line.split()
                return
    pytest.fail("the array is in no mapping")


def test_zero_copy_into_torch():
    torch = pytest.importorskip("torch")
    created = fastinit.normal((64, 64), generator=0)
    assert torch.from_dlpack(created).data_ptr() == created.ctypes.data


def test_zero_copy_into_jax():
    jax = pytest.importorskip("jax")
    created = fastinit.normal((64, 64), generator=0)
    taken = jax.dlpack.from_dlpack(created)
    assert taken.unsafe_buffer_pointer() == created.ctypes.data


def test_memory_outlives_its_views():
    part = fastinit.normal((2048, 1024), generator=0)[5:7]
    other = fastinit.normal((2048, 1024), generator=1)
    assert (part == fastinit.normal((2048, 1024), generator=0, index=(slice(5, 7),))).all()
    assert other.size
