"""Claims: which side is computed and which is stated, and how near they must be."""

from __future__ import annotations

from perfdsl.records import replace
from perfdsl.semantics.arithmetic import Operand, unify, warn_of_prefixes
from perfdsl.semantics.binding import bound, heart, terms_of
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.gathering import settled_items
from perfdsl.semantics.graph import Input
from perfdsl.semantics.linearity import below
from perfdsl.semantics.notes import find
from perfdsl.semantics.program import ClaimItem
from perfdsl.semantics.quantities import condition, quantity
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.text import plain
from perfdsl.semantics.values import Condition, Quantity, Record, Row, Words, describe
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr

# Where a claim's computed side must come from: not from numbers written beside the claim.
GROUNDS = {"hardware", "model", "workload", "operator", "format", "observation", "measurement",
           "parameter", "scenario", "unknown", "data"}  # fmt: skip


def claim_item(statement: tree.Claim, frame: Frame) -> ClaimItem | None:
    """What a claim states: once, or for each item of its `for`. None: reported."""
    if statement.over is None:
        return _one(statement, frame)
    return _over(statement, statement.over, frame)


def _over(statement: tree.Claim, over: tree.Expr, frame: Frame) -> ClaimItem | None:
    """A claim about each row (or number, or operator): a statement of its own, in one word."""
    span = statement.span
    gather = tree.Gather(
        tree.Name("claim", span=span), statement.value, statement.var, over, statement.cond,
        span=span,
    )  # fmt: skip
    frames = settled_items(gather, frame)
    if frames is None:
        return None
    if not frames:
        title = "there is no row to claim this of"
        frame.context.report("P601", title, (statement.cond or over).span)
        return None
    found = [(item_name(statement.var, inner, frame), _one(statement, inner)) for inner in frames]
    rows = tuple((name, item) for name, item in found if item is not None)
    if len(rows) < len(found):
        return None
    first = rows[0][1]
    runs = over.span.to((statement.cond or over).span)
    return replace(
        _item(statement, frame, "rows", first.left, first.value),
        formula=f"{first.formula} for {statement.var} in {' '.join(runs.text.split())}",
        rows=rows,
    )


def item_name(var: str, inner: Frame, frame: Frame) -> str:
    """What an item of a `for` is called: by its label or name, else `n = 3`."""
    match inner.values[var]:
        case Row(name=name):
            return name
        case Record(fields=fields) if isinstance(fields.get("name"), Words):
            words = fields["name"]
            assert isinstance(words, Words)
            return words.text
        case Quantity(node=node, tag=tag):
            number = frame.context.graph.number(node)
            return f"{var} = {plain(number or 0.0)} {tag}".rstrip()
        case other:
            return describe(other)


def _one(statement: tree.Claim, frame: Frame) -> ClaimItem | None:
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
        frame.context.report("P601", title, statement.value.span, help_=help_, follows=True)
        return None
    return item


def _grounded(item: ClaimItem, frame: Frame) -> bool:
    """Whether the computed side rests on something declared elsewhere."""
    graph = frame.context.graph
    # A number in the claim proves nothing; one in a row of data was measured.
    written = item.published is not None and item.published.sort != "data"
    roots = [item.left] if written or item.other is None else [item.left, item.right]
    nodes = [graph.nodes[number] for number in below(graph, roots)]
    return any(
        node.op in {"answer", "table"} or (node.op == "input" and node.data.sort in GROUNDS)
        for node in nodes
    )


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
    swapped = _is_stated(expr.left, frame) and not _is_stated(expr.right, frame)
    swapped = swapped or (_is_literal(expr.left) and not _is_literal(expr.right))
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
    published = source if _is_stated(second, frame) and isinstance(source, Input) else None
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


def _is_stated(expr: tree.Expr, frame: Frame) -> bool:
    """Whether a side is a number as somebody wrote it: in the claim, or in a cell of data."""
    if _is_literal(expr):
        return True
    if not isinstance(expr, tree.Field):
        return False
    base = frame.context.evaluate(expr.base, frame)
    return isinstance(base, Row)


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
