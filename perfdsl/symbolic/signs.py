"""Whether an expression is positive, by the signs of its symbols: sums and products of positives.

SymPy's own answer takes milliseconds for a long sum, since it asks much else on the way.
"""

from __future__ import annotations

from sympy import Abs, ceiling, exp, floor
from sympy.core import Add, Expr, Mul, Pow

from perfdsl.symbolic.functions import Cases, Least, Most
from perfdsl.symbolic.opaque import Compare

# 1: positive; 0: not negative; None: not known.
Sign = int | None


def sign_of(expr: Expr, known: dict[Expr, Sign]) -> Sign:
    """The sign of an expression; `known` keeps what was found."""
    if expr not in known:
        known[expr] = _of(expr, known)
    return known[expr]


def _of(expr: Expr, known: dict[Expr, Sign]) -> Sign:
    if not expr.args:
        return 1 if expr.is_positive else 0 if expr.is_nonnegative else None
    if isinstance(expr, Pow | exp):
        base = sign_of(expr.base, known)
        return base if base == 1 or (base == 0 and expr.exp.is_positive) else None
    match expr:
        case Add():
            return _most([sign_of(arg, known) for arg in expr.args])
        case Mul() | Least():
            return _least([sign_of(arg, known) for arg in expr.args])
        case Most():
            signs = [sign_of(arg, known) for arg in expr.args]
            return 1 if 1 in signs else 0 if 0 in signs else None
        case Cases():
            return _least([sign_of(arg, known) for arg in expr.values])
        case ceiling():
            return sign_of(expr.args[0], known)
        case floor():
            return None if sign_of(expr.args[0], known) is None else 0
        case Compare() | Abs():
            return 0
        case _:
            return None


def _least(signs: list[Sign]) -> Sign:
    return None if None in signs else 0 if 0 in signs else 1


def _most(signs: list[Sign]) -> Sign:
    return None if None in signs else 1 if 1 in signs else 0
