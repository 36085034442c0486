"""The tree: what the author wrote. Frozen nodes with spans; names are strings, units are unread.

Two trees are equal when they say the same, wherever it stands: spans take no part in equality.
Tuples, never lists. Nothing here knows what a name means.
"""

from __future__ import annotations

from typing import ClassVar

from perfdsl.diagnostics import Span
from perfdsl.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything with a place in a file."""

    span: Span = field(compare=False, repr=False)


# ------------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True, kw_only=True)
class Expr(Node):
    """Something that has a value."""


@dataclass(frozen=True, slots=True)
class Number(Expr):
    """`32 B/(cycle*core)`: digits as written (`within rounding` needs them), the unit's text."""

    digits: str
    unit: str


@dataclass(frozen=True, slots=True)
class Text(Expr):
    """`"rye"`: shown and compared, never a name."""

    value: str


@dataclass(frozen=True, slots=True)
class Name(Expr):
    """A single word."""

    id: str


@dataclass(frozen=True, slots=True)
class Field(Expr):
    """`base.name`."""

    base: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """`value` or `name: value`, in a call or an index."""

    name: str
    value: Expr


@dataclass(frozen=True, slots=True)
class Indexed(Expr):
    """`base[items]`: the same expression read under other inputs, or a row of a table."""

    base: Expr
    items: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """`func(args)`."""

    func: Expr
    args: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Range(Expr):
    """`low .. high` holds both ends, `low ..< high` (open) not the upper one."""

    low: Expr
    high: Expr
    open: bool


@dataclass(frozen=True, slots=True)
class Gather(Expr):
    """`func(body for var in over if cond)`: sum, mean, max, min, smallest, largest."""

    func: Expr
    body: Expr
    var: str
    over: Expr
    cond: Expr | None


@dataclass(frozen=True, slots=True)
class Fold(Expr):
    """`fold(acc = start for var in over: step)`."""

    acc: str
    start: Expr
    var: str
    over: Expr
    step: Expr


@dataclass(frozen=True, slots=True)
class With(Expr):
    """`base with { path = value; ... }`: the same thing with some fields replaced."""

    base: Expr
    changes: tuple[Assign, ...]


@dataclass(frozen=True, slots=True)
class If(Expr):
    """`if cond then yes else no`."""

    cond: Expr
    yes: Expr
    no: Expr


@dataclass(frozen=True, slots=True)
class Arm(Node):
    """`cond: value` of a case."""

    cond: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Case(Expr):
    """`case { cond: value, ..., else: value }`: the first condition that holds decides."""

    arms: tuple[Arm, ...]
    other: Expr


@dataclass(frozen=True, slots=True)
class Compare(Expr):
    """`left op right`, op one of == ~= != <= >= < >."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class BoundBy(Expr):
    """`left bound by name`: does the term of that name attain the maximum?"""

    left: Expr
    name: str


@dataclass(frozen=True, slots=True)
class Logic(Expr):
    """`a and b and c`, `a or b`."""

    op: str
    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Not(Expr):
    """`not part`."""

    part: Expr


@dataclass(frozen=True, slots=True)
class Sum(Expr):
    """`a + b - c`, flat: ops[i] stands in front of parts[i + 1]."""

    parts: tuple[Expr, ...]
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Product(Expr):
    """`a * b / c`, flat: ops[i] stands in front of parts[i + 1]."""

    parts: tuple[Expr, ...]
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Negative(Expr):
    """`-part`."""

    part: Expr


@dataclass(frozen=True, slots=True)
class Power(Expr):
    """`base ^ exponent`."""

    base: Expr
    exponent: Expr


@dataclass(frozen=True, slots=True)
class PlusMinus(Expr):
    """`centre +- spread`: the interval centre - spread .. centre + spread."""

    centre: Expr
    spread: Expr


@dataclass(frozen=True, slots=True)
class Skew(Expr):
    """`best in low .. high`: an interval with its best value."""

    best: Expr
    within: Range


@dataclass(frozen=True, slots=True)
class Note(Node):
    """`@name(args)`: provenance, an id, a symbol."""

    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Noted(Expr):
    """`(value @note)`: a note on one number inside an expression."""

    value: Expr
    notes: tuple[Note, ...]


# ----------------------------------------------------------------------- parts of statements


@dataclass(frozen=True, slots=True)
class Type(Node):
    """`Count<token>`, `Ratio`, `Format`, `MB/s`: `name` is a unit's text or a word."""

    name: str
    argument: str


@dataclass(frozen=True, slots=True)
class Param(Node):
    """`name: type in range = default @note`."""

    name: str
    type: Type | None
    within: Range | None
    default: Expr | None
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Column(Node):
    """`path in unit`."""

    path: tuple[str, ...]
    unit: str


@dataclass(frozen=True, slots=True)
class Imported(Node):
    """`name as alias`."""

    name: str
    alias: str


@dataclass(frozen=True, slots=True)
class Path(Node):
    """`cpu.l3.size`."""

    names: tuple[str, ...]


# -------------------------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement(Node):
    """A line (or block) of a file; `doc` is the text of the ## lines in front of it."""

    doc: str = ""
    word: ClassVar[str] = "statement"


@dataclass(frozen=True, slots=True)
class Import(Statement):
    word: ClassVar[str] = "import"
    path: str
    name: str


@dataclass(frozen=True, slots=True)
class FromImport(Statement):
    word: ClassVar[str] = "from"
    path: str
    names: tuple[Imported, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration(Statement):
    """A named block; `head` is where its name stands."""

    name: str
    head: Span = field(compare=False, repr=False)
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Hardware(Declaration):
    word: ClassVar[str] = "hardware"


@dataclass(frozen=True, slots=True)
class Block(Declaration):
    """A port, cache, memory or link of a hardware."""

    word: ClassVar[str] = "block"
    sort: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parametrised(Declaration):
    """A declaration with parameters."""

    params: tuple[Param, ...]


@dataclass(frozen=True, slots=True)
class Model(Parametrised):
    word: ClassVar[str] = "model"


@dataclass(frozen=True, slots=True)
class Operator(Parametrised):
    word: ClassVar[str] = "operator"


@dataclass(frozen=True, slots=True)
class Format(Declaration):
    word: ClassVar[str] = "format"


@dataclass(frozen=True, slots=True)
class Workload(Parametrised):
    word: ClassVar[str] = "workload"


@dataclass(frozen=True, slots=True)
class Scenario(Parametrised):
    word: ClassVar[str] = "scenario"
    base: Path | None


@dataclass(frozen=True, slots=True)
class Analysis(Parametrised):
    word: ClassVar[str] = "analysis"


@dataclass(frozen=True, slots=True)
class Policy(Statement):
    word: ClassVar[str] = "policy"
    name: str
    per: str
    value: Expr
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Unit(Statement):
    word: ClassVar[str] = "unit"
    name: str
    value: Expr
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Dimension(Statement):
    """A base dimension, named by its unit."""

    word: ClassVar[str] = "dimension"
    name: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Label(Statement):
    """A tag of counts: layer, head, channel."""

    word: ClassVar[str] = "label"
    name: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Let(Statement):
    word: ClassVar[str] = "let"
    name: str
    type: Type | None
    value: Expr
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Function(Statement):
    word: ClassVar[str] = "fn"
    name: str
    params: tuple[Param, ...]
    type: Type | None
    value: Expr
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Assign(Statement):
    """`path: type in range = value`: a field, or a change of one."""

    word: ClassVar[str] = "="
    path: tuple[str, ...]
    type: Type | None
    within: Range | None
    value: Expr
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Serves(Statement):
    word: ClassVar[str] = "serves"
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shared(Statement):
    """`shared by 6 core`, or `private` (by is None)."""

    word: ClassVar[str] = "shared"
    by: Expr | None
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Work(Statement):
    word: ClassVar[str] = "work"
    kind: str
    value: Expr
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Flow(Statement):
    """`read role = bytes`; with `supplier` the bytes are a law of the level that supplies them."""

    word: ClassVar[str] = "read"
    direction: str
    role: str
    supplier: str
    value: Expr
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Send(Statement):
    word: ClassVar[str] = "send"
    link: tuple[str, ...]
    value: Expr
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Applied(Node):
    """`operator(args)` of a use."""

    path: tuple[str, ...]
    args: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Inline(Node):
    """`{ work ...; read ... }` of a use: an operator that is used once."""

    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Use(Statement):
    """`use operator(args) of source as name`."""

    word: ClassVar[str] = "use"
    what: Applied | Inline
    source: str
    name: str


@dataclass(frozen=True, slots=True)
class Repeat(Statement):
    word: ClassVar[str] = "repeat"
    var: str
    over: Range
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Unknown(Statement):
    word: ClassVar[str] = "unknown"
    name: str
    type: Type
    within: Range | None
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Observe(Statement):
    word: ClassVar[str] = "observe"
    subject: str
    target: Expr
    value: Expr
    name: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Solve(Statement):
    word: ClassVar[str] = "solve"
    name: str
    unknowns: tuple[str, ...]
    source: Expr
    subject: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Claim(Statement):
    """`claim` or (expects = False) `refute`; with `over` one statement for each item."""

    word: ClassVar[str] = "claim"
    expects: bool
    title: str
    value: Expr
    within: Expr | None
    var: str
    over: Expr | None
    cond: Expr | None
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Refuse(Statement):
    word: ClassVar[str] = "refuse"
    code: str
    title: str
    value: Expr
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Show(Statement):
    word: ClassVar[str] = "show"
    value: Expr
    unit: str
    columns: tuple[Column, ...]
    title: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Resident(Statement):
    word: ClassVar[str] = "resident"
    role: str
    level: tuple[str, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Fit(Statement):
    word: ClassVar[str] = "fit"
    name: str
    unknowns: tuple[str, ...]
    source: Expr
    var: str
    over: Expr
    cond: Expr | None
    by: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Entry(Node):
    """`key: value` of a table."""

    key: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Table(Statement):
    word: ClassVar[str] = "table"
    name: str
    param: Param
    type: Type
    mode: str
    clamp: str
    entries: tuple[Entry, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class DataRows(Statement):
    word: ClassVar[str] = "data"
    name: str
    params: tuple[Param, ...]
    rows: tuple[tuple[Expr, ...], ...]


@dataclass(frozen=True, slots=True)
class Renamed(Node):
    """`column = "header"` of a data file."""

    name: str
    header: str


@dataclass(frozen=True, slots=True)
class DataFile(Statement):
    word: ClassVar[str] = "data"
    name: str
    params: tuple[Param, ...]
    path: str
    renamed: tuple[Renamed, ...]


@dataclass(frozen=True, slots=True)
class File(Node):
    """A whole file; edition is 0 where the first line is missing."""

    edition: int
    body: tuple[Statement, ...]
