"""Shows: what is asked for, in which unit, and which columns of a table."""

from __future__ import annotations

from perfdsl.diagnostics import Edit, Fix, Span, did_you_mean
from perfdsl.semantics.program import ShowItem
from perfdsl.semantics.quantities import as_quantity
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.units import Unit, UnitError
from perfdsl.semantics.values import (
    POISON,
    AtLevel,
    Data,
    Quantity,
    Record,
    Row,
    Value,
    describe,
)
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr

# A column that is no field of a row: what binds its time.
BOUND = "bound"


def show_item(statement: tree.Show, frame: Frame) -> ShowItem | None:
    """What a `show` asks for; None: reported."""
    value = frame.context.evaluate(statement.value, frame)
    if value == POISON:
        return None
    if isinstance(value, Record) and {"time", "ops"} <= set(value.fields):
        # A run is asked for its time, unless something else of it is named.
        value = value.fields["time"]
    if isinstance(value, AtLevel) or (
        isinstance(value, Record) and isinstance(value.default, AtLevel)
    ):
        as_quantity(value, statement.value.span, frame)
        return None
    good = not statement.unit or _in_unit(statement, value, frame)
    if statement.columns:
        good = _columns(statement, value, frame) and good
    if not good or value == POISON:
        return None
    text = print_expr(statement.value)
    return ShowItem(
        statement.title, text, value, statement.unit, statement.columns, statement.span, frame
    )


def _in_unit(statement: tree.Show, value: Value, frame: Frame) -> bool:
    """Whether the value can be shown in the unit that is asked for."""
    shown = value.default if isinstance(value, Record) else value
    if isinstance(value, Record) and "value" in value.fields:
        shown = value.fields["value"]
    return _unit_fits(statement.unit, shown, _unit_span(statement), frame)


def _unit_span(statement: tree.Show) -> Span:
    """Where the unit stands, behind `in`; the whole statement where it is written with blanks."""
    at = statement.span
    start = at.source.text.find(statement.unit, statement.value.span.end, at.end)
    return at if start < 0 else Span(at.source, start, start + len(statement.unit))


def _unit_fits(text: str, shown: Value | None, span: Span, frame: Frame) -> bool:
    unit = frame.module.units.parse(text)
    if isinstance(unit, UnitError):
        near = f"did you mean `{unit.instead}`?" if unit.instead else ""
        frame.context.report(unit.code, unit.title, span, help_=near)
        return False
    if isinstance(shown, Quantity) and shown.dimension != unit.dim:
        title = f"this cannot be shown in `{text}`"
        notes = (f"it is {shown.dimension}, and `{text}` is {unit.dim}",)
        frame.context.report("P202", title, span, notes=notes)
        return False
    return isinstance(unit, Unit)


# -------------------------------------------------------------------------------------- columns


def _columns(statement: tree.Show, value: Value, frame: Frame) -> bool:
    """Whether the value is a table that has these columns."""
    if isinstance(value, Data | Row):
        return _columns_of_data(statement, value, frame)
    rows = list(value.rows.values()) if isinstance(value, Record) else []
    tables = [row for row in rows if isinstance(row, Record) and "name" in row.fields]
    if not tables:
        title = f"columns are chosen of a table such as `run.ops`, not of {describe(value)}"
        frame.context.report("P302", title, statement.columns[0].span)
        return False
    good = [_column(column, tables, frame) for column in statement.columns]
    return all(good)


def _columns_of_data(statement: tree.Show, value: Data | Row, frame: Frame) -> bool:
    """Whether the data has these columns, in these units."""
    rows = value.rows if isinstance(value, Data) else (value,)
    for column in statement.columns:
        name = ".".join(column.path)
        if name not in rows[0].cells:
            return _no_column(column.path[0], column, list(rows[0].cells), frame)
        if column.unit and not _unit_fits(column.unit, rows[0].cells[name], column.span, frame):
            return False
    return True


def _column(column: tree.Column, rows: list[Record], frame: Frame) -> bool:
    if column.path == (BOUND,):
        return True
    cells: list[Value] = list(rows)
    for name in column.path:
        fields = [_fields(cell) for cell in cells]
        if not any(name in each for each in fields):
            return _no_column(name, column, [*fields[0], BOUND], frame)
        cells = [each[name] for each in fields if name in each]
    if not column.unit:
        return True
    singles = [cell.default if isinstance(cell, Record) else cell for cell in cells]
    unit = frame.module.units.parse(column.unit)
    # Rows may differ (MAC here, op there): each that does not fit is shown in its own unit.
    fitting = (s for s in singles if isinstance(s, Quantity) and s.dimension == unit_dim(unit))
    return _unit_fits(column.unit, next(fitting, singles[0]), column.span, frame)


def unit_dim(unit: Unit | UnitError) -> object:
    """The dimension of a unit; that of nothing for a mistake."""
    return unit.dim if isinstance(unit, Unit) else None


def _fields(cell: Value) -> dict[str, Value]:
    return {**dict(cell.rows), **dict(cell.fields)} if isinstance(cell, Record) else {}


def _no_column(name: str, column: tree.Column, names: list[str], frame: Frame) -> bool:
    near = did_you_mean(name, names)
    at = column.span.start + column.span.text.index(name)
    place = Span(column.span.source, at, at + len(name))
    fix = Fix(f"write `{near}`", (Edit(place, near),), safe=True) if near else None
    help_ = f"did you mean `{near}`?" if near else f"there are: {', '.join(names)}"
    frame.context.report(
        "P106", f"the table has no column `{name}`", place, help_=help_, fix=fix, missing=name
    )
    return False
