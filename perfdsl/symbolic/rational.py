"""Rational functions of one symbol: powers with coefficients that do not hold it, never expanded.

Exponents may be fractions, so that sqrt(u) is one too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sympy import S
from sympy.core import Add, Expr, Mul, Pow, Symbol

from perfdsl.symbolic.terms import rational

Coefficients = Mapping[Fraction, Expr]

ONE: Coefficients = {Fraction(0): S.One}
# A sum of more powers is not solved in closed form, so that it need not be multiplied out.
MOST_POWERS = 6


@dataclass(frozen=True, slots=True)
class Quotient:
    """above / below, each a sum of powers."""

    above: Coefficients
    below: Coefficients


class Other(Exception):  # noqa: N818  not every formula is a rational function
    """The expression is no rational function of the symbol, or a large one."""


def quotient(expr: Expr, by: Symbol) -> Quotient:
    """An expression as a rational function; raises Other."""
    if by not in expr.free_symbols:
        return Quotient({Fraction(0): expr}, ONE)
    match expr:
        case Symbol():
            return Quotient({Fraction(1): S.One}, ONE)
        case Add():
            return _sum(expr, by)
        case Mul():
            return _product(expr, by)
        case Pow() if expr.exp.is_Rational:
            return _power(quotient(expr.base, by), Fraction(int(expr.exp.p), int(expr.exp.q)))
        case _:
            raise Other


def _sum(expr: Expr, by: Symbol) -> Quotient:
    """Parts that do not move are one coefficient; equal denominators are one."""
    still = Add(*(arg for arg in expr.args if by not in arg.free_symbols))
    total = Quotient({Fraction(0): still} if still != 0 else {}, ONE)
    for arg in expr.args:
        if by in arg.free_symbols:
            total = _added(total, quotient(arg, by))
    return total


def _added(left: Quotient, right: Quotient) -> Quotient:
    if left.below == right.below:
        return Quotient(_merged(left.above, right.above), left.below)
    above = _merged(times(left.above, right.below), times(right.above, left.below))
    return Quotient(above, times(left.below, right.below))


def _merged(left: Coefficients, right: Coefficients) -> Coefficients:
    powers = dict.fromkeys([*left, *right])
    sums = {p: left.get(p, S.Zero) + right.get(p, S.Zero) for p in powers}
    return {p: c for p, c in sums.items() if c != 0}


def _product(expr: Expr, by: Symbol) -> Quotient:
    still = Mul(*(arg for arg in expr.args if by not in arg.free_symbols))
    total = Quotient({Fraction(0): still}, ONE)
    for arg in expr.args:
        if by in arg.free_symbols:
            factor = quotient(arg, by)
            above, below = times(total.above, factor.above), times(total.below, factor.below)
            total = Quotient(above, below)
    return total


def times(left: Coefficients, right: Coefficients) -> Coefficients:
    """The product of two sums of powers."""
    total: dict[Fraction, Expr] = {}
    for p, a in left.items():
        for q, b in right.items():
            total[p + q] = total.get(p + q, S.Zero) + a * b
    if len(total) > MOST_POWERS:
        raise Other
    return {p: c for p, c in total.items() if c != 0}


def _power(base: Quotient, power: Fraction) -> Quotient:
    if power < 0:
        return _power(Quotient(base.below, base.above), -power)
    if len(base.above) == len(base.below) == 1:
        return Quotient(_single(base.above, power), _single(base.below, power))
    if power.denominator != 1 or power > MOST_POWERS:
        raise Other
    above = below = ONE
    for _ in range(int(power)):
        above, below = times(above, base.above), times(below, base.below)
    return Quotient(above, below)


def _single(one: Coefficients, power: Fraction) -> Coefficients:
    ((own, factor),) = one.items()
    return {own * power: factor ** rational(power)}
