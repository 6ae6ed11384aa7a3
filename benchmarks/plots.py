"""Draws the pictures of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks import limits
from benchmarks.results import Race, Run

# Okabe and Ito's colours, which colour-blind readers can distinguish.
BLUE, SKY, GREEN, ORANGE = "#0072B2", "#56B4E9", "#009E73", "#E69F00"
VERMILION, PURPLE, GREY = "#D55E00", "#CC79A7", "#6b6b6b"
STYLE: Any = {
    "svg.hashsalt": "fastinit",
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "Helvetica", "sans-serif"],
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 2,
    "lines.markersize": 5,
    "figure.constrained_layout.use": True,
}
LIMIT = "limit: *"
# Side (a pattern stands for the fastest that matches), label, colour.
PEERS = [
    (limits.NONTEMPORAL, "memory's limit", GREY),
    ("fastinit", "fastinit", BLUE),
    ("MKL *", "Intel MKL", VERMILION),
    ("randompack *", "randompack", PURPLE),
    ("NumPy *", "NumPy", GREEN),
    ("randomgen *", "randomgen AES", SKY),
    ("torch", "torch", ORANGE),
]
PANELS = {
    "uniform_ float32": "uniform_, float32",
    "normal_ float32": "normal_, float32",
    "normal_ float64": "normal_, float64",
    "normal_ bfloat16": "normal_, bfloat16",
    "trunc_normal_ float32 +-2 sigma": "trunc_normal_ within 2 sigma, float32",
}


def _bytes(size: float, _: object = None) -> str:
    power = max(0, min(3, int(math.log2(max(size, 1))) // 10))
    return f"{size / 1024**power:g} {('B', 'KiB', 'MiB', 'GiB')[power]}"


def _plain(value: float, _: object = None) -> str:
    return f"{value:g}"


def _spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return the heights, moved apart so that neighbours differ by at least `gap`."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = list(heights)
    for _ in range(200):
        for low, high in pairwise(order):
            if (short := gap - (moved[high] - moved[low])) > 0:
                moved[low] -= short / 2
                moved[high] += short / 2
    return moved


def _label_ends(axes: Any, ends: Sequence[tuple[float, float, str, str]], gap: float) -> None:
    """Write each line's name beside its last point, on a logarithmic axis."""
    heights = _spread([math.log10(y) for _, y, _, _ in ends], gap)
    for (x, y, text, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            text,
            (x, y),
            xytext=(1.02, 10**height),
            textcoords=("axes fraction", "data"),
            color=colour,
            va="center",
            weight="bold",
            annotation_clip=False,
        )


def _machine(run: Run) -> str:
    return f"{run.machine['processor']}, {run.machine['isa']}, {run.machine['date'][:10]}"


def _title(axes: Any, run: Run, text: str) -> None:
    axes.set_title(text, pad=24)
    axes.annotate(
        _machine(run),
        (0, 1),
        xytext=(0, 8),
        xycoords="axes fraction",
        textcoords="offset points",
        color=GREY,
        size=10,
    )


def curve(run: Run) -> Any:
    """Draw throughput against size, one thread."""
    races = sorted(run.of("curve"), key=lambda race: race.elements)
    figure, axes = plt.subplots(figsize=(9, 5))
    lines = [
        (LIMIT, "memory's limit", GREY, "--", None),
        ("fastinit uniform_", "fastinit uniform_", SKY, "-", "o"),
        ("fastinit", "fastinit normal_", BLUE, "-", "o"),
        ("MKL *", "MKL normal (ICDF)", VERMILION, "-", "s"),
        ("torch", "torch normal_", ORANGE, "-", "^"),
        ("NumPy SFC64", "NumPy normal", GREEN, "-", "v"),
    ]
    ends = []
    for pattern, label, colour, dashes, marker in lines:
        points = [(4 * r.elements, r.gigabytes(side)) for r in races if (side := r.best(pattern))]
        if points:
            sizes, speeds = zip(*points, strict=True)
            axes.plot(sizes, speeds, color=colour, linestyle=dashes, marker=marker)
            ends.append((sizes[-1], speeds[-1], label, colour))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks([4 * race.elements for race in races][::2])
    axes.xaxis.set_major_formatter(FuncFormatter(_bytes))
    axes.yaxis.set_major_formatter(FuncFormatter(_plain))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("size of the tensor (float32), memory already touched")
    axes.set_ylabel("GB/s")
    low, high = map(math.log10, axes.get_ylim())
    _label_ends(axes, ends, (high - low) / 17)
    _title(axes, run, "Throughput against size, one thread (higher is faster)")
    return figure


def _verdict(ratio: float) -> str:
    if ratio < 1:
        return f"{1 / ratio:.1f}x faster"
    return f"{ratio:.1f}x slower" if ratio < 10 else f"{ratio:.0f}x slower"


def _bars(axes: Any, race: Race, title: str) -> None:
    found = [(race.best(pattern), label, colour) for pattern, label, colour in PEERS]
    rows = [(side, label, colour) for side, label, colour in found if side is not None]
    rows.sort(key=lambda row: race.time(row[0]))
    names = []
    for y, (side, label, colour) in enumerate(rows):
        speed = race.gigabytes(side)
        is_peer = label not in ("fastinit", "memory's limit")
        verdict = f", {_verdict(race.ratio(side, 'fastinit'))}" if is_peer else ""
        axes.barh(y, speed, 0.74, color=colour)
        axes.annotate(
            f"{speed:.1f}{verdict}",
            (speed, y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            size=10,
        )
        names.append(side if label in ("Intel MKL", "NumPy") else label)
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0, labelsize=10)
    axes.set_title(title, size=11)


def peers(run: Run) -> Any:
    """Draw the throughput of every peer, one thread."""
    panels = [(race, PANELS[race.name]) for race in run.of("single") if race.name in PANELS]
    panels.sort(key=lambda panel: list(PANELS.values()).index(panel[1]))
    heights = [sum(race.best(side) is not None for side, _, _ in PEERS) for race, _ in panels]
    figure, axes = plt.subplots(
        len(panels),
        1,
        sharex=True,
        squeeze=False,
        figsize=(9, 0.25 * sum(heights) + 0.42 * len(panels) + 0.9),
        height_ratios=heights,
    )
    for axis, (race, title) in zip(axes[:, 0], panels, strict=True):
        _bars(axis, race, title)
    axes[-1, 0].set_xlabel(
        f"GB/s, one thread (longer is faster); slower, faster: than fastinit\n{_machine(run)}"
    )
    axes[-1, 0].margins(x=0.12)
    return figure


def threads(run: Run) -> Any:
    """Draw throughput against threads."""
    figure, axes = plt.subplots(figsize=(9, 4.5))
    lines = [
        ("uniform_ float32", limits.NONTEMPORAL, "memory's limit", GREY, "--", None),
        ("uniform_ float32", "fastinit", "fastinit uniform_", SKY, "-", "o"),
        ("normal_ float32", "fastinit", "fastinit normal_", BLUE, "-", "o"),
        ("normal_ float32", "MKL SFMT19937 ICDF", "MKL normal (ICDF)", VERMILION, "-", "s"),
        ("normal_ float32", "NumPy SFC64", "NumPy normal", GREEN, "-", "v"),
        ("normal_ float32", "torch", "torch normal_", ORANGE, "-", "^"),
    ]
    ends, counts = [], [1]
    for name, side, label, colour, dashes, marker in lines:
        race = run.race("threads", name)
        points = race.by_threads(side) if race is not None else {}
        if race is not None and points:
            counts = sorted(points)
            speeds = [race.gigabytes(points[count]) for count in counts]
            axes.plot(counts, speeds, color=colour, linestyle=dashes, marker=marker)
            ends.append((counts[-1], speeds[-1], label, colour))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(counts)
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    axes.yaxis.set_major_formatter(FuncFormatter(_plain))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("threads")
    axes.set_ylabel("GB/s")
    low, high = map(math.log10, axes.get_ylim())
    _label_ends(axes, ends, (high - low) / 17)
    _title(axes, run, "Scaling with threads (higher is faster)")
    return figure


PICTURES = {"curve": ("curve", curve), "peers": ("single", peers), "threads": ("threads", threads)}


def write_pictures(run: Run, directory: Path) -> list[Path]:
    """Write the pictures of the groups that were run; return their paths."""
    directory.mkdir(exist_ok=True)
    paths = []
    for name, (group, draw) in PICTURES.items():
        if run.of(group):
            path = directory / f"{name}.svg"
            with plt.rc_context(STYLE):
                figure = draw(run)
                figure.savefig(path, metadata={"Date": None, "Creator": None})
            plt.close(figure)
            paths.append(path)
    return paths
