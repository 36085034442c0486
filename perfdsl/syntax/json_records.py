"""JSON -> rows of cells with their places: a list of objects, or an object of columns.

A reader of its own, since the standard library's says nothing of places, forgets all but the last
of equal keys, and recurses. This one never does: what is nested in a column that nobody asks for
is skipped, and everything else is flat.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from itertools import zip_longest

from perfdsl.diagnostics import Diagnostic, Source, Span
from perfdsl.records import dataclass
from perfdsl.syntax.cells import MAX_ROWS, Cell, Line, Records, too_many_rows

BLANK = re.compile(r"[ \t\r\n]*")
NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.+-])"
TOKEN = re.compile(
    rf'([\[\]{{}},:])|("(?:[^"\\\x00-\x1f]|\\.)*")|({NUMBER})|((?:true|false|null)\b)'
)
CLOSES = {"[": "]", "{": "}"}
MAX_DEPTH = 64


class Stuck(Exception):  # noqa: N818  no error of ours: the text is no JSON, and nothing more of it is read
    """The text cannot be read further; the message says why."""

    def __init__(self, problem: Diagnostic) -> None:
        super().__init__(problem.title)
        self.problem = problem


@dataclass(slots=True)
class Cursor:
    """Where the reading stands."""

    source: Source
    at: int = 0

    def peek(self) -> str:
        """The next character that is no blank; "" at the end."""
        blank = BLANK.match(self.source.text, self.at)
        self.at = blank.end() if blank else self.at
        return self.source.text[self.at : self.at + 1]

    def take(self) -> re.Match[str]:
        """The next sign, text, number or word."""
        self.peek()
        found = TOKEN.match(self.source.text, self.at)
        if found is None:
            raise self.stuck("this is no JSON")
        self.at = found.end()
        return found

    def expect(self, signs: str) -> str:
        found = self.take()[0]
        if found not in signs.split():
            self.at -= len(found)
            raise self.stuck(f"{' or '.join(f'`{s}`' for s in signs.split())} is expected here")
        return found

    def stuck(self, title: str, code: str = "P311", start: int = -1) -> Stuck:
        start = self.at if start < 0 else start
        end = min(len(self.source.text), max(self.at, start + 1))
        return Stuck(Diagnostic(code, title, Span(self.source, start, end)))


def read_json(source: Source, wanted: Collection[str]) -> Records | Diagnostic:
    """The rows of a text; of each only the columns that are wanted."""
    cursor = Cursor(source)
    try:
        match cursor.peek():
            case "[":
                found = _objects(cursor, wanted)
            case "{":
                found = _columns(cursor, wanted)
            case _:
                title = "data in JSON is a list of objects, or an object of columns"
                raise cursor.stuck(title)
        if cursor.peek():
            raise cursor.stuck("this stands behind the end of the data")
    except Stuck as stuck:
        return stuck.problem
    if not found.lines:
        return Diagnostic("P311", "the file has no row", Span(source, 0, 1))
    return found


def _objects(cursor: Cursor, wanted: Collection[str]) -> Records:
    """`[{"n": 1, "took": 3.5}, ...]`."""
    cursor.expect("[")
    lines: list[Line] = []
    heads: dict[str, Span] = {}
    while cursor.peek() != "]":
        if lines:
            cursor.expect(",")
        if len(lines) == MAX_ROWS:
            raise Stuck(too_many_rows(Span(cursor.source, cursor.at, cursor.at + 1)))
        cursor.peek()
        start = cursor.at
        cells, keys = _object(cursor, wanted)
        for name in wanted:
            if name not in cells and not lines:
                cursor.at = len(cursor.source.text)  # its name is probably another one
                return Records(keys, (Line(cells, Span(cursor.source, start, start)),))
            if name not in cells:
                named = ", ".join(f"`{key}`" for key in list(keys)[:8])
                title = f"this row has no `{name}`" + (f"; it has {named}" if named else "")
                raise cursor.stuck(title, start=start)
        heads |= {name: place for name, place in keys.items() if name not in heads}
        lines.append(Line(cells, Span(cursor.source, start, cursor.at)))
    cursor.expect("]")
    return Records(heads, tuple(lines))


def _object(cursor: Cursor, wanted: Collection[str]) -> tuple[dict[str, Cell], dict[str, Span]]:
    """The cells of one row, and all its keys with their places."""
    cells: dict[str, Cell] = {}
    keys: dict[str, Span] = {}
    cursor.expect("{")
    while cursor.peek() != "}":
        if keys:
            cursor.expect(",")
        name = _key(cursor, keys)
        cell = _value(cursor)
        if name in wanted:
            cells[name] = cell
    cursor.expect("}")
    return cells, keys


def _columns(cursor: Cursor, wanted: Collection[str]) -> Records:
    """`{"n": [1, 2], "took": [3.5, 7]}`."""
    columns: dict[str, list[Cell]] = {}
    keys: dict[str, Span] = {}
    cursor.expect("{")
    while cursor.peek() != "}":
        if keys:
            cursor.expect(",")
        name = _key(cursor, keys)
        if name not in wanted:
            _value(cursor)
        elif cursor.peek() == "[":
            columns[name] = _cells(cursor)
        else:
            raise cursor.stuck(f"the column `{name}` is a list of its cells")
    cursor.expect("}")
    _same_length(columns, keys)
    rows = zip_longest(*columns.values())
    lines = tuple(
        Line(dict(zip(columns, row, strict=True)), row[0].span.to(row[-1].span)) for row in rows
    )
    return Records(keys, lines)


def _same_length(columns: Mapping[str, list[Cell]], keys: Mapping[str, Span]) -> None:
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"`{name}` {count}" for name, count in lengths.items())
        title = f"the columns have different numbers of cells: {listed}"
        raise Stuck(Diagnostic("P311", title, keys[min(lengths, key=lambda n: lengths[n])]))


def _cells(cursor: Cursor) -> list[Cell]:
    found: list[Cell] = []
    cursor.expect("[")
    while cursor.peek() != "]":
        if found:
            cursor.expect(",")
        if len(found) == MAX_ROWS:
            raise Stuck(too_many_rows(Span(cursor.source, cursor.at, cursor.at + 1)))
        found.append(_value(cursor))
    cursor.expect("]")
    return found


def _key(cursor: Cursor, known: dict[str, Span]) -> str:
    """The name in front of a value; each is there once."""
    if cursor.peek() != '"':
        raise cursor.stuck("a name in quotes is expected here")
    start = cursor.at
    name = _text(cursor)
    if name in known:
        raise cursor.stuck(f"`{name}` is there twice", start=start)
    known[name] = Span(cursor.source, start, cursor.at)
    cursor.expect(":")
    return name


def _text(cursor: Cursor) -> str:
    start = cursor.at
    try:
        return str(json.loads(cursor.take()[0]))
    except ValueError:
        raise cursor.stuck("this text has an escape that JSON does not know", start=start) from None


def _value(cursor: Cursor) -> Cell:
    """A number or text; whatever else stands there is skipped, and told apart."""
    sign = cursor.peek()
    start = cursor.at
    if sign == '"':
        return Cell(_text(cursor), "text", Span(cursor.source, start, cursor.at))
    if sign in CLOSES:
        _skip(cursor)
        sort = "a list" if sign == "[" else "an object"
        return Cell("", sort, Span(cursor.source, start, cursor.at))
    found = cursor.take()
    if found[1]:
        cursor.at = start
        raise cursor.stuck("a number or a text is expected here")
    span = Span(cursor.source, start, cursor.at)
    return Cell(found[0], "number", span) if found[3] else Cell("", f"`{found[0]}`", span)


def _skip(cursor: Cursor) -> None:
    """To the end of a list or object: its brackets pair, whatever else is in it."""
    open_: list[str] = []
    while True:
        found = cursor.take()[0]
        if found in CLOSES:
            open_.append(CLOSES[found])
            if len(open_) > MAX_DEPTH:
                raise cursor.stuck(f"this nests deeper than {MAX_DEPTH}", "P703")
        elif found in {"]", "}"} and open_.pop() != found:
            raise cursor.stuck("this bracket closes another one")
        if not open_:
            return
