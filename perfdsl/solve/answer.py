"""Program -> answers: every statement of every analysis answered under one reading."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence

from perfdsl.diagnostics import Span
from perfdsl.semantics.arithmetic import bridge_value
from perfdsl.semantics.dimensions import PURE
from perfdsl.semantics.graph import Input
from perfdsl.semantics.operations import EQUAL
from perfdsl.semantics.program import (
    AnalysisProgram,
    AnswerPart,
    FitPart,
    ObserveItem,
    Program,
    RefuseItem,
    ShowItem,
    SolveItem,
)
from perfdsl.semantics.text import plain
from perfdsl.semantics.values import Condition, Data, Quantity, Record, Row, Value, Words
from perfdsl.solve.answers import (
    NOT_MEASURED,
    AnalysisAnswer,
    Cell,
    DataRead,
    Finding,
    Number,
    Observed,
    Refused,
    Shown,
    Solved,
    Table,
)
from perfdsl.solve.binding import binding_of
from perfdsl.solve.claims import judge
from perfdsl.solve.conflicts import conflicts
from perfdsl.solve.explain import is_bridge
from perfdsl.solve.extent import extent
from perfdsl.solve.fits import fit_answer, fit_answers, fit_problems, values_table
from perfdsl.solve.gaps import gaps
from perfdsl.solve.measurements import measurements
from perfdsl.solve.numbers import number, of_node
from perfdsl.solve.reading import Reading
from perfdsl.solve.sensitivity import dependences, strongest
from perfdsl.solve.unknowns import AnswerSet, answer_range, answer_value, solve

OPERATOR_COLUMNS = ("name", "count", "work", "bytes", "intensity", "time", "bound")


def answer(
    program: Program,
    names: Iterable[str] = (),
    *,
    seconds: float = math.inf,
    per_operator: bool = False,
) -> tuple[AnalysisAnswer, ...]:
    """The answers of the named analyses (of all where none is named).

    Raises reading.Timeout after `seconds`.
    """
    wanted = set(names)
    deadline = time.monotonic() + seconds
    reading = Reading(program.graph, answer_value, extent, answer_range, deadline=deadline)
    return tuple(
        _analysis(analysis, reading, per_operator)
        for analysis in program.analyses
        if not wanted or analysis.name in wanted
    )


def _analysis(program: AnalysisProgram, reading: Reading, per_operator: bool) -> AnalysisAnswer:
    shows = tuple(_show(item, reading) for item in program.shows)
    claims = tuple(judge(item, reading) for item in program.claims)
    solved = tuple(s for item in program.solves for s in _solved(item, reading))
    tables = tuple(_operator_tables(program, reading)) if per_operator else ()
    return AnalysisAnswer(
        program.name,
        program.doc,
        shows,
        claims,
        tuple(_refused(item) for item in program.refusals),
        tuple(_observed(item, reading, program) for item in program.observations),
        solved,
        conflicts(program, reading),
        tuple(_findings(program, reading)),
        strongest(
            [*(d for s in shows for d in s.depends), *(d for c in claims for d in c.depends)]
        ),
        program.span,
        tables,
        tuple(_read(data) for data in program.data),
        fit_answers(program.fits, reading),
        tuple(fit_problems(program, reading)),
        tuple(measurements(program, reading.graph)),
    )


def _read(data: Data) -> DataRead:
    file, sha256 = (data.file.source.name, data.file.sha256) if data.file else ("", "")
    return DataRead(data.name, file, sha256, len(data.rows), data.span)


# ---------------------------------------------------------------------------------------- show


def _show(item: ShowItem, reading: Reading) -> Shown:
    value = shown_value(item, reading)
    node = item.value.node if isinstance(item.value, Quantity) else None
    known = node is not None and not reading.missing(node)
    binding = binding_of(reading, node) if node is not None and known else ""
    depends = dependences(reading, node) if node is not None else ()
    return Shown(item.title or item.formula, item.formula, value, binding, depends, item.span)


def shown_value(item: ShowItem, reading: Reading) -> Number | bool | str | Table | Solved:
    value = item.value
    module = item.frame.module
    match value:
        case Quantity():
            return of_node(reading, value.node, value.dimension, item.unit, module, value.tag)
        case Condition(node=node) if reading.missing(node):
            return NOT_MEASURED
        case Condition():
            return bool(reading.value(value.node))
        case Data(rows=rows):
            return rows_table(rows, item, reading)
        case Row():
            return rows_table((value,), item, reading)
        case Record(rows=rows) if rows and _is_table(value):
            return table(value, item, reading)
        case Record(fields=fields) if isinstance(fit := fields.get("rss"), Quantity):
            return NOT_MEASURED if reading.missing(fit.node) else _values_of(fit, reading)
        case Record(fields=fields) if isinstance(fields.get("value"), Quantity):
            return _answer_of(value, reading, item)
        case Record(rows=rows, default=Quantity() as default) if len(rows) <= 1:
            return of_node(reading, default.node, default.dimension, item.unit, module)
        case Record(rows=rows) if rows:
            return _by_row(value, item, reading)
        case Words(text=text):
            return text
        case _:
            return _described(value)


def _described(value: Value) -> str:
    from perfdsl.semantics.values import describe

    return describe(value)


def _is_table(value: Record) -> bool:
    return all(isinstance(row, Record) and "name" in row.fields for row in value.rows.values())


def _values_of(rss: Quantity, reading: Reading) -> Table:
    """A fit as a whole: its unknowns, each with its error."""
    part = reading.graph.nodes[rss.node].data
    assert isinstance(part, FitPart)
    return values_table(fit_answer(part.fit, reading))


def _answer_of(value: Record, reading: Reading, item: ShowItem) -> Solved | str:
    part = value.fields["value"]
    assert isinstance(part, Quantity)
    data = reading.graph.nodes[part.node].data
    assert isinstance(data, AnswerPart)
    return _solved_for(data.solve, data.unknown, reading, item.unit, item)


def _by_row(value: Record, item: ShowItem, reading: Reading) -> Table:
    """Work by kind, bytes by role: a table of two columns."""
    rows: list[tuple[Cell, ...]] = [
        (name, _in(row, item.unit, item, reading)) for name, row in flat(value)
    ]
    if isinstance(value.default, Quantity) and len(rows) > 1:
        rows.append(("all", _in(value.default, item.unit, item, reading)))
    return Table(("of", "value"), ("", item.unit), tuple(rows))


def flat(value: Record, name: str = "") -> list[tuple[str, Quantity]]:
    """The quantities of a record's rows, those of rows of rows included: `fp32 MAC`."""
    found: list[tuple[str, Quantity]] = []
    for key, row in value.rows.items():
        inner = f"{name} {key}".strip()
        if isinstance(row, Quantity):
            found.append((inner, row))
        elif isinstance(row, Record):
            found.extend(flat(row, inner))
    return found


def _in(value: Quantity, unit: str, item: ShowItem, reading: Reading) -> Number:
    """In the unit asked for where it fits, else in a readable one."""
    module = item.frame.module
    meant = module.units.parse(unit) if unit else None
    fits = meant is not None and getattr(meant, "dim", None) == value.dimension
    return of_node(reading, value.node, value.dimension, unit if fits else "", module, value.tag)


# --------------------------------------------------------------------------------------- tables


def table(value: Record, item: ShowItem, reading: Reading) -> Table:
    """A table of operators with the columns that were asked for."""
    columns = [(".".join(c.path), c.unit) for c in item.columns]
    chosen = columns or [(name, "") for name in OPERATOR_COLUMNS]
    rows = [
        tuple(_cell(row, name, unit, item, reading) for name, unit in chosen)
        for row in value.rows.values()
        if isinstance(row, Record)
    ]
    return Table(tuple(n for n, _ in chosen), tuple(u for _, u in chosen), tuple(rows))


def rows_table(rows: Sequence[Row], item: ShowItem, reading: Reading) -> Table:
    """Rows of data with the columns that were asked for, in the units as written."""
    asked = [(".".join(c.path), c.unit) for c in item.columns]
    chosen = asked or [(name, "") for name in rows[0].cells]
    cells = [tuple(_datum(row.cells[name], unit, item, reading) for name, unit in chosen)
             for row in rows]  # fmt: skip
    return Table(tuple(n for n, _ in chosen), tuple(u for _, u in chosen), tuple(cells))


def _datum(cell: Value, unit: str, item: ShowItem, reading: Reading) -> Cell:
    if isinstance(cell, Quantity):
        return _in(cell, unit or item.unit, item, reading)
    return cell.text if isinstance(cell, Words) else ""


def _cell(row: Record, name: str, unit: str, item: ShowItem, reading: Reading) -> Cell:
    if name == "bound":
        time_ = row.fields["time"]
        known = isinstance(time_, Quantity) and not reading.missing(time_.node)
        return binding_of(reading, time_.node) if isinstance(time_, Quantity) and known else ""
    value: Value | None = row
    for part in name.split("."):
        fields = {**dict(value.rows), **dict(value.fields)} if isinstance(value, Record) else {}
        value = fields.get(part)
    if isinstance(value, Record):
        if value.default is None and value.rows:
            parts = [_in(part, unit, item, reading) for _, part in flat(value)]
            return " + ".join(f"{plain(p.shown)} {p.unit}" for p in parts)
        value = value.default
    if isinstance(value, Quantity) and name == "count" and not unit:
        # How often: a bare number in every row, whether or not a model counts it in layers.
        bounds, missing = reading.bounds(value.node), reading.missing(value.node)
        return number(reading.value(value.node), PURE, bounds, missing=missing)
    if isinstance(value, Quantity):
        return _in(value, unit, item, reading)
    return value.text if isinstance(value, Words) else ""


def _operator_tables(program: AnalysisProgram, reading: Reading) -> Iterable[tuple[str, Table]]:
    """The operators of every run that the analysis names."""
    for definition in program.definitions:
        value = definition.value
        if isinstance(value, Record) and "ops" in value.fields:
            ops = value.fields["ops"]
            if isinstance(ops, Record):
                item = ShowItem(
                    definition.name, definition.formula, ops, "", (), definition.span, program.frame
                )
                yield definition.name, table(ops, item, reading)


# -------------------------------------------------------------------- observations and answers


def _observed(item: ObserveItem, reading: Reading, program: AnalysisProgram) -> Observed:
    module = program.frame.module
    observed = of_node(reading, item.value.node, item.value.dimension, "", module)
    value = reading.value(item.target.node)
    predicted = None
    if not math.isnan(value):
        bounds = reading.bounds(item.target.node)
        predicted = Number(
            value, bounds.low, bounds.high, item.target.dimension, observed.unit, observed.factor
        )
    return Observed(
        item.subject, item.name, item.id, item.formula, observed, predicted, item.source, item.span
    )


def _solved(item: SolveItem, reading: Reading) -> list[Solved]:
    return [_solved_for(item, unknown, reading, "", None) for unknown in item.unknowns]


def _solved_for(
    item: SolveItem, unknown: int, reading: Reading, unit: str, show: ShowItem | None
) -> Solved:
    graph = reading.graph
    source = graph.nodes[unknown].data
    assert isinstance(source, Input)
    missing = any(reading.missing(root) for root in item.roots)
    found = solve(reading, item, unknown) if not missing else AnswerSet.unmeasured(unknown)
    example = found.nearest.at if found.nearest is not None else 1.0
    example = found.parts[0].high if found.parts else example
    readable = number(example, source.dim, tag=source.unit.tag)
    text, factor = readable.unit, readable.factor
    if source.dim == PURE and not source.unit.tag and not source.whole:
        text, factor = "%", 0.01
    if unit and show is not None:
        meant = show.frame.module.units.parse(unit)
        text, factor = unit, getattr(meant, "factor", 1.0)
    target = None
    if item.subject and graph.nodes[item.right].op == "input":
        value = reading.value(item.right)
        data = graph.nodes[item.right].data
        target = Number(value, data.low, data.high, data.dim, data.unit.text, data.unit.factor,
                        reading.missing(item.right))  # fmt: skip
    nearest = other = None
    if found.nearest is not None:
        like = target or number(found.nearest.value, item.dim)
        nearest, other = _like(found.nearest.value, like), _like(found.nearest.other, like)
    return Solved(
        item.name, source.name, item.formula, item.op, target, found, text, factor, source.dim,
        nearest, item.subject, item.span, other,
    )  # fmt: skip


def _like(value: float, like: Number) -> Number | None:
    """A value in the unit of another; None where there is none."""
    if math.isnan(value):
        return None
    return Number(value, value, value, like.dim, like.unit, like.factor)


def _refused(item: RefuseItem) -> Refused:
    return Refused(item.code, item.title, item.id, item.kept, item.found, item.formula, item.span)


# ------------------------------------------------------------------------------------- findings


def _findings(program: AnalysisProgram, reading: Reading) -> Iterable[Finding]:
    """Ways of counting that a reader should know of: every unusual bridge."""
    roots = [each.left for c in program.claims for each in c.each]
    roots += [s.value.node for s in program.shows if isinstance(s.value, Quantity)]
    roots += [n for s in program.solves for n in s.roots]
    seen: set[int] = set()
    for node in reading.graph.needed(roots):
        item = reading.graph.nodes[node]
        if item.op == "input" and is_bridge(item.data.dim) and node not in seen:
            seen.add(node)
            finding = _unusual(item.data)
            if finding is not None:
                yield finding
    yield from gaps(program, reading)
    yield from _valueless(program, reading)


WHY_NONE = "it divides by zero, asks for a root or logarithm of a negative number, or overflows"


def _valueless(program: AnalysisProgram, reading: Reading) -> Iterable[Finding]:
    """What was asked for and is no number, whatever its uncertain inputs are."""
    asked = [(s.formula, s.value.node, s.span) for s in program.shows
             if isinstance(s.value, Quantity)]  # fmt: skip
    asked += [(each.formula, each.left, each.span) for c in program.claims for each in c.each
              if each.sort == "compare"]  # fmt: skip
    told: set[tuple[str, Span]] = set()  # of many rows of one claim the first is enough
    for formula, node, span in asked:
        if (formula, span) in told:
            continue
        if math.isnan(reading.value(node)) and math.isnan(reading.bounds(node).low):
            if reading.missing(node):
                continue
            if not _answers_in(reading, node):
                told.add((formula, span))
                yield Finding(f"`{formula}` has no value", (WHY_NONE,), span)


def _answers_in(reading: Reading, node: int) -> bool:
    """Whether a node asks for the value of an answer, which may be an interval."""
    nodes = reading.graph.nodes
    return any(nodes[number].op == "answer" for number in reading.graph.cone(node))


def _unusual(source: Input) -> Finding | None:
    """A bridge with another number than the one between its units."""
    exponents = source.dim.exponents
    above = next(name for name, power in exponents if power > 0)
    below = next(name for name, power in exponents if power < 0)
    right = bridge_value(above, below)
    if abs(source.value - right) <= EQUAL * right:
        return None
    title = f"`{source.name}`: one {below} is counted as {plain(source.value)} {above} here"
    return Finding(title, (f"usually it is {plain(right)} {above}",), source.span)
