"""Assumptions: the figures of a hardware, and of a program, that a measurement may prove wrong.

A field is doubted where somebody wrote a figure: `clock`, `int8_dot.width`, `dram.bandwidth`. What
is computed from such fields alone is not doubted besides them. A field that rests on a figure
without a name (`cores * clock * 32 B/(cycle*core)`, a row of a table) is doubted as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from perfdsl.compare.bounds import Subject
from perfdsl.diagnostics import Span
from perfdsl.numeric.intervals import Range
from perfdsl.records import dataclass
from perfdsl.semantics.graph import Definition, Graph, Input, Table
from perfdsl.semantics.values import Instance, Quantity
from perfdsl.solve.answers import Number
from perfdsl.solve.numbers import in_unit, number, of_input
from perfdsl.solve.peace import range_for
from perfdsl.solve.reading import Reading

CORES = "cores"
# What comes in whole numbers.
COUNTED = frozenset({"instr", "MAC", "op", "FLOP", "core", "device"})
# A level's own rule for its time speaks of bytes, which a field does not have.
RULES = frozenset({"time"})
RATES = frozenset({"bandwidth", "peak"})


@dataclass(frozen=True, slots=True, eq=False)
class Assumption:
    """nodes: by the threads of the measurements, the node that holds its value with so many cores.

    span: where the figure is written. provenance: what is said of it: measured, spec, assumed.
    parts: of a bandwidth or peak that is computed, the figures of its block that it is made of: all
    of them may be wrong alike, as where each was written in another unit. counted: it is a factor
    of what the program counts.
    """

    name: str
    nodes: Mapping[int, int]
    quantity: Quantity
    span: Span
    provenance: str
    parts: frozenset[str] = frozenset()
    counted: bool = False

    def moved(self, factor: float, reading: Reading) -> dict[int, float]:
        """The values that replace its nodes where it is so many times as much."""
        return {node: factor * reading.value(node) for node in set(self.nodes.values())}

    def shown(self, value: float, reading: Reading, threads: int) -> Number:
        """A value of it, in the unit in which it was written."""
        data = reading.graph.nodes[self.nodes[threads]].data
        if isinstance(data, Input):
            as_written = value == reading.value(self.nodes[threads])
            return of_input(data) if as_written else in_unit(value, data.unit)
        return number(value, self.quantity.dimension, Range(value, value), self.quantity.tag)

    def allowed(self, threads: int, reading: Reading, reach: float) -> Range:
        """Where it may be moved: its declared range, else so many times up and down.

        What comes in whole numbers is not less than one.
        """
        low, high = range_for(reading, self.nodes[threads], reach)
        value = reading.value(self.nodes[threads])
        return Range(max(low, min(1.0, value)), high) if self.counts else Range(low, high)

    @property
    def counts(self) -> bool:
        """Whether it comes in whole numbers: cores, lanes, instructions."""
        names = {name for name, power in self.quantity.dimension.exponents if power > 0}
        return bool(self.quantity.tag) or bool(names and names <= COUNTED)


def assumptions(of: Subject, threads: Iterable[int]) -> tuple[Assumption, ...]:
    """All that can be doubted, for measurements on so many threads each: outer fields first."""
    counts = sorted(set(threads))
    fields = {count: dict(_fields(of.hardware(count))) for count in counts}
    found = []
    for name in fields[counts[0]] if counts else ():
        values = {count: known[name] for count, known in fields.items() if name in known}
        parts = _parts(name, fields[counts[0]], of.graph)
        if len(values) == len(counts) and parts is not None:
            nodes = {count: value.node for count, (value, _) in values.items()}
            value, span = values[counts[0]]
            said = _provenance(value.node, of.graph)
            found.append(Assumption(name, nodes, value, span, said, parts))
    found.extend(
        Assumption(
            name, dict.fromkeys(counts, node), Quantity(node), of.analysis.span, "", counted=True
        )
        for name, node in of.doubted.items()
    )
    return tuple(found)


Fields = Mapping[str, tuple[Quantity, Span]]


def _fields(holder: Instance, prefix: str = "") -> Iterator[tuple[str, tuple[Quantity, Span]]]:
    """The fields that are numbers, by their paths: those of the hardware, then of its blocks."""
    home = holder.frame
    for name, binding in list(home.bindings.items()):
        value = None if name in RULES else home.own(name)
        if isinstance(value, Quantity):
            yield prefix + name, (value, binding.span)
    for name, value in list(home.values.items()):
        if isinstance(value, Instance):
            yield from _fields(value, f"{prefix}{name}.")
        elif isinstance(value, Quantity) and name not in home.bindings:
            yield prefix + name, (value, holder.origin.node.span)


def _parts(name: str, fields: Fields, graph: Graph) -> frozenset[str] | None:
    """What a field that can be doubted is made of besides; None: it is not doubted.

    Empty for one that rests on a figure which no other field has.
    """
    node = fields[name][0].node
    if isinstance(graph.nodes[node].data, Input | Definition):
        return frozenset()
    inside = set(graph.cone(node))
    others = {key: other.node for key, (other, _) in fields.items() if other.node != node}
    below = {key: other for key, other in others.items() if other in inside}
    named = {n for other in below.values() for n in graph.cone(other)}
    if any(_is_figure(number_, graph) for number_ in inside - named):
        return frozenset()
    block, _, last = name.rpartition(".")
    own = frozenset(key for key in below if block and key.startswith(f"{block}."))
    return own if last in RATES and len(own) > 1 else None


def _is_figure(node: int, graph: Graph) -> bool:
    """A number somebody wrote, or a table of them; one of a unit, as in `x / 1 core`, is none."""
    data = graph.nodes[node].data
    return isinstance(data, Table) or (isinstance(data, Input) and data.value != data.unit.factor)


def _provenance(node: int, graph: Graph) -> str:
    data = graph.nodes[node].data
    return data.provenance if isinstance(data, Input | Definition) else ""
