"""Normal equations: what the unknowns of a linear fit fulfil, as sums over its rows.

X^T X b = X^T y, where a row of X holds the derivatives of what is fitted by each unknown, and y is
what was observed less what is fitted without any unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sympy import S
from sympy.core import Expr, Symbol

from perfdsl.symbolic.derivatives import derivative
from perfdsl.symbolic.isolated import put


@dataclass(frozen=True, slots=True)
class Normal:
    """One equation: sum over the rows of each factor times its unknown, = the sum of `right`."""

    factors: tuple[Expr, ...]
    right: Expr


def normal_equations(
    fitted: Expr, observed: Expr, unknowns: Sequence[Symbol]
) -> tuple[Normal, ...]:
    """The equations of a fit that is linear in its unknowns, from the two sides of one row."""
    slopes = [derivative(fitted, unknown) for unknown in unknowns]
    rest = observed - put(fitted, dict.fromkeys(unknowns, S.Zero))
    return tuple(Normal(tuple(one * other for other in slopes), one * rest) for one in slopes)
