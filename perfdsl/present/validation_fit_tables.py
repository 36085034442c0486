"""What a calibrated model says, as tables: predictions, policies, residuals, and its unknowns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from perfdsl.present.bench_tables import MILLI, NONE, Table, case, percent
from perfdsl.semantics.text import plain

if TYPE_CHECKING:
    from perfdsl.compare.predicted import CasePrediction, Checked, Predicted
    from perfdsl.compare.residual import Residual


def tables(predicted: Sequence[Predicted]) -> Iterator[Table]:
    """Nothing where nothing was fitted."""
    if not predicted:
        return
    yield predictions(predicted)
    if any(not each.fitted for one in predicted for each in one.cases):
        yield groups(predicted)
    if any(each.ranking for each in predicted):
        yield policies(predicted)
    yield residuals(predicted)


def predictions(predicted: Sequence[Predicted]) -> Table:
    """Each length: what the fit makes of it, beside what was measured; the group that is worst."""
    heads = ("tokens", "threads", "part", "model", "between", "measured", "error", "worst group",
             "its error")  # fmt: skip
    rows = [_prediction(each) for one in predicted for each in one.cases]
    lengths = dict.fromkeys(e.case.tokens for one in predicted for e in one.cases if e.fitted)
    fitted = ", ".join(map(str, lengths))
    title = f"Calibrated model: fitted on {fitted} tokens, the others predicted, in ms"
    return Table(title, heads, tuple(rows))


def _prediction(found: CasePrediction) -> tuple[str, ...]:
    call = found.call
    worst = max(found.groups, key=lambda each: _weight(each, found), default=None)
    return (
        *case(found.case),
        "fitted" if found.fitted else "predicted",
        plain(call.prediction.seconds / MILLI),
        f"{plain(call.prediction.low / MILLI, 3)} .. {plain(call.prediction.high / MILLI, 3)}",
        plain(call.measured / MILLI),
        _signed(call.error),
        worst.prediction.group.replace("_", " ") if worst else NONE,
        _signed(worst.error) if worst else NONE,
    )


def groups(predicted: Sequence[Predicted]) -> Table:
    """Each group of operators of each length that was held back: predicted over measured, less one.

    A star: further off than the goal, even if it is less than a call varies by.
    """
    held_back = [each for one in predicted for each in one.cases if not each.fitted]
    names = list(dict.fromkeys(g.prediction.group for each in held_back for g in each.groups))
    heads = ("tokens", "threads", *(name.replace("_", " ") for name in names))
    rows = []
    for each in held_back:
        own = {group.prediction.group: group for group in each.groups}
        cells = (_marked(own[name]) if name in own else NONE for name in names)
        rows.append((*case(each.case), *cells))
    goal = held_back[0].groups[0].goal
    title = f"By group of operators: predicted over measured, less one; *: more than {goal:.0%} off"
    return Table(title.replace("%", " %"), heads, tuple(rows))


def _marked(group: Checked) -> str:
    return _signed(group.error) + "*" * (abs(group.error) > group.goal)


def _weight(group: Checked, found: CasePrediction) -> float:
    """How much of the call the error of a group is."""
    return abs(group.prediction.seconds - group.measured) / found.call.measured


def _signed(share: float) -> str:
    return f"{share:+.1%}".replace("%", " %")


def policies(predicted: Sequence[Predicted]) -> Table:
    """By their error on the lengths held back, or on each length in turn."""
    heads = ("threads", "policy", "error", "no better than chance")
    rows = [
        (str(one.threads), each.policy, percent(each.error), ", ".join(each.alike) or NONE)
        for one in predicted
        for each in one.ranking
    ]
    return Table("Policies, by their error on lengths that were not fitted", heads, tuple(rows))


# In a narrow table: two causes that are not told apart, and what threads lose.
SHORT = {"overhead and efficiency": "either", "threads": "sharing"}


def residuals(predicted: Sequence[Predicted]) -> Table:
    """Where the time above the ceiling goes, as shares of the call."""
    wholes = [(each, each.whole) for one in predicted for each in one.cases]
    causes = list(dict.fromkeys(str(part) for _, whole in wholes for part in whole.parts))
    heads = ("tokens", "threads", "ceiling", *(SHORT.get(cause, cause) for cause in causes))
    rows = [(*case(each.case), *_residual(whole, causes)) for each, whole in wholes]
    told = "; either: overhead or efficiency" if "overhead and efficiency" in causes else ""
    return Table(f"The residual: what a call's time is made of{told}", heads, tuple(rows))


def _residual(whole: Residual, causes: Sequence[str]) -> tuple[str, ...]:
    parts = {str(part): part.seconds / whole.measured for part in whole.parts}
    return (
        percent(whole.ceiling / whole.measured),
        *(percent(parts[cause]) if cause in parts else NONE for cause in causes),
    )


def unknowns(predicted: Sequence[Predicted]) -> Iterator[str]:
    """A line for each unknown of a fit: its value with an interval, or why it has none."""
    for one in predicted:
        threads = f"{one.threads} thread{'s' * (one.threads != 1)}"
        for each in one.model.parameters:
            yield f"{threads}: {each}"
