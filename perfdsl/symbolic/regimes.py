"""Regimes: the formulas between which a formula of one unknown changes, each with its condition.

A regime is a choice at every max, min, case and table that the unknown moves: who attains it, which
case holds, which piece. Without choices a formula can be solved for the unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sympy import Abs, log
from sympy.core import Expr, Symbol

from perfdsl.semantics.graph import Term
from perfdsl.symbolic.functions import Cases, Extreme, Table
from perfdsl.symbolic.isolated import put
from perfdsl.symbolic.opaque import All, AtLeast, AtMost, Below, Not, Opaque
from perfdsl.symbolic.terms import size_of
from perfdsl.symbolic.values import Number, value

# More regimes than this are not listed: only those that the given values come through.
MANY = 32
# Formulas larger than this are not taken apart.
LARGE = 4_000
# At so many values of the unknown it is asked which regime holds.
SAMPLES = 97

Values = Mapping[Symbol, Number]
Names = Mapping[Expr, tuple[Term, ...]]


class Sides(Opaque):
    """Both sides of a question, so that they are taken apart together."""


@dataclass(frozen=True, slots=True)
class Regime:
    """A formula without choices. names: of the terms that attain their extremes, outer ones first.

    tests: what holds in the regime, each a condition of value 1 or 0. The formula may be
    the two sides of a question.
    """

    expr: Expr
    tests: tuple[Expr, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def condition(self) -> Expr:
        return All(*self.tests)


def regimes(
    expr: Expr, unknown: Symbol, terms: Names, samples: Callable[[], Sequence[Values]]
) -> tuple[Regime, ...]:
    """All regimes of a formula; where they are too many, those that hold at one of the samples.

    terms: what the arguments of extremes are called. samples: values of every symbol, the
    unknown's different in each.
    """
    if size_of(expr) > LARGE:
        return ()
    found: list[Regime] = []
    for regime in _walk(Regime(expr), unknown, terms, None):
        found.append(regime)
        if len(found) > MANY:
            found = list(_walk(Regime(expr), unknown, terms, samples()))
            break
    return tuple(found)


def _walk(
    start: Regime, unknown: Symbol, terms: Names, samples: Sequence[Values] | None
) -> Iterator[Regime]:
    """Take the outermost choice first: what is not chosen need not be looked into."""
    todo = [(start, samples)]
    while todo:
        regime, alive = todo.pop()
        choice = _choice(regime.expr, unknown)
        if choice is None:
            yield regime
            continue
        for then, tests, name in reversed(list(_ways(choice, terms))):
            rest = alive
            if alive is not None:
                rest = [at for at in alive if all(value(t, at, {}) for t in tests)]
            if rest is None or rest:
                names = (*regime.names, name) if name else regime.names
                inner = put(regime.expr, {choice: then})
                todo.append((Regime(inner, (*regime.tests, *tests), names), rest))


def _choice(expr: Expr, unknown: Symbol) -> Expr | None:
    """The outermost choice that the unknown moves."""
    todo = [expr]
    while todo:
        part = todo.pop()
        if unknown not in part.free_symbols:
            continue
        if isinstance(part, Extreme | Cases | Table | Abs):
            return part
        todo.extend(reversed(part.args))
    return None


Way = tuple[Expr, tuple[Expr, ...], str]


def _ways(choice: Expr, terms: Names) -> Iterator[Way]:
    """Each value that a choice can take, under which tests, and what it is called."""
    match choice:
        case Extreme():
            yield from _attained(choice, terms)
        case Cases():
            yield from _cases(choice)
        case Table():
            yield from _pieces(choice)
        case _:
            inner = choice.args[0]
            yield inner, (AtLeast(inner, 0),), ""
            yield -inner, (Below(inner, 0),), ""


def _attained(choice: Expr, terms: Names) -> Iterator[Way]:
    names = [term.name for term in terms.get(choice, ())] or [""] * len(choice.args)
    for arg, name in zip(choice.args, names, strict=True):
        others = [other for other in choice.args if other is not arg]
        yield arg, tuple(choice.ahead(arg, other) for other in others), name


def _cases(choice: Expr) -> Iterator[Way]:
    before: list[Expr] = []
    for test, then in zip(choice.tests, choice.values, strict=False):
        yield then, (*before, test), ""
        before.append(Not(test))
    yield choice.values[-1], tuple(before), ""


def _pieces(table: Expr) -> Iterator[Way]:
    """The pieces of a table: constants, straight lines, or powers of what is looked up."""
    x, rows, clamped = table.args[0], table.rows, table.args[2] == 1
    if clamped:
        yield rows[0][1], (Below(x, rows[0][0]),), ""
    for low, high in pairwise(rows):
        inside = (AtLeast(x, low[0]), Below(x, high[0]))
        if table.mode == "step":
            yield low[1], inside, ""
        elif table.mode == "linear":
            slope = (high[1] - low[1]) / (high[0] - low[0])
            yield low[1] + slope * (x - low[0]), inside, ""
        else:
            power = log(high[1] / low[1]) / log(high[0] / low[0])
            yield low[1] * (x / low[0]) ** power, inside, ""
    end = rows[-1]
    if clamped or table.mode == "step":
        yield end[1], (AtLeast(x, end[0]),), ""
    else:
        yield end[1], (AtLeast(x, end[0]), AtMost(x, end[0])), ""
