"""What binds: the terms of a max (or min), and the condition that one of them attains it.

A sum over operators, each the max of its own terms, is bound by the term that binds for most of
the time: the operators' times are added up by what binds each of them.
"""

from __future__ import annotations

from perfdsl.semantics.graph import Graph, Term

EXTREMES = {"max", "min"}


def heart(graph: Graph, node: int) -> int:
    """A node without the name that it was given."""
    while graph.nodes[node].op == "named":
        node = graph.nodes[node].args[0]
    return node


def is_extreme(graph: Graph, node: int) -> bool:
    """Whether a node is a max or min of named terms."""
    item = graph.nodes[node]
    return item.op in EXTREMES and any(term.name for term in item.data)


LEVELS = Term("levels", "memory")
MEMORY = {"memory", "cache"}


def name_of_sum(graph: Graph, parts: list[tuple[int, Term]]) -> Term:
    """`levels` for a sum of levels' times, which is then one term of a max; else no name."""
    return LEVELS if parts and all(_is_memory(graph, *part) for part in parts) else Term("")


def _is_memory(graph: Graph, node: int, term: Term) -> bool:
    if term.family:
        return term.family in MEMORY
    return is_extreme(graph, node) and all(t.family in MEMORY for t in graph.nodes[node].data)


def _is_policy(graph: Graph, node: int) -> bool:
    """Whether a max is one of compute and levels, and no maximum of something else."""
    return is_extreme(graph, node) and any(term.family for term in graph.nodes[node].data)


def parts_of(graph: Graph, node: int) -> list[tuple[int, int]]:
    """The parts of a sum that are a max, or a count times one: (part, its max)."""
    if graph.nodes[node].op != "sum" or -1 in graph.nodes[node].data:
        return []
    found: list[tuple[int, int]] = []
    for part in graph.nodes[node].args:
        inside = heart(graph, part)
        factors = graph.nodes[inside].args if graph.nodes[inside].op == "product" else (inside,)
        hearts = [heart(graph, factor) for factor in factors]
        found.extend((part, top) for top in hearts if _is_policy(graph, top))
    return found


def terms_of(graph: Graph, node: int) -> list[Term]:
    """The terms by which a node may be bound, each once, outer ones first."""
    node = heart(graph, node)
    found: dict[Term, None] = {}
    if is_extreme(graph, node):
        for arg, term in zip(graph.nodes[node].args, graph.nodes[node].data, strict=True):
            found[term] = None
            found.update(dict.fromkeys(terms_of(graph, arg)))
    for _, top in parts_of(graph, node):
        found.update(dict.fromkeys(terms_of(graph, top)))
    return [term for term in found if term.name]


def bound(graph: Graph, node: int, name: str) -> int | None:
    """The condition that the term (or family) of that name binds a node; None: no such term."""
    node = heart(graph, node)
    if is_extreme(graph, node):
        return _attains(graph, node, name)
    if not parts_of(graph, node):
        return None
    own = _weight(graph, node, name)
    if own is None:
        return None
    terms = terms_of(graph, node)
    by_family = any(term.family == name and term.name != name for term in terms)
    rivals = dict.fromkeys(term.family if by_family else term.name for term in terms)
    weights = [_weight(graph, node, rival) for rival in rivals if rival not in {"", name}]
    tests = [graph.add("compare", (own, w), ">=") for w in weights if w is not None]
    if not tests:
        return graph.const(1.0)
    return tests[0] if len(tests) == 1 else graph.add("and", tests)


def _attains(graph: Graph, node: int, name: str) -> int | None:
    item = graph.nodes[node]
    ways: list[int] = []
    for arg, term in zip(item.args, item.data, strict=True):
        attains = graph.add("compare", (arg, node), ">=" if item.op == "max" else "<=")
        if name in {term.name, term.family}:
            ways.append(attains)
        elif (inner := bound(graph, arg, name)) is not None:
            ways.append(graph.add("and", (attains, inner)))
    if not ways:
        return None
    return ways[0] if len(ways) == 1 else graph.add("or", ways)


def _weight(graph: Graph, node: int, name: str) -> int | None:
    """The sum of those parts that the term binds."""
    found = []
    for part, top in parts_of(graph, node):
        test = _attains(graph, top, name)
        if test is not None:
            found.append(graph.add("select", (test, part, graph.const(0.0))))
    return graph.total(found) if found else None
