"""Answers in words: the sentences that the terminal, the page and the document share."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from perfdsl.diagnostics import Span
from perfdsl.numeric.intervals import Range
from perfdsl.present import figures
from perfdsl.semantics.text import plain
from perfdsl.solve.answers import (
    NOT_MEASURED,
    AnalysisAnswer,
    Conflict,
    DataRead,
    Dependence,
    Explanation,
    FitAnswer,
    FittedValue,
    Measured,
    Member,
    Number,
    Observed,
    Pair,
    Refused,
    Solved,
    Verdict,
)

NOTHING_KNOWN = "no single known mistake accounts for it"
ORDERS = (">=", "<=", "!=", ">", "<")
# From here on a gap is easier to grasp as a factor than in percent.
FACTOR_FROM = 0.5
HUGE = 1e100
WORTH_COUNTING = 6


def gap(verdict: Verdict) -> str:
    """By how much the computed figure differs from the stated one: `+4.3 %`, `×2`; "" for none."""
    if verdict.gap is None or abs(verdict.gap) < 5e-6 or not math.isfinite(verdict.gap):
        return ""
    if abs(verdict.gap) < FACTOR_FROM:
        return f"{'+' if verdict.gap > 0 else '-'}{figures.percent(verdict.gap)}"
    return f"×{plain(verdict.gap + 1, 3)}"


# ------------------------------------------------------------------------------------ verdicts


def statement(verdict: Verdict | Refused | Observed) -> str:
    """What the statement is called by its author, else the formula."""
    if isinstance(verdict, Observed):
        return f"{verdict.subject}: {verdict.formula}"
    return verdict.title or verdict.formula


def order_of(verdict: Verdict) -> str:
    """The sign of a claim that is an order: `<=`; "" for a claim of equality."""
    if verdict.tolerance or not isinstance(verdict.published, Number):
        return ""
    return verdict.op or "<="  # a condition with numbers is fits(size, room)


def verdict_of(item: Verdict | Refused) -> str:
    """holds, fails, undecided or not measured; a `refuse` holds where its code alone came."""
    if isinstance(item, Refused):
        return "holds" if item.kept else "fails"
    return item.verdict


def explained(verdict: Verdict) -> str:
    """The whole explanation in one text; "" for a claim that needs none."""
    if verdict.explanation is None:
        return verdict.partial
    parts = [*reason(verdict), *verdict.explanation.notes, verdict.partial]
    return "; ".join(part for part in parts if part)


def reason(verdict: Verdict) -> Iterator[str]:
    """The one edit of the derivation that accounts for the gap, and what it leaves over."""
    found = verdict.explanation
    if found is None:
        return
    if found.edit:
        yield f"{found.edit}: {_edited(found, verdict)}"
    elif isinstance(verdict.published, Number) and verdict.gap is not None:
        yield NOTHING_KNOWN


def _edited(found: Explanation, verdict: Verdict) -> str:
    left, published = leaves(found.left), verdict.published
    if found.value is None or not isinstance(published, Number):
        return f"that leaves {left or 'nothing'} over"
    gives, stated = figures.in_one_unit(found.value, published)
    if not left:
        return f"{figures.amount(gives)}, which leaves nothing over"
    return f"{figures.amount(gives)}, which leaves {left} to the stated {figures.amount(stated)}"


def leaves(left: float) -> str:
    """`4.3 %`; "" where nothing worth a word is left."""
    return figures.percent(left) if abs(left) >= 5e-5 else ""


def refused(item: Refused) -> tuple[str, str]:
    """What came of an expression that should be refused, and what should have come."""
    codes = sorted({problem.code for problem in item.found})
    expected = f"refused: {item.code}"
    if item.kept:
        return expected, expected
    return (f"refused: {', '.join(codes)}" if codes else "accepted"), expected


def predicted(item: Observed) -> str:
    """The prediction beside the measurement: `1.3 ms predicted, 4.6 times as long`."""
    if item.predicted is None:
        return ""
    value = item.predicted
    if math.isnan(value.value) or not value.value or not math.isfinite(value.value):
        return f"{figures.amount(value)} predicted"
    ratio = item.observed.value / value.value
    return f"{figures.amount(value)} predicted, observed is {plain(ratio, 3)} times that"


# ------------------------------------------------------------------------------------- answers


def answer(item: Solved) -> str:
    """The set of all values that fit, in words."""
    name, found = item.unknown, item.answer
    binds = f", {found.binding} binds" if found.binding else ""
    match found.kind:
        case "point":
            return f"{name} = {_in(item, found.parts[0].low)}{_reach(item)}{binds}"
        case "interval":
            return f"{_interval(item, found.parts[0])}{binds}"
        case "several":
            return f"{name} = {_several(item)}{binds}"
        case "none":
            return f"no {name} fits{_nearest(item)}"
        case _:
            return NOT_MEASURED


# Two places that are one but for rounding, relative to where they are.
BESIDE = 1e-9

# More values than these are counted, not listed.
LISTED = 8


def _several(item: Solved) -> str:
    """The first of several values, and how many there are."""
    found = item.answer
    parts = " or ".join(_part(item, part) for part in found.parts[:LISTED])
    if len(found.parts) <= LISTED and found.complete:
        return parts
    more = "" if found.complete else ", and more: not all of the range was searched"
    return f"{parts} or ... ({len(found.parts)} values{more})"


def _in(item: Solved, value: float) -> str:
    return f"{plain(value / item.factor)} {item.unit}".rstrip()


def _part(item: Solved, part: Range) -> str:
    if part.low == part.high:
        return _in(item, part.low)
    return f"{plain(part.low / item.factor)} .. {_in(item, part.high)}"


def _interval(item: Solved, part: Range) -> str:
    """Without an end that only says that there is none."""
    if part.high >= HUGE:
        return f"any {item.unknown} >= {_in(item, part.low)}"
    if part.low <= 1 / HUGE and part.low >= 0 and part.low != 0:
        return f"any {item.unknown} <= {_in(item, part.high)}"
    return f"any {item.unknown} in {_part(item, part)}"


def _reach(item: Solved) -> str:
    """What else fits while uncertain inputs run over their ranges."""
    found = item.answer
    if not found.reach or found.reach == found.parts:
        return ""
    parts = " or ".join(_part(item, part) for part in found.reach)
    return f" ({parts} within the uncertainties)"


def _nearest(item: Solved) -> str:
    found = item.answer.nearest
    if found is None or item.nearest is None:
        return ""
    where = f" at {item.unknown} = {_in(item, found.at)}"
    binds = f", where {found.binding} binds" if found.binding else ""
    return f": nearest is {figures.amount(item.nearest)}{where}{binds}{_jump(item)}"


def _jump(item: Solved) -> str:
    """What is reached either side of a wanted value that a jump leaves out."""
    found = item.answer.nearest
    if found is None or item.nearest is None or item.other is None:
        return ""
    apart = abs(found.other_at - found.at)
    if item.answer.whole or apart > BESIDE * abs(found.at):
        return (
            f", then {figures.amount(item.other)} at {item.unknown} = {_in(item, found.other_at)}"
        )
    ends = [item.nearest, item.other] if found.at < found.other_at else [item.other, item.nearest]
    return f", where it jumps from {' to '.join(figures.amount(end) for end in ends)}"


def question(item: Solved) -> str:
    """What was asked: `from latency[short] = 6 ms (llama.cpp)`."""
    target = f" = {figures.amount(item.target)}" if item.target is not None else ""
    subject = f", observed of {item.subject}" if item.subject else ""
    return f"from {item.formula}{target}{subject}"


# ----------------------------------------------------------------------------------- conflicts


def conflict_sentence(item: Conflict) -> str:
    """What was observed against what can be reached."""
    under = f" under {', '.join(item.scenarios)}" if item.scenarios else ""
    if item.direction == "equal to":
        return f"{figures.ranged(item.observed)} against {figures.ranged(item.reachable)}{under}"
    reach = f"{item.direction} {figures.amount(item.reachable)}"
    return f"observed {figures.ranged(item.observed)}, but it is {reach}{under}"


def needed(item: Member) -> str:
    """What it alone would have to be: `at least 1.27 core (2 whole ones)`."""
    if item.needed is None:
        return "cannot make peace alone"
    return f"{item.direction} {figures.amount(item.needed)}{_whole(item)}"


def _whole(item: Member) -> str:
    if not item.whole or item.needed is None:
        return ""
    shown = item.needed.shown
    if abs(shown - round(shown)) < 1e-9:
        return ""
    next_one = math.ceil(shown) if item.direction == "at least" else math.floor(shown)
    return f" ({next_one} whole one{'s' * (next_one != 1)})"


def declared(item: Member) -> str:
    """Its declared range: `3.7 .. 5.4 GHz`; "" where none was written."""
    if item.range is None:
        return ""
    low, high = item.range
    return f"{figures.figure(low)} .. {figures.amount(high)}"


def pair(item: Pair) -> str:
    """Two assumptions that make peace together."""
    second = f"{item.second} {item.direction} {figures.amount(item.second_value)}"
    return f"{item.first} at {figures.amount(item.first_value)} and {second}"


# -------------------------------------------------------------------------- what results rest on


def elasticity(item: Dependence, count: int) -> str:
    """`+1 % moves 14 results by up to -1 %`."""
    moved = f"{count} result{'s' * (count != 1)} by {'up to ' * (count != 1)}"
    return f"+1 % moves {moved}{figures.signed(item.elasticity)} %"


def reached(name: str, answers: AnalysisAnswer) -> int:
    """How many shown values and claims an assumed input moves."""
    moved = [item.depends for item in answers.shows] + [item.depends for item in answers.claims]
    return sum(any(each.name == name for each in depends) for depends in moved)


# ------------------------------------------------------------------------------------- summary


def summary(answers: Sequence[AnalysisAnswer]) -> str:
    """`62 figures: 18 hold, 40 do not, 4 observed`."""
    verdicts = verdicts_of(answers)
    observed = sum(len(a.observations) for a in answers)
    counts = [
        (verdicts.count("holds"), "hold", "holds"),
        (verdicts.count("fails"), "do not hold", "does not hold"),
        (verdicts.count("undecided"), "undecided", "undecided"),
        (verdicts.count(NOT_MEASURED), NOT_MEASURED, NOT_MEASURED),
        (observed, "observed", "observed"),
    ]
    total = len(verdicts) + observed
    if not total:
        return "no claims"
    parts = [f"{count} {one if count == 1 else many}" for count, many, one in counts if count]
    return f"{total} {'figure' if total == 1 else 'figures'}: {', '.join(parts)}"


def verdicts_of(answers: Iterable[AnalysisAnswer]) -> list[str]:
    """How every claim, refute and refuse came out."""
    found: list[str] = []
    for item in answers:
        found += [verdict_of(claim) for claim in item.claims]
        found += [verdict_of(refusal) for refusal in item.refusals]
    return found


def word_kept(answers: Sequence[AnalysisAnswer]) -> str:
    """Whether every statement keeps its word."""
    broken = sum(a.broken for a in answers)
    if not broken:
        return "every statement keeps its word"
    return f"{broken} {'breaks its' if broken == 1 else 'break their'} word"


def has_claims(answers: AnalysisAnswer) -> bool:
    return bool(answers.claims or answers.refusals or answers.observations)


def place(span: Span, home: Span | None = None) -> str:
    """`line 12` in the file of `home`, else `file.perf:12`."""
    if home is not None and span.source is home.source:
        return f"line {span.line}"
    return f"{span.source.name}:{span.line}"


def measured(item: Measured) -> str:
    """`2.1 ms (2 .. 2.3), measured`, or that it was not."""
    return figures.doubted(item.time, figures.amount(item.time))


def measured_case(item: Measured, others: Iterable[Measured]) -> str:
    """`embeddinggemma, 12 tokens, 2 cores`, and on which hardware where there are several."""
    several = len({each.case.hardware for each in others}) > 1
    return f"{item.case.shown} on {item.case.hardware.name}" if several else item.case.shown


def to_measure(item: AnalysisAnswer) -> str:
    """What measures what is not measured; "" where nothing is missing."""
    if not any(each.time.missing for each in item.measurements):
        return ""
    file = item.span.source.name
    return f"`perfdsl validate {file} --model FILE --machine FILE` measures what is not measured"


def fitted_error(item: FittedValue) -> str:
    """`standard error 12 us`, or why there is none."""
    if item.error is not None:
        return f"standard error {figures.amount(item.error)}"
    return "at the end of its range" if item.at_end else "no standard error: no row to spare"


def fit_sums(item: FitAnswer) -> str:
    """How good a fit is: `r2 99.99 %, rss 0.0021 s^2, leaving one row out 0.01 s^2`."""
    share = plain(item.r2 * 100)
    share = "over 99.99" if share == "100" and item.r2 < 1 else share
    r2 = f"r2 {share} %, " if math.isfinite(item.r2) else ""
    text = f"{r2}rss {figures.amount(item.rss)}"
    if item.loo_rss is None:
        return text
    return f"{text}, each row predicted by the others {figures.amount(item.loo_rss)}"


def data_read(item: DataRead, *, verbose: bool) -> str:
    """`runs.csv, 8 rows, SHA-256 3f1a...`; all of the hash where it is asked for."""
    rows = "1 row" if item.rows == 1 else f"{item.rows:,} rows"
    return f"{item.file}, {rows}, SHA-256 {item.sha256 if verbose else item.sha256[:12] + '...'}"


def causes(verdicts: Iterable[Verdict]) -> list[str]:
    """Why many claims fail, the most frequent mistake first: `26  the bridge is left out`."""
    failing = [item for item in verdicts if item.verdict == "fails"]
    if len(failing) < WORTH_COUNTING:
        return []
    edits = Counter(item.explanation.edit for item in failing if item.explanation is not None)
    unknown = len(failing) - sum(count for edit, count in edits.items() if edit)
    found = [f"{count:>3}  {edit}" for edit, count in edits.most_common() if edit]
    rest = f"{unknown:>3}  no single known mistake accounts for them"
    return [*found, *([rest] if found and unknown else [])]
