"""What a probe measures: each property with each number of threads, as something to run.

A `Gauge` is one of them: what a thread does in a turn of its loop, and how much that is. Where
there are several ways to do it, each is a `Loop` of the gauge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from perfdsl.measure.machine import DRAM, HUGE, Level
from perfdsl.measure.machine_levels import deep, stretch
from perfdsl.measure.probes import clock, latency, peaks, transfers
from perfdsl.measure.probes.gate import abreast
from perfdsl.measure.probes.latency import chain, gated_follow
from perfdsl.measure.probes.meeting import Barrier, gated_wait, job
from perfdsl.measure.probes.memory import Memory, memories, small_pages
from perfdsl.measure.probes.peaks import every_family, macs, sums
from perfdsl.measure.probes.transfers import Transfer, gap_of
from perfdsl.measure.timing import Stopwatch
from perfdsl.records import dataclass
from perfdsl.runner.memory import HUGE as HUGE_PAGE
from perfdsl.runner.pool import Pool

CHAIN = 1 << 29  # bytes of the longest chain, if it is beyond the caches: 1 GB takes 2 s to make
WARM = 4  # passes before a run in a cache


@dataclass(frozen=True, slots=True)
class Loop:
    """amount: of a turn, over all threads; run: nanoseconds of so many turns."""

    amount: int
    run: Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One property under one circumstance. loops: ways to do it, of which the fastest counts.

    size: bytes that each thread goes over; fixed: a run is one turn, however short.
    """

    name: str
    threads: int
    loops: tuple[Loop, ...]
    level: str = ""
    pages: str = ""
    size: int = 0
    small_pages: float | None = None
    fixed: bool = False
    memories: Sequence[Memory] = ()  # to which its loops know the addresses alone: kept for them


# ------------------------------------------------------------------------------------- in registers


def arithmetic(counts: Sequence[int]) -> Iterator[Gauge]:
    """Clock and peaks."""
    for threads in counts:
        yield _clock(threads)
        for family in every_family():
            yield _peak(family, threads)


def _clock(threads: int) -> Gauge:
    def run(turns: int) -> int:
        return abreast(threads, lambda gate, at: clock.gated_cycles(gate, at, threads, turns))

    return Gauge("clock", threads, (Loop(clock.CYCLES, run),))  # of the core that ends last


def _peak(family: peaks.Family, threads: int) -> Gauge:
    loop = peaks.GATED[family]

    def run(turns: int) -> int:
        return abreast(threads, lambda gate, at: loop(gate, at, threads, turns))

    return Gauge(family.value, threads, (Loop(threads * macs(family) * sums(), run),))


# ---------------------------------------------------------------------------------------- in memory


class Room:
    """Memory of each thread, on huge pages and on small ones, made when the first gauge asks."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._made: dict[str, tuple[Sequence[Memory], Sequence[float | None]]] = {}
        self._smooth: dict[tuple[str, int], Sequence[int]] = {}

    def on(self, pages: str, threads: int) -> tuple[Sequence[Memory], float | None]:
        """What so many threads have, and the largest share of small pages among it."""
        if pages not in self._made:
            new = memories(self._sizes, huge=pages == HUGE)
            self._made[pages] = new, [small_pages(each) for each in new]
        made, shares = self._made[pages]
        told = [share for share in shares[:threads] if share is not None]
        return made[:threads], max(told, default=None)

    def smooth(self, pages: str, size: int) -> Sequence[int]:
        """For each thread where in its memory so many bytes lie best."""
        if (pages, size) not in self._smooth:
            found, _ = self.on(pages, len(self._sizes))
            self._smooth[pages, size] = transfers.smoothest(found, size)
        return self._smooth[pages, size]


def room(known: Sequence[Level], counts: Sequence[int]) -> Room:
    """Enough for the largest of the gauges in which each thread takes part."""
    return Room(
        [
            max(stretch(known, place, n) for place in range(len(known)) for n in counts if n > each)
            + transfers.SPARE
            for each in range(max(counts))
        ]
    )


def moved(
    known: Sequence[Level], places: Sequence[int], counts: Sequence[int],
    kinds: Sequence[Transfer], at: Room, pages: str,
) -> Iterator[Gauge]:  # fmt: skip
    """The levels at these places read, written and copied, on these pages."""
    for place in places:
        for threads in counts:
            for kind in kinds:
                yield _transfer(known, place, threads, kind, at, pages)


def _transfer(
    known: Sequence[Level], place: int, threads: int, kind: Transfer, at: Room, pages: str
) -> Gauge:
    level, size = known[place].name, stretch(known, place, threads)
    found, small = at.on(pages, threads)
    # What is as small as a page of the host, or is spread over all of a cache, lies nowhere badly.
    alone = known[place].shared == 1 and place > 0
    firsts = at.smooth(pages, size)[:threads] if alone else [each.address for each in found]
    return Gauge(
        kind.value, threads,
        tuple(_moving(kind, threads, size, places, firsts, level) for places in transfers.SHAPES),
        level, pages, size, small, memories=found,
    )  # fmt: skip


def _moving(
    kind: Transfer, threads: int, size: int, places: int, firsts: Sequence[int], level: str
) -> Loop:
    """With so many places of the stretch at once."""
    halves = 2 if kind is Transfer.COPY else 1
    gap, loop = gap_of(size // halves, places), transfers.GATED[kind]
    warm = 0 if level == DRAM else WARM

    def run(turns: int) -> int:
        def share(gate: int, thread: int) -> None:
            loop(gate, thread, threads, turns, places, firsts[thread], gap, warm)

        return abreast(threads, share)

    return Loop(threads * halves * places * gap, run)


def latencies(known: Sequence[Level], places: Sequence[int], pages: str) -> Iterator[Gauge]:
    """These levels on one thread, in memory of its own: what lies there is read as addresses."""
    for place in places:
        level, size = known[place], deep(known, place, 1)
        if level.name == DRAM and place:
            size = min(size, max(CHAIN, 3 * known[place - 1].size))
        yield chased(size, level, pages, level.name)


def curve(known: Sequence[Level]) -> Iterator[Gauge]:
    """Latency at half of each cache's size, at its size and at twice that: where does it end?"""
    for level in known:
        if level.name != DRAM:
            for size in (level.size // 2, level.size, 2 * level.size):
                yield chased(size, level, HUGE, "")


def chased(size: int, level: Level, pages: str, name: str) -> Gauge:
    """Latency in a stretch of so many bytes.

    Each run begins at another line, or the next one would find what the last one brought.
    """
    lines = size // level.line
    (found,) = memories([max(size, HUGE_PAGE)], huge=pages == HUGE)
    chain(found, size, level.line)
    firsts = np.random.default_rng(latency.SEED)
    warm = 0 if level.name == DRAM else WARM

    def run(turns: int) -> int:
        first = found.address + int(firsts.integers(lines)) * level.line
        return abreast(
            1, lambda gate, _: gated_follow(gate, turns, first, found.address, size, warm)
        )

    only = (Loop(latency.LINKS, run),)
    return Gauge("latency", 1, only, name, pages, size, small_pages(found))


# ----------------------------------------------------------------------------------------- together


def meetings(counts: Sequence[int], watch: Stopwatch) -> Iterator[Gauge]:
    """The barrier, and a job for helpers that are awake, and asleep."""
    for threads in counts:
        if threads > 1:
            yield _barrier(threads)
            yield from _jobs(threads, watch)


def _barrier(threads: int) -> Gauge:
    barrier = Barrier()

    def run(turns: int) -> int:
        barrier.reset()
        return abreast(
            threads, lambda gate, at: gated_wait(gate, at, threads, turns, barrier.address)
        )

    return Gauge("barrier", threads, (Loop(1, run),))


def _jobs(threads: int, watch: Stopwatch) -> Iterator[Gauge]:
    pool = Pool(threads)
    for name, asleep in (("awake", False), ("asleep", True)):

        def run(_: int, *, asleep: bool = asleep) -> int:
            return job(pool, watch.clock, asleep=asleep)

        yield Gauge(name, threads, (Loop(1, run),), fixed=True)
