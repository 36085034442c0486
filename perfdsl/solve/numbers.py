"""Nodes and values as numbers with a unit that a person would choose, or asked for."""

from __future__ import annotations

import math

from perfdsl.numeric.intervals import Range
from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.graph import Graph, Input
from perfdsl.semantics.scope import Module
from perfdsl.semantics.text import readable
from perfdsl.semantics.units import Unit
from perfdsl.solve.answers import Number
from perfdsl.solve.reading import Reading


def number(
    value: float,
    dim: Dimension,
    bounds: Range | None = None,
    tag: str = "",
    *,
    missing: bool = False,
) -> Number:
    """A value in a readable unit."""
    bounds = bounds or Range(value, value)
    unit, factor = readable(value, dim)
    text = tag if dim == PURE else unit
    return Number(value, bounds.low, bounds.high, dim, text, factor, missing)


def in_unit(
    value: float, unit: Unit, bounds: Range | None = None, *, missing: bool = False
) -> Number:
    """A value in a unit that was written."""
    low, high = bounds or (value, value)
    return Number(value, low, high, unit.dim, unit.text or unit.tag, unit.factor, missing)


def of_node(
    reading: Reading, node: int, dim: Dimension, unit: str, module: Module, tag: str = ""
) -> Number:
    """A node's value and bounds, in the unit that is asked for ("" chooses one)."""
    value, bounds, missing = reading.value(node), reading.bounds(node), reading.missing(node)
    meant = module.units.parse(unit) if unit else None
    if isinstance(meant, Unit):
        return in_unit(value, meant, bounds, missing=missing)
    written = _written(reading.graph, node)
    if written is not None and written.text:
        return in_unit(value, written, bounds, missing=missing)
    return number(value, dim, bounds, tag, missing=missing)


def _written(graph: Graph, node: int) -> Unit | None:
    """The unit in which a node was written, if it is a number somebody wrote."""
    item = graph.nodes[node]
    return item.data.unit if item.op == "input" and isinstance(item.data, Input) else None


def of_input(source: Input, value: float | None = None) -> Number:
    """An input's number, or another value for it, in the unit in which it was written."""
    best = source.value if value is None else value
    bounds = Range(source.low, source.high) if value is None else Range(best, best)
    if source.sort == "measurement" and math.isnan(best):
        return number(best, source.dim, missing=True)
    if source.unit.text or source.unit.tag:
        return in_unit(best, source.unit, bounds)
    return number(best, source.dim, bounds)
