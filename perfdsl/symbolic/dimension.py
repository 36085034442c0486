"""The way back: the dimension that an expression has by those of its symbols.

It equals the one that the checker found while it read the program, but for counted things (token,
core, instr): `count(65 token)` is a bare number, and stays the same node.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from fractions import Fraction

from sympy import S
from sympy.core import Add, Expr, Mul, Pow

from perfdsl.semantics.dimensions import PURE, Dimension, base, of
from perfdsl.semantics.program import AnswerPart, FitPart
from perfdsl.symbolic.formulas import Formulas
from perfdsl.symbolic.functions import Cases, End, Extreme, Part, Table
from perfdsl.symbolic.opaque import Compare

# None stands for 0 and for no value, which fit every dimension.
Found = Dimension | None
# SymPy's functions by the names of their classes: those that keep the dimension of their argument.
KEEPING = {"floor", "ceiling", "Abs", "Mod"}


class Mixed(Exception):  # noqa: N818  of an expression that no checked program gives
    """Different dimensions are added, compared or chosen between."""


def dimension(expr: Expr, formulas: Formulas, counted: AbstractSet[str]) -> Found:
    """The dimension of an expression of formulas with units; raises Mixed where it has none.

    counted: the base dimensions that are numbers here.
    """
    known: dict[Expr, Found] = {}
    todo = [expr]
    while todo:
        part = todo[-1]
        below = (formulas.inside[part],) if isinstance(part, Part) else part.args
        missing = [arg for arg in below if arg not in known]
        if missing:
            todo += missing
            continue
        todo.pop()
        known[part] = _of(part, [known[arg] for arg in below], formulas, counted)
    return known[expr]


def without(dim: Dimension, counted: AbstractSet[str]) -> Dimension:
    """A dimension in which counted things are numbers."""
    return of((name, power) for name, power in dim.exponents if name not in counted)


def _of(part: Expr, args: Sequence[Found], formulas: Formulas, counted: AbstractSet[str]) -> Found:
    match part:
        case _ if part.is_Symbol:
            return without(of_symbol(part, formulas), counted)
        case _ if part.is_number:
            return None if part in {S.Zero, S.NaN} else PURE
        case Mul():
            return _product([arg or PURE for arg in args])
        case Pow():
            return _power(part, args[0], args[1])
        case Part():
            return args[0]
        case Table():
            rows = formulas.tables[part]
            _same([args[0], without(rows.asked, counted)])
            return without(rows.dim, counted)
        case Compare():
            _same(args)
            return PURE
        case Cases():
            _same(args[:-1:2])
            return _same([*args[1::2], args[-1]])
        case Add() | Extreme() | End():
            return _same(args)
        case _ if type(part).__name__ in KEEPING:
            return _same(args)
        case _:
            return _pure(args)


def of_symbol(symbol: Expr, formulas: Formulas) -> Dimension:
    """What a symbol stands for: a unit, an input, or an answer."""
    if symbol in formulas.units:
        return base(formulas.units[symbol])
    if symbol in formulas.inputs:
        return formulas.inputs[symbol].dim
    graph = formulas.graph
    part = graph.nodes[formulas.answers[symbol]].data
    assert isinstance(part, AnswerPart | FitPart)
    return part.dimension(graph)


def _product(args: Sequence[Dimension]) -> Dimension:
    total = PURE
    for arg in args:
        total *= arg
    return total


def _power(part: Expr, under: Found, exponent: Found) -> Found:
    if under is None or under == PURE:
        _pure([exponent])
        return under
    if not part.exp.is_Rational:
        raise Mixed(part)
    return under ** Fraction(int(part.exp.p), int(part.exp.q))


def _same(args: Sequence[Found]) -> Found:
    found = {arg for arg in args if arg is not None}
    if len(found) > 1:
        raise Mixed(found)
    return found.pop() if found else None


def _pure(args: Sequence[Found]) -> Dimension:
    if not {PURE, None}.issuperset(args):
        raise Mixed(args)
    return PURE
