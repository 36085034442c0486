"""Runs: by how much a figure differs from one run of the tool to the next, where nothing changed.

Rounds of one run share its process: where its memory lies, which pages it got, which code the
compiler laid where. Another run draws anew, and what it draws no round shows: on a quiet machine
eight runs of the same benchmark had medians up to 10 % apart while their rounds agreed within 2 %.
So other records of the same setting are asked, where there are some.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from perfdsl.measure.figures import Figure
from perfdsl.measure.statistics import median
from perfdsl.records import dataclass

LEAST = 2  # degrees of freedom below which a spread says nothing that could be relied on

Key = tuple[str, str]
"""A quantity and its case."""


@dataclass(frozen=True, slots=True)
class Spread:
    """deviation: of the logarithm of a run's median. freedom: runs that tell it, less groups."""

    deviation: float
    freedom: int

    def chance(self, factor: float) -> float:
        """That two runs without a difference are so many times apart, in either direction.

        Runs are supposed to scatter normally, which is all that a handful of them can tell.
        """
        if not self.deviation:
            return 1.0 if factor == 1 else 0.0
        return student(math.log(factor) / (math.sqrt(2) * self.deviation), self.freedom)

    def reach(self, level: float) -> float:
        """The factor between two runs that chance alone exceeds with this probability."""
        low, high = 0.0, 1.0
        while student(high, self.freedom) > level:
            high *= 2
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if student(middle, self.freedom) > level else (low, middle)
        return math.exp(min(high * math.sqrt(2) * self.deviation, 700.0))


def spreads(groups: Iterable[Sequence[Iterable[Figure]]]) -> dict[Key, Spread]:
    """Of each figure, over groups of runs; within a group nothing changed.

    Only what has enough runs is told.
    """
    squares: dict[Key, float] = {}
    freedom: dict[Key, int] = {}
    for runs in groups:
        for key, logs in _logs(runs).items():
            mean = sum(logs) / len(logs)
            squares[key] = squares.get(key, 0.0) + sum((each - mean) ** 2 for each in logs)
            freedom[key] = freedom.get(key, 0) + len(logs) - 1
    return {
        key: Spread(math.sqrt(squares[key] / count), count)
        for key, count in freedom.items()
        if count >= LEAST
    }


def _logs(runs: Sequence[Iterable[Figure]]) -> Mapping[Key, list[float]]:
    """Of each figure, the logarithm of the median of each run."""
    found: dict[Key, list[float]] = {}
    for run in runs:
        for each in run:
            if each.usable:
                logs = found.setdefault((each.quantity, each.case), [])
                logs.append(math.log(median(each.samples)))
    return found


def student(distance: float, freedom: int) -> float:
    """P(|T| >= distance) of Student's distribution, for whole degrees of freedom.

    A finite sum: Abramowitz and Stegun (1964), 26.7.3 and 26.7.4.
    """
    angle = math.atan(abs(distance) / math.sqrt(freedom))
    square = math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for step in range(freedom // 2):
        if step:
            above, below = (2 * step, 2 * step + 1) if odd else (2 * step - 1, 2 * step)
            term *= square * above / below
        total += term
    inside = math.sin(angle) * total
    return 1 - (2 / math.pi * (angle + inside) if odd else inside)
