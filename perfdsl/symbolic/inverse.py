"""Questions solved in closed form: for each regime the unknown as a formula, and when it holds.

Never by `sympy.solve`, which fails on formulas with cases or takes minutes. Numbers do not rest on
this: a regime without a closed form is left out here, and answered all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sympy import S, ceiling, floor
from sympy.core import Add, Expr, Symbol

from perfdsl.semantics.exact import nearby
from perfdsl.semantics.graph import Input
from perfdsl.semantics.program import SolveItem
from perfdsl.symbolic.derivatives import derivative
from perfdsl.symbolic.formulas import Formulas
from perfdsl.symbolic.opaque import COMPARISONS, All, AtLeast, AtMost, Equal
from perfdsl.symbolic.powers import compared, peeled, roots, solved
from perfdsl.symbolic.rational import Other, Quotient, quotient
from perfdsl.symbolic.regimes import SAMPLES, Regime, Sides, Values, regimes
from perfdsl.symbolic.terms import rational

# An unknown without a declared range is looked for between these.
LOWEST, HIGHEST = 1e-9, 1e12


@dataclass(frozen=True, slots=True)
class Inverse:
    """`unknown relation expr` in a regime, where the condition holds.

    relation: == for an equation, <= or >= for a bound that an inequality gives, "" where the
    regime does not depend on the unknown: then expr is None, and any value fits under the
    condition. names: what attains the extremes.
    """

    unknown: Symbol
    expr: Expr | None
    relation: str
    condition: Expr
    names: tuple[str, ...]


def inverses(
    item: SolveItem, unknown: int, formulas: Formulas, written: Values
) -> tuple[Inverse, ...]:
    """The closed forms of a question, one or more a regime; regimes without one are left out.

    written: values of the symbols, to tell rising from falling and likely regimes from others.
    """
    symbol = formulas.symbol(unknown)
    source = formulas.inputs[symbol]
    left, right = formulas.exprs([item.left, item.right])
    found: list[Inverse] = []
    question = Sides(left, right)
    for regime in regimes(question, symbol, formulas, samples_of(symbol, source, written)):
        found += _in_regime(regime, item.op, symbol, source, formulas, written)
    return tuple(dict.fromkeys(one for one in found if one.condition != 0))


def samples_of(symbol: Symbol, source: Input, written: Values) -> list[Values]:
    """The written values with the unknown spread over its range, evenly in logarithms."""
    low, high = source.within or (LOWEST, HIGHEST)
    low = low if low > 0 else min(LOWEST, high / 2) if high > 0 else low
    spread = [low + (high - low) * i / (SAMPLES - 1) for i in range(SAMPLES)]
    if low > 0:
        spread = [low * (high / low) ** (i / (SAMPLES - 1)) for i in range(SAMPLES)]
    return [{**written, symbol: u} for u in spread]


def _in_regime(
    regime: Regime, op: str, symbol: Symbol, source: Input, formulas: Formulas, written: Values
) -> Iterator[Inverse]:
    left, right = regime.expr.args
    gap = left - right
    found = _quotient(left, right, symbol)
    if found is None:
        return
    factor = _factor(found)
    if factor is not None:
        same = compared(factor, COMPARISONS["==" if _equates(op) else op])
        tests = [solved(test, symbol) for test in regime.tests]
        yield Inverse(symbol, None, "", All(same, *tests), regime.names)
        return
    for root in roots(found.above, symbol):
        # At the root both sides are equal, and the shorter one says more.
        swap = {left: right} if symbol not in right.free_symbols else {}
        tests = [test.xreplace(swap).xreplace({symbol: root}) for test in regime.tests]
        whole = [Equal(root, floor(root + S.Half))] if source.whole and _equates(op) else []
        condition = All(*tests, *_inside(root, source), *whole)
        relation = _direction(gap, op, symbol, root, formulas, written)
        shown = _rounded(root, relation) if source.whole else root
        yield Inverse(symbol, shown, relation, condition, regime.names)


def _quotient(left: Expr, right: Expr, symbol: Symbol) -> Quotient | None:
    """Left - right, or what has the same zeros, as a rational function; None where it is none."""
    try:
        return quotient(left - right, symbol)
    except Other:
        pass
    try:
        return quotient(Add(*peeled(left, right, symbol)), symbol)
    except Other:
        return None


def _factor(found: Quotient) -> Expr | None:
    """What the gap is but for a power of the unknown; None where the unknown decides its sign."""
    if not found.above:
        return S.Zero
    if len(found.above) > 1 or len(found.below) > 1:
        return None
    return next(iter(found.above.values())) / next(iter(found.below.values()))


def _inside(root: Expr, source: Input) -> list[Expr]:
    """That a root lies in the declared range."""
    if source.within is None:
        return [] if root.is_nonnegative else [AtLeast(root, S.Zero)]
    low, high = source.within
    proved = not math.isfinite(low) or (low == 0 and root.is_nonnegative)
    tests = [] if proved else [AtLeast(root, rational(nearby(low)))]
    return tests + ([AtMost(root, rational(nearby(high)))] if math.isfinite(high) else [])


def _direction(
    gap: Expr, op: str, symbol: Symbol, root: Expr, formulas: Formulas, written: Values
) -> str:
    """== for an equation; else on which side of the root the inequality holds."""
    if _equates(op):
        return "=="
    at = {**written, symbol: formulas.value(root, written)}
    rising = formulas.value(derivative(gap, symbol), at) > 0
    return "<=" if rising == (op in {"<=", "<"}) else ">="


def _equates(op: str) -> bool:
    return op in {"==", "~="}


def _rounded(root: Expr, relation: str) -> Expr:
    """A bound of a whole number is the whole number on the side that fits."""
    return {"<=": floor, ">=": ceiling}[relation](root) if relation != "==" else root
