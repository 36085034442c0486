r"""Fits in LaTeX: the model as written, as derived and with numbers, its unknowns and equations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from perfdsl.present import words
from perfdsl.present.formula_book import Book
from perfdsl.present.formula_entries import Entry, entry_of
from perfdsl.present.formula_fits import Fit, in_numbers, in_symbols
from perfdsl.present.latex_math import (
    PRODUCT,
    RELATED,
    RELATION,
    SUM,
    Math,
    Piece,
    at_least,
    infix,
    row,
)
from perfdsl.present.latex_numbers import value
from perfdsl.present.latex_paths import index_path, index_symbol
from perfdsl.present.latex_printer import Printer
from perfdsl.present.latex_text import text
from perfdsl.solve.answers import FitAnswer
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr


def entry(book: Book, statement: tree.Fit, answer: FitAnswer, fit: Fit | None) -> Entry:
    """What is observed, near to what is fitted: as written, as derived, and with the numbers."""
    index = index_symbol(statement.var)
    over = print_expr(statement.over)
    book.indices.setdefault(index_path(statement.var), f"runs over {over}")
    inner = book.printer(book.analysis.frame).binding(**{statement.var: index})
    observed, model = _sides(statement)
    steps = [row([at_least(inner.print(model), SUM), *_each(inner, statement, index)], RELATION)]
    if fit is not None:
        for leaf in (in_symbols, in_numbers):
            made = book.leaf_printer(fit.formulas, _of(book, fit, leaf)).print(fit.fitted)
            if all(not step.latex.startswith(made.latex) for step in steps):
                steps.append(made)
    texts = (answer.name, answer.formula, "")
    name = inner.print(observed)
    return entry_of(book, "fit", texts, name, tuple(steps), None, answer.span, sign=r"\approx")


def _sides(statement: tree.Fit) -> tuple[tree.Expr, tree.Expr]:
    """What is observed, and what is fitted to it: the side in which the unknowns are."""
    assert isinstance(statement.source, tree.Compare)
    left, right = statement.source.left, statement.source.right
    return (right, left) if _mentions(left, statement) else (left, right)


def _mentions(expr: tree.Expr, statement: tree.Fit) -> bool:
    return any(name in _names(expr) for name in statement.unknowns)


def _names(expr: tree.Expr) -> set[str]:
    from perfdsl.semantics.scope import parts

    todo: list[tree.Node] = [expr]
    found = set()
    while todo:
        part = todo.pop()
        if isinstance(part, tree.Name):
            found.add(part.id)
        todo += parts(part)
    return found


def _each(inner: Printer, statement: tree.Fit, index: Math) -> list[Math | Piece]:
    """`for each r in runs`, and the condition on its rows."""
    found: list[Math | Piece] = [
        Piece(r" \quad\text{for each}\ ", 60, 0), index, Piece(r" \in ", 12),
        inner.print(statement.over),
    ]  # fmt: skip
    if statement.cond is not None:
        found += [Piece(r"\ \text{if}\ ", 20, 0), inner.print(statement.cond)]
    return found


def _of(book: Book, fit: Fit, leaf: Callable[[Book, Fit, Any], Math]) -> Callable[[Any], Math]:
    return lambda part: leaf(book, fit, part)


def sums(answer: FitAnswer) -> str:
    """How good a fit is, in a sentence."""
    by = ", by relative errors" if answer.relative else ""
    return rf"\medskip\textbf{{{text(answer.name, 100)}}}{by}: {text(words.fit_sums(answer))}."


def unknowns(book: Book, answer: FitAnswer) -> Iterator[str]:
    """The fitted unknowns, each with its value and its standard error."""
    known = book.analysis.frame.module.units
    yield from (r"\begin{tabular}{@{}lll@{}}", r"\toprule")
    yield r"unknown & value & standard error \\"
    yield r"\midrule"
    for each in answer.values:
        error = text(words.fitted_error(each))
        if each.error is not None:
            error = f"${value(each.error, book.units, known).latex}$"
        amount = value(each.value, book.units, known).latex
        yield rf"{text(each.name, 60)} & ${amount}$ & {error} \\"
    yield from (r"\bottomrule", r"\end{tabular}", "")


def equations(book: Book, fit: Fit) -> Iterator[tuple[Math, Math]]:
    """Both sides of each normal equation: sums over the rows, times the unknowns."""
    printer = book.leaf_printer(fit.formulas, _of(book, fit, in_symbols))
    index = index_symbol(fit.statement.var)
    total = Piece(rf"\sum_{{{index.latex}}} ", RELATED)

    def over(expr: Any) -> Math:
        return row([total, at_least(printer.print(expr), PRODUCT)], PRODUCT)

    for one in fit.equations():
        terms = [
            infix([book.symbol_of(node), over(factor)], [r"\cdot"], PRODUCT)
            for node, factor in zip(fit.item.unknowns, one.factors, strict=True)
            if factor != 0
        ]
        yield infix(terms, ["+"] * (len(terms) - 1), SUM), over(one.right)
