"""Crossovers and ridge points as formulas: where two terms of a maximum are equal, by a parameter.

For each named max of an analysis, each pair of its terms, and each parameter of its workload and
machine: the tokens, cores or clock at which one takes over from the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from sympy.core import Expr, Symbol

from perfdsl.semantics.graph import Input
from perfdsl.semantics.program import AnalysisProgram
from perfdsl.symbolic.formulas import Formulas
from perfdsl.symbolic.functions import Extreme
from perfdsl.symbolic.inverse import Inverse, Question, solve_for
from perfdsl.symbolic.quantities import Formula, quantities
from perfdsl.symbolic.regimes import Values

SORTS = frozenset({"workload", "hardware", "parameter", "unknown"})
# Of the fields of ports and levels, no more than this.
FEW = 4


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where `left` and `right`, two terms of a named maximum, are equal, by one parameter.

    forms: the parameter as a formula, with the condition of its regime, which holds with all else
    as written. Without any, `why` says why. Declared ranges are not part of the conditions.
    """

    of: str
    left: str
    right: str
    parameter: Symbol
    forms: tuple[Inverse, ...]
    why: str = ""


STILL = "neither side depends on it"
ALIKE = "both sides move alike with it"
APART = "they are equal nowhere, with all else as it is"
OPEN = "there is no closed form"


def crossings(
    analysis: AnalysisProgram, formulas: Formulas, written: Values
) -> tuple[Crossing, ...]:
    """All crossovers of the maxima that an analysis shows, defines or asks of its runs."""
    found: dict[Expr, Formula] = {}
    for formula in quantities(analysis, formulas):
        if isinstance(formula.expr, Extreme) and _is_asked(formula):
            found.setdefault(formula.expr, formula)
    return tuple(
        crossing
        for formula in found.values()
        for parameter in parameters(formula.expr.free_symbols, formulas)
        for crossing in crossings_by(parameter, formula.name, formula.expr, formulas, written)
    )


def _is_asked(formula: Formula) -> bool:
    """What is shown or defined, and the time of a whole run."""
    whole = formula.name.endswith(".time") and ".ops[" not in formula.name
    return formula.named.sort in {"show", "let"} or whole


def crossings_by(
    parameter: Symbol, of: str, expr: Expr, formulas: Formulas, written: Values
) -> Iterator[Crossing]:
    """The crossovers of one maximum by one parameter: of each two of its terms."""
    terms = dict(_terms(expr, formulas))
    for left, right in combinations(terms, 2):
        forms, why = _solved(parameter, terms[left], terms[right], formulas, written)
        yield Crossing(of, left, right, parameter, forms, why)


def parameters(symbols: Iterable[Symbol], formulas: Formulas) -> list[Symbol]:
    """Unknowns, and fields of workloads and machines themselves; without any, of their blocks.

    Not what settles a measured case: nobody has measured how long another one takes.
    """
    symbols = [s for s in symbols if s in formulas.inputs]
    pinned = formulas.graph.pinned(formulas.nodes[symbol] for symbol in symbols)
    found = [s for s in symbols if formulas.inputs[s].sort in SORTS]
    found = [s for s in found if formulas.nodes[s] not in pinned]
    found.sort(key=lambda symbol: formulas.nodes[symbol])
    return [s for s in found if _is_own(formulas.inputs[s])] or found[:FEW]


def _is_own(source: Input) -> bool:
    """Tokens and cores, but not the peak of a port or the size of a cache."""
    return source.name.count(".") <= 1


def _terms(expr: Expr, formulas: Formulas) -> Iterator[tuple[str, Expr]]:
    """The named terms of a maximum, those of a maximum inside of it included."""
    names = formulas.terms.get(expr, ())
    for arg, term in zip(expr.args, names, strict=False):
        if type(arg) is type(expr) and formulas.terms.get(arg):
            yield from _terms(arg, formulas)
        elif term.name and not arg.is_Rational:
            yield term.name, arg


def _solved(
    parameter: Symbol, left: Expr, right: Expr, formulas: Formulas, written: Values
) -> tuple[tuple[Inverse, ...], str]:
    moving = left.free_symbols | right.free_symbols
    if parameter not in moving:
        return (), STILL
    question = Question(parameter)
    known = not any(math.isnan(written.get(s, math.nan)) for s in moving if s != parameter)
    found = solve_for(question, left, right, formulas, written, here=known)
    forms = tuple(one for one in found if one.expr is not None)
    if forms:
        return forms, ""
    if known:
        found = solve_for(question, left, right, formulas, written)
    if any(one.expr is not None for one in found):
        return (), APART
    return (), ALIKE if found else OPEN
