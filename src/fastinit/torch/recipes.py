"""The recipes that are known by name: published models' rules, and torch's own layers'."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from fastinit.entries import Initializer
from fastinit.fans import fans_of_shape
from fastinit.initializers import (
    constant_,
    kaiming_normal_,
    kaiming_uniform_,
    normal_,
    ones_,
    trunc_normal_,
    uniform_,
    xavier_normal_,
    xavier_uniform_,
    zeros_,
)
from fastinit.torch.recipe import Line, PerSite, Recipe, Site, ZeroRow, per_site


def _within(bound: float) -> Initializer:
    return partial(uniform_, a=-bound, b=bound)


@per_site("U(+-1/sqrt(fan_in of the layer's weight))")
def _fan_in_uniform(site: Site) -> Initializer:
    layer: Any = site.module
    fan_in, _ = fans_of_shape(tuple(layer.weight.shape))
    return _within(1 / math.sqrt(fan_in) if fan_in > 0 else 0.0)


@per_site("U(+-1/sqrt(size(1) of the layer's weight))")
def _inputs_uniform(site: Site) -> Initializer:
    layer: Any = site.module
    return _within(1 / math.sqrt(layer.weight.size(1)))


@per_site("U(+-1/sqrt(hidden_size))")
def _hidden_uniform(site: Site) -> Initializer:
    layer: Any = site.module
    return _within(1 / math.sqrt(layer.hidden_size) if layer.hidden_size > 0 else 0.0)


@per_site("The layer's own constant, `init`")
def _own_constant(site: Site) -> Initializer:
    layer: Any = site.module
    return partial(constant_, val=layer.init)


def _with_padding(initializer: Initializer, label: str) -> PerSite:
    def embedding(site: Site) -> Initializer:
        row = getattr(site.module, "padding_idx", None)
        return initializer if row is None else ZeroRow(initializer, row)

    return PerSite(embedding, f"{label}, padding row 0")


def _as_made(method: str, *classes: type) -> Callable[[Site], bool]:
    """Select layers of torch's whose reset no subclass has overridden."""

    def select(site: Site) -> bool:
        return any(
            isinstance(site.module, each)
            and getattr(type(site.module), method) is getattr(each, method)
            for each in classes
        )

    select.__name__ = " | ".join(each.__name__.lstrip("_") for each in classes)
    return select


def _in_transformer(site: Site) -> bool:
    return site.tensor.dim() > 1 and any(
        type(module)._reset_parameters is nn.Transformer._reset_parameters
        for module in (*site.ancestors, site.module)
        if isinstance(module, nn.Transformer)
    )


_in_transformer.__name__ = "matrices in Transformer"

_dense = _as_made("reset_parameters", nn.Linear, _ConvNd)
_norm = _as_made("reset_parameters", nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, _NormBase)
_attention = _as_made("_reset_parameters", nn.MultiheadAttention)
_embedding = _as_made("reset_parameters", nn.Embedding, nn.EmbeddingBag)
_recurrent = _as_made("reset_parameters", nn.RNNBase, nn.RNNCellBase)

torch_default = Recipe(
    [
        (_in_transformer, xavier_uniform_),
        ((NonDynamicallyQuantizableLinear, "*.bias"), zeros_),
        ((_dense, "*.weight"), partial(kaiming_uniform_, a=math.sqrt(5))),
        ((_dense, "*.bias"), _fan_in_uniform),
        (_as_made("reset_parameters", nn.Bilinear), _inputs_uniform),
        ((_embedding, "*.weight"), _with_padding(normal_, "N(0, 1)")),
        ((_norm, "*.weight"), ones_),
        ((_norm, "*.bias"), zeros_),
        ((_attention, "*_proj_weight"), xavier_uniform_),
        ((_attention, "*.in_proj_bias"), zeros_),
        ((_attention, "*.bias_[kv]"), xavier_normal_),
        (_recurrent, _hidden_uniform),
        (_as_made("reset_parameters", nn.PReLU), _own_constant),
    ],
    "torch_default",
)
"""Torch's own layers: what each one's ``reset_parameters`` does.

Linear and convolutions U(+-1/sqrt(fan_in)), weight and bias (``kaiming_uniform_(a=sqrt(5))``);
Bilinear U(+-1/sqrt(in1)); Embedding N(0, 1), the padding row 0; norms 1 and 0; MultiheadAttention
``xavier_uniform_`` and biases 0; RNN, LSTM, GRU U(+-1/sqrt(hidden)); PReLU its constant; within
`torch.nn.Transformer`, ``xavier_uniform_`` for every matrix. A subclass with a reset of its own is
not selected: it needs lines of its own.

Source: torch/nn/modules, PyTorch 2.13.
"""

_WEIGHT_OF_CONV, _BIAS_OF_CONV = (nn.Conv2d, "*.weight"), (nn.Conv2d, "*.bias")
_FAN_OUT = partial(kaiming_normal_, mode="fan_out", nonlinearity="relu")
_torch7_linear: list[Line] = [
    ((nn.Linear, "*.weight"), _fan_in_uniform),
    ((nn.Linear, "*.bias"), zeros_),
]
_BATCH_NORM = nn.BatchNorm1d | nn.BatchNorm2d

resnext = Recipe(
    [
        ("*bn*.weight", ones_),
        ("*conv*.weight", _FAN_OUT),
        ((nn.Linear, "*.weight"), partial(kaiming_normal_, mode="fan_in", nonlinearity="relu")),
        ("*.bias", zeros_),
    ],
    "resnext",
)
"""ResNeXt as ResNeXt.pytorch has it, by the keys of the ``state_dict``.

A key that ends in ``weight``: ``kaiming_normal_(mode="fan_out")`` if the whole key contains
``conv``, ones if it contains ``bn`` (which is written last, and so wins); a key that ends in
``bias``: zeros, whatever the module; the classifier's weight ``kaiming_normal_``. Groups are
ignored in the fan.

Source: prlz77/ResNeXt.pytorch, models/model.py; S. Xie et al., Aggregated residual transformations
for deep neural networks, 2017.
"""

resnext_lua = Recipe(
    [
        (_WEIGHT_OF_CONV, _FAN_OUT),
        (_BIAS_OF_CONV, zeros_),
        ((_BATCH_NORM, "*.weight"), ones_),
        ((_BATCH_NORM, "*.bias"), zeros_),
        *_torch7_linear,
    ],
    "resnext_lua",
)
"""ResNeXt as its authors' Lua code has it, by the kind of the module.

Convolutions N(0, 2 / (kW kH nOutputPlane)), batch norm 1 and 0, Linear Torch7's own
U(+-1/sqrt(in)), every bias 0.

Source: facebookresearch/ResNeXt, models/resnext.lua.
"""

densenet = Recipe(
    [
        (_WEIGHT_OF_CONV, _FAN_OUT),
        (_BIAS_OF_CONV, zeros_),
        ((nn.BatchNorm2d, "*.weight"), ones_),
        ((nn.BatchNorm2d, "*.bias"), zeros_),
        *_torch7_linear,
    ],
    "densenet",
)
"""DenseNet as densenet.pytorch has it.

Convolutions N(0, 2 / (kh kw out)), batch norm 1 and 0, Linear torch's own U(+-1/sqrt(in)), every
bias 0. (Its own convolutions have no bias.)

Source: bamos/densenet.pytorch, densenet.py; G. Huang et al., Densely connected convolutional
networks, 2017.
"""


@per_site("N(0, 2 / (kW kH nInputPlane))")
def _msr(site: Site) -> Initializer:
    layer: Any = site.module
    fan_in = math.prod(layer.kernel_size) * layer.in_channels
    return partial(normal_, std=math.sqrt(2 / fan_in))


wide_resnet = Recipe(
    [
        (_WEIGHT_OF_CONV, _msr),
        (_BIAS_OF_CONV, zeros_),
        ((_BATCH_NORM, "*.weight"), uniform_),
        ((_BATCH_NORM, "*.bias"), zeros_),
        *_torch7_linear,
    ],
    "wide_resnet",
)
"""Wide residual networks as their authors' Lua code has them.

``MSRinit``: convolutions N(0, 2 / (kW kH nInputPlane)), bias 0; ``FCinit``: Linear's bias 0, its
weight Torch7's own U(+-1/sqrt(in)). Batch norm is not touched there, and so is Torch7's own: weight
U(0, 1), bias 0.

Source: szagoruyko/wide-residual-networks, models/utils.lua; torch/nn, BatchNormalization.lua;
S. Zagoruyko and N. Komodakis, Wide residual networks, 2016.
"""


def _is_norm(site: Site) -> bool:
    return "Norm" in type(site.module).__name__


def _is_matrix(site: Site) -> bool:
    return site.tensor.dim() >= 2


_is_norm.__name__ = "*Norm*"
_is_matrix.__name__ = "matrices"


def _norms_and_biases() -> list[Line]:
    return [
        ((_is_norm, "*weight"), ones_),
        ((_is_norm, "*bias"), zeros_),
        ("*bias", zeros_),
    ]


def transformer(std: float = 0.02) -> Recipe:
    """Return the recipe of most transformers: BERT, Llama, Mixtral, ...

    Every matrix N(0, std**2), an embedding's padding row 0, norms 1 and 0, biases 0. Norms are
    known by their class's name.

    Parameters
    ----------
    std : float, default 0.02
        ``initializer_range``.

    Returns
    -------
    Recipe

    References
    ----------
    ``PreTrainedModel._init_weights`` of transformers 5.
    """
    normal = partial(normal_, std=std)
    return Recipe(
        [
            *_norms_and_biases(),
            ((nn.Embedding, "*.weight"), _with_padding(normal, f"N(0, {std:g}**2)")),
            ((_is_matrix, "*weight*"), normal),
            ((_is_matrix, "*_proj"), normal),
        ],
        f"transformer(std={std:g})",
    )


@lru_cache(maxsize=16)
def _count_blocks(names: tuple[str, ...], matches: Callable[[str], bool]) -> int:
    """Count the blocks with a residual projection: names up to their first number."""
    blocks = set()
    for name in filter(matches, names):
        parts = name.split(".")
        numbers = [place for place, part in enumerate(parts) if part.isdecimal()]
        blocks.add(tuple(parts[: numbers[0] + 1]) if numbers else ())
    return len(blocks)


def _residual_lines(endings: tuple[str, ...], std: float, layers: int | None) -> list[Line]:
    def is_residual(name: str) -> bool:
        return ("." + name).endswith(endings)

    @per_site(f"N(0, {std:g}**2 / 2L)")
    def scaled(site: Site) -> Initializer:
        blocks = layers if layers is not None else _count_blocks(site.names, is_residual)
        return partial(normal_, std=std / math.sqrt(2 * blocks))

    def select(site: Site) -> bool:
        return is_residual(site.name)

    select.__name__ = " | ".join(f"*{ending}" for ending in endings)
    return [(select, scaled)]


def gpt2(std: float = 0.02, position_std: float = 0.01, layers: int | None = None) -> Recipe:
    """Return GPT-2's recipe.

    As `transformer`, but the residual projections ``c_proj`` N(0, std**2 / (2 layers)) and the
    position embedding ``wpe`` N(0, position_std**2).

    Parameters
    ----------
    std : float, default 0.02
    position_std : float, default 0.01
        As in OpenAI's code; transformers and nanoGPT have 0.02.
    layers : int, optional
        By default the number of blocks with a ``c_proj`` in the model.

    Returns
    -------
    Recipe

    References
    ----------
    A. Radford et al., Language models are unsupervised multitask learners, 2019: "we scale the
    weights of residual layers at initialization by a factor of 1/sqrt(N) where N is the number of
    residual layers"; openai/gpt-2, src/model.py.
    """
    lines: list[Line] = [
        ("*wpe.weight", partial(normal_, std=position_std)),
        *_residual_lines((".c_proj.weight",), std, layers),
    ]
    return Recipe([*lines, *transformer(std)], "gpt2")


# Of Megatron-core, of Megatron-LM before it, and of Llama's and its kin's layers.
MEGATRON_OUTPUTS = (
    ".linear_proj.weight",
    ".linear_fc2.weight",
    ".self_attention.dense.weight",
    ".dense_4h_to_h.weight",
    ".o_proj.weight",
    ".down_proj.weight",
    ".down_proj",
)


def megatron(std: float = 0.02, layers: int | None = None) -> Recipe:
    """Return Megatron-LM's recipe.

    As `transformer`, but the output layers of attention and MLP, by Megatron's and by Llama's
    names, N(0, std**2 / (2 layers)).

    Parameters
    ----------
    std : float, default 0.02
        ``--init-method-std``.
    layers : int, optional
        By default the number of blocks with such a layer in the model.

    Returns
    -------
    Recipe

    References
    ----------
    NVIDIA/Megatron-LM, ``scaled_init_method_normal``; M. Shoeybi et al., Megatron-LM, 2019.
    """
    lines = _residual_lines(MEGATRON_OUTPUTS, std, layers)
    return Recipe([*lines, *transformer(std)], "megatron")


VIT_TOKENS = "cls_token class_token dist_token distillation_token reg_token register_tokens"
VIT_POSITIONS = "pos_embed pos_embedding position_embedding position_embeddings"


def vit(std: float = 0.02) -> Recipe:
    """Return the vision transformer's recipe: trunc_normal_(std).

    Linear, convolutions, packed attention weights, position embeddings and tokens truncated normal
    at torch's absolute +-2; mask token 0; norms 1 and 0; biases 0.

    Parameters
    ----------
    std : float, default 0.02

    Returns
    -------
    Recipe

    References
    ----------
    facebookresearch/deit, models.py; ``ViTPreTrainedModel._init_weights`` of transformers 5.
    """
    truncated: Any = partial(trunc_normal_, std=std)
    named = f"{VIT_TOKENS} {VIT_POSITIONS}".split()
    return Recipe(
        [
            *_norms_and_biases(),
            *((f"*.{name}", truncated) for name in named),
            *((f"*.{name}.weight", truncated) for name in VIT_POSITIONS.split()),
            ("*.mask_token", zeros_),
            ((nn.Linear | _ConvNd, "*.weight"), truncated),
            ("*.in_proj_weight", truncated),
        ],
        "vit",
    )
