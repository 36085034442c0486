"""The table of symbols of a LaTeX document: what each one is called, its value, and its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perfdsl.present import words
from perfdsl.present.formula_book import Book
from perfdsl.present.latex_names import Path
from perfdsl.present.latex_numbers import value
from perfdsl.present.latex_text import text, typewriter
from perfdsl.records import dataclass
from perfdsl.semantics.graph import Definition, Input
from perfdsl.semantics.values import Condition, Quantity, Value
from perfdsl.solve.answers import NOT_MEASURED, Number

# Lines of a page that a table may take: a tabular is never broken over pages.
LINES = 40
NAME, SOURCE = 22, 32  # characters in a line of these columns


@dataclass(frozen=True, slots=True)
class Row:
    """One symbol: LaTeX of its sign and value, texts of the rest. number: None for no quantity."""

    symbol: str
    name: str
    value: str
    source: str
    number: Number | None = None

    @property
    def height(self) -> int:
        return max(1, -(-len(self.name) // NAME), -(-len(self.source) // SOURCE))


def symbol_tables(book: Book) -> Iterator[str]:
    """All symbols of the analysis, in tables that fit on a page each."""
    rows = sorted(rows_of(book), key=lambda row: row.name.lower())
    if rows:
        yield r"\subsection*{Symbols}"
    for part in _pages(rows):
        yield r"{\small"
        yield r"\begin{tabular}{@{}lp{40mm}lp{45mm}@{}}"
        yield r"\toprule"
        yield r"symbol & name & value & source \\"
        yield r"\midrule"
        for row in part:
            cells = (
                f"${row.symbol}$",
                _cell(typewriter(row.name)),
                row.value,
                _cell(text(row.source, 300)),
            )
            yield " & ".join(cells) + r" \tabularnewline"
        yield r"\bottomrule"
        yield r"\end{tabular}\par}"


def _cell(latex: str) -> str:
    return rf"\raggedright {latex}" if latex else ""


def _pages(rows: Iterable[Row]) -> Iterator[list[Row]]:
    page: list[Row] = []
    height = 0
    for row in rows:
        if page and height + row.height > LINES:
            yield page
            page, height = [], 0
        page.append(row)
        height += row.height
    if page:
        yield page


def rows_of(book: Book) -> list[Row]:
    """The symbols that were printed, with what they stand for."""
    rows = [_row(book, name, meaning) for name, meaning in book.meanings.items()]
    return [*rows, *_bound(book)]


def row_of(book: Book, name: Path) -> Row:
    """The row of one symbol that was printed."""
    if name in book.meanings:
        return _row(book, name, book.meanings[name])
    return next(row for row in _bound(book) if row.name == name.text)


def _row(book: Book, name: Path, meaning: Value) -> Row:
    symbol = book.names.symbol(name).latex
    if isinstance(meaning, Condition):
        told = "yes" if book.reading.value(meaning.node) else "no"
        missing = book.reading.missing(meaning.node)
        return Row(symbol, name.text, NOT_MEASURED if missing else told, "")
    assert isinstance(meaning, Quantity)
    number = book.number_of(meaning.node)
    shown = value(number, book.units, book.analysis.frame.module.units)
    return Row(symbol, name.text, f"${shown.latex}$", _source(book, meaning.node), number)


def _source(book: Book, node: int) -> str:
    """Where a number comes from, in its author's words; of a computed one the place."""
    data = book.program.graph.nodes[node].data
    match data:
        case Input() | Definition():
            told = ": ".join(filter(None, (data.provenance, data.why)))
            return told or words.place(data.span)
        case _:
            return "computed"


def _bound(book: Book) -> Iterator[Row]:
    """What formulas bind themselves: an index, the field of each level."""
    for name, meaning in book.indices.items():
        symbol = book.names.symbol(name).latex if name.parts else name.index
        yield Row(symbol, name.text, "", meaning)
