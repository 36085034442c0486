"""Expressions -> values: one function for each form, every dimension checked on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perfdsl.diagnostics import Edit, Fix, Label, Span, did_you_mean
from perfdsl.semantics import arithmetic, operations
from perfdsl.semantics.arithmetic import Operand, shown, unify, warn_of_prefixes
from perfdsl.semantics.binding import bound, name_of_sum, terms_of
from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.fields import call_declared, overlaid, read_field
from perfdsl.semantics.graph import Input
from perfdsl.semantics.notes import provenance
from perfdsl.semantics.params import bind, binding_of, returned
from perfdsl.semantics.reindex import reindex, row_key
from perfdsl.semantics.scope import Binding, Frame, Naming
from perfdsl.semantics.units import Unit, UnitError
from perfdsl.semantics.values import (
    POISON,
    Applied,
    Builtin,
    Condition,
    Declared,
    FunctionValue,
    Instance,
    Interval,
    Kind,
    ModuleValue,
    Nothing,
    Quantity,
    Record,
    Role,
    Sequence,
    Value,
    Words,
    describe,
)
from perfdsl.syntax import tree


def evaluate(expr: tree.Expr, frame: Frame) -> Value:
    """The value of an expression; POISON where a message was given."""
    return READERS[type(expr)](expr, frame)


# ---------------------------------------------------------------------------- literals, names


def _number(expr: tree.Number, frame: Frame) -> Value:
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
    if error.code == "P201" and first in frame.names():
        where = Span(span.source, expr.span.start + len(expr.digits), at)
        fix = Fix("write `*`", (Edit(where, " * "),), safe=True)
        title = f"`{expr.unit}` is a name, not a unit: no product is implied"
        return frame.context.report("P007", title, span, help_="write `*` between them", fix=fix)
    repair: Fix | None = None
    help_ = "`perfdsl units` lists them all" if error.code == "P201" else ""
    if error.instead:
        help_ = f"did you mean `{error.instead}`?"
        wrong = next((n for n in _words(expr.unit) if f"`{n}`" in error.title), expr.unit)
        start = at + expr.unit.index(wrong)
        place = Span(span.source, start, start + len(wrong))
        safe = error.code == "P206" and "ambiguous" not in error.title
        own = next(reversed(frame.context.computing), (0, ""))[1]
        if wrong != own and wrong in frame.names():
            safe, help_ = False, f"{help_[:-1]}, or `{expr.digits} * {wrong}`?"
        repair = Fix(f"write `{error.instead}`", (Edit(place, error.instead),), safe)
        span = place
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


def _text(expr: tree.Text, _: Frame) -> Value:
    return Words(expr.value)


def _name(expr: tree.Name, frame: Frame) -> Value:
    value = frame.find(expr.id)
    if value is not None:
        return value
    if expr.id in frame.module.doubtful or expr.id in frame.context.doubtful:
        return POISON
    return unknown_name(expr.id, expr.span, frame)


# With so many messages already, nobody waits for more suggestions.
ENOUGH = 100


def unknown_name(name: str, span: Span, frame: Frame) -> Value:
    """Report a name that nothing has, with the nearest one that exists."""
    if name == "load":
        title = "this asks for the workload in force, and there is none"
        help_ = "give the analysis one: `analysis name(..., load = short)`"
        asks = frame.context.applying[:1] or [span]
        why = (Label(span, "asked for here"),) if asks[0] != span else ()
        if ("load",) in frame.context.seen:  # Every operator would ask for it.
            return POISON
        frame.context.seen.add(("load",))
        return frame.context.report("P304", title, asks[0], why=why, help_=help_)
    few = len(frame.context.problems) < ENOUGH
    near = did_you_mean(name, frame.names()) if few else None
    title = f"there is no `{name}` here"
    if near is None and frame.module.units.single(name) is not None:
        help_ = f"`{name}` is a unit: write a number in front of it, such as `1 {name}`"
        return frame.context.report("P101", title, span, help_=help_)
    help_ = f"did you mean `{near}`?" if near else "`perfdsl list FILE` shows what a file declares"
    fix = Fix(f"write `{near}`", (Edit(span, near),), safe=True) if near else None
    return frame.context.report("P101", title, span, help_=help_, fix=fix)


def _field(expr: tree.Field, frame: Frame) -> Value:
    base = evaluate(expr.base, frame)
    return read_field(base, expr.name, expr.span, frame)


def _noted(expr: tree.Noted, frame: Frame) -> Value:
    inner = expr.value
    if isinstance(inner, tree.Number | tree.PlusMinus | tree.Skew):
        text = inner.span.text
        binding = Binding(text, "let", inner, inner.span, inner.span, notes=expr.notes)
        frame.context.naming.setdefault(inner.span, Naming(binding, text))
    return evaluate(inner, frame)


# --------------------------------------------------------------------------------- intervals


def _plus_minus(expr: tree.PlusMinus, frame: Frame) -> Value:
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


def _skew(expr: tree.Skew, frame: Frame) -> Value:
    best = quantity(expr.best, frame)
    ends = _range(expr.within, frame)
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
    unit = Unit(unit.text, unit.factor, like.dimension, like.tag)
    digits = number.digits if number else ""
    return _input(expr.span, value, low, high, unit, digits, frame)


# -------------------------------------------------------------------------------- arithmetic


def quantity(expr: tree.Expr, frame: Frame) -> Quantity | None:
    """The quantity that an expression is; None: reported."""
    value = evaluate(expr, frame)
    return as_quantity(value, expr.span, frame)


def as_quantity(value: Value, span: Span, frame: Frame) -> Quantity | None:
    """A quantity, or the one that a record stands for (a run's bytes, work of one kind)."""
    if isinstance(value, Record) and value.default is not None:
        value = value.default
    if isinstance(value, Quantity):
        return value
    if value != POISON:
        help_ = ""
        if isinstance(value, Record) and value.rows:
            help_ = f"choose one: {', '.join(f'[{name}]' for name in list(value.rows)[:6])}"
        title = f"a quantity is needed here, not {describe(value)}"
        frame.context.report("P302", title, span, help_=help_)
    return None


def _operands(exprs: tuple[tree.Expr, ...], frame: Frame) -> list[Operand] | None:
    values = [(quantity(part, frame), part.span) for part in exprs]
    found = [Operand(value, span) for value, span in values if value is not None]
    return found if len(found) == len(values) else None


def _sum(expr: tree.Sum, frame: Frame) -> Value:
    operands = _operands(expr.parts, frame)
    if operands is None:
        return POISON
    doing = "subtracted" if "+" not in expr.ops else "added"
    like = unify(frame.context, operands, doing)
    if like is None:
        return POISON
    signs = (1, *(1 if op == "+" else -1 for op in expr.ops))
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


# -------------------------------------------------------------------------------- conditions


def condition(expr: tree.Expr, frame: Frame) -> Condition | None:
    """The condition that an expression is; None: reported."""
    value = evaluate(expr, frame)
    if isinstance(value, Condition):
        return value
    if value != POISON:
        title = f"a condition is needed here, not {describe(value)}"
        frame.context.report("P302", title, expr.span, help_="compare it with something")
    return None


def _compare(expr: tree.Compare, frame: Frame) -> Value:
    left, right = evaluate(expr.left, frame), evaluate(expr.right, frame)
    if POISON in (left, right):
        return POISON
    sides = (left, right)
    if expr.op in {"==", "!="} and any(isinstance(s, Words | Nothing | Role | Kind) for s in sides):
        same = left == right
        return Condition(frame.context.graph.const(float(same == (expr.op == "=="))))
    one = as_quantity(left, expr.left.span, frame)
    two = as_quantity(right, expr.right.span, frame)
    if one is None or two is None:
        return POISON
    both = [Operand(one, expr.left.span), Operand(two, expr.right.span)]
    if unify(frame.context, both, "compared") is None:
        return POISON
    warn_of_prefixes(frame.context, *both)
    decided = _constant(one, frame), _constant(two, frame)
    if decided[0] is not None and decided[1] is not None:
        # `mod(l, 6) == 5` in a class of turns: equal classes then become one step.
        holds = operations.compare(expr.op, decided[0], decided[1])
        return Condition(frame.context.graph.const(float(holds)))
    return Condition(frame.context.graph.add("compare", (one.node, two.node), expr.op))


def _constant(value: Quantity, frame: Frame) -> float | None:
    """The number of an index of a `repeat`, or one written in place; None for what has a name."""
    item = frame.context.graph.nodes[value.node]
    if item.op == "const":
        return float(item.data)
    return item.data.value if item.op == "input" and not item.data.named else None


def _logic(expr: tree.Logic, frame: Frame) -> Value:
    found = [condition(part, frame) for part in expr.parts]
    nodes = [c.node for c in found if c is not None]
    if len(nodes) < len(found):
        return POISON
    return Condition(frame.context.graph.add(expr.op, nodes))


def _not(expr: tree.Not, frame: Frame) -> Value:
    inner = condition(expr.part, frame)
    return POISON if inner is None else Condition(frame.context.graph.add("not", (inner.node,)))


def _bound_by(expr: tree.BoundBy, frame: Frame) -> Value:
    value = quantity(expr.left, frame)
    if value is None:
        return POISON
    node = bound(frame.context.graph, value.node, expr.name)
    if node is not None:
        return Condition(node)
    terms = [term.name for term in terms_of(frame.context.graph, value.node)]
    title = f"`{expr.name}` is no term of this"
    help_ = f"its terms: {', '.join(dict.fromkeys(terms))}"
    if not terms:
        title = "nothing binds this: it is no max or min of named terms"
        help_ = "name what competes, as in `max(compute: a, dram: b)`"
    return frame.context.report("P603", title, expr.span, help_=help_)


def _if(expr: tree.If, frame: Frame) -> Value:
    test = condition(expr.cond, frame)
    if test is not None and frame.context.graph.nodes[test.node].op == "const":
        # `if window == none then ... else window / 2`: what is not meant need not make sense.
        return evaluate(expr.yes if frame.context.graph.number(test.node) else expr.no, frame)
    yes, no = evaluate(expr.yes, frame), evaluate(expr.no, frame)
    if test is None:
        return POISON
    return choose(test, (yes, expr.yes.span), (no, expr.no.span), frame)


def choose(test: Condition, yes: tuple[Value, Span], no: tuple[Value, Span], frame: Frame) -> Value:
    """`yes` where the test holds, else `no`; `none` is allowed where a number decides it now."""
    decided = frame.context.graph.number(test.node)
    if decided is not None and not (isinstance(yes[0], Quantity) and isinstance(no[0], Quantity)):
        return yes[0] if decided else no[0]
    one, two = as_quantity(*yes, frame), as_quantity(*no, frame)
    if one is None or two is None:
        return POISON
    both = [Operand(one, yes[1]), Operand(two, no[1])]
    like = unify(frame.context, both, "chosen between")
    if like is None:
        return POISON
    graph = frame.context.graph
    node = graph.add("select", (test.node, one.node, two.node))
    if graph.nodes[test.node].op == "const":  # `window == none`: no input can change it
        node = one.node if decided else two.node
    return Quantity(node, like.dim, like.tag, like.kinds)


def _case(expr: tree.Case, frame: Frame) -> Value:
    value, span = evaluate(expr.other, frame), expr.other.span
    for arm in reversed(expr.arms):
        test = condition(arm.cond, frame)
        yes = evaluate(arm.value, frame)
        if test is None or POISON in (yes, value):
            return POISON
        value = choose(test, (yes, arm.value.span), (value, span), frame)
    return value


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
    if key is None:
        return reindex(expr, frame)
    value = evaluate(expr.base, frame)
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
    if near is not None:
        place = expr.items[0].value.span
        text = f'"{near}"' if isinstance(expr.items[0].value, tree.Text) else near
        fix = Fix(f"write `{near}`", (Edit(place, text),), safe=True)
    return frame.context.report("P106", title, expr.items[0].span, help_=help_, fix=fix)


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
            return _call_function(func, expr, frame)
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
MAX_CALLS = 64


def _call_function(func: FunctionValue, expr: tree.Call, frame: Frame) -> Value:
    context = frame.context
    if any(node is func.node for node in context.calling):
        return _recursion(func, expr, frame)
    if len(context.calling) >= MAX_CALLS:
        title = f"functions call each other more than {MAX_CALLS} deep"
        if ("deep",) not in context.seen:
            context.report("P703", title, expr.span)
        context.seen.add(("deep",))
        return POISON
    if not context.spend(1, expr.span):
        return POISON
    what = f"`{func.node.name}`"
    values = bind(func.node.params, expr.args, expr.span, frame, func.frame, what)
    if values is None:
        return POISON
    inner = func.frame.local(**values)
    for param in func.node.params:
        if param.name not in values and param.default is not None:
            inner.bindings[param.name] = binding_of(param.name, param, param.default)
    context.calling.append(func.node)
    try:
        value = evaluate(func.node.value, inner)
    except RecursionError:
        title = "this needs too many things inside each other"
        value = context.report("P703", title, expr.span)
    finally:
        context.calling.pop()
    return returned(value, func)


def _recursion(func: FunctionValue, expr: tree.Call, frame: Frame) -> Value:
    """Report a function that is being called already: once for all that call each other."""
    context = frame.context
    start = next(i for i, node in enumerate(context.calling) if node is func.node)
    cycle = context.calling[start:]
    key = ("recursion", frozenset(node.span for node in cycle))
    if key in context.seen:
        return POISON
    context.seen.add(key)
    names = [node.name for node in cycle]
    title = f"`{names[0]}` calls itself"
    if len(names) > 1:
        title = f"these functions call each other: {' -> '.join([*names, names[0]])}"
    why = tuple(Label(_head_of(node), f"`{node.name}` begins here") for node in cycle[:6])
    return context.report("P401", title, expr.span, why=why, help_="there is no recursion")


def _head_of(node: tree.Function) -> Span:
    """`fn name` of a function."""
    at = node.span
    return Span(at.source, at.start, at.start + at.text.index(node.name) + len(node.name))


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
    tree.Number: _number,
    tree.Text: _text,
    tree.Name: _name,
    tree.Field: _field,
    tree.Indexed: _indexed,
    tree.Call: _call,
    tree.Range: _range,
    tree.Gather: _gather,
    tree.Fold: _fold,
    tree.With: _with,
    tree.If: _if,
    tree.Case: _case,
    tree.Compare: _compare,
    tree.BoundBy: _bound_by,
    tree.Logic: _logic,
    tree.Not: _not,
    tree.Sum: _sum,
    tree.Product: _product,
    tree.Negative: _negative,
    tree.Power: _power,
    tree.PlusMinus: _plus_minus,
    tree.Skew: _skew,
    tree.Noted: _noted,
}
__all__ = ["Applied", "Dimension", "ModuleValue", "Sequence", "evaluate"]
