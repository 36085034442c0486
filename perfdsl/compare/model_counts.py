"""What a program says of each operator: multiply-adds by kind, bytes of weights, layer by layer.

The formulas are those of the program's graph, read under any lengths of texts: the tokens and the
number of texts of the workload in force are replaced, and whatever follows from them follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from perfdsl.compare.whole import Given, values_of, whole
from perfdsl.diagnostics import Span
from perfdsl.records import dataclass
from perfdsl.semantics.graph import Graph
from perfdsl.semantics.models import steps_of
from perfdsl.semantics.operators import Step
from perfdsl.semantics.program import AnalysisProgram
from perfdsl.semantics.values import Instance, Quantity
from perfdsl.syntax import tree

WEIGHTS = "weights"
WEIGHT_BYTES = "weight bytes"
MAC = "MAC"
Key = tuple[str, str]  # operator and quantity: `int8 MAC`, `weight bytes`


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One quantity of an operator in a class of turns of a `repeat`, as nodes.

    index: which turns; count: how many there are; node: what one of them says. spans: the `use`,
    and the statement of the operator that says it, where that is known.
    """

    index: str
    count: int
    node: int
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ModelCounts:
    """loads: what replaces the load's nodes, for each length of a text. names: what numbers of the
    model and its load are called. parts: by operator and quantity, in the model's order.
    """

    graph: Graph
    loads: tuple[Given, ...]
    names: Mapping[int, str]
    parts: Mapping[Key, tuple[Part, ...]]

    def each(self, part: Part, changed: Given) -> int:
        """What one turn comes to for all texts; changed: further nodes with other values.

        What does not depend on the load, such as the bytes of a matrix, is the same for all texts
        and counts once. Raises NoCountError.
        """
        values = [whole(self.graph, part.node, {**load, **changed}) for load in self.loads]
        moves = not set(self.loads[0]).isdisjoint(self.graph.cone(part.node))
        return sum(values) if moves else values[0]

    def turns(self, part: Part, changed: Given) -> int:
        return whole(self.graph, part.count, {**self.loads[0], **changed})

    def value(self, node: int) -> Fraction:
        """What a number is as written."""
        return values_of(self.graph, node, self.loads[0])[node]

    def by_layer(self, key: Key, changed: Given | None = None) -> Counter[int]:
        """Amount -> how many layers have it, without those that have nothing."""
        found: Counter[int] = Counter()
        for part in self.parts.get(key, ()):
            found[self.each(part, changed or {})] += self.turns(part, changed or {})
        return Counter({each: layers for each, layers in found.items() if each and layers})

    def numbers(self, key: Key) -> dict[int, str]:
        """What a quantity is made of and has a name, by node; not the load."""
        roots = [node for part in self.parts.get(key, ()) for node in (part.node, part.count)]
        below = (number for number in self.graph.cones_of(roots) if number in self.names)
        return {number: self.names[number] for number in below if number not in self.loads[0]}


def model_counts(analysis: AnalysisProgram, net: str, lengths: Sequence[int]) -> ModelCounts:
    """Of the model that the parameter `net` of an analysis holds, for texts of these lengths."""
    frame = analysis.frame
    model, load = frame.world.slots[net], frame.world.load
    assert isinstance(model, Instance)
    assert isinstance(load, Instance)
    tokens, texts = load.frame.own("tokens"), load.frame.own("batch")
    assert isinstance(tokens, Quantity)
    assert isinstance(texts, Quantity)
    loads = tuple(
        {tokens.node: Fraction(length), texts.node: Fraction(count)}
        for length, count in sorted(Counter(lengths).items())
    )
    parts: dict[Key, list[Part]] = {}
    for step in steps_of(model, frame):
        for quantity, node, spans in _quantities(step):
            part = Part(step.index, step.count, node, (step.span, *spans))
            parts.setdefault((step.name, quantity), []).append(part)
    graph = frame.context.graph
    names = _names(graph, net, model) | {tokens.node: "load.tokens", texts.node: "load.batch"}
    return ModelCounts(graph, loads, names, {key: tuple(p) for key, p in parts.items()})


def _names(graph: Graph, net: str, model: Instance) -> dict[int, str]:
    """Of the inputs that have one, and of the model's parameters: what is given for one of these is
    a number without a name of its own."""
    nodes = enumerate(graph.nodes)
    found = {n: str(node.data.name) for n, node in nodes if node.op == "input" and node.data.named}
    declared = model.origin.node
    assert isinstance(declared, tree.Model)
    for param in declared.params:
        value = model.frame.own(param.name)
        if isinstance(value, Quantity):
            found[value.node] = f"{net}.{param.name}"
    return found


def _quantities(step: Step) -> Iterable[tuple[str, int, tuple[Span, ...]]]:
    for work in step.work:
        if str(work.unit) == MAC:
            yield f"{work.kind} {MAC}", work.node, (work.span,) if work.span else ()
    for flow in step.flows:
        if (flow.direction, flow.role) == ("read", WEIGHTS):
            yield WEIGHT_BYTES, flow.node, ()
