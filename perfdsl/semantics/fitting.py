"""Fits: which unknowns are fitted to which rows, and what may be asked of the result."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.claims import item_name
from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.gathering import settled_items
from perfdsl.semantics.graph import Input
from perfdsl.semantics.linearity import below, is_linear
from perfdsl.semantics.program import FitItem, FitPart, FitRow
from perfdsl.semantics.quantities import quantity
from perfdsl.semantics.questions import unknowns_of
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import POISON, Later, Quantity, Record, Value
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr

SUMS = ("rss", "r2", "loo_rss")


def over_rows(statement: tree.Fit) -> tree.Gather:
    """What is fitted, as something that runs over rows: its names and its filter."""
    word = tree.Name("fit", span=statement.span)
    return tree.Gather(
        word, statement.source, statement.var, statement.over, statement.cond, span=statement.span
    )


def fit_item(statement: tree.Fit, frame: Frame) -> FitItem | None:
    """What a `fit` asks; one for each statement and frame. None: reported."""
    key = ("fit", statement.span, id(frame))
    if key not in frame.context.solves:
        frame.context.solves[key] = _fit(statement, frame)
    known = frame.context.solves[key]
    return known if isinstance(known, FitItem) else None


def _fit(statement: tree.Fit, frame: Frame) -> FitItem | None:
    unknowns = unknowns_of(statement, frame)
    if unknowns is None or not _said_well(statement, unknowns, frame):
        return None
    assert isinstance(statement.source, tree.Compare)
    frames = settled_items(over_rows(statement), frame)
    if frames is None:
        return None
    if not frames:
        title = "there is no row to fit"
        frame.context.report("P511", title, (statement.cond or statement.over).span)
        return None
    found = [_row(statement, statement.source, inner, frame) for inner in frames]
    rows = [(name, left, right) for name, left, right in found if left and right]
    if len(rows) < len(found):
        return None
    return _made(statement, unknowns, rows, frame)


def _said_well(statement: tree.Fit, unknowns: tuple[int, ...], frame: Frame) -> bool:
    """What can be said of the statement before its rows are looked at."""
    report = frame.context.report
    source = statement.source
    if not isinstance(source, tree.Compare) or source.op != "~=":
        title = "a fit says what should come near what was observed"
        report("P511", title, source.span, help_="write `r.took ~= c0 + c1 * r.n`")
        return False
    if statement.by not in {"", "relative"}:
        title = f"a fit is `by relative` errors, or by absolute ones, not by `{statement.by}`"
        report("P511", title, statement.span)
        return False
    for name, node in zip(statement.unknowns, unknowns, strict=True):
        item = frame.context.graph.nodes[node].data
        if name in SUMS:
            title = f"`{statement.name}.{name}` is a sum of the fit: call the unknown otherwise"
            report("P102", title, statement.span)
            return False
        if item.whole:
            title = f"`{name}` is a count, and a fit finds any number"
            help_ = f"declare it in a unit, or as `unknown {name}: Ratio`"
            report("P511", title, item.span, help_=help_)
            return False
    return True


Row = tuple[str, Quantity | None, Quantity | None]


def _row(statement: tree.Fit, source: tree.Compare, inner: Frame, frame: Frame) -> Row:
    left, right = quantity(source.left, inner), quantity(source.right, inner)
    name = item_name(statement.var, inner, frame)
    if left is None or right is None:
        return name, None, None
    both = [Operand(left, source.left.span), Operand(right, source.right.span)]
    like = unify(frame.context, both, "compared")
    return (name, left, right) if like is not None else (name, None, None)


def _made(
    statement: tree.Fit,
    unknowns: tuple[int, ...],
    rows: list[tuple[str, Quantity, Quantity]],
    frame: Frame,
) -> FitItem | None:
    """The fit, once it is known which side was observed and which one holds the unknowns."""
    graph = frame.context.graph
    lefts = set(below(graph, [left.node for _, left, _ in rows]))
    rights = set(below(graph, [right.node for _, _, right in rows]))
    swapped = not lefts.isdisjoint(unknowns)
    if not _entering(statement, unknowns, lefts, rights, frame):
        return None
    pairs = [(name, *((b, a) if swapped else (a, b))) for name, a, b in rows]
    fitted_nodes = [fitted_.node for _, _, fitted_ in pairs]
    item = FitItem(
        statement.name,
        unknowns,
        tuple(FitRow(name, observed.node, fitted_.node) for name, observed, fitted_ in pairs),
        statement.by == "relative",
        is_linear(graph, fitted_nodes, unknowns),
        f"{print_expr(statement.source)} for {statement.var} in {_over(statement)}",
        pairs[0][1].dim or pairs[0][2].dimension,
        statement.span,
        statement.source.span,
        tuple(_unit(name, frame) for name in statement.unknowns),
    )
    return item if _numbers_fit(item, statement, frame) else None


def _unit(name: str, frame: Frame) -> Unit:
    """The unit in which an unknown is declared; a pure number for Ratio."""
    body = frame.analysis.body if frame.analysis is not None else ()
    types = (s.type for s in body if isinstance(s, tree.Unknown) and s.name == name)
    unit = frame.module.units.parse(next(types).name)
    return unit if isinstance(unit, Unit) else Unit("", 1.0, PURE)


def _over(statement: tree.Fit) -> str:
    span = statement.over.span.to((statement.cond or statement.over).span)
    return " ".join(span.text.split()) + (" by relative" if statement.by else "")


def _entering(
    statement: tree.Fit,
    unknowns: tuple[int, ...],
    lefts: Iterable[int],
    rights: Iterable[int],
    frame: Frame,
) -> bool:
    """Whether each unknown occurs, on one side, and no other unknown does."""
    report, nodes = frame.context.report, frame.context.graph.nodes
    everywhere = {*lefts, *rights}
    for name, node in zip(statement.unknowns, unknowns, strict=True):
        if node not in everywhere:
            title = f"`{name}` does not occur in what is fitted, so nothing can be said about it"
            report("P502", title, statement.source.span)
            return False
    if not {*lefts}.isdisjoint(unknowns) and not {*rights}.isdisjoint(unknowns):
        title = "both sides depend on what is fitted: one side is what was observed"
        report("P511", title, statement.source.span)
        return False
    inputs = (nodes[n].data for n in sorted(everywhere - {*unknowns}) if nodes[n].op == "input")
    other = next((item for item in inputs if item.sort == "unknown"), None)
    if other is not None:
        title = f"this depends on the unknown `{other.name}`, which is not fitted"
        help_ = f"fit it as well: `fit {statement.name} = {', '.join(statement.unknowns)}, "
        report("P511", title, statement.source.span, help_=f"{help_}{other.name} from ...`")
        return False
    return True


def _numbers_fit(item: FitItem, statement: tree.Fit, frame: Frame) -> bool:
    """What logarithms and curves need besides: positive numbers, and a place to start from."""
    graph, report = frame.context.graph, frame.context.report
    for row in item.rows if item.relative else ():
        value = graph.number(row.observed)
        if value is not None and value <= 0:
            source = graph.nodes[row.observed].data
            span = source.span if isinstance(source, Input) else statement.source.span
            title = f"a fit by relative errors needs positive numbers, and {row.name} has none"
            report("P511", title, span, help_="leave the row out, or fit by absolute errors")
            return False
    for node in item.unknowns if not item.linear else ():
        unknown = graph.nodes[node].data
        if unknown.within is None:
            title = f"`{unknown.name}` is fitted through a curve, and needs a range to search"
            help_ = f"write `unknown {unknown.name}: ... in 0 .. 1`"
            report("P511", title, unknown.span, help_=help_)
            return False
    return True


# ---------------------------------------------------------------------------------- the result


def fitted(statement: tree.Fit, frame: Frame) -> Value:
    """What a fit gives: its unknowns, each with its error, and its sums."""
    item = fit_item(statement, frame)
    if item is None:
        return POISON
    squared = PURE if item.relative else item.dim * item.dim
    dims = {"rss": squared, "r2": PURE, "loo_rss": squared}
    makers: dict[str, Callable[[], Value]] = {
        name: partial(_part, item, name, -1, dims[name], "", frame) for name in SUMS
    }
    for name, node in zip(statement.unknowns, item.unknowns, strict=True):
        makers[name] = partial(_parameter, item, node, "value", frame)
    return Record(f"the fit `{item.name}`", Later(makers))


def _part(
    item: FitItem, part: str, unknown: int, dim: Dimension, tag: str, frame: Frame
) -> Quantity:
    node = frame.context.graph.add("answer", item.roots, FitPart(item, part, unknown))
    return Quantity(node, dim, tag)


def _parameter(item: FitItem, unknown: int, part: str, frame: Frame) -> Quantity:
    """A fitted unknown; access.py knows that it has an `.error`."""
    source = frame.context.graph.nodes[unknown].data
    assert isinstance(source, Input)
    return _part(item, part, unknown, source.dim, source.unit.tag, frame)
