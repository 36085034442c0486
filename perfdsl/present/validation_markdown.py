"""A validation as GitHub's Markdown: the tables of the terminal, what differs, and the claims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from perfdsl.present import markdown
from perfdsl.present.bench_page import NAMES
from perfdsl.present.bench_tables import Table
from perfdsl.present.validation_fit_tables import tables as fit_tables
from perfdsl.present.validation_fit_tables import unknowns
from perfdsl.present.validation_page import ceiling_lines, count_lines, head
from perfdsl.present.validation_tables import tables

if TYPE_CHECKING:
    from perfdsl.compare.report import Report


def page(report: Report) -> str:
    """The whole page."""
    lines = [f"# {markdown.escaped(report.analysis)}, measured", ""]
    lines += [f"- {name}: {markdown.escaped(told)}" for name, told in head(report)]
    for table in tables(report):
        lines += ["", f"## {table.title}", "", *_table(table)]
    for table in fit_tables(report.predicted):
        lines += ["", f"## {table.title}", "", *_table(table)]
    told = [*unknowns(report.predicted), *(f"next: {each.why}" for each in report.next_cases)]
    lines += ["", *(f"- {markdown.escaped(each)}" for each in told)]
    lines += ["", "## Counts", "", *(f"- {markdown.escaped(each)}" for each in _counts(report))]
    lines += ["", "## Ceilings", ""]
    lines += [f"- {markdown.escaped(told)}" for _, told in ceiling_lines(report)]
    if report.notes or report.doubts:
        lines += ["", "## Notes and doubts", ""]
        lines += [f"- {markdown.escaped(each)}" for each in (*report.notes, *report.doubts)]
    return "\n".join([*lines, "", markdown.page([report.answer], {})])


def _counts(report: Report) -> Iterator[str]:
    yield from (line.strip() for _, line in count_lines(report))


def _table(table: Table) -> Iterator[str]:
    """Figures end together, words begin together."""
    yield _line(table.heads)
    yield _line([":---" if head in NAMES else "---:" for head in table.heads])
    yield from map(_line, table.rows)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(markdown.escaped, cells))} |"
