"""Answers as the JSON document of `document`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from perfdsl.diagnostics import Diagnostic, Span
from perfdsl.numeric import intervals
from perfdsl.present import document as d
from perfdsl.present import words
from perfdsl.present.diagnostic_forms import JsonObject, to_json
from perfdsl.solve import answers as a
from perfdsl.solve.unknowns import AnswerSet

if TYPE_CHECKING:
    from perfdsl.present.formula_sheet import Sheet, Told


def document(
    answers: Sequence[a.AnalysisAnswer],
    problems: Iterable[Diagnostic],
    *,
    file: str,
    tool: str,
    exit_code: int,
    sheets: Mapping[str, Sheet] | None = None,
) -> str:
    """The document as text, without a last newline; sheets: formulas, where they are asked for."""
    found = d.Document(
        tool=tool,
        file=file,
        exit_code=exit_code,
        summary=_summary(answers),
        analyses=[_analysis(each, (sheets or {}).get(each.name)) for each in answers],
        problems=[_problem(to_json(each)) for each in problems],
    )
    return d.written(found)


def _problem(found: JsonObject) -> d.Problem:
    fix = found["fix"]
    edits = [] if fix is None else [d.ProblemEdit(**each) for each in fix["edits"]]
    parts = {
        "secondary": [d.ProblemLabel(**each) for each in found["secondary"]],
        "fix": None if fix is None else d.ProblemFix(**{**fix, "edits": edits}),
    }
    return d.Problem(**{**found, **parts})


def _analysis(item: a.AnalysisAnswer, sheet: Sheet | None) -> d.Analysis:
    return d.Analysis(
        name=item.name,
        doc=item.doc,
        location=_location(item.span),
        summary=_summary([item]),
        shows=[_show(each) for each in item.shows],
        statements=_statements(item),
        solved=[_answer(each) for each in item.solved],
        conflicts=[_conflict(each) for each in item.conflicts],
        findings=[
            d.Finding(title=f.title, notes=list(f.notes), location=_location(f.span))
            for f in item.findings
        ],
        assumed=_elasticities(item.assumed),
        operators=[_table(name, table) for name, table in item.per_operator],
        data=[_data(each) for each in item.data if each.file],
        fits=[_fit(each) for each in item.fits],
        derivations=[_derivation(each) for each in sheet.quantities] if sheet else [],
        measurements=[_measurement(each) for each in item.measurements],
    )


def _measurement(item: a.Measured) -> d.Measurement:
    case = item.case
    return d.Measurement(
        model=case.model.name,
        hardware=case.hardware.name,
        tokens=case.tokens,
        batch=case.batch,
        cores=case.cores,
        cold=case.cold,
        others=[d.CaseField(name=name, value=value) for name, value in case.others],
        time=None if item.time.missing else _quantity(item.time),
        location=_location(item.span),
    )


def _derivation(told: Told) -> d.Derivation:
    symbols = [
        d.Symbol(symbol=row.symbol, name=row.name, value=_optional(row.number), source=row.source)
        for row in told.symbols
    ]
    return d.Derivation(
        name=told.name,
        sort=_derived(told.sort),
        value=_optional(told.shown),
        formula=d.Formula(
            as_written=told.as_written,
            as_derived=told.as_derived,
            latex=told.latex,
            symbols=symbols,
        ),
        location=None if told.span is None else _location(told.span),
    )


def _derived(sort: str) -> Literal["let", "policy", "show", "claim", "part"]:
    match sort:
        case "let" | "policy" | "show" | "claim" as known:
            return known
        case _:
            return "part"


def _data(item: a.DataRead) -> d.DataFile:
    return d.DataFile(
        name=item.name,
        file=item.file,
        sha256=item.sha256,
        rows=item.rows,
        location=_location(item.span),
    )


def _fit(item: a.FitAnswer) -> d.Fit:
    return d.Fit(
        name=item.name,
        formula=item.formula,
        relative=item.relative,
        parameters=[
            d.FittedValue(
                name=each.name,
                value=_quantity(each.value),
                error=_optional(each.error),
                at_end=each.at_end,
            )
            for each in item.values
        ],
        rss=_quantity(item.rss),
        r2=item.r2,
        loo_rss=_optional(item.loo_rss),
        residuals=_table(item.name, item.rows),
        location=_location(item.span),
    )


def _summary(answers: Sequence[a.AnalysisAnswer]) -> d.Summary:
    verdicts = words.verdicts_of(answers)
    observed = sum(len(each.observations) for each in answers)
    return d.Summary(
        figures=len(verdicts) + observed,
        hold=verdicts.count("holds"),
        fail=verdicts.count("fails"),
        undecided=verdicts.count("undecided"),
        observed=observed,
        broken=sum(each.broken for each in answers),
        unmeasured=verdicts.count(a.NOT_MEASURED),
    )


def _location(span: Span) -> d.Location:
    return d.Location(file=span.source.name, line=span.line, column=span.column)


# ------------------------------------------------------------------------------------- numbers


def _unit(number: a.Number) -> str:
    return number.unit or "1"


def _quantity(number: a.Number) -> d.Quantity:
    factor = number.factor
    return d.Quantity(
        value=number.shown,
        unit=_unit(number),
        low=number.low / factor,
        high=number.high / factor,
    )


def _optional(number: a.Number | None) -> d.Quantity | None:
    return None if number is None else _quantity(number)


def _elasticities(items: Iterable[a.Dependence]) -> list[d.Elasticity]:
    return [
        d.Elasticity(
            name=item.name,
            why=item.why,
            value=_quantity(item.value),
            elasticity=item.elasticity,
            location=_location(item.span),
        )
        for item in items
    ]


# ---------------------------------------------------------------------------------- statements


def _statements(item: a.AnalysisAnswer) -> list[d.Statement]:
    """Claims, refusals and observations as they stand in the file."""
    found = [
        *((each.span, _claim(each)) for each in item.claims),
        *((each.span, _refusal(each)) for each in item.refusals),
        *((each.span, _observation(each)) for each in item.observations),
    ]
    return [each for _, each in sorted(found, key=lambda pair: pair[0].start)]


def _claim(item: a.Verdict) -> d.Statement:
    computed, published = item.computed, item.published
    factor = _factor(computed, published)
    return d.Statement(
        id=item.id,
        sort="claim" if item.expects else "refute",
        statement=words.statement(item),
        published=_plain(published),
        computed=_plain(computed, published),
        unit=_unit(published) if isinstance(published, a.Number) else "",
        verdict=_verdict(item.verdict),
        explanation=words.explained(item),
        location=_location(item.span),
        expects="holds" if item.expects else "fails",
        kept=item.kept,
        gap=item.gap,
        tolerance=item.tolerance,
        formula=item.formula,
        subject="",
        low=computed.low / factor if isinstance(computed, a.Number) else None,
        high=computed.high / factor if isinstance(computed, a.Number) else None,
        source="",
        elasticities=_elasticities(item.depends),
        rows=[_row(name, row) for name, row in item.rows],
    )


def _row(name: str, item: a.Verdict) -> d.RowVerdict:
    whole = _claim(item)
    return d.RowVerdict(
        row=name,
        published=whole.published,
        computed=whole.computed,
        unit=whole.unit,
        verdict=_verdict(item.verdict),
        kept=item.kept,
        gap=item.gap,
        low=whole.low,
        high=whole.high,
        explanation=whole.explanation,
    )


def _verdict(word: str) -> Literal["holds", "fails", "undecided", "not measured"]:
    match word:
        case "holds" | "fails" | "not measured" as known:
            return known
        case _:
            return "undecided"


def _factor(number: a.Number | str, like: a.Number | str | None = None) -> float:
    """Both sides of a claim are told in one unit: that of the published one."""
    if isinstance(like, a.Number):
        return like.factor
    return number.factor if isinstance(number, a.Number) else 1.0


def _plain(value: a.Number | str, like: a.Number | str | None = None) -> float | str | None:
    if isinstance(value, str):
        return value
    shown = value.value / _factor(value, like)
    return shown if math.isfinite(shown) else None


def _refusal(item: a.Refused) -> d.Statement:
    codes = sorted({problem.code for problem in item.found})
    return d.Statement(
        id=item.id,
        sort="refuse",
        statement=words.statement(item),
        published=item.code,
        computed=", ".join(codes) or "accepted",
        unit="",
        verdict=_verdict(words.verdict_of(item)),
        explanation="; ".join(problem.title for problem in item.found),
        location=_location(item.span),
        expects="holds",
        kept=item.kept,
        gap=None,
        tolerance="",
        formula=item.formula,
        subject="",
        low=None,
        high=None,
        source="",
        elasticities=[],
    )


def _observation(item: a.Observed) -> d.Statement:
    observed = item.observed
    return d.Statement(
        id=item.id,
        sort="observe",
        statement=words.statement(item),
        published=_plain(observed),
        computed=None if item.predicted is None else _plain(item.predicted, observed),
        unit=_unit(observed),
        verdict="observed",
        explanation=words.predicted(item),
        location=_location(item.span),
        expects="observed",
        kept=True,
        gap=None if item.predicted is None else _gap(item.predicted.value, observed.value),
        tolerance="",
        formula=item.formula,
        subject=item.subject,
        low=observed.low / observed.factor,
        high=observed.high / observed.factor,
        source=item.source,
        elasticities=[],
    )


def _gap(computed: float, published: float) -> float | None:
    return computed / published - 1 if published and math.isfinite(computed) else None


# ----------------------------------------------------------------------------- shows and answers


def _show(item: a.Shown) -> d.Show:
    value = item.value
    return d.Show(
        name=item.title,
        formula=item.formula,
        kind=_sort(value),
        value=_quantity(value) if isinstance(value, a.Number) else None,
        text=_text(value),
        holds=value if isinstance(value, bool) else None,
        table=_table(item.title, value) if isinstance(value, a.Table) else None,
        answer=_answer(value) if isinstance(value, a.Solved) else None,
        binding=item.binding,
        elasticities=_elasticities(item.depends),
        location=_location(item.span),
    )


def _text(value: object) -> str | None:
    if isinstance(value, a.Number) and value.missing:
        return a.NOT_MEASURED
    return value if isinstance(value, str) else None


def _sort(value: object) -> Literal["number", "text", "condition", "table", "answer"]:
    match value:
        case bool():
            return "condition"
        case a.Number():
            return "number"
        case a.Table():
            return "table"
        case a.Solved():
            return "answer"
        case _:
            return "text"


def _table(name: str, table: a.Table) -> d.Table:
    return d.Table(
        name=name,
        columns=[
            d.Column(name=column, unit=unit)
            for column, unit in zip(table.columns, table.units, strict=True)
        ],
        rows=[[_cell(cell) for cell in row] for row in table.rows],
    )


def _cell(cell: a.Cell) -> str | d.Quantity:
    if isinstance(cell, str):
        return cell
    return a.NOT_MEASURED if cell.missing else _quantity(cell)


def _answer(item: a.Solved) -> d.Answer:
    found, factor = item.answer, item.factor
    return d.Answer(
        name=item.name,
        unknown=item.unknown,
        statement=words.answer(item),
        formula=item.formula,
        subject=item.subject,
        target=_optional(item.target),
        kind=_kind(found),
        complete=found.complete,
        unit=item.unit or "1",
        value=found.value / factor,
        min=found.min / factor,
        max=found.max / factor,
        parts=_ranges(found.parts, factor),
        reach=_ranges(found.reach, factor),
        binding=found.binding,
        nearest=_nearest(item),
        location=_location(item.span),
    )


def _kind(found: AnswerSet) -> Literal["point", "interval", "several", "none", "not measured"]:
    match found.kind:
        case "point" | "interval" | "several" | "not measured" as kind:
            return kind
        case _:
            return "none"


def _ranges(parts: Iterable[intervals.Range], factor: float) -> list[d.Range]:
    return [d.Range(low=part.low / factor, high=part.high / factor) for part in parts]


def _nearest(item: a.Solved) -> d.Nearest | None:
    found = item.answer.nearest
    if found is None:
        return None
    return d.Nearest(
        value=_optional(item.nearest),
        at=found.at / item.factor,
        binding=found.binding,
        other=_optional(item.other),
        other_at=found.other_at / item.factor if item.other is not None else None,
    )


# ----------------------------------------------------------------------------------- conflicts


def _conflict(item: a.Conflict) -> d.Conflict:
    return d.Conflict(
        title=item.title,
        subject=item.subject,
        scenarios=list(item.scenarios),
        observed=_quantity(item.observed),
        reachable=_quantity(item.reachable),
        direction=item.direction,
        members=[_member(each) for each in item.members],
        others=[_member(each) for each in item.others],
        pairs=[
            d.Pair(
                first=p.first,
                first_value=_quantity(p.first_value),
                second=p.second,
                second_value=_quantity(p.second_value),
                direction=p.direction,
            )
            for p in item.pairs
        ],
    )


def _member(item: a.Member) -> d.Member:
    ends = item.range
    return d.Member(
        name=item.name,
        statement=item.statement,
        value=_quantity(item.value),
        needed=_optional(item.needed),
        direction=item.direction,
        allowed=item.allowed,
        range=None if ends is None else d.Range(low=ends[0].shown, high=ends[1].shown),
        whole=item.whole,
        location=_location(item.span),
    )
