"""The JSON document: its models, and the schema that is made of them (`schema.json`).

`python -m perfdsl.present.document` writes the schema anew. Numbers are plain, in the unit beside
them; what is not finite is null. A new field is no new version; a field that goes or changes is.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

SCHEMA_VERSION: Literal["1"] = "1"
SCHEMA_FILE = Path(__file__).with_name("schema.json")


def _finite(value: object) -> object:
    """JSON has no NaN and no infinity; and 4.8999999999999995 is 4.9 in its unit."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.15g}") if math.isfinite(value) else None


Real = Annotated[float | None, BeforeValidator(_finite)]


class Part(BaseModel):
    """Every object of the document: frozen, and with no field that the schema does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Location(Part):
    """The first character of a statement; lines and columns start at 1."""

    file: str
    line: int
    column: int


class Quantity(Part):
    """A number in `unit` ("1" for a pure one) and all that it could be."""

    value: Real
    unit: str
    low: Real
    high: Real


class Elasticity(Part):
    """By how many percent a result moves when an assumed input grows by one percent."""

    name: str
    why: str
    value: Quantity
    elasticity: Real
    location: Location


class Problem(Part):
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


class ProblemLabel(Part):
    """A second place that a problem is about."""

    file: str | None
    line: int | None
    column: int | None
    end_line: int | None
    end_column: int | None
    label: str


class ProblemFix(Part):
    """Edits that belong together; safe: they may be made without asking."""

    title: str
    safe: bool
    edits: list[ProblemEdit]


class ProblemEdit(Part):
    """The characters `start` up to `end` of a file become `text`."""

    file: str
    start: int
    end: int
    line: int
    column: int
    text: str


class Statement(Part):
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
    verdict: Literal["holds", "fails", "undecided", "observed"]
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
    rows: list[RowVerdict] = []


class RowVerdict(Part):
    """One row of a claim over rows, by its label or number; computed and published in `unit`."""

    row: str
    published: Real | str
    computed: Real | str
    unit: str
    verdict: Literal["holds", "fails", "undecided"]
    kept: bool
    gap: Real
    low: Real
    high: Real
    explanation: str


class Column(Part):
    name: str
    unit: str


class Table(Part):
    """Named columns, and rows of texts and quantities."""

    name: str
    columns: list[Column]
    rows: list[list[str | Quantity]]


class Range(Part):
    low: Real
    high: Real


class Nearest(Part):
    """The reachable value that comes nearest, where the unknown is then, and what binds there.

    other: where a jump leaves the wanted value out, what is reached on its other side, at other_at.
    """

    value: Quantity | None
    at: Real
    binding: str
    other: Quantity | None = None
    other_at: Real | None = None


class Answer(Part):
    """All values of an unknown that fit, in `unit`.

    parts: with every input at its best; reach: while uncertain inputs run over their ranges.
    """

    name: str
    unknown: str
    statement: str
    formula: str
    subject: str
    target: Quantity | None
    kind: Literal["point", "interval", "several", "none"]
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


class Show(Part):
    """A shown value. Which of value, text, holds, table and answer is set, `kind` tells."""

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


class Member(Part):
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


class Pair(Part):
    """The first at its end and the second moved make peace together."""

    first: str
    first_value: Quantity
    second: str
    second_value: Quantity
    direction: str


class Conflict(Part):
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


class Finding(Part):
    title: str
    notes: list[str]
    location: Location


class DataFile(Part):
    """A file that data was read from: what the results rest on, and what it held (SHA-256)."""

    name: str
    file: str
    sha256: str
    rows: int
    location: Location


class Summary(Part):
    """How many statements there are of each sort; broken: how many break their word."""

    figures: int
    hold: int
    fail: int
    undecided: int
    observed: int
    broken: int


class Analysis(Part):
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
    data: list[DataFile] = []


class Document(Part):
    """What `solve --format json` prints; `check --format json` prints it without answers."""

    schema_version: Literal["1"] = Field(default=SCHEMA_VERSION)
    tool: str
    file: str
    exit_code: int
    summary: Summary
    analyses: list[Analysis]
    problems: list[Problem]


def schema() -> str:
    """The schema as the text of its file."""
    found = Document.model_json_schema(mode="serialization")
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["title"] = "perfdsl answers"
    return json.dumps(found, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema(), encoding="utf-8")
