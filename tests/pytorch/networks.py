"""Small networks with the module names of the code that the recipes are read from, and such of
transformers."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    checkpoint_wrapper,
    offload_wrapper,
)
from torch.distributed.fsdp import FullyShardedDataParallel
from torch.nn.init import trunc_normal_
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel


class ResNeXtBottleneck(nn.Module):
    """As prlz77/ResNeXt.pytorch, models/model.py."""

    def __init__(self, into, out, stride, cardinality, base_width, widen_factor):
        super().__init__()
        width = cardinality * int(base_width * out / (widen_factor * 64))
        self.conv_reduce = nn.Conv2d(into, width, 1, bias=False)
        self.bn_reduce = nn.BatchNorm2d(width)
        self.conv_conv = nn.Conv2d(width, width, 3, stride, 1, groups=cardinality, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.conv_expand = nn.Conv2d(width, out, 1, bias=False)
        self.bn_expand = nn.BatchNorm2d(out)
        self.shortcut = nn.Sequential()
        if into != out:
            self.shortcut.add_module("shortcut_conv", nn.Conv2d(into, out, 1, stride, bias=False))
            self.shortcut.add_module("shortcut_bn", nn.BatchNorm2d(out))

    def forward(self, x):
        y = F.relu(self.bn_reduce(self.conv_reduce(x)))
        y = F.relu(self.bn(self.conv_conv(y)))
        return F.relu(self.shortcut(x) + self.bn_expand(self.conv_expand(y)))


class ResNeXt29(nn.Module):
    """Of three stages with one block each, 4 x 16d."""

    def __init__(self, cardinality=4, base_width=16, widen_factor=1, labels=10):
        super().__init__()
        widths = [64, *(64 * widen_factor * 2**stage for stage in range(3))]
        self.conv_1_3x3 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn_1 = nn.BatchNorm2d(64)
        for stage in range(3):
            block = nn.Sequential()
            name = f"stage_{stage + 1}"
            block.add_module(
                f"{name}_bottleneck_0",
                ResNeXtBottleneck(
                    widths[stage],
                    widths[stage + 1],
                    min(2, stage + 1),
                    cardinality,
                    base_width,
                    widen_factor,
                ),
            )
            self.add_module(name, block)
        self.classifier = nn.Linear(widths[-1], labels)

    def forward(self, x):
        x = F.relu(self.bn_1(self.conv_1_3x3(x)))
        for stage in range(3):
            x = self.get_submodule(f"stage_{stage + 1}")(x)
        return self.classifier(x.mean((2, 3)))


class DenseBottleneck(nn.Module):
    """As bamos/densenet.pytorch, densenet.py, where convolutions have no bias."""

    def __init__(self, into, growth, bias):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(into)
        self.conv1 = nn.Conv2d(into, 4 * growth, 1, bias=bias)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=bias)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        return torch.cat((x, self.conv2(F.relu(self.bn2(y)))), 1)


class Transition(nn.Module):
    def __init__(self, into, out, bias):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(into)
        self.conv1 = nn.Conv2d(into, out, 1, bias=bias)

    def forward(self, x):
        return F.avg_pool2d(self.conv1(F.relu(self.bn1(x))), 2)


class DenseNet(nn.Module):
    def __init__(self, growth=12, labels=10, bias=False):
        super().__init__()
        width = 2 * growth
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=bias)
        self.dense1 = nn.Sequential(
            *(DenseBottleneck(width + growth * i, growth, bias) for i in (0, 1))
        )
        self.trans1 = Transition(width + 2 * growth, 2 * growth, bias)
        self.dense2 = nn.Sequential(DenseBottleneck(2 * growth, growth, bias))
        self.bn1 = nn.BatchNorm2d(3 * growth)
        self.fc = nn.Linear(3 * growth, labels)

    def forward(self, x):
        x = self.dense2(self.trans1(self.dense1(self.conv1(x))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))


class WideBlock(nn.Module):
    """As szagoruyko/wide-residual-networks, models/wide-resnet.lua."""

    def __init__(self, into, out, stride):
        super().__init__()
        self.bn0 = nn.BatchNorm2d(into)
        self.conv0 = nn.Conv2d(into, out, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv1 = nn.Conv2d(out, out, 3, 1, 1)
        self.convdim = nn.Conv2d(into, out, 1, stride) if into != out else nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn0(x))
        return self.conv1(F.relu(self.bn1(self.conv0(y)))) + self.convdim(y)


class WideResNet(nn.Module):
    def __init__(self, widen=2, labels=10):
        super().__init__()
        widths = [16, 16 * widen, 32 * widen, 64 * widen]
        self.conv0 = nn.Conv2d(3, 16, 3, 1, 1)
        self.groups = nn.Sequential(
            *(WideBlock(widths[i], widths[i + 1], min(2, i + 1)) for i in range(3))
        )
        self.bn = nn.BatchNorm2d(widths[-1])
        self.fc = nn.Linear(widths[-1], labels)

    def forward(self, x):
        x = self.groups(self.conv0(x))
        return self.fc(F.relu(self.bn(x)).mean((2, 3)))


TINY = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}


def of_transformers(name):
    """Return what constructs a model of that library, from a config of its own each time."""
    transformers = pytest.importorskip("transformers")
    words = {"vocab_size": 200, "bos_token_id": 1, "eos_token_id": 2}
    gpt2 = {"n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 64}
    t5 = {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}
    kind, config, options = {
        "Llama": (
            "LlamaForCausalLM",
            "LlamaConfig",
            {
                **TINY,
                **words,
                "num_key_value_heads": 2,
                "pad_token_id": 7,
                "tie_word_embeddings": True,
            },
        ),
        "Llama, untied": (
            "LlamaForCausalLM",
            "LlamaConfig",
            {**TINY, **words, "initializer_range": 0.1},
        ),
        "GPT-2": ("GPT2LMHeadModel", "GPT2Config", {**gpt2, **words}),
        "BERT": ("BertForMaskedLM", "BertConfig", {**TINY, **words}),
        "T5": ("T5ForConditionalGeneration", "T5Config", {**t5, "vocab_size": 200}),
        "ViT": ("ViTModel", "ViTConfig", {**TINY, "image_size": 32, "patch_size": 8}),
        "Mixtral": (
            "MixtralForCausalLM",
            "MixtralConfig",
            {**TINY, **words, "num_key_value_heads": 2, "num_local_experts": 4},
        ),
    }[name]
    make = getattr(transformers, kind)
    if name == "ViT":
        make = partial(make, use_mask_token=True)
    return lambda: make(getattr(transformers, config)(**options))


def aliases(model):
    """Return the names of each parameter that has several."""
    names = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return sorted(each for each in names.values() if len(each) > 1)


class TimmBlock(nn.Module):
    """Parts of a ViT that are initialised as timm's are: by trunc_normal_, under its own name."""

    def __init__(self, width=64, heads=4, tokens=17):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, tokens, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.head = nn.Linear(width, 10)
        trunc_normal_(self.pos_embed, std=0.02)
        nn.init.normal_(self.cls_token, std=1e-6)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            trunc_normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)


def sharded(model):
    return FullyShardedDataParallel(model, use_orig_params=True, device_id=torch.device("cpu"))


compiled = partial(torch.compile, backend="eager")

WRAPPERS = {
    "torch.compile": compiled,
    "DataParallel": nn.DataParallel,
    "DistributedDataParallel": DistributedDataParallel,
    "FullyShardedDataParallel": sharded,
    "AveragedModel": AveragedModel,
    "checkpoint_wrapper": checkpoint_wrapper,
    "offload_wrapper": offload_wrapper,
    "several": lambda model: compiled(nn.DataParallel(checkpoint_wrapper(model))),
}
OF_A_GROUP = ("DistributedDataParallel", "FullyShardedDataParallel")  # of processes


def _bytes_as(name):
    return torch.zeros(64, dtype=torch.uint8).view(getattr(torch, name))


# Tensors that fastinit cannot fill, which a model may hold all the same.
UNFILLABLE = {
    name: partial(_bytes_as, name)
    for name in (
        *("int8", "uint8", "int64", "bool", "complex32", "complex64", "complex128"),
        *("float8_e8m0fnu", "float4_e2m1fn_x2"),
        *("uint16", "uint64", "bits8", "quint4x2"),
    )
    if hasattr(torch, name)
} | {
    "sparse COO": lambda: torch.eye(8).to_sparse(),
    "sparse COO, not coalesced": lambda: torch.sparse_coo_tensor(
        torch.tensor([[0, 0], [1, 1]]), torch.ones(2), (4, 4)
    ),
    "sparse COO of integers": lambda: torch.eye(8, dtype=torch.int8).to_sparse(),
    "sparse CSR": lambda: torch.eye(8).to_sparse_csr(),
    "sparse CSC": lambda: torch.eye(8).to_sparse_csc(),
    "sparse BSR": lambda: torch.eye(8).to_sparse_bsr((2, 2)),
    "sparse BSC": lambda: torch.eye(8).to_sparse_bsc((2, 2)),
    "quantised": lambda: torch.quantize_per_tensor(torch.zeros(4, 16), 0.1, 0, torch.qint8),
    "quantised by channel": lambda: torch.quantize_per_channel(
        torch.zeros(4, 16), torch.ones(4), torch.zeros(4), 0, torch.quint8
    ),
    "conjugate": lambda: torch.ones(3, 4, dtype=torch.complex64).conj(),
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "jagged": lambda: torch.nested.nested_tensor(
        [torch.ones(2), torch.ones(3)], layout=torch.jagged
    ),
}
if torch.backends.mkldnn.is_available():
    UNFILLABLE["MKL-DNN"] = lambda: torch.ones(4, 4).to_mkldnn()
