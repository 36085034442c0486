"""Data from a file: its columns found by their headers, and held against what is declared."""

from __future__ import annotations

from collections.abc import Mapping

from perfdsl.diagnostics import Diagnostic, Edit, Fix, Label, Span, did_you_mean
from perfdsl.semantics.columns import Column
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import DataFile
from perfdsl.syntax import tree
from perfdsl.syntax.cells import Line, Records


def from_file(
    statement: tree.DataFile, file: DataFile | None, columns: list[Column], frame: Frame
) -> Records | None:
    """The rows of a data file by the names of the declared columns; None: reported."""
    headers = _headers(statement, columns, frame)
    if file is None or headers is None:
        return None
    found = _records(statement.path, file, headers)
    if isinstance(found, Diagnostic):
        why = (Label(statement.span, "read by this"),) if not found.secondary else ()
        frame.context.report(found.code, found.title, found.span, why=why, help_=found.help)
        return None
    present = [_present(column, headers, found, statement, frame) for column in columns]
    if not all(present):
        return None
    lines = tuple(
        Line({name: line.cells[head] for name, head in headers.items()}, line.span)
        for line in found.lines
    )
    return Records({column.name: column.span for column in columns}, lines)


def _records(path: str, file: DataFile, headers: Mapping[str, str]) -> Records | Diagnostic:
    if path.endswith(".csv"):
        from perfdsl.syntax.csv_records import (  # only where there is such a file
            other_separator,
            read_csv,
        )

        found = read_csv(file.source)
        if isinstance(found, Records) and found.heads.keys().isdisjoint(headers.values()):
            return other_separator(found.heads) or found
        return found
    from perfdsl.syntax.json_records import read_json

    return read_json(file.source, set(headers.values()))


def _headers(
    statement: tree.DataFile, columns: list[Column], frame: Frame
) -> dict[str, str] | None:
    """What each column is called in the file: as declared, or as the statement says."""
    names = [column.name for column in columns]
    headers = {name: name for name in names}
    first: dict[str, Span] = {}
    for each in statement.renamed:
        if each.name in first:
            why = (Label(first[each.name], "the first one"),)
            frame.context.report("P102", f"`{each.name}` is found twice", each.span, why=why)
            return None
        first[each.name] = each.span
        if each.name not in names:
            near = did_you_mean(each.name, names)
            help_ = f"did you mean `{near}`?" if near else f"there are: {', '.join(names)}"
            title = f"`{each.name}` is no column of `{statement.name}`"
            frame.context.report("P106", title, each.span, help_=help_)
            return None
        headers[each.name] = each.header
    return headers


def _present(
    column: Column,
    headers: Mapping[str, str],
    found: Records,
    statement: tree.DataFile,
    frame: Frame,
) -> bool:
    """Whether the file has a column's header; else which ones there are."""
    header = headers[column.name]
    if header in found.heads:
        return True
    renamed = next((each for each in statement.renamed if each.name == column.name), None)
    place = renamed.span if renamed is not None else column.span
    names = list(found.heads)
    near = did_you_mean(header, names)
    listed = ", ".join(f'"{name}"' for name in names[:12]) + (", ..." if len(names) > 12 else "")
    title = f'`{statement.path}` has no column "{header}"'
    fix, help_ = None, f'write `from "{statement.path}"({column.name} = "...")`'
    if near is not None:
        help_ = f'did you mean "{near}"?'
    if near is not None and renamed is not None:
        at = Span(place.source, place.end - len(header) - 2, place.end)
        fix = Fix(f'write "{near}"', (Edit(at, f'"{near}"'),), safe=True)
    notes = (f"it has: {listed}",)
    frame.context.report("P311", title, place, notes=notes, help_=help_, fix=fix)
    return False
