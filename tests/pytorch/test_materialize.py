"""Models from the meta device."""

import importlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import OF_A_GROUP, WRAPPERS, ResNeXt29
from torch import nn

import fastinit
from fastinit import torch as ft


def on_meta(make):
    with torch.device("meta"):
        return make()


def state(model):
    return dict(model.state_dict(keep_vars=True))


@pytest.fixture
def dirty_memory(monkeypatch):
    """Make all new memory full of not-a-numbers."""

    def dirty(shape, dtype):
        memory = fastinit.empty(shape, dtype)
        memory.view(np.uint8)[...] = 0xFF
        return memory

    module = importlib.import_module("fastinit.torch.materialize")
    monkeypatch.setattr(module, "empty", dirty)


class Everything(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16, padding_idx=3)
        self.conv = nn.Conv1d(16, 16, 3, padding=1).to(memory_format=torch.preserve_format)
        self.norm = nn.BatchNorm1d(16)
        self.plain = nn.BatchNorm1d(16, affine=False)
        self.lstm = nn.LSTM(16, 16, batch_first=True)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, 50)
        self.head.weight = self.embedding.weight
        self.alias = self.norm.running_mean

    def forward(self, indices):
        x = self.embedding(indices)
        x = self.plain(self.norm(self.conv(x.transpose(1, 2)))).transpose(1, 2)
        x, _ = self.lstm(x)
        return self.head(self.attention(x, x, x)[0])


def test_values_equal_those_of_init_module(dirty_memory):
    made = ft.materialize(on_meta(Everything), ft.torch_default, 3)
    expected = ft.init_module(Everything(), ft.torch_default, 3)
    assert list(state(made)) == list(state(expected))
    for name, value in state(made).items():
        assert torch.equal(value, state(expected)[name]), name
        assert value.requires_grad == state(expected)[name].requires_grad
        assert type(value) is type(state(expected)[name])
    assert made.head.weight is made.embedding.weight
    assert made.norm.num_batches_tracked.dtype == torch.int64
    batch = torch.arange(12).reshape(3, 4)
    assert torch.equal(made.eval()(batch), expected.eval()(batch))
    made.train()(batch).sum().backward()
    assert made.lstm.weight_hh_l0.grad is not None
    assert ft.verify(made, ft.torch_default).findings
    copied = nn.Linear(16, 50)
    copied.load_state_dict(made.head.state_dict())
    assert torch.equal(copied.weight, made.head.weight)


def test_attributes_that_are_buffers_stay_buffers():
    class Aliased(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("frequencies", torch.arange(4.0), persistent=False)
            self.original = self.frequencies
            self.layer = nn.Linear(4, 4)

        def reset_buffers(self):
            self.frequencies.copy_(torch.arange(4.0))

    made = ft.materialize(on_meta(Aliased), ft.torch_default, 0)
    assert made.original is made.frequencies
    assert made.frequencies.tolist() == [0, 1, 2, 3]
    assert "frequencies" not in made.state_dict()


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_dtype(dirty_memory, dtype):
    dtype = getattr(torch, dtype)
    made = ft.materialize(on_meta(ResNeXt29), ft.resnext, 0, dtype=dtype)
    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        expected = ft.init_module(ResNeXt29(), ft.resnext, 0)
    finally:
        torch.set_default_dtype(default)
    for name, value in state(made).items():
        assert value.dtype == state(expected)[name].dtype
        assert torch.equal(value, state(expected)[name]), name
    assert made(torch.ones(2, 3, 8, 8, dtype=dtype)).isfinite().all()


def test_float8(dirty_memory):
    made = ft.materialize(
        on_meta(lambda: nn.Linear(40, 30)), ft.torch_default, 0, dtype=torch.float8_e4m3fn
    )
    assert made.weight.dtype == torch.float8_e4m3fn
    assert ft.verify(made, ft.torch_default, 0).ok


def test_parameters_keep_class_and_attributes(dirty_memory):
    class Special(nn.Parameter):
        pass

    def make():
        layer = nn.Conv2d(8, 6, 3)
        layer.weight = Special(torch.empty(6, 8, 3, 3).to(memory_format=torch.channels_last))
        layer.weight.tensor_model_parallel = True
        layer.bias.requires_grad_(False)
        return layer

    made = ft.materialize(on_meta(make), ft.Recipe([("*", fastinit.normal_)]), 0)
    assert type(made.weight) is Special
    assert made.weight.tensor_model_parallel
    assert made.weight.is_contiguous(memory_format=torch.channels_last)
    assert not made.bias.requires_grad
    expected = fastinit.normal((6, 8, 3, 3), generator=fastinit.Stream(0) / "weight")
    assert (made.weight.detach().numpy() == expected).all()


def test_hooks_fire(dirty_memory):
    seen = []
    model = on_meta(lambda: nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2)))
    doubling = model[0].weight.register_hook(lambda gradient: 2 * gradient)
    model[0].weight.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
    removed = model[0].bias.register_post_accumulate_grad_hook(lambda p: seen.append("bias"))
    model[1].weight.register_hook(lambda gradient: seen.append("tied"))
    model[1].bias.register_hook(lambda gradient: seen.append("frozen"))
    model[1].bias.requires_grad_(False)
    model.add_module("again", model[1])
    weight = model[0].weight
    ft.materialize(model, ft.torch_default, 0)
    assert model[0].weight is not weight
    expected = ft.init_module(nn.Linear(3, 2), ft.torch_default, 0, prefix="0.")
    batch = torch.ones(4, 3)
    expected(batch).sum().backward()
    model[0](batch).sum().backward()
    assert torch.equal(model[0].weight.grad, 2 * expected.weight.grad)
    assert seen.pop(0) == "bias"
    assert torch.equal(seen.pop(), model[0].weight.grad)
    seen.clear()
    doubling.remove()
    removed.remove()
    model.zero_grad()
    model[0](batch).sum().backward()
    assert torch.equal(model[0].weight.grad, expected.weight.grad)
    assert len(seen) == 1
    seen.clear()
    model[1].bias.requires_grad_(True)
    model.again(torch.ones(1, 2)).sum().backward()
    assert sorted(seen) == ["frozen", "tied"]
    model[1].bias.register_hook(lambda gradient: 0 * gradient)
    model.zero_grad()
    model.again(torch.ones(1, 2)).sum().backward()
    assert model.again.bias.grad.tolist() == [0, 0]


def test_gradients_on_the_meta_device_are_not_kept():
    layer = on_meta(lambda: nn.Linear(3, 2))
    layer(torch.ones(4, 3, device="meta")).sum().backward()
    assert layer.weight.grad.is_meta
    assert ft.materialize(layer, ft.torch_default, 0).weight.grad is None


# The other wrappers read the values.
@pytest.mark.parametrize(
    "name", [name for name in WRAPPERS if name not in ("AveragedModel", *OF_A_GROUP)]
)
def test_wrappers_on_the_meta_device(name):
    model = on_meta(lambda: nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)))
    model[0] = WRAPPERS[name](model[0])
    model = WRAPPERS[name](model)
    expected = ft.materialize(
        on_meta(lambda: nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))), ft.torch_default, 0
    )
    ft.materialize(model, ft.torch_default, 0)
    for one, two in zip(model.parameters(), expected.parameters(), strict=True):
        assert torch.equal(one, two)
    assert ft.verify(model, ft.torch_default, 0).ok
    assert {f.name for f in ft.verify(model).findings} >= {"1.running_mean", "0.weight"}


def test_errors_name_buffers_without_wrappers():
    model = on_meta(lambda: nn.Sequential(Masked()))
    with pytest.raises(ValueError, match=r"has set: 0\.mask, 0\.partly; give"):
        ft.materialize(nn.DataParallel(model), ft.torch_default, 0)


def test_large_parameters_are_on_huge_pages():
    made = ft.materialize(
        on_meta(lambda: nn.Linear(1024, 1024)), ft.torch_default, 0, dtype=torch.bfloat16
    )
    assert made.weight.data_ptr() % (2 << 20) == 0


def test_part_of_a_model():
    whole = ft.materialize(on_meta(Everything), ft.torch_default, 0)
    part = ft.materialize(on_meta(lambda: nn.LSTM(16, 16)), ft.torch_default, 0, prefix="lstm.")
    assert torch.equal(part.weight_hh_l0, whole.lstm.weight_hh_l0)


def test_buffers_in_memory_are_kept():
    model = on_meta(lambda: nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
    model[1].running_mean = torch.tensor([5.0, 6.0])
    ft.materialize(model, ft.torch_default, 0)
    assert model[1].running_var.tolist() == [1, 1]
    assert model[1].num_batches_tracked == 0


def test_shared_buffers_stay_shared():
    class Sharing(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.BatchNorm1d(3)
            self.second = nn.BatchNorm1d(3)
            self.second.running_var = self.first.running_var
            self.first.register_buffer("again", self.first.running_var)

    made = ft.materialize(on_meta(Sharing), ft.torch_default, 0)
    assert made.second.running_var is made.first.running_var is made.first.again
    assert made.first.again.tolist() == [1, 1, 1]


def test_orthogonal_parameters(dirty_memory):
    recipe = ft.Recipe([("*.weight", fastinit.orthogonal_)]) + ft.torch_default
    made = ft.materialize(on_meta(lambda: nn.Linear(8, 8)), recipe, 0, dtype=torch.bfloat16)
    expected = ft.init_module(nn.Linear(8, 8, dtype=torch.bfloat16), recipe, 0)
    assert torch.equal(made.weight, expected.weight)


def test_within_the_meta_context():
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(30, 4), nn.BatchNorm1d(4), nn.Embedding(9, 9))
        ft.materialize(model, ft.torch_default, 0)
        assert ft.verify(model, ft.torch_default, 0).ok
        assert ft.verify(model).ok
    assert all(tensor.device.type == "cpu" for tensor in model.state_dict().values())


def test_only_buffers():
    made = ft.materialize(on_meta(lambda: nn.BatchNorm2d(4, affine=False)), ft.torch_default, 0)
    assert made.running_var.tolist() == [1, 1, 1, 1]


class Rotary(nn.Module):
    """As torchtune's and torchtitan's: the method makes a new tensor."""

    def __init__(self, method):
        super().__init__()
        self.register_buffer("mask", torch.ones(3, dtype=torch.bool))
        self.register_buffer("theta", torch.ones(3), persistent=False)
        setattr(self, method, self.make)

    def make(self):
        self.mask.copy_(torch.tensor([True, False, True]))
        self.register_buffer("theta", torch.tensor([1.0, 0.1, 0.01]), persistent=False)


@pytest.mark.parametrize("method", ["rope_init", "reset_parameters", "init_buffers"])
def test_methods_that_set_buffers(method):
    model = on_meta(lambda: nn.Sequential(Rotary(method), nn.Linear(2, 2)))
    ft.materialize(model, ft.torch_default, 0, dtype=torch.bfloat16)
    assert model[0].theta.tolist() == torch.tensor([1.0, 0.1, 0.01]).tolist()
    assert model[0].mask.tolist() == [True, False, True]


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.norm = nn.BatchNorm1d(2)
        self.register_buffer("mask", torch.ones(3, 3))
        self.register_buffer("partly", torch.ones(4), persistent=False)

    def reset_buffers(self):
        self.partly[:2] = 0


class Attribute(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.scale = torch.ones(3)


class Failing(Masked):
    """Its methods do what cannot be done while the parameters are on the meta device."""

    def reset_buffers(self):
        self.partly.copy_(self.layer.weight.reshape(-1))  # RuntimeError: no data

    def init_buffers(self):
        self.mask[0] = float(self.layer.weight.detach().numpy()[0, 0])  # TypeError

    def reset_parameters(self):
        fastinit.zeros_(self.layer.weight)  # ValueError


class Broken(Masked):
    def reset_buffers(self):
        raise KeyError("no such thing")


def sparse():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(3, 3))
    model[1].weight = nn.Parameter(torch.sparse_coo_tensor(size=(3, 3), check_invariants=True))
    return model


def integers():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(3, 3))
    model[1].weight = nn.Parameter(torch.empty(3, 3, dtype=torch.int8), requires_grad=False)
    return model


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            Masked,
            ValueError,
            r"buffers that no method of their modules has set: mask, partly; give",
        ),
        (Failing, ValueError, r"has set: mask, partly; give"),
        (Broken, KeyError, "no such thing"),
        (Attribute, ValueError, r"neither parameters nor buffers: scale; register"),
        (sparse, TypeError, r"parameter 1\.weight: it has layout"),
        (integers, TypeError, r"parameter 1\.weight: it has dtype torch\.int8"),
        (lambda: nn.LazyLinear(3), ValueError, r"parameter weight: its module is lazy"),
        (nn.ReLU, ValueError, "matches nothing in ReLU"),
        (lambda: nn.ParameterList([torch.empty(3)]), ValueError, "matches nothing"),
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_bad_models_are_unchanged(make, error, message):
    model = on_meta(make)
    before = [*model.parameters(), *model.buffers()]
    with pytest.raises(error, match=message):
        ft.materialize(model, ft.torch_default, 0)
    after = [*model.parameters(), *model.buffers()]
    assert all(one is two for one, two in zip(before, after, strict=True))


def failing(tensor, generator):
    raise RuntimeError("out of luck")


@ft.constant
def partly(tensor):
    return tensor[0].fill_(1)


@pytest.mark.parametrize(
    ("recipe", "keywords", "error", "message"),
    [
        (
            ft.Recipe([("0.weight", partly), ("*", fastinit.ones_)]),
            {},
            ValueError,
            r"parameter 0\.weight: partly has left 2 of its elements uninitialised",
        ),
        (ft.Recipe([("*", ft.keep)]), {}, ValueError, r"parameter 0\.weight: `keep` would leave"),
        (ft.Recipe([("*", failing)]), {}, RuntimeError, r"parameter 0\.weight: out of luck"),
        (ft.torch_default, {"device": "meta"}, ValueError, "device must have memory"),
        (ft.torch_default, {"dtype": torch.int32}, TypeError, "dtype must be one of"),
        (ft.torch_default, {"seed": "zero"}, TypeError, "generator must be"),
    ],
)
def test_bad_arguments(recipe, keywords, error, message):
    model = on_meta(lambda: nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
    before = [*model.parameters(), *model.buffers()]
    with pytest.raises(error, match=message):
        ft.materialize(model, recipe, **{"seed": 0, **keywords})
    after = [*model.parameters(), *model.buffers()]
    assert all(one is two for one, two in zip(before, after, strict=True))


def test_no_such_device():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    model = on_meta(lambda: nn.Linear(2, 2))
    with pytest.raises((RuntimeError, AssertionError), match=r"CUDA|NVIDIA"):
        ft.materialize(model, ft.torch_default, 0, device="cuda")
    assert model.weight.is_meta


def test_model_in_memory():
    model = nn.Sequential(on_meta(lambda: nn.Linear(2, 2)), nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"parameter 1\.weight: it is on device cpu already"):
        ft.materialize(model, ft.torch_default, 0)
    assert model[0].weight.is_meta


def test_errors_of_the_methods_that_set_buffers():
    with pytest.raises(ValueError, match="no method of their modules has set") as caught:
        ft.materialize(on_meta(Failing), ft.torch_default, 0)
    assert "tensor is on device meta" in str(caught.value.__cause__)  # the last method's
    with pytest.raises(KeyError, match="no such thing") as caught:
        ft.materialize(on_meta(Broken), ft.torch_default, 0)
    assert caught.value.__notes__ == ["in a method that was called to set the buffer mask"]
