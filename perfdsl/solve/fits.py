"""Fits as answers: unknowns with errors, what is left of each row, and what rows cannot tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from perfdsl.diagnostics import Diagnostic
from perfdsl.semantics.dimensions import PURE
from perfdsl.semantics.graph import Graph, Input
from perfdsl.semantics.program import AnalysisProgram, FitItem
from perfdsl.semantics.text import plain, show_number
from perfdsl.solve.answers import FitAnswer, FittedValue, Number, Table
from perfdsl.solve.fit import Fitted, fit, loo_known, loo_rss
from perfdsl.solve.numbers import in_unit, number
from perfdsl.solve.reading import Reading


def fit_answer(item: FitItem, reading: Reading) -> FitAnswer:
    """What a page tells of a fit."""
    found = fit(reading, item)
    squared = PURE if item.relative else item.dim * item.dim
    loo = loo_rss(reading, item) if loo_known(reading, item) else math.nan
    return FitAnswer(
        item.name,
        item.formula,
        item.relative,
        tuple(_parameters(item, found, reading.graph)),
        number(found.rss, squared),
        found.r2,
        None if math.isnan(loo) else number(loo, squared),
        rows_left(item, found),
        item.span,
    )


def _parameters(item: FitItem, found: Fitted, graph: Graph) -> Iterator[FittedValue]:
    for at, node in enumerate(item.unknowns):
        source = graph.nodes[node].data
        assert isinstance(source, Input)
        error = found.errors[at]
        shown = None if math.isnan(error) else in_unit(error, item.units[at])
        value = in_unit(found.values[at], item.units[at])
        yield FittedValue(source.name, value, shown, at not in found.free)


def values_table(item: FitAnswer) -> Table:
    """The unknowns of a fit, each with its standard error."""
    rows = [(each.name, each.value, "" if each.error is None else each.error)
            for each in item.values]  # fmt: skip
    return Table(("unknown", "value", "error"), ("", "", ""), tuple(rows))


def rows_left(item: FitItem, found: Fitted) -> Table:
    """Each row: what was observed, what is fitted to it, and what is left."""
    largest = max((abs(y) for y in found.observed if not math.isnan(y)), default=1.0)
    like = number(largest, item.dim)

    def cell(value: float) -> Number:
        return Number(value, value, value, item.dim, like.unit, like.factor)

    rows = []
    for row, seen, fitted in zip(item.rows, found.observed, found.fitted, strict=True):
        share = fitted / seen - 1 if seen else math.nan
        percent = Number(share, share, share, PURE, "%", 0.01)
        rows.append((row.name, cell(seen), cell(fitted), cell(fitted - seen), percent))
    columns = ("row", "observed", "fitted", "fitted - observed", "off by")
    return Table(columns, ("", *[like.unit] * 3, "%"), tuple(rows))


# ------------------------------------------------------------------------ what cannot be told


def fit_problems(program: AnalysisProgram, reading: Reading) -> Iterator[Diagnostic]:
    """Fits that have no answer: what the rows determine instead."""
    for item in measured(program.fits, reading):
        found = fit(reading, item)
        if found.unseen:
            yield _undetermined(item, found, reading.graph)
        elif found.valueless and not any(map(math.isnan, found.observed)):
            title = "what is fitted has no value, wherever in their ranges the unknowns are"
            notes = ("it divides by zero, or asks for the logarithm of a negative number",)
            yield Diagnostic("P511", title, item.source, notes=notes)


def _undetermined(item: FitItem, found: Fitted, graph: Graph) -> Diagnostic:
    alone = {next(iter(each)) for each in found.unseen if len(each) == 1}
    open_ = [at for at in range(len(item.unknowns)) if at not in alone]
    names = [f"`{graph.nodes[item.unknowns[at]].data.name}`" for at in open_]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    several = f"the rows do not determine {listed} one by one"
    title = several if len(names) > 1 else f"the rows do not determine {listed}"
    seen = [_combination(each, item, graph) for each in found.unseen]
    notes = (f"only {', '.join(seen)} {'are' if len(seen) > 1 else 'is'} determined",)
    rows, unknowns = len(item.rows), len(item.unknowns)
    help_ = "add rows that differ in what stands beside them, or fit fewer unknowns"
    if rows < unknowns:
        many = "1 row" if rows == 1 else f"{rows} rows"
        help_ = f"{unknowns} unknowns need at least {unknowns} rows, and there is {many}"
        help_ = help_.replace("there is", "there are") if rows > 1 else help_
    return Diagnostic("P510", title, item.source, notes=notes, help=help_)


def _combination(parts: dict[int, float], item: FitItem, graph: Graph) -> str:
    """`c0 + 2 * c1`, in the author's names."""
    sources = {at: graph.nodes[item.unknowns[at]].data for at in parts}
    lead, *others = parts
    text = str(sources[lead].name)
    for at in others:
        share = parts[at]
        sign = "+" if share > 0 else "-"
        dim = sources[lead].dim / sources[at].dim
        times = plain(abs(share)) if dim == PURE else show_number(abs(share), dim)
        factor = "" if times == "1" else f"{times} * "
        text += f" {sign} {factor}{sources[at].name}"
    return text


def fit_answers(items: Iterable[FitItem], reading: Reading) -> tuple[FitAnswer, ...]:
    return tuple(fit_answer(item, reading) for item in measured(items, reading))


def measured(items: Iterable[FitItem], reading: Reading) -> Iterator[FitItem]:
    """The fits of which every row is known: nothing is fitted to a time that is to be measured."""
    return (item for item in items if not any(map(reading.missing, item.roots)))
