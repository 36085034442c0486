"""The JSON document: what it holds, and how it is written.

`schema` makes models of these classes, and `schema.json` of the models; `python -m
perfdsl.present.document` writes it anew. Numbers are plain, in the unit beside them; what is not
finite is null. A new field is no new version; a field that goes or changes is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from json.encoder import encode_basestring as quoted
from typing import Literal, TypeAlias

from perfdsl.records import dataclass, field, fields_of

SCHEMA_VERSION: Literal["1"] = "1"

Real: TypeAlias = float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """The first character of a statement; lines and columns start at 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number in `unit` ("1" for a pure one) and all that it could be."""

    value: Real
    unit: str
    low: Real
    high: Real


@dataclass(frozen=True, slots=True, kw_only=True)
class Elasticity:
    """By how many percent a result moves when an assumed input grows by one percent."""

    name: str
    why: str
    value: Quantity
    elasticity: Real
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A mistake, a warning or a note; without a place all of its place is null."""

    code: str
    severity: Literal["error", "warning", "note"]
    title: str
    file: str | None
    line: int | None
    column: int | None
    end_line: int | None
    end_column: int | None
    label: str
    secondary: list[ProblemLabel]
    notes: list[str]
    help: str
    fix: ProblemFix | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemLabel:
    """A second place that a problem is about."""

    file: str | None
    line: int | None
    column: int | None
    end_line: int | None
    end_column: int | None
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemFix:
    """Edits that belong together; safe: they may be made without asking."""

    title: str
    safe: bool
    edits: list[ProblemEdit]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemEdit:
    """The characters `start` up to `end` of a file become `text`."""

    file: str
    start: int
    end: int
    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A claim, refute, refuse or observe.

    statement: its title, else its formula. published and computed: numbers in `unit`, or words.
    For an observation `published` is what was observed and `computed` what is predicted.
    expects: what keeps its word is `holds` (claim), `fails` (refute); kept: it is kept.
    gap: computed / published - 1. rows: of a claim over rows each one; empty for any other.
    """

    id: str
    sort: Literal["claim", "refute", "refuse", "observe"]
    statement: str
    published: Real | str
    computed: Real | str
    unit: str
    verdict: Literal["holds", "fails", "undecided", "not measured", "observed"]
    explanation: str
    location: Location
    expects: Literal["holds", "fails", "observed"]
    kept: bool
    gap: Real
    tolerance: str
    formula: str
    subject: str
    low: Real
    high: Real
    source: str
    elasticities: list[Elasticity]
    rows: list[RowVerdict] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVerdict:
    """One row of a claim over rows, by its label or number; computed and published in `unit`."""

    row: str
    published: Real | str
    computed: Real | str
    unit: str
    verdict: Literal["holds", "fails", "undecided", "not measured"]
    kept: bool
    gap: Real
    low: Real
    high: Real
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Named columns, and rows of texts and quantities."""

    name: str
    columns: list[Column]
    rows: list[list[str | Quantity]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    low: Real
    high: Real


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The reachable value that comes nearest, where the unknown is then, and what binds there.

    other: where a jump leaves the wanted value out, what is reached on its other side, at other_at.
    """

    value: Quantity | None
    at: Real
    binding: str
    other: Quantity | None = None
    other_at: Real | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All values of an unknown that fit, in `unit`.

    parts: with every input at its best; reach: while uncertain inputs run over their ranges.
    """

    name: str
    unknown: str
    statement: str
    formula: str
    subject: str
    target: Quantity | None
    kind: Literal["point", "interval", "several", "none", "not measured"]
    unit: str
    value: Real
    min: Real
    max: Real
    parts: list[Range]
    reach: list[Range]
    complete: bool
    binding: str
    nearest: Nearest | None
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A shown value. Which of value, text, holds, table and answer is set, `kind` tells.

    A number without a value that rests on a time which is still to be measured has a text besides.
    """

    name: str
    formula: str
    kind: Literal["number", "text", "condition", "table", "answer"]
    value: Quantity | None = None
    text: str | None = None
    holds: bool | None = None
    table: Table | None = None
    answer: Answer | None = None
    binding: str
    elasticities: list[Elasticity]
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A statement of a conflict. needed: what it alone would have to be; null: it cannot.

    allowed: the needed value lies in its declared range (null where none is declared).
    """

    name: str
    statement: str
    value: Quantity
    needed: Quantity | None
    direction: str
    allowed: bool
    range: Range | None
    whole: bool
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The first at its end and the second moved make peace together."""

    first: str
    first_value: Quantity
    second: str
    second_value: Quantity
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Statements that cannot all hold; without any one of `members` the others can."""

    title: str
    subject: str
    scenarios: list[str]
    observed: Quantity
    reachable: Quantity
    direction: str
    members: list[Member]
    others: list[Member]
    pairs: list[Pair]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    title: str
    notes: list[str]
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedValue:
    """A fitted unknown. error: its standard error, null without one; at_end: of its range."""

    name: str
    value: Quantity
    error: Quantity | None
    at_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """An answered fit. residuals: a row each, observed, fitted, fitted - observed, off by.

    rss: sum of squared residuals (of logarithms where relative); loo_rss: with each row predicted
    by a fit to the others, null where it was not computed.
    """

    name: str
    formula: str
    relative: bool
    parameters: list[FittedValue]
    rss: Quantity
    r2: Real
    loo_rss: Quantity | None
    residuals: Table
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """A file that data was read from: what the results rest on, and what it held (SHA-256)."""

    name: str
    file: str
    sha256: str
    rows: int
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What `measured` is asked for: one pass of a model over so many tokens of so many texts.

    time: what was measured; null: nothing was, and `perfdsl validate` measures it. others: further
    fields of the workload, where they are not what they are by default.
    """

    model: str
    hardware: str
    tokens: int
    batch: int
    cores: int
    cold: bool
    others: list[CaseField]
    time: Quantity | None
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseField:
    name: str
    value: Real | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How many statements there are of each sort; broken: how many break their word.

    unmeasured: how many claims rest on times that `perfdsl validate` is still to measure.
    """

    figures: int
    hold: int
    fail: int
    undecided: int
    observed: int
    broken: int
    unmeasured: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A symbol of a formula in LaTeX, and what it stands for; value: null for an index."""

    symbol: str
    name: str
    value: Quantity | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """as_written, as_derived: in the notation of the language, "" where there is none.

    latex: a display that needs the preamble of `perfdsl export`.
    """

    as_written: str
    as_derived: str
    latex: str
    symbols: list[Symbol]


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """A quantity with its formula. sort `part`: what other formulas name and nobody defined."""

    name: str
    sort: Literal["let", "policy", "show", "claim", "fit", "part"]
    value: Quantity | None
    formula: Formula
    location: Location | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    name: str
    doc: str
    location: Location
    summary: Summary
    shows: list[Show]
    statements: list[Statement]
    solved: list[Answer]
    conflicts: list[Conflict]
    findings: list[Finding]
    assumed: list[Elasticity]
    operators: list[Table]
    data: list[DataFile] = field(default_factory=list)
    fits: list[Fit] = field(default_factory=list)
    derivations: list[Derivation] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What `solve --format json` prints; `check --format json` prints it without answers."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    tool: str
    file: str
    exit_code: int
    summary: Summary
    analyses: list[Analysis]
    problems: list[Problem]


# ----------------------------------------------------------------------------------- writing


def written(value: object, indent: str = "") -> str:
    """A value of the document as JSON: objects and lists with a line for each part."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return _finite(value)
        case int():
            return str(value)
        case str():
            return quoted(value)
        case list():
            inner = indent + "  "
            return _lines("[", [written(each, inner) for each in value], "]", indent)
        case _:
            return _lines("{", list(_members(value, indent + "  ")), "}", indent)


def _members(value: object, indent: str) -> Iterator[str]:
    for name in fields_of(type(value)):
        yield f'"{name}": {written(getattr(value, name), indent)}'


def _lines(start: str, parts: list[str], end: str, indent: str) -> str:
    if not parts:
        return start + end
    inner = f"\n{indent}  "
    return f"{start}{inner}{f',{inner}'.join(parts)}\n{indent}{end}"


def _finite(value: float) -> str:
    """JSON has no NaN and no infinity; and 4.8999999999999995 is 4.9 in its unit."""
    return repr(float(f"{value:.15g}")) if math.isfinite(value) else "null"


if __name__ == "__main__":
    import sys

    from perfdsl.present.schema import SCHEMA_FILE, schema

    SCHEMA_FILE.write_text(schema(sys.modules[__name__]), encoding="utf-8")
