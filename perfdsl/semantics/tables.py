"""Tables: their rows checked once, and looked up like a function."""

from __future__ import annotations

import math
from itertools import pairwise

from perfdsl.diagnostics import Edit, Fix, Label, Span, did_you_mean
from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.dimensions import Dimension
from perfdsl.semantics.graph import Graph, Input, Lookup, Node, Table
from perfdsl.semantics.params import bind, checked_number, param_type
from perfdsl.semantics.quantities import as_quantity, quantity
from perfdsl.semantics.scope import Binding, Frame
from perfdsl.semantics.types import Type, read_type, require
from perfdsl.semantics.values import POISON, Quantity, TableValue, Value
from perfdsl.syntax import tree

MODES = ("step", "linear", "loglog")
# Inputs of these sorts move while everything else stays as it was written.
MOVING = {"unknown", "scenario", "stand-in", "index"}

Rows = tuple[tuple[int, int], ...]


def bind_table(statement: tree.Table, frame: Frame) -> None:
    """Bind the table of a block; its rows are read when it is first looked up."""
    at = head_of(statement)
    holder = tree.Name(statement.name, span=at)
    frame.bindings[statement.name] = Binding(
        statement.name, "table", holder, at, at, make=lambda inner: _table(statement, inner)
    )


def head_of(statement: tree.Table) -> Span:
    """`table name(x: B): Ratio step`, without the rows."""
    at = statement.span
    return Span(at.source, at.start, at.start + len(at.text.partition("{")[0].rstrip()))


def _table(statement: tree.Table, frame: Frame) -> Value:
    """A table whose every row is checked."""
    wanted = param_type(statement.param, frame)
    result = read_type(statement.type, frame)
    good = _mode(statement, frame)
    for type_, what, span in (
        (wanted, "what a table is asked for", statement.param.span),
        (result, "what a table gives", statement.type.span),
    ):
        if type_ is not None and type_.sort != "Quantity":
            frame.context.report("P302", f"{what} is a quantity: a unit, Ratio or Count", span)
            good = False
    if wanted is None or result is None or not good:
        return POISON
    keys = _column([entry.key for entry in statement.entries], wanted, "a key", statement, frame)
    written = [_noted(entry.value, statement.notes) for entry in statement.entries]
    values = _column(written, result, "a value", statement, frame)
    if keys is None or values is None or not _rows_make_sense(statement, keys, values, frame):
        return POISON
    operands = [Operand(v, e.value.span) for v, e in zip(values, statement.entries, strict=True)]
    like = unify(frame.context, operands, "values of one table")
    if like is None:
        return POISON
    like = Quantity(-1, result.dim, result.tag or like.tag, like.kinds)
    rows = tuple((k.node, v.node) for k, v in zip(keys, values, strict=True))
    fixed = _fixed(statement, rows, frame.context.graph, wanted.dim, result.dim)
    return TableValue(statement, frame, like, rows, fixed)


def _noted(value: tree.Expr, notes: tuple[tree.Note, ...]) -> tree.Expr:
    """A note behind a table is one on each value that has none of its own."""
    if not notes or isinstance(value, tree.Noted):
        return value
    return tree.Noted(value, notes, span=value.span)


def _mode(statement: tree.Table, frame: Frame) -> bool:
    """Whether the words behind the type are a mode and perhaps `clamp`."""
    if statement.mode in MODES and statement.clamp in {"", "clamp"}:
        return True
    if not statement.mode:
        end = statement.type.span.end
        behind = Span(statement.span.source, end, end)
        title = f"the table `{statement.name}` does not say how it goes from row to row"
        help_ = "write `step`, `linear` or `loglog` in front of `{`"
        frame.context.report("P312", title, behind, help_=help_)
        return False
    known, wrong = (MODES, statement.mode) if statement.mode not in MODES else (
        ("clamp",), statement.clamp)  # fmt: skip
    title = f"a table goes by `step`, `linear` or `loglog`, not by `{wrong}`"
    if known == ("clamp",):
        title = f"behind `{statement.mode}` there may be `clamp`, not `{wrong}`"
    near = did_you_mean(wrong, list(known))
    head = head_of(statement)
    at = head.start + head.text.rindex(wrong)
    span = Span(head.source, at, at + len(wrong))
    fix = Fix(f"write `{near}`", (Edit(span, near),), safe=True) if near else None
    help_ = f"did you mean `{near}`?" if near else ""
    frame.context.report("P312", title, span, help_=help_, fix=fix)
    return False


def _column(
    exprs: list[tree.Expr], wanted: Type, what: str, statement: tree.Table, frame: Frame
) -> list[Quantity] | None:
    """The keys or the values, each of the declared type; None: reported."""
    name = f"{what} of `{statement.name}`"
    key = what == "a key"
    at = statement.param.span if key else statement.type.span
    head = head_of(statement)
    within = statement.param.within if key else None
    own = statement.param.name if key else statement.name
    holder = Binding(own, "table", exprs[0], head, head, within=within)
    found: list[Quantity] = []
    for expr in exprs:
        value = quantity(expr, frame)
        if value is None:
            continue
        typed = require(value, wanted, expr.span, frame, name, at)
        if isinstance(typed, Quantity):
            typed = checked_number(typed, wanted, expr.span, frame, holder)
        if isinstance(typed, Quantity):
            found.append(typed)
    return found if len(found) == len(exprs) else None


# ------------------------------------------------------------------------------------- the rows


def _rows_make_sense(
    statement: tree.Table, keys: list[Quantity], values: list[Quantity], frame: Frame
) -> bool:
    """Enough rows, in the order of their keys, and positive where logarithms are taken."""
    numbers = [frame.context.graph.number(key.node) for key in keys]
    report, name = frame.context.report, statement.name
    for number, entry in zip(numbers, statement.entries, strict=True):
        if number is None or not math.isfinite(number):
            title = f"a key of `{name}` must be a number, and this one is not known"
            report("P312", title, entry.key.span)
            return False
    if len(keys) < 2 and statement.mode != "step":
        title = f"`{statement.mode}` goes from row to row, and `{name}` has only one"
        report("P312", title, statement.entries[0].span, help_="add a row, or write `step`")
        return False
    known = [number for number in numbers if number is not None]
    return _ascending(statement, known, frame) and _positive(statement, known, values, frame)


def _ascending(statement: tree.Table, keys: list[float], frame: Frame) -> bool:
    for (before, here), (first, second) in zip(
        pairwise(keys), pairwise(statement.entries), strict=True
    ):
        if before < here:
            continue
        title = f"a key of `{statement.name}` is not larger than the one before it"
        if before == here:
            title = f"two rows of `{statement.name}` have the same key"
        why = (Label(first.key.span, "the row before"),)
        help_ = "order the rows by their keys, the smallest first"
        frame.context.report("P312", title, second.key.span, why=why, help_=help_)
        return False
    return True


def _positive(
    statement: tree.Table, keys: list[float], values: list[Quantity], frame: Frame
) -> bool:
    if statement.mode != "loglog":
        return True
    for key, value, entry in zip(keys, values, statement.entries, strict=True):
        number = frame.context.graph.number(value.node)
        what, span = ("key", entry.key.span) if key <= 0 else ("value", entry.value.span)
        if key <= 0 or (number is not None and number <= 0):
            title = f"`loglog` takes logarithms, and this {what} is not positive"
            help_ = "leave the row out, or write `linear`"
            frame.context.report("P312", title, span, help_=help_)
            return False
    return True


def _fixed(
    statement: tree.Table, rows: Rows, graph: Graph, asked: Dimension, dim: Dimension
) -> Table | None:
    """The numbers of a table in which nothing can move; None where something can."""
    below = graph.needed([item for row in rows for item in row])
    if any(_moves(graph.nodes[number]) for number in below):
        return None
    numbers = [(graph.number(key), graph.number(value)) for key, value in rows]
    found = [(k, v) for k, v in numbers if k is not None and v is not None]
    if len(found) < len(rows):
        return None
    keys, values = zip(*found, strict=True)
    clamp = bool(statement.clamp)
    return Table(statement.name, keys, values, statement.mode, clamp, asked, dim)


def _moves(item: Node) -> bool:
    """Whether something is uncertain, assumed or unknown: more than the number that is written."""
    if item.op == "input":
        source = item.data
        return not source.sure or source.provenance == "assumed" or source.sort in MOVING
    return item.op in {"answer", "named"}


# --------------------------------------------------------------------------------------- look up


def look_up(table: TableValue, expr: tree.Call, frame: Frame) -> Value:
    """`eff(run.work)`: the argument checked against the table's parameter, and its value."""
    param = table.node.param
    what = f"the table `{table.node.name}`"
    given = bind((param,), expr.args, expr.span, frame, table.frame, what)
    if given is None:
        return POISON
    value = given.get(param.name)
    if value is None and param.default is not None:
        value = table.frame.context.evaluate(param.default, table.frame)
    at = as_quantity(value if value is not None else POISON, expr.span, frame)
    if at is None:
        return POISON
    graph = frame.context.graph
    if table.fixed is not None:
        node = graph.add("table", (at.node,), table.fixed)
    else:
        node = _spelled_out(table, at.node, graph)
    if not table.node.clamp:
        graph.lookups.setdefault(node, _lookup(table, at, expr.span, graph))
    return Quantity(node, table.like.dim, table.like.tag, table.like.kinds)


def _lookup(table: TableValue, at: Quantity, span: Span, graph: Graph) -> Lookup:
    """What is asked, and the first and last key, for a message where the one is outside."""
    first, last = (graph.number(table.rows[i][0]) for i in (0, -1))
    written = graph.nodes[table.rows[-1][0]].data
    unit = written.unit if isinstance(written, Input) and written.unit.text else None
    above = math.inf if table.node.mode == "step" or last is None else last
    below = -math.inf if first is None else first
    name, dim, home = table.node.name, at.dimension, head_of(table.node)
    return Lookup(span, name, home, at.node, below, above, dim, unit)


def _spelled_out(table: TableValue, at: int, graph: Graph) -> int:
    """The same as a choice of rows by comparisons, where a number of a row may move."""
    mode, rows = table.node.mode, table.rows
    nothing = graph.add("first", (), ())
    found = rows[0][1] if table.node.clamp else nothing
    for i, (key, value) in enumerate(rows):
        last = i == len(rows) - 1
        piece = value if mode == "step" or last else _line(mode, rows[i], rows[i + 1], at, graph)
        found = graph.add("select", (graph.add("compare", (at, key), ">="), piece, found))
        if last and mode != "step" and not table.node.clamp:
            above = graph.add("compare", (at, key), ">")
            found = graph.add("select", (above, nothing, found))
    return found


def _line(mode: str, row: tuple[int, int], after: tuple[int, int], at: int, graph: Graph) -> int:
    """The straight line between two rows, or the power law."""
    (k0, v0), (k1, v1) = row, after
    if mode == "loglog":
        share = graph.ratio(
            graph.add("log2", (graph.ratio(at, k0),)), graph.add("log2", (graph.ratio(k1, k0),))
        )
        return graph.product([v0, graph.add("pow", (graph.ratio(v1, v0), share))])
    run, rise = graph.total([k1, k0], (1, -1)), graph.total([v1, v0], (1, -1))
    step = graph.product([rise, graph.total([at, k0], (1, -1)), run], (1, 1, -1))
    return graph.total([v0, step])
