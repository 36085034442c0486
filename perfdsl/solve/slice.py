"""The part of a formula that a few inputs move: everything else is a number once and for all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from perfdsl.numeric.intervals import ANY, NONE, Range, Slope, read_node
from perfdsl.records import dataclass, field
from perfdsl.semantics.operations import NO_VALUE, OPERATIONS, Meaning
from perfdsl.solve.reading import ENDS, SPECIAL, Reading

# A node with its operation looked up, since a search asks for the same ones ten thousand times.
Step = tuple[int, Meaning | None, tuple[int, ...], Any]


@dataclass(slots=True)
class Slice:
    """Roots as functions of some inputs, under a reading.

    order: the nodes that move, ascending. fixed: what they need and does not move.
    """

    reading: Reading
    roots: tuple[int, ...]
    inputs: frozenset[int]
    order: list[int] = field(default_factory=list)
    fixed: dict[int, float] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        nodes = self.reading.graph.nodes
        moving = set(self.inputs)
        above = self.reading.graph.dependents_of(self.inputs)
        for number in self.reading.graph.cones_of(self.roots):
            if number not in above or number in self.inputs or number in self.reading.given:
                continue
            if nodes[number].op in ENDS:
                moves = not self._turning().isdisjoint(self.reading.graph.cone(number))
            else:
                moves = any(arg in moving for arg in nodes[number].args)
            if moves:
                moving.add(number)
                self.order.append(number)
        wanted = {arg for number in self.order for arg in nodes[number].args} | set(self.roots)
        for number in wanted - moving:
            self.fixed[number] = self.reading.value(number)
        for number in self.order:
            node = nodes[number]
            meaning = None if node.op in SPECIAL else OPERATIONS[node.op]
            self.steps.append((number, meaning, node.args, node.data))

    def _turning(self) -> frozenset[int]:
        """The inputs that can move low(x) and high(x): an uncertain input is at its ends there."""
        nodes = self.reading.graph.nodes
        sources = {n: nodes[n].data for n in self.inputs if nodes[n].op == "input"}
        uncertain = {n for n, s in sources.items() if not s.sure and s.sort != "unknown"}
        return self.inputs - uncertain

    def at(self, point: Mapping[int, float]) -> dict[int, float]:
        """Every node of the slice at a point; nan where there is no value."""
        values = {**self.fixed, **point}
        for number, meaning, args, data in self.steps:
            if meaning is None:
                turned = {n: point[n] for n in self._turning() if n in point}
                values[number] = self.reading.changed(turned).value(number)
                continue
            try:
                result = meaning([values[arg] for arg in args], data)
            except NO_VALUE:
                result = None
            values[number] = math.nan if result is None else result
        return values

    def over(self, box: Mapping[int, Range], by: int) -> dict[int, Slope]:
        """Every node over a box, with its derivative by one of the inputs."""
        nodes = self.reading.graph.nodes
        zero, one = Range(0.0, 0.0), Range(1.0, 1.0)
        found = {
            n: Slope(NONE if math.isnan(v) else Range(v, v), zero) for n, v in self.fixed.items()
        }
        for number, range_ in box.items():
            found[number] = Slope(range_, one if number == by else zero)
        for number in self.order:
            node = nodes[number]
            if node.op in ENDS:
                found[number] = self._end_over(node.args[0], box, by)
            elif node.op in SPECIAL:
                found[number] = Slope(ANY, ANY)
            else:
                found[number] = read_node(node, [found[arg] for arg in node.args])
        return found

    def _end_over(self, arg: int, box: Mapping[int, Range], by: int) -> Slope:
        """Bounds of low(x) or high(x): those of x while its uncertain inputs run too; the slope of
        an extreme is a slope of x at the place where it is attained."""
        turning = self._turning()
        moved = {n: range_ for n, range_ in box.items() if n in turning}
        loose = {n: self.reading.range_of(n) for n in self.reading.vague(arg) if n not in turning}
        inner = slice_of(self.reading, (arg,), {**loose, **moved})
        return inner.over({**loose, **moved}, by if by in turning else -1)[arg]


def slice_of(reading: Reading, roots: Iterable[int], inputs: Iterable[int]) -> Slice:
    """The slice of some roots that some inputs move; inputs that occur nowhere are left out."""
    roots = tuple(roots)
    needed = set().union(*map(reading.graph.cone, roots))
    return Slice(reading, roots, frozenset(n for n in inputs if n in needed))
