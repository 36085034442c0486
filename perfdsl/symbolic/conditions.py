"""Whether a condition holds at given numbers, where equal sides count as equal despite rounding."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from sympy.core import Expr, Symbol

from perfdsl.symbolic.opaque import Above, All, AtLeast, AtMost, Below, Not, Some
from perfdsl.symbolic.values import Number, value

Inside = Mapping[Expr, Expr]

# Relative to the larger side; `==` of the language is as wide.
SLACK = 1e-9


def holds(
    condition: Expr,
    values: Mapping[Symbol, Number],
    slack: float = SLACK,
    inside: Inside = MappingProxyType({}),
) -> bool:
    """Whether a condition holds. slack: by how much a comparison may fail and still count.

    inside: what the parts of the condition are, if it has any.
    """
    match condition:
        case All():
            return all(holds(part, values, slack, inside) for part in condition.args)
        case Some():
            return any(holds(part, values, slack, inside) for part in condition.args)
        case Not():
            return not holds(condition.args[0], values, -slack, inside)
        case AtMost() | Below() | AtLeast() | Above():
            return _compared(condition, values, slack, inside)
        case _:
            return value(condition, values, inside) == 1


def _compared(
    condition: Expr, values: Mapping[Symbol, Number], slack: float, inside: Inside
) -> bool:
    left, right = (value(side, values, inside) for side in condition.args)
    if math.isnan(left) or math.isnan(right):
        return False
    if isinstance(condition, AtLeast | Above):
        left, right = right, left
    return left - right <= slack * max(abs(left), abs(right))
