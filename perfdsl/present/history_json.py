"""`perfdsl history --format json`: the list of records, and the comparison of two, as documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perfdsl.measure.comparison import Compared
    from perfdsl.measure.history import Entry, Two
    from perfdsl.measure.runs import Spread
    from perfdsl.measure.stored import Stored


def listed(found: Sequence[Entry], older: int) -> str:
    """Values in base units. What a record that is not whole does not tell is null."""
    told = {"schema": 1, "records": [_entry(each) for each in found], "older": older}
    return json.dumps(told, indent=2)


def _entry(entry: Entry) -> dict[str, Any]:
    told = _record(entry.stored) | {
        "state": str(entry.stored.state),
        "why": entry.stored.why or None,
        "machine": entry.machine or None,
        "subject": entry.subject or None,
        "cases": entry.cases,
        "main": None,
    }
    if entry.main is not None and entry.told is not None:
        figure = {name: getattr(entry.main, name) for name in ("case", "quantity", "unit")}
        told["main"] = figure | entry.told.model_dump(mode="json")
    return told


def _record(stored: Stored) -> dict[str, Any]:
    start, header = stored.start, stored.header
    return {
        "id": start.id if start is not None else None,
        "kind": start.kind if start is not None else None,
        "date": start.date if start is not None else None,
        "tool": start.tool if start is not None else None,
        "specs": (header.specs or None) if header is not None else None,
        "file": stored.path.name,
    }


def two(found: Two, gate: float | None, beyond: Sequence[Compared]) -> str:
    """chance: corrected for all cases of the quantity. hidden: what would be seen in 4 of 5."""
    comparison = found.comparison
    told = {
        "schema": 1,
        "first": _record(found.first),
        "second": _record(found.second),
        "other_runs": found.others,
        "differences": [
            {"name": each.name, "first": each.first, "second": each.second}
            for each in found.differences
        ],
        "figures": [_compared(row) for row in comparison.rows],
        "only_first": list(comparison.only_first),
        "only_second": list(comparison.only_second),
        "without_samples": list(comparison.unusable),
        "gate": None if gate is None else {"percent": gate, "beyond": _named(beyond)},
    }
    return json.dumps(told, indent=2)


def _named(rows: Sequence[Compared]) -> list[dict[str, str]]:
    return [{"case": row.first.case, "quantity": row.first.quantity} for row in rows]


def _runs(spread: Spread | None) -> dict[str, float] | None:
    """Of the logarithm of a run's median."""
    if spread is None:
        return None
    return {"deviation": spread.deviation, "freedom": spread.freedom}


def _compared(row: Compared) -> dict[str, Any]:
    factor = row.factor
    return {
        "case": row.first.case,
        "quantity": row.first.quantity,
        "unit": row.first.unit,
        "main": row.first.main,
        "first": list(row.first.samples),
        "second": list(row.second.samples),
        "factor": factor.best,
        "low": factor.low,
        "high": factor.high,
        "coverage": factor.coverage,
        "chance": row.chance,
        "runs": _runs(row.runs),
        "verdict": str(row.verdict),
        "hidden": row.hidden,
        "needed": row.needed or None,
    }
