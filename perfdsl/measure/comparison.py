"""Two records compared, case by case and quantity by quantity, by a test that knows the noise.

Of each quantity all cases are one family: the chance that any of them is said to differ while none
does is at most 5 %, by Holm's correction (1979). Where no difference is seen, `hidden` says how
large one would have to be to be seen in four of five such comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from statistics import NormalDist

from perfdsl.measure.figures import Figure
from perfdsl.measure.ranks import Factor, chance, factor, least_chance
from perfdsl.measure.statistics import median
from perfdsl.records import dataclass

LEVEL = 0.05
POWER = 0.8
MOST_ROUNDS = 1000


class Verdict(StrEnum):
    """Of the second record against the first. FEW: no difference could have been seen."""

    WORSE = "worse"
    BETTER = "better"
    UNSEEN = "no difference seen"
    FEW = "too few rounds"


@dataclass(frozen=True, slots=True)
class Compared:
    """One quantity of one case.

    factor: the second over the first; its interval is of this one alone. chance: that noise does
    this, corrected for the family. hidden: a factor above 1, None where no difference can be seen;
    needed: how many rounds in each could show one then, else 0.
    """

    first: Figure
    second: Figure
    factor: Factor
    chance: float
    verdict: Verdict
    hidden: float | None
    needed: int

    @property
    def loss(self) -> float:
        """By which factor the second is worse; below 1 where it is better."""
        return self.factor.best if self.first.less else 1 / self.factor.best


@dataclass(frozen=True, slots=True)
class Comparison:
    """alone: figures that only one of them has, as `case: quantity`."""

    rows: tuple[Compared, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    def beyond(self, share: float) -> tuple[Compared, ...]:
        """Main figures that are worse beyond noise, and by more than this share."""
        return tuple(
            row
            for row in self.rows
            if row.first.main and row.verdict is Verdict.WORSE and row.loss > 1 + share
        )

    @property
    def untold(self) -> tuple[Compared, ...]:
        """Main figures with too few rounds."""
        return tuple(r for r in self.rows if r.first.main and r.verdict is Verdict.FEW)


def compared(first: Iterable[Figure], second: Iterable[Figure]) -> Comparison:
    """Raises ValueError where a sample is not finite and above zero."""
    before = {(each.quantity, each.case): each for each in first}
    after = {(each.quantity, each.case): each for each in second}
    both = [key for key in before if key in after]
    rows: list[Compared] = []
    for quantity in dict.fromkeys(name for name, _ in both):
        keys = [key for key in both if key[0] == quantity]
        rows += _family([(before[key], after[key]) for key in keys])
    rows.sort(key=lambda row: not row.first.main)  # stable: what the records are about comes first
    return Comparison(tuple(rows), _alone(before, after), _alone(after, before))


def _alone(some: Iterable[tuple[str, str]], others: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    known = set(others)
    return tuple(f"{case}: {quantity}" for quantity, case in some if (quantity, case) not in known)


def _family(pairs: Sequence[tuple[Figure, Figure]]) -> Iterator[Compared]:
    chances = holm([chance(a.samples, b.samples) for a, b in pairs])
    level = LEVEL / len(pairs)  # what the clearest of them has to reach
    for (a, b), corrected in zip(pairs, chances, strict=True):
        found = factor(a.samples, b.samples, 1 - LEVEL)
        sizes = len(a.samples), len(b.samples)
        yield Compared(
            first=a,
            second=b,
            factor=found,
            chance=corrected,
            verdict=_verdict(found.best, corrected, level, sizes, less=a.less),
            hidden=hidden(a.samples, b.samples, level),
            needed=needed(level) if least_chance(*sizes) > level else 0,
        )


def _verdict(
    best: float, corrected: float, level: float, sizes: tuple[int, int], *, less: bool
) -> Verdict:
    if corrected <= LEVEL and best != 1:
        return Verdict.WORSE if (best > 1) == less else Verdict.BETTER
    return Verdict.FEW if least_chance(*sizes) > level else Verdict.UNSEEN


def holm(chances: Sequence[float]) -> list[float]:
    """Each as it counts among all: the least level at which Holm's procedure rejects it."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    found, least = [0.0] * len(chances), 0.0
    for number, each in enumerate(order):
        least = max(least, min(1.0, (len(chances) - number) * chances[each]))
        found[each] = least
    return found


def needed(level: float) -> int:
    """Rounds in each of two records with which a difference can be seen at this level at all."""
    return next(n for n in range(1, MOST_ROUNDS) if least_chance(n, n) <= level)


def hidden(first: Sequence[float], second: Sequence[float], level: float) -> float | None:
    """The factor between two such samples that the test would see with a chance of POWER.

    Both are divided by their medians, which leaves their noise. What the test at this level cannot
    tell from no difference is then half of the interval; that is seen half of the time, and a
    larger one oftener, as it would be of normal noise. None where no difference can be seen.
    """
    if least_chance(len(first), len(second)) > level:
        return None
    noise = [[each / median(samples) for each in samples] for samples in (first, second)]
    found = factor(noise[0], noise[1], 1 - level)
    half = math.log(found.high / found.low) / 2
    sure, often = (NormalDist().inv_cdf(share) for share in (1 - level / 2, POWER))
    return math.exp(half * (sure + often) / sure)
