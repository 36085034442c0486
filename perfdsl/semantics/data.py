"""Data: rows with named, typed columns, whose cells are inputs like any number in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial

from perfdsl.diagnostics import Label, Span, did_you_mean
from perfdsl.semantics.columns import Column, columns_of, fault, written
from perfdsl.semantics.datafiles import from_file
from perfdsl.semantics.dimensions import PURE
from perfdsl.semantics.graph import Input
from perfdsl.semantics.scope import Binding, Frame, mentioned
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import (
    POISON,
    Data,
    Later,
    ModuleValue,
    Quantity,
    Row,
    Value,
    Words,
)
from perfdsl.syntax import tree
from perfdsl.syntax.cells import Cell, Line, Records

DATA = (tree.DataRows, tree.DataFile)


def bind_data(statement: tree.DataRows | tree.DataFile, frame: Frame) -> None:
    """Bind the name of a data statement; its rows are read when they are asked for."""
    at = statement.span
    holder = tree.Name(statement.name, span=at)
    frame.bindings[statement.name] = Binding(
        statement.name, "data", holder, at, at, make=lambda inner: read_data(statement, inner)
    )


def read_data(statement: tree.DataRows | tree.DataFile, frame: Frame) -> Value:
    """The rows of a data statement: the same ones under whatever inputs they are asked for."""
    key = ("data", statement.span)
    known = frame.context.instances.get(key)
    if known is None:
        known = frame.context.instances[key] = _read(statement, frame)
    return known


def _read(statement: tree.DataRows | tree.DataFile, frame: Frame) -> Value:
    columns = columns_of(statement.params, statement.span, frame)
    if columns is None:
        return POISON
    if isinstance(statement, tree.DataRows):
        file, found = None, _inline(statement, columns, frame)
    else:
        file = frame.module.data.get(statement.path)
        found = from_file(statement, file, columns, frame)
    if found is None or not _checked(found, columns, frame):
        return POISON
    rows = _rows(statement.name, found, columns, frame)
    labelled = next((column.name for column in columns if column.unit is None), "")
    names = tuple(column.name for column in columns)
    return Data(statement.name, names, labelled, rows, statement.span, file)


def _inline(statement: tree.DataRows, columns: list[Column], frame: Frame) -> Records | None:
    """The rows that stand in the program itself; each has a cell for each column."""
    ragged = [row for row in statement.rows if len(row) != len(columns)]
    if ragged:
        _ragged(ragged, columns, frame)
        return None
    names = [column.name for column in columns]
    lines = tuple(
        Line(dict(zip(names, map(written, row), strict=True)), row[0].span.to(row[-1].span))
        for row in statement.rows
    )
    return Records({column.name: column.span for column in columns}, lines)


def _ragged(rows: list[tuple[tree.Expr, ...]], columns: list[Column], frame: Frame) -> None:
    first, others = rows[0], len(rows) - 1
    cells = "1 cell" if len(first) == 1 else f"{len(first)} cells"
    wanted = "1 column" if len(columns) == 1 else f"{len(columns)} columns"
    title = f"this row has {cells}, and the data has {wanted}"
    why = (Label(columns[0].span.to(columns[-1].span), "the columns"),)
    more = "1 more row" if others == 1 else f"{others} more rows"
    notes = (f"{more} would be refused, too",) if others else ()
    frame.context.report("P311", title, first[0].span.to(first[-1].span), why=why, notes=notes)


def _checked(found: Records, columns: list[Column], frame: Frame) -> bool:
    """Whether every cell fits its column; of each column the first one at fault is told."""
    good = [_column_checked(found.lines, column, frame) for column in columns]
    return all(good)


def _column_checked(lines: Iterable[Line], column: Column, frame: Frame) -> bool:
    faults = [(line.cells[column.name], wrong) for line in lines
              if (wrong := fault(line.cells[column.name], column)) is not None]  # fmt: skip
    if not faults:
        return True
    cell, wrong = faults[0]
    others = len(faults) - 1
    more = "1 more cell" if others == 1 else f"{others} more cells"
    notes = (f"{more} of this column would be refused, too",) if others else ()
    why = (Label(column.range or column.span, "declared here"),)
    frame.context.report(
        wrong.code, wrong.title, wrong.span or cell.span, why=why, notes=notes, help_=wrong.help,
        fix=wrong.fix,
    )  # fmt: skip
    return False


# ----------------------------------------------------------------------------------------- rows


def _rows(name: str, found: Records, columns: list[Column], frame: Frame) -> tuple[Row, ...]:
    labels = [c.name for c in columns if c.unit is None]
    titles = [", ".join(line.cells[each].text for each in labels) for line in found.lines]
    often = Counter(titles)
    rows = []
    for number, (line, title) in enumerate(zip(found.lines, titles, strict=True), 1):
        called = title if title and often[title] == 1 else f"{title} (row {number})"
        called = called if title else f"row {number}"
        path = f'{name}["{title}"]' if title and often[title] == 1 else f"{name}[{number}]"
        label = line.cells[labels[0]].text if labels else ""
        makers = {c.name: partial(_cell, line.cells[c.name], c, path, frame) for c in columns}
        rows.append(Row(called, label, name, Later(makers)))
    return tuple(rows)


def _cell(cell: Cell, column: Column, path: str, frame: Frame) -> Value:
    """A cell as a value: a text, or an input that keeps its digits as written."""
    if column.unit is None:
        return Words(cell.text)
    unit = column.unit
    value = float(cell.text.replace("_", "")) * unit.factor
    item = Input(
        f"{path}.{column.name}", value, value, value, unit.dim, unit, cell.span, "data",
        named=True, whole=column.whole, within=column.within, provenance=column.provenance,
        why=column.why, digits=cell.text.lstrip("-"),
    )  # fmt: skip
    key = ("cell", cell.span)
    node = frame.context.inputs.get(key)
    if node is None:
        node = frame.context.inputs[key] = frame.context.graph.add("input", (), item)
    return Quantity(node, unit.dim, unit.tag)


def row_of(data: Data, item: tree.Argument, frame: Frame) -> Value:
    """The row that `data["label"]` or `data[3]` asks for."""
    match item.value:
        case tree.Number(digits=digits, unit="") if digits.isdigit():
            return _numbered(data, int(digits), item.span, frame)
        case tree.Text(value=label):
            return _labelled(data, label, item.span, frame)
        case _:
            title = f"a row of `{data.name}` is asked for by its label or its number"
            example = f'`{data.name}["{data.rows[0].label}"]`' if data.labelled else ""
            help_ = f"write {example or f'`{data.name}[1]`'}"
            return frame.context.report("P308", title, item.span, help_=help_)


def _numbered(data: Data, number: int, span: Span, frame: Frame) -> Value:
    if 1 <= number <= len(data.rows):
        return data.rows[number - 1]
    title = f"`{data.name}` has rows 1 to {len(data.rows)}, and no row {number}"
    return frame.context.report("P106", title, span)


def _labelled(data: Data, label: str, span: Span, frame: Frame) -> Value:
    found = [row for row in data.rows if row.label == label]
    if len(found) == 1:
        return found[0]
    if found:
        title = f'{len(found)} rows of `{data.name}` are called "{label}"'
        condition = f'if r.{data.labelled} == "{label}"'
        help_ = f"gather them: `for r in {data.name} {condition}`"
        return frame.context.report("P106", title, span, help_=help_)
    if not data.labelled:
        title = f"`{data.name}` has no column of labels, so its rows have no names"
        help_ = f"ask by number: `{data.name}[1]`"
        return frame.context.report("P106", title, span, help_=help_)
    labels = [row.label for row in data.rows]
    near = did_you_mean(label, labels)
    listed = ", ".join(f'"{each}"' for each in labels[:8])
    more = ", ..." if len(labels) > 8 else ""
    help_ = f'did you mean "{near}"?' if near else f"there are: {listed}{more}"
    title = f'no row of `{data.name}` is called "{label}"'
    return frame.context.report("P106", title, span, help_=help_)


def kept_rows(data: Data, count: int, span: Span, frame: Frame) -> Quantity:
    """How many rows there are, or are kept, as a number that rests on the data."""
    unit = Unit("", 1.0, PURE)
    key = ("kept", data.span, count, span)
    node = frame.context.inputs.get(key)
    if node is None:
        number = float(count)
        item = Input(
            f"rows of {data.name}", number, number, number, unit.dim, unit, data.span, "data",
            named=True, whole=True, digits=str(count),
        )  # fmt: skip
        node = frame.context.inputs[key] = frame.context.graph.add("input", (), item)
    return Quantity(node)


def used_data(node: tree.Analysis, frame: Frame) -> tuple[Data, ...]:
    """The data that an analysis names: its own, that of its file, and what it imports."""
    words = mentioned(node.body) | {each.name for each in node.body if isinstance(each, DATA)}
    found: dict[Span, Data] = {}
    for name in sorted(words):
        value = frame.find(name) if name in frame.names() else None
        inside = value.module.top().values.values() if isinstance(value, ModuleValue) else ()
        for each in (value, *inside):
            if isinstance(each, Data):
                found[each.span] = each
    return tuple(found.values())
