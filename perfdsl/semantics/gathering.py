"""Functions over `for`: sum, mean, max and min of what runs over a range or a list."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.binding import name_of_sum
from perfdsl.semantics.data import kept_rows
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.filters import Chosen, kept, kept_extreme, kept_value
from perfdsl.semantics.graph import Graph, Input, Term
from perfdsl.semantics.models import turns_of
from perfdsl.semantics.polynomial import closed_sum, coefficients
from perfdsl.semantics.quantities import quantity
from perfdsl.semantics.scope import Frame, free_names
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import (
    POISON,
    Data,
    Interval,
    Quantity,
    Record,
    Sequence,
    Value,
    Words,
    describe,
)
from perfdsl.syntax import tree

Gatherer = Callable[[tree.Gather, Frame], Value]

# Up to so many turns a sum is written out, and shows each of its terms.
FEW = 64


def most(op: str, operands: list[Operand], terms: list[Term], frame: Frame) -> Value:
    """The largest or smallest of the operands."""
    like = unify(frame.context, operands, "compared")
    if like is None:
        return POISON
    if len(operands) == 1:
        value = operands[0].value
        return Quantity(value.node, value.dim, value.tag, value.kinds, False, terms[0])
    node = frame.context.graph.add(op, [o.value.node for o in operands], tuple(terms))
    return Quantity(node, like.dim, like.tag, like.kinds)


def values_of(over: tree.Expr, frame: Frame) -> list[Value] | None:
    """What a `for` runs over: whole numbers, or the items of a list; None: reported."""
    value = evaluate(over, frame)
    match value:
        case Interval():
            limits = turns_of(value, over.span, frame)
            if limits is None:
                return None
            graph = frame.context.graph
            dim, tag = value.low.dim, value.low.tag
            return [Quantity(graph.const(i), dim, tag) for i in range(*limits)]
        case Sequence(items=items):
            return list(items)
        case Record(rows=rows) if rows:
            return list(rows.values())
        case Data(rows=rows):
            return list(rows) if frame.context.spend(len(rows), over.span) else None
        case _ if value == POISON:
            return None
        case _:
            title = f"`for` runs over a range or a list, not {describe(value)}"
            frame.context.report("P302", title, over.span)
            return None


def items_of(expr: tree.Gather, frame: Frame) -> list[Frame] | None:
    """A frame for each item, with the item bound; None: reported."""
    values = values_of(expr.over, frame)
    return None if values is None else [frame.local(**{expr.var: value}) for value in values]


def settled_items(expr: tree.Gather, frame: Frame) -> list[Frame] | None:
    """A frame for each item that passes a filter which no reading can turn; None: reported."""
    frames = items_of(expr, frame)
    turns = None if frames is None else kept(expr, frames)
    if turns is None:
        return None
    if expr.cond is not None and any(test is not None for _, test in turns):
        title = "which rows these are depends on something uncertain, assumed or unknown"
        frame.context.report("P505", title, expr.cond.span)
        return None
    return [inner for inner, _ in turns]


def _chosen(expr: tree.Gather, frame: Frame) -> list[Chosen] | None:
    """The items that pass the filter, each with its value; None: reported."""
    frames = items_of(expr, frame)
    turns = None if frames is None else kept(expr, frames)
    if turns is None:
        return None
    found = []
    for inner, test in turns:
        value = quantity(expr.body, inner)
        if value is None:
            return None
        found.append(Chosen(inner, value, test))
    return found


def _gather_sum(expr: tree.Gather, frame: Frame, mean: bool = False) -> Value:
    if not mean and (short := _short_sum(expr, frame)) is not None:
        return short
    found = _chosen(expr, frame)
    if found is None:
        return POISON
    graph = frame.context.graph
    if not found:
        if mean:
            return frame.context.report("P302", "a mean of nothing", expr.span)
        return Quantity(graph.const(0.0), None)
    like = unify(frame.context, [Operand(c.value, expr.body.span) for c in found], "added")
    if like is None:
        return POISON
    nodes = [kept_value(item, graph) for item in found]
    node = graph.total(nodes)
    if mean:
        one = graph.const(1.0)
        node = graph.ratio(node, _many([one if c.test is None else c.test for c in found], graph))
    terms = [(part, item.value.term) for part, item in zip(nodes, found, strict=True)]
    return Quantity(node, like.dim, like.tag, like.kinds, False, name_of_sum(graph, node, terms))


def _many(tests: list[int], graph: Graph) -> int:
    """How many of the tests hold; those that are settled are 1."""
    one = graph.const(1.0)
    if all(test == one for test in tests):
        return graph.const(len(tests))
    return graph.total(tests)


def _short_sum(expr: tree.Gather, frame: Frame) -> Value | None:
    """A sum over a range that need not be unrolled; None where it must be.

    A body without its index is the number of turns times the body. A polynomial of the index has
    a closed form, taken where there are many turns or nobody knows how many.
    """
    over = evaluate(expr.over, frame)
    if isinstance(over, Data):
        return _counted_rows(expr, over, frame)
    if expr.cond is not None or not isinstance(over, Interval):
        return None
    graph = frame.context.graph
    number = graph.number
    low, high = number(over.low.node), number(over.high.node)
    few = low is not None and high is not None and high - low <= FEW
    if expr.var in free_names(expr.body) and few:
        return None
    index = _index(expr, over, frame)
    body = quantity(expr.body, frame.local(**{expr.var: index}))
    if body is None:
        return POISON
    terms = coefficients(graph, body.node, index.node)
    if terms is None:
        return None
    last = over.high.node
    if over.open:
        # The last whole number below an open end.
        last = graph.total([graph.add("ceil", (last,)), graph.const(1.0)], (1, -1))
    node = closed_sum(graph, terms, over.low.node, last)
    return Quantity(node, body.dim, body.tag, body.kinds)


def _counted_rows(expr: tree.Gather, data: Data, frame: Frame) -> Value | None:
    """`sum(1 for r in runs if ...)`: what does not look at the row, times the rows kept."""
    if expr.var in free_names(expr.body):
        return None
    frames, body = items_of(expr, frame), quantity(expr.body, frame)
    turns = None if frames is None else kept(expr, frames)
    if turns is None or body is None:
        return POISON
    open_ = [test for _, test in turns if test is not None]
    rows = kept_rows(data, len(turns) - len(open_), expr.span, frame)
    graph = frame.context.graph
    node = graph.product([graph.total([rows.node, *open_]), body.node])
    return Quantity(node, body.dim, body.tag, body.kinds)


def _index(expr: tree.Gather, over: Interval, frame: Frame) -> Quantity:
    """The index of a sum as a variable; it never outlives the closed form."""
    nan, dim = float("nan"), over.low.dimension
    unit = Unit("", 1.0, dim, over.low.tag)
    item = Input(expr.var, nan, nan, nan, dim, unit, expr.span, "index")
    return Quantity(frame.context.graph.add("input", (), item), over.low.dim, over.low.tag)


def _gather_most(op: str, expr: tree.Gather, frame: Frame) -> Value:
    found = _chosen(expr, frame)
    if found is None:
        return POISON
    if not found:
        if op == "max":
            return Quantity(frame.context.graph.const(0.0), None)
        return frame.context.report("P302", "the smallest of nothing", expr.span)
    terms = [item_term(expr, item.frame, item.value) for item in found]
    if any(item.test is not None for item in found):
        return kept_extreme(op, found, terms, expr, frame)
    return most(op, [Operand(item.value, expr.body.span) for item in found], terms, frame)


def item_term(expr: tree.Gather, inner: Frame, value: Quantity) -> Term:
    """An argument of max over levels is called like its level."""
    if value.term.name:
        return value.term
    item = inner.values.get(expr.var)
    if isinstance(item, Record) and "name" in item.fields:
        name = item.fields["name"]
        if isinstance(name, Words):
            return Term(name.text, item.instance.sort if item.instance else "")
    return Term("")


GATHERERS: dict[str, Gatherer] = {
    "sum": _gather_sum,
    "mean": partial(_gather_sum, mean=True),
    "max": partial(_gather_most, "max"),
    "min": partial(_gather_most, "min"),
}
