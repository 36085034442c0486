"""Two samples held against each other by their ranks: how surely they differ, and by what factor.

The test is that of Wilcoxon (1945) and Mann and Whitney (1947): in how many of the pairs is the
second one larger? Its distribution where nothing differs is counted, not approximated, as long as
there are few samples: each way to deal the pooled samples out is as likely as any other, ties
included, whatever the noise looks like. The factor is the median of the ratios of all pairs (Hodges
and Lehmann 1963), and its interval those factors that the same test does not refuse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass

# Samples in all up to which the distribution is counted: the largest count, 60 over 30, has 17
# digits and fits into 64 bits. Beyond, the normal approximation says up to 8 % more at 2 to 10 %.
COUNTED = 60

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Factor:
    """How many times as much the second has: low .. high covers it with a chance of `coverage`."""

    best: float
    low: float
    high: float
    coverage: float


def chance(first: Sequence[float], second: Sequence[float]) -> float:
    """The chance of a difference at least as clear, in either direction, where there is none."""
    doubled = _doubled_ranks([*first, *second])
    told = int(doubled[: len(first)].sum())
    if len(doubled) <= COUNTED:
        return _counted(doubled, len(first), told)
    return _approximate(doubled, len(first), told)


def least_chance(first: int, second: int) -> float:
    """The least that `chance` can be with so many samples: all of one above all of the other."""
    return min(1.0, 2 / math.comb(first + second, first))


def factor(first: Sequence[float], second: Sequence[float], coverage: float) -> Factor:
    """Raises ValueError where there is no sample, or one is not finite and above zero."""
    ratios = _ratios(first, second)
    outside, reached = interval_rank(len(first), len(second), coverage)
    middle = math.exp(float(np.median(np.log(ratios))))
    return Factor(middle, float(ratios[outside]), float(ratios[-1 - outside]), reached)


def _ratios(first: Sequence[float], second: Sequence[float]) -> Floats:
    """Of all pairs, in ascending order."""
    below, above = (np.asarray(each, dtype=np.float64) for each in (first, second))
    pooled = np.concatenate([below, above])
    if not (below.size and above.size and np.isfinite(pooled).all() and (pooled > 0).all()):
        raise ValueError("a factor needs samples, each of them finite and above zero")
    return np.sort((above[:, None] / below[None, :]).ravel())


def interval_rank(first: int, second: int, coverage: float) -> tuple[int, float]:
    """How many ratios at each end lie outside the interval, and what it covers.

    Where even all of them cover less than asked for, none are left out.
    """
    tails = _tails(first, second)
    within = int(np.searchsorted(tails, (1 - coverage) / 2, side="right"))
    outside = max(0, within - 1)
    return outside, 1 - 2 * float(tails[outside])


@lru_cache(maxsize=64)
def _tails(first: int, second: int) -> Floats:
    """[u]: the chance that at most u of the pairs have the second one larger, without ties.

    Up to the middle: no interval leaves out more.
    """
    few = (first * second + 1) // 2
    if first + second <= COUNTED:
        ways = rank_sums(tuple(range(2, 2 * (first + second) + 1, 2)), first)
        counts = ways[first * (first + 1) :: 2][:few]  # by u, from the least sum of the ranks on
        return np.cumsum(counts) / math.comb(first + second, first)
    middle, spread = first * second / 2, math.sqrt(first * second * (first + second + 1) / 12)
    normal = NormalDist(middle - 0.5, spread)
    return np.array([normal.cdf(u) for u in range(few)])


@lru_cache(maxsize=256)
def rank_sums(doubled: tuple[int, ...], chosen: int) -> Counts:
    """[s]: in how many ways `chosen` of the ranks have the sum s; exact.

    A rank is taken or not, one after another: ways[k, s] of k taken with sum s so far.
    """
    largest = sum(sorted(doubled)[len(doubled) - chosen :])
    ways = np.zeros((chosen + 1, largest + 1), dtype=np.int64)
    ways[0, 0] = 1
    for number, each in enumerate(doubled):
        for taken in range(min(number + 1, chosen), 0, -1):
            ways[taken, each:] += ways[taken - 1, : largest + 1 - each]
    found: Counts = ways[chosen]
    return found


def _doubled_ranks(samples: Sequence[float]) -> Counts:
    """Ranks from 1, twice: equal samples share the mean of theirs, which may end in a half."""
    values = np.asarray(samples, dtype=np.float64)
    ordered = np.sort(values)
    first = np.searchsorted(ordered, values, side="left")
    last = np.searchsorted(ordered, values, side="right")
    return (first + 1 + last).astype(np.int64)


def _counted(doubled: Counts, chosen: int, told: int) -> float:
    """The share of ways whose rank sum is as far from its mean as the one that was seen."""
    ways = rank_sums(tuple(sorted(doubled.tolist())), chosen)
    mean = chosen * (len(doubled) + 1)  # of the doubled sums
    far = np.abs(np.arange(len(ways)) - mean) >= abs(told - mean)
    return int(ways[far].sum()) / int(ways.sum())


def _approximate(doubled: Counts, chosen: int, told: int) -> float:
    """Normal, with what ties take from its variance, and half a step for continuity."""
    other = len(doubled) - chosen
    _, tied = np.unique(doubled, return_counts=True)
    lost = float((tied.astype(np.float64) ** 3 - tied).sum())
    total = len(doubled)
    variance = chosen * other / 12 * (total + 1 - lost / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    distance = abs(told - chosen * (total + 1)) / 2
    return min(1.0, 2 * NormalDist().cdf(-max(0.0, distance - 0.5) / math.sqrt(variance)))
