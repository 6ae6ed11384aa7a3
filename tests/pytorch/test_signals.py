"""`measure_signal` and `plot_signal`: the widths of activations and gradients over a model."""

import math
from functools import partial

import pytest

torch = pytest.importorskip("torch")

from networks import WRAPPERS, DenseNet
from torch import nn

import fastinit
from fastinit import torch as ft


def chain(std):
    recipe = ft.Recipe([("*.weight", std), ("*", fastinit.zeros_)])
    model = nn.Sequential(*(part for _ in range(12) for part in (nn.Linear(256, 256), nn.ReLU())))
    return ft.init_module(model, recipe, 0)


def test_signal_keeps_its_width_by_kaiming():
    batch = torch.empty(64, 256)
    fastinit.normal_(batch, generator=0)
    good = ft.measure_signal(chain(fastinit.kaiming_normal_), batch)
    small = ft.measure_signal(chain(partial(fastinit.normal_, std=0.02)), batch)
    assert [signal.kind for signal in good[:2]] == ["Linear", "ReLU"]
    assert len(good) == 24
    assert 0.5 < good[22].forward / good[0].forward < 2
    assert 0.5 < good[0].backward / good[22].backward < 2
    assert small[22].forward / small[0].forward < 1e-3
    assert small[0].backward / small[22].backward < 1e-3


def test_signal_equals_what_hooks_measure():
    model = nn.Sequential(nn.Linear(8, 4), nn.Tanh())
    batch = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    first, last = ft.measure_signal(model, batch)
    hidden = model[0](batch)
    assert first.forward == pytest.approx(float(hidden.detach().std(correction=0)))
    noise = torch.empty(16, 4)
    fastinit.normal_(noise, generator=fastinit.Stream(0) / "0")
    gradient = noise * (1 - torch.tanh(hidden) ** 2)
    assert first.backward == pytest.approx(float(gradient.detach().std(correction=0)))
    assert last.backward == pytest.approx(float(noise.std(correction=0)))


def test_signal_does_not_change_the_model():
    model = ft.init_module(DenseNet(), ft.densenet, 0)
    model.insert = nn.Dropout()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    signals = ft.measure_signal(model, torch.ones(2, 3, 8, 8))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert signals[0].name == "conv1"
    assert all(signal.backward > 0 for signal in signals)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["DataParallel", "AveragedModel", "checkpoint_wrapper"])
def test_signal_through_wrappers(name):
    model = ft.init_module(DenseNet(), ft.densenet, 0)
    batch = torch.ones(2, 3, 8, 8)
    expected = ft.measure_signal(model, batch)
    model.dense1[0] = WRAPPERS[name](model.dense1[0])
    assert ft.measure_signal(WRAPPERS[name](model), batch) == expected


def test_layer_whose_truth_is_false():
    class HasLayer(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.ModuleList()  # false, since it is empty

        def forward(self, x):
            return 2 * x

    model = nn.Sequential(nn.Linear(3, 3), HasLayer())
    names = [signal.name for signal in ft.measure_signal(model, torch.ones(2, 3))]
    assert names == ["0"]


class ByName(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.act = nn.ReLU(inplace=True)

    def forward(self, indices, scale):
        return {"out": (self.act(self.embedding(indices)) * scale, None), "indices": indices}


def test_signal_of_other_batches():
    by_name = {"indices": torch.arange(5), "scale": torch.tensor(2.0)}
    for batch in by_name, tuple(by_name.values()):
        signals = ft.measure_signal(ByName(), batch)
        assert [signal.name for signal in signals] == ["embedding", "act"]
        assert all(math.isfinite(signal.backward) for signal in signals)
    frozen = nn.Linear(3, 3).requires_grad_(False)
    (signal,) = ft.measure_signal(frozen, torch.ones(2, 3))
    assert signal.name == "(model)"
    assert math.isnan(signal.backward)


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    model = ft.init_module(DenseNet(), ft.densenet, 0)
    figure = ft.plot_signal(model, torch.ones(2, 3, 8, 8))
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines] == [
        "activation, forward",
        "gradient, backward",
    ]
    assert len(axes.lines[0].get_xdata()) == len(ft.measure_signal(model, torch.ones(2, 3, 8, 8)))
    figure.savefig(tmp_path / "signal.png")
    assert (tmp_path / "signal.png").stat().st_size > 0
