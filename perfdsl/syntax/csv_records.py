"""CSV -> rows of cells with their places, as RFC 4180 has them: quotes, commas, either line end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from perfdsl.diagnostics import Diagnostic, Source, Span
from perfdsl.syntax.cells import MAX_ROWS, Cell, Line, Records, too_many_rows

END = r"(?=,|\r?\n|\r|\Z)"
FIELD = re.compile(rf'[ \t]*"([^"]*(?:""[^"]*)*)"[ \t]*{END}|([^",\r\n]*){END}')
NEWLINE = re.compile(r"\r?\n|\r")


def read_csv(source: Source) -> Records | Diagnostic:
    """The rows of a text whose first line names the columns."""
    lines: list[Line] = []
    heads: Mapping[str, Span] | None = None
    for fields in _lines(source):
        if isinstance(fields, Diagnostic):
            return fields
        if heads is None:
            found = _heads(fields)
            if isinstance(found, Diagnostic):
                return found
            heads = found
            continue
        span = fields[0].span.to(fields[-1].span)
        if len(fields) != len(heads):
            return _ragged(len(fields), heads, span)
        if len(lines) == MAX_ROWS:
            return too_many_rows(span)
        lines.append(Line(dict(zip(heads, fields, strict=True)), span))
    if heads is None or not lines:
        return _without_rows(source, heads)
    return Records(heads, tuple(lines))


def _lines(source: Source) -> Iterator[list[Cell] | Diagnostic]:
    """The fields of each line that is not blank; a mistake is the last thing that comes."""
    text, at, fields = source.text, 0, list[Cell]()
    while True:
        found = FIELD.match(text, at)
        if found is None:
            yield _quotes(source, at)
            return
        fields.append(_cell(source, found))
        at = found.end()
        if at < len(text) and text[at] == ",":
            at += 1
            continue
        if len(fields) > 1 or fields[0].span.start < fields[0].span.end:
            yield fields
        fields = []
        newline = NEWLINE.match(text, at)
        if newline is None or newline.end() == len(text):
            return
        at = newline.end()


def _cell(source: Source, found: re.Match[str]) -> Cell:
    """A field without its quotes and the blanks around it."""
    whole = found[0]
    start = found.start() + len(whole) - len(whole.lstrip(" \t"))
    span = Span(source, start, max(start, found.start() + len(whole.rstrip(" \t"))))
    quoted = found[1]
    return Cell(span.text if quoted is None else quoted.replace('""', '"'), "either", span)


def _heads(fields: list[Cell]) -> Mapping[str, Span] | Diagnostic:
    heads: dict[str, Span] = {}
    for number, cell in enumerate(fields, 1):
        name = cell.text or f"(column {number})"
        if name in heads:
            return Diagnostic("P311", f"two columns of the file are called `{name}`", cell.span)
        heads[name] = cell.span
    return heads


def other_separator(heads: Mapping[str, Span]) -> Diagnostic | None:
    """A single header with `;` or tabs in it, where more are meant."""
    name = next(iter(heads), "")
    found = next((sign for sign in ";\t" if len(heads) == 1 and sign in name), None)
    if found is None:
        return None
    title = f"the cells of this file are separated by {'`;`' if found == ';' else 'tabs'}"
    help_ = "save it with commas between the cells, and a point in 12.5"
    return Diagnostic("P311", title, heads[name], help=help_)


def _ragged(found: int, heads: Mapping[str, Span], span: Span) -> Diagnostic:
    cells = "1 cell" if found == 1 else f"{found} cells"
    wanted = "1 column" if len(heads) == 1 else f"{len(heads)} columns"
    title = f"this row has {cells}, and the first line names {wanted}"
    return other_separator(heads) or Diagnostic("P311", title, span)


def _quotes(source: Source, at: int) -> Diagnostic:
    """A quote that is never closed, or text beside a quoted field."""
    start = source.text.index('"', at)
    end = re.compile(r"[^\n]*").match(source.text, start)
    span = Span(source, start, end.end() if end else start + 1)
    title = "a quote of this cell is never closed, or something stands beside it"
    help_ = 'a cell with a comma or a quote is written "like ""this"", in quotes"'
    return Diagnostic("P311", title, span, help=help_)


def _without_rows(source: Source, heads: Mapping[str, Span] | None) -> Diagnostic:
    title = "the file has no row below its headers" if heads else "the file is empty"
    help_ = "the first line names the columns, and each further one is a row"
    return Diagnostic("P311", title, Span(source, 0, 0), help=help_)
