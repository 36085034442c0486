"""Answers as GitHub-flavoured Markdown: the same sections as on a terminal, as tables.

Whatever comes from a file is escaped: no cell ends its row, and no text becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from perfdsl.excerpt import visible
from perfdsl.present import figures, words
from perfdsl.present.claim_lines import Line, lines_of
from perfdsl.solve.answers import (
    AnalysisAnswer,
    Conflict,
    FitAnswer,
    Member,
    Number,
    Shown,
    Solved,
    Table,
)

if TYPE_CHECKING:
    from perfdsl.present.formula_sheet import Sheet

MARKS = {
    "good": "✓ holds",
    "doubt": "✗ wrong, as refuted",
    "bad": "**! breaks its word**",
    "ask": "? undecided",
    "open": "○ not measured",
}
SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&!$@])")


def page(answers: Sequence[AnalysisAnswer], sheets: Mapping[str, Sheet] | None = None) -> str:
    """All analyses under one heading each; sheets: their formulas, where they are asked for."""
    lines = [line for item in answers for line in _analysis(item, (sheets or {}).get(item.name))]
    return "\n".join(lines).rstrip("\n")


def escaped(text: str) -> str:
    """A text that shows as it is: no markup, no end of a cell, nothing that a terminal obeys."""
    return SPECIAL.sub(r"\\\1", visible(text)).replace("\\<", "&lt;").replace("\\>", "&gt;")


def _analysis(item: AnalysisAnswer, sheet: Sheet | None) -> Iterator[str]:
    yield f"## {escaped(item.name)}"
    yield ""
    if item.doc:
        yield from (escaped(item.doc), "")
    if words.has_claims(item):
        yield from (f"**{words.summary([item])}; {words.word_kept([item])}.**", "")
        yield from _bullets(cause.strip() for cause in words.causes(item.claims))
    yield from _values(item)
    yield from _formulas(sheet)
    yield from _answers(item.solved)
    for fit in item.fits:
        yield from _fit(fit)
    for conflict in item.conflicts:
        yield from _conflict(conflict)
    lines = lines_of(item, verbose=False)
    yield from _claims(lines)
    for line in lines:
        yield from _rows(line)
    yield from _observed(item)
    yield from _measured(item)
    yield from _findings(item)
    yield from _assumed(item)
    rows = [(escaped(each.name), escaped(words.data_read(each, verbose=True)))
            for each in item.data if each.file]  # fmt: skip
    yield from _section("Data", ("name", "file"), rows)


def _section(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table; a heading that ends in ":" is a column of numbers."""
    cells = [list(row) for row in rows]
    if not cells:
        return
    yield from (f"### {escaped(title)}", "")
    yield "| " + " | ".join(escaped(head.removesuffix(":")) for head in heads) + " |"
    yield "| " + " | ".join("---:" if head.endswith(":") else "---" for head in heads) + " |"
    for row in cells:
        yield "| " + " | ".join(row) + " |"
    yield ""


def _bullets(texts: Iterable[str]) -> Iterator[str]:
    found = [f"- {escaped(text)}" for text in texts]
    yield from (*found, "") if found else ()


# -------------------------------------------------------------------------------------- values


def _values(item: AnalysisAnswer) -> Iterator[str]:
    plain = [show for show in item.shows if not isinstance(show.value, Table)]
    rows = [(escaped(s.title), escaped(_value(s)), escaped(s.binding)) for s in plain]
    yield from _section("Values", ("name", "value:", "what binds"), rows)
    for show in item.shows:
        if isinstance(show.value, Table):
            yield from _table(show.title, show.value)
    for name, table in item.per_operator:
        yield from _table(f"Operators of {name}", table)


def _value(show: Shown) -> str:
    match show.value:
        case Number() as number:
            return figures.doubted(number, figures.amount(number))
        case bool() as truth:
            return "yes" if truth else "no"
        case Solved() as solved:
            return words.answer(solved)
        case text:
            return str(text)


def _formulas(sheet: Sheet | None) -> Iterator[str]:
    """Each quantity as mathematics, between dollars."""
    if sheet is not None and sheet.quantities:
        yield from ("### Formulas", "")
    for told in sheet.quantities if sheet is not None else ():
        yield from (f"{escaped(told.name)}:", "", "$$", told.mathematics, "$$", "")


def _table(title: str, table: Table) -> Iterator[str]:
    heads = []
    for at, (name, unit) in enumerate(zip(table.columns, table.units, strict=True)):
        numbers = any(isinstance(row[at], Number) for row in table.rows)
        heads.append((f"{name} ({unit})" if unit else name) + (":" if numbers else ""))
    rows = [
        [escaped(_cell(cell, unit)) for cell, unit in zip(row, table.units, strict=True)]
        for row in table.rows
    ]
    yield from _section(title, heads, rows)


def _cell(cell: Number | str, unit: str) -> str:
    if isinstance(cell, str):
        return cell
    plain = figures.in_column(cell, unit)
    return figures.doubted(cell, figures.figure(cell) if plain else figures.amount(cell))


def _answers(solved: Iterable[Solved]) -> Iterator[str]:
    rows = [(escaped(s.name), escaped(words.answer(s)), escaped(words.question(s))) for s in solved]
    yield from _section("Answers", ("name", "answer", "question"), rows)


def _fit(item: FitAnswer) -> Iterator[str]:
    rows = [
        [escaped(each.name), escaped(figures.amount(each.value)), escaped(words.fitted_error(each))]
        for each in item.values
    ]
    yield from _section(f"Fit {item.name}", ("unknown", "value:", "error"), rows)
    yield from (escaped(f"{item.formula}: {words.fit_sums(item)}"), "")


# --------------------------------------------------------------------------- claims, observations


def _claims(lines: Iterable[Line]) -> Iterator[str]:
    heads = ("verdict", "claim", "computed:", "stated:", "unit", "gap:", "why", "id")
    yield from _section("Claims", heads, (_claim(line) for line in lines))


def _claim(line: Line) -> list[str]:
    why = "; ".join(part for part in (*line.below, line.cause, *line.notes) if part)
    texts = (line.name, line.computed, line.stated, line.unit, line.gap, why)
    return [MARKS[line.mark], *map(escaped, texts), escaped(line.id)]


def _rows(line: Line) -> Iterator[str]:
    """The rows of a claim over rows that do not serve its word."""
    rows = [
        [MARKS[row.mark] if row.mark else "", *map(escaped, (row.name, row.sides, row.gap))]
        for row in line.rows
    ]
    yield from _section(f"Rows of {line.name}", ("verdict", "row", "computed", "off by"), rows)


def _observed(item: AnalysisAnswer) -> Iterator[str]:
    rows = [
        [
            escaped(words.statement(each)),
            escaped(figures.amount(each.observed)),
            escaped(words.predicted(each)),
            escaped(each.source),
        ]
        for each in item.observations
    ]
    yield from _section("Observed", ("what", "observed:", "predicted", "source"), rows)


def _measured(item: AnalysisAnswer) -> Iterator[str]:
    rows = [
        (escaped(words.measured_case(each, item.measurements)), escaped(words.measured(each)))
        for each in item.measurements
    ]
    yield from _section("Measured", ("case", "time:"), rows)
    missing = words.to_measure(item)
    yield from (f"{escaped(missing)}.", "") if missing else ()


# ----------------------------------------------------------------------- conflicts, assumptions


def _conflict(item: Conflict) -> Iterator[str]:
    rows = [_member(each, words.needed(each)) for each in item.members]
    rows += [_member(each, f"{words.needed(each)}, not enough within what is declared")
             for each in item.others]  # fmt: skip
    title = f"Contradiction: {item.title}"
    yield from (f"### {escaped(title)}", "", escaped(words.conflict_sentence(item)) + ".", "")
    heads = ("statement", "is", "alone it would have to be", "declared", "where")
    yield from list(_section("", heads, rows))[2:]
    yield from _bullets(words.pair(each) for each in item.pairs)


def _member(item: Member, needed: str) -> list[str]:
    texts = (item.name, figures.amount(item.value), needed, words.declared(item))
    return [*map(escaped, texts), escaped(words.place(item.span))]


def _findings(item: AnalysisAnswer) -> Iterator[str]:
    if item.findings:
        yield from ("### Findings", "")
    yield from _bullets(
        "; ".join((each.title, *each.notes, words.place(each.span))) for each in item.findings
    )


def _assumed(item: AnalysisAnswer) -> Iterator[str]:
    rows = [
        [
            escaped(each.name),
            escaped(figures.amount(each.value)),
            escaped(words.elasticity(each, words.reached(each.name, item))),
            escaped(each.why),
            escaped(words.place(each.span)),
        ]
        for each in item.assumed
    ]
    yield from _section("Rests on assumptions", ("name", "value:", "moves", "why", "where"), rows)
