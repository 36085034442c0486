"""Answers as a page for a terminal: values, answers, contradictions, claims, and how it went."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from perfdsl.present import claims_section, sections, words
from perfdsl.present.style import Row, Theme, hanging, paint, wrap
from perfdsl.solve.answers import AnalysisAnswer

Formulas = Callable[[AnalysisAnswer], Iterator[Row]]


def page(
    answers: Sequence[AnalysisAnswer],
    theme: Theme,
    *,
    verbose: bool = False,
    formulas: Formulas | None = None,
) -> str:
    """All analyses, and one line at the end that says how it went; without a last newline.

    formulas: the section of an analysis that tells its formulas, where they are asked for.
    """
    rows: list[Row] = []
    for number, item in enumerate(answers):
        rows += [(), ()] if number else []
        rows += _analysis(item, theme, verbose, formulas)
    rows += _end(answers, theme)
    return paint(rows, theme)


def _analysis(
    item: AnalysisAnswer, theme: Theme, verbose: bool, formulas: Formulas | None
) -> Iterator[Row]:
    yield from _head(item, theme)
    yield from sections.values(item, theme, verbose=verbose)
    yield from formulas(item) if formulas is not None else ()
    yield from sections.tables(item, theme, verbose=verbose)
    yield from sections.answers(item, theme)
    yield from sections.fits(item, theme, verbose=verbose)
    yield from sections.conflicts(item, theme)
    yield from claims_section.section(item, theme, verbose=verbose)
    yield from sections.observations(item, theme)
    yield from sections.measurements(item, theme)
    yield from sections.findings(item, theme)
    yield from sections.assumed(item, theme)
    yield from sections.data(item, theme, verbose=verbose)


def _head(item: AnalysisAnswer, theme: Theme) -> Iterator[Row]:
    yield from sections.placed(((item.name, "bold"),), "", words.place(item.span), theme)
    for line in wrap(item.doc, theme.width) if item.doc else ():
        yield ((line, ""),)
    if words.has_claims(item):
        yield ()
        yield from _conclusion([item], theme)
        for cause in words.causes(item.claims):
            yield from hanging(((cause[:5], "dim"),), cause[5:], theme, "dim")


def _conclusion(answers: Sequence[AnalysisAnswer], theme: Theme) -> Iterator[Row]:
    style = "bad" if any(item.broken for item in answers) else "good"
    text = f"{words.summary(answers)}; {words.word_kept(answers)}."
    yield from hanging((), text, theme, style)


def _end(answers: Sequence[AnalysisAnswer], theme: Theme) -> Iterator[Row]:
    """What breaks its word, by name; and the counts over all analyses, where there are several."""
    judged = [item for item in answers if words.has_claims(item)]
    broken = [row for item in judged for row in sections.broken(item, theme)]
    if broken or len(judged) > 1:
        yield ()
        yield from broken
        yield from _conclusion(judged, theme)
