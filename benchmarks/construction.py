"""Times the construction of transformers' models, each in a process with its own peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import fastinit

STOCK, ACCELERATED, MATERIALIZED = "transformers", "in accelerate()", "materialize()"
WAYS = (STOCK, ACCELERATED, MATERIALIZED)


class Construction(NamedTuple):
    """Seconds and peak memory of one construction."""

    seconds: float
    peak: int  # largest number of resident bytes of the process
    parameters: int


def _llama(scale: float) -> tuple[Callable[[], Any], Any]:
    from transformers import LlamaConfig, LlamaForCausalLM

    from fastinit.torch import transformer

    config = LlamaConfig(  # Llama 3.2 1B
        vocab_size=max(256, int(128_256 * scale)),
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=max(1, int(16 * scale)),
        num_attention_heads=32,
        num_key_value_heads=8,
        tie_word_embeddings=True,
    )
    return lambda: LlamaForCausalLM(config), transformer(0.02)


def _vit(scale: float) -> tuple[Callable[[], Any], Any]:
    from transformers import ViTConfig, ViTModel

    from fastinit.torch import vit

    config = ViTConfig(  # ViT-L/16
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=max(1, int(24 * scale)),
        num_attention_heads=16,
    )
    return lambda: ViTModel(config), vit()


MODELS = {"Llama 1.2 G": _llama, "ViT-L": _vit}


def _touch(size: int) -> None:
    """Touch and free `size` bytes in a child: a host gives memory to a machine at first touch."""
    child = os.fork()
    if child == 0:
        fastinit.zeros(size // 4)
        os._exit(0)
    os.waitpid(child, 0)


def _peak() -> int:
    """Return the peak of resident bytes; getrusage includes the parent's before exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    raise OSError("no VmHWM in /proc/self/status")


def _construct(model: str, way: str, scale: float) -> Construction:
    import torch

    from fastinit.torch import accelerate, materialize

    make, recipe = MODELS[model](scale)
    with torch.device("meta"):
        built = make()  # the first construction imports and compiles
    torch.manual_seed(0)
    _touch(sum(each.nbytes for _, each in built.named_parameters(remove_duplicate=False)))
    start = time.perf_counter()
    if way == STOCK:
        built = make()
    elif way == ACCELERATED:
        with accelerate():
            built = make()
    else:
        with torch.device("meta"):
            built = make()
        built = materialize(built, recipe, seed=0)
    seconds = time.perf_counter() - start
    return Construction(seconds, _peak(), sum(each.numel() for each in built.parameters()))


def construct(model: str, way: str, scale: float) -> Construction:
    """Construct a model in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", __name__, model, way, str(scale)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Construction(*json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    print(json.dumps(_construct(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
