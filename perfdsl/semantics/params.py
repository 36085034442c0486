"""Parameters: arguments bound to them, and definitions made ready to be computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations

from perfdsl.diagnostics import Edit, Fix, Label, Span, did_you_mean
from perfdsl.semantics.graph import Definition
from perfdsl.semantics.notes import provenance
from perfdsl.semantics.scope import Binding, Frame, Naming
from perfdsl.semantics.types import Type, fits, read_type, require
from perfdsl.semantics.values import (
    POISON,
    FunctionValue,
    Instance,
    Interval,
    Kind,
    LinkName,
    Quantity,
    Record,
    Role,
    Value,
)
from perfdsl.syntax import tree

Check = Callable[[Value, Frame, Binding], Value]

LITERALS = (tree.Number, tree.PlusMinus, tree.Skew)


def binding_of(
    name: str,
    node: tree.Let | tree.Assign | tree.Param,
    expr: tree.Expr,
    check: Check | None = None,
) -> Binding:
    """A definition with its type, range and notes; `check` looks at its value besides."""
    within = None if isinstance(node, tree.Let) else node.within

    def finish(value: Value, frame: Frame, binding: Binding) -> Value:
        return _finish(value, frame, binding, check)

    head = node.span
    return Binding(
        name, _sort(node), expr, node.span, head, node.type, within, node.notes,
        prepare=_prepare, finish=finish,
    )  # fmt: skip


def _sort(node: tree.Node) -> str:
    match node:
        case tree.Let():
            return "let"
        case tree.Param():
            return "parameter"
        case _:
            return "field"


def _prepare(frame: Frame, binding: Binding, expr: tree.Expr) -> None:
    """Before a definition that is one literal: tell the literal its name, range and notes."""
    inner = expr
    notes = binding.notes
    while isinstance(inner, tree.Noted):
        notes, inner = (*inner.notes, *notes), inner.value
    if not isinstance(inner, LITERALS):
        return
    path = f"{frame.path}.{binding.name}" if frame.path else binding.name
    wanted = read_type(binding.type, frame) if binding.type is not None else None
    naming = Naming(
        Binding(binding.name, binding.sort, expr, binding.span, binding.head, notes=notes),
        path,
        range_of(binding.within, frame),
        wanted is not None and wanted.whole,
    )
    frame.context.naming.setdefault(inner.span, naming)


def range_of(within: tree.Range | None, frame: Frame) -> tuple[float, float] | None:
    """The two numbers of a declared range, in base units."""
    if within is None:
        return None
    ends = frame.context.evaluate(within, frame)
    if not isinstance(ends, Interval):
        return None
    number = frame.context.graph.number
    low, high = number(ends.low.node), number(ends.high.node)
    if low is None or high is None or low > high:
        title = "a range needs two numbers, the lower one first"
        frame.context.report("P303", title, within.span)
        return None
    return low, high


def _finish(value: Value, frame: Frame, binding: Binding, check: Check | None) -> Value:
    wanted = read_type(binding.type, frame) if binding.type is not None else None
    if binding.type is not None and wanted is None:
        return POISON
    at = binding.type.span if binding.type is not None else None
    expr = frame.context.overrides.get(binding.span, binding.expr)
    value = require(value, wanted, expr.span, frame, f"`{binding.name}`", at)
    if isinstance(value, Quantity):
        value = checked_number(value, wanted, expr.span, frame, binding)
    if check is not None and value != POISON:
        value = check(value, frame, binding)
    if isinstance(value, Quantity):
        value = _define(value, frame, binding)
    return value


def checked_number(
    value: Quantity, wanted: Type | None, span: Span, frame: Frame, binding: Binding | tree.Param
) -> Value:
    """A number as written, held against its declared range and wholeness."""
    number = frame.context.graph.number(value.node)
    if number is None:
        return value
    if wanted is not None and wanted.whole and not _is_whole(number):
        return _not_whole(value, span, frame, binding)
    if binding.within is None:
        return value
    limits = range_of(binding.within, frame)
    low, high = frame.context.graph.ends(value.node) or (number, number)
    if limits is not None and not limits[0] <= low <= high <= limits[1]:
        title = f"`{binding.name}` is outside its declared range"
        why = (Label(binding.within.span, "the range"),)
        return frame.context.report("P303", title, span, why=why)
    return value


def _not_whole(value: Quantity, span: Span, frame: Frame, binding: Binding | tree.Param) -> Value:
    """Blame the number where it is written, even if a count is needed elsewhere."""
    node = frame.context.graph.nodes[value.node]
    written = node.data.span if node.op == "input" and node.data.span is not None else span
    title = f"`{binding.name}` is a count, and this is not a whole number"
    inside = (
        written.source is span.source and written.start <= span.start and span.end <= written.end
    )
    why = () if inside else (Label(span, f"given for the count `{binding.name}`"),)
    return frame.context.report("P305", title, span if inside else written, why=why)


def _is_whole(number: float) -> bool:
    """Whether a number is whole, but for the rounding of floats; so is no infinite one."""
    return math.isfinite(number) and abs(number - round(number)) <= 1e-9 * max(1.0, abs(number))


def _define(value: Quantity, frame: Frame, binding: Binding) -> Quantity:
    """A computed value whose source is named becomes a node of its own: it can be doubted."""
    source, why = provenance(binding.notes)
    graph = frame.context.graph
    if not source or graph.nodes[value.node].op in {"input", "const"}:
        return value
    path = f"{frame.path}.{binding.name}" if frame.path else binding.name
    made = Definition(
        path,
        value.dimension,
        binding.span,
        frame.sort,
        source,
        why,
        range_of(binding.within, frame),
    )
    node = graph.add("named", (value.node,), made)
    return Quantity(node, value.dim, value.tag, value.kinds, False, value.term)


def bind(
    params: tuple[tree.Param, ...],
    args: tuple[tree.Argument, ...],
    span: Span,
    frame: Frame,
    home: Frame,
    what: str,
) -> dict[str, Value] | None:
    """The values of the parameters that arguments are given for, types checked; None: reported.

    frame: where the arguments stand. home: where the parameters are declared. Parameters with a
    default that are not given are absent from the result.
    """
    given: dict[str, tuple[Value, Span]] = {}
    names = [param.name for param in params]
    good = True
    for position, arg in enumerate(args):
        name = arg.name or (names[position] if position < len(names) else "")
        value = _evaluated(arg, params[names.index(name)] if name in names else None, frame)
        if not name:
            good = _too_many(params, args, arg, frame, what)
            break
        if name not in names:
            good = _no_such(name, names, arg, frame, what)
        elif name in given:
            title = f"`{name}` is given twice"
            frame.context.report("P102", title, arg.span, follows=names.count(name) > 1)
            good = False
        else:
            given[name] = (value, arg.value.span)
    missing = [p.name for p in params if p.default is None and p.name not in given]
    if missing and good and any(value == POISON for value, _ in given.values()):
        return None  # What was meant by the broken one is not known.
    if missing and good:
        listed = ", ".join(f"`{name}`" for name in missing)
        title = f"{what} also needs {listed}"
        why = (Label(params[names.index(missing[0])].span, "declared here"),)
        help_ = f"write `{missing[0]}: ...` among the arguments"
        frame.context.report("P304", title, span, why=why, help_=help_)
        good = False
    if not good or _exchanged(params, given, frame, home):
        return None
    return {
        param.name: _argument(param, *given[param.name], frame, home)
        for param in params
        if param.name in given
    }


def _exchanged(
    params: tuple[tree.Param, ...], given: dict[str, tuple[Value, Span]], frame: Frame, home: Frame
) -> bool:
    """Report two arguments of which each fits only where the other one stands."""
    wanted = {p.name: param_type(p, home) for p in params if p.name in given}
    wrong = [
        name
        for name, type_ in wanted.items()
        if type_ is not None and given[name][0] != POISON and not fits(given[name][0], type_)
    ]
    for one, two in combinations(wrong, 2):
        first, second = wanted[one], wanted[two]
        assert first is not None
        assert second is not None
        if fits(given[two][0], first) and fits(given[one][0], second):
            left, right = given[one][1], given[two][1]
            why = (Label(right, f"fits `{one}`"),)
            fix = Fix("exchange them", (Edit(left, right.text), Edit(right, left.text)), safe=True)
            title = f"the arguments for `{one}` and `{two}` are exchanged"
            frame.context.report("P302", title, left, f"fits `{two}`", why=why, fix=fix)
            return True
    return False


# Roles of bytes and kinds of work are names that need not stand for anything.
NAMED: Mapping[str, type[Role | Kind]] = {"Role": Role, "Kind": Kind}


def is_named(param: tree.Param) -> bool:
    """Whether its values are roles or kinds."""
    return param.type is not None and param.type.name in NAMED


def named(param: tree.Param, name: str, frame: Frame) -> Role | Kind:
    """The role or kind of this name, or the one that a parameter of this name holds.

    What is known to be the other of both stays that, to be told."""
    assert param.type is not None
    known = frame.find(name)
    return known if isinstance(known, Role | Kind) else NAMED[param.type.name](name)


def is_link(param: tree.Param) -> bool:
    return param.type is not None and param.type.name == "Link"


def link_name(expr: tree.Expr, frame: Frame) -> Value:
    """A link by its name, by that of a parameter, or of a hardware: `cpu.nvlink`."""
    if isinstance(expr, tree.Name):
        known = frame.find(expr.id)
        return known if isinstance(known, LinkName) else LinkName(expr.id, expr.span)
    value = frame.context.evaluate(expr, frame)
    if isinstance(value, Instance) and value.sort == "link":
        return LinkName(value.name, expr.span)
    return value


def _evaluated(arg: tree.Argument, param: tree.Param | None, frame: Frame) -> Value:
    """An argument's value."""
    if param is not None and is_named(param) and isinstance(arg.value, tree.Name):
        return named(param, arg.value.id, frame)
    if param is not None and is_link(param):
        return link_name(arg.value, frame)
    if param is None and isinstance(arg.value, tree.Name):
        # A parameter that there is not is told; its value may be the name of a role or a link.
        return frame.find(arg.value.id) or POISON
    return frame.context.evaluate(arg.value, frame)


def _argument(param: tree.Param, value: Value, span: Span, frame: Frame, home: Frame) -> Value:
    wanted = param_type(param, home)
    if isinstance(value, Record) and wanted is not None and wanted.sort == "Quantity":
        value = value.default or value  # `run.bytes` stands for all of them
    value = require(value, wanted, span, frame, f"`{param.name}`", param.span)
    whole = wanted is not None and wanted.whole
    if isinstance(value, Quantity) and (whole or param.within is not None):
        return checked_number(value, wanted, span, home, param)
    return value


def param_type(param: tree.Param, home: Frame) -> Type | None:
    """The type of a parameter: as written, else that of its default; None where there is none."""
    if param.type is not None:
        return read_type(param.type, home)
    if param.default is None:
        title = f"`{param.name}` has neither a type nor a default"
        home.context.report("P304", title, param.span, help_=f"write `{param.name}: Count`")
        return None
    default = home.own(param.name) if param.name in home.bindings else None
    if default is None:
        default = home.context.evaluate(param.default, home)
    if isinstance(default, Quantity) and default.dim is not None:
        return Type("Quantity", default.dim, default.tag)
    return None


def _too_many(
    params: tuple[tree.Param, ...],
    args: tuple[tree.Argument, ...],
    arg: tree.Argument,
    frame: Frame,
    what: str,
) -> bool:
    listed = ", ".join(p.name for p in params) or "none"
    plural = "argument" if len(params) == 1 else "arguments"
    title = f"{what} takes {len(params)} {plural}, and {len(args)} are given"
    frame.context.report("P301", title, arg.span, notes=(f"parameters: {listed}",))
    return False


def _no_such(name: str, names: list[str], arg: tree.Argument, frame: Frame, what: str) -> bool:
    near = did_you_mean(name, names)
    help_ = f"did you mean `{near}`?" if near else f"parameters: {', '.join(names) or 'none'}"
    place = Span(arg.span.source, arg.span.start, arg.span.start + len(name))
    fix = Fix(f"write `{near}`", (Edit(place, near),), safe=True) if near else None
    title = f"{what} has no parameter `{name}`"
    frame.context.report("P106", title, place, help_=help_, fix=fix, missing=name)
    return False


def returned(value: Value, func: FunctionValue) -> Value:
    """The value of a function, held against its declared type."""
    if func.node.type is None:
        return value
    wanted = read_type(func.node.type, func.frame)
    what = f"the value of `{func.node.name}`"
    return require(value, wanted, func.node.value.span, func.frame, what, func.node.type.span)
