"""Recipes against other readings of the same rules, and whole models by them."""

import math
import sys
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")
stats = pytest.importorskip("scipy.stats")

from networks import (
    UNFILLABLE,
    WRAPPERS,
    DenseNet,
    ResNeXt29,
    WideResNet,
    aliases,
    of_transformers,
)
from torch import nn

import fastinit
from fastinit import torch as ft
from fastinit.rules import RULES


def normal(std):
    return stats.norm(0, std)


def uniform(low, high):
    return stats.uniform(low, high - low)


def assert_distributed(name, tensor, expected):
    """`expected` is a number, exactly, or a distribution of SciPy's."""
    values = tensor.detach().double().numpy().ravel()
    if isinstance(expected, int | float):
        assert (values == expected).all(), name
        return
    kurtosis = float(expected.stats("k")) + 3
    error = expected.std() * math.sqrt((kurtosis - 1) / (4 * values.size))
    measured = math.sqrt(np.mean((values - expected.mean()) ** 2))
    assert abs(measured - expected.std()) < 6 * error, name
    assert stats.kstest(values, expected.cdf).pvalue > 1e-9, name


# The walk of ResNeXt.pytorch, to the letter: what the last assignment to each key leaves.
def read_resnext(model):
    found = {"classifier.weight": normal(math.sqrt(2 / model.classifier.in_features))}
    for key, value in model.state_dict().items():
        if key.split(".")[-1] == "weight":
            if "conv" in key:
                out, _, height, width = value.shape
                found[key] = normal(math.sqrt(2) / math.sqrt(out * height * width))
            if "bn" in key:
                found[key] = 1
        elif key.split(".")[-1] == "bias":
            found[key] = 0
    return found


def read_by_kind(model, std_of_conv, weight_of_norm):
    found = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            found[f"{name}.weight"] = normal(std_of_conv(module))
            found[f"{name}.bias"] = 0
        elif isinstance(module, nn.BatchNorm2d):
            found[f"{name}.weight"] = weight_of_norm
            found[f"{name}.bias"] = 0
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            found[f"{name}.weight"] = uniform(-bound, bound)
            found[f"{name}.bias"] = 0
    return found


def by_outputs(conv):
    n = conv.kernel_size[0] * conv.kernel_size[1] * conv.out_channels
    return math.sqrt(2.0 / n)


def by_inputs(conv):
    n = conv.kernel_size[0] * conv.kernel_size[1] * conv.in_channels
    return math.sqrt(2.0 / n)


VISION = {
    "resnext": (ft.resnext, ResNeXt29, read_resnext),
    "resnext_lua": (ft.resnext_lua, ResNeXt29, lambda m: read_by_kind(m, by_outputs, 1)),
    "densenet": (ft.densenet, DenseNet, lambda m: read_by_kind(m, by_outputs, 1)),
    "densenet, biases": (
        ft.densenet,
        lambda: DenseNet(bias=True),
        lambda m: read_by_kind(m, by_outputs, 1),
    ),
    "wide_resnet": (
        ft.wide_resnet,
        WideResNet,
        lambda m: read_by_kind(m, by_inputs, uniform(0, 1)),
    ),
}


@pytest.mark.parametrize("name", VISION)
def test_vision_recipes(name):
    recipe, network, read = VISION[name]
    model = ft.poison_(network())
    buffers = {key: buffer.clone() for key, buffer in model.named_buffers()}
    assert ft.init_module(model, recipe, 0) is model
    expected = read(model)
    for key, parameter in model.named_parameters():
        assert_distributed(key, parameter, expected[key])
    assert all(torch.equal(buffer, buffers[key]) for key, buffer in model.named_buffers())
    assert model(torch.ones(2, 3, 8, 8)).isfinite().all()
    plan = ft.make_plan(model, recipe)
    for planned in plan:
        if not isinstance(expected[planned.name], int):
            assert planned.moments().std == pytest.approx(expected[planned.name].std(), rel=1e-9)


def test_groups_are_read_as_in_the_sources():
    grouped = nn.Sequential(nn.Conv2d(8, 16, 3, groups=4))
    std = {p.name: p.moments().std for p in ft.make_plan(grouped, ft.wide_resnet)}
    assert std["0.weight"] == pytest.approx(math.sqrt(2 / (9 * 8)))
    std = {p.name: p.moments().std for p in ft.make_plan(grouped, ft.resnext_lua)}
    assert std["0.weight"] == pytest.approx(math.sqrt(2 / (9 * 16)))


def test_key_with_conv_and_bn():
    module = nn.Sequential()
    module.add_module("conv_bn", nn.BatchNorm2d(4))
    ft.init_module(ft.poison_(module), ft.resnext, 0)
    assert (module.conv_bn.weight == 1).all()


class PaddedAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.same = nn.MultiheadAttention(64, 4, add_bias_kv=True)
        self.other = nn.MultiheadAttention(64, 4, kdim=48, vdim=32)
        self.without = nn.MultiheadAttention(64, 4, bias=False)


LAYERS = {
    "Linear": lambda: nn.Linear(48, 96),
    "Linear, one input": lambda: nn.Linear(1, 600),
    "Bilinear": lambda: nn.Bilinear(24, 12, 16),
    "Conv1d": lambda: nn.Conv1d(16, 48, 3),
    "Conv2d, groups": lambda: nn.Conv2d(16, 64, 3, groups=4),
    "Conv3d": lambda: nn.Conv3d(8, 16, 3, bias=False),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(16, 48, 5),
    "ConvTranspose2d, groups": lambda: nn.ConvTranspose2d(16, 64, 3, groups=4),
    "ConvTranspose3d": lambda: nn.ConvTranspose3d(8, 12, 3),
    "Embedding": lambda: nn.Embedding(200, 16),
    "Embedding, padding": lambda: nn.Embedding(200, 16, padding_idx=-1),
    "EmbeddingBag": lambda: nn.EmbeddingBag(200, 16, padding_idx=0),
    "norms": lambda: nn.Sequential(
        nn.LayerNorm(8),
        nn.LayerNorm(8, bias=False),
        nn.LayerNorm(8, elementwise_affine=False),
        nn.RMSNorm(8),
        nn.GroupNorm(2, 8),
        nn.BatchNorm1d(8),
        nn.BatchNorm3d(8, affine=False),
        nn.SyncBatchNorm(8),
        nn.InstanceNorm2d(8, affine=True),
    ),
    "MultiheadAttention": PaddedAttention,
    "RNN": lambda: nn.RNN(16, 64, num_layers=2, bidirectional=True),
    "LSTM": lambda: nn.LSTM(16, 64, proj_size=32),
    "GRU": lambda: nn.GRU(16, 64, bias=False),
    "cells": lambda: nn.Sequential(nn.RNNCell(16, 64), nn.LSTMCell(16, 64), nn.GRUCell(16, 64)),
    "PReLU": lambda: nn.Sequential(nn.PReLU(), nn.PReLU(5, 0.125)),
    "Transformer": lambda: nn.Transformer(32, 2, 1, 1, 64, batch_first=True),
    "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(32, 2, 64),
    "AdaptiveLogSoftmax": lambda: nn.AdaptiveLogSoftmaxWithLoss(32, 100, [20, 50], head_bias=True),
}


def assert_same_as_stock(name, planned, ours, stock):
    """`stock` is the same parameter, initialised by its library several times."""
    ours = ours.detach()
    values = torch.stack([each.detach().double() for each in stock])
    first = values[0].reshape(-1)[0]
    if (values == first).all():
        assert (ours == first).all(), name
        return
    assert ((values == 0).all(0) == (ours == 0)).all(), name
    count = int((ours != 0).sum())
    std = float(values[values != 0].std())
    error = planned.moments().std_error(count) * math.sqrt(1 + 1 / len(stock))
    assert abs(float(ours[ours != 0].double().std(correction=0)) - std) < 6 * error, name
    mean_error = planned.moments().mean_error(count)
    assert abs(float(ours[ours != 0].double().mean())) < 6 * mean_error, name
    if planned.distribution[0] == fastinit._core.UNIFORM:
        bound = planned.distribution[1][1]
        assert float(values.abs().max()) <= bound * (1 + 1e-6), name
        if values.numel() > 500:
            assert float(values.abs().max()) > 0.95 * bound, name


@pytest.mark.parametrize("name", LAYERS)
def test_torch_default(name):
    make = LAYERS[name]
    torch.manual_seed(0)
    stock = [dict(make().named_parameters()) for _ in range(6)]
    model = ft.init_module(ft.poison_(make()), ft.torch_default, 1)
    for planned in ft.make_plan(model, ft.torch_default):
        key = planned.name
        assert_same_as_stock(key, planned, planned.tensor, [each[key] for each in stock])


def test_subclass_with_its_own_reset_has_no_default():
    class Small(nn.Linear):
        def reset_parameters(self):
            nn.init.normal_(self.weight, std=1e-3)

    with pytest.raises(
        ValueError, match=r"selects no initializer for 2 parameters .*: 1\.weight, 1\.bias"
    ):
        ft.make_plan(nn.Sequential(nn.Linear(3, 3), Small(3, 3)), ft.torch_default)


@ft.per_site("N(0, 1 / (d_model d_kv))")
def query_of_t5(site):
    heads = 4
    inner, width = site.tensor.shape
    return partial(fastinit.normal_, std=(width * inner // heads) ** -0.5)


@ft.per_site("N(0, 1 / inputs)")
def inputs_of_t5(site):
    return partial(fastinit.normal_, std=site.tensor.shape[1] ** -0.5)


T5 = ft.Recipe(
    [
        ("shared.weight", partial(fastinit.normal_, std=1.0)),
        ("*.q.weight", query_of_t5),
        ("*.relative_attention_bias.weight", partial(fastinit.normal_, std=64**-0.5)),
        ("*norm.weight", fastinit.ones_),
        (nn.Linear, inputs_of_t5),
    ],
    "t5",
)


OF_TRANSFORMERS = {
    "Llama": ft.transformer(),
    "Llama, untied": ft.transformer(0.1),
    "GPT-2": ft.gpt2(position_std=0.02),
    "BERT": ft.transformer(),
    "T5": T5,
    "ViT": ft.vit(),
    "Mixtral": ft.transformer(),
}


@pytest.mark.parametrize("name", OF_TRANSFORMERS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_transformers(name):
    make, recipe = of_transformers(name), OF_TRANSFORMERS[name]
    torch.manual_seed(0)
    stock = [dict(make().named_parameters()) for _ in range(6)]
    model = ft.init_module(ft.poison_(make()), recipe, 1)
    plan = ft.make_plan(model, recipe)
    assert [planned.name for planned in plan] == list(stock[0])
    for planned in plan:
        key = planned.name
        assert_same_as_stock(key, planned, planned.tensor, [each[key] for each in stock])
    with torch.device("meta"):
        empty = make()
    made = ft.materialize(empty, recipe, 1)
    for (key, tensor), other in zip(
        made.state_dict().items(), model.state_dict().values(), strict=True
    ):
        assert torch.equal(tensor, other), key
    for (key, buffer), other in zip(made.named_buffers(), model.buffers(), strict=True):
        assert torch.equal(buffer, other), key
    for one, two in (aliases(made), aliases(model)), (aliases(make()), aliases(made)):
        assert one == two
    assert ft.verify(made, recipe, 1).ok


def llama_like(layers):
    def block():
        parts = {
            "o_proj": nn.Linear(32, 32),
            "down_proj": nn.Linear(64, 32),
            "norm": nn.RMSNorm(32),
        }
        return nn.ModuleDict(parts)

    return nn.ModuleDict({"layers": nn.ModuleList(block() for _ in range(layers))})


def test_megatron_scales_the_outputs_by_depth():
    plan = ft.make_plan(llama_like(8), ft.megatron())
    std = {planned.name: planned.moments().std for planned in plan}
    assert std["layers.3.o_proj.weight"] == 0.02 / math.sqrt(16)
    assert std["layers.3.norm.weight"] == 0
    explicit = ft.make_plan(llama_like(2), ft.megatron(std=0.01, layers=50))
    assert explicit.parameters[0].moments().std == 0.01 / math.sqrt(100)


def test_gpt2_is_openais_by_default():
    gpt = nn.ModuleDict({"wte": nn.Embedding(50, 8), "wpe": nn.Embedding(16, 8)})
    assert [p.moments().std for p in ft.make_plan(gpt, ft.gpt2())] == [0.02, 0.01]


def two_layers():
    return nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 4))


def test_each_parameter_is_on_the_stream_of_its_name(threads):
    model = ft.init_module(two_layers(), ft.torch_default, 5)
    bound = 16**-0.5
    expected = torch.empty(4, 16)
    fastinit.uniform_(expected, -bound, bound, generator=fastinit.Stream(5) / "2.weight")
    assert torch.allclose(model[2].weight, expected, rtol=1e-6)
    expected = torch.empty(4, 16)
    fastinit.kaiming_uniform_(expected, a=math.sqrt(5), generator=fastinit.Stream(5) / "2.weight")
    assert torch.equal(model[2].weight, expected)
    alone = ft.init_module(nn.Linear(16, 4), ft.torch_default, fastinit.Stream(5), prefix="2.")
    assert torch.equal(alone.weight, model[2].weight)
    assert torch.equal(alone.bias, model[2].bias)


SAMPLES = {
    fastinit.uniform_: {"a": -2, "b": 3},
    fastinit.normal_: {"mean": 1, "std": 0.5},
    fastinit.trunc_normal_: {"std": 0.5, "a": -0.25},
    fastinit.constant_: {"val": 3},
    fastinit.kaiming_normal_: {"mode": "fan_out", "nonlinearity": "tanh", "groups": 2},
    fastinit.variance_scaling_: {"scale": 2, "mode": "fan_avg", "layout": "io"},
    fastinit.xavier_normal_: {"gain": 2, "layout": "io", "groups": 2, "group_axis": "i"},
    fastinit.lecun_normal_: {"layout": "io", "groups": 2, "group_axis": "i"},
}


@pytest.mark.parametrize("initializer", RULES, ids=lambda each: each.__name__)
def test_batched_initializers_are_the_initializers(initializer):
    keywords = SAMPLES.get(initializer, {})
    rule = partial(initializer, **keywords) if keywords else initializer
    model = ft.init_module(nn.Linear(6, 4, bias=False), ft.Recipe([("*", rule)]), 0)
    expected = torch.empty(4, 6)
    constant = initializer in (fastinit.ones_, fastinit.zeros_, fastinit.constant_)
    stream = {} if constant else {"generator": fastinit.Stream(0) / "weight"}
    initializer(expected, **keywords, **stream)
    assert torch.equal(model.weight, expected)
    assert ft.make_plan(model, ft.Recipe([("*", rule)])).parameters[0].distribution is not None


def doubled(tensor, generator):
    return fastinit.orthogonal_(tensor, gain=2, generator=generator)


@ft.constant
def identity(tensor):
    return nn.init.eye_(tensor)


def test_other_initializers_are_called():
    recipe = ft.Recipe([("0.weight", doubled), ("2.weight", identity), ("*", fastinit.zeros_)])
    model = ft.init_module(two_layers(), recipe, 0)
    expected = torch.empty(16, 8)
    fastinit.orthogonal_(expected, 2, generator=fastinit.Stream(0) / "0.weight")
    assert torch.equal(model[0].weight, expected)
    assert torch.equal(model[2].weight, torch.eye(4, 16))
    assert model[0].weight.requires_grad
    assert model[0].weight.grad_fn is None


def uses_the_default_generator(tensor):
    return tensor.normal_()


def of_variable_arguments(tensor, **keywords):
    return fastinit.normal_(tensor, **keywords)


def for_positions_only(tensor, generator=None, /):
    return tensor.normal_()


@pytest.mark.parametrize(
    "initializer",
    [
        uses_the_default_generator,
        for_positions_only,
        lambda tensor: tensor.fill_(1),
        partial(uses_the_default_generator),
        ft.ZeroRow(uses_the_default_generator, 0),
        torch.Tensor.normal_,
        ft.per_site("its own")(lambda site: uses_the_default_generator),
    ],
)
def test_initializers_that_ignore_the_seed(initializer):
    recipe = ft.Recipe([("*.weight", initializer), ("*", fastinit.zeros_)])
    model = nn.Linear(4, 3)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.device("meta"):
        meta = nn.Linear(4, 3)
    message = r"parameter weight: .* takes no `generator`.*fastinit\.torch\.constant"
    for function, module in (
        (ft.init_module, model),
        (ft.materialize, meta),
        (ft.verify, model),
    ):
        with pytest.raises(TypeError, match=message):
            function(module, recipe, 0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert meta.bias.is_meta
    ft.init_module(model, recipe)
    assert (model.bias == 0).all()
    assert not torch.equal(model.weight, before["weight"])


class Ramp:
    """Not hashable, and has no name."""

    __hash__ = None

    def __call__(self, tensor, start=0):
        values = torch.arange(start, start + tensor.numel(), dtype=tensor.dtype)
        return tensor.copy_(values.view_as(tensor))

    def __repr__(self):
        return "Ramp()"


@pytest.mark.parametrize(
    ("initializer", "first"),
    [
        (ft.constant(Ramp()), 0),
        (ft.constant(partial(Ramp(), start=5)), 5),
        (partial(ft.constant(Ramp()), start=5), 5),
        (ft.constant(lambda tensor: tensor.fill_(7)), 7),
        (ft.ZeroRow(ft.constant(lambda tensor: tensor.fill_(7)), 1), 7),
        (torch.Tensor.zero_, 0),
        (partial(torch.Tensor.fill_, value=3.0), 3),
        (torch.zero_, 0),
        (nn.init.eye_, 1),
        (fastinit.eye_, 1),
        (ft.init.ones_, 1),
        (partial(nn.init.constant_, val=2.0), 2),
    ],
)
def test_initializers_that_are_constant(initializer, first):
    recipe = ft.Recipe([("*", initializer)])
    model = nn.Linear(4, 3, bias=False)
    ft.init_module(model, recipe, 0)
    assert model.weight[0, 0] == first
    assert ft.verify(model, recipe, 0).ok
    with torch.device("meta"):
        meta = nn.Linear(4, 3, bias=False)
    assert torch.equal(ft.materialize(meta, recipe, 0).weight, model.weight)
    assert "Constant" not in str(ft.make_plan(model, recipe))


def test_constant_is_of_callables():
    with pytest.raises(TypeError, match="an initializer must be callable, not 3"):
        ft.constant(3)


def test_initializer_of_variable_arguments_gets_the_stream():
    recipe = ft.Recipe([("*", of_variable_arguments)])
    model = ft.init_module(nn.Linear(4, 3), recipe, 0)
    expected = fastinit.normal((3, 4), generator=fastinit.Stream(0) / "weight")
    assert (model.weight.detach().numpy() == expected).all()


def test_lines():
    recipe = ft.Recipe(
        [
            ((nn.Linear | nn.Conv2d, "*.weight"), partial(fastinit.constant_, val=1.0)),
            (nn.LayerNorm, partial(fastinit.constant_, val=2.0)),
            (lambda site: site.name == "0.bias", partial(fastinit.constant_, val=3.0)),
        ],
        "mine",
    )
    other = ft.Recipe([("*.bias", partial(fastinit.constant_, val=4.0))], "rest")
    both = recipe + other
    model = ft.init_module(two_layers(), both, 0)
    values = {name: float(p.detach().flatten()[0]) for name, p in model.named_parameters()}
    assert values == {
        "0.weight": 1,
        "0.bias": 3,
        "1.weight": 2,
        "1.bias": 2,
        "2.weight": 1,
        "2.bias": 4,
    }
    assert len(both) == 4
    assert list(both)[:3] == list(recipe)
    assert str(both).splitlines()[0] == "recipe mine + rest"
    assert "Linear | Conv2d and *.weight  constant_(val=1)" in str(both)
    assert repr(recipe) == "<Recipe mine: 3 lines>"
    assert ft.make_plan(nn.Linear(2, 2, bias=False), both).unused == (
        "LayerNorm",
        "<lambda>",
        "*.bias",
    )
    bare = ft.init_module(nn.Linear(3, 3, bias=True), both, 0)
    assert (bare.bias == 4).all()


def test_recipes_accept_functions_of_torch():
    by_torch = ft.Recipe([("*.weight", nn.init.xavier_uniform_), ("*", nn.init.zeros_)])
    ours = ft.Recipe([("*.weight", fastinit.xavier_uniform_), ("*", fastinit.zeros_)])
    one = ft.init_module(nn.Linear(8, 16), by_torch, 0)
    assert torch.equal(one.weight, ft.init_module(nn.Linear(8, 16), ours, 0).weight)
    for function in nn.init.normal, ft.init.normal_, partial(ft.init.normal):
        same = ft.init_module(nn.Linear(8, 16), ft.Recipe([("*", function)]), 0)
        expected = ft.init_module(nn.Linear(8, 16), ft.Recipe([("*", fastinit.normal_)]), 0)
        assert torch.equal(same.weight, expected.weight)
    padded = ft.Recipe([("*", ft.ZeroRow(nn.init.normal_, 1))])
    one = ft.init_module(nn.Embedding(3, 4), padded, 0)
    two = ft.init_module(nn.Embedding(3, 4), ft.Recipe([("*", fastinit.normal_)]), 0)
    assert torch.equal(one.weight[[0, 2]], two.weight[[0, 2]])
    sized = ft.Recipe([("*", partial(nn.init.normal_, std=0.5))])
    assert ft.make_plan(nn.Linear(8, 16), sized).parameters[0].moments().std == 0.5


def test_keep_leaves_values():
    model = two_layers()
    before = model[2].weight.clone()
    ft.init_module(model, ft.Recipe([("0.*", fastinit.zeros_), ("*", ft.keep)]), 0)
    assert torch.equal(model[2].weight, before)
    assert (model[0].weight == 0).all()


@pytest.mark.parametrize("name", UNFILLABLE)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_kept_parameters_may_be_of_any_kind(name):
    model = nn.Module()
    model.kept = nn.Parameter(UNFILLABLE[name](), requires_grad=False)
    model.layer = nn.Linear(8, 2)
    recipe = ft.Recipe([("layer.*", fastinit.normal_), ("*", ft.keep)])
    version = model.kept._version
    ft.init_module(model, recipe, 0)
    assert model.kept._version == version
    expected = fastinit.normal((2, 8), generator=fastinit.Stream(0) / "layer.weight")
    assert (model.layer.weight.detach().numpy() == expected).all()
    plan = ft.make_plan(model, recipe)
    assert [planned.is_kept for planned in plan] == [True, False, False]
    assert "kept" in str(plan)
    with pytest.raises(TypeError, match=r"parameter kept: it has (quantised )?(dtype|layout)"):
        ft.init_module(model, ft.Recipe([("*", fastinit.ones_)]), 0)


def test_kept_parameters_may_be_on_the_meta_device():
    model = two_layers()
    model[2] = nn.Linear(16, 4, device="meta")
    ft.init_module(model, ft.Recipe([("2.*", ft.keep)]) + ft.torch_default, 0)
    assert model[2].weight.is_meta
    with pytest.raises(ValueError, match=r"parameter 2\.weight: `keep` would leave"):
        ft.materialize(model[2], ft.Recipe([("*", ft.keep)]), 0, prefix="2.")


@pytest.fixture(scope="module")
def process_group(tmp_path_factory):
    """A group of this process alone, which wrappers of torch.distributed need."""
    store = tmp_path_factory.mktemp("group") / "store"
    torch.distributed.init_process_group("gloo", f"file://{store}", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


class Block(nn.Module):
    """Has an attribute that is called as wrappers call what they wrap."""

    def __init__(self):
        super().__init__()
        self.module = nn.Linear(8, 8)
        self.norm = nn.BatchNorm1d(8)

    def forward(self, x):
        return self.norm(self.module(x))


def blocks():
    return nn.Sequential(Block(), Block(), nn.Linear(8, 8))


def within(wrap):
    model = blocks()
    model[0] = wrap(model[0])
    model[1].module = wrap(model[1].module)
    return model


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_wrappers_change_no_names(name, process_group):
    wrap = WRAPPERS[name]
    recipe = ft.Recipe([("0.module.weight", fastinit.orthogonal_)]) + ft.torch_default
    bare = ft.init_module(blocks(), recipe, 0)
    expected = dict(bare.named_parameters())
    for model in (wrap(blocks()), within(wrap), wrap(within(wrap))):
        ft.poison_(model)
        assert ft.init_module(model, recipe, 0) is model
        plan = ft.make_plan(model, recipe)
        assert [planned.name for planned in plan] == list(expected)
        assert plan.title == "Sequential by recipe + torch_default"
        for planned in plan:
            assert torch.equal(planned.tensor, expected[planned.name])
        report = ft.verify(model, recipe, 0)
        assert report.ok
        names = [finding.name for finding in report.findings]
        names = [each for each in names if not each.endswith("n_averaged")]
        assert names == [finding.name for finding in ft.verify(bare).findings]
        part = ft.init_module(wrap(Block()), recipe, 0, prefix="0.")
        assert torch.equal(next(part.parameters()), expected["0.module.weight"])


def test_sites_see_no_wrappers():
    seen = []

    @ft.per_site("zeros, and looks")
    def look(site):
        seen.append((site.name, type(site.module), [type(each) for each in site.ancestors]))
        return fastinit.zeros_

    model = nn.DataParallel(nn.Sequential(nn.DataParallel(Block())))
    ft.init_module(model, ft.Recipe([("*", look)]), 0)
    assert seen[0] == ("0.module.weight", nn.Linear, [nn.Sequential, Block])


def test_subclasses_of_wrappers_are_wrappers():
    class Mine(nn.DataParallel):
        pass

    class DataParallel(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

    names = [planned.name for planned in ft.make_plan(Mine(nn.Linear(2, 2)), ft.torch_default)]
    assert names == ["weight", "bias"]
    names = [p.name for p in ft.make_plan(DataParallel(nn.Linear(2, 2)), ft.torch_default)]
    assert names == ["module.weight", "module.bias"]


def test_wrapper_with_a_parameter_of_the_same_name():
    class Scaled(nn.DataParallel):
        def __init__(self, module):
            super().__init__(module)
            self.weight = nn.Parameter(torch.ones(3, 3))

    model = Scaled(nn.Linear(3, 3))
    with pytest.raises(ValueError, match="parameter weight: a wrapper and what it wraps"):
        ft.init_module(model, ft.torch_default, 0)


def test_parametrizations_keep_their_names():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 3))
    plan = ft.make_plan(layer, ft.Recipe([("*", fastinit.normal_)]))
    assert [planned.name for planned in plan] == [name for name, _ in layer.named_parameters()]
    assert plan.parameters[1].name == "parametrizations.weight.original0"


def test_zero_row_changes_no_other_row():
    for row in (0, 3, -1):
        padded = ft.init_module(nn.Embedding(9, 4, padding_idx=row), ft.torch_default, 0)
        whole = ft.init_module(nn.Embedding(9, 4), ft.torch_default, 0)
        assert (padded.weight[row] == 0).all()
        kept = [each for each in range(9) if each != row % 9]
        assert torch.equal(padded.weight[kept], whole.weight[kept])
    tensor = ft.ZeroRow(fastinit.normal_, 3)(torch.empty(9, 4), fastinit.Stream(0) / "weight")
    kept = [each for each in range(9) if each != 3]
    assert torch.equal(tensor[kept], whole.weight[kept])
    assert (tensor[3] == 0).all()


def test_shared_parameters_are_filled_once():
    model = two_layers()
    model.add_module("again", nn.Linear(16, 4))
    model.again.weight = model[2].weight
    plan = ft.make_plan(model, ft.torch_default)
    assert next(p for p in plan if p.name == "2.weight").aliases == ("again.weight",)
    assert "2.weight = again.weight" in str(plan)
    ft.init_module(model, ft.torch_default, 0)
    assert model.again.weight is model[2].weight


def test_dtypes_and_strides():
    conv = nn.Conv2d(8, 8, 3).to(torch.bfloat16, memory_format=torch.channels_last)
    ft.init_module(conv, ft.torch_default, 0)
    plain = ft.init_module(nn.Conv2d(8, 8, 3), ft.torch_default, 0)
    assert conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(conv.weight, plain.weight.bfloat16())


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_zero_elements():
    model = ft.init_module(nn.Linear(0, 3), ft.torch_default, 0)
    assert (model.bias == 0).all()


def test_dry_run(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    model = two_layers()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert ft.init_module(model, ft.torch_default, 0, dry_run=True) is model
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Sequential by torch_default"
    assert lines[1].split() == ["parameter", "shape", "fan", "in", "/", "out", "rule", "std"]
    assert lines[2].split() == [
        *("0.weight", "16x8", "8", "/", "16"),
        *("kaiming_uniform_(a=2.23607)", "0.2041"),
    ]
    assert len(lines) == 8
    with torch.device("meta"):
        ft.init_module(two_layers(), ft.torch_default, dry_run=True)
    assert capsys.readouterr().out.splitlines() == lines


def test_rich_tables(capsys):
    pytest.importorskip("rich")
    ft.init_module(two_layers(), ft.torch_default, 0, dry_run=True)
    out = capsys.readouterr().out
    assert "0.weight" in out
    assert "━" in out or "─" in out


def with_parameter(tensor, requires_grad=True):
    model = two_layers()
    model[2].weight = nn.Parameter(tensor, requires_grad=requires_grad)
    return model


BAD = {
    "meta": (
        lambda: with_parameter(torch.empty(4, 16, device="meta")),
        ValueError,
        r"parameter 2\.weight: it is on the meta device: fastinit\.torch\.materialize",
    ),
    "complex": (
        lambda: with_parameter(torch.zeros(4, 16, dtype=torch.complex64)),
        TypeError,
        r"parameter 2\.weight: it has dtype torch\.complex64, but only float64",
    ),
    "integer": (
        lambda: with_parameter(torch.zeros(4, 16, dtype=torch.int8), False),
        TypeError,
        r"parameter 2\.weight: it has dtype torch\.int8",
    ),
    "sparse": (
        lambda: with_parameter(torch.zeros(4, 16).to_sparse()),
        TypeError,
        r"parameter 2\.weight: it has layout torch\.sparse_coo",
    ),
    "broadcast": (
        lambda: with_parameter(torch.zeros(4, 1).expand(4, 16)),
        ValueError,
        r"parameter 2\.weight: tensor has strides",
    ),
    "lazy": (
        lambda: nn.Sequential(nn.Linear(3, 3), nn.LazyLinear(4)),
        ValueError,
        r"parameter 1\.weight: its module is lazy",
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_bad_parameters(name):
    make, error, message = BAD[name]
    model = make()
    before = model[0].weight.clone()
    with pytest.raises(error, match=message):
        ft.init_module(model, ft.torch_default, 0)
    assert torch.equal(model[0].weight, before)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_quantised_parameter():
    tensor = torch.quantize_per_tensor(torch.zeros(4, 16), 0.1, 0, torch.qint8)
    model = with_parameter(tensor, False)
    before = model[0].weight.clone()
    with pytest.raises(TypeError, match=r"parameter 2\.weight: it has quantised dtype torch.qint8"):
        ft.init_module(model, ft.torch_default, 0)
    assert torch.equal(model[0].weight, before)


def test_wrapper_without_memory():
    class Wrapper(torch.Tensor):
        @staticmethod
        def __new__(cls, shape):
            return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=torch.float32)

        @classmethod
        def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
            return args[0]

    model = two_layers()
    del model[2].weight
    model[2].register_parameter("weight", nn.Parameter(Wrapper((4, 16))))
    before = model[0].weight.clone()
    with pytest.raises((TypeError, ValueError), match=r"parameter 2\.weight"):
        ft.init_module(model, ft.torch_default, 0)
    assert torch.equal(model[0].weight, before)


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        (
            ft.Recipe([]),
            ValueError,
            "matches nothing in Sequential, whose parameters are: 0.weight",
        ),
        (
            ft.Recipe([("*.wieght", fastinit.ones_)]),
            ValueError,
            "matches nothing in Sequential",
        ),
        (
            ft.Recipe([("*.bias", fastinit.zeros_)]),
            ValueError,
            r"for 3 parameters of Sequential: 0.weight, 1.weight, 2.weight; add lines",
        ),
        (
            ft.Recipe([("*", fastinit.kaiming_normal_)]),
            ValueError,
            r"parameter 0\.bias: Fan in and fan out can not be computed",
        ),
        (
            ft.Recipe([("*", fastinit.orthogonal_)]),
            ValueError,
            r"parameter 0\.bias: Only tensors with 2 or more dimensions are supported",
        ),
        (
            ft.Recipe([("*", partial(fastinit.normal_, std=-1))]),
            RuntimeError,
            r"parameter 0\.weight: normal expects std >= 0.0",
        ),
        (
            ft.Recipe([("*", partial(fastinit.normal_, std=math.nan))]),
            ValueError,
            r"parameter 0\.weight: std must be finite, not nan",
        ),
        (
            ft.Recipe([("*", partial(fastinit.normal_, sdt=1))]),
            TypeError,
            r"parameter 0\.weight: .*sdt",
        ),
        (
            ft.Recipe([("*", partial(fastinit.normal_, 0, 1))]),
            TypeError,
            r"parameter 0\.weight: .*by name, not by position",
        ),
        (
            ft.Recipe([("*", partial(fastinit.normal_, generator=1))]),
            TypeError,
            r"parameter 0\.weight: a recipe gives tensor and generator itself",
        ),
        (
            ft.Recipe([("*", ft.ZeroRow(fastinit.normal_, 99))]),
            ValueError,
            r"parameter 0\.weight: there is no row 99",
        ),
        ([("*", fastinit.ones_)], TypeError, "recipe must be a fastinit.torch.Recipe"),
    ],
)
def test_bad_recipes(recipe, error, message):
    model = two_layers()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(error, match=message):
        ft.init_module(model, recipe, 0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    "line",
    [
        "*.weight",
        ("*.weight",),
        (3, fastinit.ones_),
        (int, fastinit.ones_),
        (("*", 3), fastinit.ones_),
        ("*", 0.0),
    ],
)
def test_bad_lines(line):
    with pytest.raises(TypeError):
        ft.Recipe([line])


def test_nothing_to_fill():
    with pytest.raises(ValueError, match="matches nothing in ReLU, whose parameters are: none"):
        ft.init_module(nn.ReLU(), ft.torch_default, 0)
