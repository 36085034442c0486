"""The clock and the ports of a `hardware` text: peaks as cores * clock * issue * width.

issue is what one core did a cycle, measured against the clock of the same rounds: a whole number
(or a half) where it cannot be told from one, so that clock, issue and width are assumptions of
their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perfdsl.measure.hardware_words import interval, note, number, stated
from perfdsl.measure.machine_figures import Figures
from perfdsl.measure.scaling import Law, law, near
from perfdsl.measure.statistics import Estimate
from perfdsl.records import dataclass

SAME_CLOCK = 0.01


@dataclass(frozen=True, slots=True)
class Port:
    """How the peak of a family of instructions is told. about: who measures, and what."""

    name: str
    kind: str
    unit: str
    about: str


PORTS: Mapping[str, Port] = {
    "int8": Port("int8_dot", "int8", "MAC", "Dot products of bytes."),
    "pairs": Port("int8_avx2", "int8", "MAC", "AVX2 bytes: VPMADDUBSW, VPMADDWD, VPADDD as one."),
    "bf16": Port("bf16_dot", "bf16", "MAC", "Dot products of pairs of bf16."),
    "fp32": Port("fp32_fma", "fp32", "MAC", "Fused multiply-adds of float32."),
    "add": Port("fp32_add", "fp32", "op", "Additions of float32: all that is no multiply-add."),
}  # fmt: skip
SEQUENCES = {"avx2": "int8_avx2", "portable": "int8_plain"}  # whose int8 product is no instruction


def port_name(family: str, isa: str) -> str:
    """What the port of a family is called on an instruction set."""
    return SEQUENCES.get(isa, PORTS[family].name) if family == "int8" else PORTS[family].name


def clock(known: Figures, tables: list[str]) -> Iterator[str]:
    """One for all numbers of cores, if they cannot be told apart."""
    clocks = known.by_threads("clock")
    if not clocks:
        return
    if one_clock(clocks):
        most = clocks[max(clocks)]
        moved = f"{number(most.least / 1e9)} to {number(most.most / 1e9)} GHz during the run, "
        yield from stated(f"clock = {interval(most, 1e9, 'GHz')}", note(most, known.day, moved))
    else:
        tables += table("sustained_clock", "GHz", clocks, known.day)
        yield "clock = sustained_clock(cores)"


def one_clock(clocks: Mapping[int, Estimate]) -> bool:
    last = clocks[max(clocks)].median
    return all(near(each, last, SAME_CLOCK) for each in clocks.values())


def ports(known: Figures, tables: list[str]) -> Iterator[str]:
    for family, usual in PORTS.items():
        rates = known.by_threads(family)
        if not rates:
            continue
        name = port_name(family, known.machine.isa)
        yield ""
        yield f"## {usual.about}"
        yield f"port {name} {{"
        yield f"  serves {usual.kind}"
        yield from (f"  {line}" for line in _peak(known, family, name, usual.unit, tables))
        yield "}"


def _peak(known: Figures, family: str, name: str, unit: str, tables: list[str]) -> Iterator[str]:
    rates, width = known.by_threads(family), known.machine.widths[family]
    issue = known.per_cycle(family)
    if issue is not None:
        whole = clean(issue.median / width)
        per = issue.median / width if whole is None else whole
        if follows_clock(known, rates, per * width):
            yield from _issue(issue, width, whole, known.day)
            yield f"width = {width} {unit}/instr"
            yield "peak  = cores * clock * issue * width"
            return
    if law(rates) is Law.EACH:
        one = rates[1]
        yield from stated(
            f"one_core = {interval(one, 1e9, f'G{unit}/(s*core)')}", note(one, known.day)
        )
        yield "peak = cores * one_core"
    else:
        tables += table(f"{name}_peak", f"G{unit}/s", rates, known.day)
        yield f"peak = {name}_peak(cores)"


def clean(a_cycle: float) -> float | None:
    """Instructions a cycle as a whole number or a half, if it is one but for what loops lose."""
    nearest = round(2 * a_cycle) / 2
    return nearest if nearest and -0.03 <= a_cycle / nearest - 1 <= 0.02 else None


def _issue(found: Estimate, width: int, whole: float | None, day: str) -> Iterator[str]:
    unit = "instr/(cycle*core)"
    if whole is None:
        each = found.model_copy(
            update={name: getattr(found, name) / width for name in ("median", "low", "high")}
        )
        yield from stated(f"issue = {interval(each, 1, unit)}", note(found, day))
    else:
        seen = f"{number(found.median / width)} a cycle, "
        yield from stated(f"issue = {whole:g} {unit}", note(found, day, seen))


def follows_clock(known: Figures, rates: Mapping[int, Estimate], a_cycle: float) -> bool:
    """Whether the rate of each number of threads is that of their cores at their clock."""
    clocks = known.by_threads("clock")
    if not set(rates) <= set(clocks):
        return False
    last = clocks[max(clocks)]
    at = {n: last if one_clock(clocks) else each for n, each in clocks.items()}
    return all(near(each, n * at[n].median * a_cycle) for n, each in rates.items())


def table(name: str, unit: str, rates: Mapping[int, Estimate], day: str) -> Iterator[str]:
    """What was measured for each number of cores, and straight lines between."""
    mode = "linear" if len(rates) > 1 else "step"
    yield f"table {name}(n: core): {unit} {mode} {{"
    for cores, each in rates.items():
        yield f"  {cores} core: {interval(each, 1e9, unit)}  {note(each, day)}"
    yield "}"
