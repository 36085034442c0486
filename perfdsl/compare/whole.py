"""Counts as whole numbers: a formula of the program read in fractions, under other loads too.

Floats hold counts up to 2^53; here nothing is rounded, so that `==` means what it says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from perfdsl.semantics.exact import combined, constant, written
from perfdsl.semantics.graph import Graph, Node

Given = Mapping[int, Fraction]


class NoCountError(Exception):
    """A formula that is no count: it rests on an unknown, or on what is no fraction."""


def values_of(graph: Graph, root: int, given: Given) -> dict[int, Fraction]:
    """The root and all that it is made of; nodes of `given` have those values, inputs else their
    written ones. Raises NoCountError."""
    values: dict[int, Fraction] = {}
    for number in graph.cone(root):
        if number in given:
            values[number] = given[number]
        else:
            node = graph.nodes[number]
            values[number] = _value(node, [values[arg] for arg in node.args])
    return values


def whole(graph: Graph, root: int, given: Given) -> int:
    """A count. Raises NoCountError where it is no whole number."""
    value = values_of(graph, root, given)[root]
    if value.denominator != 1:
        raise NoCountError(f"{value} is no whole number")
    return value.numerator


def _value(node: Node, args: Sequence[Fraction]) -> Fraction:
    match node.op:
        case "const":
            return constant(node.data)
        case "input" if not math.isnan(node.data.value):
            return written(node.data)
        case "input":
            raise NoCountError(f"`{node.data.name}` has no value")
        case _:
            pass
    found = combined(node.op, args, node.data)
    if found is None:
        found = _step(node.op, args, node.data)
    return found


def _step(op: str, args: Sequence[Fraction], data: Any) -> Fraction:
    """What jumps or chooses: see `semantics.operations` for the same on floats."""
    match op:
        case "floor":
            return Fraction(math.floor(args[0]))
        case "ceil":
            return Fraction(math.ceil(args[0]))
        case "min":
            return min(args)
        case "max":
            return max(args)
        case "abs":
            return abs(args[0])
        case "mod" if args[1]:
            return args[0] % args[1]
        case "select":
            return args[1] if args[0] else args[2]
        case "compare":
            return Fraction(_compared(data, *args))
        case "and":
            return Fraction(all(args))
        case "or":
            return Fraction(any(args))
        case "not":
            return Fraction(not args[0])
        case "low" | "high":
            return args[0]
        case _:
            raise NoCountError(f"`{op}` makes no count")


def _compared(op: str, left: Fraction, right: Fraction) -> bool:
    match op:
        case "<=":
            return left <= right
        case ">=":
            return left >= right
        case "<":
            return left < right
        case ">":
            return left > right
        case "==":
            return left == right
        case "!=":
            return left != right
        case _:
            raise NoCountError(f"`{op}` compares no counts")
