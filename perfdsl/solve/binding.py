"""What binds at the values of a reading: the term that attains a max, or most of a sum of them."""

from __future__ import annotations

import math

from perfdsl.semantics.binding import LEVELS, heart, parts_of, rivals
from perfdsl.semantics.graph import Term
from perfdsl.solve.reading import Reading

NOTHING = Term("")


def binding_term(reading: Reading, node: int, *, family: bool = False) -> Term:
    """The term that binds a node; one without a name where nothing does.

    family: operators of a sum are told apart by compute and memory, not by the level's name.
    """
    graph = reading.graph
    node = heart(graph, node)
    if rivals(graph, node):
        return _winner(reading, node)
    weights: dict[str, float] = {}
    terms: dict[str, Term] = {}
    for part, top in parts_of(graph, node):
        term = _winner(reading, top)
        key = term.family if family else term.name
        terms.setdefault(key, term)
        weights[key] = weights.get(key, 0.0) + reading.value(part)
    return terms[max(weights, key=lambda key: weights[key])] if weights else NOTHING


def _winner(reading: Reading, node: int) -> Term:
    """The rival that is the max, the min, or the largest part of a sum."""
    found = rivals(reading.graph, node)
    lowest = reading.graph.nodes[node].op == "min"
    values = [reading.value(arg) for arg, _ in found]
    if any(math.isnan(value) for value in values):
        return NOTHING
    at = values.index(min(values) if lowest else max(values))
    arg, term = found[at]
    # A level or compute is an answer; how its own time comes about is another question.
    inner = NOTHING if term.family and term != LEVELS else binding_term(reading, arg)
    return inner if inner.name else term


def binding_of(reading: Reading, node: int) -> str:
    """The name of what binds a node, "" where nothing does."""
    return binding_term(reading, node).name
