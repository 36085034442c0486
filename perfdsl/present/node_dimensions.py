"""The dimension of any node, from those of its inputs: the graph itself has erased them."""

from __future__ import annotations

from fractions import Fraction

from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.graph import Definition, Graph, Input
from perfdsl.semantics.program import AnswerPart, FitPart

NUMBERS = frozenset({"exp", "log2", "log10", "compare", "and", "or", "not", "first"})


def dimension_of(graph: Graph, root: int, known: dict[int, Dimension | None]) -> Dimension:
    """The dimension of a node; `known` keeps those that were found. A bare 0 fits any."""
    for number in graph.needed([root], known):
        known[number] = _of(graph, number, known)
    return known[root] or PURE


def _of(graph: Graph, number: int, known: dict[int, Dimension | None]) -> Dimension | None:
    node = graph.nodes[number]
    if isinstance(node.data, Input | Definition):
        return node.data.dim
    if isinstance(node.data, AnswerPart | FitPart):
        return node.data.dimension(graph)
    args = [known[arg] for arg in node.args]
    match node.op:
        case "const":
            return None if node.data == 0 else PURE
        case "product":
            made = PURE
            for arg, power in zip(args, node.data, strict=True):
                made *= (arg or PURE) ** power
            return made
        case "pow":
            return _power(graph, node.args[1], args[0] or PURE)
        case "sqrt":
            return (args[0] or PURE) ** Fraction(1, 2)
        case "select":
            return args[1] or args[2]
        case op if op in NUMBERS:
            return PURE
        case _:
            return next((arg for arg in args if arg is not None), None)


def _power(graph: Graph, exponent: int, base: Dimension) -> Dimension:
    if base == PURE:
        return PURE
    value = graph.number(exponent)
    return base if value is None else base ** Fraction(value).limit_denominator(64)
