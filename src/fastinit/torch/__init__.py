"""PyTorch: other people's models constructed faster, a drop-in for torch.nn.init, whole models by
recipes, models from the meta device, and what is checked after."""

from fastinit.torch import init
from fastinit.torch.accelerate import (
    accelerate,
    disable_acceleration,
    enable_acceleration,
    no_acceleration,
)
from fastinit.torch.exchange import register
from fastinit.torch.materialize import materialize
from fastinit.torch.plan import Plan, PlannedParameter, init_module, make_plan
from fastinit.torch.poison import poison_
from fastinit.torch.recipe import PerSite, Recipe, Site, ZeroRow, constant, keep, per_site
from fastinit.torch.recipes import (
    densenet,
    gpt2,
    megatron,
    resnext,
    resnext_lua,
    torch_default,
    transformer,
    vit,
    wide_resnet,
)
from fastinit.torch.signals import Signal, measure_signal, plot_signal
from fastinit.torch.verify import Finding, Report, VerificationError, verify

__all__ = [
    "Finding",
    "PerSite",
    "Plan",
    "PlannedParameter",
    "Recipe",
    "Report",
    "Signal",
    "Site",
    "VerificationError",
    "ZeroRow",
    "accelerate",
    "constant",
    "densenet",
    "disable_acceleration",
    "enable_acceleration",
    "gpt2",
    "init",
    "init_module",
    "keep",
    "make_plan",
    "materialize",
    "measure_signal",
    "megatron",
    "no_acceleration",
    "per_site",
    "plot_signal",
    "poison_",
    "register",
    "resnext",
    "resnext_lua",
    "torch_default",
    "transformer",
    "verify",
    "vit",
    "wide_resnet",
]
