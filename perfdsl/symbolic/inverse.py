"""Questions solved in closed form: for each regime the unknown as a formula, and when it holds.

Never by `sympy.solve`, which fails on formulas with cases or takes minutes. Numbers do not rest on
this: a regime without a closed form is left out here, and answered all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from sympy import S, ceiling, floor
from sympy.core import Add, Expr, Symbol

from perfdsl.semantics.exact import nearby
from perfdsl.semantics.program import SolveItem
from perfdsl.symbolic.conditions import holds
from perfdsl.symbolic.derivatives import derivative
from perfdsl.symbolic.formulas import Formulas
from perfdsl.symbolic.isolated import Isolated, put
from perfdsl.symbolic.opaque import COMPARISONS, All, AtLeast, AtMost, Equal
from perfdsl.symbolic.powers import compared, peeled, roots, solved
from perfdsl.symbolic.rational import Other, Quotient, quotient
from perfdsl.symbolic.regimes import SAMPLES, Regime, Sides, Values, regimes
from perfdsl.symbolic.signs import sign_of
from perfdsl.symbolic.terms import rational
from perfdsl.symbolic.values import value

# An unknown without a declared range is looked for between these.
LOWEST, HIGHEST = 1e-9, 1e12


@dataclass(frozen=True, slots=True)
class Inverse:
    """`unknown relation expr` in a regime, where the condition holds.

    relation: == for an equation, <= or >= for a bound that an inequality gives, "" where the
    regime does not depend on the unknown: then expr is None, and any value fits under the
    condition. names: what attains the extremes. within: what tells the regime from others, as
    conditions on the unknown itself; under `condition` the closed form stands in its place.
    """

    unknown: Symbol
    expr: Expr | None
    relation: str
    condition: Expr
    names: tuple[str, ...]
    within: Expr = S.One


def inverses(
    item: SolveItem, unknown: int, formulas: Formulas, written: Values
) -> tuple[Inverse, ...]:
    """The closed forms of a question, one or more a regime; regimes without one are left out.

    written: values of the symbols, to tell rising from falling and likely regimes from others.
    """
    symbol = formulas.symbol(unknown)
    source = formulas.inputs[symbol]
    left, right = formulas.exprs([item.left, item.right])
    question = Question(symbol, item.op, source.within, source.whole)
    return solve_for(question, left, right, formulas, written)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a symbol: the relation of two sides, its range, and whether it is whole."""

    symbol: Symbol
    op: str = "=="
    within: tuple[float, float] | None = None
    whole: bool = False

    @property
    def equates(self) -> bool:
        return self.op in {"==", "~="}


def solve_for(
    question: Question,
    left: Expr,
    right: Expr,
    formulas: Formulas,
    written: Values,
    *,
    here: bool = False,
) -> tuple[Inverse, ...]:
    """Two sides solved for a symbol, one or more closed forms a regime.

    here: only what holds at the written values.
    """
    isolated = Isolated(question.symbol)
    sides = Sides(*(isolated.of(side, formulas.terms) for side in (left, right)))
    values = {**written, **{k: formulas.value(e, written) for k, e in isolated.still.items()}}
    spread = partial(samples_of, question, values)
    found: list[Inverse] = []
    for regime in regimes(sides, question.symbol, isolated.terms, spread):
        for one in _in_regime(regime, question, values):
            if one.condition != 0 and (not here or holds(one.condition, values)):
                expr = None if one.expr is None else isolated.back(one.expr)
                condition, within = isolated.back(one.condition), isolated.back(one.within)
                found.append(replace(one, expr=expr, condition=condition, within=within))
    return tuple(dict.fromkeys(found))


def samples_of(question: Question, written: Values) -> list[Values]:
    """The written values with the symbol spread over its range, evenly in logarithms."""
    low, high = question.within or (LOWEST, HIGHEST)
    low = low if low > 0 else min(LOWEST, high / 2) if high > 0 else low
    spread = [low + (high - low) * i / (SAMPLES - 1) for i in range(SAMPLES)]
    if low > 0:
        spread = [low * (high / low) ** (i / (SAMPLES - 1)) for i in range(SAMPLES)]
    return [{**written, question.symbol: u} for u in spread]


def _in_regime(regime: Regime, question: Question, values: Values) -> Iterator[Inverse]:
    symbol = question.symbol
    left, right = regime.expr.args
    found = _quotient(left, right, symbol)
    if found is None:
        return
    factor = _factor(found)
    if factor is not None:
        same = compared(factor, COMPARISONS["==" if question.equates else question.op])
        tests = [solved(test, symbol) for test in regime.tests]
        within = All(same, *regime.tests)
        yield Inverse(symbol, None, "", All(same, *tests), regime.names, within)
        return
    for root in roots(found.above, symbol):
        # At the root both sides are equal, and the shorter one says more.
        swap = {left: right} if symbol not in right.free_symbols else {}
        tests = [put(put(test, swap), {symbol: root}) for test in regime.tests]
        condition = All(*tests, *_inside(root, question))
        relation = _direction(left - right, question, root, values)
        shown = _rounded(root, relation) if question.whole else root
        yield Inverse(symbol, shown, relation, condition, regime.names, All(*regime.tests))


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


def _inside(root: Expr, question: Question) -> list[Expr]:
    """That a root lies in the declared range, and is whole where only that makes sense."""
    tests = [Equal(root, floor(root + S.Half))] if question.whole and question.equates else []
    if question.within is None:
        return tests if sign_of(root, {}) is not None else [*tests, AtLeast(root, S.Zero)]
    low, high = question.within
    if math.isfinite(low) and not (low == 0 and sign_of(root, {}) is not None):
        tests.append(AtLeast(root, rational(nearby(low))))
    if math.isfinite(high):
        tests.append(AtMost(root, rational(nearby(high))))
    return tests


def _direction(gap: Expr, question: Question, root: Expr, values: Values) -> str:
    """== for an equation; else on which side of the root the inequality holds."""
    if question.equates:
        return "=="
    at = {**values, question.symbol: value(root, values, {})}
    rising = value(derivative(gap, question.symbol), at, {}) > 0
    return "<=" if rising == (question.op in {"<=", "<"}) else ">="


def _rounded(root: Expr, relation: str) -> Expr:
    """A bound of a whole number is the whole number on the side that fits."""
    return {"<=": floor, ">=": ceiling}[relation](root) if relation != "==" else root
