"""The machine's rates with so many cores in force: peaks of its ports, bandwidths of its levels."""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.compare.substitution import Substituted
from perfdsl.diagnostics import Source
from perfdsl.records import dataclass
from perfdsl.semantics.values import Instance, Kind, Quantity, Sequence
from perfdsl.solve.extent import extent
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value
from perfdsl.syntax import tree
from perfdsl.syntax.parser import parse

LEVELS = frozenset({"cache", "memory"})


@dataclass(frozen=True, slots=True)
class Peak:
    """rate: work a second in `unit`. kinds: those that the port serves, none for any."""

    port: str
    rate: float
    unit: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """threads: the cores in force. bandwidths: bytes a second by level, inner to outer."""

    threads: int
    peaks: tuple[Peak, ...]
    bandwidths: tuple[tuple[str, float], ...]


def rates(held: Substituted, threads: int) -> Rates:
    """What the machine file says, at its best values."""
    frame = held.analysis.frame
    text = f"let x = {held.cpu} with {{ cores = {threads} core }}"
    (let,) = parse(Source("rates", text)).file.body
    assert isinstance(let, tree.Let)
    hardware = frame.context.evaluate(let.value, frame.local())
    assert isinstance(hardware, Instance)
    reading = Reading(held.program.graph, answer_value, extent, answer_range)
    blocks = [each for each in list(hardware.frame.values.values()) if isinstance(each, Instance)]
    return Rates(
        threads,
        tuple(peak for each in blocks if each.sort == "port" for peak in _peak(each, reading)),
        tuple(pair for each in blocks if each.sort in LEVELS for pair in _width(each, reading)),
    )


def _peak(port: Instance, reading: Reading) -> Iterator[Peak]:
    value, serves = port.frame.own("peak"), port.frame.own("serves")
    kinds = serves.items if isinstance(serves, Sequence) else ()
    names = tuple(each.name for each in kinds if isinstance(each, Kind))
    if isinstance(value, Quantity):
        unit = str(value.dimension).partition("/")[0]
        yield Peak(port.name, reading.value(value.node), unit, names)


def _width(level: Instance, reading: Reading) -> Iterator[tuple[str, float]]:
    value = level.frame.own("bandwidth")
    if isinstance(value, Quantity):
        yield level.name, reading.value(value.node)
