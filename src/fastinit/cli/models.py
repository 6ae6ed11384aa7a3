"""Published shapes of real networks, and the rule by which each parameter is initialised."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import fastinit


@dataclass(frozen=True)
class Rule:
    """A distribution: normal (std), uniform (a, b), truncated (std, at +-2) or constant (value)."""

    kind: str
    parameters: tuple[float, ...]
    label: str

    @property
    def mean(self) -> float:
        """Expected mean."""
        if self.kind == "uniform":
            return sum(self.parameters) / 2
        return self.parameters[0] if self.kind == "constant" else 0.0

    @property
    def std(self) -> float:
        """Expected standard deviation; a truncation at +-2 of a small std takes nothing off it."""
        if self.kind == "uniform":
            return (self.parameters[1] - self.parameters[0]) / math.sqrt(12)
        return 0.0 if self.kind == "constant" else self.parameters[0]

    def fill(self, array: Any, stream: fastinit.Stream) -> None:
        """Fill with fastinit."""
        first = self.parameters[0]
        if self.kind == "normal":
            fastinit.normal_(array, 0.0, first, generator=stream)
        elif self.kind == "uniform":
            fastinit.uniform_(array, first, self.parameters[1], generator=stream)
        elif self.kind == "truncated":
            fastinit.trunc_normal_(array, 0.0, first, generator=stream)
        else:
            fastinit.constant_(array, first)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a network."""

    name: str
    shape: tuple[int, ...]
    rule: Rule


def normal(std: float, label: str | None = None) -> Rule:
    """Return N(0, std**2)."""
    return Rule("normal", (std,), label or f"normal {std:.4g}")


def truncated(std: float) -> Rule:
    """Return torch's and timm's trunc_normal_: cut at the absolute values +-2."""
    return Rule("truncated", (std,), f"trunc_normal {std:.4g}")


def constant(value: float) -> Rule:
    """Return one value."""
    return Rule("constant", (value,), "ones" if value == 1 else "zeros")


def kaiming(shape: tuple[int, ...], mode: str) -> Rule:
    """Return torch's kaiming_normal_ of gain sqrt 2."""
    fans = dict(
        zip(("fan_in", "fan_out"), fastinit.calculate_fan_in_and_fan_out(shape), strict=True)
    )
    return normal(math.sqrt(2 / fans[mode]), f"kaiming_normal {mode}")


def layer_default(fan_in: int) -> Rule:
    """Return the default of torch's layers, U(+-1/sqrt(fan_in))."""
    bound = 1 / math.sqrt(fan_in)
    return Rule("uniform", (-bound, bound), "uniform 1/sqrt(fan_in)")


ZERO, ONE = constant(0.0), constant(1.0)


def norm(name: str, width: int, weight: Rule = ONE) -> Iterator[Parameter]:
    """Yield weight and bias of a batch or layer norm."""
    yield Parameter(f"{name}.weight", (width,), weight)
    yield Parameter(f"{name}.bias", (width,), ZERO)


def gpt2(layers: int, width: int) -> Iterator[Parameter]:
    """Yield GPT-2, A. Radford et al., 2019; weights are (in, out) as in OpenAI's code."""
    yield Parameter("wte.weight", (50257, width), normal(0.02))
    yield Parameter("wpe.weight", (1024, width), normal(0.01))
    residual = normal(0.02 / math.sqrt(2 * layers), "normal .02/sqrt(2L)")
    for layer in range(layers):
        yield from norm(f"h.{layer}.ln_1", width)
        yield from norm(f"h.{layer}.ln_2", width)
        for name, into, out, rule in (
            ("attn.c_attn", width, 3 * width, normal(0.02)),
            ("attn.c_proj", width, width, residual),
            ("mlp.c_fc", width, 4 * width, normal(0.02)),
            ("mlp.c_proj", 4 * width, width, residual),
        ):
            yield Parameter(f"h.{layer}.{name}.weight", (into, out), rule)
            yield Parameter(f"h.{layer}.{name}.bias", (out,), ZERO)
    yield from norm("ln_f", width)


def resnext29(cardinality: int, base_width: int) -> Iterator[Parameter]:
    """Yield ResNeXt-29 for CIFAR-10, S. Xie et al., 2017, by the rule of ResNeXt.pytorch."""

    def conv(name: str, out: int, into: int, kernel: int) -> Parameter:
        shape = (out, into, kernel, kernel)
        return Parameter(f"{name}.weight", shape, kaiming(shape, "fan_out"))

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
    yield Parameter("classifier.weight", (10, 1024), kaiming((10, 1024), "fan_in"))
    yield Parameter("classifier.bias", (10,), ZERO)


def wide_resnet(depth: int, widen: int) -> Iterator[Parameter]:
    """Yield WRN for CIFAR-10, S. Zagoruyko and N. Komodakis, 2016, by its Lua code's MSRinit."""
    unit = Rule("uniform", (0.0, 1.0), "uniform 0 1")

    def conv(name: str, out: int, into: int, kernel: int) -> Parameter:
        shape = (out, into, kernel, kernel)
        return Parameter(f"{name}.weight", shape, kaiming(shape, "fan_in"))

    yield conv("conv1", 16, 3, 3)
    into = 16
    for group, width in enumerate((16, 32, 64), 1):
        out = width * widen
        for block in range((depth - 4) // 6):
            name = f"group{group}.{block}"
            yield from norm(f"{name}.bn1", into, unit)
            yield conv(f"{name}.conv1", out, into, 3)
            yield from norm(f"{name}.bn2", out, unit)
            yield conv(f"{name}.conv2", out, out, 3)
            if into != out:
                yield conv(f"{name}.shortcut", out, into, 1)
            into = out
    yield from norm("bn", into, unit)
    yield Parameter("fc.weight", (10, into), layer_default(into))
    yield Parameter("fc.bias", (10,), ZERO)


def densenet_bc(depth: int, growth: int) -> Iterator[Parameter]:
    """Yield DenseNet-BC for CIFAR-10, G. Huang et al., 2017, by the rule of densenet.pytorch."""

    def conv(name: str, out: int, into: int, kernel: int) -> Parameter:
        shape = (out, into, kernel, kernel)
        return Parameter(f"{name}.weight", shape, kaiming(shape, "fan_out"))

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
    yield Parameter("fc.weight", (10, width), layer_default(width))
    yield Parameter("fc.bias", (10,), ZERO)


def resnet50() -> Iterator[Parameter]:
    """Yield ResNet-50 for ImageNet, K. He et al., 2016, by torchvision's rule."""

    def conv(name: str, out: int, into: int, kernel: int) -> Parameter:
        shape = (out, into, kernel, kernel)
        return Parameter(f"{name}.weight", shape, kaiming(shape, "fan_out"))

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
    yield Parameter("fc.weight", (1000, into), layer_default(into))
    yield Parameter("fc.bias", (1000,), layer_default(into))


def vit(layers: int, width: int, patch: int) -> Iterator[Parameter]:
    """Yield ViT for ImageNet, A. Dosovitskiy et al., 2021, by timm's rule: trunc_normal .02.

    The patches' convolution keeps the default of torch's layers there.
    """
    weight, patches = truncated(0.02), layer_default(3 * patch * patch)
    yield Parameter("cls_token", (1, 1, width), normal(1e-6))
    yield Parameter("pos_embed", (1, (224 // patch) ** 2 + 1, width), weight)
    yield Parameter("patch_embed.weight", (width, 3, patch, patch), patches)
    yield Parameter("patch_embed.bias", (width,), patches)
    for layer in range(layers):
        yield from norm(f"blocks.{layer}.norm1", width)
        yield from norm(f"blocks.{layer}.norm2", width)
        for name, out, into in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", 4 * width, width),
            ("mlp.fc2", width, 4 * width),
        ):
            yield Parameter(f"blocks.{layer}.{name}.weight", (out, into), weight)
            yield Parameter(f"blocks.{layer}.{name}.bias", (out,), ZERO)
    yield from norm("norm", width)
    yield Parameter("head.weight", (1000, width), weight)
    yield Parameter("head.bias", (1000,), ZERO)


def llama(layers: int, width: int, inner: int, keys: int, words: int) -> Iterator[Parameter]:
    """Yield a Llama with tied embeddings, by transformers' rule, N(0, .02**2)."""
    weight = normal(0.02)
    yield Parameter("embed_tokens.weight", (words, width), weight)
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
            yield Parameter(f"layers.{layer}.{name}.weight", (out, into), weight)
        yield Parameter(f"layers.{layer}.input_layernorm.weight", (width,), ONE)
        yield Parameter(f"layers.{layer}.post_attention_layernorm.weight", (width,), ONE)
    yield Parameter("norm.weight", (width,), ONE)


MODELS: dict[str, Callable[[], Iterator[Parameter]]] = {
    "gpt2": lambda: gpt2(12, 768),
    "gpt2-medium": lambda: gpt2(24, 1024),
    "resnext29": lambda: resnext29(8, 64),
    "wrn-28-10": lambda: wide_resnet(28, 10),
    "densenet-bc-100-12": lambda: densenet_bc(100, 12),
    "resnet-50": resnet50,
    "vit-b-16": lambda: vit(12, 768, 16),
    "llama-3.2-1b": lambda: llama(16, 2048, 8192, 512, 128256),
}
