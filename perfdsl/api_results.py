"""The results of an analysis for Python: values, claims and answers with their formulas.

Numbers are there at once; SymPy is loaded when a formula is first asked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from perfdsl.diagnostics import Span, did_you_mean
from perfdsl.present import figures, words
from perfdsl.semantics.program import AnalysisProgram, Program
from perfdsl.semantics.values import Quantity
from perfdsl.solve.answers import AnalysisAnswer, Number, Shown, Solved, Table, Verdict
from perfdsl.solve.numbers import number
from perfdsl.solve.reading import Reading

if TYPE_CHECKING:
    from sympy import Expr, Symbol

    from perfdsl.present.formula_sheet import Sheet
    from perfdsl.symbolic.formulas import Formulas


@dataclass(slots=True, repr=False)
class Derivations:
    """What formulas are made from; they are made when somebody asks for one."""

    program: Program
    answer: AnalysisAnswer
    reading: Reading
    _formulas: Formulas | None = None
    _sheet: Sheet | None = None

    def formulas(self) -> Formulas:
        from perfdsl.symbolic.formulas import Formulas

        if self._formulas is None:
            self._formulas = Formulas(self.program.graph)
        return self._formulas

    def sheet(self) -> Sheet:
        from perfdsl.present.formula_sheet import sheet_of

        if self._sheet is None:
            self._sheet = sheet_of(self.program, self.answer, self.reading)
        return self._sheet

    def expr(self, node: int) -> Expr:
        return self.formulas().expr(node)

    def latex(self, span: Span) -> str:
        told = self.sheet().at(span)
        return told.latex if told is not None else ""

    def mathematics(self, span: Span) -> str:
        told = self.sheet().at(span)
        return rf"$\displaystyle {told.mathematics}$" if told is not None else ""

    def parameters(self, expr: Expr) -> dict[Symbol, Parameter]:
        known = self.formulas().inputs
        found = sorted(expr.free_symbols & known.keys(), key=lambda symbol: known[symbol].name)
        return {symbol: Parameter.of(known[symbol]) for symbol in found}


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a symbol of a formula stands for. base: its value in base units, as formulas take it."""

    name: str
    value: float
    unit: str
    base: float
    low: float
    high: float
    source: str

    @staticmethod
    def of(item: Any) -> Parameter:
        factor = item.unit.factor
        unit = item.unit.text or item.unit.tag
        source = ": ".join(filter(None, (item.provenance, item.why)))
        ends = item.low / factor, item.high / factor
        return Parameter(item.name, item.value / factor, unit, item.value, *ends, source)


class Derived:
    """What follows from a formula of the program."""

    __slots__ = ()
    _node: int
    _from: Derivations

    @property
    def formula(self) -> Expr:
        """The SymPy expression in base units, free in all declared parameters (`parameters`)."""
        return self._from.expr(self._node)

    @property
    def parameters(self) -> Mapping[Symbol, Parameter]:
        """What the symbols of the formula stand for."""
        return self._from.parameters(self.formula)


class Displayed(Derived):
    """What the export shows in a display of its own."""

    __slots__ = ()
    _span: Span

    def latex(self) -> str:
        """What `perfdsl export` prints for it; its preamble declares the units."""
        return self._from.latex(self._span)

    def _repr_latex_(self) -> str:
        return self._from.mathematics(self._span)


@dataclass(frozen=True, slots=True, repr=False)
class Value(Displayed):
    """A quantity of an analysis in its unit, with all that it can be; nan where it has no best.

    binding: what attains its maximum. as_written: its formula in the author's words.
    """

    name: str
    value: float
    unit: str
    low: float
    high: float
    binding: str
    as_written: str
    _number: Number = field(repr=False)
    _node: int = field(repr=False)
    _span: Span = field(repr=False, compare=False)
    _from: Derivations = field(repr=False, compare=False)

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        spread = figures.spread(self._number)
        binds = f"{self.binding} binds" if self.binding else ""
        parts = [f"{self.name} = {figures.amount(self._number)}", spread, binds]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, repr=False)
class Claim(Displayed):
    """A claim or refute with its verdict: holds, fails, undecided or not measured.

    kept: its word is kept. value and unit: the computed side in the unit of the stated one; nan
    where it is no number. formula: of the computed side, or of the condition (1 or 0).
    """

    name: str
    id: str
    verdict: str
    kept: bool
    value: float
    unit: str
    low: float
    high: float
    stated: float
    gap: float
    explanation: str
    as_written: str
    _node: int = field(repr=False)
    _span: Span = field(repr=False, compare=False)
    _from: Derivations = field(repr=False, compare=False)

    def __bool__(self) -> bool:
        return self.verdict == "holds"

    def __repr__(self) -> str:
        broken = "" if self.kept else ", breaks its word"
        return f"{self.name}: {self.verdict}{broken}"


@dataclass(frozen=True, slots=True, repr=False)
class Answer(Derived):
    """All values of an unknown that fit. kind: point, interval, several, none or not measured.

    value: the point, else nan. low and high: the ends of all that fits. parts: each stretch of it.
    formula: the quantity in which the unknown was sought.
    """

    name: str
    unknown: str
    kind: str
    value: float
    unit: str
    low: float
    high: float
    parts: tuple[tuple[float, float], ...]
    binding: str
    as_written: str
    text: str
    _node: int = field(repr=False)
    _from: Derivations = field(repr=False, compare=False)

    def latex(self) -> str:
        """What `perfdsl export` prints for it."""
        from perfdsl.present.latex_page import answer_line

        found = (each for each in self._from.answer.solved if each.name == self.name)
        return next(answer_line(each) for each in found if each.unknown == self.unknown)

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return f"{self.name}: {self.text}"


Row = Mapping[str, float | str]


@dataclass(frozen=True, slots=True, repr=False)
class Results:
    """What an analysis answers. values: definitions and shows; tables: rows by column.

    Each of values, answers and tables is an attribute, too: `results.latency`.
    """

    name: str
    doc: str
    values: Mapping[str, Value]
    claims: tuple[Claim, ...]
    answers: Mapping[str, Answer]
    tables: Mapping[str, tuple[Row, ...]]
    findings: tuple[str, ...]
    conflicts: tuple[str, ...]

    @staticmethod
    def of(program: Program, answer: AnalysisAnswer, deadline: float) -> Results:
        """The results of an answered analysis."""
        from perfdsl.present.derivation import reading_of

        analysis = next(each for each in program.analyses if each.name == answer.name)
        source = Derivations(program, answer, reading_of(program, deadline))
        return Results(
            answer.name,
            answer.doc,
            {each.name: each for each in _values(analysis, source)},
            tuple(_claims(analysis, source)),
            {each.name: each for each in _answers(analysis, source)},
            {s.title: _rows(s.value) for s in answer.shows if isinstance(s.value, Table)},
            tuple("; ".join((each.title, *each.notes)) for each in answer.findings),
            tuple(f"{c.title}: {words.conflict_sentence(c)}" for c in answer.conflicts),
        )

    @property
    def kept(self) -> bool:
        """Whether every claim keeps its word."""
        return all(claim.kept for claim in self.claims)

    def claim(self, name: str) -> Claim:
        """The claim of that id or title."""
        for each in self.claims:
            if name in {each.id, each.name}:
                return each
        raise KeyError(name)

    def __getattr__(self, name: str) -> Any:
        if name in {"values", "answers", "tables"}:  # not there yet: while it is being copied
            raise AttributeError(name)
        for held in (self.values, self.answers, self.tables):
            if name in held:
                return held[name]
        known = [*self.values, *self.answers, *self.tables]
        near = did_you_mean(name, known)
        help_ = f"; did you mean `{near}`?" if near else ""
        raise AttributeError(f"analysis `{self.name}` has no `{name}`{help_}")

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *self.values, *self.answers, *self.tables]

    def __repr__(self) -> str:
        lines = [f"<results of {self.name}>", *map(repr, self.values.values())]
        return "\n".join([*lines, *map(repr, self.answers.values()), *map(repr, self.claims)])


# -------------------------------------------------------------------------------- from the answers


def _values(analysis: AnalysisProgram, source: Derivations) -> list[Value]:
    """The definitions, then what is shown, by title and by formula."""
    from perfdsl.solve.binding import binding_of

    reading = source.reading
    found = []
    for item in analysis.definitions:
        if isinstance(item.value, Quantity):
            node, bounds = item.value.node, reading.bounds(item.value.node)
            missing = reading.missing(node)
            shown = number(
                reading.value(node), item.value.dimension, bounds, item.value.tag, missing=missing
            )
            binding = "" if missing else binding_of(reading, node)
            found.append(_value(item.name, item.formula, shown, binding, node, item.span, source))
    by_span = {each.span: each for each in source.answer.shows}
    for show in analysis.shows:
        told = by_span.get(show.span)
        if told is not None and isinstance(show.value, Quantity):
            found += _shown(told, show.value.node, source)
    return found


def _shown(told: Shown, node: int, source: Derivations) -> list[Value]:
    if not isinstance(told.value, Number):
        return []
    names = dict.fromkeys([told.title, told.formula])
    return [
        _value(name, told.formula, told.value, told.binding, node, told.span, source)
        for name in names
    ]


def _value(
    name: str, written: str, shown: Number, binding: str, node: int, span: Span, source: Derivations
) -> Value:
    ends = shown.low / shown.factor, shown.high / shown.factor
    return Value(name, shown.shown, shown.unit, *ends, binding, written, shown, node, span, source)


def _claims(analysis: AnalysisProgram, source: Derivations) -> list[Claim]:
    nodes = {each.span: each.left for each in analysis.claims}
    return [_claim(each, nodes[each.span], source) for each in source.answer.claims]


def _claim(item: Verdict, node: int, source: Derivations) -> Claim:
    computed, stated = item.computed, item.published
    like = stated if isinstance(stated, Number) else computed
    value, low, high = (math.nan,) * 3
    unit = ""
    if isinstance(computed, Number) and isinstance(like, Number):
        value, low, high = (x / like.factor for x in (computed.value, computed.low, computed.high))
        unit = like.unit
    return Claim(
        words.statement(item), item.id, item.verdict, item.kept, value, unit, low, high,
        stated.shown if isinstance(stated, Number) else math.nan,
        math.nan if item.gap is None else item.gap,
        words.explained(item), item.formula, node, item.span, source,
    )  # fmt: skip


def _answers(analysis: AnalysisProgram, source: Derivations) -> list[Answer]:
    nodes = {each.span: each.left for each in analysis.solves}
    return [_answer(each, nodes[each.span], source) for each in source.answer.solved]


def _answer(item: Solved, node: int, source: Derivations) -> Answer:
    found, factor = item.answer, item.factor
    parts = tuple((each.low / factor, each.high / factor) for each in found.parts)
    several = sum(each.name == item.name for each in source.answer.solved) > 1
    return Answer(
        f"{item.name}.{item.unknown}" if several else item.name, item.unknown, found.kind,
        found.value / factor, item.unit, found.min / factor, found.max / factor, parts,
        found.binding, item.formula, words.answer(item), node, source,
    )  # fmt: skip


def _rows(table: Table) -> tuple[Row, ...]:
    return tuple(
        {
            name: cell if isinstance(cell, str) else cell.shown
            for name, cell in zip(table.columns, row, strict=True)
        }
        for row in table.rows
    )


__all__ = ["Answer", "Claim", "Parameter", "Results", "Value"]
