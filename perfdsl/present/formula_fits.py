"""Fits as formulas: of any row, with the numbers that were fitted, and their normal equations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from perfdsl.diagnostics import Span
from perfdsl.present import figures
from perfdsl.present.formula_book import Book
from perfdsl.present.formula_inverses import above, is_short
from perfdsl.present.formula_text import ATOM, PRODUCT
from perfdsl.present.latex_math import Math
from perfdsl.present.latex_names import Path
from perfdsl.present.latex_numbers import value
from perfdsl.present.latex_paths import index_symbol
from perfdsl.present.readable import kept_names
from perfdsl.records import dataclass, replace
from perfdsl.semantics.graph import Graph, Input
from perfdsl.semantics.program import FitItem
from perfdsl.solve.answers import FitAnswer
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr

if TYPE_CHECKING:
    from perfdsl.symbolic.formulas import Formulas
    from perfdsl.symbolic.normal import Normal


@dataclass(frozen=True, slots=True)
class Fit:
    """A fit with both sides of a row as formulas, which are those of every row.

    columns: the cells of that row, by node. cells: for each row, the cell there in their place.
    """

    item: FitItem
    statement: tree.Fit
    answer: FitAnswer
    formulas: Formulas
    observed: Any
    fitted: Any
    columns: Mapping[int, str]
    cells: tuple[Mapping[int, int], ...]

    def unknown(self, part: Any) -> int | None:
        """Which of the unknowns a symbol is."""
        node = self.node_of(part)
        return self.item.unknowns.index(node) if node in self.item.unknowns else None

    def node_of(self, part: Any) -> int:
        known = self.formulas.parts.get(part)
        return self.formulas.nodes[part] if known is None else known

    def equations(self) -> tuple[Normal, ...]:
        """The normal equations; none where the unknowns do not enter linearly."""
        from perfdsl.symbolic.normal import normal_equations

        if not self.item.linear or self.item.relative:
            return ()
        unknowns = [self.formulas.symbol(node) for node in self.item.unknowns]
        return normal_equations(self.fitted, self.observed, unknowns)


def fits(
    book: Book, answers: Sequence[FitAnswer]
) -> Iterator[tuple[tree.Fit, FitAnswer, Fit | None]]:
    """The fits of an analysis; without formulas where rows differ in more than their cells."""
    body = book.analysis.frame.analysis.body if book.analysis.frame.analysis else ()
    statements = {each.span: each for each in body if isinstance(each, tree.Fit)}
    by_span = {each.span: each for each in answers}
    for item in book.analysis.fits:
        if item.span in by_span:
            statement, answer = statements[item.span], by_span[item.span]
            if item.span not in book.models:
                book.models[item.span] = _fit(book, item, statement, answer)
            yield statement, answer, book.models[item.span]


def _fit(book: Book, item: FitItem, statement: tree.Fit, answer: FitAnswer) -> Fit | None:
    from perfdsl.symbolic.formulas import Formulas

    graph, first = book.program.graph, item.rows[0]
    cells = []
    for row in item.rows:
        book.reading.poll()
        found = paired(graph, [(first.fitted, row.fitted), (first.observed, row.observed)])
        if found is None:
            return None
        cells.append({one: two for one, two in found.items() if _is_cell(graph, one)})
    moving = {one for each in cells for one, two in each.items() if one != two}
    columns = {n: graph.nodes[n].data.name.rpartition(".")[2] for n in sorted(moving)}
    kept = _kept(book, item, moving)
    formulas = Formulas(book.opened(), kept)
    fitted, observed = formulas.exprs([first.fitted, first.observed])
    if not is_short(fitted) or not is_short(observed):
        return None
    return Fit(item, statement, answer, formulas, observed, fitted, columns, tuple(cells))


def _kept(book: Book, item: FitItem, moving: set[int]) -> frozenset[int]:
    """The names below a row that neither an unknown nor a cell moves."""
    kept: set[int] = set()
    for root in (item.rows[0].fitted, item.rows[0].observed):
        needed = book.program.graph.needed([root])
        moved = set[int]().union(*(above(book, needed, n) for n in (*item.unknowns, *moving)))
        named = (book.named.keys() | book.sets.keys()) & set(needed) - moved
        kept |= kept_names(book.program.graph, root, named) - moved
    return frozenset(kept)


def paired(graph: Graph, roots: Sequence[tuple[int, int]]) -> dict[int, int] | None:
    """The nodes of one formula with those of another that differs from it in cells alone."""
    found: dict[int, int] = {}
    todo = list(roots)
    while todo:
        one, two = todo.pop()
        if one in found and found[one] != two:
            return None
        if one in found:
            continue
        found[one] = two
        first, second = graph.nodes[one], graph.nodes[two]
        if one == two:
            todo += [(arg, arg) for arg in first.args]
        elif not _same_column(graph, one, two):
            if first.op != second.op or first.data != second.data:
                return None
            if len(first.args) != len(second.args):
                return None
            todo += zip(first.args, second.args, strict=True)
    return found


def _is_cell(graph: Graph, node: int) -> bool:
    data = graph.nodes[node].data
    return isinstance(data, Input) and data.sort == "data"


def _same_column(graph: Graph, one: int, two: int) -> bool:
    both = [graph.nodes[node].data for node in (one, two)]
    names = {data.name.rpartition(".")[2] for data in both if isinstance(data, Input)}
    return _is_cell(graph, one) and _is_cell(graph, two) and len(names) == 1


# ------------------------------------------------------------------------------------ as text


def with_numbers(book: Book, fit: Fit, *, unicode: bool) -> str:
    """The fitted formula: numbers in the place of all but the cells of a row."""
    printer = _plain(book, fit, partial(_figure, book, fit), unicode=unicode)
    left, right = printer.text(fit.observed), printer.text(fit.fitted)
    return f"{left} {'≈' if unicode else '~='} {right}"


def _figure(book: Book, fit: Fit, part: Any) -> tuple[str, int]:
    node, at = fit.node_of(part), fit.unknown(part)
    if node in fit.columns:
        return f"{fit.statement.var}.{fit.columns[node]}", ATOM
    shown = fit.answer.values[at].value if at is not None else book.number_of(node)
    text = figures.amount(shown)
    return text, PRODUCT if "/" in text or "*" in text else ATOM


def _symbol(book: Book, fit: Fit, part: Any) -> tuple[str, int]:
    node = fit.node_of(part)
    if node in fit.columns:
        return f"{fit.statement.var}.{fit.columns[node]}", ATOM
    name = book.name_of(node)
    return (name.text, ATOM) if name is not None else _figure(book, fit, part)


def _plain(book: Book, fit: Fit, leaf: Callable[[Any], tuple[str, int]], *, unicode: bool) -> Any:
    return replace(book.plain_printer(fit.formulas, unicode=unicode), leaf=leaf)


def equations_text(book: Book, fit: Fit, *, unicode: bool) -> Iterator[str]:
    """The normal equations: `start * sum(1) + each * sum(r.n) = sum(r.took)`, over all rows."""
    printer = _plain(book, fit, lambda part: _symbol(book, fit, part), unicode=unicode)
    times = "·" if unicode else " * "
    names = [fit.statement.unknowns[at] for at in range(len(fit.item.unknowns))]
    for one in fit.equations():
        terms = [
            f"{name}{times}sum({printer.text(factor)})"
            for name, factor in zip(names, one.factors, strict=True)
            if factor != 0
        ]
        yield f"{' + '.join(terms)} = sum({printer.text(one.right)})"


def told(book: Book, span: Span | None, *, unicode: bool) -> str:
    """The fit of a statement with its numbers, once its formulas are made; "" where it has none."""
    fit = book.models.get(span) if span is not None else None
    return with_numbers(book, fit, unicode=unicode) if fit is not None else ""


def rows_of(fit: Fit) -> str:
    """`for r in runs`: what the sums run over."""
    cond = f" if {print_expr(fit.statement.cond)}" if fit.statement.cond is not None else ""
    return f"for {fit.statement.var} in {print_expr(fit.statement.over)}{cond}"


# ----------------------------------------------------------------------------------- as LaTeX


def in_symbols(book: Book, fit: Fit, part: Any) -> Math:
    """A symbol or part of the formula: a cell with the index of its row."""
    node = fit.node_of(part)
    return _cell(book, fit, node) if node in fit.columns else book.symbol_of(node)


def in_numbers(book: Book, fit: Fit, part: Any) -> Math:
    """The same in numbers; a cell stays a symbol."""
    node, at = fit.node_of(part), fit.unknown(part)
    if node in fit.columns:
        return _cell(book, fit, node)
    if at is None:
        return book.figure_of(node)
    return value(fit.answer.values[at].value, book.units, book.analysis.frame.module.units)


def _cell(book: Book, fit: Fit, node: int) -> Math:
    var, column = fit.statement.var, fit.columns[node]
    name = Path(f"{var}.{column}", ("", column), index_symbol(var).latex)
    book.indices.setdefault(name, f"{column} of each {var}")
    return book.names.symbol(name)
