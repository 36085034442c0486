"""Crossovers of a maximum: the parameter at which one of its terms takes over from another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfdsl.present import figures
from perfdsl.present.formula_book import Book
from perfdsl.present.formula_inverses import above, is_short
from perfdsl.present.readable import kept_names
from perfdsl.semantics.binding import heart
from perfdsl.semantics.graph import Input
from perfdsl.solve.numbers import of_input

if TYPE_CHECKING:
    from perfdsl.symbolic.crossings import Crossing
    from perfdsl.symbolic.formulas import Formulas


@dataclass(frozen=True, slots=True)
class Crossed:
    """One crossover. terms: what is equal there; amount: the parameter there, "" where unknown."""

    terms: tuple[str, str]
    formula: str
    amount: str


def crossed(book: Book, node: int, *, unicode: bool) -> Iterator[Crossed]:
    """The crossovers of a node, if it is a maximum: by each parameter that moves it."""
    from perfdsl.symbolic.crossings import crossings_by, parameters
    from perfdsl.symbolic.formulas import Formulas
    from perfdsl.symbolic.functions import Extreme

    graph = book.opened()
    plain = Formulas(graph)
    if not isinstance(plain.expr(node), Extreme):
        return
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
            yield from _told(one, number, formulas, book, unicode=unicode)


def _kept(book: Book, node: int, parameter: int) -> frozenset[int]:
    """The names below a node that the parameter does not move."""
    graph = book.opened()
    needed = graph.needed([node])
    moved = above(book, needed, parameter) | {node, heart(graph, node)}
    named = (book.named.keys() | book.sets.keys()) & set(needed) - moved
    return frozenset(kept_names(graph, node, named) - moved)


def _told(
    one: Crossing, number: int, formulas: Formulas, book: Book, *, unicode: bool
) -> Iterator[Crossed]:
    source = book.program.graph.nodes[number].data
    assert isinstance(source, Input)
    printer = book.plain_printer(formulas, unicode=unicode)
    name = book.name_of(number)
    own = name.text if name is not None else source.name
    for form in one.forms:
        at = formulas.value(form.expr, formulas.best())
        short = is_short(form.expr)
        amount = "" if math.isnan(at) else figures.amount(of_input(source, at))
        if short:
            yield Crossed((one.left, one.right), f"{own} = {printer.text(form.expr)}", amount)
        elif amount:
            # A formula too long to be read; where it leads is still worth telling.
            yield Crossed((one.left, one.right), own, amount)
