"""The distributions as mathematics has them, beside the calls that draw from them."""

import math
from dataclasses import astuple, dataclass

import numpy as np
from scipy import special

import fastinit

INF = math.inf
STREAM = fastinit.Stream(4) / "statistics"
CHUNK = 1 << 18  # in the caches


@dataclass(frozen=True)
class Law:
    """A distribution; `tails` is (F(x), 1 - F(x)), each to full precision where it is small."""

    def __str__(self):
        return f"{self.function}({', '.join(f'{value}' for value in astuple(self))})"

    def stream(self, dtype):
        """Return the stream that every measurement of this law and dtype draws from."""
        return STREAM / str(self) / np.dtype(dtype).name

    def draw(self, draws, dtype):
        """Return this number of values."""
        return self.fill(np.empty(draws, dtype), self.stream(dtype))

    def chunks(self, draws, dtype):
        """Yield the same values in pieces, in one buffer."""
        buffer = np.empty(CHUNK, dtype)
        stream = self.stream(dtype)
        for start in range(0, draws, CHUNK):
            stop = min(start + CHUNK, draws)
            part = {"shape": (draws,), "index": (slice(start, stop),)}
            yield self.fill(buffer[: stop - start], stream, **part)

    def fill(self, array, stream, **part):
        """Fill from a stream."""
        return getattr(fastinit, self.function + "_")(array, *astuple(self), stream, **part)

    def masses(self, edges):
        """Return the probabilities between neighbouring edges, from the nearer tail."""
        lower, upper = self.tails(edges)
        return np.where(lower[1:] < 0.5, np.diff(lower), -np.diff(upper))

    def standardised_moments(self, count):
        """Return mean, standard deviation and E[y^k] of y = (x - mean) / std, k = 0 ... count."""
        x, weight = self.quadrature()
        mean = weight @ x
        std = math.sqrt(weight @ (x - mean) ** 2)
        y = (x - mean) / std
        return mean, std, np.array([weight @ y**k for k in range(count + 1)])


def gauss_legendre(low, high):
    """Return 400 nodes and weights."""
    nodes, weights = special.roots_legendre(400)
    return (low + high) / 2 + nodes * (high - low) / 2, weights


@dataclass(frozen=True)
class Uniform(Law):
    low: float
    high: float
    function = "uniform"

    @property
    def support(self):
        return self.low, self.high

    def tails(self, x):
        x = np.clip(x, self.low, self.high)
        width = self.high - self.low
        return (x - self.low) / width, (self.high - x) / width

    def quadrature(self):
        nodes, weights = gauss_legendre(self.low, self.high)
        return nodes, weights / weights.sum()


@dataclass(frozen=True)
class Normal(Law):
    mean: float
    std: float
    function = "normal"

    support = (-INF, INF)

    def tails(self, x):
        z = (np.asarray(x) - self.mean) / self.std
        return special.ndtr(z), special.ndtr(-z)

    def quadrature(self):
        return TruncatedNormal(self.mean, self.std, -INF, INF).quadrature()


@dataclass(frozen=True)
class TruncatedNormal(Law):
    mean: float
    std: float
    low: float
    high: float
    function = "trunc_normal"

    @property
    def support(self):
        return self.low, self.high

    @property
    def scaled_support(self):
        return (self.low - self.mean) / self.std, (self.high - self.mean) / self.std

    def tails(self, x):
        x = np.clip(x, self.low, self.high)
        alpha, beta = self.scaled_support
        if beta <= 0:
            mirrored = TruncatedNormal(-self.mean, self.std, -self.high, -self.low)
            return mirrored.tails(-x)[::-1]
        if alpha >= 0:
            survival, last = self._survival(x), self._survival(self.high)
            return (1 - survival) / (1 - last), (survival - last) / (1 - last)
        z = (x - self.mean) / self.std
        lower, upper = special.ndtr(alpha), special.ndtr(-beta)
        mass = 1 - lower - upper
        if mass < 0.5:  # 2 Phi(z) - 1 does not cancel near 0
            lower, upper, z = (special.erf(y / math.sqrt(2)) / 2 for y in (alpha, beta, z))
            return (z - lower) / (upper - lower), (upper - z) / (upper - lower)
        return (special.ndtr(z) - lower) / mass, (special.ndtr(-z) - upper) / mass

    def _survival(self, x):
        """Return Q(z) / Q(alpha), z from alpha on, which may be far out."""
        alpha = self.scaled_support[0]
        distance = (x - self.low) / self.std
        mills = special.erfcx((alpha + distance) / math.sqrt(2)) / special.erfcx(
            alpha / math.sqrt(2)
        )
        return mills * np.exp(-distance * (alpha + distance / 2))

    def quadrature(self):
        alpha, beta = self.scaled_support
        mode = min(max(0, alpha), beta)
        reach = math.sqrt(mode**2 + 400) - abs(mode)  # the density is 1e-87 of the mode's there
        nodes, weights = gauss_legendre(max(alpha, mode - reach), min(beta, mode + reach))
        weights = weights * np.exp(-(nodes - mode) * (nodes + mode) / 2)
        return self.mean + self.std * nodes, weights / weights.sum()
