"""What `perfdsl show FILE --stage formulas` prints: a formula, what it rests on, how it turns."""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.diagnostics import Diagnostic, Span
from perfdsl.present import derivation, figures, words
from perfdsl.present.formula_book import Book, open_book
from perfdsl.present.formula_crossings import crossed
from perfdsl.present.formula_fits import equations_text, fits, rows_of, with_numbers
from perfdsl.present.formula_inverses import Turned, turned
from perfdsl.present.formula_section import symbols
from perfdsl.present.latex_symbols import row_of
from perfdsl.present.latex_units import Units
from perfdsl.present.program_pages import missing
from perfdsl.present.style import Row, Theme, hanging, paint
from perfdsl.semantics.program import AnalysisProgram, FitItem, Program
from perfdsl.semantics.values import Condition, Quantity
from perfdsl.solve.fits import fit_answer


def page(program: Program, name: str, theme: Theme, deadline: float) -> str | Diagnostic:
    """The formula of a name: as written, as derived, with its symbols; all definitions for none.

    Of a `solve` the closed forms of its unknown, each with its condition.
    """
    rows: list[Row] = []
    known: list[str] = []
    for analysis in program.analyses:
        book = open_book(program, analysis, derivation.reading_of(program, deadline), Units())
        seen: set[Span] = set()
        for root in derivation.in_analysis(program, analysis):
            known.append(root.name)
            if _is_meant(name, root.name, analysis) and root.span not in seen:
                seen.add(root.span)
                rows += [()] if rows else []
                rows += _formula(book, root, theme, brief=not name)
        for item in analysis.solves:
            known.append(item.name)
            if name and _is_meant(name, item.name, analysis):
                rows += [()] if rows else []
                rows += _inverses(book, item.name, theme)
        for fit in analysis.fits:
            known.append(fit.name)
            if name and _is_meant(name, fit.name, analysis):
                rows += [()] if rows else []
                rows += _fits(book, fit, theme)
    return paint(rows, theme) if rows else missing(name, known)


def _is_meant(name: str, own: str, analysis: AnalysisProgram) -> bool:
    if not name:
        return own in {each.name for each in analysis.definitions}
    return name in {own, f"{analysis.name}.{own}"}


def _formula(book: Book, root: derivation.Root, theme: Theme, *, brief: bool) -> Iterator[Row]:
    """One formula; brief: without its symbols."""
    book.names.recent.clear()
    node = root.value.node if isinstance(root.value, Quantity | Condition) else None
    yield (root.name, "bold"), (f"  {words.place(root.span)}", "dim")
    yield from hanging((("  = ", "dim"),), root.formula, theme)
    if node is None:
        return
    derived = book.plain(node, unicode=theme.unicode)
    if derived not in {"", root.formula, root.name}:
        yield from hanging((("  = ", "dim"),), derived, theme)
    if isinstance(root.value, Quantity):
        yield ("  = ", "dim"), (figures.amount(book.number_of(node)), "bold")
    if not brief:
        yield from _crossings(book, node, theme)
    rows = [row_of(book, each) for each in book.names.recent if each in book.meanings]
    if rows and not brief:
        yield from ((), (("where", "dim"),))
        yield from symbols(rows, theme)


def _crossings(book: Book, node: int, theme: Theme) -> Iterator[Row]:
    """Where one term of a maximum takes over from another, by each parameter."""
    found = list(crossed(book, node))
    if found:
        yield from ((), (("takes over", "dim"),))
    for one in found:
        told = one.text(book, unicode=theme.unicode)
        yield from hanging((("  ", ""),), told.formula, theme)
        if told.condition:
            yield from hanging((("      if ", "dim"),), told.condition, theme)
        where = f" at {told.amount}" if told.amount else ""
        yield from hanging((("      ", ""),), f"{' = '.join(one.terms)}{where}", theme, "dim")


def _inverses(book: Book, name: str, theme: Theme) -> Iterator[Row]:
    """The unknown of a `solve` in closed form, one formula a regime."""
    for item in (each for each in book.analysis.solves if each.name == name):
        book.names.recent.clear()
        yield (item.name, "bold"), (f"  {words.place(item.span)}", "dim")
        yield from hanging((("  from ", "dim"),), item.formula, theme)
        found = [one for unknown in item.unknowns for one in turned(book, item, unknown)]
        if not found:
            yield (("  there is no closed form", "dim"),)
        for one in found:
            yield from _turned(one, book, theme)
        rows = [row_of(book, each) for each in book.names.recent if each in book.meanings]
        if rows:
            yield from ((), (("where", "dim"),))
            yield from symbols(rows, theme)


def _fits(book: Book, item: FitItem, theme: Theme) -> Iterator[Row]:
    """A fit: of any row, with its numbers, its unknowns, and its normal equations."""
    book.names.recent.clear()
    answer = fit_answer(item, book.reading)
    yield (item.name, "bold"), (f"  {words.place(item.span)}", "dim")
    yield from hanging((("  ", ""),), item.formula, theme)
    ((_, _, fit),) = fits(book, [answer])
    if fit is not None:
        numbers = with_numbers(book, fit, unicode=theme.unicode)
        yield from hanging((("  ", ""),), numbers, theme)
    for each in answer.values:
        told = f"{each.name} = {figures.amount(each.value)}, {words.fitted_error(each)}"
        yield from hanging((("  ", ""),), told, theme)
    yield from hanging((("  ", ""),), words.fit_sums(answer), theme, "dim")
    equations = list(equations_text(book, fit, unicode=theme.unicode)) if fit is not None else []
    if fit is not None and equations:
        yield from ((), (("normal equations, each sum ", "dim"), (rows_of(fit), "dim")))
    for text in equations:
        yield from hanging((("  ", ""),), text, theme)


def _turned(one: Turned, book: Book, theme: Theme) -> Iterator[Row]:
    """`e = formula`, the condition under which it holds, and what binds there."""
    told = one.text(book, unicode=theme.unicode)
    yield from hanging((("  ", ""),), told.formula, theme)
    if told.condition:
        yield from hanging((("      if ", "dim"),), told.condition, theme)
    if one.names:
        yield from hanging((("      ", ""),), f"{', '.join(one.names)} binds", theme, "dim")
