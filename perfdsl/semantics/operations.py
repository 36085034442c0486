"""What each operation of the graph means, on plain numbers: the reference for every reading."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import mul
from typing import Any

from perfdsl.semantics.lookup import look_up

Numbers = Sequence[float]
Meaning = Callable[[Numbers, Any], float | None]

# Raised where an operation has no value.
NO_VALUE = (ZeroDivisionError, ValueError, OverflowError)

# `~=` without a tolerance is 1 %, `==` is 1e-9, both relative to the larger side.
NEAR = 0.01
EQUAL = 1e-9


def apply(op: str, args: Numbers, data: Any) -> float | None:
    """The value of one operation; None where it has none (a division by zero, a log of -1)."""
    try:
        return OPERATIONS[op](args, data)
    except NO_VALUE:
        return None


def compare(op: str, left: float, right: float) -> bool:
    """One comparison of the language."""
    match op:
        case "<=":
            return left <= right
        case ">=":
            return left >= right
        case "<":
            return left < right
        case ">":
            return left > right
        case _:
            pass
    width = NEAR if op == "~=" else EQUAL
    near = abs(left - right) <= width * max(abs(left), abs(right))
    return near != (op == "!=")


def _sum(args: Numbers, signs: Sequence[int]) -> float:
    return math.fsum(map(mul, signs, args))


def _product(args: Numbers, powers: Sequence[int]) -> float:
    total = 1.0
    for arg, power in zip(args, powers, strict=True):
        total = total * arg if power > 0 else total / arg
    return total


def _pow(args: Numbers, _: Any) -> float:
    # math.pow refuses a root of a negative number, where ** gives a complex one.
    return math.pow(args[0], args[1])


def _most(choose: Callable[[Numbers], float], args: Numbers) -> float:
    """None of the arguments may be missing: Python's max drops a nan that stands behind."""
    return math.nan if any(map(math.isnan, args)) else choose(args)


def _first(args: Numbers, candidates: Sequence[float]) -> float | None:
    """The first candidate whose condition holds; a condition without a value does not."""
    found = (value for holds, value in zip(args, candidates, strict=True) if holds > 0)
    return next(found, None)


OPERATIONS: dict[str, Meaning] = {
    "const": lambda args, data: float(data),
    "named": lambda args, data: args[0],
    "answer": lambda args, data: None,
    "sum": _sum,
    "product": _product,
    "pow": _pow,
    "max": lambda args, data: _most(max, args),
    "min": lambda args, data: _most(min, args),
    "abs": lambda args, data: abs(args[0]),
    "sqrt": lambda args, data: math.sqrt(args[0]),
    "exp": lambda args, data: math.exp(args[0]),
    "log2": lambda args, data: math.log2(args[0]),
    "log10": lambda args, data: math.log10(args[0]),
    "floor": lambda args, data: float(math.floor(args[0])),
    "ceil": lambda args, data: float(math.ceil(args[0])),
    "mod": lambda args, data: args[0] % args[1],
    "compare": lambda args, data: float(compare(data, args[0], args[1])),
    "and": lambda args, data: float(all(args)),
    "or": lambda args, data: float(any(args)),
    "not": lambda args, data: float(not args[0]),
    "select": lambda args, data: args[1] if args[0] else args[2],
    "table": lambda args, data: look_up(data, args[0]),
    "first": _first,
    # The ends of an uncertain value; with every input at its best they are that value.
    "low": lambda args, data: args[0],
    "high": lambda args, data: args[0],
}
