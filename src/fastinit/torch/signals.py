"""Measures and draws the standard deviations of activations and gradients in a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

import fastinit
from fastinit.torch.names import walk_once

LABEL = 24  # longer names are cut to their last 24 letters in a picture


class Signal(NamedTuple):
    """Standard deviations at one layer's output."""

    name: str
    kind: str
    forward: float
    backward: float  # of the gradient with respect to the output; NaN if there is none


def _tensors(output: Any) -> Iterator[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, Mapping):
        for each in output.values():
            yield from _tensors(each)
    elif isinstance(output, list | tuple):
        for each in output:
            yield from _tensors(each)


@contextmanager
def _buffers_restored(module: nn.Module) -> Iterator[None]:
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, values in before:
                buffer.copy_(values)


def _is_layer(module: nn.Module) -> bool:
    # Compare with None: the truth of a module may be its length.
    has_modules = next(module.children(), None) is not None
    return not has_modules or next(module.parameters(recurse=False), None) is not None


def measure_signal(module: nn.Module, batch: Any) -> list[Signal]:
    """Measure each layer's output, and the gradient with respect to it.

    The backward pass starts from normal noise of standard deviation 1 at the model's output.
    Gradients, buffers and torch's random state are left as they were.

    Parameters
    ----------
    module : torch.nn.Module
        In the mode, training or evaluation, that is to be measured.
    batch : torch.Tensor, tuple or dict
        Arguments of the call: one, several, or by name.

    Returns
    -------
    list of Signal
        One per layer, in the order of the calls. A layer is a module that has parameters itself,
        or no submodules.

    Examples
    --------
    >>> import torch
    >>> from fastinit.torch import measure_signal
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Tanh())
    >>> [signal.name for signal in measure_signal(model, torch.ones(2, 8))]
    ['0', '1']
    """
    seen: list[tuple[str, str, float, torch.Tensor]] = []
    handles = []
    for name, layer, _ in walk_once(module):
        if _is_layer(layer):

            def hook(
                layer: nn.Module, inputs: Any, output: Any, name: str = name or "(model)"
            ) -> None:
                tensor = next(_tensors(output), None)
                if tensor is not None:
                    std = float(tensor.detach().double().std(correction=0))
                    seen.append((name, type(layer).__name__, std, tensor))

            handles.append(layer.register_forward_hook(hook))
    try:
        with torch.enable_grad(), torch.random.fork_rng(devices=[]), _buffers_restored(module):
            gradients = _gradients(module, batch, seen)
    finally:
        for handle in handles:
            handle.remove()
    return [
        Signal(name, kind, std, gradient)
        for (name, kind, std, _), gradient in zip(seen[: len(gradients)], gradients, strict=True)
    ]


def _call(module: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return module(**batch)
    return module(*batch) if isinstance(batch, list | tuple) else module(batch)


def _gradients(
    module: nn.Module, batch: Any, seen: list[tuple[str, str, float, torch.Tensor]]
) -> list[float]:
    outputs = [tensor for tensor in _tensors(_call(module, batch)) if tensor.requires_grad]
    # Copy the list: the backward pass runs checkpointed layers, and so their hooks, once more.
    seen = seen.copy()
    inner = [tensor for *_, tensor in seen if tensor.requires_grad]
    if not outputs or not inner:
        return [float("nan")] * len(seen)
    noise = []
    for number, tensor in enumerate(outputs):
        values = torch.empty(tensor.shape, dtype=torch.float32)
        fastinit.normal_(values, generator=fastinit.Stream(0) / str(number))
        noise.append(values.to(tensor))
    found = iter(torch.autograd.grad(outputs, inner, noise, allow_unused=True))
    gradients = [next(found) if tensor.requires_grad else None for *_, tensor in seen]
    return [float("nan") if g is None else float(g.double().std(correction=0)) for g in gradients]


def _label(signal: Signal) -> str:
    name = signal.name if len(signal.name) <= LABEL else "..." + signal.name[-LABEL:]
    return f"{name} {signal.kind}"


def plot_signal(module: nn.Module, batch: Any) -> Any:
    """Draw the standard deviations of activations and gradients over depth.

    A good initialisation keeps both lines level: Xavier's and Kaiming's rules aim at this.

    Parameters
    ----------
    module, batch
        As for `measure_signal`.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import torch
    >>> from fastinit.torch import plot_signal
    >>> model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Tanh())
    >>> figure = plot_signal(model, torch.randn(16, 8))
    """
    from matplotlib.figure import Figure

    signals = measure_signal(module, batch)
    figure = Figure(figsize=(max(6.0, 0.25 * len(signals)), 5.5), layout="constrained")
    axes = figure.add_subplot()
    depth = range(len(signals))
    axes.plot(depth, [s.forward for s in signals], "o-", label="activation, forward")
    axes.plot(depth, [s.backward for s in signals], "s--", label="gradient, backward")
    if any(value > 0 for signal in signals for value in (signal.forward, signal.backward)):
        axes.set_yscale("log")
    axes.set_xticks(depth, [_label(signal) for signal in signals], rotation=90, fontsize=7)
    axes.set_ylabel("standard deviation")
    axes.set_title(f"{type(module).__name__}: outputs of its layers")
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    return figure
