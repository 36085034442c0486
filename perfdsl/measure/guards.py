"""Guards: a figure whose probe did not measure what it is named after is refused, and why.

A buffer may lie in a smaller cache or a larger one than it claims, on small pages where huge ones
were asked for, or be read ahead of a chain of loads that nothing should foresee; a loop may not
have run. Each guard looks at one of these, in what was measured alone: none knows a machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from perfdsl.measure.hardware_words import number, size_text
from perfdsl.measure.machine import DRAM, HUGE, Level, Machine, Series
from perfdsl.measure.machine_figures import Figures, Key, figures, key_of, named
from perfdsl.measure.statistics import Estimate
from perfdsl.records import dataclass
from perfdsl.runner.memory import HUGE as HUGE_PAGE

SAME = 1.05  # rates nearer to each other than this are those of one level
SAME_LATENCY = 1.25  # and latencies, which differ by a factor of three from level to level
SMALL_PAGES = 0.1  # of a buffer, from which on it does not lie on huge pages
ROUNDS = 3  # below which a median says nothing of the noise
SHORTEST = 20_000  # nanoseconds of a run, of which the gate takes some hundred
FASTEST = 16  # instructions a cycle that no core reaches: the loop was not executed
MOVES = ("read", "write", "copy")


@dataclass(frozen=True, slots=True)
class Refusal:
    """what: the figure in words; why: what was seen."""

    key: Key
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A cache by what loads take: it holds `low` bytes and not `high`. agrees: with the system."""

    low: int
    high: int
    agrees: bool
    why: str


Guard = Callable[[Machine, Figures], Iterator[tuple[Key, str]]]


def refusals(machine: Machine) -> tuple[Refusal, ...]:
    """One for each figure that some guard refuses, by the first of them."""
    known, found = figures(machine), dict[Key, Refusal]()
    for guard in GUARDS:
        for key, why in guard(machine, known):
            found.setdefault(key, Refusal(key, named(key), why))
    return tuple(found.values())


# --------------------------------------------------------------------------------- single series


def too_few(machine: Machine, _: Figures) -> Iterator[tuple[Key, str]]:
    """The time was over before it had enough turns."""
    for each in machine.series:
        if len(each.nanoseconds) < ROUNDS:
            yield key_of(each), f"the time was over after {_count(len(each.nanoseconds), 'round')}"


def too_short(machine: Machine, _: Figures) -> Iterator[tuple[Key, str]]:
    """A run so short that its beginning and end weigh in it. Jobs are as short as they are."""
    for each in machine.series:
        shortest = min(map(min, each.nanoseconds))
        if shortest < SHORTEST and each.name not in {"awake", "asleep"}:
            yield key_of(each), f"a run took {shortest:,} ns, of which the start is too much"


def on_small_pages(machine: Machine, _: Figures) -> Iterator[tuple[Key, str]]:
    """Huge pages were asked for, and the system gave small ones."""
    for each in machine.series:
        small = each.small_pages
        if each.pages == HUGE and small is not None and small > SMALL_PAGES and _wide(each):
            yield key_of(each), f"{small:.0%} of its memory lies on small pages"


def _wide(series: Series) -> bool:
    """Whether pages matter at all: a buffer within a few pages needs no huge one."""
    return series.size * series.threads > HUGE_PAGE // 2


def not_executed(machine: Machine, known: Figures) -> Iterator[tuple[Key, str]]:
    """More instructions a cycle than any core has: the compiler took the loop apart."""
    clock = known.found.get(Key("clock", "", 1, ""))
    for key, found in known.found.items():
        width = machine.widths.get(key.name)
        if clock is None or width is None:
            continue
        a_cycle = found.median / (clock.median * key.threads * width)
        if a_cycle > FASTEST:
            yield key, f"{number(a_cycle, 3)} instructions a cycle are more than a core executes"


# ------------------------------------------------------------------------------------ the levels


def too_large_for_it(machine: Machine, _: Figures) -> Iterator[tuple[Key, str]]:
    """A buffer that the level cannot hold, or that fits into the next smaller one."""
    inner = _inner(machine)
    places = {level.name: level for level in machine.levels}
    for each in machine.series:
        level = places.get(each.level)
        if level is None or each.name not in {*MOVES, "latency"}:
            continue
        below = inner.get(level.name)
        if below is not None and each.size <= _held(below, each.threads, level):
            why = f"{size_text(each.size)} a thread fit into {below.name}"
            yield key_of(each), why
        elif level.name != DRAM and each.size > level.size // min(each.threads, level.shared):
            yield key_of(each), f"{size_text(each.size)} a thread are more than {level.name} has"


def _held(below: Level, threads: int, level: Level) -> int:
    """Bytes a thread that the next smaller cache could hold. For memory, twice that: a cache that
    keeps half of what is streamed through it supplies half of the rate."""
    share = below.size // min(threads, below.shared)
    return 2 * share if level.name == DRAM else share


def as_next_level(machine: Machine, known: Figures) -> Iterator[tuple[Key, str]]:
    """A cache that moves no more than the next level does, in no way: the buffer lies there.

    One way alone may well be as fast in both (Zen 5 writes 64 bytes a cycle to L1 and to L2).
    """
    outer = _outer(machine)
    for key, found in known.found.items():
        beyond = outer.get(key.level)
        if key.name not in MOVES or beyond is None:
            continue
        other = known.found.get(key._replace(level=beyond))
        if other is not None and not any(_faster(known, key, way, beyond) for way in MOVES):
            rates = f"{_gigabytes(found)} GB/s, and {beyond} {_gigabytes(other)}"
            yield key, f"it lies in {beyond}, or cannot be told from it: {rates}"


def _faster(known: Figures, key: Key, way: str, beyond: str) -> bool:
    """Whether this level moves more in this way than the next one, by as many threads."""
    here, there = (known.found.get(key._replace(name=way, level=e)) for e in (key.level, beyond))
    return here is not None and there is not None and here.median >= SAME * there.median


def waits_as_next_level(machine: Machine, known: Figures) -> Iterator[tuple[Key, str]]:
    """Loads that take as long as those of the next level, or no longer than the last one's."""
    outer, inner = _outer(machine), {a: b.name for a, b in _inner(machine).items()}
    for key, found in known.found.items():
        if key.name != "latency" or not key.level:
            continue
        beyond = known.found.get(key._replace(level=outer.get(key.level, "")))
        within = known.found.get(key._replace(level=inner.get(key.level, "")))
        if beyond is not None and found.median * SAME_LATENCY > beyond.median:
            other = outer[key.level]
            yield key, f"it lies in {other}: {_ns(found)} ns, and {other} takes {_ns(beyond)}"
        elif within is not None and found.median < SAME_LATENCY * within.median:
            other = inner[key.level]
            seen = f"{_ns(found)} ns, and {other} takes {_ns(within)}"
            yield key, f"it lies in {other}, or something foresees the loads: {seen}"


def _inner(machine: Machine) -> Mapping[str, Level]:
    pairs = zip(machine.levels[1:], machine.levels, strict=False)
    return {level.name: below for level, below in pairs}


def _outer(machine: Machine) -> Mapping[str, str]:
    pairs = zip(machine.levels, machine.levels[1:], strict=False)
    return {level.name: beyond.name for level, beyond in pairs}


GUARDS: Sequence[Guard] = (
    too_few, too_short, on_small_pages, not_executed,
    too_large_for_it, as_next_level, waits_as_next_level,
)  # fmt: skip


# ----------------------------------------------------------------------------------- cache sizes


def size_seen(machine: Machine, level: Level) -> Seen | None:
    """What the curve of latencies says of a cache's size; None where it says nothing.

    A stretch is in the cache where loads from it take less than the geometric mean of what they
    take in the middle of this level and of the next one.
    """
    known = figures(machine).found
    outer = _outer(machine).get(level.name, "")
    here, beyond = (known.get(Key("latency", name, 1, HUGE)) for name in (level.name, outer))
    points = {size: known.get(Key("latency", "", 1, HUGE, size)) for size in _sizes(level)}
    if here is None or beyond is None or not all(points.values()):
        return None
    if beyond.median < SAME_LATENCY * here.median:
        return None
    border = math.sqrt(here.median * beyond.median)
    inside = [size for size, found in points.items() if found and found.median < border]
    outside = [size for size in points if size not in inside]
    low, high = max(inside, default=level.size // 4), min(outside, default=8 * level.size)
    seen = ", ".join(f"{_ns(e)} ns from {size_text(size)}" for size, e in points.items() if e)
    agrees = low < high and low <= level.size <= high
    return Seen(low, high, agrees, f"loads take {seen}")


def _sizes(level: Level) -> tuple[int, int, int]:
    return level.size // 2, level.size, 2 * level.size


def _gigabytes(found: Estimate) -> str:
    return number(found.median / 1e9)


def _ns(found: Estimate) -> str:
    return number(found.median / 1e-9, 3)


def _count(amount: int, of: str) -> str:
    return f"{amount} {of}{'' if amount == 1 else 's'}"
