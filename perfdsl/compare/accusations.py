"""Accusations: a diagnosis as messages, at the figures of the files that must be false."""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.compare.ceilings import Excess
from perfdsl.compare.diagnosis import Diagnosis
from perfdsl.compare.suspects import Suspect
from perfdsl.diagnostics import Diagnostic, Severity
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.text import show_number
from perfdsl.solve.answers import Number

S = base("s")
FEW = 3  # measurements that a message names


def accusations(diagnosis: Diagnosis) -> tuple[Diagnostic, ...]:
    """One message for each figure of the likeliest explanation; none where nothing is exceeded."""
    if not diagnosis.excesses:
        return ()
    if not diagnosis.explanations:
        return (_unexplained(diagnosis),)
    return tuple(_accusation(each, diagnosis) for each in diagnosis.accused)


def _accusation(suspect: Suspect, diagnosis: Diagnosis) -> Diagnostic:
    excesses = [diagnosis.excesses[at] for at in sorted(suspect.explains)]
    others = [each.name for each in diagnosis.suspects if each.name in diagnosis.alike]
    sure = any(each.sure for each in excesses)
    seems, allowed = ("seems", "allows") if sure else ("may", "suggests")
    false = "to be false" if sure else "be false"
    title = f"`{suspect.name}` {seems} {false}: {_how_many(excesses)} faster than it {allowed}"
    return Diagnostic(
        _code(excesses),
        title,
        suspect.span,
        _label(suspect),
        notes=tuple(_notes(excesses, suspect, others)),
        help=_help(suspect),
        severity=Severity.ERROR if sure else Severity.WARNING,
    )


def _code(excesses: list[Excess]) -> str:
    if not any(each.sure for each in excesses):
        return "P867"
    return "P866" if all(each.by_probe for each in excesses) else "P865"


def _how_many(excesses: list[Excess]) -> str:
    return "a measurement is" if len(excesses) == 1 else f"{len(excesses)} measurements are"


def _label(suspect: Suspect) -> str:
    needed = f"{suspect.direction} {_shown(suspect.needed)} needed"
    text = f"{_shown(suspect.stated)} is stated, {needed}"
    return text if suspect.likely is None else f"{text}, {_shown(suspect.likely)} more likely"


def _shown(number: Number) -> str:
    return f"{number.shown:.4g} {number.unit}".rstrip()


def _notes(excesses: list[Excess], suspect: Suspect, others: list[str]) -> Iterator[str]:
    for each in excesses[:FEW]:
        yield told(each)
    if len(excesses) > FEW:
        yield f"and {len(excesses) - FEW} more"
    if others:
        yield f"nothing measured tells it from {', '.join(f'`{name}`' for name in others)}"
    if suspect.cleared:
        yield f"yet the {suspect.cleared[0]}, agrees with the file: more than one figure is false"


def told(excess: Excess) -> str:
    """One measurement above its ceiling, in a line."""
    cores = "1 thread" if excess.threads == 1 else f"{excess.threads} threads"
    seconds, least = show_number(excess.best, S), show_number(excess.least, S)
    if excess.setup is None:
        times, says = excess.least / excess.best, "allows" if excess.sure else "is expected to be"
        return f"{excess.what} on {cores}: {times:.3g} times as fast as `{excess.resource}` {says}"
    tokens = "1 token" if excess.setup.tokens == 1 else f"{excess.setup.tokens} tokens"
    where = f"{tokens} on {cores}"
    start = ", cold" if excess.setup.cold else ""
    return f"{excess.what}, {where}{start}: {seconds}; `{excess.resource}` takes at least {least}"


def _help(suspect: Suspect) -> str:
    if suspect.provenance == "measured":
        return "measure it again with `perfdsl probe`: the machine may have changed"
    return ""


def _unexplained(diagnosis: Diagnosis) -> Diagnostic:
    worst = diagnosis.excesses[0]
    title = "measurements are above their ceilings, and no figure explains them"
    members = ", ".join(f"`{name}`" for name in worst.conflict)
    notes = [told(each) for each in diagnosis.excesses[:FEW]]
    if members:
        notes.append(f"one of these must be false for the first: {members}")
    return Diagnostic("P865", title, None, notes=tuple(notes))
