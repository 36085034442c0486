"""Random numbers that are the same on every machine: counted bits, and tables made of them.

Bits are Philox's, by their counter: a stream is named by a seed and a number, and no stream depends
on how much was drawn from another. What is made of them uses whole numbers, + - * / and square
roots alone, which IEEE 754 rounds alike everywhere; NumPy's own distributions may change with its
version, and a logarithm with the machine's library.
"""

from __future__ import annotations

from math import fsum, sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint16]
Reals: TypeAlias = NDArray[np.float32]

STEPS = 1 << 16  # values of a word


class Stream:
    """Uniform words, one after another."""

    def __init__(self, seed: int, number: int) -> None:
        """seed, number: below 2^64 each; together they are Philox's key."""
        self._bits = np.random.Philox(key=np.array([seed, number], np.uint64))

    def words(self, count: int) -> Words:
        """(count,) whole numbers below 65,536; of four that are drawn together, all or the first
        few."""
        raw = self._bits.random_raw(-(-count // 4))
        return raw.astype("<u8").view("<u2")[:count].astype(np.uint16, copy=False)


def student_t() -> Reals:
    """(65536,) equally likely values of Student's t with 6 degrees of freedom, ascending, scaled to
    a standard deviation of 1.

    With s = t / sqrt(6 + t^2), P(t) - 1/2 = (15 s - 10 s^3 + 3 s^5) / 16: a polynomial, as for all
    even degrees (Abramowitz and Stegun, 26.7.4). It is inverted by bisection.
    """
    above_half = (np.arange(STEPS // 2) + 0.5) / STEPS
    low, high = np.zeros(STEPS // 2), np.ones(STEPS // 2)
    for _ in range(60):
        s = (low + high) / 2
        squared = s * s
        below = s * (15 - squared * (10 - 3 * squared)) / 16 < above_half
        low, high = np.where(below, s, low), np.where(below, high, s)
    t = low / np.sqrt(1 - low * low)
    t /= sqrt(fsum((t * t).tolist()) / len(t))
    return np.concatenate([-t[::-1], t]).astype(np.float32)


def normal(stream: Stream, count: int) -> Reals:
    """(count,) nearly normal numbers of standard deviation 1: sums of twelve uniform ones less
    their mean. None is beyond 6."""
    drawn = stream.words(12 * count).reshape(count, 12)
    total = drawn.sum(axis=1, dtype=np.int64) - 6 * (STEPS - 1)
    return np.asarray(total / STEPS, np.float32)
