"""Claims: which side is computed and which is stated, and how near they must be."""

from __future__ import annotations

from perfdsl.records import replace
from perfdsl.semantics.arithmetic import Operand, unify, warn_of_prefixes
from perfdsl.semantics.binding import bound, heart, terms_of
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.graph import Input
from perfdsl.semantics.notes import find
from perfdsl.semantics.program import ClaimItem
from perfdsl.semantics.quantities import condition, quantity
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import Condition, Quantity
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr

# Where a claim's computed side must come from: not from numbers written beside the claim.
GROUNDS = {"hardware", "model", "workload", "operator", "format", "observation", "parameter",
           "scenario", "unknown", "data"}  # fmt: skip


def claim_item(statement: tree.Claim, frame: Frame) -> ClaimItem | None:
    if statement.over is not None:
        title = "a claim over rows of data is read, but not evaluated yet"
        frame.context.report("P008", title, statement.span)
        return None
    match statement.value:
        case tree.Compare():
            item = _compare_claim(statement, statement.value, frame)
        case tree.BoundBy():
            item = _bound_claim(statement, statement.value, frame)
        case _:
            item = _condition_claim(statement, frame)
    if item is not None and not _grounded(item, frame):
        title = "the computed side depends on no model, hardware, workload or observation"
        help_ = "a claim tests what the files say: use their names instead of numbers"
        frame.context.report("P601", title, statement.value.span, help_=help_)
        return None
    return item


def _grounded(item: ClaimItem, frame: Frame) -> bool:
    """Whether the computed side rests on something declared elsewhere."""
    graph = frame.context.graph
    roots = (
        [item.left] if item.published is not None or item.other is None else [item.left, item.right]
    )
    needed = graph.needed(roots)
    if any(graph.nodes[number].op == "answer" for number in needed):
        return True
    return any(source.sort in GROUNDS for source in graph.inputs(roots))


def _item(
    statement: tree.Claim, frame: Frame, sort: str, node: int, value: Quantity | Condition
) -> ClaimItem:
    """What every sort of claim has; `node` is its left side."""
    return ClaimItem(
        statement.title,
        find(statement.notes, "id"),
        statement.expects,
        sort,
        node,
        value,
        print_expr(statement.value),
        statement.span,
        frame,
    )


def _compare_claim(statement: tree.Claim, expr: tree.Compare, frame: Frame) -> ClaimItem | None:
    beside = frame.local()
    beside.sort = "claim"
    swapped = _is_literal(expr.left) and not _is_literal(expr.right)
    first, second = (expr.right, expr.left) if swapped else (expr.left, expr.right)
    left = quantity(first, beside if _is_literal(first) else frame)
    right = quantity(second, beside if _is_literal(second) else frame)
    if left is None or right is None:
        if condition(expr, frame) is None:
            return None
        return _condition_claim(statement, frame)
    both = [Operand(left, first.span), Operand(right, second.span)]
    if unify(frame.context, both, "compared") is None:
        return None
    warn_of_prefixes(frame.context, *both)
    within, rounding = _tolerance(statement, frame)
    source = frame.context.graph.nodes[right.node].data
    published = source if _is_literal(second) and isinstance(source, Input) else None
    op = MIRROR.get(expr.op, expr.op) if swapped else expr.op
    return replace(
        _item(statement, frame, "compare", left.node, left),
        op=op,
        right=right.node,
        other=right,
        published=published,
        within=within,
        rounding=rounding,
    )


MIRROR = {"<=": ">=", ">=": "<=", "<": ">", ">": "<"}


def _is_literal(expr: tree.Expr) -> bool:
    match expr:
        case tree.Number():
            return True
        case tree.Negative(part=inner) | tree.PlusMinus(centre=inner) | tree.Noted(value=inner):
            return _is_literal(inner)
        case _:
            return False


def _tolerance(statement: tree.Claim, frame: Frame) -> tuple[float | None, bool]:
    """`within 5 %`, `within rounding`."""
    if statement.within is None:
        return None, False
    if isinstance(statement.within, tree.Name) and statement.within.id == "rounding":
        return None, True
    value = quantity(statement.within, frame)
    if value is None:
        return None, False
    number = frame.context.graph.number(value.node)
    if value.dimension.exponents or number is None or number < 0:
        title = "`within` is relative: a number or %"
        help_ = "an absolute tolerance stands on the right: `~= 5 ms +- 0.1 ms`"
        frame.context.report("P302", title, statement.within.span, help_=help_)
        return None, False
    return number, False


def _bound_claim(statement: tree.Claim, expr: tree.BoundBy, frame: Frame) -> ClaimItem | None:
    value = quantity(expr.left, frame)
    if value is None:
        return None
    graph = frame.context.graph
    node = bound(graph, value.node, expr.name)
    if node is None:
        evaluate(expr, frame)
        return None
    top = heart(graph, value.node)
    family = any(term.family == expr.name for term in terms_of(graph, top))
    return replace(
        _item(statement, frame, "bound", node, Condition(node)),
        op="family" if family else "name",
        right=top,
        other=value,
        term=expr.name,
    )


def _condition_claim(statement: tree.Claim, frame: Frame) -> ClaimItem | None:
    test = condition(statement.value, frame)
    if test is None:
        return None
    return _item(statement, frame, "condition", test.node, test)
