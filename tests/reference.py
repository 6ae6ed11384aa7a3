"""The oracle: computes values from keys independently of the core.

AES comes from `cryptography`, logarithm, sine and cosine from NumPy in float64, truncated normals
from SciPy's quantiles. Every function takes the words of whole tiles and returns float64.
"""

import hashlib

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from scipy import special

TILE = 32


def derive(seed: int, *names: str) -> bytes:
    """Return the key of a seed and a path of names."""
    key = hashlib.blake2b(seed.to_bytes(16, "little"), digest_size=16, person=b"fastinit-1")
    for name in names:
        key = hashlib.blake2b(name.encode(), digest_size=16, key=key.digest(), person=b"fastinit-1")
    return key.digest()


def keystream(key: bytes, start: int, count: int) -> bytes:
    """Return bytes of AES-128-CTR with the counter from 0."""
    block, skip = divmod(start, 16)
    cipher = Cipher(algorithms.AES(key), modes.CTR(block.to_bytes(16, "big")))
    return cipher.encryptor().update(bytes(skip + count))[skip:]


def words(key: bytes, bits: int, first: int, count: int) -> np.ndarray:
    """Return `count` words from `first` on, as signed little-endian integers of `bits` bits."""
    size = bits // 8
    return np.frombuffer(keystream(key, first * size, count * size), f"<i{size}")


def fraction(word: np.ndarray) -> np.ndarray:
    """Return a word as a signed fraction in [-1, 1)."""
    return word.astype(np.float64) / 2.0 ** (8 * word.itemsize - 1)


def tails(word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (u, 1 - u) of a word; small values have full precision in both."""
    half_unit = 2.0 ** -(8 * word.itemsize)
    twice = fraction(word) + half_unit
    low = np.where(word >= 0, twice / 2, 1 + twice / 2)
    high = np.where(word >= 0, 1 - twice / 2, -twice / 2)
    return low, high


def uniform(word: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values of U[low, high)."""
    return (low / 2 + high / 2) + fraction(word) * (high / 2 - low / 2)


def normal(word: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Return values of N(mean, std**2): Box-Muller in tiles of 32 words."""
    bits = 8 * word.itemsize
    radius_word, angle_word = np.split(word.reshape(-1, TILE), 2, axis=1)
    u, v = tails(radius_word)
    radius = std * np.sqrt(-2 * np.where(u < 0.5, np.log(u), np.log1p(-v)))
    unsigned = angle_word.view(f"u{word.itemsize}")
    signed = (unsigned << unsigned.dtype.type(2)).view(word.dtype)
    angle = np.pi / 4 * (fraction(signed) + 2 * 2.0 ** -(bits - 1))
    cosine, sine = np.cos(angle), np.sin(angle)
    cosine = np.where(angle_word < 0, -cosine, cosine)
    swap = (unsigned >> unsigned.dtype.type(bits - 2)) & unsigned.dtype.type(1) == 1
    first, second = np.where(swap, sine, cosine), np.where(swap, cosine, sine)
    return (mean + np.concatenate([radius * first, radius * second], axis=1)).reshape(-1)


def truncated(word: np.ndarray, mean: float, std: float, low: float, high: float) -> np.ndarray:
    """Return values of N(mean, std**2) truncated to [low, high], by inversion."""
    alpha, beta = (low - mean) / std, (high - mean) / std
    word = word ^ np.iinfo(word.dtype).min  # so that larger signed words give larger values
    if alpha >= 0:  # the upper tail, where Phi is 1: mirror it
        return mean + std * -_quantile(*tails(word)[::-1], -beta, -alpha)
    return mean + std * _quantile(*tails(word), alpha, beta)


def _quantile(u: np.ndarray, v: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    """Return the quantile of Phi(alpha) v + Phi(beta) u, from the nearer tail."""
    with np.errstate(divide="ignore"):
        # ln(Phi(alpha) v + Phi(beta) u)
        lower = np.logaddexp(
            special.log_ndtr(alpha) + np.log(v), special.log_ndtr(beta) + np.log(u)
        )
        upper = np.logaddexp(
            special.log_ndtr(-alpha) + np.log(v), special.log_ndtr(-beta) + np.log(u)
        )
    return np.where(lower < upper, special.ndtri_exp(lower), -special.ndtri_exp(upper))


def orthogonal(key: bytes, bits: int, rows: int, columns: int, number: int = 0) -> np.ndarray:
    """Return H_1 ... H_n D for rows >= columns: Stewart's method, one reflector at a time.

    Each panel of 64 columns takes normal values only for rows from its first column's number on.
    """
    starts = range(0, columns, 64)
    first = number * sum(64 * (rows - start) for start in starts)
    vectors = []
    for start in starts:
        count = 64 * (rows - start)
        block = normal(words(key, bits, first, count), 0, 1).reshape(-1, 64)
        first += count
        for k in range(start, min(start + 64, columns)):
            vectors.append(np.concatenate([np.zeros(k), block[k - start :, k - start]]))
    result = np.zeros((rows, columns))
    for k in reversed(range(columns)):
        v = vectors[k]
        sign = np.copysign(1, v[k])
        result[k, k] = -sign
        v[k] += sign * np.linalg.norm(v)
        result -= np.outer(v, 2 / (v @ v) * (v @ result))
    return result
