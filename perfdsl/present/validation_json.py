"""A validation as a JSON document: every figure in base units, with the analysis' own document.

Times are seconds, rates a second, bytes and counts plain. A field that is added leaves the schema's
version as it is; one that changes or goes raises it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from perfdsl.present import json_form

if TYPE_CHECKING:
    from perfdsl.compare.caching import Fetched
    from perfdsl.compare.ceilings import Excess
    from perfdsl.compare.forecast import Forecast
    from perfdsl.compare.predicted import Checked, Predicted
    from perfdsl.compare.report import Counted, Report
    from perfdsl.compare.residual import Residual
    from perfdsl.compare.validation import Held, Part
    from perfdsl.measure.statistics import Estimate
    from perfdsl.solve.calibrated_terms import Parameter

VERSION = 1
Plain = Mapping[str, object]


def document(report: Report, *, file: str, tool: str, exit_code: int) -> str:
    """The document as text, without a last newline."""
    record = report.record
    answers = json_form.document([report.answer], (), file=file, tool=tool, exit_code=exit_code)
    told: Plain = {
        "schema_version": VERSION,
        "kind": "validation",
        "tool": tool,
        "exit_code": exit_code,
        "analysis": report.analysis,
        "hardware": report.hardware,
        "policy": report.policy,
        "measured": {
            "date": record.date,
            "tool": record.tool,
            "instructions": record.isa,
            "environment": record.environment.model_dump(mode="json"),
            "disturbance": record.disturbance.model_dump(mode="json"),
            "flushed_bytes": record.flushed,
            "complete": record.complete,
        },
        "model": {**record.model.model_dump(mode="json"), "shape": record.shape},
        "cases": [_case(each, report.fetched.get(each.case)) for each in report.cases],
        "counts": [_counted(each) for each in report.counted],
        "calibrated": [_predicted(each) for each in report.predicted],
        "next": [
            {
                "tokens": each.candidate.tokens,
                "threads": each.candidate.threads,
                "seconds": each.candidate.seconds,
                "gain": each.gain,
                "why": each.why,
            }
            for each in report.next_cases
        ],
        "above_ceiling": [_excess(each) for each in report.diagnosis.excesses],
        "explanations": [list(names) for names in report.diagnosis.explanations],
        "notes": list(report.notes),
        "doubts": list(report.doubts),
        "answers": json.loads(answers),
    }
    return json.dumps(told, indent=2, allow_nan=False)


def _case(held: Held, fetched: Fetched | None) -> Plain:
    return {
        **held.case.model_dump(mode="json"),
        "ceiling": {"seconds": held.ceiling, "binds": held.binds},
        "least": _forecast(held.least),
        "predicted": _forecast(held.forecast),
        "call": _estimate(held.call),
        "cold_call": _estimate(held.cold),
        "phases": _estimate(held.phases),
        "efficiency": held.efficiency,
        "ratio": held.ratio,
        "throughput": {
            "tokens_per_second": held.rate.tokens,
            "operations_per_second": held.rate.ops,
            "convention": "2 op/MAC",
            "weight_bytes_per_second": held.rate.bytes,
        },
        "cold_over_warm": _estimate(held.slower),
        "fetched": _fetched(fetched) if fetched else None,
        "parts": [_part(each) for each in held.parts],
    }


def _predicted(one: Predicted) -> Plain:
    return {
        "threads": one.threads,
        "policy": one.model.policy,
        "unknowns": [_parameter(each) for each in one.model.parameters],
        "ranking": [
            {"policy": each.policy, "error": each.error, "errors": dict(each.errors),
             "alike": list(each.alike)}
            for each in one.ranking
        ],
        "cases": [
            {
                **each.case.model_dump(mode="json"),
                "fitted": each.fitted,
                "call": _checked(each.call),
                "groups": [_checked(group) for group in each.groups],
                "residual": _residual(each.whole),
                "residuals": [_residual(group) for group in each.residuals],
            }
            for each in one.cases
        ],
    }  # fmt: skip


def _parameter(found: Parameter) -> Plain:
    return {
        "kind": found.key.kind,
        "resource": found.key.resource,
        "groups": list(found.key.groups),
        "verdict": found.verdict,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "told": str(found),
    }


def _checked(found: Checked) -> Plain:
    return {
        "name": found.prediction.group,
        "predicted": found.prediction.seconds,
        "low": found.prediction.low,
        "high": found.prediction.high,
        "measured": found.measured,
        "error": found.error,
        "goal": found.goal,
        "met": found.met,
        "binds": found.prediction.binds,
    }


def _residual(found: Residual) -> Plain:
    return {
        "name": found.group,
        "measured": found.measured,
        "ceiling": found.ceiling,
        "parts": [
            {
                "causes": list(part.causes),
                "seconds": part.seconds,
                "bounds": {cause: list(ends) for cause, ends in part.bounds.items()},
            }
            for part in found.parts
        ],
    }


def _excess(found: Excess) -> Plain:
    from perfdsl.compare.accusations import told

    return {
        "what": found.what,
        "threads": found.threads,
        "tokens": found.setup.tokens if found.setup else None,
        "cold": found.setup.cold if found.setup else None,
        "measured": found.best,
        "ceiling": found.least,
        "resource": found.resource,
        "sure": found.sure,
        "conflict": list(found.conflict),
        "told": told(found),
    }


def _fetched(found: Fetched) -> Plain:
    return {
        "weight_bytes": found.weights,
        "cache_bytes": found.capacity,
        "least_bytes": found.least,
        "most_bytes": found.most,
        "weights_stay": found.answer,
        "told": found.sentence,
    }


def _forecast(run: Forecast) -> Plain:
    return {
        "seconds": run.seconds,
        "low": run.low,
        "high": run.high,
        "bound": run.bound,
        "operators": [
            {
                "name": each.name,
                "count": each.count,
                "work": [{"kind": w.kind, "unit": w.unit, "amount": w.amount} for w in each.work],
                "reads": dict(each.reads),
                "writes": dict(each.writes),
                "ports": dict(each.compute),
                "levels": [
                    {"name": use.name, "bytes": use.bytes, "seconds": use.seconds}
                    for use in each.levels
                ],
                "seconds": each.seconds,
                "bound": each.bound,
            }
            for each in run.operators
        ],
    }


def _part(part: Part) -> Plain:
    return {
        "name": part.group.name,
        "phases": list(part.group.phases),
        "operators": list(part.group.operators),
        "ceiling": part.ceiling,
        "predicted": part.predicted,
        "measured": _estimate(part.measured) if part.measured else None,
        "efficiency": part.efficiency,
        "ratio": part.ratio,
        "share": part.share,
        "binds": part.binds,
    }


def _estimate(found: Estimate) -> Plain:
    return found.model_dump(mode="json")


def _counted(each: Counted) -> Plain:
    findings: Sequence[Plain] = [
        {
            "operator": finding.operator,
            "quantity": finding.quantity,
            "predicted": finding.predicted,
            "counted": finding.counted,
            "edits": list(finding.edits),
            "told": list(finding.lines()),
        }
        for finding in each.findings
    ]
    return {
        "lengths": list(each.lengths),
        "equal": not (each.findings or each.why_not),
        "why_not": each.why_not,
        "findings": findings,
        "padding": [
            {"phase": p.phase, "useful": p.useful, "executed": p.executed} for p in each.paddings
        ],
        "uncounted": [
            {"operator": u.operator, "macs": u.macs, "weight_bytes": u.weight_bytes}
            for u in each.uncounted
        ],
    }
