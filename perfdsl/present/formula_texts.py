"""The formulas of an analysis as text alone: what a terminal shows, without the cost of LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from perfdsl.diagnostics import Span
from perfdsl.present.derivation import reading_of
from perfdsl.present.formula_book import Book, open_book
from perfdsl.present.formula_crossings import competes
from perfdsl.present.formula_fits import fits, with_numbers
from perfdsl.present.formula_sheet import Sheet, Told
from perfdsl.present.latex_units import Units
from perfdsl.semantics.program import Program
from perfdsl.semantics.values import Condition, Quantity, Value
from perfdsl.solve.answers import AnalysisAnswer, Number


def texts(
    program: Program, answers: Sequence[AnalysisAnswer], *, deadline: float, unicode: bool
) -> dict[str, Sheet]:
    """The formulas of each analysis by its name. Raises reading.Timeout."""
    reading = reading_of(program, deadline)
    found: dict[str, Sheet] = {}
    for answer in answers:
        analysis = next(each for each in program.analyses if each.name == answer.name)
        book = open_book(program, analysis, reading, Units())
        told = [
            *_told(book, answer, unicode), *_fits(book, answer, unicode), *_parts(book, unicode),
        ]  # fmt: skip
        found[answer.name] = Sheet(answer.name, tuple(told), tuple(_maxima(book, told)))
    return found


def _told(book: Book, answer: AnalysisAnswer, unicode: bool) -> Iterator[Told]:
    for item in book.analysis.definitions:
        node = _node(item.value)
        shown = None
        if isinstance(item.value, Quantity):
            shown = book.number_of(item.value.node)
        yield _one(book, ("let", item.name, item.formula), node, item.span, shown, unicode)
    values = {each.span: each.value for each in answer.shows}
    for show in book.analysis.shows:
        value, node = values.get(show.span), _node(show.value)
        if node is not None and isinstance(value, Number):
            texts_ = ("show", show.title or show.formula, show.formula)
            yield _one(book, texts_, node, show.span, value, unicode)
    for claim in book.analysis.claims:
        node = None if claim.sort in {"bound", "rows"} or claim.left in book.named else claim.left
        if claim.sort == "compare" and claim.left in book.named:
            book.tell_once(claim.left)
        texts_ = ("claim", claim.title or claim.formula, claim.formula)
        yield _one(book, texts_, node, claim.span, None, unicode)


def _maxima(book: Book, told: Iterable[Told]) -> Iterator[str]:
    """What has crossovers: `show --stage formulas` tells them, since they take their time."""
    for each in told:
        if each.sort == "let" and each.node is not None and competes(book, each.node):
            yield each.name


def _fits(book: Book, answer: AnalysisAnswer, unicode: bool) -> Iterator[Told]:
    for _, each, fit in fits(book, answer.fits):
        derived = with_numbers(book, fit, unicode=unicode) if fit is not None else ""
        yield Told("fit", each.name, None, each.span, None, each.formula, derived, "", "", ())


def _parts(book: Book, unicode: bool) -> Iterator[Told]:
    """What the formulas above name and nobody defined, until all is inputs."""
    done = {_node(item.value) for item in book.analysis.definitions}
    while waiting := [node for node in book.parts if node not in done]:
        for node in waiting:
            done.add(node)
            texts_ = ("part", book.parts[node].text, "")
            yield _one(book, texts_, node, None, book.number_of(node), unicode)


def _one(
    book: Book,
    texts_: tuple[str, str, str],
    node: int | None,
    span: Span | None,
    shown: Number | None,
    unicode: bool,
) -> Told:
    sort, name, written = texts_
    derived = "" if node is None else book.plain(node, unicode=unicode)
    return Told(sort, name, node, span, shown, written, derived, "", "", ())


def _node(value: Value) -> int | None:
    return value.node if isinstance(value, Quantity | Condition) else None
