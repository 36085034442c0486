"""How far a derived formula is written out: names stay where it would be too long to read."""

from __future__ import annotations

from collections.abc import Collection, Sequence

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
        if size_of(graph, order, kept - {node}) <= ENOUGH:
            kept.discard(node)
    return frozenset(kept | _branches(graph, root, order, kept))


def _branches(graph: Graph, root: int, order: Sequence[int], kept: set[int]) -> set[int]:
    """Parts of conditions and branches that are too long to stand there."""
    sizes = sizes_of(graph, order, kept)
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
            if node.op in CHOICES and not simple and sizes[arg] > IN_A_CASE and arg not in kept:
                found.add(arg)
            elif arg not in kept:
                todo.append(arg)
    return found


def size_of(graph: Graph, order: Sequence[int], kept: Collection[int]) -> int:
    """How many symbols and numbers the last node has when all but the kept ones is written out."""
    return sizes_of(graph, order, kept)[order[-1]]


def sizes_of(graph: Graph, order: Sequence[int], kept: Collection[int]) -> dict[int, int]:
    """The same of each node; counted up to a limit, since what is shared is counted again."""
    sizes: dict[int, int] = {}
    for number in order:
        args = graph.nodes[number].args
        stays = number in kept or not args
        sizes[number] = 1 if stays else min(MOST * 2, sum(sizes[arg] for arg in args))
    return sizes
