"""Figures of a record: each quantity of each case, with one sample a round, for any kind of record.

Rounds are what noise acts on: calls of one round share its clock, its pages and its neighbours, and
would make a test too sure of itself. So a round gives one sample, the median of its calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from perfdsl.measure.doubts import named
from perfdsl.measure.results import OURS, Result, Series
from perfdsl.measure.statistics import median
from perfdsl.measure.summary import rates, timed, times
from perfdsl.records import dataclass

UNITS = {"stream": "B/s", "clock": "cycle/s"}


@dataclass(frozen=True, slots=True)
class Figure:
    """unit: of the samples, in base units (`s`, `B/s`, `MAC/s`). less: the less, the better.

    main: what the record was made for; the rest says what the machine was like meanwhile.
    """

    case: str
    quantity: str
    unit: str
    less: bool
    main: bool
    samples: tuple[float, ...]

    @property
    def beside(self) -> bool:
        """Whether it tells what the machine could do while the main figures were measured."""
        return not (self.main or self.less)

    @property
    def usable(self) -> bool:
        """Whether there are samples, each finite and above zero: a phase can be shorter than a step
        of the clock, and what was left out has none."""
        return bool(self.samples) and all(0 < each < math.inf for each in self.samples)


def of_bench(result: Result) -> tuple[Figure, ...]:
    """Seconds of a call, ours first; then the rates of the limits for each number of threads."""
    calls = [figure for series in result.series for figure in _calls(series)]
    calls.sort(key=lambda figure: not figure.main)
    threads = dict.fromkeys(series.case.threads for series in result.series)
    limits = [figure for number in threads for figure in _limits(result.series, number)]
    return (*calls, *limits)


def _calls(series: Series) -> Iterator[Figure]:
    for name in timed(series):
        rounds = tuple(times(series.rounds, name))
        yield Figure(named(series.case), f"time of {name}", "s", True, name == OURS, rounds)


def _limits(series: Sequence[Series], threads: int) -> Iterator[Figure]:
    """A round measures a limit once for each case: of these the median is that round's sample."""
    same = [rates(each) for each in series if each.case.threads == threads]
    for name in dict.fromkeys(name for found in same for name in found):
        known = [found[name] for found in same if name in found]
        turns = zip_longest(*known)
        rounds = tuple(median([each for each in turn if each is not None]) for turn in turns)
        case = f"{threads} thread{'' if threads == 1 else 's'}"
        yield Figure(case, f"rate of {name}", UNITS.get(name, "MAC/s"), False, False, rounds)
