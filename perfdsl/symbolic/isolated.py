"""A formula as a function of one symbol: everything that does not hold it becomes a symbol itself.

What is left is short, however large the formula was, and can be taken apart quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sympy import ceiling, floor
from sympy.core import Add, Expr, Mul, Pow, Symbol

from perfdsl.semantics.graph import Term
from perfdsl.symbolic.signs import Sign, sign_of

KNOWN = {1: "positive", 0: "nonnegative", None: "real"}


@dataclass(slots=True)
class Isolated:
    """Formulas of one symbol. still: what each new symbol stands for. terms: of the extremes."""

    by: Symbol
    still: dict[Symbol, Expr] = field(default_factory=dict)
    terms: dict[Expr, tuple[Term, ...]] = field(default_factory=dict)
    _symbols: dict[Expr, Symbol] = field(default_factory=dict)
    _signs: dict[Expr, Sign] = field(default_factory=dict)

    def of(self, expr: Expr, names: Mapping[Expr, tuple[Term, ...]]) -> Expr:
        """The expression with new symbols for what stands still."""
        made: dict[Expr, Expr] = {}
        moving = moved_by(expr, self.by)
        todo = [expr]
        while todo:
            part = todo[-1]
            below = part.args if part in moving else ()
            missing = [arg for arg in below if arg not in made]
            if missing:
                todo += missing
                continue
            todo.pop()
            if part not in made:
                made[part] = self._of(part, made, moving)
                if part in names:
                    self.terms[made[part]] = names[part]
        return made[expr]

    def back(self, expr: Expr) -> Expr:
        """An expression in the symbols of the program again."""
        return put(expr, self.still)

    def _of(self, part: Expr, made: Mapping[Expr, Expr], moving: set[Expr]) -> Expr:
        if part not in moving:
            return self._symbol(part)
        if not part.args:
            return part
        if not isinstance(part, Add | Mul):
            return part.func(*(made[arg] for arg in part.args))
        still = [arg for arg in part.args if arg not in moving]
        one = [self._symbol(part.func(*still))] if still else []
        return part.func(*one, *(made[arg] for arg in part.args if arg in moving))

    def _symbol(self, part: Expr) -> Expr:
        if part.is_Rational or part.is_Symbol:
            return part
        if part not in self._symbols:
            known = KNOWN[sign_of(part, self._signs)]
            symbol = Symbol(f"k{len(self._symbols)}", **{known: True})
            self._symbols[part] = symbol
            self.still[symbol] = part
        return self._symbols[part]


def moved_by(expr: Expr, by: Symbol) -> set[Expr]:
    """The distinct parts of an expression that hold a symbol."""
    found: set[Expr] = {by}
    seen: set[Expr] = set()
    todo = [expr]
    while todo:
        part = todo[-1]
        missing = [arg for arg in part.args if arg not in seen]
        if missing:
            todo += missing
            continue
        seen.add(todo.pop())
        if any(arg in found for arg in part.args):
            found.add(part)
    return found


def put(expr: Expr, values: Mapping[Expr, Expr]) -> Expr:
    """An expression with parts of it replaced.

    SymPy's `xreplace` visits equal parts anew each time, `ceiling` of a long formula tries to find
    out whether it is whole, and a power of a sum whether it is infinite.
    """
    made: dict[Expr, Expr] = dict(values)
    todo = [expr]
    while todo:
        part = todo[-1]
        missing = [arg for arg in part.args if arg not in made] if part not in made else []
        if missing:
            todo += missing
            continue
        todo.pop()
        if part not in made:
            args = tuple(made[arg] for arg in part.args)
            made[part] = part if args == part.args else _rebuilt(part, args)
    return made[expr]


def _rebuilt(part: Expr, args: tuple[Expr, ...]) -> Expr:
    rounds = isinstance(part, floor | ceiling) and not args[0].is_Rational
    if rounds or (isinstance(part, Pow) and args[0].is_Add and args[1].is_Integer):
        return part.func(*args, evaluate=False)
    return part.func(*args)
