"""What `verify` finds, and what it accepts; the moments that it expects."""

import math
from functools import partial

import pytest

torch = pytest.importorskip("torch")

from networks import UNFILLABLE
from torch import nn

import fastinit
from fastinit import torch as ft
from fastinit.dtypes import DTYPES


def problems(model, *arguments, **keywords):
    report = ft.verify(model, *arguments, **keywords)
    return {finding.name: finding.problems for finding in report.bad}


def layer(**keywords):
    return ft.init_module(nn.Linear(64, 48, **keywords), ft.torch_default, 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_verify_accepts_good_models(dtype):
    model = nn.Sequential(nn.Linear(64, 48), nn.Embedding(30, 64, padding_idx=2), nn.PReLU(3))
    model = ft.init_module(model.to(getattr(torch, dtype)), ft.torch_default, 0)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    assert problems(model, ft.torch_default, 0) == {}
    assert problems(model, ft.torch_default) == {}
    assert problems(model) == {}
    for parameter, values in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter.view(torch.uint8), values.view(torch.uint8))


@pytest.mark.parametrize("dtype", DTYPES)
def test_poison(dtype):
    model = ft.poison_(nn.Linear(64, 48).to(getattr(torch, dtype)))
    fastinit.normal_(model.weight[:40], generator=0)
    assert problems(model) == {
        "weight": ("512 of 3072 elements not initialised",),
        "bias": ("48 of 48 elements not initialised",),
    }
    assert model.weight[40:].isnan().all()


def test_meta():
    with torch.device("meta"):
        model = nn.BatchNorm1d(3)
    found = problems(model)
    assert found["weight"] == ("not initialised: on the meta device",)
    assert found["running_mean"] == ("not initialised: on the meta device",)
    assert len(found) == 5


def test_not_finite():
    model = nn.Sequential(layer(), nn.BatchNorm1d(4))
    with torch.no_grad():
        model[0].weight[3, :5] = math.nan
        model[0].bias[7] = math.inf
        model[1].running_var[1] = math.nan
    assert problems(model) == {
        "0.weight": ("5 of 3072 elements are NaN",),
        "0.bias": ("1 of 48 elements are infinite",),
        "1.running_var": ("1 of 4 elements are NaN",),
    }


def test_dead_and_repeated_rows():
    model = layer()
    with torch.no_grad():
        model.weight[[3, 5]] = 0
        model.weight[10] = model.weight[11]
        model.weight[20] = model.weight[11]
        model.weight[30, :63] = model.weight[31, :63]  # not the whole row
    found = ("2 of 48 rows are zero", "2 of 48 rows repeat an earlier one")
    assert problems(model) == {"weight": found}
    wide = ft.init_module(nn.Linear(200, 4), ft.torch_default, 0)
    with torch.no_grad():
        wide.weight[1, :150] = wide.weight[0, :150]
        wide.weight[3] = wide.weight[2]
    assert problems(wide) == {"weight": ("1 of 4 rows repeat an earlier one",)}
    with_recipe = problems(model, ft.torch_default)["weight"]
    assert with_recipe == found


def test_intended_zero_rows():
    padded = nn.Embedding(9, 64, padding_idx=4)
    assert problems(padded) == {}
    with torch.no_grad():
        padded.weight[0] = 0
    assert problems(padded) == {"weight": ("1 of 8 rows are zero",)}
    zeros = ft.Recipe([("*", fastinit.zeros_)])
    model = ft.init_module(nn.Linear(64, 48), zeros, 0)
    assert problems(model, zeros) == {}
    assert problems(model)["weight"] == ("48 of 48 rows are zero",)


def encoder(dtype=torch.float32):
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, dtype=dtype)
    return nn.TransformerEncoder(layer, 3)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_layers_that_were_copied(dtype):
    model = encoder(getattr(torch, dtype))
    found = problems(model)
    assert found["layers.1.linear1.weight"] == ("equals layers.0.linear1.weight",)
    assert found["layers.2.linear1.weight"] == ("equals layers.0.linear1.weight",)
    assert found["layers.2.self_attn.in_proj_weight"] == (
        "equals layers.0.self_attn.in_proj_weight",
    )
    assert found["layers.1.linear2.bias"] == ("equals layers.0.linear2.bias",)
    assert not any(name.startswith("layers.0") or "norm" in name for name in found)
    recipe = ft.torch_default
    assert "layers.1.linear1.weight" in problems(model, recipe)
    assert problems(model, recipe)["layers.1.linear1.weight"] == found["layers.1.linear1.weight"]
    assert problems(ft.init_module(model, recipe, 0), recipe, 0) == {}
    model.layers[2].linear1.weight = model.layers[1].linear1.weight  # shared: one parameter
    assert problems(model) == {}


@pytest.mark.parametrize("dtype", DTYPES)
def test_parameters_that_share_rows(dtype):
    def filled(*shape):
        tensor = torch.empty(shape, dtype=getattr(torch, dtype))
        return nn.Parameter(fastinit.normal_(tensor, generator=0))

    model = nn.ParameterDict(
        {
            "first": filled(10, 64),
            "longer": filled(20, 64),
            "wider": filled(30, 128),
            "row": filled(64),
            "flat": filled(640),
            "narrow": filled(500, 2),
            "kernel": filled(7, 16, 2, 2),
        }
    )
    assert problems(model) == {
        "longer": ("10 of 20 rows equal rows of first",),
        "wider": ("starts with the same values as first",),
        "row": ("equals a row of first",),
        "flat": ("starts with the same values as first",),
        "narrow": ("starts with the same values as first",),
        "kernel": ("7 of 7 rows equal rows of first",),
    }


def test_row_in_another_place():
    model = nn.Sequential(nn.Linear(64, 48, bias=False), nn.Linear(64, 30, bias=False))
    ft.init_module(model, ft.torch_default, 0)
    with torch.no_grad():
        model[1].weight[[4, 20]] = model[0].weight[[7, 3]]
        model[1].weight[5, 1:] = model[0].weight[8, 1:]  # not the whole row
    assert problems(model) == {"1.weight": ("2 of 30 rows equal rows of 0.weight",)}
    everything = problems(model, ft.torch_default, 0)["1.weight"]
    assert everything[-1] == "2 of 30 rows equal rows of 0.weight"


def test_each_pair_is_reported():
    model = nn.ParameterList(fastinit.normal_(torch.empty(8, 64), generator=n) for n in range(3))
    with torch.no_grad():
        model[2][:3] = model[0][:3]
        model[2][5] = model[1][0]
    assert problems(model) == {
        "2": ("3 of 8 rows equal rows of 0", "1 of 8 rows equal rows of 1"),
    }


def test_values_that_may_be_equal():
    same = [
        torch.zeros(48, 64),
        torch.ones(300),
        torch.full((300,), 1e-4),
        torch.eye(64),
        nn.init.dirac_(torch.empty(64, 64, 3)),
        torch.cat([torch.zeros(100), torch.ones(100), torch.zeros(100)]),  # an LSTM's bias
        torch.rand(3),
        torch.rand(5, dtype=torch.float16),
    ]
    model = nn.ParameterList([*same, *(each.clone() for each in same)])
    assert not any("equal" in text for texts in problems(model).values() for text in texts)
    copies = nn.ModuleList([layer(), layer().requires_grad_(False)])  # of a momentum encoder, say
    assert problems(copies) == {}
    assert "1.weight" in problems(copies, ft.torch_default)


def table(tensor):
    return tensor.copy_(torch.linspace(0, 1, tensor.numel()).view_as(tensor))


def drawn(tensor, generator):
    return fastinit.normal_(tensor, generator=0)


def test_equal_parameters_that_the_recipe_intends():
    def pair(first, second):
        recipe = ft.Recipe([("0.weight", first), ("1.weight", second)])
        model = nn.Sequential(*(nn.Linear(64, 48, bias=False) for _ in range(2)))
        return ft.init_module(model, recipe), recipe

    for first in ft.constant(table), table, partial(ft.constant(table)):
        model, recipe = pair(first, first)
        assert problems(model, recipe) == {}
        assert problems(model) == {"1.weight": ("equals 0.weight",)}
    assert problems(*pair(drawn, drawn)) == {"1.weight": ("equals 0.weight",)}
    model, _ = pair(drawn, drawn)
    recipe = ft.Recipe([("0.*", fastinit.normal_), ("1.*", ft.keep)])
    assert problems(model, recipe) == {}


def test_sparse_tensors_have_no_rows():
    recipe = ft.Recipe([("*", partial(fastinit.sparse_, sparsity=0.97))])
    model = ft.init_module(nn.ModuleList(nn.Linear(32, 200, bias=False) for _ in range(9)), recipe)
    assert problems(model, recipe) == {}


def test_large_rows():
    values = fastinit.normal((3, 1 << 19), generator=0)
    model = nn.ParameterList(
        [torch.from_numpy(values), torch.from_numpy(values[1:].copy()), torch.tensor(values[2])]
    )
    assert problems(model) == {
        "1": ("2 of 2 rows equal rows of 0",),
        "2": ("equals a row of 0",),
    }


@pytest.mark.parametrize("name", UNFILLABLE)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_every_dtype_and_layout(name):
    model = nn.Module()
    model.parameter = nn.Parameter(UNFILLABLE[name](), requires_grad=False)
    model.register_buffer("buffer", UNFILLABLE[name]())
    model.layer = layer()
    recipe = ft.Recipe([("layer.*", fastinit.normal_), ("*", ft.keep)])
    assert problems(ft.init_module(model, recipe, 0), recipe, 0) == {}
    found = {finding.name: finding for finding in ft.verify(model).findings}
    assert found["parameter"].dtype == found["buffer"].dtype == model.buffer.dtype
    assert not any("NaN" in text for text in found["parameter"].problems)
    assert "parameter" in str(ft.verify(model))
    ft.poison_(model)
    assert problems(model, recipe)["layer.weight"][0].endswith("elements not initialised")


def test_numbers_of_other_dtypes_and_layouts_are_checked():
    complexes = torch.randn(4, 4, dtype=torch.complex64)
    complexes[0, 0] = complex(math.nan, math.nan)
    complexes[1, 1] = complex(0, math.inf)
    sparse = torch.eye(8).to_sparse()
    sparse._values()[2] = math.nan
    rows = torch.eye(8).to_sparse_csr()
    rows.values()[:3] = math.inf
    narrow = torch.ones(6).to(torch.float8_e4m3fnuz)
    narrow.view(torch.uint8)[4] = 0x80
    model = nn.ParameterDict(
        {"complexes": complexes, "sparse": sparse, "rows": rows}
        | {"narrow": nn.Parameter(narrow, requires_grad=False)}
    )
    model.register_buffer("buffer", complexes)
    assert problems(model) == {
        "complexes": (
            "2 of 32 parts of complex elements are NaN",
            "1 of 32 parts of complex elements are infinite",
        ),
        "sparse": ("1 of 8 stored elements are NaN",),
        "rows": ("3 of 8 stored elements are infinite",),
        "narrow": ("1 of 6 elements not initialised",),  # of this dtype it has one NaN
        "buffer": ("2 of 32 parts of complex elements are NaN",),
    }


def test_poison_of_other_dtypes_and_layouts():
    model = nn.ParameterDict(
        {
            "complexes": torch.zeros(3, dtype=torch.complex128),
            "sparse": torch.eye(4).to_sparse(),
            "rows": torch.eye(4).to_sparse_csr(),
        }
    )
    model["integers"] = nn.Parameter(torch.ones(3, dtype=torch.int8), requires_grad=False)
    assert problems(ft.poison_(model)) == {
        "complexes": ("6 of 6 parts of complex elements not initialised",),
        "sparse": ("4 of 4 stored elements not initialised",),
        "rows": ("4 of 4 stored elements not initialised",),
    }
    assert (model["integers"] == 1).all()


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_poison_skips_lazy_parameters():
    ft.poison_(nn.LazyLinear(3))


def test_complex_rows():
    model = nn.ParameterDict({"weight": torch.randn(5, 8, dtype=torch.complex64)})
    with torch.no_grad():
        model["weight"][2] = model["weight"][4]
        model["weight"][0] = 0
    assert problems(model)["weight"] == (
        "1 of 5 rows are zero",
        "1 of 5 rows repeat an earlier one",
    )
    model["again"] = nn.Parameter(model["weight"].detach().clone())
    assert problems(model)["again"][-1] == "equals weight"


def test_narrow_rows_may_be_equal():
    model = nn.Linear(2, 4000, dtype=torch.bfloat16)
    assert problems(ft.init_module(model, ft.torch_default, 0)) == {}


def test_leftover_memory():
    model = layer()
    with torch.no_grad():
        model.weight.view(torch.int32)[:10] = torch.arange(640, dtype=torch.int32).view(10, 64) + 1
    assert problems(model) == {"weight": ("640 of 3072 elements are subnormal: not weights",)}


def test_expected_moments():
    wrong = ft.Recipe([("*.weight", partial(fastinit.normal_, std=0.08)), ("*", fastinit.ones_)])
    model = layer()
    found = problems(model, wrong)
    assert found["weight"] == ("std 0.07229, not 0.08",)
    assert found["bias"][0].startswith("values in [-0.1")
    with torch.no_grad():
        model.weight += 0.02
    found = problems(model, ft.torch_default)["weight"]
    assert [text.split()[0] for text in found] == ["values", "mean"]
    assert found[0].endswith("not in [-0.125, 0.125]")
    assert problems(model, ft.torch_default, standard_errors=1e9)["weight"] == found[:1]


def test_padding_row_is_to_be_zero():
    model = ft.init_module(nn.Embedding(9, 64), ft.torch_default, 0)
    model.padding_idx = 3
    assert problems(model, ft.torch_default) == {"weight": ("row 3 is not zero",)}


def test_seed():
    model = layer()
    with torch.no_grad():
        model.weight[0, 0] *= 1.0001
    assert problems(model, ft.torch_default) == {}
    found = problems(model, ft.torch_default, 0)
    assert found == {"weight": ("1 of 3072 elements are not the seed's",)}
    assert len(problems(model, ft.torch_default, 1)) == 2
    orthogonal = ft.Recipe([("*.weight", fastinit.orthogonal_), ("*", fastinit.zeros_)])
    assert problems(ft.init_module(layer(), orthogonal, 1), orthogonal, 1) == {}
    assert problems(model, orthogonal, 1)["weight"] == ("3072 of 3072 elements are not the seed's",)


def test_report(capsys):
    model = ft.poison_(layer())
    report = ft.verify(model, ft.torch_default)
    assert not report.ok
    assert [finding.name for finding in report.findings] == ["weight", "bias"]
    assert str(report.bad[1]) == "bias: 48 of 48 elements not initialised"
    assert str(report).splitlines()[-1] == "2 parameters and buffers, 2 with a problem"
    with pytest.raises(ft.VerificationError, match="weight: 3072 of 3072") as raised:
        report.raise_if_bad()
    assert raised.value.report is report
    with pytest.raises(ft.VerificationError):
        ft.verify(model, strict=True)
    good = ft.verify(layer(), ft.torch_default, strict=True)
    assert good.ok
    assert "0.07" in str(good)
    good.show()
    assert "weight" in capsys.readouterr().out
    assert good.findings[0].off < 6


def test_errors():
    with pytest.raises(ValueError, match="seed needs a recipe"):
        ft.verify(layer(), seed=0)
    with pytest.raises(ValueError, match="selects no initializer for"):
        ft.verify(layer(), ft.Recipe([("*.bias", fastinit.zeros_)]))


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy():
    with pytest.raises(ValueError, match="parameter weight: its module is lazy"):
        ft.verify(nn.LazyLinear(3))


def test_empty_parameters():
    model = nn.ParameterDict({"none": torch.empty(0, 4), "scalar": torch.tensor(2.0)})
    assert problems(model) == {}


def test_normal_truncated_in_its_far_tail():
    recipe = ft.Recipe([("*", partial(fastinit.trunc_normal_, a=20, b=30))])
    model = ft.init_module(layer(dtype=torch.bfloat16), recipe, 0)
    assert problems(model, recipe, 0) == {}
