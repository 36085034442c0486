"""The formulas of an analysis as data: as written, as derived, as LaTeX, and their symbols.

The LaTeX is that of the export, to the letter. For pages that know no siunitx (Markdown, notebooks)
the same is told in plain mathematics.
"""

from __future__ import annotations

from collections.abc import Sequence

from perfdsl.diagnostics import Span
from perfdsl.present.derivation import reading_of
from perfdsl.present.formula_book import Book
from perfdsl.present.formula_entries import Entry
from perfdsl.present.formula_fits import told
from perfdsl.present.latex_page import chapter_of
from perfdsl.present.latex_plain import without_siunitx
from perfdsl.present.latex_symbols import Row, row_of
from perfdsl.present.latex_units import Units
from perfdsl.records import dataclass
from perfdsl.semantics.program import Program
from perfdsl.solve.answers import AnalysisAnswer, Number
from perfdsl.solve.reading import Reading


@dataclass(frozen=True, slots=True)
class Told:
    """One quantity. sort: let, policy, show, claim, fit or part. node: None where it is none.

    shown: its value. as_written, as_derived: in the notation of the language, "" where there is
    none. latex: needs the preamble of the export. mathematics: the same for MathJax. symbols: what
    the formulas use.
    """

    sort: str
    name: str
    node: int | None
    span: Span | None
    shown: Number | None
    as_written: str
    as_derived: str
    latex: str
    mathematics: str
    symbols: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The quantities of one analysis, in the order of the export. maxima: of several terms."""

    analysis: str
    quantities: tuple[Told, ...]
    maxima: tuple[str, ...] = ()

    def at(self, span: Span) -> Told | None:
        """The quantity of the statement that stands there."""
        return next((told for told in self.quantities if told.span == span), None)


def sheets(
    program: Program, answers: Sequence[AnalysisAnswer], *, deadline: float, unicode: bool = True
) -> dict[str, Sheet]:
    """The formulas of each analysis by its name. Raises reading.Timeout."""
    reading = reading_of(program, deadline)
    return {each.name: sheet_of(program, each, reading, unicode=unicode) for each in answers}


def sheet_of(
    program: Program, answer: AnalysisAnswer, reading: Reading, *, unicode: bool = True
) -> Sheet:
    """The formulas of an analysis, as `perfdsl export FILE ANALYSIS` prints them."""
    chapter = chapter_of(program, answer, reading, Units())
    found = [_told(chapter.book, entry, latex, unicode) for entry, latex in chapter.displays]
    return Sheet(answer.name, tuple(found))


def _told(book: Book, entry: Entry, latex: str, unicode: bool) -> Told:
    derived = ""
    if entry.node is not None and entry.sort != "policy" and entry.steps:
        derived = book.plain(entry.node, unicode=unicode)
    if entry.sort == "fit":
        derived = told(book, entry.span, unicode=unicode)
    rows = tuple(row_of(book, name) for name in entry.symbols)
    plain = without_siunitx(latex, book.units)
    return Told(entry.sort, entry.title or entry.written, entry.node, entry.span, entry.shown,
                entry.written, derived, latex, plain, rows)  # fmt: skip
