"""Questions turned round: the unknown of a `solve` as a formula of the rest, one a regime."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from perfdsl.present import latex_math as m
from perfdsl.present.formula_book import Book
from perfdsl.present.latex_math import Math
from perfdsl.present.readable import kept_names
from perfdsl.records import dataclass
from perfdsl.semantics.program import SolveItem

if TYPE_CHECKING:
    from perfdsl.symbolic.formulas import Formulas
    from perfdsl.symbolic.inverse import Inverse

SIGNS = {"==": ("=", "=", "="), "<=": ("<=", "≤", r"\leq"), ">=": (">=", "≥", r"\geq")}


@dataclass(frozen=True, slots=True)
class InText:
    """A closed form on a terminal; condition: "" where it always holds."""

    formula: str
    condition: str


@dataclass(frozen=True, slots=True)
class Turned:
    """One closed form of an unknown. names: what attains the extremes in its regime."""

    formulas: Formulas
    node: int
    inverse: Inverse
    roots: tuple[int, int]

    @property
    def names(self) -> tuple[str, ...]:
        return self.inverse.names

    def condition(self, book: Book) -> Any:
        """When it holds; a long condition in terms of the unknown itself; None: too long, too."""
        found = self.inverse
        if found.condition == 1 or is_short(found.condition):
            return found.condition
        told = by_name(found.within, self.roots, self.formulas, book)
        return told if told != 1 and is_short(told, 2 * LONGEST) else None

    def text(self, book: Book, *, unicode: bool) -> InText:
        """In the notation of the language."""
        plain = book.plain_printer(self.formulas, unicode=unicode)
        name = book.name_of(self.node)
        unknown = name.text if name is not None else "the unknown"
        found = self.inverse
        held = self.condition(book)
        condition = TOO_LONG if held is None else plain.text(held)
        if held == 1:
            condition = ""
        if found.expr is None:
            return InText(f"any {unknown}", condition)
        sign = SIGNS[found.relation][unicode]
        return InText(f"{unknown} {sign} {plain.text(found.expr)}", condition)

    def latex(self, book: Book) -> tuple[Math, Math | None]:
        """The formula, and the condition under which it holds."""
        printer = book.symbol_printer(self.formulas)
        unknown = book.symbol_of(self.node)
        found = self.inverse
        held = self.condition(book)
        condition = None if held == 1 else m.words(TOO_LONG, len(TOO_LONG))
        if held is not None and held != 1:
            condition = printer.print(held)
        if found.expr is None:
            return m.row([m.atom(r"\text{any }", 24), unknown]), condition
        sides = [unknown, printer.print(found.expr)]
        return m.infix(sides, [SIGNS[found.relation][2]], m.RELATION, m.RELATED), condition


def turned(book: Book, item: SolveItem, unknown: int) -> list[Turned]:
    """The closed forms of a question, with names where they would be too long."""
    key = (item.span, unknown)
    if key not in book.closed:
        book.reading.poll()
        book.closed[key] = _turned(book, item, unknown)
    return book.closed[key]


def _turned(book: Book, item: SolveItem, unknown: int) -> list[Turned]:
    from perfdsl.symbolic.formulas import Formulas
    from perfdsl.symbolic.inverse import inverses

    if item.also:
        return []
    graph = book.opened()
    kept: set[int] = set()
    for side in (item.left, item.right):
        needed = graph.needed([side])
        moved = above(book, needed, unknown)
        named = (book.named.keys() | book.sets.keys()) & set(needed) - moved
        kept |= kept_names(graph, side, named) - moved
    formulas = Formulas(graph, frozenset(kept))
    formulas.exprs([item.left, item.right])
    written = {symbol: source.value for symbol, source in formulas.inputs.items()}
    known = {s: v for s, v in written.items() if not math.isnan(v)}
    found = inverses(item, unknown, formulas, known)
    short = (each for each in found if each.expr is None or is_short(each.expr))
    return [Turned(formulas, unknown, each, (item.left, item.right)) for each in short]


# What is longer says nothing to a reader.
LONGEST = 120
TOO_LONG = "a condition that is too long to print"


def is_short(expr: Any, longest: int = LONGEST) -> bool:
    return sum(1 for _ in _walk(expr, longest)) <= longest


def _walk(expr: Any, longest: int) -> Any:
    todo = [expr]
    count = 0
    while todo and count <= longest:
        part = todo.pop()
        count += 1
        todo += part.args
        yield part


def above(book: Book, needed: list[int], unknown: int) -> set[int]:
    """The nodes that an unknown moves: they cannot be names without hiding it."""
    moved = {unknown}
    for number in needed:
        if moved.intersection(book.program.graph.nodes[number].args):
            moved.add(number)
    return moved


def by_name(condition: Any, roots: Sequence[int], formulas: Formulas, book: Book) -> Any:
    """A condition in which what residency asks about stands by its name, whatever moves it."""
    from sympy.core import Symbol

    from perfdsl.symbolic.isolated import put

    if condition == 1:
        return condition
    inside = [n for n in formulas.graph.needed(list(roots)) if n in book.sets]
    names = {}
    for size, expr in zip(inside, formulas.exprs(inside), strict=True):
        if expr.args:
            names[expr] = Symbol(f"n{size}", positive=True)
            formulas.parts[names[expr]] = size
    return put(condition, names)
