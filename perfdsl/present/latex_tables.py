"""Tables of an analysis in LaTeX: what `show ... columns` asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfdsl.present.figures import in_column
from perfdsl.present.formula_book import Book
from perfdsl.present.latex_numbers import digits, value
from perfdsl.present.latex_text import text
from perfdsl.present.latex_units import Units
from perfdsl.semantics.units import UnitTable
from perfdsl.solve.answers import AnalysisAnswer, Number, Table

ROWS = 38


def tables(answer: AnalysisAnswer, book: Book) -> Iterator[str]:
    """Every table that is shown, in pieces that fit on a page."""
    units = book.analysis.frame.module.units
    shown = [(s.title, s.value) for s in answer.shows if isinstance(s.value, Table)]
    for title, table in [*shown, *((f"Operators of {n}", t) for n, t in answer.per_operator)]:
        yield from ("", rf"\textbf{{{text(title, 200)}}}", "")
        for at in range(0, max(1, len(table.rows)), ROWS):
            yield from _piece(table, table.rows[at : at + ROWS], book.units, units)


def _piece(
    table: Table, rows: Sequence[Sequence[Number | str]], units: Units, known: UnitTable
) -> Iterator[str]:
    numbers = [any(isinstance(row[at], Number) for row in rows) for at in range(len(table.columns))]
    yield rf"\begin{{tabular}}{{@{{}}{''.join('r' if each else 'l' for each in numbers)}@{{}}}}"
    yield r"\toprule"
    yield (
        " & ".join(
            _head(n, u, units, known) for n, u in zip(table.columns, table.units, strict=True)
        )
        + r" \\"
    )
    yield r"\midrule"
    for row in rows:
        yield (
            " & ".join(_cell(c, u, units, known) for c, u in zip(row, table.units, strict=True))
            + r" \\"
        )
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield ""


def _head(name: str, unit: str, units: Units, known: UnitTable) -> str:
    shown = text(name, 40)
    return rf"{shown} (\unit{{{units.latex(unit, known)}}})" if unit else shown


def _cell(cell: Number | str, unit: str, units: Units, known: UnitTable) -> str:
    if isinstance(cell, str):
        return text(cell, 60)
    if in_column(cell, unit) and cell.value == cell.value:
        return rf"\num{{{digits(cell.shown)}}}"
    return f"${value(cell, units, known).latex}$"
