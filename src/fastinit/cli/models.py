"""Published shapes of real networks, and the initializer of each parameter, as plans."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from fastinit.entries import Initializer, InitializerEntry
from fastinit.initializers import (
    kaiming_normal_,
    normal_,
    ones_,
    trunc_normal_,
    uniform_,
    zeros_,
)
from fastinit.plan import Plan

Weight = tuple[str, tuple[int, ...], Initializer]  # name, shape, initializer

# By default kaiming_normal_ has the gain of a ReLU, sqrt(2).
FAN_OUT = partial(kaiming_normal_, mode="fan_out")


def normal(std: float) -> Initializer:
    """Return the initializer of N(0, std**2)."""
    return partial(normal_, std=std)


def layer_default(fan_in: int) -> Initializer:
    """Return the default of torch's layers, U(+-1/sqrt(fan_in))."""
    bound = 1 / math.sqrt(fan_in)
    return partial(uniform_, a=-bound, b=bound)


def norm(name: str, width: int, weight: Initializer = ones_) -> Iterator[Weight]:
    """Yield weight and bias of a batch or layer norm."""
    yield (f"{name}.weight", (width,), weight)
    yield (f"{name}.bias", (width,), zeros_)


def gpt2(layers: int, width: int) -> Iterator[Weight]:
    """Yield GPT-2, A. Radford et al., 2019; weights are (in, out) as in OpenAI's code."""
    yield ("wte.weight", (50257, width), normal(0.02))
    yield ("wpe.weight", (1024, width), normal(0.01))
    residual = normal(0.02 / math.sqrt(2 * layers))
    for layer in range(layers):
        yield from norm(f"h.{layer}.ln_1", width)
        yield from norm(f"h.{layer}.ln_2", width)
        for name, into, out, rule in (
            ("attn.c_attn", width, 3 * width, normal(0.02)),
            ("attn.c_proj", width, width, residual),
            ("mlp.c_fc", width, 4 * width, normal(0.02)),
            ("mlp.c_proj", 4 * width, width, residual),
        ):
            yield (f"h.{layer}.{name}.weight", (into, out), rule)
            yield (f"h.{layer}.{name}.bias", (out,), zeros_)
    yield from norm("ln_f", width)


def resnext29(cardinality: int, base_width: int) -> Iterator[Weight]:
    """Yield ResNeXt-29 for CIFAR-10, S. Xie et al., 2017, by the rule of ResNeXt.pytorch."""

    def conv(name: str, out: int, into: int, kernel: int) -> Weight:
        return (f"{name}.weight", (out, into, kernel, kernel), FAN_OUT)

    yield conv("conv_1_3x3", 64, 3, 3)
    yield from norm("bn_1", 64)
    into = 64
    for stage, out in enumerate((256, 512, 1024), 1):
        width = cardinality * base_width * out // 256
        for block in range(3):
            name = f"stage_{stage}.block_{block}"
            yield conv(f"{name}.conv_reduce", width, into, 1)
            yield from norm(f"{name}.bn_reduce", width)
            yield conv(f"{name}.conv_conv", width, width // cardinality, 3)
            yield from norm(f"{name}.bn", width)
            yield conv(f"{name}.conv_expand", out, width, 1)
            yield from norm(f"{name}.bn_expand", out)
            if into != out:
                yield conv(f"{name}.shortcut_conv", out, into, 1)
                yield from norm(f"{name}.shortcut_bn", out)
            into = out
    yield ("classifier.weight", (10, 1024), kaiming_normal_)
    yield ("classifier.bias", (10,), zeros_)


def wide_resnet(depth: int, widen: int) -> Iterator[Weight]:
    """Yield WRN for CIFAR-10, S. Zagoruyko and N. Komodakis, 2016, by its Lua code's MSRinit."""

    def conv(name: str, out: int, into: int, kernel: int) -> Weight:
        return (f"{name}.weight", (out, into, kernel, kernel), kaiming_normal_)

    yield conv("conv1", 16, 3, 3)
    into = 16
    for group, width in enumerate((16, 32, 64), 1):
        out = width * widen
        for block in range((depth - 4) // 6):
            name = f"group{group}.{block}"
            yield from norm(f"{name}.bn1", into, uniform_)
            yield conv(f"{name}.conv1", out, into, 3)
            yield from norm(f"{name}.bn2", out, uniform_)
            yield conv(f"{name}.conv2", out, out, 3)
            if into != out:
                yield conv(f"{name}.shortcut", out, into, 1)
            into = out
    yield from norm("bn", into, uniform_)
    yield ("fc.weight", (10, into), layer_default(into))
    yield ("fc.bias", (10,), zeros_)


def densenet_bc(depth: int, growth: int) -> Iterator[Weight]:
    """Yield DenseNet-BC for CIFAR-10, G. Huang et al., 2017, by the rule of densenet.pytorch."""

    def conv(name: str, out: int, into: int, kernel: int) -> Weight:
        return (f"{name}.weight", (out, into, kernel, kernel), FAN_OUT)

    width = 2 * growth
    yield conv("conv1", width, 3, 3)
    for block in range(3):
        for layer in range((depth - 4) // 6):
            name = f"dense{block + 1}.{layer}"
            yield from norm(f"{name}.bn1", width)
            yield conv(f"{name}.conv1", 4 * growth, width, 1)
            yield from norm(f"{name}.bn2", 4 * growth)
            yield conv(f"{name}.conv2", growth, 4 * growth, 3)
            width += growth
        if block < 2:
            yield from norm(f"trans{block + 1}.bn1", width)
            yield conv(f"trans{block + 1}.conv1", width // 2, width, 1)
            width //= 2
    yield from norm("bn1", width)
    yield ("fc.weight", (10, width), layer_default(width))
    yield ("fc.bias", (10,), zeros_)


def resnet50() -> Iterator[Weight]:
    """Yield ResNet-50 for ImageNet, K. He et al., 2016, by torchvision's rule."""

    def conv(name: str, out: int, into: int, kernel: int) -> Weight:
        return (f"{name}.weight", (out, into, kernel, kernel), FAN_OUT)

    yield conv("conv1", 64, 3, 7)
    yield from norm("bn1", 64)
    into = 64
    for stage, blocks in enumerate((3, 4, 6, 3), 1):
        width = 32 << stage
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            for number, (out, source, kernel) in enumerate(
                ((width, into, 1), (width, width, 3), (4 * width, width, 1)), 1
            ):
                yield conv(f"{name}.conv{number}", out, source, kernel)
                yield from norm(f"{name}.bn{number}", out)
            if block == 0:
                yield conv(f"{name}.downsample.0", 4 * width, into, 1)
                yield from norm(f"{name}.downsample.1", 4 * width)
            into = 4 * width
    yield ("fc.weight", (1000, into), layer_default(into))
    yield ("fc.bias", (1000,), layer_default(into))


def vit(layers: int, width: int, patch: int) -> Iterator[Weight]:
    """Yield ViT for ImageNet, A. Dosovitskiy et al., 2021, by timm's rule: trunc_normal .02.

    timm leaves the convolution of the patches at the default of torch's layers.
    """
    weight, patches = partial(trunc_normal_, std=0.02), layer_default(3 * patch * patch)
    yield ("cls_token", (1, 1, width), normal(1e-6))
    yield ("pos_embed", (1, (224 // patch) ** 2 + 1, width), weight)
    yield ("patch_embed.weight", (width, 3, patch, patch), patches)
    yield ("patch_embed.bias", (width,), patches)
    for layer in range(layers):
        yield from norm(f"blocks.{layer}.norm1", width)
        yield from norm(f"blocks.{layer}.norm2", width)
        for name, out, into in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", 4 * width, width),
            ("mlp.fc2", width, 4 * width),
        ):
            yield (f"blocks.{layer}.{name}.weight", (out, into), weight)
            yield (f"blocks.{layer}.{name}.bias", (out,), zeros_)
    yield from norm("norm", width)
    yield ("head.weight", (1000, width), weight)
    yield ("head.bias", (1000,), zeros_)


def llama(layers: int, width: int, inner: int, keys: int, words: int) -> Iterator[Weight]:
    """Yield a Llama with tied embeddings, by transformers' rule, N(0, .02**2)."""
    weight = normal(0.02)
    yield ("embed_tokens.weight", (words, width), weight)
    for layer in range(layers):
        for name, out, into in (
            ("self_attn.q_proj", width, width),
            ("self_attn.k_proj", keys, width),
            ("self_attn.v_proj", keys, width),
            ("self_attn.o_proj", width, width),
            ("mlp.gate_proj", inner, width),
            ("mlp.up_proj", inner, width),
            ("mlp.down_proj", width, inner),
        ):
            yield (f"layers.{layer}.{name}.weight", (out, into), weight)
        yield (f"layers.{layer}.input_layernorm.weight", (width,), ones_)
        yield (f"layers.{layer}.post_attention_layernorm.weight", (width,), ones_)
    yield ("norm.weight", (width,), ones_)


def plan_of(
    weights: Iterable[Weight], title: str, dtype: str = "float32"
) -> Plan[InitializerEntry]:
    """Return the plan of a network; all parameters have the same dtype."""
    return Plan(((name, shape, dtype, fill) for name, shape, fill in weights), title)


MODELS: dict[str, Callable[[], Iterator[Weight]]] = {
    "gpt2": lambda: gpt2(12, 768),
    "gpt2-medium": lambda: gpt2(24, 1024),
    "resnext29": lambda: resnext29(8, 64),
    "wrn-28-10": lambda: wide_resnet(28, 10),
    "densenet-bc-100-12": lambda: densenet_bc(100, 12),
    "resnet-50": resnet50,
    "vit-b-16": lambda: vit(12, 768, 16),
    "llama-3.2-1b": lambda: llama(16, 2048, 8192, 512, 128256),
}
