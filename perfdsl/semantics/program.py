"""The program: analyses whose every expression is a node of one graph, ready to be answered."""

from __future__ import annotations

from perfdsl.diagnostics import Diagnostic, Span
from perfdsl.records import dataclass, field
from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.graph import Graph, Input
from perfdsl.semantics.scope import Frame, Module
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import Condition, Data, Quantity, Value
from perfdsl.syntax import tree


@dataclass(frozen=True, slots=True, eq=False)
class ShowItem:
    """`show x in unit`: a value, in the unit that is asked for ("" chooses a readable one)."""

    title: str
    formula: str
    value: Value
    unit: str
    columns: tuple[tree.Column, ...]
    span: Span
    frame: Frame


@dataclass(frozen=True, slots=True, eq=False)
class ObserveItem:
    """A measured value. target: what was measured, as a node; least: the least that it could be.

    base, world_key, scenarios: the measured expression without its index, the inputs under which
    it was measured, and the scenarios that it names: by these a `solve` finds it.
    """

    subject: str
    name: str
    id: str
    formula: str
    target: Quantity
    least: Quantity
    value: Quantity
    base: tree.Expr
    world_key: object
    scenarios: tuple[tree.Scenario, ...]
    span: Span
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class SolveItem:
    """A question: for which values of the unknowns does `left` stand in relation `op` to `right`?

    For an observation: left is the quantity, right the observed value, op is `==`; `also` are the
    values of further observations of the same quantity, and the answer must fit them all.
    """

    name: str
    unknowns: tuple[int, ...]
    left: int
    right: int
    op: str
    formula: str
    subject: str
    observation: ObserveItem | None
    scenarios: tuple[str, ...]
    span: Span
    also: tuple[int, ...] = ()
    dim: Dimension = PURE

    @property
    def roots(self) -> tuple[int, ...]:
        return self.left, self.right, *self.also


@dataclass(frozen=True, slots=True, eq=False)
class AnswerPart:
    """What an `answer` node asks of a solve: value, min or max of one of its unknowns."""

    solve: SolveItem
    unknown: int
    part: str

    def dimension(self, graph: Graph) -> Dimension:
        return dimension_of(graph, self.unknown)


def dimension_of(graph: Graph, unknown: int) -> Dimension:
    """The dimension of an unknown."""
    source = graph.nodes[unknown].data
    assert isinstance(source, Input)
    return source.dim


@dataclass(frozen=True, slots=True, eq=False)
class FitRow:
    """What was observed in one row, and what is fitted to it, as nodes; span: of the row's name."""

    name: str
    observed: int
    fitted: int


@dataclass(frozen=True, slots=True, eq=False)
class FitItem:
    """Unknowns chosen so that over all rows the squares of fitted - observed are least.

    relative: of the differences of their logarithms. linear: every fitted side is a sum of
    multiples of the unknowns, whatever else is in it. units: in which the unknowns are declared.
    """

    name: str
    unknowns: tuple[int, ...]
    rows: tuple[FitRow, ...]
    relative: bool
    linear: bool
    formula: str
    dim: Dimension
    span: Span
    source: Span
    units: tuple[Unit, ...]

    @property
    def roots(self) -> tuple[int, ...]:
        return tuple(node for row in self.rows for node in (row.observed, row.fitted))


@dataclass(frozen=True, slots=True)
class FitPart:
    """What an `answer` node asks of a fit: value or error of an unknown; rss, r2, loo_rss."""

    fit: FitItem
    part: str
    unknown: int = -1

    def dimension(self, graph: Graph) -> Dimension:
        """That of the unknown, or of the squares that a sum adds up; r2 is a bare number."""
        if self.unknown >= 0:
            return dimension_of(graph, self.unknown)
        return PURE if self.fit.relative or self.part == "r2" else self.fit.dim * self.fit.dim


@dataclass(frozen=True, slots=True, eq=False)
class ClaimItem:
    """`claim` (expects) or `refute`. sort: compare, bound, condition, or rows.

    compare: left op right, `within` relative to right or "rounding"; `published` says that right
    is a number as written, so that left is the computed side. bound: `right` is the max, `other`
    what it is, `left` the condition that `term` attains it; condition: left is a node of 1 or 0.
    rows: one claim for each of `rows`, by its name; left is the first one's.
    """

    title: str
    id: str
    expects: bool
    sort: str
    left: int
    value: Quantity | Condition
    formula: str
    span: Span
    frame: Frame
    op: str = ""
    right: int = -1
    other: Quantity | None = None
    published: Input | None = None
    within: float | None = None
    rounding: bool = False
    term: str = ""
    rows: tuple[tuple[str, ClaimItem], ...] = ()

    @property
    def each(self) -> tuple[ClaimItem, ...]:
        """The claims that it is made of: itself, or one for each row."""
        return tuple(item for _, item in self.rows) or (self,)


@dataclass(frozen=True, slots=True, eq=False)
class RefuseItem:
    """`refuse CODE`: the codes that its expression gave when it was checked alone."""

    code: str
    title: str
    id: str
    found: tuple[Diagnostic, ...]
    formula: str
    span: Span

    @property
    def kept(self) -> bool:
        return bool(self.found) and all(problem.code == self.code for problem in self.found)


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """Observations of one subject, each under scenarios that somebody assumes of it.

    scenarios: their names. cases: each observation with its target and its least under them.
    """

    subject: str
    scenarios: tuple[str, ...]
    cases: tuple[tuple[ObserveItem, Quantity, Quantity], ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """A `let` of an analysis as it was written, with its value."""

    name: str
    formula: str
    value: Value
    doc: str
    span: Span


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AnalysisProgram:
    """One analysis, checked."""

    name: str
    doc: str
    frame: Frame
    shows: tuple[ShowItem, ...]
    claims: tuple[ClaimItem, ...]
    refusals: tuple[RefuseItem, ...]
    observations: tuple[ObserveItem, ...]
    solves: tuple[SolveItem, ...]
    hypotheses: tuple[Hypothesis, ...]
    definitions: tuple[Definition, ...]
    unknowns: tuple[int, ...]
    span: Span
    data: tuple[Data, ...] = ()
    fits: tuple[FitItem, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Program:
    """A checked file. problems: every mistake and warning that was found, sorted."""

    graph: Graph
    modules: dict[str, Module]
    analyses: tuple[AnalysisProgram, ...]
    problems: tuple[Diagnostic, ...]
    entry: Module | None = None
    settable: dict[str, tuple[Settable, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settable:
    """A definition that `--set` may replace: how it is called, and where it stands.

    held: a parameter of the analysis holds it; else it is another declaration of the file.
    """

    path: str
    span: Span
    expr: tree.Expr
    frame: Frame
    held: bool
