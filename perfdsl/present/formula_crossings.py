"""Crossovers of a maximum: the parameter at which one of its terms takes over from another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perfdsl.present import figures
from perfdsl.present import latex_math as m
from perfdsl.present.formula_book import Book
from perfdsl.present.formula_inverses import TOO_LONG, above, by_name, is_short
from perfdsl.present.latex_math import Math
from perfdsl.present.readable import kept_names
from perfdsl.records import dataclass
from perfdsl.semantics.binding import heart, rivals
from perfdsl.semantics.graph import Input
from perfdsl.solve.numbers import of_input

if TYPE_CHECKING:
    from perfdsl.symbolic.crossings import Crossing
    from perfdsl.symbolic.formulas import Formulas
    from perfdsl.symbolic.inverse import Inverse


# Longer formulas than this say nothing to a reader; their conditions are shorter.
LONGEST = 250


@dataclass(frozen=True, slots=True)
class InText:
    """A crossover on a terminal; amount: the parameter there, condition: of its regime, or ""."""

    formula: str
    amount: str
    condition: str


@dataclass(frozen=True, slots=True)
class Crossed:
    """One crossover by one parameter, a node. terms: what is equal there.

    within: the condition of its regime, in terms of the parameter, which the form replaces; sizes
    of working sets stand there by name.
    """

    terms: tuple[str, str]
    node: int
    formulas: Formulas
    form: Inverse
    within: Any

    @property
    def parameter(self) -> Input:
        source = self.formulas.graph.nodes[self.node].data
        assert isinstance(source, Input)
        return source

    @property
    def amount(self) -> str:
        """The parameter there, in its unit; "" where that is open."""
        at = self.formulas.value(self.form.expr, self.formulas.best())
        return "" if math.isnan(at) else figures.amount(of_input(self.parameter, at))

    def text(self, book: Book, *, unicode: bool) -> InText:
        """In the notation of the language; of a formula too long to be read, where it leads."""
        printer = book.plain_printer(self.formulas, unicode=unicode)
        name = book.name_of(self.node)
        own = name.text if name is not None else self.parameter.name
        if is_short(self.form.expr, LONGEST):
            own = f"{own} = {printer.text(self.form.expr)}"
        told = printer.text(self.within) if is_short(self.within) else TOO_LONG
        return InText(own, self.amount, "" if self.within == 1 else told)

    def latex(self, book: Book) -> tuple[Math, Math | None]:
        """The formula, and the condition under which it holds."""
        printer = book.symbol_printer(self.formulas)
        sides = [book.symbol_of(self.node), m.words(TOO_LONG_FORMULA, len(TOO_LONG_FORMULA))]
        if is_short(self.form.expr, LONGEST):
            sides[1] = printer.print(self.form.expr)
        formula = m.infix(sides, ["="], m.RELATION, m.RELATED)
        if self.within == 1:
            return formula, None
        if not is_short(self.within):
            return formula, m.words(TOO_LONG, len(TOO_LONG))
        return formula, printer.print(self.within)


TOO_LONG_FORMULA = "a formula that is too long to print"


def competes(book: Book, node: int) -> bool:
    """Whether a node is a maximum of several named terms."""
    graph = book.program.graph
    top = heart(graph, node)
    return graph.nodes[top].op == "max" and sum(bool(t.name) for _, t in rivals(graph, top)) > 1


def crossed(book: Book, node: int) -> Iterator[Crossed]:
    """The crossovers of a node, if it is a maximum: by each parameter that moves it."""
    from perfdsl.symbolic.crossings import crossings_by, parameters
    from perfdsl.symbolic.formulas import Formulas
    from perfdsl.symbolic.functions import Extreme

    if not competes(book, node):
        return
    graph = book.opened()
    plain = Formulas(graph)
    for symbol in parameters(plain.expr(node).free_symbols, plain):
        number = plain.nodes[symbol]
        if not book.program.graph.nodes[number].data.named:
            continue  # a literal, which the book keeps as a quantity
        book.reading.poll()
        formulas = Formulas(graph, _kept(book, node, number))
        expr, own = formulas.expr(node), formulas.symbol(number)
        if not isinstance(expr, Extreme):
            continue
        for one in crossings_by(own, "", expr, formulas, formulas.best()):
            yield from _each(one, number, node, formulas, book)


def _kept(book: Book, node: int, parameter: int) -> frozenset[int]:
    """The names below a node that the parameter does not move."""
    graph = book.opened()
    needed = graph.needed([node])
    moved = above(book, needed, parameter) | {node, heart(graph, node)}
    named = (book.named.keys() | book.sets.keys()) & set(needed) - moved
    return frozenset(kept_names(graph, node, named) - moved)


def _each(
    one: Crossing, number: int, node: int, formulas: Formulas, book: Book
) -> Iterator[Crossed]:
    """The closed forms of one crossover: those that a reader can use."""
    for form in one.forms:
        within = by_name(form.within, [node], formulas, book)
        made = Crossed((one.left, one.right), number, formulas, form, within)
        if made.amount or is_short(form.expr, LONGEST):
            yield made
