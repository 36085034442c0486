"""How far a derived formula is written out: names stay where it would be too long to read."""

from __future__ import annotations

from collections.abc import Collection

from perfdsl.semantics.graph import Graph

# Symbols and numbers that a reader takes in at once, and the most that is printed at all.
ENOUGH = 24
MOST = 2_000


# What stands in a condition or a branch cannot be broken over lines: it is smaller.
IN_A_CASE = 7
CHOICES = frozenset({"select", "compare", "and", "or", "not"})


def kept_names(graph: Graph, root: int, named: Collection[int]) -> frozenset[int]:
    """The nodes below a root that stay names: those that would make the formula too long.

    A name nearer to the result is written out first. Without a name, what is too long for a
    condition or a branch gets one.
    """
    order = graph.needed([root])
    inner = [node for node in order if node in named and node != root and graph.nodes[node].args]
    kept = set(inner)
    for node in reversed(inner):
        if size_of(graph, root, kept - {node}) <= ENOUGH:
            kept.discard(node)
    return frozenset(kept | _branches(graph, root, kept))


def _branches(graph: Graph, root: int, kept: set[int]) -> set[int]:
    """Parts of conditions and branches that are too long to stand there."""
    sizes = sizes_of(graph, root, kept)
    found: set[int] = set()
    todo = [root]
    seen: set[int] = set()
    while todo:
        number = todo.pop()
        if number in seen:
            continue
        seen.add(number)
        node = graph.nodes[number]
        for arg in node.args:
            simple = graph.nodes[arg].op in CHOICES
            if node.op in CHOICES and not simple and sizes.get(arg, 1) > IN_A_CASE:
                found.add(arg)
            elif arg not in kept:
                todo.append(arg)
    return found


def size_of(graph: Graph, root: int, kept: Collection[int]) -> int:
    """How many symbols and numbers a node has when all below but the kept ones is written out."""
    return sizes_of(graph, root, kept).get(root, 1)


def sizes_of(graph: Graph, root: int, kept: Collection[int]) -> dict[int, int]:
    """The same of each node that is written out; what is kept, and all below it, is left out.

    Counted up to a limit, since what is shared is counted again.
    """
    sizes: dict[int, int] = {}
    for number in graph.needed([root], kept):
        args = graph.nodes[number].args
        sizes[number] = min(MOST * 2, sum([sizes.get(arg, 1) for arg in args])) if args else 1
    return sizes
