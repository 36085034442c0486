"""Formulas that are counts wherever their arguments are: of these nothing can be said later."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from perfdsl.semantics.graph import Graph

# So many factors of this size are still far within the range of floats.
MODERATE = 1e9
FACTORS = 30


def is_fine(number: float | None) -> bool:
    """Whether nothing is said of a number, wherever it stands; None: it is not known."""
    return number is None or (isfinite(number) and number >= 0 and number == round(number))


def is_moderate(number: float | None) -> bool:
    """Whether a number is a count that may be multiplied with others like it."""
    return is_fine(number) and (number is None or number <= MODERATE)


def sure_counts(graph: Graph, stands: Iterable[int], nodes: Iterable[int]) -> set[int]:
    """Which nodes are whole and not below zero if the stand-ins are moderate counts.

    nodes: all that is made of the stand-ins, in ascending order.
    """
    counts = set(stands)
    factors = dict.fromkeys(counts, 1)  # at most so many, of what is not below zero
    moving = {*counts, *nodes}
    for number in nodes:
        node = graph.nodes[number]
        for arg in node.args:
            if arg not in moving and is_moderate(graph.number(arg)):
                counts.add(arg)
                factors[arg] = 1
        if not all(arg in factors for arg in node.args):
            continue
        whole, many = all(arg in counts for arg in node.args), max(factors[a] for a in node.args)
        match node.op:
            case "product":
                below = [a for a, power in zip(node.args, node.data, strict=True) if power < 0]
                if not counts.issuperset(below):
                    continue
                whole, many = whole and not below, sum(factors[arg] for arg in node.args)
            case "sum":
                if -1 in node.data:
                    continue
                many += 1
            case "ceil" | "floor":
                whole = True
            case "max" | "min":
                pass
            case _:
                continue
        if many <= FACTORS:
            factors[number] = many
            if whole:
                counts.add(number)
    return counts
