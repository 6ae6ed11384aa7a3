"""Types of `fastinit.torch` and of fills of tensors: checked by mypy and pyright, never run."""

from functools import partial
from typing import assert_type

import torch
from torch import nn

import fastinit
import fastinit.torch.init as init
from fastinit import torch as ft


def keep_the_type_of_their_target(tensor: torch.Tensor, parameter: nn.Parameter) -> None:
    generator = torch.Generator()
    assert_type(fastinit.kaiming_normal_(tensor, generator=generator), torch.Tensor)
    assert_type(fastinit.kaiming_normal_(parameter, generator=0), nn.Parameter)
    assert_type(fastinit.orthogonal_(parameter), nn.Parameter)
    assert_type(init.kaiming_normal_(parameter, generator=generator), torch.Tensor)
    assert_type((fastinit.Stream(0) / "dropout").torch("cpu"), torch.Generator)


def keep_the_type_of_a_model(model: nn.Linear) -> None:
    assert_type(ft.init_module(model, ft.torch_default, seed=0), nn.Linear)
    assert_type(ft.materialize(model, ft.transformer(0.02), 0, dtype=torch.bfloat16), nn.Linear)
    assert_type(ft.poison_(model), nn.Linear)


@ft.accelerate
def plain(width: int) -> nn.Linear:
    return nn.Linear(width, width)


@ft.accelerate(seed=0, creation=False)
def seeded(width: int, *, bias: bool = True) -> nn.Linear:
    return nn.Linear(width, width, bias=bias)


@ft.no_acceleration()
def unaccelerated(width: int) -> nn.Linear:
    return nn.Linear(width, width)


class Model(nn.Module):
    @ft.accelerate()
    def grow(self, width: int) -> "Model":
        return self


def decorators_keep_the_type_of_a_function() -> None:
    assert_type(plain(3), nn.Linear)
    assert_type(seeded(3, bias=False), nn.Linear)
    assert_type(unaccelerated(3), nn.Linear)
    assert_type(Model().grow(3), Model)
    plain("3")  # type: ignore
    seeded(3, bais=False)  # type: ignore


def contexts() -> None:
    with ft.accelerate(), ft.accelerate(seed=0), ft.no_acceleration():
        pass
    ft.enable_acceleration(seed=0)
    ft.disable_acceleration()
    ft.accelerate(seed="0")  # type: ignore


def recipes(model: nn.Module) -> None:
    mine = ft.Recipe([("*.bias", fastinit.zeros_), (nn.Linear, partial(fastinit.normal_, std=1))])
    assert_type(mine + ft.torch_default, ft.Recipe)
    plan = ft.make_plan(model, mine)
    assert_type(plan, ft.Plan)
    for planned in plan:
        assert_type(planned.name, str)
        assert_type(planned.shape, tuple[int, ...])


def reports(model: nn.Module, batch: torch.Tensor) -> None:
    report = ft.verify(model, ft.torch_default, seed=0)
    assert_type(report, ft.Report)
    assert_type(report.ok, bool)
    assert_type(report.bad, tuple[ft.Finding, ...])
    assert_type(ft.measure_signal(model, batch), list[ft.Signal])
