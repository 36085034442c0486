"""What a probe's record says: the rate or the time of each property, with its interval and spread.

A round gives each property one number, its fastest run in that round: what slows a run down belongs
to somebody else. An estimate is over the rounds. Rates are of all threads together, a second; the
clock is one core's.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from perfdsl.measure.figures import Figure
from perfdsl.measure.hardware_words import size_text
from perfdsl.measure.machine import HUGE, SMALL, Machine, Series
from perfdsl.measure.statistics import Estimate, estimate, ratios
from perfdsl.measure.timing import NANO
from perfdsl.records import dataclass, replace

TIMES = frozenset({"latency", "barrier", "awake", "asleep"})  # in seconds; the others are rates
UNITS = {"clock": "cycle/s", "add": "op/s", "read": "B/s", "write": "B/s", "copy": "B/s"}


class Key(NamedTuple):
    """Which property, under which circumstance; size only where it alone tells two apart."""

    name: str
    level: str
    threads: int
    pages: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """The estimates of a record, and the numbers of each round."""

    machine: Machine
    found: Mapping[Key, Estimate]

    @property
    def day(self) -> str:
        return self.machine.date.partition("T")[0]

    @property
    def counts(self) -> tuple[int, ...]:
        """The numbers of threads with which something was measured."""
        return tuple(sorted({key.threads for key in self.found})) or (1,)

    def without(self, refused: AbstractSet[Key]) -> Figures:
        kept = {key: each for key, each in self.found.items() if key not in refused}
        return replace(self, found=kept)

    def pages_of(self, name: str, level: str) -> str:
        """On which pages it is told: huge ones, if it was measured there."""
        there = {key.pages for key in self.found if (key.name, key.level) == (name, level)}
        return HUGE if HUGE in there else SMALL if SMALL in there else ""

    def best(self, name: str, level: str, threads: int, pages: str = "") -> Estimate | None:
        """pages: "" for those on which it is told."""
        on = pages or self.pages_of(name, level)
        return self.found.get(Key(name, level, threads, on))

    def by_threads(self, name: str, level: str = "") -> dict[int, Estimate]:
        """For each number of threads for which it is known."""
        each = {n: self.best(name, level, n) for n in self.counts}
        return {n: found for n, found in each.items() if found is not None}

    def rounds(self, name: str, level: str, threads: int) -> list[float]:
        """Round by round, on the pages on which it is told."""
        key = Key(name, level, threads, self.pages_of(name, level))
        return [n for each in self.machine.series if key_of(each) == key for n in values(each)]

    def per_cycle(self, name: str, level: str = "") -> Estimate | None:
        """How much of it one core does a cycle, from the clock of the same rounds."""
        if self.best(name, level, 1) is None or self.best("clock", "", 1) is None:
            return None
        work, cycles = self.rounds(name, level, 1), self.rounds("clock", "", 1)
        both = min(len(work), len(cycles))
        return estimate(ratios(work[:both], cycles[:both]))


def figures(machine: Machine) -> Figures:
    """Of every series."""
    return Figures(machine, {key_of(each): estimate(values(each)) for each in machine.series})


def key_of(series: Series) -> Key:
    size = 0 if series.level else series.size
    return Key(series.name, series.level, series.threads, series.pages, size)


def values(series: Series) -> list[float]:
    """A number for each round: amount a second, or seconds of one of the amount."""
    spent = [min(each) * NANO for each in series.nanoseconds]
    if series.name in TIMES:
        return [each / series.amount for each in spent]
    return [series.amount / each for each in spent]


def named(key: Key) -> str:
    """`read of l2 on 2 threads, huge pages`."""
    of = f" of {key.level}" if key.level else f" in {size_text(key.size)}" if key.size else ""
    threads = "1 thread" if key.threads == 1 else f"{key.threads} threads"
    return f"{key.name}{of} on {threads}" + (f", {key.pages} pages" if key.pages else "")


def of_probe(machine: Machine) -> tuple[Figure, ...]:
    """For the history: peaks and rates of memory are what a probe is made for."""
    return tuple(_figure(each) for each in machine.series)


def _figure(series: Series) -> Figure:
    key, less = key_of(series), series.name in TIMES
    unit = "s" if less else UNITS.get(series.name, "MAC/s")
    case, main = named(key._replace(name=""))[1:], not key.size and key.name != "clock"
    return Figure(case.strip(), series.name, unit, less, main, tuple(values(series)))
