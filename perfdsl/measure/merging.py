"""Records of the same machine, model and candidates as one: further rounds, further cases.

A long benchmark can be run in pieces that way, and a machine be left alone in between.
"""

from __future__ import annotations

from perfdsl.measure.environment import same_machine
from perfdsl.measure.results import Candidate, Result, Series


class MergeError(ValueError):
    """Two records do not belong together; the message says why."""


def merged(old: Result, new: Result) -> Result:
    """Rounds of a case are put behind those that there are. Raises MergeError."""
    if not same_machine(old.environment, new.environment):
        raise MergeError("it was measured on another processor, or with other versions")
    for name in ("tool", "isa", "model"):
        if getattr(old, name) != getattr(new, name):
            raise MergeError(f"it was measured with another {name}")
    if old.protocol.model_copy(update={"tick": new.protocol.tick}) != new.protocol:
        raise MergeError("its calls were timed in another way")
    series = {each.case: each for each in old.series}
    for each in new.series:
        known = series.get(each.case)
        series[each.case] = each if known is None else _joined(known, each)
    pages = [each for each in (old.small_pages, new.small_pages) if each is not None]
    changes = {
        "candidates": _candidates(old.candidates, new.candidates),
        "series": tuple(series.values()),
        "small_pages": max(pages, default=None),
        "startup": (*old.startup, *new.startup),
    }
    return new.model_copy(update=changes)


def _joined(old: Series, new: Series) -> Series:
    if (old.work, old.beside) != (new.work, new.beside):
        raise MergeError("a case has other work in it")
    changes = {
        "rounds": (*old.rounds, *new.rounds),
        "disturbance": (*old.disturbance, *new.disturbance),
    }
    return old.model_copy(update=changes)


def _candidates(old: tuple[Candidate, ...], new: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    known = {each.name: each for each in old}
    for each in new:
        if known.setdefault(each.name, each) != each:
            raise MergeError(f"{each.name} has another version or setup there")
    return tuple(known.values())
