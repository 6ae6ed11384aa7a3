"""Thresholds that results must reach (bars), and better ones that they should (goals)."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks import limits
from benchmarks.construction import ACCELERATED, STOCK
from benchmarks.results import Run

MISSED = "MISSED"


class Bar(NamedTuple):
    """A figure of a race: the time of one side, or its ratio to the time of another.

    A pattern stands for the fastest of the sides whose names match.
    """

    label: str
    group: str
    race: str
    of: str
    to: str | None
    bar: float | None
    goal: float | None
    unit: str = "x"
    at_most: bool = False

    def value(self, run: Run) -> float | None:
        """Return the figure; None if the run lacks a side of it."""
        race = run.race(self.group, self.race)
        if race is None:
            return None
        of = race.best(self.of)
        if of is None:
            return None
        if self.to is not None:
            to = race.best(self.to)
            return None if to is None else race.ratio(of, to)
        return race.time(of) * 1e6 if self.unit == "us" else race.nanoseconds(of)

    def passes(self, value: float, threshold: float) -> bool:
        """Return whether a value reaches a threshold."""
        return value <= threshold if self.at_most else value >= threshold

    def verdict(self, value: float | None) -> str:
        """Return whether a value reaches the goal, the bar or neither, as text."""
        if value is None:
            return "left out"
        if self.goal is not None and self.passes(value, self.goal):
            return "goal reached"
        if self.bar is None:
            return "goal missed"
        return "reached" if self.passes(value, self.bar) else MISSED

    def text(self, value: float | None, sign: str = "") -> str:
        """Return a value with its unit; nothing for None."""
        unit = "x" if self.unit == "x" else f" {self.unit}"
        return "" if value is None else f"{sign}{value:.3g}{unit}"

    def cells(self, run: Run) -> tuple[str, str, str, str, str]:
        """Return label, value, bar, goal and verdict as text."""
        value, sign = self.value(run), "<= " if self.at_most else ">= "
        thresholds = self.text(self.bar, sign), self.text(self.goal, sign)
        return (self.label, self.text(value), *thresholds, self.verdict(value))


def _small(width: int, goal: float) -> list[Bar]:
    race, bars = f"kaiming_normal_ {width}x{width}", []
    for target in ("torch tensor", "NumPy array"):
        side = f"fastinit, {target}"
        label = f"{race}, {target}"
        bars += [
            Bar(f"{label}, speed / torch", "small", race, "torch", side, 1, None),
            Bar(label, "small", race, side, None, None, goal, "us", at_most=True),
        ]
    return bars


F32 = ("single", "normal_ float32")
BARS = [
    Bar("uniform_ speed / NT-store fill", "single", "uniform_ float32", limits.NONTEMPORAL,
        "fastinit", 0.90, 0.97),
    Bar("normal_ speed / torch", *F32, "torch", "fastinit", 8, 11),
    Bar("normal_ speed / NumPy SFC64", *F32, "NumPy SFC64", "fastinit", 19, 26),
    Bar("normal_ speed / MKL's best", *F32, "MKL *", "fastinit", 1.9, 2.5),
    Bar("normal_ speed / MKL's best Box-Muller", *F32, "MKL * BoxMuller*", "fastinit", 3.1, 4.2),
    Bar("normal_ bfloat16 time / float32", "dtypes", "normal_", "bfloat16", "float32",
        1.05, 0.9, at_most=True),
    Bar("normal_ float16 time / float32", "dtypes", "normal_", "float16", "float32",
        1.05, 0.9, at_most=True),
    Bar("normal_ bfloat16 speed / torch", "single", "normal_ bfloat16", "torch", "fastinit",
        10, 15),
    Bar("normal_ float64 speed / torch", "single", "normal_ float64", "torch", "fastinit", 10, 14),
    Bar("normal_ float64 speed / MKL's best", "single", "normal_ float64", "MKL *", "fastinit",
        1.3, 1.8),
    Bar("trunc_normal_ +-2 sigma speed / torch", "single", "trunc_normal_ float32 +-2 sigma",
        "torch", "fastinit", 60, 100),
    Bar("trunc_normal_ +-2 sigma time / normal_", "single", "trunc_normal_ float32 +-2 sigma",
        "fastinit", "fastinit normal_", 1.8, 1.2, at_most=True),
    Bar("keystream speed / NT-store fill", "keystream", "bytes", limits.NONTEMPORAL, "fastinit",
        0.8, 0.95),
    Bar("normal_ speed, 2 threads / 1", "threads", "normal_ float32", "fastinit on 1",
        "fastinit on 2", 1.9, 1.97),
    Bar("normal() of 1 GiB, time / first touch of huge pages", "cold", "large", "fastinit.normal",
        f"{limits.FIRST_TOUCH}*", 1.3, 1.1, at_most=True),
    *_small(8, 2.5),
    *_small(64, 4),
    Bar("normal_ transposed time / contiguous", "strides", "normal_ float32", "fastinit transposed",
        "fastinit contiguous", 2.5, 1.3, at_most=True),
    Bar("normal_ by AVX2 speed / torch", "isas", "normal_ float32", "torch", "fastinit avx2",
        3.5, 5),
    Bar("normal_ by portable C", "isas", "normal_ float32", "fastinit portable", None, None, 30,
        "ns", at_most=True),
    Bar("orthogonal_ speed / torch", "orthogonal", "orthogonal_ float32", "torch", "fastinit",
        1, 1.5),
    Bar("GPT-2's list in one call, speed / one array", "models", "gpt2", "one array", "one call",
        0.9, None),
    Bar("Llama 1.2 G, speed in accelerate() / transformers alone", "construction", "Llama 1.2 G",
        STOCK, ACCELERATED, 6, 10),
    Bar("ViT-L, speed in accelerate() / transformers alone", "construction", "ViT-L", STOCK,
        ACCELERATED, 5, 8),
]  # fmt: skip
