"""Expressions -> values: one function for each form, every dimension checked on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perfdsl.diagnostics import Edit, Fix, Label, Span, did_you_mean
from perfdsl.semantics import arithmetic
from perfdsl.semantics.access import read_field
from perfdsl.semantics.arithmetic import Operand, shown, unify
from perfdsl.semantics.binding import name_of_sum
from perfdsl.semantics.calling import call_function
from perfdsl.semantics.changes import overlaid
from perfdsl.semantics.choices import (
    read_bound_by,
    read_case,
    read_compare,
    read_if,
    read_logic,
    read_not,
)
from perfdsl.semantics.data import row_of
from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.fields import call_declared
from perfdsl.semantics.files import where_declared
from perfdsl.semantics.literals import noted, number, plus_minus, skew
from perfdsl.semantics.quantities import of_nothing, quantity
from perfdsl.semantics.reindex import reindex, row_key
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.tables import look_up
from perfdsl.semantics.values import (
    POISON,
    Applied,
    Builtin,
    Data,
    Declared,
    FunctionValue,
    Instance,
    Interval,
    ModuleValue,
    Quantity,
    Record,
    Sequence,
    TableValue,
    Value,
    Words,
    describe,
)
from perfdsl.syntax import tree


def evaluate(expr: tree.Expr, frame: Frame) -> Value:
    """The value of an expression; POISON where a message was given."""
    return READERS[type(expr)](expr, frame)


# ---------------------------------------------------------------------------- literals, names


def _text(expr: tree.Text, _: Frame) -> Value:
    return Words(expr.value)


def _name(expr: tree.Name, frame: Frame) -> Value:
    value = frame.find(expr.id)
    if value is not None and value is frame.context.prelude.get(expr.id):
        # A definition of one's own that could not be read would come first.
        return POISON if expr.id in frame.module.doubtful else value
    if value is not None:
        return value
    if expr.id in frame.module.doubtful or frame.context.is_doubtful(expr.id):
        return POISON
    return unknown_name(expr.id, expr.span, frame)


# With so many messages already, nobody waits for more suggestions.
ENOUGH = 100


def _with_a_workload(frame: Frame) -> str:
    """How the analysis that is read would name a workload, one of its file."""
    asking = frame.context.asking
    if asking is None or asking.analysis is None:
        return "analysis name(load = short)"
    known = asking.module.top().values.items()
    loads = (n for n, v in known if isinstance(v, Instance) and v.sort == "workload")
    return f"analysis {asking.analysis.name}(load = {next(loads, 'short')})"


def unknown_name(name: str, span: Span, frame: Frame) -> Value:
    """Report a name that nothing has, with the nearest one that exists."""
    if name == "load":
        asks = frame.context.applying[:1] or [span]
        title = "this needs a workload, and the analysis has none in force"
        help_ = f"write `{_with_a_workload(frame)}`"
        why = (Label(span, "asked for here"),) if asks[0] != span else ()
        if ("load",) in frame.context.seen:  # Every operator would ask for it.
            return POISON
        frame.context.seen.add(("load",))
        return frame.context.report("P304", title, asks[0], why=why, help_=help_, follows=True)
    few = len(frame.context.problems) < ENOUGH
    near = did_you_mean(name, frame.names()) if few else None
    title = f"there is no `{name}` here"
    if near is None and frame.module.units.single(name) is not None:
        help_ = f"`{name}` is a unit: write a number in front of it, such as `1 {name}`"
        return frame.context.report("P101", title, span, help_=help_, missing=name)
    shipped = where_declared(name) if few and near is None else ""
    help_ = "`perfdsl list FILE` shows what a file declares"
    if near:
        help_ = f"did you mean `{near}`?"
    elif shipped:
        help_ = f"import it: `{shipped}`"
    fix = Fix(f"write `{near}`", (Edit(span, near),), safe=True) if near else None
    return frame.context.report("P101", title, span, help_=help_, fix=fix, missing=name)


def _field(expr: tree.Field, frame: Frame) -> Value:
    base = evaluate(expr.base, frame)
    return read_field(base, expr.name, expr.span, frame)


# -------------------------------------------------------------------------------- arithmetic


def _operands(exprs: tuple[tree.Expr, ...], frame: Frame) -> list[Operand] | None:
    values = [(quantity(part, frame), part.span) for part in exprs]
    found = [Operand(value, span) for value, span in values if value is not None]
    return found if len(found) == len(values) else None


def _sum(expr: tree.Sum, frame: Frame) -> Value:
    operands = _operands(expr.parts, frame)
    if operands is None:
        return POISON
    signs: tuple[int, ...] = (1, *(1 if op == "+" else -1 for op in expr.ops))
    said = [not of_nothing(p, o.value) for p, o in zip(expr.parts, operands, strict=True)]
    if any(said):
        operands = [o for o, says in zip(operands, said, strict=True) if says]
        signs = tuple(s for s, says in zip(signs, said, strict=True) if says)
    doing = "subtracted" if "+" not in expr.ops else "added"
    like = unify(frame.context, operands, doing)
    if like is None:
        return POISON
    graph = frame.context.graph
    node = graph.total([o.value.node for o in operands], signs)
    literal = all(o.value.literal for o in operands)
    plus = "-" not in expr.ops
    named = [(o.value.node, o.value.term) for o in operands] if plus else []
    term = name_of_sum(graph, node, named)
    return Quantity(node, like.dim, like.tag, like.kinds, literal, term)


def _product(expr: tree.Product, frame: Frame) -> Value:
    operands = _operands(expr.parts, frame)
    if operands is None:
        return POISON
    powers = (1, *(1 if op == "*" else -1 for op in expr.ops))
    return arithmetic.multiply(frame.context, operands, powers) or POISON


def _negative(expr: tree.Negative, frame: Frame) -> Value:
    value = quantity(expr.part, frame)
    if value is None:
        return POISON
    node = frame.context.graph.total([value.node], (-1,))
    return Quantity(node, value.dim, value.tag, value.kinds, value.literal)


def _power(expr: tree.Power, frame: Frame) -> Value:
    base, exponent = quantity(expr.base, frame), quantity(expr.exponent, frame)
    if base is None or exponent is None:
        return POISON
    if exponent.dimension != PURE:
        title = "an exponent is a number without a unit"
        return frame.context.report("P204", title, expr.exponent.span, shown(exponent))
    written = _literal_value(expr.exponent)
    if written is not None and abs(written) > arithmetic.MAX_EXPONENT:
        title = f"the exponent is larger than {arithmetic.MAX_EXPONENT}"
        return frame.context.report("P705", title, expr.exponent.span)
    left, right = Operand(base, expr.base.span), Operand(exponent, expr.exponent.span)
    return arithmetic.power(frame.context, left, written, right)


def _literal_value(expr: tree.Expr) -> float | None:
    """The value of an exponent that is written out, such as 2, -1, 1/2 or 10^10."""
    match expr:
        case tree.Number(digits=digits):
            return float(digits.replace("_", ""))
        case tree.Negative(part=part):
            inner = _literal_value(part)
            return None if inner is None else -inner
        case tree.Product(parts=(above, below), ops=("/",)):
            top, bottom = _literal_value(above), _literal_value(below)
            return None if top is None or not bottom else top / bottom
        case tree.Power(base=base, exponent=exponent):
            low, high = _literal_value(base), _literal_value(exponent)
            if low is None or high is None:
                return None
            # Too large to matter: beyond the limit whatever it is exactly.
            return low**high if abs(high) <= arithmetic.MAX_EXPONENT and abs(low) < 1e4 else 1e300
        case _:
            return None


# -------------------------------------------------------------------- ranges, indices, calls


def _range(expr: tree.Range, frame: Frame) -> Value:
    low, high = quantity(expr.low, frame), quantity(expr.high, frame)
    if low is None or high is None:
        return POISON
    both = [Operand(low, expr.low.span), Operand(high, expr.high.span)]
    like = unify(frame.context, both, "ends of one range")
    if like is None:
        return POISON
    ends = [Quantity(q.node, like.dim, like.tag, like.kinds) for q in (low, high)]
    return Interval(ends[0], ends[1], expr.open)


def _indexed(expr: tree.Indexed, frame: Frame) -> Value:
    if isinstance(expr.base, tree.Number):
        return _of_kinds(expr, frame)
    key = row_key(expr, frame)
    if key is None and not _is_data(expr.base, frame):
        return reindex(expr, frame)
    value = evaluate(expr.base, frame)
    if isinstance(value, Data):
        return row_of(value, expr.items[0], frame)
    if key is None:
        return reindex(expr, frame)
    if value == POISON:
        return POISON
    if not isinstance(value, Record) or not value.rows:
        return reindex(expr, frame)
    if key in value.rows:
        return value.rows[key]
    split = [name for name in value.rows if name.startswith((f"{key} (", f"{key} #"))]
    if split:
        title = f"{value.what} has several `{key}`, which differ by turn"
        known = ", ".join(f'"{name}"' for name in split[:6])
        return frame.context.report("P106", title, expr.items[0].span, help_=f"there are: {known}")
    if key in frame.context.doubtful:
        return POISON
    near = did_you_mean(key, list(value.rows))
    help_ = f"did you mean `{near}`?" if near else f"there are: {', '.join(list(value.rows)[:12])}"
    title = f"{value.what} has no `{key}`"
    fix = None
    asked = expr.items[0].value
    if near is not None and isinstance(asked, tree.Text | tree.Name):
        place = asked.span
        text = f'"{near}"' if isinstance(asked, tree.Text) else near
        fix = Fix(f"write `{near}`", (Edit(place, text),), safe=True)
    place = expr.items[0].span
    return frame.context.report("P106", title, place, help_=help_, fix=fix, missing=key)


def _is_data(base: tree.Expr, frame: Frame) -> bool:
    """Whether what is indexed is data: `runs[3]` asks for a row, not for other inputs."""
    match base:
        case tree.Name(id=name):
            return isinstance(frame.find(name), Data)
        case tree.Field(base=tree.Name(id=module), name=name):
            found = frame.find(module)
            return isinstance(found, ModuleValue) and isinstance(found.module.top().own(name), Data)
        case _:
            return False


def _of_kinds(expr: tree.Indexed, frame: Frame) -> Value:
    value = quantity(expr.base, frame)
    if value is None:
        return POISON
    names = [item.value.id for item in expr.items if isinstance(item.value, tree.Name)]
    if not value.counts_work or len(names) < len(expr.items):
        title = "only work has a kind: op, MAC or FLOP"
        return frame.context.report("P302", title, expr.span, shown(value))
    return Quantity(value.node, value.dim, value.tag, frozenset(names))


def _call(expr: tree.Call, frame: Frame) -> Value:
    func = evaluate(expr.func, frame)
    match func:
        case Builtin(name=name) if name not in frame.context.functions:
            title = f"`{name}` runs over a range or a list"
            help_ = f"write `{name}(x for i in 1 .. n)`"
            return frame.context.report("P301", title, expr.span, help_=help_)
        case Builtin(name=name):
            return frame.context.functions[name](expr, frame)
        case FunctionValue():
            return call_function(func, expr, frame)
        case TableValue():
            return look_up(func, expr, frame)
        case Declared() | Instance():
            return call_declared(func, expr.args, expr.span, frame)
        case Quantity():
            title = "a number cannot be called: no product is implied"
            return frame.context.report("P302", title, expr.span, help_="write `*` between them")
        case _ if func == POISON:
            return POISON
        case _:
            title = f"{describe(func)} cannot be called"
            return frame.context.report("P302", title, expr.span)


# How many functions may wait for each other's values.
def _gather(expr: tree.Gather, frame: Frame) -> Value:
    func = evaluate(expr.func, frame)
    if func == POISON:
        return POISON
    if not isinstance(func, Builtin) or func.name not in frame.context.gatherers:
        title = f"{describe(func)} does not run over `for`"
        known = ", ".join(frame.context.gatherers)
        return frame.context.report("P302", title, expr.func.span, help_=f"these do: {known}")
    return frame.context.gatherers[func.name](expr, frame)


def _fold(expr: tree.Fold, frame: Frame) -> Value:
    return frame.context.functions["fold"](expr, frame)


def _with(expr: tree.With, frame: Frame) -> Value:
    base = evaluate(expr.base, frame)
    if base == POISON:
        return POISON
    if not isinstance(base, Instance):
        title = f"{describe(base)} has no fields to change"
        return frame.context.report("P302", title, expr.base.span)
    return overlaid(base, expr.changes, frame)


Reader = Callable[[Any, Frame], Value]

READERS: dict[type[tree.Expr], Reader] = {
    tree.Number: number,
    tree.Text: _text,
    tree.Name: _name,
    tree.Field: _field,
    tree.Indexed: _indexed,
    tree.Call: _call,
    tree.Range: _range,
    tree.Gather: _gather,
    tree.Fold: _fold,
    tree.With: _with,
    tree.If: read_if,
    tree.Case: read_case,
    tree.Compare: read_compare,
    tree.BoundBy: read_bound_by,
    tree.Logic: read_logic,
    tree.Not: read_not,
    tree.Sum: _sum,
    tree.Product: _product,
    tree.Negative: _negative,
    tree.Power: _power,
    tree.PlusMinus: plus_minus,
    tree.Skew: skew,
    tree.Noted: noted,
}
__all__ = ["Applied", "Dimension", "ModuleValue", "Sequence", "evaluate"]
