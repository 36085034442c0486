"""Questions that have no answer as written: a key outside its table, a condition never met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perfdsl.diagnostics import Label
from perfdsl.semantics.dimensions import Dimension
from perfdsl.semantics.graph import Graph, Lookup, Search
from perfdsl.semantics.program import AnalysisProgram
from perfdsl.semantics.scope import Context
from perfdsl.semantics.text import plain, show_number
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import Condition, Quantity, Record, Value

# Rows of a table of operators that are looked at.
DEEPEST = 4


def report_unmet(roots: Iterable[int], context: Context) -> None:
    """One message for each question that these nodes ask and that has no answer."""
    graph = context.graph
    if not graph.lookups and not graph.searches:
        return
    for node in asked(graph, roots):
        if node in graph.lookups:
            _outside(graph.lookups[node], context)
        if node in graph.searches:
            _never(graph.searches[node], context)


def asked(graph: Graph, roots: Iterable[int]) -> Iterator[int]:
    """The nodes whose values the roots ask for: of a choice only what is chosen, where known."""
    seen: set[int] = set()
    todo = list(roots)
    while todo:
        number = todo.pop()
        if number in seen:
            continue
        seen.add(number)
        yield number
        todo.extend(_asks(graph, number))


def _asks(graph: Graph, number: int) -> tuple[int, ...]:
    node = graph.nodes[number]
    match node.op:
        case "select":
            test = graph.number(node.args[0])
            return node.args if test is None else (node.args[0], node.args[1 if test else 2])
        case "and" | "or" | "first":
            stops = 0.0 if node.op == "and" else 1.0
            tests = (graph.number(arg) == stops for arg in node.args)
            last = next((i for i, stop in enumerate(tests) if stop), len(node.args))
            return node.args[: last + 1]
        case _:
            return node.args


def roots_of(program: AnalysisProgram) -> list[int]:
    """Every value that the statements of an analysis ask for."""
    found: list[int] = []
    for show in program.shows:
        found += nodes_of(show.value)
    for claim in program.claims:
        found += [n for part in claim.each for n in (part.left, part.right) if n >= 0]
    for item in program.observations:
        found += [item.value.node, item.target.node]
    for solve in program.solves:
        found += solve.roots
    return found


def nodes_of(value: Value, depth: int = 0) -> list[int]:
    """The nodes of a value, those of the rows of a table included."""
    match value:
        case Quantity() | Condition():
            return [value.node]
        case Record() if depth < DEEPEST:
            inner = [*value.rows.values(), *value.fields.values()]
            inner += [] if value.default is None else [value.default]
            return [node for part in inner for node in nodes_of(part, depth + 1)]
        case _:
            return []


# ------------------------------------------------------------------------------------- messages


def _outside(lookup: Lookup, context: Context) -> None:
    at = context.graph.number(lookup.at)
    if at is None or lookup.low <= at <= lookup.high:
        return
    title = f"`{lookup.name}` is asked for {shown_key(lookup, at)}, {keys_of(lookup)}"
    why = (Label(lookup.home, "the table"),)
    help_ = "add a row, or write `clamp` behind the mode to hold the values of the end rows"
    context.report("P506", title, lookup.span, why=why, help_=help_)


def shown_key(lookup: Lookup, value: float) -> str:
    """A key in the unit of the table."""
    return _shown(value, lookup.dim, lookup.unit)


def keys_of(lookup: Lookup) -> str:
    """`and its keys are 1 kB .. 1 MB`; a step table has only a first one."""
    low = shown_key(lookup, lookup.low)
    if lookup.high == float("inf"):
        return f"and its first key is {low}"
    return f"and its keys are {low} .. {shown_key(lookup, lookup.high)}"


def _shown(value: float, dim: Dimension, unit: Unit | None = None) -> str:
    if unit is not None:
        return f"{plain(value / unit.factor)} {unit.text}"
    return show_number(value, dim)


def _never(search: Search, context: Context) -> None:
    graph = context.graph
    tests = [graph.number(test) for test in search.tests]
    if any(test is None or test for test in tests):
        return
    title = f"`{search.condition}` holds for none of {search.over}"
    if not search.tests:
        title = f"there is nothing in {search.over}"
    sides = [(graph.number(node), dim) for node, dim in search.sides]
    known = [_shown(value, dim) for value, dim in sides if value is not None]
    label = f"at {search.last}: {' and '.join(known)}" if len(known) == 2 else ""
    context.report("P507", title, search.span, label)
