"""Where threads lay: what a barrier takes, and the turns that are of the state of most."""

import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perfdsl.measure import validation
from perfdsl.measure.placed import placed
from perfdsl.measure.placement import Placement
from perfdsl.measure.results import Case
from perfdsl.measure.timing import Stopwatch
from perfdsl.measure.validation_doubts import doubts
from tests.compare.machines import PUBLISHED
from tests.compare.validations import PHASES, a_validation

NEAR, FAR = 80_000, 400_000  # nanoseconds of the meetings of two threads
TWO = [Case(texts=1, tokens=n, threads=2) for n in (12, 65)]
STAY, AWAY, MOVED = (NEAR, NEAR), (FAR, FAR), (NEAR, FAR)


def lying(*meetings):
    """A record whose turns, case by case, have these meetings."""
    slow = [1.0] * len(meetings[0])
    record = a_validation(TWO, lambda _: dict.fromkeys(PHASES, 1e-3), PUBLISHED, slow=slow)
    cases = [
        measured.model_copy(
            update={
                "turns": tuple(
                    turn.model_copy(update={"meetings": pair})
                    for turn, pair in zip(measured.turns, own, strict=True)
                )
            }
        )
        for measured, own in zip(record.measured, meetings, strict=True)
    ]
    return record.model_copy(update={"measured": tuple(cases)})


def test_threads_that_meet_take_some_time():
    placement = Placement(2)
    try:
        assert placement.sample(time.perf_counter_ns) > 0
        assert placement.sample(time.perf_counter_ns) > 0
    finally:
        placement.close()


def test_turns_of_the_state_of_most_are_kept():
    record = lying([STAY, AWAY, STAY], [STAY, MOVED, STAY])
    lay = placed(record, 2)
    assert (lay.turns, lay.near, lay.apart, lay.moved) == (6, 4, 1, 1)
    for measured in record.measured:
        assert [turn.meetings for turn in lay.usual(measured.turns)] == [STAY, STAY]


def test_far_apart_may_be_what_is_usual():
    record = lying([AWAY, AWAY, STAY], [AWAY, MOVED, AWAY])
    lay = placed(record, 2)
    assert [turn.meetings for turn in lay.usual(record.measured[0].turns)] == [AWAY, AWAY]


class Told:
    """A placement whose cores lie as it is told, meeting by meeting; then as usual."""

    def __init__(self, *meetings):
        self.meetings = iter(meetings)

    def sample(self, _):
        return next(self.meetings, NEAR)


@contextmanager
def session_of(cases: Any, placement: Any, rounds: int, monkeypatch: Any) -> Any:
    """Rounds in which nothing is measured but how cores lie."""
    for name in ("_probed", "_timed", "_cold"):
        empty: Any = {} if name == "_probed" else ([], [])
        monkeypatch.setattr(validation.Session, name, lambda *_, found=empty: found)
    config = SimpleNamespace(vocab=100)
    models: Any = {2: SimpleNamespace(threads=2, config=config)}
    stream: Any = None
    request = validation.Request(Path("none"), cases, rounds, Stopwatch())
    yield validation.Session(request, models, {2: placement}, stream, None)


@pytest.mark.parametrize(
    "meetings, kept",
    [
        ([], [[STAY] * 3, [STAY] * 3]),
        # the second round begins with the second case: the first one's cores move in its turn
        ([*STAY * 3, *MOVED], [[STAY, MOVED, STAY, STAY], [STAY] * 3]),
        # the cores stay away for as long as both cases take once more, and come back
        (
            [*STAY * 5, *AWAY, FAR, *AWAY, FAR, *AWAY],
            [[STAY, STAY, STAY, AWAY], [STAY, STAY, AWAY, AWAY, STAY]],
        ),
        # never back: the other state has enough in the end
        ([*STAY * 5, *[FAR] * 1000], [[STAY] * 3 + [AWAY] * 3, [STAY] * 2 + [AWAY] * 3]),
    ],
)
def test_turns_of_cores_that_moved_are_made_again(meetings, kept, monkeypatch):
    with session_of(TWO, Told(*meetings), 3, monkeypatch) as session:
        told = list(session.run())
        turns = [[turn.meetings for turn in each] for each in session._turns.values()]
        assert turns == kept
        assert sum("again" in each for each in told) == sum(map(len, kept)) - 6
        assert len(told) == session.steps


def test_what_moves_every_time_is_not_made_again_for_ever(monkeypatch):
    """As many rounds more as there were, at most."""
    with session_of(TWO, Told(*[NEAR, FAR] * 1000), 3, monkeypatch) as session:
        assert len(list(session.run())) == session.steps
        assert [len(each) for each in session._turns.values()] == [6, 6]


def test_a_case_without_a_usual_turn_keeps_all_of_them():
    record = lying([STAY, STAY, STAY], [AWAY, AWAY, MOVED])
    turns = record.measured[1].turns
    assert placed(record, 2).usual(turns) == turns


@pytest.mark.parametrize("meetings", [(), (NEAR, 100_000)])
def test_without_two_states_nothing_is_left_out(meetings):
    """Records of before have no meetings; those of one state differ by less than a factor of 2."""
    record = lying([meetings] * 3, [meetings] * 3)
    lay = placed(record, 2)
    assert not lay.mixed
    assert all(lay.usual(each.turns) == each.turns for each in record.measured)
    assert not [line for line in doubts(record) if "barrier" in line]


def test_moved_threads_are_a_doubt():
    record = lying([STAY, AWAY, STAY], [STAY, MOVED, STAY])
    (told,) = [line for line in doubts(record) if "barrier" in line]
    assert "in 2 of 6 turns" in told
    assert "close together" in told
