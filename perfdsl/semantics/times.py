"""The time of a level or link: its own rule over what it moves, or what it takes by itself."""

from __future__ import annotations

from collections.abc import Mapping

from perfdsl.semantics.dimensions import base
from perfdsl.semantics.graph import Graph, Term
from perfdsl.semantics.quantities import as_quantity
from perfdsl.semantics.scope import Binding, Frame
from perfdsl.semantics.values import Instance, Quantity, Value

S = base("s")


def effective(block: Instance, rate: int, graph: Graph) -> int:
    """A rate times the block's efficiency."""
    efficiency = block.frame.own("efficiency")
    return graph.product([rate, efficiency.node]) if isinstance(efficiency, Quantity) else rate


def time_of(
    block: Instance, moved: Mapping[str, Quantity], plain: list[int], least: bool, frame: Frame
) -> Quantity:
    """The time of what is moved, in s; moved: by the names that a rule may use.

    Without a rule: bytes / bandwidth (0 without a bandwidth), and `plain` besides.
    """
    graph = frame.context.graph
    term = Term(block.name, block.sort)
    bandwidth = block.frame.own("bandwidth")
    rate = None
    if isinstance(bandwidth, Quantity):
        node = bandwidth.node if least else effective(block, bandwidth.node, graph)
        rate = Quantity(node, bandwidth.dim)
    rule = block.frame.bindings.get("time")
    if rule is not None:
        names: dict[str, Value] = dict(moved)
        if rate is not None:
            names["bandwidth"] = rate
        if least:
            # A ceiling is what the level would take if nothing were lost, by its own rule, too.
            names["efficiency"] = Quantity(graph.const(1.0))
        value = ruled(block, rule, names, frame)
        if value is None or value.dim not in {S, None}:
            frame.context.lost += 1  # reported; what is made of this time says nothing
        return Quantity(graph.const(0.0) if value is None else value.node, S, term=term)
    if rate is not None:
        plain = [*plain, graph.ratio(moved["bytes"].node, rate.node)]
    return Quantity(graph.total(plain), S, term=term)


def ruled(
    block: Instance, rule: Binding, names: Mapping[str, Value], frame: Frame
) -> Quantity | None:
    """The value of a block's `time` rule, a time; None: reported."""
    span = rule.expr.span
    value = as_quantity(frame.context.evaluate(rule.expr, block.frame.local(**names)), span, frame)
    if value is not None and value.dim not in {S, None}:
        what = "link" if block.sort == "link" else "level"
        notes = (f"expected s, found {value.dimension}",)
        frame.context.report("P202", f"`time` of a {what} is a time", span, notes=notes)
    return value
