"""The quantity or condition that an expression is: the one question that most readers ask."""

from __future__ import annotations

from perfdsl.diagnostics import Label, Span
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import (
    POISON,
    AtLevel,
    Condition,
    Quantity,
    Record,
    Value,
    describe,
)
from perfdsl.syntax import tree


def quantity(expr: tree.Expr, frame: Frame) -> Quantity | None:
    """The quantity that an expression is; None: reported."""
    value = frame.context.evaluate(expr, frame)
    return as_quantity(value, expr.span, frame)


def as_quantity(value: Value, span: Span, frame: Frame) -> Quantity | None:
    """A quantity, or the one that a record stands for (a run's bytes, work of one kind)."""
    if isinstance(value, Record) and value.default is not None:
        value = value.default
    if isinstance(value, Quantity):
        return value
    if isinstance(value, AtLevel):
        _asked_without_a_level(value, span, frame)
        return None
    if value != POISON:
        help_ = ""
        if isinstance(value, Record) and value.rows:
            help_ = f"choose one: {', '.join(f'[{name}]' for name in list(value.rows)[:6])}"
        title = f"a quantity is needed here, not {describe(value)}"
        frame.context.report("P302", title, span, help_=help_)
    return None


def _asked_without_a_level(value: AtLevel, span: Span, frame: Frame) -> None:
    title = f"the bytes of `{value.role}` depend on the level that supplies them"
    why = (Label(value.span, "its law"),)
    help_ = f"ask a run for them: `predict(..., on: cpu).bytes[{value.role}]`"
    frame.context.report("P408", title, span, why=why, help_=help_)


def of_nothing(expr: tree.Expr, value: Quantity) -> bool:
    """Whether this is what runs over no item: beside other terms it says nothing."""
    return isinstance(expr, tree.Gather) and value.dim is None


def condition(expr: tree.Expr, frame: Frame) -> Condition | None:
    """The condition that an expression is; None: reported."""
    value = frame.context.evaluate(expr, frame)
    if isinstance(value, Condition):
        return value
    if value != POISON:
        title = f"a condition is needed here, not {describe(value)}"
        frame.context.report("P302", title, expr.span, help_="compare it with something")
    return None
