"""What `perfdsl probe` prints: the machine's arithmetic, its memory, what meeting costs, doubts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfdsl.present.bench_page import lines_of
from perfdsl.present.bench_tables import NONE, Table, percent
from perfdsl.present.style import Row, Theme, hanging, paint
from perfdsl.semantics.text import plain

if TYPE_CHECKING:
    from perfdsl.measure.machine import Machine
    from perfdsl.measure.machine_figures import Figures
    from perfdsl.measure.statistics import Estimate

GIGA, MICRO, NANO, KIBI = 1e9, 1e-6, 1e-9, 2**10
UNITS = {"clock": "GHz", "add": "Gop/s"}
PAGES = ("huge", "small")


def page(machine: Machine, theme: Theme) -> str:
    """The whole page; what was refused is not in its tables, but below them."""
    from perfdsl.measure.guards import refusals
    from perfdsl.measure.machine_doubts import doubts
    from perfdsl.measure.machine_figures import figures

    refused = refusals(machine)
    known = figures(machine).without({each.key for each in refused})
    lines: list[Row] = list(_head(machine, known, theme))
    for table in (arithmetic(known), memory(known), meetings(known)):
        if table.rows:
            lines += [(), ((table.title, "bold"),), *lines_of(table)]
    lines.append(())
    for each in refused:
        told = f"left out: {each.what}: {each.why}"
        lines += hanging(((theme.mark("ask"), "ask"), (" ", "")), told, theme)
    for doubt in doubts(machine):
        lines += hanging(((theme.mark("ask"), "ask"), (" ", "")), doubt, theme)
    return paint(lines, theme)


def _head(machine: Machine, known: Figures, theme: Theme) -> Iterator[Row]:
    from perfdsl.measure.to_hardware import title

    rounds = max((len(each.nanoseconds) for each in machine.series), default=0)
    yield ((title(machine), "bold"),)
    told = f"medians of {rounds} rounds in {machine.disturbance.seconds:.0f} s"
    clock = known.best("clock", "", 1)
    if clock is not None:
        least, most = (plain(each / GIGA) for each in (clock.least, clock.most))
        told += f", in which the clock of one core went from {least} to {most} GHz"
    yield from hanging((), told, theme, "dim")


def arithmetic(known: Figures) -> Table:
    """A row for each loop in registers: rates by threads, and what one core does a cycle."""
    from perfdsl.measure.hardware_ports import PORTS, port_name

    counts = known.counts
    heads = ("what", *(_threads(n) for n in counts), "unit", "spread", "a cycle")
    rows = []
    for name in ("clock", *PORTS):
        rates = known.by_threads(name)
        if not rates:
            continue
        a_cycle = known.per_cycle(name) if name != "clock" else None
        rows.append(
            (
                port_name(name, known.machine.isa) if name in PORTS else name,
                *(_cell(rates.get(n), GIGA) for n in counts),
                UNITS.get(name, "GMAC/s"),
                percent(max(each.spread for each in rates.values())),
                _cell(a_cycle, 1),
            )
        )
    return Table("Arithmetic", heads, tuple(rows))


def memory(known: Figures) -> Table:
    """A row for each level, way and kind of page; GB/s by threads, and nanoseconds of a load."""
    counts = known.counts
    heads = ("what", "pages", *(_threads(n) for n in counts), "unit", "spread")
    rows = []
    for level in known.machine.levels:
        for name, unit in (
            ("read", "GB/s"),
            ("write", "GB/s"),
            ("copy", "GB/s"),
            ("latency", "ns"),
        ):
            for pages in PAGES:
                rates = {n: known.best(name, level.name, n, pages) for n in counts}
                found = [each for each in rates.values() if each is not None]
                if found:
                    scale = NANO if name == "latency" else GIGA
                    cells = (_cell(rates[n], scale) for n in counts)
                    spread = percent(max(each.spread for each in found))
                    rows.append((f"{level.name} {name}", pages, *cells, unit, spread))
    return Table("Memory", heads, tuple(rows))


def meetings(known: Figures) -> Table:
    """Microseconds by threads."""
    counts = [n for n in known.counts if n > 1]
    heads = ("what", *(_threads(n) for n in counts), "unit", "spread")
    rows = []
    for name in ("barrier", "awake", "asleep"):
        costs = known.by_threads(name)
        if costs:
            cells = (_cell(costs.get(n), MICRO) for n in counts)
            rows.append((name, *cells, "us", percent(max(e.spread for e in costs.values()))))
    return Table("Threads together", heads, tuple(rows))


def _cell(found: Estimate | None, scale: float) -> str:
    return NONE if found is None else plain(found.median / scale)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
