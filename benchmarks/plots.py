"""The pictures of a run."""

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

# Okabe and Ito's colours, which the colour-blind tell apart.
BLUE, SKY, GREEN, ORANGE = "#0072B2", "#56B4E9", "#009E73", "#E69F00"
VERMILION, PURPLE, GREY = "#D55E00", "#CC79A7", "#6b6b6b"
STYLE = {
    "svg.hashsalt": "fastinit",
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
# Side (a pattern: the fastest counts), label, colour.
PEERS = [
    (limits.STREAMED, "memory's limit", GREY),
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
    "normal_ bfloat16": "normal_, bfloat16",
    "normal_ float64": "normal_, float64",
    "trunc_normal_ float32 +-2 sigma": "trunc_normal_ within 2 sigma, float32",
}


def _bytes(size: float, _: object = None) -> str:
    power = max(0, min(3, int(math.log2(max(size, 1))) // 10))
    return f"{size / 1024**power:g} {('B', 'KiB', 'MiB', 'GiB')[power]}"


def _plain(value: float, _: object = None) -> str:
    return f"{value:g}"


def _spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return heights in the same order, moved apart until neighbours keep a gap."""
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
            annotation_clip=False,
        )


def _subtitle(run: Run) -> str:
    machine = run.machine
    return f"{machine['processor']}, {machine['isa']}, {machine['date'][:10]}"


def curve(run: Run) -> Any:
    """Draw throughput against size, one thread."""
    races = sorted(run.of("curve"), key=lambda race: race.size)
    figure, axes = plt.subplots(figsize=(9, 5))
    lines = [
        (LIMIT, "memory's limit:\nfill of one value", GREY, "--", None),
        ("fastinit uniform_", "fastinit uniform_", SKY, "-", "o"),
        ("fastinit", "fastinit normal_", BLUE, "-", "o"),
        ("MKL *", "MKL normal (ICDF)", VERMILION, "-", "s"),
        ("torch", "torch normal_", ORANGE, "-", "^"),
        ("NumPy SFC64", "NumPy normal", GREEN, "-", "v"),
    ]
    ends = []
    for pattern, label, colour, dashes, marker in lines:
        points = [(r.size, r.gigabytes(side)) for r in races if (side := r.best(pattern))]
        if points:
            sizes, speeds = zip(*points, strict=True)
            axes.plot(sizes, speeds, color=colour, linestyle=dashes, marker=marker)
            ends.append((sizes[-1], speeds[-1], label, colour))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks([race.size for race in races][::2])
    axes.xaxis.set_major_formatter(FuncFormatter(_bytes))
    axes.yaxis.set_major_formatter(FuncFormatter(_plain))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.set_xlabel("size of the tensor (float32), memory already touched")
    axes.set_ylabel("GB/s, one thread")
    low, high = map(math.log10, axes.get_ylim())
    _label_ends(axes, ends, (high - low) / 17)
    axes.set_title(f"Throughput against size\n{_subtitle(run)}")
    return figure


def _bars(axes: Any, race: Race, title: str) -> None:
    rows = [
        (race.gigabytes(side), label, colour, side)
        for pattern, label, colour in PEERS
        if (side := race.best(pattern)) is not None
    ]
    own = race.best("fastinit")
    for y, (speed, label, colour, side) in enumerate(rows):
        axes.barh(y, speed, 0.72, color=colour)
        factor = "" if label in ("fastinit", "memory's limit") else _factor(race, side, own)
        axes.text(speed, y, f"  {speed:.1f}{factor}", va="center")
    detail = {"Intel MKL", "NumPy"}
    names = [
        side.replace("BoxMuller", "Box-Muller ") if label in detail else label
        for _, label, _, side in rows
    ]
    axes.set_yticks(range(len(rows)), [name.strip() for name in names])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_title(title)


def _factor(race: Race, side: str, own: str | None) -> str:
    if own is None:
        return ""
    ratio = race.ratio(side, own)
    return f"  (fastinit {ratio:.1f}x)" if ratio < 10 else f"  (fastinit {ratio:.0f}x)"


def peers(run: Run) -> Any:
    """Draw the throughput of every peer, one thread."""
    panels = [(race, PANELS[race.name]) for race in run.of("single") if race.name in PANELS]
    heights = [sum(race.best(side) is not None for side, _, _ in PEERS) + 1.2 for race, _ in panels]
    figure, axes = plt.subplots(
        len(panels),
        1,
        sharex=True,
        squeeze=False,
        figsize=(9, 0.32 * sum(heights) + 1),
        height_ratios=heights,
    )
    for axis, (race, title) in zip(axes[:, 0], panels, strict=True):
        _bars(axis, race, title)
    axes[-1, 0].set_xlabel(f"GB/s, one thread (longer is faster)\n{_subtitle(run)}")
    axes[-1, 0].margins(x=0.15)
    return figure


def threads(run: Run) -> Any:
    """Draw throughput against threads."""
    figure, axes = plt.subplots(figsize=(9, 4.5))
    lines = [
        ("uniform_ float32", limits.STREAMED, "memory's limit", GREY, "--", None),
        ("uniform_ float32", "fastinit", "fastinit uniform_", SKY, "-", "o"),
        ("normal_ float32", "fastinit", "fastinit normal_", BLUE, "-", "o"),
        ("normal_ float32", "MKL ARS5 ICDF", "MKL normal (ICDF)", VERMILION, "-", "s"),
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
    axes.set_title(f"Scaling with threads\n{_subtitle(run)}")
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
