"""Linear in some inputs: a formula whose derivatives by them depend on none of them."""

from __future__ import annotations

from collections.abc import Iterable

from perfdsl.semantics.graph import Graph, Node

CONSTANT, LINEAR, CURVED = 0, 1, 2


def below(graph: Graph, roots: Iterable[int]) -> list[int]:
    """The roots and what they are made of, ascending; an answer is a number, however found."""
    seen: set[int] = set()
    todo = list(roots)
    while todo:
        number = todo.pop()
        if number not in seen:
            seen.add(number)
            if graph.nodes[number].op != "answer":
                todo.extend(graph.nodes[number].args)
    return sorted(seen)


def is_linear(graph: Graph, roots: Iterable[int], inputs: Iterable[int]) -> bool:
    """Whether every root is a sum of multiples of the inputs, and of what depends on none."""
    moving = set(inputs)
    roots = list(roots)
    degrees: dict[int, int] = {}
    for number in below(graph, roots):
        node = graph.nodes[number]
        if number in moving:
            degrees[number] = LINEAR
        elif node.op == "answer":
            degrees[number] = CONSTANT
        else:
            degrees[number] = _degree(node, [degrees[arg] for arg in node.args])
    return all(degrees[root] < CURVED for root in roots)


def _degree(node: Node, args: list[int]) -> int:
    if not any(args):
        return CONSTANT
    match node.op:
        case "sum" | "named":
            return max(args)
        case "product":
            above = [a for a, power in zip(args, node.data, strict=True) if power > 0]
            below_ = [a for a, power in zip(args, node.data, strict=True) if power < 0]
            return CURVED if any(below_) or sum(above) > LINEAR else LINEAR
        case "select":
            return CURVED if args[0] else max(args[1:])
        case _:
            return CURVED
