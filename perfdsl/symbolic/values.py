"""Expressions -> numbers: the value of a formula at given values of its symbols.

One walk over the distinct parts, by the meanings of `semantics/operations.py`; neither `evalf` nor
`lambdify`, which take text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from sympy import S
from sympy.core import Add, Derivative, Expr, Mul, Pow, Symbol

from perfdsl.semantics.operations import apply
from perfdsl.symbolic.derivatives import derivative
from perfdsl.symbolic.functions import Part
from perfdsl.symbolic.opaque import Opaque

# SymPy's own functions by the names of their classes.
OPERATIONS = {"exp": "exp", "floor": "floor", "ceiling": "ceil", "Abs": "abs", "Mod": "mod"}


def value(expr: Expr, values: Mapping[Symbol, float], inside: Mapping[Expr, Expr]) -> float:
    """The number that an expression is; nan where it has no value. inside: what each part is."""
    known: dict[Expr, float] = {}
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
            known[part] = _value(part, [known[arg] for arg in below], values)
    return known[expr]


def _below(part: Expr, inside: Mapping[Expr, Expr]) -> tuple[Expr, ...]:
    """What the value of a part of an expression is made of."""
    if isinstance(part, Part):
        return (inside[part],)
    if isinstance(part, Derivative):
        slope = inside[part.expr]
        for by in part.variables:
            slope = derivative(slope, by)
        return (slope,)
    return tuple(part.args)


def _value(part: Expr, args: list[float], values: Mapping[Symbol, float]) -> float:
    try:
        return _of(part, args, values)
    except (ZeroDivisionError, ValueError, OverflowError):
        return math.nan


def _of(part: Expr, args: list[float], values: Mapping[Symbol, float]) -> float:
    if part.is_Symbol:
        return values.get(part, math.nan)
    if part.is_Rational:
        return int(part.p) / int(part.q)
    if not args:
        return math.nan if part in {S.NaN, S.ComplexInfinity} else float(part)
    if isinstance(part, Add):
        return math.fsum(args)
    if isinstance(part, Mul):
        return math.prod(args)
    if isinstance(part, Pow):
        return math.exp(args[1]) if part.base is S.Exp1 else math.pow(args[0], args[1])
    if isinstance(part, Part | Derivative):
        return args[0]
    if isinstance(part, Opaque):
        return part.value(args)
    name = type(part).__name__
    if name == "log":
        return math.log(args[0]) if len(args) == 1 else math.log(args[0], args[1])
    if name == "sign":
        return math.copysign(1.0, args[0]) if args[0] else 0.0
    result = apply(OPERATIONS[name], args, None)
    return math.nan if result is None else result
