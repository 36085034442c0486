"""What a program answers, as frozen values: pages are made of these, and of nothing else."""

from __future__ import annotations

from perfdsl.diagnostics import Diagnostic, Span
from perfdsl.records import dataclass, field
from perfdsl.semantics.cases import MeasuredCase
from perfdsl.semantics.dimensions import Dimension
from perfdsl.solve.unknowns import AnswerSet


@dataclass(frozen=True, slots=True)
class Number:
    """A value in base units with all that it could be, and the unit to show it in.

    factor: base units in one `unit`. low and high: equal to value where everything is sure.
    missing: it rests on a time that is still to be measured, and is nan until then.
    """

    value: float
    low: float
    high: float
    dim: Dimension
    unit: str
    factor: float
    missing: bool = False

    @property
    def shown(self) -> float:
        return self.value / self.factor

    @property
    def sure(self) -> bool:
        return self.low == self.high


Cell = Number | str

# What is said instead of a value that rests on a measurement which nobody has made.
NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Dependence:
    """An assumed input that a result rests on: by how many percent the result moves for one."""

    name: str
    why: str
    value: Number
    elasticity: float
    span: Span


@dataclass(frozen=True, slots=True)
class Shown:
    """An answered `show`: a number, a condition, a text, a table, or an answer set."""

    title: str
    formula: str
    value: Number | bool | str | Table | Solved
    binding: str
    depends: tuple[Dependence, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Table:
    """Named columns (each with its unit or "") and rows of cells."""

    columns: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a published figure differs: the one edit of the derivation that accounts for it.

    edit: what is removed or inserted, in words. value: the figure so recomputed. left: what the
    edit leaves over, relative. Empty edit: no single known mistake accounts for the gap.
    """

    edit: str
    value: Number | None
    left: float
    notes: tuple[str, ...] = ()
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answered claim. verdict: holds, fails, undecided or not measured; kept: its word is kept.

    computed and published are numbers or words ("memory-bound"). op: how they are compared, "" for
    a condition. gap: computed / published - 1. rows: of a claim over rows, each with its name.
    """

    title: str
    id: str
    expects: bool
    verdict: str
    kept: bool
    computed: Number | str
    published: Number | str
    formula: str
    op: str
    tolerance: str
    gap: float | None
    explanation: Explanation | None
    partial: str
    depends: tuple[Dependence, ...]
    span: Span
    rows: tuple[tuple[str, Verdict], ...] = ()

    @property
    def each(self) -> tuple[Verdict, ...]:
        """The verdicts that it is made of: itself, or one for each row."""
        return tuple(row for _, row in self.rows) or (self,)


@dataclass(frozen=True, slots=True)
class Refused:
    """An answered `refuse`: the codes that came, and whether they are the expected one alone."""

    code: str
    title: str
    id: str
    kept: bool
    found: tuple[Diagnostic, ...]
    formula: str
    span: Span


@dataclass(frozen=True, slots=True)
class Observed:
    """An observation beside what is predicted for it; ratio: predicted / observed."""

    subject: str
    name: str
    id: str
    formula: str
    observed: Number
    predicted: Number | None
    source: str
    span: Span


@dataclass(frozen=True, slots=True)
class Solved:
    """An answered `solve` for one unknown; the numbers in `answer` are in base units of `unit`.

    other: what is reached on the other side of a jump over the wanted value.
    """

    name: str
    unknown: str
    formula: str
    op: str
    target: Number | None
    answer: AnswerSet
    unit: str
    factor: float
    dim: Dimension
    nearest: Number | None
    subject: str
    span: Span
    other: Number | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A statement that takes part in a conflict. needed: what it alone would have to be.

    direction: at least, at most. allowed: within its declared range. whole: a count, so that the
    next whole number is meant.
    """

    name: str
    statement: str
    value: Number
    needed: Number | None
    direction: str
    allowed: bool
    range: tuple[Number, Number] | None
    whole: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Pair:
    """Two statements that make peace together: the first at its end, the second moved."""

    first: str
    first_value: Number
    second: str
    second_value: Number
    direction: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Statements that cannot all hold: leave out any one of `members`, and the others can.

    others: assumptions that matter, and cannot make peace alone within their ranges.
    """

    title: str
    subject: str
    scenarios: tuple[str, ...]
    observed: Number
    reachable: Number
    direction: str
    members: tuple[Member, ...]
    others: tuple[Member, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a reader should know: an unusual bridge, traffic that differs by reading."""

    title: str
    notes: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FittedValue:
    """A fitted unknown. error: its standard error, where there is one; at_end: of its range."""

    name: str
    value: Number
    error: Number | None
    at_end: bool


@dataclass(frozen=True, slots=True)
class FitAnswer:
    """An answered `fit`. rows: of each row what was observed, what is fitted, and what is left.

    rss: sum of squares of what is left; r2: 1 - rss / that of the observed about their mean.
    loo_rss: the same as rss, each row predicted without itself; None: there is none, or it would
    take long. relative: of logarithms.
    """

    name: str
    formula: str
    relative: bool
    values: tuple[FittedValue, ...]
    rss: Number
    r2: float
    loo_rss: Number | None
    rows: Table
    span: Span


@dataclass(frozen=True, slots=True)
class DataRead:
    """Data that an analysis rests on. file, sha256: where it was read from, and what was in it."""

    name: str
    file: str
    sha256: str
    rows: int
    span: Span


@dataclass(frozen=True, slots=True)
class Measured:
    """What `measured` was asked for, and the time that was measured; missing: it was not yet."""

    case: MeasuredCase
    time: Number
    span: Span


@dataclass(frozen=True, slots=True)
class AnalysisAnswer:
    """One analysis, answered."""

    name: str
    doc: str
    shows: tuple[Shown, ...]
    claims: tuple[Verdict, ...]
    refusals: tuple[Refused, ...]
    observations: tuple[Observed, ...]
    solved: tuple[Solved, ...]
    conflicts: tuple[Conflict, ...]
    findings: tuple[Finding, ...]
    assumed: tuple[Dependence, ...]
    span: Span
    per_operator: tuple[tuple[str, Table], ...] = field(default_factory=tuple)
    data: tuple[DataRead, ...] = ()
    fits: tuple[FitAnswer, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    measurements: tuple[Measured, ...] = ()

    @property
    def broken(self) -> int:
        """How many words were not kept."""
        return sum(not v.kept for v in self.claims) + sum(not r.kept for r in self.refusals)

    @property
    def undecided(self) -> int:
        return sum(v.verdict == "undecided" for v in self.claims)

    @property
    def unmeasured(self) -> int:
        """How many claims wait for a measurement."""
        return sum(v.verdict == NOT_MEASURED for v in self.claims)
