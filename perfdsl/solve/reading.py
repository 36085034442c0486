"""A reading of a program: its numbers with some inputs replaced, answers solved on the way."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from perfdsl.numeric.evaluate import evaluate
from perfdsl.numeric.gradient import gradient
from perfdsl.numeric.intervals import Range
from perfdsl.records import dataclass, field
from perfdsl.semantics.graph import Graph, Input
from perfdsl.semantics.wanted import unmeasured

# These are not functions of their arguments' values alone: a reading computes them.
ENDS = frozenset({"low", "high"})
SPECIAL = ENDS | {"answer"}
# Below these nothing makes a node more than one number.
LEAVES = frozenset({"input", "answer"})

Answerer = Callable[["Reading", int], float]
Spread = Callable[["Reading", int], Range]
Reach = Callable[["Reading", int, Mapping[int, Range]], Range]


class Timeout(Exception):  # noqa: N818  running out of time is no error of ours
    """The deadline has passed."""


@dataclass(slots=True)
class Reading:
    """Numbers of one graph. given: nodes that have another value than the one written.

    answer: the value of an `answer` node (`unknowns.answer_value`). reach: all that a node can be
    over a box of inputs (`extent.extent`). spread: all that an answer can be. They are given from
    above, and use readings themselves.
    """

    graph: Graph
    answer: Answerer
    reach: Reach
    spread: Spread
    given: Mapping[int, float] = field(default_factory=dict)
    deadline: float = math.inf
    values: dict[int, float] = field(default_factory=dict)
    ranges: dict[int, Range] = field(default_factory=dict)
    origin: Reading | None = None
    moving: tuple[int, ...] = ()
    fits: dict[object, object] = field(default_factory=dict)
    lacking: dict[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.values.update(self.given)

    def changed(self, given: Mapping[int, float]) -> Reading:
        """The same reading with more nodes replaced; what these do not move, it has from here."""
        found = Reading(
            self.graph, self.answer, self.reach, self.spread, {**self.given, **given}, self.deadline
        )
        found.origin, found.moving = self, tuple(given)
        return found

    def poll(self) -> None:
        if time.monotonic() > self.deadline:
            raise Timeout

    def value(self, node: int) -> float:
        """The value of a node; nan where it has none, or where it is still to be measured."""
        if node not in self.values and self.missing(node):
            self.values[node] = math.nan
        if node not in self.values:
            self.poll()
            special = {"answer": self._answer, "low": self._low, "high": self._high}
            evaluate(self.graph, self._order(node), self.values, special)
        return self.values[node]

    def _order(self, root: int) -> list[int]:
        """What must be computed for a node: nothing below a node that is known."""
        seen: set[int] = set()
        todo = [root]
        nodes, values = self.graph.nodes, self.values
        moved = self.graph.dependents_of(self.moving)
        while todo:
            number = todo.pop()
            if number in seen or number in values:
                continue
            if self.origin is not None and number not in moved:
                values[number] = self.origin.value(number)
                continue
            seen.add(number)
            node = nodes[number]
            if node.op not in SPECIAL:
                todo.extend(node.args)
        return sorted(seen)

    def missing(self, node: int) -> bool:
        """Whether a node rests on a measured time that nobody has measured.

        Asked before anything is computed: a comparison with nan would be false, which is a value.
        """
        if not self.graph.cases:
            return False
        if node not in self.lacking:
            self.lacking[node] = bool(unmeasured(self.graph, [node]))
        return self.lacking[node]

    def _answer(self, node: int) -> float:
        return math.nan if self.missing(node) else self.answer(self, node)

    def _low(self, node: int) -> float:
        return self.bounds(self.graph.nodes[node].args[0]).low

    def _high(self, node: int) -> float:
        return self.bounds(self.graph.nodes[node].args[0]).high

    # ------------------------------------------------------------------------- uncertainty

    def vague(self, node: int) -> list[int]:
        """What makes a node more than one number: uncertain inputs, unknowns, and answers.

        An answer stands for the unknown that it solved: what is below it is not looked at.
        """
        nodes = self.graph.nodes
        if all(nodes[number].op in LEAVES for number in self.given):
            return [number for number in self.graph.vague(node) if number not in self.given]
        return self.graph.vague_beside(node, self.given)

    def bounds(self, node: int) -> Range:
        """All that a node can be while its uncertain inputs and unknowns run over their ranges."""
        if node not in self.ranges:
            self.ranges[node] = self._bounds(node)
        return self.ranges[node]

    def _bounds(self, node: int) -> Range:
        if self.missing(node):
            return Range(math.nan, math.nan)
        vague = self.vague(node)
        if not vague:
            value = self.value(node)
            return Range(value, value)
        box = {n: self.range_of(n) for n in vague}
        box = {n: r for n, r in box.items() if r.low != r.high}
        if not box:
            value = self.value(node)
            return Range(value, value)
        return self.reach(self, node, box)

    def range_of(self, node: int) -> Range:
        """What an uncertain input, or an answer, can be."""
        item = self.graph.nodes[node]
        if item.op == "answer":
            return self.spread(self, node)
        source = item.data
        assert isinstance(source, Input)
        return Range(source.low, source.high)

    def elasticities(self, node: int, of: list[int]) -> dict[int, float]:
        """D ln(node) / d ln(x): by how many percent the node moves when x moves by one."""
        value = self.value(node)
        if not value or math.isnan(value):
            return {}
        slopes_ = gradient(self.graph, node, self._all_values(node))
        return {x: slopes_[x] * self.values[x] / value for x in of if x in slopes_}

    def _all_values(self, node: int) -> dict[int, float]:
        for number in self.graph.cone(node):
            self.value(number)
        return self.values
