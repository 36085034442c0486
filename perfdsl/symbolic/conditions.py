"""Whether a condition holds at given numbers, where equal sides count as equal despite rounding."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sympy.core import Expr, Symbol

from perfdsl.symbolic.formulas import Formulas
from perfdsl.symbolic.opaque import Above, All, AtLeast, AtMost, Below, Not, Some

# Relative to the larger side; `==` of the language is as wide.
SLACK = 1e-9


def holds(
    condition: Expr, formulas: Formulas, values: Mapping[Symbol, float], slack: float = SLACK
) -> bool:
    """Whether a condition holds. slack: by how much a comparison may fail and still count."""
    match condition:
        case All():
            return all(holds(part, formulas, values, slack) for part in condition.args)
        case Some():
            return any(holds(part, formulas, values, slack) for part in condition.args)
        case Not():
            return not holds(condition.args[0], formulas, values, -slack)
        case AtMost() | Below() | AtLeast() | Above():
            return _compared(condition, formulas, values, slack)
        case _:
            return formulas.value(condition, values) == 1


def _compared(
    condition: Expr, formulas: Formulas, values: Mapping[Symbol, float], slack: float
) -> bool:
    left, right = (formulas.value(side, values) for side in condition.args)
    if math.isnan(left) or math.isnan(right):
        return False
    if isinstance(condition, AtLeast | Above):
        left, right = right, left
    return left - right <= slack * max(abs(left), abs(right))
