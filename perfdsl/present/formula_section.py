"""Formulas on a terminal: each quantity with its value, as it was written and as it is derived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from perfdsl.present import figures
from perfdsl.present.formula_sheet import Sheet, Told
from perfdsl.present.latex_symbols import Row as Symbol
from perfdsl.present.style import Row, Theme, hanging, padded, width_of
from perfdsl.solve.answers import AnalysisAnswer

LONGEST_NAME = 30


def section(sheets: Mapping[str, Sheet], theme: Theme, answer: AnalysisAnswer) -> Iterator[Row]:
    """All quantities; what is shown by its name alone stands with its definition."""
    sheet = sheets[answer.name]
    defined = {told.name for told in sheet.quantities if told.sort == "let"}
    found = [t for t in sheet.quantities if t.sort != "show" or t.as_written not in defined]
    if found:
        yield ()
        yield (("Formulas", "bold"),)
    for told in found:
        yield from quantity(told, theme)
    if sheet.maxima:
        where = f"`perfdsl show FILE --stage formulas {sheet.maxima[0]}` tells where one term of it"
        yield from hanging((("  ", ""),), f"{where} takes over from another", theme, "dim")


def quantity(told: Told, theme: Theme) -> Iterator[Row]:
    """The name with its value, and the formulas below."""
    lead = (("  ", ""),)
    value = f"  {_amount(told)}" if told.shown is not None else ""
    yield from hanging(lead, f"{told.name}{value}", theme, "")
    for text in formulas(told):
        yield from hanging((("      = ", "dim"),), text, theme)


def formulas(told: Told) -> list[str]:
    """As written, and as derived where that says something else."""
    both = (told.as_written, told.as_derived)
    return [text for text in dict.fromkeys(both) if text and text != told.name]


def _amount(told: Told) -> str:
    assert told.shown is not None
    spread = figures.spread(told.shown)
    return figures.amount(told.shown) + (f" ({spread})" if spread else "")


def symbols(rows: Iterable[Symbol], theme: Theme) -> Iterator[Row]:
    """What the names in a formula stand for: value and source."""
    found = sorted(rows, key=lambda row: row.name.lower())
    longest = min(LONGEST_NAME, max((width_of(row.name) for row in found), default=0))
    amounts = [figures.amount(row.number) if row.number is not None else "" for row in found]
    room = max(map(width_of, amounts), default=0)
    for row, amount in zip(found, amounts, strict=True):
        lead = (("  ", ""), (padded(row.name, longest), ""), ("  ", ""),
                (padded(amount, room, right=True), "bold"), ("  ", ""))  # fmt: skip
        yield from hanging(lead, row.source, theme, "dim")
