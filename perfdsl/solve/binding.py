"""What binds at the values of a reading: the term that attains a max, or most of a sum of them."""

from __future__ import annotations

from perfdsl.semantics.binding import heart, is_extreme, parts_of
from perfdsl.semantics.graph import Term
from perfdsl.solve.reading import Reading

NOTHING = Term("")


def binding_term(reading: Reading, node: int, *, family: bool = False) -> Term:
    """The term that binds a node; one without a name where nothing does.

    family: operators of a sum are told apart by compute and memory, not by the level's name.
    """
    graph = reading.graph
    node = heart(graph, node)
    if is_extreme(graph, node):
        return _attaining(reading, node)
    weights: dict[str, float] = {}
    terms: dict[str, Term] = {}
    for part, top in parts_of(graph, node):
        term = _attaining(reading, top)
        key = term.family if family else term.name
        terms.setdefault(key, term)
        weights[key] = weights.get(key, 0.0) + reading.value(part)
    return terms[max(weights, key=lambda key: weights[key])] if weights else NOTHING


def _attaining(reading: Reading, node: int) -> Term:
    nodes = reading.graph.nodes
    value = reading.value(node)
    for arg, term in zip(nodes[node].args, nodes[node].data, strict=True):
        if reading.value(arg) == value:
            assert isinstance(term, Term)
            # A level or compute is an answer; how its own time comes about is another question.
            inner = NOTHING if term.family else binding_term(reading, arg)
            return inner if inner.name else term
    return NOTHING


def binding_of(reading: Reading, node: int) -> str:
    """The name of what binds a node, "" where nothing does."""
    return binding_term(reading, node).name
