"""Sums of powers of one symbol: where they are zero, and on which side of that they are positive.

Two powers, and three in step (a quadratic), by their own formulas; the symbol itself is not zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from sympy import Abs, S, exp, fraction, log, sign, sqrt
from sympy.core import Add, Expr, Integer, Mul, Pow, Symbol

from perfdsl.symbolic.opaque import OPPOSITE, Above, AtLeast, AtMost, Below, Compare, Not
from perfdsl.symbolic.rational import Coefficients, Other, quotient
from perfdsl.symbolic.signs import sign_of
from perfdsl.symbolic.terms import rational

TURNED: dict[type[Compare], type[Compare]] = {
    AtLeast: AtMost, AtMost: AtLeast, Above: Below, Below: Above,
}  # fmt: skip


def roots(terms: Coefficients, symbol: Symbol) -> Sequence[Expr]:
    """Where a sum of powers is zero: real, and of the sign that the symbol may have."""
    powers = sorted(terms)
    if len(powers) == 2:
        low, high = powers
        return _powers(divided(-terms[low], terms[high]), high - low, symbol)
    if len(powers) == 3 and powers[2] - powers[1] == powers[1] - powers[0]:
        c, b, a = (terms[power] for power in powers)
        step = powers[1] - powers[0]
        return [u for half in _halves(a, b, c) for u in _powers(half, step, symbol)]
    return []


def divided(above: Expr, below: Expr) -> Expr:
    """A quotient whose sum above is multiplied out with what was below the line below."""
    # SymPy would ask whether a sum below the line is infinite.
    inner, outer = fraction(Pow(below, -1, evaluate=not below.is_Add))
    parts = Add.make_args(above)
    return Add(*(part * inner for part in parts)) / outer if len(parts) > 1 else above / below


def _halves(a: Expr, b: Expr, c: Expr) -> list[Expr]:
    """Both solutions of a*x^2 + b*x + c = 0."""
    root = sqrt(b**2 - 4 * a * c)
    return [(-b + root) / (2 * a), (-b - root) / (2 * a)]


def _powers(value: Expr, power: Fraction, symbol: Symbol) -> list[Expr]:
    """The real u with u^power = value."""
    exponent = rational(1 / power)
    if symbol.is_nonnegative or power.denominator != 1:
        return [value**exponent]
    if power.numerator % 2 == 0:
        return [value**exponent, -(value**exponent)]
    return [value if power == 1 else sign(value) * Abs(value) ** exponent]


def compared(gap: Expr, test: type[Compare]) -> Expr:
    """`gap test 0`, with what is subtracted on the other side; decided where its sign is known."""
    for side, value in ((gap, 1), (-gap, -1)):
        if sign_of(side, {}) == 1:
            return test(Integer(value), S.Zero)
    parts = Add.make_args(gap)
    below = [part for part in parts if part.as_coeff_Mul()[0] < 0]
    above = [part for part in parts if part not in below]
    return test(Add(*above), -Add(*below))


def solved(test: Expr, symbol: Symbol) -> Expr:
    """A comparison solved for the symbol, where the signs of its terms are known; else as it is.

    `a >= b/u` is `u >= b/a`, for a positive u and an a that is not negative.
    """
    if isinstance(test, Not) and type(test.args[0]) in OPPOSITE:
        test = OPPOSITE[type(test.args[0])](*test.args[0].args)
    if type(test) not in TURNED or not symbol.is_nonnegative:
        return test
    left, right = test.args
    try:
        found = quotient(left - right, symbol)
    except Other:
        return test
    powers = sorted(found.above)
    if len(powers) != 2 or len(found.below) != 1 or symbol not in test.free_symbols:
        return test
    leading = found.above[powers[1]] / next(iter(found.below.values()))
    rising, falling = sign_of(leading, {}), sign_of(-leading, {})
    if rising is None and falling is None:
        return test
    bound = divided(-found.above[powers[0]], found.above[powers[1]])
    if powers[1] - powers[0] != 1 and sign_of(bound, {}) is None:
        return test  # u^2 >= b holds for every u where b is negative, and u >= sqrt(b) for none
    (root,) = roots(found.above, symbol)
    relation = type(test) if rising is not None else TURNED[type(test)]
    return relation(symbol, root)


def peeled(left: Expr, right: Expr, symbol: Symbol) -> tuple[Expr, Expr]:
    """An equation of which one side alone holds the symbol, with what is around it undone.

    Both results together are zero where the sides are equal: rising functions have one inverse.
    """
    while symbol not in right.free_symbols:
        still = [arg for arg in left.args if symbol not in arg.free_symbols]
        if isinstance(left, Mul) and still:
            left, right = left / Mul(*still), right / Mul(*still)
        elif isinstance(left, Add) and still:
            left, right = left - Add(*still), right - Add(*still)
        elif isinstance(left, Pow) and left.exp in still:
            left, right = left.base, right ** (1 / left.exp)
        elif isinstance(left, exp):
            left, right = left.args[0], log(right)
        elif isinstance(left, log):
            left, right = left.args[0], exp(right)
        else:
            break
    return left, -right
