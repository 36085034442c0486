"""What `perfdsl validate` prints: what was held against what, the tables, and what was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfdsl.present.bench_page import lines_of
from perfdsl.present.style import Row, Theme, hanging, paint
from perfdsl.present.validation_tables import tables

if TYPE_CHECKING:
    from perfdsl.compare.report import Report


def page(report: Report, theme: Theme) -> str:
    """The whole page; times are medians over the rounds."""
    rows: list[Row] = list(_head(report, theme))
    for table in tables(report.cases):
        rows += [(), ((table.title, "bold"),), *lines_of(table)]
    rows += [(), *_notes(report, theme)]
    return paint(rows, theme)


def _head(report: Report, theme: Theme) -> Iterator[Row]:
    record, processor = report.record, report.record.environment.processor
    model = record.model
    size = f"{model.layers} layers, {model.d_model} wide, {model.file_bytes / 1e6:,.1f} MB"
    yield from hanging((("model    ", "dim"),), f"EmbeddingGemma in Q8_0: {size}", theme)
    name = f"{processor.model or processor.vendor} ({processor.family})".strip()
    there = f"{name}, {processor.logical} processors, {record.isa}"
    yield from hanging((("measured ", "dim"),), f"{record.date}, {there}", theme)
    said = f"{report.analysis} on {report.hardware}, policy {report.policy}"
    yield from hanging((("held to  ", "dim"),), said, theme)


def _notes(report: Report, theme: Theme) -> Iterator[Row]:
    for each in report.notes:
        yield from hanging(((theme.mark("observed"), "dim"), (" ", "")), each, theme)
    for each in report.doubts:
        yield from hanging(((theme.mark("ask"), "ask"), (" ", "")), each, theme)
