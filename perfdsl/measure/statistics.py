"""Samples -> estimates: median, minimum, spread, and an interval that holds for any distribution.

Times on a shared machine are skew and have two humps: nothing here supposes a normal distribution.
The interval of a median lies between two order statistics, so its coverage follows from the
binomial distribution alone; with few samples it is less than what was asked for, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from perfdsl.measure.recorded import Recorded

COVERAGE = 0.95


class Estimate(Recorded):
    """A median with what is known of it, in the unit of the samples.

    low .. high covers the true median with a probability of `coverage`; `spread` is the distance of
    the quartiles as a share of the median.
    """

    median: float
    low: float
    high: float
    coverage: float
    least: float
    most: float
    spread: float
    count: int


def estimate(samples: Sequence[float], coverage: float = COVERAGE) -> Estimate:
    """What the samples say: times, rates, ratios.

    Raises ValueError where there are none, or one is not finite and above zero.
    """
    ordered = sorted(samples)
    if not ordered or not all(0 < each < math.inf for each in ordered):
        raise ValueError("an estimate needs samples, each of them finite and above zero")
    middle = quantile(ordered, 0.5)
    rank, reached = interval_rank(len(ordered), coverage)
    return Estimate(
        median=middle,
        low=ordered[rank],
        high=ordered[-1 - rank],
        coverage=reached,
        least=ordered[0],
        most=ordered[-1],
        spread=(quantile(ordered, 0.75) - quantile(ordered, 0.25)) / middle,
        count=len(ordered),
    )


def median(samples: Sequence[float]) -> float:
    return quantile(sorted(samples), 0.5)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Between the two nearest of the sorted samples, linearly: definition 7 of Hyndman and Fan
    (1996), the one of NumPy."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def interval_rank(count: int, coverage: float) -> tuple[int, float]:
    """How many samples at each end lie outside the interval of a median, and what it covers.

    The number of samples below the true median is binomial (count, 1/2), so an interval without
    `rank` samples at each end misses it with probability 2 P(X <= rank), summed in integers. Where
    even all samples cover less than asked for, it is all of them.
    """
    rank, tail = 0, 1  # tail: of 2**count outcomes, those with X <= rank
    while 2 * (rank + 1) < count:
        wider = tail + math.comb(count, rank + 1)
        if 2 * wider / 2**count > 1 - coverage:
            break
        rank, tail = rank + 1, wider
    return rank, 1 - 2 * tail / 2**count


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Round by round, above over below: what slows a whole round down cancels.

    Raises ValueError where the rounds do not pair.
    """
    return [a / b for a, b in zip(above, below, strict=True)]
