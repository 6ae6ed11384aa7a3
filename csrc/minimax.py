"""Compute the polynomial coefficients of coefficients.h.

Run `python csrc/minimax.py` (needs mpmath) to print every table with the largest error of the
rounded polynomial, evaluated exactly. Each fit is Remez' exchange on the relative error; the
coefficients are then rounded one after another, lowest first, and the rest fitted again to what the
rounding left over.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import mpmath as mp
import numpy as np

mp.mp.dps = 50
Function = Callable[[mp.mpf], mp.mpf]


def remez(
    target: Function, weight: Function, low: float, high: float, powers: list[int]
) -> list[mp.mpf]:
    """Coefficients c of sum c[k] x**powers[k] that minimise max |weight * (sum - target)|."""
    count = len(powers) + 1
    middle, half = (mp.mpf(low) + high) / 2, (mp.mpf(high) - low) / 2
    points = [middle - half * mp.cos(mp.pi * (k + mp.mpf(1) / 2) / count) for k in range(count)]
    dense = [
        middle - half * mp.cos(mp.pi * (k + mp.mpf(1) / 2) / (40 * count))
        for k in range(40 * count)
    ]
    values = [(x, target(x), weight(x)) for x in dense]
    solution: list[mp.mpf] = []
    for _ in range(12):
        rows, right = [], []
        for k, x in enumerate(points):
            rows.append([x**power for power in powers] + [(-1) ** k / weight(x)])
            right.append(target(x))
        solution = list(mp.lu_solve(mp.matrix(rows), mp.matrix(right)))
        errors = [
            w * (sum(c * x**power for c, power in zip(solution, powers, strict=False)) - t)
            for x, t, w in values
        ]
        extrema: list[tuple[mp.mpf, mp.mpf]] = []
        for x, error in zip(dense, errors, strict=True):
            if extrema and (error > 0) == (extrema[-1][1] > 0):
                if abs(error) > abs(extrema[-1][1]):
                    extrema[-1] = (x, error)
            else:
                extrema.append((x, error))
        while len(extrema) > count:
            extrema.pop(0 if abs(extrema[0][1]) < abs(extrema[-1][1]) else -1)
        if len(extrema) < count:
            break
        points = [x for x, _ in extrema]
        sizes = [abs(error) for _, error in extrema]
        if max(sizes) < 1.01 * min(sizes):
            break
    return solution[: len(powers)]


def rounded(x: mp.mpf, bits: int) -> float:
    return float(np.float32(float(x))) if bits == 32 else float(x)


def fit(
    name: str,
    target: Function,
    low: float,
    high: float,
    degree: int,
    bits: int,
    fixed: tuple[float, ...] = (),
) -> list[float]:
    """Print and return rounded coefficients, lowest first, for the relative error of target."""

    def weight(x: mp.mpf) -> mp.mpf:
        return 1 / target(x)

    coefficients = list(fixed)
    steps = range(len(fixed), degree + 1)
    if bits == 64:
        steps = range(len(fixed), len(fixed) + 1)
    for first in steps:
        done = tuple(coefficients)

        def rest(x: mp.mpf, done: tuple[float, ...] = done) -> mp.mpf:
            return target(x) - sum(mp.mpf(c) * x**k for k, c in enumerate(done))

        solution = remez(rest, weight, low, high, list(range(first, degree + 1)))
        if bits == 64:
            coefficients += [rounded(c, bits) for c in solution]
        else:
            coefficients.append(rounded(solution[0], bits))
    grid = [mp.mpf(low) + (mp.mpf(high) - low) * k / 1000 for k in range(1001)]
    worst = max(
        abs(sum(mp.mpf(c) * x**k for k, c in enumerate(coefficients)) / target(x) - 1) for x in grid
    )
    print(
        f"/* degree {degree} on [{low:g}, {high:g}], relative error"
        f" {float(worst):.1e} = 2^{math.log2(float(worst)):.1f} */"
    )
    print(f"static const {'float' if bits == 32 else 'double'} {name}_coefficients[] = {{")
    suffix = "f" if bits == 32 else ""
    for c in reversed(coefficients):
        digits = float(c).hex().replace("0000000p", "p")
        print(f"    {digits}{suffix},")
    print("};\n")
    return [float(c) for c in coefficients]


def minus_two_log_over(z: mp.mpf) -> mp.mpf:
    return mp.mpf(-1) if z == 0 else -2 * mp.log1p(z / 2) / z


def sine_over(q: mp.mpf) -> mp.mpf:
    v = mp.sqrt(q)
    return mp.pi / 4 if v == 0 else mp.sin(mp.pi / 4 * v) / v


def cosine(q: mp.mpf) -> mp.mpf:
    return mp.cos(mp.pi / 4 * mp.sqrt(q))


def quantile_over(w: mp.mpf) -> mp.mpf:
    """Normal quantile of (1 + y)/2, over y, where w = -2 ln(1 - y^2)."""
    if w == 0:
        return mp.sqrt(mp.pi / 2)
    y = mp.sqrt(-mp.expm1(-w / 2))
    return mp.sqrt(2) * mp.erfinv(y) / y


MILLS_CENTRE = 4.0


def scaled_mills(t: mp.mpf) -> mp.mpf:
    """(x + c) Q(x)/phi(x) where t = (x - c)/(x + c)."""
    if t == 1:
        return mp.mpf(1)
    c = mp.mpf(MILLS_CENTRE)
    x = c * (1 + t) / (1 - t)
    if x > 60:
        series, term = mp.mpf(1), mp.mpf(1)
        for k in range(1, 40):
            term *= -(2 * k - 1) / x**2
            series += term
        return (x + c) * series / x
    return (x + c) * mp.sqrt(mp.pi / 2) * mp.erfc(x / mp.sqrt(2)) * mp.exp(x * x / 2)


if __name__ == "__main__":
    fit("f32_log", minus_two_log_over, -1, 0, 8, 32, fixed=(-1.0,))
    fit("f64_log", minus_two_log_over, -1, 0, 20, 64, fixed=(-1.0,))
    fit("f32_sine", sine_over, 0, 1, 3, 32)
    fit("f64_sine", sine_over, 0, 1, 7, 64)
    fit("f32_cosine", cosine, 0, 1, 3, 32, fixed=(1.0,))
    fit("f64_cosine", cosine, 0, 1, 7, 64)
    fit("f32_quantile", quantile_over, 0, 11, 9, 32)
    fit("f64_mills", scaled_mills, -1, 1, 28, 64)
