"""What binds at the values of a reading: the term that attains a max, or most of a sum of them."""

from __future__ import annotations

import math

from perfdsl.semantics.binding import SUMS, heart, parts_of, rivals
from perfdsl.semantics.graph import Term
from perfdsl.solve.reading import Reading

NOTHING = Term("")


def binding_term(reading: Reading, node: int, *, family: bool = False) -> Term:
    """The term that binds a node; one without a name where nothing does.

    family: operators of a sum are told apart by compute and memory, not by the level's name.
    """
    found = NOTHING
    while rivals(reading.graph, heart(reading.graph, node)):
        winner = _winner(reading, heart(reading.graph, node))
        if winner is None:
            return found
        node, term = winner
        found = term if term.name else found
        if term.family and term not in SUMS:
            # A level or compute is an answer; how its own time comes about is another question.
            return found
        family = False
    inner = _heaviest(reading, heart(reading.graph, node), family)
    return inner if inner.name else found


def _winner(reading: Reading, node: int) -> tuple[int, Term] | None:
    """The rival that is the max, the min, or the largest part of a sum, and what it is called;
    None where one of them has no value."""
    found = rivals(reading.graph, node)
    lowest = reading.graph.nodes[node].op == "min"
    values = [reading.value(arg) for arg, _ in found]
    if any(math.isnan(value) for value in values):
        return None
    return found[values.index(min(values) if lowest else max(values))]


def _heaviest(reading: Reading, node: int, family: bool) -> Term:
    """The term that binds most of a sum; one without a name where the parts have none."""
    weights: dict[str, float] = {}
    terms: dict[str, Term] = {}
    for part, top in parts_of(reading.graph, node):
        term = binding_term(reading, top)
        key = term.family if family else term.name
        terms.setdefault(key, term)
        weights[key] = weights.get(key, 0.0) + reading.value(part)
    return terms[max(weights, key=lambda key: weights[key])] if weights else NOTHING


def binding_of(reading: Reading, node: int) -> str:
    """The name of what binds a node, "" where nothing does."""
    return binding_term(reading, node).name
