"""Columns of data: what each one's cells may be, and each cell held against that."""

from __future__ import annotations

import math
import re
from unicodedata import category

from perfdsl.diagnostics import Edit, Fix, Label, Span
from perfdsl.records import dataclass
from perfdsl.semantics.notes import provenance
from perfdsl.semantics.params import range_of
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.types import read_type
from perfdsl.semantics.units import Unit
from perfdsl.syntax import tree
from perfdsl.syntax.cells import Cell

NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# What a spreadsheet computes when it opens the file: nobody measured that.
FORMULA = ("=", "+", "@")
MAX_NUMBER = 40
MAX_TEXT = 200
SMALLEST, LARGEST = 1e-300, 1e300


@dataclass(frozen=True, slots=True)
class Column:
    """unit: of its cells; None for labels. whole, within: as for a parameter."""

    name: str
    unit: Unit | None
    text: str
    span: Span
    whole: bool = False
    within: tuple[float, float] | None = None
    range: Span | None = None
    provenance: str = ""
    why: str = ""


def columns_of(params: tuple[tree.Param, ...], span: Span, frame: Frame) -> list[Column] | None:
    """The columns that a data statement declares; None: reported."""
    if not params:
        help_ = "write `data runs(n: Count, took: ms)`"
        frame.context.report("P304", "the data has no column", span, help_=help_)
        return None
    found = [_column(param, frame) for param in params]
    first: dict[str, Span] = {}
    for param in params:
        if param.name in first:
            why = (Label(first[param.name], "the first one"),)
            title = f"two columns are called `{param.name}`"
            frame.context.report("P102", title, param.span, why=why)
            return None
        first[param.name] = param.span
    good = [column for column in found if column is not None]
    return good if len(good) == len(found) else None


def _column(param: tree.Param, frame: Frame) -> Column | None:
    report = frame.context.report
    if param.type is None:
        help_ = f"write `{param.name}: ms`, `{param.name}: Count` or `{param.name}: Label`"
        report("P304", f"the column `{param.name}` has no type", param.span, help_=help_)
        return None
    if param.default is not None:
        title = "a column has no default: each row has a cell for it"
        report("P302", title, param.default.span)
        return None
    wanted = read_type(param.type, frame)
    if wanted is None:
        return None
    source, why = provenance(param.notes)
    if wanted.sort == "Label" and param.within is None:
        return Column(param.name, None, "Label", param.span, provenance=source, why=why)
    if wanted.sort != "Quantity":
        title = "a column is in a unit, or a Count, Ratio or Label"
        report("P302", title, param.span)
        return None
    named = {"Count": param.type.argument, "Dim": param.type.argument, "Ratio": ""}
    unit = frame.module.units.parse(named.get(param.type.name, param.type.name))
    assert isinstance(unit, Unit)
    within = range_of(param.within, frame)
    place = param.within.span if param.within is not None else None
    return Column(
        param.name, unit, param.type.name, param.span, wanted.whole, within, place, source, why
    )


# --------------------------------------------------------------------------------------- cells


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a cell. span: the part of it that is, where it is not all of it."""

    code: str
    title: str
    help: str = ""
    span: Span | None = None
    fix: Fix | None = None


def written(expr: tree.Expr) -> Cell:
    """A cell that stands in the program itself; one with a unit of its own is a `quantity`."""
    number = expr.part if isinstance(expr, tree.Negative) else expr
    if isinstance(number, tree.Number):
        sign = "-" if number is not expr else ""
        return Cell(sign + number.digits, "quantity" if number.unit else "number", expr.span)
    return Cell(expr.value if isinstance(expr, tree.Text) else "", "text", expr.span)


def fault(cell: Cell, column: Column) -> Fault | None:
    """What is wrong with a cell of a column; None where it fits."""
    if column.unit is None:
        return _text_fault(cell, column)
    if cell.sort == "quantity":
        return _own_unit(cell, column)
    if cell.sort == "text" or (cell.sort == "either" and not NUMBER.fullmatch(cell.text)):
        return _no_number(cell, column)
    if cell.sort not in {"number", "either"}:
        return Fault("P310", f"a cell of `{column.name}` is {_what(column)}, not {cell.sort}")
    return _number_fault(cell, column, column.unit)


def _number_fault(cell: Cell, column: Column, unit: Unit) -> Fault | None:
    if len(cell.text) > MAX_NUMBER:
        return Fault("P704", f"this number is longer than {MAX_NUMBER} characters")
    value = float(cell.text.replace("_", ""))
    if not (value == 0 or SMALLEST <= abs(value) <= LARGEST):
        return Fault("P704", f"this number is outside {SMALLEST:g} .. {LARGEST:g}")
    if column.whole and value != math.floor(value):
        return Fault("P305", f"`{column.name}` is a count, and this is not a whole number")
    low, high = column.within or (-math.inf, math.inf)
    if not low <= value * unit.factor <= high:
        return Fault("P303", f"this cell of `{column.name}` is outside the column's declared range")
    return None


def _own_unit(cell: Cell, column: Column) -> Fault:
    """`9.8 ms` where the column says ms, or something else."""
    start = cell.span.start + len(cell.text)
    behind = Span(cell.span.source, start, cell.span.end)
    unit = behind.text.strip()
    place = Span(behind.source, behind.end - len(unit), behind.end)
    title = f"a cell is a bare number: `{column.name}` is {_what(column)} in every row"
    if unit == column.text:
        return Fault("P310", title, "", place, Fix(f"remove `{unit}`", (Edit(behind, ""),), True))
    return Fault("P310", title, "convert the number, or declare the column in this unit", place)


def _no_number(cell: Cell, column: Column) -> Fault:
    kind, text = _what(column), cell.text.strip()
    if not text:
        return Fault("P310", f"this cell of `{column.name}` is empty", f"write {kind} in every row")
    if text.startswith(FORMULA):
        title = f"`{column.name}` is {kind}, and this cell is a formula of a spreadsheet"
        return Fault("P310", title, "write the number itself")
    if cell.sort == "either" and NUMBER.match(text):
        if "," in text:
            title = f"`{column.name}` is {kind}, and digits stand without commas"
            return Fault("P310", title, "such as 1200, or 0.5")
        title = f"`{column.name}` is {kind}, and behind this number stands something else"
        return Fault("P310", title, "the unit stands once, in the type of the column")
    return Fault("P310", f"`{column.name}` is {kind}, and this is a text")


def _what(column: Column) -> str:
    if column.text in {"Count", "Ratio", "Dim"}:
        return "a number"
    return f"a number in {column.text}"


def _text_fault(cell: Cell, column: Column) -> Fault | None:
    if cell.sort not in {"text", "either"}:
        help_ = f'write `"{cell.span.text}"`' if cell.sort in {"number", "quantity"} else ""
        return Fault("P310", f"`{column.name}` is a label: a text in quotes", help_)
    if not cell.text.strip():
        return Fault("P310", f"this label of `{column.name}` is empty")
    if cell.text.startswith(FORMULA) and cell.sort == "either":
        title = f"`{column.name}` is a label, and this cell is a formula of a spreadsheet"
        return Fault("P310", title, "write the text itself")
    if len(cell.text) > MAX_TEXT:
        return Fault("P704", f"this label is longer than {MAX_TEXT} characters")
    if any(category(character) in {"Cc", "Cs"} for character in cell.text):
        return Fault("P310", f"this label of `{column.name}` holds a control character")
    return None
