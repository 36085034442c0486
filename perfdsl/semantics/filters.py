"""Filters of `for ... if`: which items count, decided now, or by a formula where an input decides.

`if l.serial` is settled when the program is built. A filter that rests on an unknown, an uncertain
or an assumed number stays in the formula, so that an answer moves with it.
"""

from __future__ import annotations

from typing import NamedTuple

from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.graph import Graph, Term
from perfdsl.semantics.quantities import condition
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import POISON, Quantity, Value
from perfdsl.syntax import tree


class Chosen(NamedTuple):
    """One item: its frame, its value, and the test that lets it count (None: it counts)."""

    frame: Frame
    value: Quantity
    test: int | None


def kept(expr: tree.Gather, frames: list[Frame]) -> list[tuple[Frame, int | None]] | None:
    """The items that may count, each with its test where that is not settled; None: reported."""
    if expr.cond is None:
        return [(inner, None) for inner in frames]
    found: list[tuple[Frame, int | None]] = []
    for inner in frames:
        test = condition(expr.cond, inner)
        if test is None:
            return None
        graph = inner.context.graph
        if not settled(test.node, graph):
            found.append((inner, test.node))
        elif graph.number(test.node):
            found.append((inner, None))
    return found


def settled(test: int, graph: Graph) -> bool:
    """Whether no reading of the program can turn the test."""
    if graph.number(test) is None:
        return False
    return all(source.sure and source.provenance != "assumed" for source in graph.inputs([test]))


def kept_value(item: Chosen, graph: Graph) -> int:
    """The item's value as a part of a sum: 0 where its test fails."""
    if item.test is None:
        return item.value.node
    return graph.add("select", (item.test, item.value.node, graph.const(0.0)))


def kept_extreme(
    op: str, found: list[Chosen], terms: list[Term], expr: tree.Gather, frame: Frame
) -> Value:
    """The largest (or smallest) of the items whose tests hold.

    An item whose test fails stands for one that changes nothing: one that counts in any case, or
    else the least of all. The largest of nothing is 0.
    """
    operands = [Operand(item.value, expr.body.span) for item in found]
    like = unify(frame.context, operands, "compared")
    if like is None:
        return POISON
    graph = frame.context.graph
    sure = next((item.value.node for item in found if item.test is None), None)
    if sure is None and op == "min":
        title = "whether this is the smallest of anything depends on something unknown"
        return frame.context.report("P505", title, expr.span)
    nodes = [item.value.node for item in found]
    idle = graph.add("min", nodes, ()) if sure is None else sure
    parts = [
        item.value.node
        if item.test is None
        else graph.add("select", (item.test, item.value.node, idle))
        for item in found
    ]
    node = graph.most(parts, tuple(terms), op)
    tests = [item.test for item in found if item.test is not None]
    if sure is None:
        some = tests[0] if len(tests) == 1 else graph.add("or", tests)
        node = graph.add("select", (some, node, graph.const(0.0)))
    return Quantity(node, like.dim, like.tag, like.kinds)
