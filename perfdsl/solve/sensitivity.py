"""The assumed inputs that a result rests on, each with its elasticity."""

from __future__ import annotations

import math
from collections.abc import Iterable

from perfdsl.semantics.graph import Definition, Input
from perfdsl.semantics.linearity import below
from perfdsl.solve.answers import Dependence
from perfdsl.solve.numbers import number, of_input
from perfdsl.solve.reading import Reading


def assumed_nodes(reading: Reading, root: int) -> list[int]:
    """The nodes below a root that somebody only assumed, in the order in which they were met."""
    return _assumed(reading, reading.graph.cone(root))


def _assumed(reading: Reading, nodes: Iterable[int]) -> list[int]:
    found = []
    for node in nodes:
        item = reading.graph.nodes[node]
        if item.op in {"input", "named"} and item.data.provenance == "assumed":
            found.append(node)
    return found


def dependences(reading: Reading, root: int) -> tuple[Dependence, ...]:
    """The assumed inputs of a node that move it, the strongest first; not by way of answers.

    Nor by way of what a measured time below it is the time of: that would be another measurement.
    """
    nodes = _assumed(reading, below(reading.graph, [root]))
    if nodes:
        pinned = reading.graph.pinned([root])
        nodes = [node for node in nodes if node not in pinned]
    if not nodes:
        return ()
    strengths = reading.elasticities(root, nodes)
    found = [
        _dependence(reading, node, strengths[node])
        for node in nodes
        if node in strengths and strengths[node] and math.isfinite(strengths[node])
    ]
    return tuple(sorted(found, key=lambda d: -abs(d.elasticity)))


def _dependence(reading: Reading, node: int, elasticity: float) -> Dependence:
    source = reading.graph.nodes[node].data
    value = reading.value(node)
    if isinstance(source, Input):
        return Dependence(source.name, source.why, of_input(source), elasticity, source.span)
    assert isinstance(source, Definition)
    return Dependence(source.name, source.why, number(value, source.dim), elasticity, source.span)


def strongest(found: Iterable[Dependence]) -> tuple[Dependence, ...]:
    """Each assumed input once, with the strongest elasticity that any result has by it."""
    best: dict[str, Dependence] = {}
    for item in found:
        if item.name not in best or abs(item.elasticity) > abs(best[item.name].elasticity):
            best[item.name] = item
    return tuple(sorted(best.values(), key=lambda d: -abs(d.elasticity)))
