"""Literals: numbers with their units, intervals around them, and notes on one of them."""

from __future__ import annotations

from perfdsl.diagnostics import Edit, Fix, Span
from perfdsl.records import replace
from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.dimensions import PURE
from perfdsl.semantics.graph import Input
from perfdsl.semantics.notes import provenance
from perfdsl.semantics.quantities import quantity
from perfdsl.semantics.scope import Binding, Frame, Naming
from perfdsl.semantics.units import Unit, UnitError
from perfdsl.semantics.values import (
    POISON,
    Interval,
    Quantity,
    Value,
)
from perfdsl.syntax import tree


def number(expr: tree.Number, frame: Frame) -> Value:
    unit = frame.module.units.parse(expr.unit)
    if isinstance(unit, UnitError):
        return _bad_unit(expr, unit, frame)
    value = float(expr.digits.replace("_", "")) * unit.factor
    if value == 0 and not expr.unit:
        return Quantity(frame.context.graph.const(0.0), None, literal=True)
    return _input(expr.span, value, value, value, unit, expr.digits, frame)


def _bad_unit(expr: tree.Number, error: UnitError, frame: Frame) -> Value:
    at = expr.span.start + expr.span.text.index(expr.unit)
    span = Span(expr.span.source, at, expr.span.end)
    if not error.code:
        return POISON
    first = expr.unit.split("*")[0].split("/")[0]
    if error.code == "P201" and first in frame.names() and first not in frame.context.builtins:
        where = Span(span.source, expr.span.start + len(expr.digits), at)
        fix = Fix("write `*`", (Edit(where, " * "),), safe=True)
        title = f"`{expr.unit}` is a name, not a unit: no product is implied"
        return frame.context.report("P007", title, span, help_="write `*` between them", fix=fix)
    repair: Fix | None = None
    listed = f"`perfdsl units` lists them all, `unit {first} = ...` declares one"
    help_ = listed if error.code == "P201" and first.isidentifier() else ""
    wrong = next((n for n in _words(expr.unit) if f"`{n}`" in error.title), expr.unit)
    start = at + expr.unit.index(wrong)
    if error.code in {"P201", "P206"}:
        span = Span(span.source, start, start + len(wrong))
    if error.instead:
        help_ = f"did you mean `{error.instead}`?"
        safe = error.code == "P206"
        own = next(reversed(frame.context.computing), (0, ""))[1]
        names = [name for name in frame.names() if name not in frame.context.builtins]
        if wrong != own and wrong in names:
            safe, help_ = False, f"{help_[:-1]}, or `{expr.digits} * {wrong}`?"
        repair = Fix(f"write `{error.instead}`", (Edit(span, error.instead),), safe)
    return frame.context.report(error.code, error.title, span, help_=help_, fix=repair)


def _words(unit: str) -> list[str]:
    return [word for word in "".join(c if c.isalnum() else " " for c in unit).split() if word]


def _input(
    span: Span, value: float, low: float, high: float, unit: Unit, digits: str, frame: Frame
) -> Quantity:
    """The quantity of a literal: one input for each place in a file."""
    context = frame.context
    node = context.inputs.get(span)
    if node is None:
        naming = context.naming.get(span)
        source, why = provenance(naming.binding.notes if naming else ())
        item = Input(
            name=naming.path if naming else span.text,
            value=value,
            low=low,
            high=high,
            dim=unit.dim,
            unit=unit,
            span=naming.binding.span if naming else span,
            sort=frame.sort,
            named=naming is not None,
            whole=naming is not None and naming.whole,
            within=naming.within if naming else None,
            provenance=source,
            why=why,
            digits=digits,
        )
        node = context.inputs[span] = context.graph.add("input", (), item)
    plain = not unit.text and unit.dim == PURE
    return Quantity(node, unit.dim, unit.tag, None, literal=plain)


def noted(expr: tree.Noted, frame: Frame) -> Value:
    inner = expr.value
    if isinstance(inner, tree.Number | tree.PlusMinus | tree.Skew):
        text = inner.span.text
        binding = Binding(text, "let", inner, inner.span, inner.span, notes=expr.notes)
        frame.context.naming.setdefault(inner.span, Naming(binding, text))
    return frame.context.evaluate(inner, frame)


# --------------------------------------------------------------------------------- intervals


def plus_minus(expr: tree.PlusMinus, frame: Frame) -> Value:
    centre, spread = quantity(expr.centre, frame), quantity(expr.spread, frame)
    if centre is None or spread is None:
        return POISON
    both = [Operand(centre, expr.centre.span), Operand(spread, expr.spread.span)]
    if unify(frame.context, both, "joined by +-") is None:
        return POISON
    graph = frame.context.graph
    half, best = graph.number(spread.node), graph.number(centre.node)
    if half is None or half < 0:
        title = "the spread behind +- must be a number as written"
        return frame.context.report("P302", title, expr.spread.span)
    if graph.nodes[centre.node].op != "input" or best is None:
        unit = Unit("", 1.0, centre.dimension, centre.tag)
        noise = _input(expr.span, 0.0, -half, half, unit, "", frame)
        node = frame.context.graph.total([centre.node, noise.node])
        return Quantity(node, centre.dim, centre.tag, centre.kinds)
    return _interval(expr, best, best - half, best + half, expr.centre, centre, frame)


def skew(expr: tree.Skew, frame: Frame) -> Value:
    best = quantity(expr.best, frame)
    ends = frame.context.evaluate(expr.within, frame)
    if best is None or not isinstance(ends, Interval):
        return POISON
    both = [Operand(best, expr.best.span), Operand(ends.low, expr.within.span)]
    if unify(frame.context, both, "joined by `in`") is None:
        return POISON
    value, low, high = (frame.context.graph.number(q.node) for q in (best, ends.low, ends.high))
    if value is None or low is None or high is None or not low <= value <= high:
        title = "an interval needs three numbers: low <= best <= high"
        return frame.context.report("P303", title, expr.within.span)
    return _interval(expr, value, low, high, expr.best, best, frame)


def _interval(
    expr: tree.Expr,
    value: float,
    low: float,
    high: float,
    written: tree.Expr,
    like: Quantity,
    frame: Frame,
) -> Value:
    number = written if isinstance(written, tree.Number) else None
    unit = frame.module.units.parse(number.unit if number else "")
    assert isinstance(unit, Unit)
    unit = replace(unit, dim=like.dimension, tag=like.tag)
    digits = number.digits if number else ""
    return _input(expr.span, value, low, high, unit, digits, frame)
