"""The quantities of an analysis as entries: as written, as derived, with numbers, the result."""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.diagnostics import Span
from perfdsl.present.formula_book import Book
from perfdsl.present.latex_math import (
    PRODUCT,
    RELATED,
    RELATION,
    SUM,
    Math,
    Piece,
    at_least,
    atom,
    row,
)
from perfdsl.present.latex_names import Path, path
from perfdsl.present.latex_numbers import value
from perfdsl.present.latex_paths import index_path, index_symbol
from perfdsl.present.latex_printer import Printer
from perfdsl.present.latex_text import label
from perfdsl.records import dataclass, replace
from perfdsl.semantics.program import ClaimItem, Definition, ShowItem
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import Condition, Declared, Quantity, Record, Value
from perfdsl.solve.answers import AnalysisAnswer, Number, Shown, Verdict
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr


@dataclass(frozen=True, slots=True)
class Entry:
    """One quantity. title: what it is called. written: its formula, as text.

    name: its symbol, or what it is as written. steps: what it is equal to, one behind the other.
    cited: the findings that its formulas rest on, by their numbers. symbols: those that it uses.
    last: how a claim's last step stands to what is claimed. shown: the value.
    sign: how the first step stands to the name.
    """

    sort: str
    title: str
    written: str
    doc: str
    name: Math
    steps: tuple[Math, ...]
    node: int | None
    span: Span | None
    cited: tuple[int, ...] = ()
    symbols: tuple[Path, ...] = ()
    last: tuple[str, Math] | None = None
    shown: Number | None = None
    sign: str = "="


def lets(book: Book) -> Iterator[Entry]:
    """The definitions of the analysis."""
    for item in book.analysis.definitions:
        statement = _statement(book, item.span)
        if isinstance(statement, tree.Let):
            expr = _expr(book.analysis.frame, statement.span, statement.value)
            yield _let(book, item, expr)
            yield from _policy(book, item, expr)


def _let(book: Book, item: Definition, expr: tree.Expr) -> Entry:
    written = book.printer(book.analysis.frame).print(expr)
    node = _node(item.value)
    name = path(item.name)
    texts = (item.name, item.formula, item.doc)
    if node is None:
        symbol = atom(rf"\text{{{label(item.name)}}}", 6 * len(item.name))
        return entry_of(book, "let", texts, symbol, (written,), None, item.span)
    book.meanings.setdefault(name, item.value)
    shown = book.number_of(node) if isinstance(item.value, Quantity) else None
    steps = _steps(book, node, written, shown)
    symbol = book.names.symbol(name)
    return entry_of(book, "let", texts, symbol, steps, node, item.span, shown=shown)


def shows(book: Book, answer: AnalysisAnswer) -> Iterator[Entry]:
    """What is shown and is more than the name of a definition."""
    by_span = {item.span: item for item in answer.shows}
    for item in book.analysis.shows:
        statement, shown = _statement(book, item.span), by_span.get(item.span)
        if isinstance(statement, tree.Show) and shown is not None:
            yield from _show(book, item, statement, shown)


def _show(book: Book, item: ShowItem, statement: tree.Show, shown: Shown) -> Iterator[Entry]:
    node = _node(item.value)
    if node is None or not isinstance(shown.value, Number):
        return
    written = book.printer(book.analysis.frame).print(statement.value)
    steps = _steps(book, node, None, shown.value)
    texts = (item.title or item.formula, item.formula, statement.doc)
    yield entry_of(book, "show", texts, written, steps, node, item.span, shown=shown.value)


def claims(book: Book, answer: AnalysisAnswer) -> Iterator[tuple[Entry, Verdict]]:
    """The claims with their verdicts: as written, and the computed side derived."""
    by_span = {item.span: item for item in answer.claims}
    for item in book.analysis.claims:
        statement, verdict = _statement(book, item.span), by_span.get(item.span)
        if isinstance(statement, tree.Claim) and verdict is not None:
            yield _claim(book, item, statement, verdict), verdict


def _claim(book: Book, item: ClaimItem, statement: tree.Claim, verdict: Verdict) -> Entry:
    printer = book.printer(book.analysis.frame)
    computed = verdict.computed
    if statement.var:
        return _over_rows(book, item, statement, printer)
    match statement.value:
        case tree.Compare(op, left, right) if isinstance(computed, Number):
            name = at_least(printer.print(left), SUM)
            stated = at_least(printer.print(right), SUM)
            shown = _like(computed, verdict.published)
            steps = _steps(book, item.left, None, shown)
            if item.left in book.named:
                steps = steps[-1:]  # its formula stands with its definition, or among the parts
                book.tell_once(item.left)
            sign = RELATIONS[verdict.verdict == "fails"][op]
            last: tuple[str, Math] | None = (sign, stated)
        case _:
            name, steps, last = printer.print(statement.value), (), None
    texts = (item.title, item.formula, statement.doc)
    return entry_of(book, "claim", texts, name, steps, item.left, item.span, last)


def _over_rows(book: Book, item: ClaimItem, statement: tree.Claim, printer: Printer) -> Entry:
    """A claim for each row of some data."""
    index = index_symbol(statement.var)
    assert statement.over is not None
    book.indices.setdefault(index_path(statement.var), f"runs over {print_expr(statement.over)}")
    inner = printer.binding(**{statement.var: index})
    parts: list[Math | Piece] = [
        inner.print(statement.value), Piece(r" \quad\text{for each}\ ", 60, 0), index,
        Piece(r" \in ", 12), printer.print(statement.over),
    ]  # fmt: skip
    name = row(parts, RELATION)
    texts = (item.title, item.formula, statement.doc)
    return entry_of(book, "claim", texts, name, (), item.left, item.span)


RELATIONS = (
    {"~=": r"\approx", "==": "=", "!=": r"\neq", "<=": r"\leq", ">=": r"\geq", "<": "<", ">": ">"},
    {"~=": r"\not\approx", "==": r"\neq", "!=": "=", "<=": ">", ">=": "<", "<": r"\geq",
     ">": r"\leq"},
)  # fmt: skip


def _like(computed: Number, published: Number | str) -> Number:
    """A computed figure in the unit of the stated one."""
    if not isinstance(published, Number):
        return computed
    like = published
    return replace(computed, unit=like.unit, factor=like.factor)


def parts(book: Book) -> Iterator[Entry]:
    """What the formulas above name and nobody defined: its own formula, until all is inputs."""
    defined = {_node(item.value) for item in book.analysis.definitions}
    done: set[int] = {node for node in defined if node is not None}
    while waiting := [node for node in book.parts if node not in done]:
        for node in waiting:
            done.add(node)
            name = book.parts[node]
            shown = book.number_of(node)
            steps, symbol = _steps(book, node, None, shown), book.names.symbol(name)
            yield entry_of(
                book, "part", (name.text, "", ""), symbol, steps, node, None, shown=shown
            )


# ---------------------------------------------------------------------------------------- steps


def _steps(book: Book, node: int, written: Math | None, shown: Number | None) -> tuple[Math, ...]:
    """As written, as derived, in numbers, and the value, without what repeats the one before."""
    found = [written] if written is not None else []
    for step in (book.derived(node), book.numbers(node)):
        if step is not None and all(step.latex != each.latex for each in found):
            found.append(step)
    if shown is not None:
        result = value(shown, book.units, book.analysis.frame.module.units)
        if all(result.latex != each.latex for each in found):
            found.append(result)
    own = book.named.get(node)
    symbol = book.names.peek(own.path).latex if own is not None else ""
    return tuple(step for step in found if step.latex != symbol)


def entry_of(
    book: Book,
    sort: str,
    texts: tuple[str, str, str],
    name: Math,
    steps: tuple[Math, ...],
    node: int | None,
    span: Span | None,
    last: tuple[str, Math] | None = None,
    shown: Number | None = None,
    sign: str = "=",
) -> Entry:
    """An entry, with what its formulas used since the last one. texts: title, formula, doc."""
    steps = tuple(step for step in steps if step.latex != name.latex)
    cited = tuple(sorted(book.cited))
    # A name that was looked up, and whose node is told by another one, is no symbol.
    known = book.meanings.keys() | book.indices.keys()
    symbols = tuple(each for each in book.names.recent if each in known)
    book.cited.clear()
    book.names.recent.clear()
    return Entry(sort, *texts, name, steps, node, span, cited, symbols, last, shown, sign)


def _node(value: Value) -> int | None:
    return value.node if isinstance(value, Quantity | Condition) else None


def _statement(book: Book, span: Span) -> tree.Statement | None:
    node = book.analysis.frame.analysis
    assert node is not None
    return next((each for each in node.body if each.span == span), None)


def _expr(frame: Frame, span: Span, expr: tree.Expr) -> tree.Expr:
    """A definition as it is in force: what was set from outside replaces it."""
    return frame.context.overrides.get(span, expr)


# ------------------------------------------------------------------------------------- policies


def _policy(book: Book, item: Definition, expr: tree.Expr) -> Iterator[Entry]:
    """How the time of a run comes about: its policy as written."""
    policy = _policy_of(expr, book.analysis.frame)
    if not isinstance(item.value, Record) or policy is None:
        return
    node = policy.node
    assert isinstance(node, tree.Policy)
    compute = Path("compute", ("", "compute"))
    book.indices.setdefault(compute, "time of the work, each kind on its fastest port")
    bound = {
        word: atom(rf"\text{{{word}}}", 6 * len(word)) for word in ("levels", "ports", "links")
    }
    printer = book.printer(policy.module.top()).binding(compute=book.names.symbol(compute), **bound)
    rule = printer.print(node.value)
    if node.per == "operator":
        rule = _over_operators(book, rule)
    time = path(f"{item.name}.time")
    quantity = item.value.fields.get("time")
    if isinstance(quantity, Quantity):
        book.meanings.setdefault(time, quantity)
    title = f"{item.name}, under {node.name}, per {node.per}"
    symbol = book.names.symbol(time)
    texts = (title, print_expr(node.value), node.doc)
    yield entry_of(book, "policy", texts, symbol, (rule,), None, node.span)


def _over_operators(book: Book, rule: Math) -> Math:
    r"""\sum_i n_i (rule): the policy of each operator, as often as it runs."""
    book.indices.setdefault(
        index_path("i"), "runs over the operators, to each of which the rule is applied"
    )
    index = index_symbol("i").latex
    count = Path("count", ("", "count"), index)
    book.indices.setdefault(count, "how often operator i runs")
    head = Piece(rf"\sum_{{{index}}} {book.names.symbol(count).latex} \cdot ", RELATED * 2)
    return row([head, at_least(rule, PRODUCT)], RELATION)


def _policy_of(expr: tree.Expr, frame: Frame) -> Declared | None:
    """The policy of `predict(net, on: cpu, under: ecm)`: as written, or the one in force."""
    match expr:
        case tree.Call(tree.Name("predict" | "ceiling"), args):
            given = [arg.value for arg in args if arg.name == "under"] or [
                a.value for a in args[2:3]
            ]
            found = frame.context.evaluate(given[0], frame) if given else frame.world.policy
            found = found or frame.find("roofline")
            known = isinstance(found, Declared) and isinstance(found.node, tree.Policy)
            return found if known and isinstance(found, Declared) else None
        case _:
            return None
