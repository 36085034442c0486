"""Sums in closed form: a body that is a polynomial of its index needs no unrolling.

Faulhaber's formula with Bernoulli numbers (B1 = +1/2): sum of i^k for i in 1 .. n is
1/(k+1) * sum over j of binomial(k+1, j) * B_j * n^(k+1-j).
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import comb

from perfdsl.semantics.graph import Graph

MAX_DEGREE = 8

# Coefficients by power of the index; None stands for 0.
Coefficients = list[int | None]


def coefficients(graph: Graph, node: int, index: int) -> Coefficients | None:
    """The coefficients (nodes) of a node as a polynomial of an input; None where it is none."""
    known: dict[int, Coefficients | None] = {}
    for number in graph.needed([node]):
        known[number] = _of_node(graph, number, index, known)
    return known[node]


def _of_node(
    graph: Graph, number: int, index: int, known: dict[int, Coefficients | None]
) -> Coefficients | None:
    if number == index:
        return [None, graph.const(1.0)]
    item = graph.nodes[number]
    parts = [known[arg] for arg in item.args]
    if all(part is not None and len(part) == 1 for part in parts):
        return [number]
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        return None
    match item.op:
        case "named":
            return found[0]
        case "sum":
            return _added(graph, found, item.data)
        case "product":
            return _multiplied(graph, found, item.data)
        case "pow":
            return _raised(graph, found, item.args[1])
        case _:
            return None


def _added(graph: Graph, parts: list[Coefficients], signs: tuple[int, ...]) -> Coefficients:
    total: Coefficients = []
    for power in range(max(len(part) for part in parts)):
        terms = [
            (part[power], sign)
            for part, sign in zip(parts, signs, strict=True)
            if power < len(part) and part[power] is not None
        ]
        nodes = [node for node, _ in terms if node is not None]
        total.append(graph.total(nodes, tuple(sign for _, sign in terms)) if nodes else None)
    return total


def _multiplied(
    graph: Graph, parts: list[Coefficients], powers: tuple[int, ...]
) -> Coefficients | None:
    total: Coefficients = [graph.const(1.0)]
    for part, power in zip(parts, powers, strict=True):
        if power > 0:
            longer = _convolved(graph, total, part)
        elif len(part) == 1 and part[0] is not None:
            below = part[0]
            longer = [None if t is None else graph.ratio(t, below) for t in total]
        else:
            return None
        if len(longer) > MAX_DEGREE + 1:
            return None
        total = longer
    return total


def _convolved(graph: Graph, left: Coefficients, right: Coefficients) -> Coefficients:
    terms: list[list[int]] = [[] for _ in range(len(left) + len(right) - 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            if a is not None and b is not None:
                terms[i + j].append(graph.product([a, b]))
    return [graph.total(nodes) if nodes else None for nodes in terms]


def _raised(graph: Graph, parts: list[Coefficients], exponent: int) -> Coefficients | None:
    item = graph.nodes[exponent]
    if item.op != "const" or item.data != int(item.data) or not 0 <= item.data <= MAX_DEGREE:
        return None
    return _multiplied(graph, [parts[0]] * int(item.data), (1,) * int(item.data))


def closed_sum(graph: Graph, terms: Coefficients, low: int, high: int) -> int:
    """The sum of a polynomial over the whole numbers low .. high, both ends held; 0 if none."""
    before = graph.total([low, graph.const(1.0)], (1, -1))
    parts = []
    for power, coefficient in enumerate(terms):
        if coefficient is not None:
            upper, lower = _faulhaber(graph, power, high), _faulhaber(graph, power, before)
            parts.append(graph.product([coefficient, graph.total([upper, lower], (1, -1))]))
    some = graph.add("compare", (high, low), ">=")
    return graph.add("select", (some, graph.total(parts), graph.const(0.0)))


def _faulhaber(graph: Graph, power: int, n: int) -> int:
    """The sum of i^power for i in 1 .. n, as a polynomial of n."""
    terms = []
    for j in range(power + 1):
        factor = Fraction(comb(power + 1, j), power + 1) * bernoulli(j)
        if factor:
            raised = graph.add("pow", (n, graph.const(power + 1 - j)))
            raised = n if power + 1 - j == 1 else raised
            # One division by the denominator keeps whole sums whole.
            above = graph.product([graph.const(float(factor.numerator)), raised])
            terms.append(graph.ratio(above, graph.const(float(factor.denominator))))
    return graph.total(terms)


@lru_cache(maxsize=32)
def bernoulli(n: int) -> Fraction:
    """The Bernoulli number B_n, with B_1 = +1/2."""
    if n == 0:
        return Fraction(1)
    total = sum((comb(n + 1, k) * _minus(k) for k in range(n)), Fraction(0))
    return -total / (n + 1) if n != 1 else Fraction(1, 2)


def _minus(n: int) -> Fraction:
    """B_n with B_1 = -1/2, as the recurrence wants it."""
    return Fraction(-1, 2) if n == 1 else bernoulli(n)
