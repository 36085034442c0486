"""Keeping: sizes between two caches, and samples in the order of their ages."""

from __future__ import annotations

import itertools

import pytest
from pydantic import ValidationError

from perfdsl.measure import keeping
from perfdsl.measure.environment import Cache
from perfdsl.measure.keeping import AGES, FEW, Keeping, in_the_last
from perfdsl.measure.probes import clock, stream
from perfdsl.measure.probes.memory import memory
from perfdsl.measure.timing import Stopwatch
from perfdsl.measure.validation_record import Kept


def cache(level: int, size: int, kind: str = "Unified") -> Cache:
    return Cache(level=level, kind=kind, size=size, line=64, shared=1)


@pytest.mark.parametrize(
    "caches",
    [
        [cache(1, 48 << 10, "Data"), cache(2, 1 << 20), cache(3, 32 << 20)],
        [cache(1, 32 << 10, "Data"), cache(1, 64 << 20, "Instruction"), cache(2, 512 << 10)],
        [cache(1, 64 << 10)],
    ],
)
def test_the_bytes_fit_into_the_last_cache_alone(caches):
    """Between the last two sizes, and whole blocks of the kernel that reads them."""
    found = in_the_last(caches)
    sizes = sorted(each.size for each in caches if each.kind != "Instruction")
    assert found < sizes[-1]
    assert len(sizes) < 2 or found > sizes[-2]
    assert found % (stream.PLACES * stream.BLOCK) == 0


def test_without_a_cache_nothing_is_measured():
    assert in_the_last([]) == 0


def test_samples_by_age(monkeypatch):
    """A clock of which each look takes 1 us, and a loop of which each turn takes 1 ns: it waits for
    as many turns as an age has, between writing and reading."""
    now = itertools.count(step=1000)
    late = [0]
    turns: list[int] = []

    def wait(count: int) -> None:
        late[0] += count
        turns.append(count)

    monkeypatch.setattr(clock, "cycles", wait)
    watch = Stopwatch(clock=lambda: next(now) + late[0])
    size = stream.PLACES * stream.BLOCK
    found = Keeping(memory(4 * size + 1), size).samples(watch)
    assert [len(each) for each in found] == [FEW] * len(AGES)
    assert all(each == 1000 for samples in found for each in samples)
    _, learning, *waited = turns
    assert learning == keeping.TURNS
    a_turn = (1000 + keeping.TURNS) / keeping.TURNS * 1e-9
    expected = [round(age / a_turn) for age in AGES for _ in range(FEW)]
    assert waited == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 0},
        {"ages": ()},
        {"ages": (0.0, 0.0)},
        {"ages": (1e-3, 2e-3)},
        {"ages": (0.0, -1.0)},
        {"ages": (0.0, float("nan"))},
        {"rounds": (((5,),),)},
        {"rounds": (((5,), ()),)},
        {"rounds": (((5,), (-9,)),)},
    ],
)
def test_a_record_that_no_run_can_have_made_is_refused(wrong):
    right = {"size": 5, "ages": (0.0, 1e-3), "rounds": (((5,), (9,)),)}
    assert Kept.model_validate(right).size == 5
    with pytest.raises(ValidationError):
        Kept.model_validate({**right, **wrong})
