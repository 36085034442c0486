"""What `perfdsl validate` prints: what was held against what, the tables, and what was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfdsl.present import text
from perfdsl.present.bench_page import GAP, lines_of
from perfdsl.present.style import Row, Theme, hanging, paint
from perfdsl.present.validation_fit_tables import tables as fit_tables
from perfdsl.present.validation_fit_tables import unknowns
from perfdsl.present.validation_tables import tables

if TYPE_CHECKING:
    from perfdsl.compare.report import Counted, Report


NEXT = 3  # proposals that are told


def page(report: Report, theme: Theme) -> str:
    """The whole page; times are medians over the rounds."""
    rows: list[Row] = list(_head(report, theme))
    for table in tables(report):
        rows += [(), ((table.title, "bold"),), *lines_of(table)]
    for table in fit_tables(report.predicted):
        rows += [(), ((table.title, "bold"),), *lines_of(table)]
    rows += [(), *_unknowns(report, theme)] if report.predicted else []
    rows += [(), *_counts(report, theme)]
    rows += [(), *_ceilings(report, theme)]
    rows += [(), *_notes(report, theme)] if report.notes or report.doubts else []
    return f"{paint(rows, theme)}\n\n{text.page([report.answer], theme)}"


def _head(report: Report, theme: Theme) -> Iterator[Row]:
    for name, told in head(report):
        yield from hanging(((name.ljust(9), "dim"),), told, theme)


def head(report: Report) -> Iterator[tuple[str, str]]:
    """What was held against what: a word and what it says, for every form of the report."""
    model, processor = report.record.model, report.record.environment.processor
    size = f"{model.layers} layers, {model.d_model} wide, {model.file_bytes / 1e6:,.1f} MB"
    yield "model", f"EmbeddingGemma in Q8_0: {size}"
    name = f"{processor.model or processor.vendor} ({processor.family})".strip()
    there = f"{name}, {processor.logical} processors, {report.record.isa}"
    yield "measured", f"{report.record.date}, {there}"
    yield "held to", f"{report.analysis} on {report.hardware}, policy {report.policy}"


def _notes(report: Report, theme: Theme) -> Iterator[Row]:
    for each in report.notes:
        yield from hanging(((theme.mark("observed"), "dim"), (" ", "")), each, theme)
    for each in report.doubts:
        yield from hanging(((theme.mark("ask"), "ask"), (" ", "")), each, theme)


def _unknowns(report: Report, theme: Theme) -> Iterator[Row]:
    """What the fit says of each unknown, and what to measure next."""
    yield (("What the fit tells: efficiencies, overheads, and what it leaves open", "bold"),)
    for line in unknowns(report.predicted):
        yield from hanging(((GAP, ""),), line, theme)
    for proposal in report.next_cases[:NEXT]:
        lead = (GAP, ""), (theme.mark("ask"), "ask"), (" ", "")
        case = proposal.candidate
        run = f"with --tokens {case.tokens} --threads {case.threads} besides"
        yield from hanging(lead, f"next: {proposal.why}: {run}", theme)


def _counts(report: Report, theme: Theme) -> Iterator[Row]:
    yield (("Counts: multiply-adds and bytes of weights, program against oracle", "bold"),)
    for mark, told in count_lines(report):
        style = {"good": "good", "doubt": "bad"}.get(mark, "")
        lead = theme.mark(mark) if mark else " "
        yield from hanging(((GAP, ""), (lead, style), (" ", "")), told, theme)


def count_lines(report: Report) -> Iterator[tuple[str, str]]:
    """What program and oracle agree on and what differs: lines, each with a mark or none."""
    if not report.counted:
        yield "", "not counted in this run"
    equal = [_tokens(each) for each in report.counted if not (each.findings or each.why_not)]
    if equal:
        yield "good", f"{', '.join(equal)}: equal, operator by operator and layer by layer"
    for each in report.counted:
        if each.why_not:
            yield "ask", f"{_tokens(each)}: {each.why_not}"
        for finding in each.findings:
            first, *more = finding.lines()
            yield "doubt", f"{_tokens(each)}: {first}"
            yield from (("", line) for line in more)


def _ceilings(report: Report, theme: Theme) -> Iterator[Row]:
    yield (("Ceilings: the least that the machine takes, against what was measured", "bold"),)
    for mark, told in ceiling_lines(report):
        style = {"good": "good", "doubt": "bad"}.get(mark, "")
        lead = theme.mark(mark) if mark else " "
        yield from hanging(((GAP, ""), (lead, style), (" ", "")), told, theme)


def ceiling_lines(report: Report) -> Iterator[tuple[str, str]]:
    """What is faster than the machine file allows, and the figure that would explain it."""
    from perfdsl.compare.accusations import told as excess_told

    found = report.diagnosis
    if not found.excesses:
        yield "good", "nothing is faster than the machine file and the program allow"
        return
    for each in found.excesses:
        yield "doubt" if each.sure else "ask", excess_told(each)
    for names in found.explanations[:1]:
        yield "", f"explained by {' and '.join(names)}, if that is false: see the messages"


def _tokens(counted: Counted) -> str:
    many = f"{len(counted.lengths)} x " if len(counted.lengths) > 1 else ""
    return f"{many}{counted.lengths[0]} token{'s' * (counted.lengths[0] != 1)}"
