"""Turns in which the threads lay as they mostly did: others are times of another machine."""

from __future__ import annotations

from collections.abc import Sequence

from perfdsl.measure.validation_record import Measured, Turn, Validation
from perfdsl.records import dataclass

# A meeting that takes longer than so many times the shortest is one of cores that are further
# apart: they differ by a factor of 5, and those of one state by 1.3 (Zen 5).
APART = 2.0


@dataclass(frozen=True, slots=True)
class Placed:
    """Of the turns on so many threads: how many there are, lay near, lay apart, and moved within.

    limit: nanoseconds of a meeting that divide near from apart; 0 where nothing was noted.
    """

    turns: int
    near: int
    apart: int
    limit: float

    @property
    def moved(self) -> int:
        return self.turns - self.near - self.apart

    @property
    def mixed(self) -> bool:
        """Whether the turns are of more than one state."""
        return max(self.near, self.apart) < self.turns

    def usual(self, turns: Sequence[Turn]) -> tuple[Turn, ...]:
        """The turns of the state that most turns are of; all of them where there is none."""
        near = self.near >= self.apart
        kept = tuple(one for one in turns if one.meetings and self._is(one, near=near))
        return kept or tuple(turns)

    def count(self, turns: Sequence[Turn], *, near: bool) -> int:
        """How many of these turns are of one state from beginning to end."""
        return sum(self._is(one, near=near) for one in turns)

    def _is(self, turn: Turn, *, near: bool) -> bool:
        return all((each <= self.limit) is near for each in turn.meetings)


def placed(record: Validation, threads: int) -> Placed:
    """How the turns on so many threads lay."""
    return lying([one for each in _on(record, threads) for one in each.turns])


def lying(turns: Sequence[Turn]) -> Placed:
    """How these turns lay, all of them on as many threads."""
    known = [each for one in turns for each in one.meetings]
    if not known or not all(one.meetings for one in turns):
        return Placed(len(turns), len(turns), 0, 0.0)
    limit = APART * min(known)
    near = sum(all(each <= limit for each in one.meetings) for one in turns)
    apart = sum(all(each > limit for each in one.meetings) for one in turns)
    return Placed(len(turns), near, apart, limit)


def _on(record: Validation, threads: int) -> list[Measured]:
    return [each for each in record.measured if each.case.threads == threads]
