"""The caches and the memory of a `hardware` text: sizes, rates, what a write costs, latency.

`bandwidth` is the rate of reading. A level that reads and writes at once takes the longer of the
two, one that does not takes both, one after the other; which it is follows from how fast it
copies. A byte written counts as `write_cost` bytes read, and never more than it cost in a copy:
what follows from the text is no longer than what was measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.measure.guards import size_seen
from perfdsl.measure.hardware_ports import follows_clock, table
from perfdsl.measure.hardware_words import interval, note, number, size_text, stated
from perfdsl.measure.machine import DRAM, SMALL, Level
from perfdsl.measure.machine_figures import Figures
from perfdsl.measure.scaling import Law, law
from perfdsl.measure.statistics import estimate

LEAST_COST = 0.01  # a noisy round may have copied faster than it read
AT_ONCE = 1.15  # a copy takes no longer than so many times its longer half: both go at once


def levels(known: Figures, tables: list[str]) -> Iterator[str]:
    for level in known.machine.levels:
        kind = "memory" if level.name == DRAM else "cache"
        yield ""
        if kind == "memory" and not known.by_threads("read", level.name):
            yield f"# There is no rate of {level.name} that can be vouched for."
            continue
        yield f"{kind} {level.name} {{"
        if kind == "cache":
            yield from (f"  {line}" for line in _size(known, level))
        yield from (f"  {line}" for line in _bandwidth(known, level, tables))
        yield from (f"  {line}" for line in _writes(known, level))
        yield from (f"  {line}" for line in _latency(known, level))
        yield "}"


def _size(known: Figures, level: Level) -> Iterator[str]:
    told = '@measured("told by the system, and what loads take agrees")'
    seen = size_seen(known.machine, level)
    if seen is None:
        told = '@assumed("told by the system; what loads take does not say")'
    if seen is None or seen.agrees:
        yield from stated(f"size = {size_text(level.size)}", told)
    else:
        low, high = size_text(seen.low), size_text(seen.high)
        yield f"# The system tells {size_text(level.size)}: {seen.why}"
        yield f'size: KiB in {low} .. {high} = {low}  @measured("by what loads take")'
    yield "private" if level.shared == 1 else f"shared by {level.shared} core"


def _bandwidth(known: Figures, level: Level, tables: list[str]) -> Iterator[str]:
    rates = known.by_threads("read", level.name)
    if not rates:
        yield f"# There is no rate of {level.name} that can be vouched for."
        return
    if known.pages_of("read", level.name) == SMALL:
        yield "# On small pages: the system gave no huge ones."
    grows, one, most = law(rates), rates.get(1), rates[max(rates)]
    a_cycle = known.per_cycle("read", level.name) if level.shared == 1 else None
    if a_cycle is not None and follows_clock(known, rates, a_cycle.median):
        yield from stated(
            f"width = {interval(a_cycle, 1, 'B/(cycle*core)')}", note(a_cycle, known.day)
        )
        yield "bandwidth = cores * clock * width"
    elif grows is not Law.TABLE and one is not None:
        yield from stated(f"one_core = {interval(one, 1e9, 'GB/(s*core)')}", note(one, known.day))
        if grows is Law.EACH:
            yield "bandwidth = cores * one_core"
        else:
            yield from stated(f"all_cores = {interval(most, 1e9, 'GB/s')}", note(most, known.day))
            yield "bandwidth = min(cores * one_core, all_cores)"
    else:
        tables += table(f"{level.name}_read", "GB/s", rates, known.day)
        yield f"bandwidth = {level.name}_read(cores)"


def _writes(known: Figures, level: Level) -> Iterator[str]:
    """The rule for writing, from the largest number of threads for which all was measured."""
    ways = [known.by_threads(name, level.name) for name in ("read", "write", "copy")]
    threads = max(set(ways[0]) & set(ways[1]) & set(ways[2]), default=0)
    if not threads:
        return
    at_once = goes_at_once(*(each[threads].median for each in ways))
    turns = (known.rounds(name, level.name, threads) for name in ("read", "write", "copy"))
    cost = estimate([write_cost(*rates, at_once=at_once) for rates in zip(*turns, strict=False)])
    written, copied = (number(each[threads].median / 1e9) for each in ways[1:])
    also = f"written {written}, copied {copied} GB/s, "
    yield from stated(f"write_cost = {interval(cost, 1, '')}", note(cost, known.day, also))
    if at_once:
        yield "time = max(read, write_cost * write) / bandwidth"
    else:
        yield "time = (read + write_cost * write) / bandwidth"


def goes_at_once(read: float, write: float, copy: float) -> bool:
    """Whether a copy takes hardly longer than the longer of its halves. In bytes a second."""
    return 2 * read / copy <= AT_ONCE * max(1, read / write)


def write_cost(read: float, write: float, copy: float, *, at_once: bool) -> float:
    """Bytes that could be read in the time of one that is written, by what costs it less.

    Rates in bytes a second; a copy's counts what is read and what is written.
    """
    alone, copied = read / write, 2 * read / copy  # of a byte read and a byte written
    return max(LEAST_COST, min(alone, copied if at_once else copied - 1))


def _latency(known: Figures, level: Level) -> Iterator[str]:
    for name, pages in (("latency", ""), ("latency_small_pages", SMALL)):
        found = known.best("latency", level.name, 1, pages)
        if found is not None:
            yield from stated(f"{name} = {interval(found, 1e-9, 'ns')}", note(found, known.day))
    small = known.best("read", level.name, max(known.counts), SMALL)
    if small is not None and level.name == DRAM:
        yield from stated(f"small_pages = {interval(small, 1e9, 'GB/s')}", note(small, known.day))
