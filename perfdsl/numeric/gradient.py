"""Derivatives of one node by every other: one walk backwards (reverse mode)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from perfdsl.semantics.graph import Graph, Node
from perfdsl.semantics.lookup import slope_at


def gradient(
    graph: Graph, root: int, values: Mapping[int, float], moving: Sequence[int] | None = None
) -> dict[int, float]:
    """D root / d node for each node that the root depends on, at the given values.

    moving: the nodes to walk, ascending, where only some matter; the others are constants. At the
    kink of a max the argument that attains it counts; steps (floor, ceil, a `step` table, the
    first of some candidates) have slope 0, and at a key of a table the piece behind it counts.
    """
    order = graph.cone(root) if moving is None else moving
    slopes: defaultdict[int, float] = defaultdict(float)
    slopes[root] = 1.0
    for number in reversed(order):
        outer = slopes[number]
        if outer == 0 or math.isnan(outer):
            continue
        node = graph.nodes[number]
        if not node.args:
            continue
        for arg, inner in zip(node.args, _partials(node, values, number), strict=True):
            slopes[arg] += outer * inner
    return slopes


def _partials(node: Node, values: Mapping[int, float], number: int) -> list[float]:
    args = [values[arg] for arg in node.args]
    here = values[number]
    try:
        return _rule(node, args, here)
    except (ZeroDivisionError, ValueError, OverflowError):
        return [math.nan] * len(args)


def _rule(node: Node, args: list[float], here: float) -> list[float]:
    match node.op:
        case "named" | "low" | "high":
            return [1.0]
        case "sum":
            return [float(sign) for sign in node.data]
        case "product":
            return [
                power * here / arg if arg else _without(args, node.data, i)
                for i, (arg, power) in enumerate(zip(args, node.data, strict=True))
            ]
        case "max" | "min":
            winner = args.index(here)
            return [float(i == winner) for i in range(len(args))]
        case "select":
            return [0.0, float(bool(args[0])), float(not args[0])]
        case "pow":
            base, power = args
            by_power = here * math.log(base) if base > 0 else 0.0
            return [power * base ** (power - 1), by_power]
        case "sqrt":
            return [0.5 / here]
        case "exp":
            return [here]
        case "log2":
            return [1 / (args[0] * math.log(2))]
        case "log10":
            return [1 / (args[0] * math.log(10))]
        case "abs":
            return [math.copysign(1.0, args[0])]
        case "table":
            return [slope_at(node.data, args[0])]
        case "mod":
            return [1.0, -math.floor(args[0] / args[1])]
        case _:
            return [0.0] * len(args)


def _without(args: list[float], powers: tuple[int, ...], left_out: int) -> float:
    """The product without one factor, for a factor that is zero."""
    total = 1.0
    for i, (arg, power) in enumerate(zip(args, powers, strict=True)):
        if i != left_out:
            total *= arg**power
    return total if powers[left_out] > 0 else math.nan
