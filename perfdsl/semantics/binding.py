"""What binds: the terms of a max (or min), and the condition that one of them attains it.

A sum over operators, each the max of its own terms, is bound by the term that binds for most of
the time: the operators' times are added up by what binds each of them.
"""

from __future__ import annotations

from perfdsl.semantics.graph import Graph, Node, Term

EXTREMES = {"max", "min"}
LEVELS, LINKS = Term("levels", "memory"), Term("links", "link")
# What a sum of several is called; each of them is still asked for by its own name.
SUMS = {LEVELS, LINKS}
MEMORY = {"memory", "cache"}
# The first of no candidates: what a search gives that finds nothing.
NOTHING = Node("first", (), ())


def heart(graph: Graph, node: int) -> int:
    """A node without the name that it was given, or the test that there is anything at all."""
    while True:
        item = graph.nodes[node]
        if item.op == "named":
            node = item.args[0]
        elif item.op == "select" and graph.nodes[item.args[2]] == NOTHING:
            node = item.args[1]
        else:
            return node


def rivals(graph: Graph, node: int) -> tuple[tuple[int, Term], ...]:
    """What competes in a node: the named terms of a max or min, or the times that a sum adds up."""
    item = graph.nodes[node]
    terms = item.data if item.op in EXTREMES else graph.rivals.get(node, ())
    if not any(term.name for term in terms):
        return ()
    return tuple(zip(item.args, terms, strict=True))


def name_of_sum(graph: Graph, node: int, parts: list[tuple[int, Term]]) -> Term:
    """What a sum of the times of compute, levels and links is called: `levels` for levels alone.

    In such a sum the largest part is what binds.
    """
    if len(parts) == 1:
        return parts[0][1]
    families = [_families(graph, *part) for part in parts]
    if not parts or not all(families):
        return Term("")
    if graph.nodes[node].op == "sum":
        graph.rivals[node] = tuple(term for _, term in parts)
    if all(family == {"link"} for family in families):
        return LINKS
    return LEVELS if all(family <= MEMORY for family in families) else Term("")


def _families(graph: Graph, node: int, term: Term) -> set[str]:
    """Compute, memory, cache: what a time is the time of; empty where nobody said."""
    found: set[str] = set()
    seen: set[int] = set()
    todo = [(node, term)]
    while todo:
        node, term = todo.pop()
        node = heart(graph, node)
        if term.family:
            found.add(term.family)
        elif node not in seen:
            seen.add(node)
            inner = rivals(graph, node)
            if not inner:
                return set()
            todo.extend(inner)
    return found


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
    found: dict[Term, None] = {}
    seen: set[int] = set()
    todo = [(node, Term(""))]
    while todo:
        node, term = todo.pop()
        found[term] = None
        node = heart(graph, node)
        if node not in seen:
            seen.add(node)
            inner = [*rivals(graph, node), *((top, Term("")) for _, top in parts_of(graph, node))]
            todo.extend(reversed(inner))
    return [term for term in found if term.name]


# The condition that a term binds a node, by node; None where the node has no such term.
Known = dict[int, int | None]


def bound(graph: Graph, node: int, name: str) -> int | None:
    """The condition that the term (or family) of that name binds a node; None: no such term."""
    node = heart(graph, node)
    known: Known = {}
    for number in sorted(_competing(graph, node, name)):
        known[number] = _bound(graph, number, name, known)
    return known[node]


def _competing(graph: Graph, node: int, name: str) -> set[int]:
    """The node and all below it whose own rivals decide, as far as the name is not met."""
    seen: set[int] = set()
    todo = [node]
    while todo:
        number = heart(graph, todo.pop())
        if number not in seen:
            seen.add(number)
            inner = rivals(graph, number)
            todo.extend(arg for arg, term in inner if name not in {term.name, term.family})
            todo.extend(top for _, top in ([] if inner else parts_of(graph, number)))
    return seen


def _bound(graph: Graph, node: int, name: str, known: Known) -> int | None:
    if rivals(graph, node):
        return _attains(graph, node, name, known)
    if not parts_of(graph, node):
        return None
    own = _weight(graph, node, name, known)
    if own is None:
        return None
    terms = terms_of(graph, node)
    by_family = any(term.family == name and term.name != name for term in terms)
    names = dict.fromkeys(term.family if by_family else term.name for term in terms)
    tests = [
        graph.add("compare", (own, weight), ">=")
        for rival in names
        if rival not in {"", name} and (weight := _weight_by(graph, node, rival)) is not None
    ]
    if not tests:
        return graph.const(1.0)
    return tests[0] if len(tests) == 1 else graph.add("and", tests)


def _attains(graph: Graph, node: int, name: str, known: Known) -> int | None:
    ways: list[int] = []
    for arg, term in rivals(graph, node):
        if name in {term.name, term.family}:
            ways.append(_wins(graph, node, arg))
        elif (inner := known[heart(graph, arg)]) is not None:
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


def _weight(graph: Graph, node: int, name: str, known: Known) -> int | None:
    """The sum of those parts that the term binds."""
    found = []
    for part, top in parts_of(graph, node):
        test = _attains(graph, top, name, known)
        if test is not None:
            found.append(graph.add("select", (test, part, graph.const(0.0))))
    return graph.total(found) if found else None


def _weight_by(graph: Graph, node: int, name: str) -> int | None:
    """The same for another term."""
    known: Known = {}
    for number in sorted(_competing(graph, node, name) - {node}):
        known[number] = _bound(graph, number, name, known)
    return _weight(graph, node, name, known)
