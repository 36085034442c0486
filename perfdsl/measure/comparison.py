"""Two records compared, case by case and quantity by quantity, by a test that knows the noise.

A difference has to stand out twice: from the rounds of both records, and, where other records of
their settings tell it, from what one run differs by from the next. Of each quantity all cases are
one family: the chance that any of them is said to differ while none does is at most 5 %, by Holm's
correction (1979). Where no difference is seen, `hidden` says how large one would have to be to be
seen in four of five such comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from statistics import NormalDist

from perfdsl.measure.figures import Figure
from perfdsl.measure.ranks import Factor, chance, factor, least_chance
from perfdsl.measure.runs import Key, Spread
from perfdsl.measure.statistics import median
from perfdsl.records import dataclass, replace

LEVEL = 0.05
POWER = 0.8
MOST_ROUNDS = 1000


class Verdict(StrEnum):
    """Of the second record against the first. FEW: no difference could have been seen. RUNS: the
    rounds differ, but not by more than runs do between which nothing changed."""

    WORSE = "worse"
    BETTER = "better"
    UNSEEN = "no difference seen"
    RUNS = "as runs differ"
    FEW = "too few rounds"


@dataclass(frozen=True, slots=True)
class Compared:
    """One quantity of one case.

    factor: the second over the first; its interval is of this one alone. chance: that noise does
    this, corrected for the family. runs: the spread of runs, None where it is not known. hidden: a
    factor above 1, None where no difference can be seen; needed: how many rounds in each could show
    one then, else 0.
    """

    first: Figure
    second: Figure
    factor: Factor
    chance: float
    runs: Spread | None
    verdict: Verdict
    hidden: float | None
    needed: int

    @property
    def loss(self) -> float:
        """By which factor the second is worse; below 1 where it is better."""
        return self.factor.best if self.first.less else 1 / self.factor.best


@dataclass(frozen=True, slots=True)
class Comparison:
    """Besides rows, figures as `case: quantity`: those that only one record has, and those of which
    either has no sample that could be compared."""

    rows: tuple[Compared, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    unusable: tuple[str, ...] = ()

    @property
    def moved(self) -> tuple[Compared, ...]:
        """Rates of the machine, measured beside the main figures, that were not the same."""
        seen = {Verdict.WORSE, Verdict.BETTER}
        return tuple(r for r in self.rows if r.first.beside and r.verdict in seen)

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


def compared(
    first: Iterable[Figure], second: Iterable[Figure], runs: Mapping[Key, Spread] | None = None
) -> Comparison:
    """Figure by figure, in the order of the first record, main ones in front.

    runs: of figures by how much runs differ, as far as that is known.
    """
    before = {(each.quantity, each.case): each for each in first}
    after = {(each.quantity, each.case): each for each in second}
    common = [key for key in before if key in after]
    both = [key for key in common if before[key].usable and after[key].usable]
    rows: list[Compared] = []
    for quantity in dict.fromkeys(name for name, _ in both):
        keys = [key for key in both if key[0] == quantity]
        known = [(runs or {}).get(key) for key in keys]
        rows += _family([(before[key], after[key]) for key in keys], known)
    rows.sort(key=lambda row: not row.first.main)  # stable: what the records are about comes first
    return Comparison(
        rows=tuple(rows),
        only_first=_without(before, after),
        only_second=_without(after, before),
        unusable=_without(common, both),
    )


def _without(some: Iterable[tuple[str, str]], others: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    known = set(others)
    return tuple(f"{case}: {quantity}" for quantity, case in some if (quantity, case) not in known)


def _family(
    pairs: Sequence[tuple[Figure, Figure]], runs: Sequence[Spread | None]
) -> Iterator[Compared]:
    level = LEVEL / len(pairs)  # what the clearest of them has to reach
    factors = [factor(a.samples, b.samples, 1 - LEVEL) for a, b in pairs]
    rounds = holm([chance(a.samples, b.samples) for a, b in pairs])
    apart = holm(
        [each.chance(f.best) if each else 0.0 for f, each in zip(factors, runs, strict=True)]
    )
    for (a, b), found, spread, *chances in zip(pairs, factors, runs, rounds, apart, strict=True):
        sizes = len(a.samples), len(b.samples)
        yield Compared(
            first=a,
            second=b,
            factor=_wider(found, spread),
            chance=max(chances),
            runs=spread,
            verdict=_verdict(found.best, chances, level, sizes, less=a.less),
            hidden=_hidden(hidden(a.samples, b.samples, level), spread, level),
            needed=needed(level) if least_chance(*sizes) > level else 0,
        )


def _wider(found: Factor, runs: Spread | None) -> Factor:
    """The interval with what runs differ by."""
    if runs is None:
        return found
    apart = runs.reach(LEVEL)
    return replace(
        found, low=min(found.low, found.best / apart), high=max(found.high, found.best * apart)
    )


def _hidden(rounds: float | None, runs: Spread | None, level: float) -> float | None:
    """The larger of what rounds hide and what runs do: its chance to be seen is POWER."""
    if rounds is None or runs is None:
        return rounds
    return max(rounds, runs.reach(level) * runs.reach(2 * (1 - POWER)))


def _verdict(
    best: float, chances: Sequence[float], level: float, sizes: tuple[int, int], *, less: bool
) -> Verdict:
    rounds, runs = chances
    if rounds <= LEVEL and best != 1:
        if runs > LEVEL:
            return Verdict.RUNS
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
