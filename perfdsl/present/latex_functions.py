"""Functions and tables of a program that its formulas call, each with its definition, in LaTeX."""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.present import latex_math as m
from perfdsl.present.formula_book import Book
from perfdsl.present.latex_calls import called
from perfdsl.present.latex_math import Math
from perfdsl.present.latex_numbers import value
from perfdsl.present.latex_paths import index_path, index_symbol
from perfdsl.present.latex_text import text
from perfdsl.semantics.values import FunctionValue, TableValue
from perfdsl.solve.answers import Number

WIDTH = 400.0
ROWS = 38


def functions(book: Book) -> Iterator[str]:
    """What is called: `f(x) = ...` for a function, the rows for a table."""
    done: set[str] = set()
    while waiting := [name for name in book.called if name not in done]:
        if not done:
            yield r"\subsection*{Functions}"
        for name in waiting:
            done.add(name)
            item = book.called[name]
            if isinstance(item, FunctionValue):
                yield from _function(book, name, item)
            else:
                yield from _table(book, name, item)


def _function(book: Book, name: str, item: FunctionValue) -> Iterator[str]:
    params = [param.name for param in item.node.params]
    body = book.printer(item.frame).binding(**{each: index_symbol(each) for each in params})
    for each in params:
        book.indices.setdefault(index_path(each), f"argument of {name}")
    head = _applied(name, params)
    first, *rest = m.lines(body.print(item.node.value), WIDTH - head.width)
    yield r"\begin{align*}"
    rows = [f"{head.latex} &{{}}= {first}", *(rf"&\qquad {{}}{line}" for line in rest)]
    yield " \\\\\n".join(rows)
    yield r"\end{align*}"


def _applied(name: str, params: list[str]) -> Math:
    width = m.LETTER * min(24, len(name)) + 4
    return m.applied(called(name), width, m.listed([index_symbol(each) for each in params]))


def _table(book: Book, name: str, item: TableValue) -> Iterator[str]:
    """The rows of a table: what is looked up, and what is found there."""
    param = item.node.param
    book.indices.setdefault(index_path(param.name), f"argument of {name}")
    told = f"{item.node.mode}{', clamped' if item.node.clamp else ''}"
    yield from ("", rf"\textbf{{{text(name, 60)}}}, {text(told)}", "")
    head = [index_symbol(param.name).latex, _applied(name, [param.name]).latex]
    for at in range(0, len(item.rows), ROWS):
        yield r"\begin{tabular}{@{}rr@{}}"
        yield r"\toprule"
        yield " & ".join(f"${each}$" for each in head) + r" \\"
        yield r"\midrule"
        for pair in item.rows[at : at + ROWS]:
            yield " & ".join(f"${_cell(book, node, item).latex}$" for node in pair) + r" \\"
        yield r"\bottomrule"
        yield r"\end{tabular}"
        yield ""


def _cell(book: Book, node: int, item: TableValue) -> Math:
    shown: Number = book.number_of(node)
    return value(shown, book.units, item.frame.module.units)
