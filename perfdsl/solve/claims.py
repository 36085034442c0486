"""Claims -> verdicts: holds, fails by how much, or undecided; and whether the word is kept."""

from __future__ import annotations

import math

from perfdsl.numeric.intervals import Range
from perfdsl.records import replace
from perfdsl.semantics.binding import SUMS, heart, rivals
from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.operations import EQUAL, NEAR
from perfdsl.semantics.program import ClaimItem, SolveItem
from perfdsl.semantics.text import plain, show_number
from perfdsl.semantics.units import unit_of
from perfdsl.solve.answers import NOT_MEASURED, Dependence, Explanation, Number, Verdict
from perfdsl.solve.binding import binding_term
from perfdsl.solve.explain import explain, graph_dim, residency_notes
from perfdsl.solve.numbers import in_unit, number, of_node
from perfdsl.solve.reading import Reading
from perfdsl.solve.sensitivity import dependences, strongest
from perfdsl.solve.truth import inside, ordered, truth
from perfdsl.solve.unknowns import solve

# Of so many rows that fail the derivation is searched for what accounts for it.
EXPLAINED = 8


def judge(item: ClaimItem, reading: Reading, *, explained: bool = True) -> Verdict:
    """The verdict on one claim. explained: it is searched what accounts for a figure that fails."""
    match item.sort:
        case "compare" | "bound" | "condition" if _is_missing(item, reading):
            return _unmeasured(item, reading)
        case "compare":
            return _compared(item, reading, explained=explained)
        case "bound":
            return _bound(item, reading)
        case "rows":
            return _over(item, reading)
        case _:
            return _condition(item, reading)


def _over(item: ClaimItem, reading: Reading) -> Verdict:
    """A claim about each row: the whole has the verdict of the row that serves its word least."""
    rows: list[tuple[str, Verdict]] = []
    failed = 0
    for name, part in item.rows:
        reading.poll()
        one = judge(part, reading, explained=failed < EXPLAINED)
        failed += one.verdict == "fails"
        rows.append((name, one))
    worst, best = ("fails", "holds") if item.expects else ("holds", "fails")
    order = (worst, "undecided", NOT_MEASURED, best)
    verdict = min((one.verdict for _, one in rows), key=order.index)
    depends = strongest(d for _, one in rows for d in one.depends)
    found = _verdict(item, verdict, _counted(rows), "", depends=depends)
    return replace(found, tolerance=rows[0][1].tolerance, rows=tuple(rows))


def _counted(rows: list[tuple[str, Verdict]]) -> str:
    """`7 of 8 rows hold`, whatever the word in front of the claim is."""
    count, many = sum(one.verdict == "holds" for _, one in rows), len(rows)
    missing = sum(one.verdict == NOT_MEASURED for _, one in rows)
    if missing:
        held = f", {count} of the others {'holds' if count == 1 else 'hold'}"
        return f"{missing} of {many} rows not measured{held if missing < many else ''}"
    if many == 1:
        return "the one row holds" if count else "the one row does not hold"
    if count in {0, many}:
        return f"all {many} rows hold" if count else f"none of {many} rows holds"
    return f"{count} of {many} rows {'holds' if count == 1 else 'hold'}"


def _verdict(
    item: ClaimItem,
    verdict: str,
    computed: Number | str,
    published: Number | str,
    *,
    tolerance: str = "",
    gap: float | None = None,
    explanation: Explanation | None = None,
    partial: str = "",
    depends: tuple[Dependence, ...] = (),
) -> Verdict:
    kept = verdict != ("fails" if item.expects else "holds")
    return Verdict(
        item.title, item.id, item.expects, verdict, kept, computed, published, item.formula,
        item.op if item.sort == "compare" else "", tolerance, gap, explanation, partial, depends,
        item.span,
    )  # fmt: skip


# -------------------------------------------------------------------------------- not measured


def _is_missing(item: ClaimItem, reading: Reading) -> bool:
    """Whether a claim rests on a time that is still to be measured, on either side."""
    sides = (item.left, item.right) if item.sort == "compare" else (item.left,)
    return any(reading.missing(node) for node in sides)


def _unmeasured(item: ClaimItem, reading: Reading) -> Verdict:
    """Nothing is known of a claim before its times are measured; so its word is kept."""
    if item.sort != "compare":
        return _verdict(item, NOT_MEASURED, NOT_MEASURED, "")
    computed, published = _sides(item, reading)
    words = _target(item, reading.value(item.right), reading)[0]
    return _verdict(item, NOT_MEASURED, computed, published, tolerance=words)


# ------------------------------------------------------------------------------------ compared


def _sides(item: ClaimItem, reading: Reading) -> tuple[Number, Number]:
    """The computed and the stated side of a comparison, both in the unit of the stated one."""
    module = item.frame.module
    left, right = reading.value(item.left), reading.value(item.right)
    assert item.other is not None
    dim = item.other.dim or getattr(item.value, "dim", None) or PURE
    tag = item.other.tag or getattr(item.value, "tag", "")
    if item.published is not None:
        unit = item.published.unit if item.other.dim is not None else unit_of(dim)
        published = in_unit(right, unit, reading.bounds(item.right))
    else:
        published = of_node(reading, item.right, dim, "", module, tag)
    bounds, missing = reading.bounds(item.left), reading.missing(item.left)
    return Number(left, *bounds, dim, published.unit, published.factor, missing), published


def _compared(item: ClaimItem, reading: Reading, *, explained: bool) -> Verdict:
    module = item.frame.module
    left, right = reading.value(item.left), reading.value(item.right)
    computed, published = _sides(item, reading)
    words, target = _target(item, right, reading)
    verdict = _decide(item, target, reading)
    gap = left / right - 1 if right and math.isfinite(left) else None
    explanation = None
    if not explained:
        pass
    elif verdict == "fails" and item.published is not None and item.op in {"~=", "=="}:
        explanation = explain(reading, item.left, right, item.published.unit, module)
    elif verdict == "fails":
        notes = residency_notes(reading, [item.left, item.right])
        explanation = Explanation("", None, 0.0, notes) if notes else None
    return _verdict(
        item, verdict, computed, published, tolerance=words, gap=gap, explanation=explanation,
        partial=_partial(item, reading) if verdict == "undecided" else "",
        depends=dependences(reading, item.left),
    )  # fmt: skip


def _target(item: ClaimItem, right: float, reading: Reading) -> tuple[str, Range | None]:
    """The tolerance in words, and the values that the left side may have; None for an order."""
    if item.op not in {"~=", "=="}:
        return "", None
    bounds = reading.bounds(item.right)
    if item.op == "==":
        width = EQUAL * abs(right)
        return "exactly", Range(bounds.low - width, bounds.high + width)
    if item.rounding and item.published is not None:
        half = half_digit(item.published.digits) * item.published.unit.factor
        return "within rounding", Range(right - half, right + half)
    if item.within is None and item.published is not None and bounds.low < bounds.high:
        return "within +-", bounds
    width = NEAR if item.within is None else item.within
    spread = [bounds.low * (1 - width), bounds.low * (1 + width),
              bounds.high * (1 - width), bounds.high * (1 + width)]  # fmt: skip
    return f"within {plain(width * 100)} %", Range(min(spread), max(spread))


def half_digit(digits: str) -> float:
    """Half of the last digit as it was printed: 36.8 -> 0.05, 6_912 -> 0.5, 1.57e6 -> 5000."""
    mantissa, _, exponent = digits.replace("_", "").lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    # 1e-9 of it for figures that lie on the edge exactly, such as 6.5 printed as 6.
    return float(0.5 * 10.0 ** (int(exponent or 0) - decimals)) * (1 + EQUAL)


def _decide(item: ClaimItem, target: Range | None, reading: Reading) -> str:
    if target is not None and item.published is not None:
        return inside(reading.bounds(item.left), target)
    graph = reading.graph
    if item.left == item.right and item.op in {"~=", "=="} and reading.value(item.left) > 0:
        return "holds"  # whatever it is: its ratio to itself has no derivative that intervals see
    if item.op in {"<=", "<", ">=", ">"}:
        return ordered(item.left, item.right, item.op, reading)
    gap = reading.bounds(graph.total([item.left, item.right], (1, -1)))
    if item.op == "!=":
        equal = inside(gap, Range(0.0, 0.0))
        return {"holds": "fails", "fails": "holds"}.get(equal, equal)
    if reading.bounds(item.right) == (0.0, 0.0):
        return inside(gap, Range(0.0, 0.0))  # nothing is near zero but zero itself
    width = NEAR if item.op == "~=" and item.within is None else item.within or EQUAL
    ratio = reading.bounds(graph.ratio(item.left, item.right))
    return inside(ratio, Range(1 - width, 1 + width))


def _partial(item: ClaimItem, reading: Reading) -> str:
    """Where a claim over a bare unknown holds, if it holds in part of its range."""
    unknowns = [
        n
        for root in (item.left, item.right)
        for n in reading.vague(root)
        if getattr(reading.graph.nodes[n].data, "sort", "") == "unknown"
    ]
    if len(set(unknowns)) != 1 or item.op == "!=":
        return ""
    source = reading.graph.nodes[unknowns[0]].data
    question = SolveItem(
        "", (unknowns[0],), item.left, item.right, item.op, item.formula, "", None, (), item.span
    )
    found = solve(reading, question, unknowns[0])
    if not found.parts:
        return ""
    parts = [
        " .. ".join(plain(end / source.unit.factor) for end in dict.fromkeys(part))
        for part in found.parts
    ]
    return f"holds for {source.name} in {', '.join(parts)} {source.unit.text}".rstrip()


# --------------------------------------------------------------------------- bound, conditions


def _bound(item: ClaimItem, reading: Reading) -> Verdict:
    verdict = truth(item.left, reading)
    family = item.op == "family"
    term = binding_term(reading, item.right, family=family)
    computed = (term.family or term.name) if family else term.name
    if verdict == "holds":
        computed = item.term
    explanation = None
    rivalry = _terms(reading, item) if verdict == "undecided" else ""
    if verdict == "fails":
        notes = (_terms(reading, item), *residency_notes(reading, [item.right]))
        explanation = Explanation("", None, 0.0, tuple(note for note in notes if note))
    depends = dependences(reading, item.right)
    return _verdict(
        item, verdict, f"{computed}-bound", f"{item.term}-bound", explanation=explanation,
        partial=rivalry, depends=depends,
    )  # fmt: skip


def _terms(reading: Reading, item: ClaimItem) -> str:
    """`dram 1.296 ms, compute 352.3 us (340 .. 360)`: what competes, largest first."""
    graph = reading.graph
    dim = (item.other.dim if item.other is not None else None) or PURE
    found: dict[str, int] = {}
    todo = [item.right]
    while todo:
        for arg, term in rivals(graph, heart(graph, todo.pop())):
            if not term.family or term in SUMS:
                todo.append(arg)
            if term.name and term not in SUMS:
                found[term.name] = arg
    ranked = sorted(found.items(), key=lambda pair: -reading.value(pair[1]))
    return ", ".join(
        f"{name} {_ranged(reading, arg, dim)}" for name, arg in ranked if reading.value(arg)
    )


def _ranged(reading: Reading, node: int, dim: Dimension) -> str:
    """`39.02 ms`, or `39.02 ms (37.21 .. 41.03)` where it is not one number."""
    found = number(reading.value(node), dim, reading.bounds(node))
    told = show_number(found.value, dim)
    low, high = (plain(end / found.factor) for end in (found.low, found.high))
    return told if low == high else f"{told} ({low} .. {high})"


def _condition(item: ClaimItem, reading: Reading) -> Verdict:
    verdict = truth(item.left, reading)
    question = reading.graph.residencies.get(item.left)
    computed: Number | str = {"holds": "true", "fails": "false"}.get(verdict, "undecided")
    published: Number | str = "true"
    if question is not None:
        computed = number(reading.value(question.size), graph_dim())
        published = number(reading.value(question.room), graph_dim())
    notes = residency_notes(reading, [item.left]) if verdict == "fails" else ()
    explanation = Explanation("", None, 0.0, notes) if notes else None
    return _verdict(
        item, verdict, computed, published, explanation=explanation,
        depends=dependences(reading, item.left),
    )  # fmt: skip
