"""Templates: a plain operator worked out once with stand-ins for its numbers, then filled in.

From its third application on, an operator with arguments of the same dimensions costs a walk over
the ten or twenty nodes of its formulas: its dimensions, names and types are checked already. What
a number may not be (below zero, or no whole number for a count) is looked at each time; where it
might be, the body is read as ever, which says so. With them a model of 336 operators is built in 34
instead of 100 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from perfdsl.records import dataclass
from perfdsl.semantics.counts import is_fine, is_moderate, sure_counts
from perfdsl.semantics.dimensions import PURE
from perfdsl.semantics.graph import STAND_IN, Graph, Input
from perfdsl.semantics.plain import fields_asked
from perfdsl.semantics.scope import MAX_TURNS, Context, Frame
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import Applied, Declared, Quantity, Value, exact
from perfdsl.syntax import tree

# What an argument may be: what a sum or a max is made of may matter for what it is called.
GIVEN = {"input", "product"}
# What a body may be made of: each of them stays what it is, whatever its arguments are.
PARTS = {"const", "input", "product", "sum", "ceil", "floor", "max", "min"}

Given = Mapping[str, Value]
Nodes = dict[int, int]
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, eq=False)
class Sketch(Generic[Made]):
    """Something over stand-ins, and what reading it took.

    nodes: those that are made of stand-ins, in ascending order. asked: nodes whose number was
    asked for. doubtful: those of them that may be no counts where the arguments are. read: slots
    of the world. turns: calls.
    """

    made: Made
    nodes: tuple[int, ...]
    asked: tuple[int, ...]
    doubtful: tuple[int, ...]
    read: frozenset[str]
    turns: int

    def filled(self, given: Nodes, context: Context) -> Nodes | None:
        """The nodes over arguments; None where something may have to be said of them."""
        graph = context.graph
        if context.turns + self.turns > MAX_TURNS:
            return None
        found = dict(given)
        for number in self.nodes:
            node = graph.nodes[number]
            found[number] = graph.add(node.op, [found.get(a, a) for a in node.args], node.data)
        moderate = all(is_moderate(graph.number(number)) for number in given.values())
        asked = self.doubtful if moderate else self.asked  # an eighth of the time
        if not all(is_fine(graph.number(found[number])) for number in asked):
            return None
        context.turns += self.turns
        for slot in self.read:
            context.read(slot)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """An operator applied to stand-ins, which are nodes by the names of the parameters."""

    stands: Mapping[str, int]
    applied: Sketch[Applied]

    def over(self, given: Given, frame: Frame) -> Applied | None:
        """The operator with these arguments."""
        known, context = self.applied.made, frame.context
        nodes = {stand: _node_of(given[name]) for name, stand in self.stands.items()}
        found = self.applied.filled(nodes, context)
        if found is None:
            return None
        old = known.frame
        values = {name: _over(value, found) for name, value in old.values.items()}
        values.update(given)
        made = Frame(context, old.module, frame.world, old.parent, old.path, old.sort,
                     old.bindings, values, old.slots)  # fmt: skip
        context.filled[made] = known, nodes
        return Applied(known.name, known.origin, made)


def _node_of(value: Value) -> int:
    assert isinstance(value, Quantity)
    return value.node


def _over(value: Value, nodes: Nodes) -> Value:
    if isinstance(value, Quantity) and value.node in nodes:
        return _placed(value, nodes[value.node])
    return value


def templated(
    origin: Declared, given: Given, sight: object, frame: Frame, make: Callable[[Given], Applied]
) -> Applied:
    """An operator applied: from a template, where it was applied twice to such arguments before."""
    context = frame.context
    assert isinstance(origin.node, tree.Operator)
    if fields_asked(origin.node, origin.module.top()) is None:
        return make(given)
    free = {n: v for n, v in given.items() if _is_free(v, context.graph)}
    shape = tuple((n, _kind(v) if n in free else exact(v)) for n, v in given.items())
    key = (id(origin.node), sight, shape)
    known = context.templates.get(key, 0)
    if isinstance(known, Template):
        return known.over(given, frame) or make(given)
    before = len(context.problems), context.lost
    made = make(given)
    if known is not None and (len(context.problems), context.lost) == before:
        # One alone is not worth a template.
        context.templates[key] = _template(origin, given, free, frame, make) if known else 1
    return made


def _is_free(value: Value, graph: Graph) -> bool:
    return isinstance(value, Quantity) and graph.nodes[value.node].op in GIVEN


def _placed(value: Value, node: int) -> Value:
    assert isinstance(value, Quantity)
    return Quantity(node, value.dim, value.tag, value.kinds, value.literal, value.term)


def _kind(value: Value) -> object:
    """Equal for quantities that are the same but for their nodes."""
    assert isinstance(value, Quantity)
    term = value.term
    return value.dim, value.tag, value.kinds, value.literal, term.name, term.family


def _template(
    origin: Declared, given: Given, free: Given, frame: Frame, make: Callable[[Given], Applied]
) -> Template | None:
    """The template for arguments like these; None where there can be none."""
    node, context = origin.node, frame.context
    assert isinstance(node, tree.Operator)
    if not free or context.turns > MAX_TURNS // 2:
        return None
    stands = {name: _stand_in(name, node, context.graph) for name in free}
    over = {**given, **{name: _placed(free[name], at) for name, at in stands.items()}}
    found = sketch(lambda: make(over), _nodes_of, stands.values(), context)
    return None if found is None else Template(stands, found)


def _stand_in(name: str, node: tree.Operator, graph: Graph) -> int:
    nan = float("nan")
    unit = Unit("", 1.0, PURE)
    item = Input(name, nan, nan, nan, PURE, unit, node.head, STAND_IN, named=True)
    return graph.add("input", (), item)


def _nodes_of(applied: Applied) -> list[int]:
    return [v.node for v in applied.frame.values.values() if isinstance(v, Quantity)]


def sketch(
    make: Callable[[], Made],
    roots_of: Callable[[Made], list[int]],
    stands: Iterable[int],
    context: Context,
) -> Sketch[Made] | None:
    """What is made with stand-ins; None where it is more than arithmetic, or not right.

    Nothing is remembered meanwhile: what is asked and read must be asked and read here.
    """
    graph, turns = context.graph, context.turns
    before, kept = (len(context.problems), context.lost), context.made
    context.made, graph.asked = {}, set()
    context.reads.append(set())
    try:
        made = make()
    finally:
        asked, read = graph.asked, context.reads.pop()
        context.made, graph.asked = kept, None
    spent, context.turns = context.turns - turns, turns
    if (len(context.problems), context.lost) != before:
        return None
    moving = set(stands)
    nodes = []
    for number in graph.needed([*roots_of(made), *asked]):
        node = graph.nodes[number]
        if node.op not in PARTS or number in graph.rivals:
            return None
        if not moving.isdisjoint(node.args):
            moving.add(number)
            nodes.append(number)
    asked &= moving
    doubtful = asked - sure_counts(graph, stands, nodes)
    return Sketch(made, tuple(nodes), tuple(asked), tuple(doubtful), frozenset(read), spent)
