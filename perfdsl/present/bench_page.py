"""What `perfdsl bench` prints: who was timed on what, the tables, and what speaks against them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfdsl.present.bench_tables import Table, tables
from perfdsl.present.style import Row, Theme, hanging, padded, paint, width_of

if TYPE_CHECKING:
    from perfdsl.measure.results import Result

GAP = "  "
NAMES = {"peer", "binds", "phase", "what", "pages", "case", "verdict"}  # columns of words


def page(result: Result, theme: Theme) -> str:
    """The whole page; figures are medians over the rounds unless they say otherwise."""
    lines: list[Row] = list(_head(result, theme))
    for table in tables(result):
        lines += [(), ((table.title, "bold"),), *lines_of(table)]
    lines.append(())
    lines += _doubts(result, theme)
    return paint(lines, theme)


def _head(result: Result, theme: Theme) -> Iterator[Row]:
    model, processor = result.model, result.environment.processor
    size = f"{model.layers} layers, {model.d_model} wide, {model.file_bytes / 1e6:,.1f} MB"
    yield from hanging((("model    ", "dim"),), f"EmbeddingGemma in Q8_0: {size}", theme)
    name = f"{processor.model or processor.vendor} ({processor.family})".strip()
    there = f"{name}, {processor.logical} processors, {processor.cores} cores, {result.isa}"
    yield from hanging((("machine  ", "dim"),), there, theme)
    for each in result.candidates:
        told = f"{each.name} {each.version}: {each.setup}"
        yield from hanging((("timed    ", "dim"),), told, theme)


def lines_of(table: Table) -> Iterator[Row]:
    """Headings and rows under each other: figures end together, words begin together."""
    widths = [max(map(width_of, column)) for column in zip(table.heads, *table.rows, strict=True)]

    def line(cells: tuple[str, ...], style: str) -> Row:
        told = [
            padded(cell, width, right=head not in NAMES)
            for head, cell, width in zip(table.heads, cells, widths, strict=True)
        ]
        return ((GAP + GAP.join(told), style),)

    yield line(table.heads, "dim")
    for cells in table.rows:
        yield line(cells, "")


def _doubts(result: Result, theme: Theme) -> Iterator[Row]:
    from perfdsl.measure.doubts import doubts

    found = doubts(result)
    for each in found:
        yield from hanging(((theme.mark("ask"), "ask"), (" ", "")), each, theme)
    if not found:
        yield (("Nothing speaks against these figures.", ""),)
