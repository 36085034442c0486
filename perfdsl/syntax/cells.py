"""Rows of data as they are written: cells with their places, whatever notation they come from."""

from __future__ import annotations

from collections.abc import Mapping

from perfdsl.diagnostics import Diagnostic, Span
from perfdsl.records import dataclass

MAX_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Cell:
    """sort: number, text, either (a CSV file does not say), quantity (a number with a unit of its
    own), or in words what else stands there: a list.
    """

    text: str
    sort: str
    span: Span


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of one row by the name of their column, and the whole of it."""

    cells: Mapping[str, Cell]
    span: Span


@dataclass(frozen=True, slots=True)
class Records:
    """Columns in their order, each with its place, and the rows below them."""

    heads: Mapping[str, Span]
    lines: tuple[Line, ...]


def too_many_rows(span: Span) -> Diagnostic:
    return Diagnostic("P710", f"more than {MAX_ROWS:,} rows of data", span)
