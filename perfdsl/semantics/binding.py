"""What binds: the terms of a max (or min), and the condition that one of them attains it.

A sum over operators, each the max of its own terms, is bound by the term that binds for most of
the time: the operators' times are added up by what binds each of them.
"""

from __future__ import annotations

from perfdsl.semantics.graph import Graph, Term

EXTREMES = {"max", "min"}
LEVELS = Term("levels", "memory")
MEMORY = {"memory", "cache"}


def heart(graph: Graph, node: int) -> int:
    """A node without the name that it was given."""
    while graph.nodes[node].op == "named":
        node = graph.nodes[node].args[0]
    return node


def rivals(graph: Graph, node: int) -> tuple[tuple[int, Term], ...]:
    """What competes in a node: the named terms of a max or min, or the times that a sum adds up."""
    item = graph.nodes[node]
    terms = item.data if item.op in EXTREMES else graph.rivals.get(node, ())
    if not any(term.name for term in terms):
        return ()
    return tuple(zip(item.args, terms, strict=True))


def name_of_sum(graph: Graph, node: int, parts: list[tuple[int, Term]]) -> Term:
    """What a sum of the times of compute and levels is called: `levels` for levels alone.

    In such a sum the largest part is what binds.
    """
    if len(parts) == 1:
        return parts[0][1]
    families = [_families(graph, *part) for part in parts]
    if not parts or not all(families):
        return Term("")
    if graph.nodes[node].op == "sum":
        graph.rivals[node] = tuple(term for _, term in parts)
    return LEVELS if all(family <= MEMORY for family in families) else Term("")


def _families(graph: Graph, node: int, term: Term) -> set[str]:
    """Compute, memory, cache: what a time is the time of; empty where nobody said."""
    if term.family:
        return {term.family}
    inner = [_families(graph, *rival) for rival in rivals(graph, heart(graph, node))]
    return set().union(*inner) if inner and all(inner) else set()


def _is_policy(graph: Graph, node: int) -> bool:
    """Whether compute and levels compete in a node, and not just any two values."""
    return any(term.family for _, term in rivals(graph, node))


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
    for arg, term in rivals(graph, node):
        found[term] = None
        found.update(dict.fromkeys(terms_of(graph, arg)))
    for _, top in parts_of(graph, node):
        found.update(dict.fromkeys(terms_of(graph, top)))
    return [term for term in found if term.name]


def bound(graph: Graph, node: int, name: str) -> int | None:
    """The condition that the term (or family) of that name binds a node; None: no such term."""
    node = heart(graph, node)
    if rivals(graph, node):
        return _attains(graph, node, name)
    if not parts_of(graph, node):
        return None
    own = _weight(graph, node, name)
    if own is None:
        return None
    terms = terms_of(graph, node)
    by_family = any(term.family == name and term.name != name for term in terms)
    names = dict.fromkeys(term.family if by_family else term.name for term in terms)
    weights = [_weight(graph, node, rival) for rival in names if rival not in {"", name}]
    tests = [graph.add("compare", (own, w), ">=") for w in weights if w is not None]
    if not tests:
        return graph.const(1.0)
    return tests[0] if len(tests) == 1 else graph.add("and", tests)


def _attains(graph: Graph, node: int, name: str) -> int | None:
    ways: list[int] = []
    for arg, term in rivals(graph, node):
        if name in {term.name, term.family}:
            ways.append(_wins(graph, node, arg))
        elif (inner := bound(graph, arg, name)) is not None:
            ways.append(graph.add("and", (_wins(graph, node, arg), inner)))
    if not ways:
        return None
    return ways[0] if len(ways) == 1 else graph.add("or", ways)


def _wins(graph: Graph, node: int, arg: int) -> int:
    """The condition that one rival is the max, the min, or the largest part of the sum."""
    item = graph.nodes[node]
    sign = "<=" if item.op == "min" else ">="
    # Each other one by itself, not the max as a whole: over ranges the max would hide in itself.
    tests = [graph.add("compare", (arg, other), sign) for other in item.args if other != arg]
    return tests[0] if len(tests) == 1 else graph.add("and", tests)


def _weight(graph: Graph, node: int, name: str) -> int | None:
    """The sum of those parts that the term binds."""
    found = []
    for part, top in parts_of(graph, node):
        test = _attains(graph, top, name)
        if test is not None:
            found.append(graph.add("select", (test, part, graph.const(0.0))))
    return graph.total(found) if found else None
