"""What a number can be at all: rates above zero, efficiencies up to one, no less than no bytes."""

from __future__ import annotations

from perfdsl.diagnostics import Edit, Fix, Label, Span
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.text import plain
from perfdsl.semantics.values import Quantity, Value
from perfdsl.syntax import tree

EFFICIENCY = "efficiency"
ABOVE_ZERO: dict[str, frozenset[str]] = {
    "hardware": frozenset({"cores", "devices"}),
    "port": frozenset({"peak", EFFICIENCY}),
    "cache": frozenset({"size", "bandwidth", "shared", EFFICIENCY}),
    "memory": frozenset({"size", "bandwidth", EFFICIENCY}),
    "link": frozenset({"bandwidth", EFFICIENCY}),
    "workload": frozenset({"batch"}),
    "format": frozenset({"block", "bytes"}),
}
NOT_BELOW_ZERO: dict[str, frozenset[str]] = {
    "cache": frozenset({"latency"}),
    "memory": frozenset({"latency"}),
    "link": frozenset({"latency"}),
    "workload": frozenset({"tokens", "context", "rows"}),
}


def possible(value: Value, sort: str, name: str, span: Span, frame: Frame) -> Value:
    """A field that the language reads itself, held against what it can be; POISON: reported."""
    ends = _ends(value, frame)
    if ends is None:
        return value
    low, high = ends
    what = f"`{name}` of a {sort}"
    if name in ABOVE_ZERO.get(sort, ()) and low <= 0:
        return frame.context.report("P306", f"{what} is more than zero", span)
    if name in NOT_BELOW_ZERO.get(sort, ()) and low < 0:
        return frame.context.report("P306", f"{what} is never less than zero", span)
    if name == EFFICIENCY and sort in ABOVE_ZERO and high > 1:
        return _above_one(what, high, span, frame)
    return value


def _ends(value: Value, frame: Frame) -> tuple[float, float] | None:
    """The lowest and highest that a number can be; None where an unknown decides, or it is none."""
    if not isinstance(value, Quantity):
        return None
    number = frame.context.graph.number(value.node)
    if number is None:
        return None
    return frame.context.graph.ends(value.node) or (number, number)


def _above_one(what: str, high: float, span: Span, frame: Frame) -> Value:
    title, help_, fix = f"{what} is at most 1", "", None
    written = span.text.strip()
    if 2 <= high <= 100 and written == plain(high):
        help_ = f"write `{written} %` if that is meant"
        fix = Fix(f"write `{written} %`", (Edit(span, f"{written} %"),), safe=False)
    return frame.context.report("P306", title, span, help_=help_, fix=fix)


def not_negative(value: Quantity, what: str, expr: tree.Expr, frame: Frame) -> bool:
    """Whether counted work or bytes are no less than zero; False: reported."""
    number = frame.context.graph.number(value.node)
    if number is None or not number < 0:
        return True
    applying = frame.context.applying
    why = (Label(applying[-1], "for this use"),) if applying else ()
    frame.context.report("P306", f"{what} less than zero", expr.span, plain(number), why=why)
    return False
