"""Nodes -> numbers: every input at its best value, or as given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from perfdsl.semantics.graph import Graph, Input
from perfdsl.semantics.operations import NO_VALUE, OPERATIONS

Special = Callable[[int], float]


def evaluate(
    graph: Graph,
    order: Sequence[int],
    values: dict[int, float],
    special: Mapping[str, Special],
) -> None:
    """Complete `values` for the nodes in ascending order; those already there stay.

    special: operations that are not a function of their arguments' values alone (answers, the
    ends of intervals), by name. A value that does not exist is nan.
    """
    nodes = graph.nodes
    for number in order:
        if number in values:
            continue
        node = nodes[number]
        if node.op == "input":
            values[number] = best(node.data)
            continue
        if node.op in special:
            values[number] = special[node.op](number)
            continue
        try:
            result = OPERATIONS[node.op]([values[arg] for arg in node.args], node.data)
        except NO_VALUE:
            result = None
        values[number] = math.nan if result is None else result


def best(source: Input) -> float:
    """The best value of an input; nan for an unknown."""
    return source.value
