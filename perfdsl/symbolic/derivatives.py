"""Derivatives and elasticities of formulas; a step (floor, ceil, a comparison) has slope 0.

One walk over the distinct parts, where SymPy's `diff` recurses and leaves the derivative of a
rounding as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Abs, S, ceiling, exp, floor, log, sign
from sympy.core import Add, Derivative, Expr, Mod, Mul, Pow, Symbol

from perfdsl.symbolic.functions import Part
from perfdsl.symbolic.opaque import Opaque


def derivative(expr: Expr, by: Symbol) -> Expr:
    """D expr / d by; where an extreme is attained by two arguments, the first one counts."""
    known: dict[Expr, Expr] = {by: S.One}
    todo = [expr]
    while todo:
        part = todo[-1]
        below = () if isinstance(part, Part) else part.args
        missing = [arg for arg in below if arg not in known]
        if missing:
            todo += missing
            continue
        todo.pop()
        if part not in known:
            known[part] = _slope(part, [known.get(arg, S.Zero) for arg in part.args], by)
    return known[expr]


def elasticity(expr: Expr, by: Symbol) -> Expr:
    """D ln(expr) / d ln(by): by how many percent it moves when `by` moves by one."""
    return derivative(expr, by) * by / expr


def _slope(part: Expr, slopes: Sequence[Expr], by: Symbol) -> Expr:
    if isinstance(part, Part):
        return Derivative(part, by) if by in part.args else S.Zero
    if all(slope == 0 for slope in slopes):
        return S.Zero
    args = part.args
    match part:
        case Opaque():
            return part.slope(slopes)
        case Add():
            return Add(*slopes)
        case Mul():
            return Add(*(_with(args, i, slope) for i, slope in enumerate(slopes) if slope != 0))
        case Pow():
            return _power(part, slopes)
        case exp():
            return part * slopes[0]
        case log():
            return slopes[0] / args[0]
        case Abs():
            return sign(args[0]) * slopes[0]
        case Mod():
            return slopes[0] - slopes[1] * floor(args[0] / args[1])
        case floor() | ceiling():
            return S.Zero
        case _:
            return sum((part.fdiff(i + 1) * s for i, s in enumerate(slopes)), S.Zero)


def _with(args: Sequence[Expr], at: int, slope: Expr) -> Expr:
    """The product with one factor replaced by its slope."""
    return Mul(*args[:at], slope, *args[at + 1 :])


def _power(part: Expr, slopes: Sequence[Expr]) -> Expr:
    base, exponent = part.args
    by_base = exponent * base ** (exponent - 1) * slopes[0] if slopes[0] != 0 else S.Zero
    return by_base + (part * log(base) * slopes[1] if slopes[1] != 0 else S.Zero)
