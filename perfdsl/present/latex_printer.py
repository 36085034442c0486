"""The printer of expressions as LaTeX: where they stand, what they bind, and what was met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perfdsl.diagnostics import Span
from perfdsl.present import latex_math as m
from perfdsl.present.latex_math import Math
from perfdsl.present.latex_names import Names, Path, another
from perfdsl.present.latex_units import Units
from perfdsl.records import dataclass, field, replace
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import Condition, FunctionValue, Quantity, TableValue, Value
from perfdsl.syntax import tree

Form = Callable[["Printer", Any], Math]


@dataclass(frozen=True, slots=True)
class Printer:
    """What is needed to print an expression.

    frame: where it stands. forms: how each form of expression is printed. bound: the names that
    it binds itself, with how each is written. marks: the footnote of a number, by its place. met:
    what the symbols that were used stand for. indices: the same of symbols that are bound. called:
    the functions and tables of the program that were used.
    """

    names: Names
    units: Units
    frame: Frame
    forms: Mapping[type[tree.Expr], Form]
    bound: Mapping[str, Math] = field(default_factory=dict)
    marks: Mapping[Span, int] = field(default_factory=dict)
    met: dict[Path, Value] = field(default_factory=dict)
    indices: dict[Path, str] = field(default_factory=dict)
    called: dict[str, FunctionValue | TableValue] = field(default_factory=dict)

    def print(self, expr: tree.Expr) -> Math:
        """An expression."""
        return self.forms[type(expr)](self, expr)

    def at_least(self, expr: tree.Expr, level: int) -> Math:
        return m.at_least(self.print(expr), level)

    def binding(self, **names: Math) -> Printer:
        return replace(self, bound={**self.bound, **names})

    def value(self, expr: tree.Expr) -> Value | None:
        """What an expression stands for here; None where it holds a name that it binds itself."""
        if mentions(expr, self.bound):
            return None
        return evaluated(expr, self.frame)


def evaluated(expr: tree.Expr, frame: Frame) -> Value:
    """The value of an expression that was checked before; what it would report is not repeated."""
    context = frame.context
    problems, seen = context.problems, context.seen
    context.problems, context.seen = [], set()
    try:
        return context.evaluate(expr, frame)
    finally:
        context.problems, context.seen = problems, seen


def meaning(met: dict[Path, Value], name: Path, value: Quantity | Condition) -> Path:
    """The path by which a value is known: numbered where another value is called the same."""
    number, found = 1, name
    while True:
        known = met.setdefault(found, value)
        if isinstance(known, Quantity | Condition) and known.node == value.node:
            return found
        number += 1
        found = another(name, number)


def mentions(expr: tree.Expr, names: Mapping[str, Math]) -> bool:
    match expr:
        case tree.Name(id_):
            return id_ in names
        case tree.Field(base, _) | tree.Indexed(base, _):
            return mentions(base, names)
        case _:
            return False
