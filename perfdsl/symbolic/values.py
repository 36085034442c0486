"""Expressions -> numbers: the value of a formula at given values of its symbols.

One walk over the distinct parts, by the meanings of `semantics/operations.py`; neither `evalf` nor
`lambdify`, which take text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sympy import S, ceiling, floor
from sympy.core import Add, Derivative, Expr, Mul, Pow, Symbol

from perfdsl.semantics.operations import apply
from perfdsl.symbolic.derivatives import derivative
from perfdsl.symbolic.functions import Part
from perfdsl.symbolic.opaque import Opaque

# SymPy's own functions by the names of their classes.
OPERATIONS = {"exp": "exp", "Abs": "abs", "Mod": "mod"}

Number = float | Fraction
# Powers of fractions up to here are calculated exactly.
WIDE = 64


def value(expr: Expr, values: Mapping[Symbol, Number], inside: Mapping[Expr, Expr]) -> float:
    """The number that an expression is; nan where it has no value. inside: what each part is.

    Values that are fractions are calculated with as such: a rounding of 3 is then no rounding of
    3.0000000000000004.
    """
    exact = any(isinstance(one, Fraction) for one in values.values())
    known: dict[Expr, Number] = {}
    todo = [expr]
    while todo:
        part = todo[-1]
        below = _below(part, inside)
        missing = [arg for arg in below if arg not in known]
        if missing:
            todo += missing
            continue
        todo.pop()
        if part not in known:
            known[part] = _value(part, [known[arg] for arg in below], values, exact)
    return float(known[expr])


def _below(part: Expr, inside: Mapping[Expr, Expr]) -> tuple[Expr, ...]:
    """What the value of a part of an expression is made of."""
    if isinstance(part, Part):
        return (inside[part],) if part in inside else ()
    if isinstance(part, Derivative):
        if part.expr not in inside:
            return ()
        slope = inside[part.expr]
        for by in part.variables:
            slope = derivative(slope, by)
        return (slope,)
    return tuple(part.args)


def _value(part: Expr, args: list[Number], values: Mapping[Symbol, Number], exact: bool) -> Number:
    if part.is_Symbol:
        return values.get(part, math.nan)
    if part.is_Rational:
        whole = Fraction(int(part.p), int(part.q))
        return whole if exact else int(part.p) / int(part.q)
    try:
        return _of(part, args)
    except (ZeroDivisionError, ValueError, OverflowError):
        return math.nan


def _of(part: Expr, args: list[Any]) -> Number:
    if not args:
        unknown = part in {S.NaN, S.ComplexInfinity} or isinstance(part, Part | Derivative)
        return math.nan if unknown else float(part)
    if isinstance(part, Add):
        return sum(args) if _exact(args) else math.fsum(args)
    if isinstance(part, Mul):
        return math.prod(args, start=Fraction(1)) if _exact(args) else float(math.prod(args))
    if isinstance(part, Pow):
        return _power(part, *args)
    if isinstance(part, Part | Derivative):
        return Fraction(args[0]) if _exact(args) else float(args[0])
    if isinstance(part, Opaque):
        return part.value(args)
    if isinstance(part, floor | ceiling):
        rounded = math.floor(args[0]) if isinstance(part, floor) else math.ceil(args[0])
        return Fraction(rounded) if _exact(args) else float(rounded)
    name = type(part).__name__
    if name == "log":
        return math.log(args[0]) if len(args) == 1 else math.log(args[0], args[1])
    if name == "sign":
        return math.copysign(1.0, args[0]) if args[0] else 0.0
    result = apply(OPERATIONS[name], args, None)
    return math.nan if result is None else result


def _exact(args: list[Number]) -> bool:
    return all(isinstance(arg, Fraction) for arg in args)


def _power(part: Expr, base: Number, exponent: Number) -> Number:
    if part.base is S.Exp1:
        return math.exp(exponent)
    small = isinstance(exponent, Fraction) and exponent.denominator == 1 and abs(exponent) <= WIDE
    if isinstance(base, Fraction) and small:
        return base ** int(exponent)
    return math.pow(base, exponent)
