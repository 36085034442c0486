"""Evidence: a validation's record as the times and rates that ceilings are held against.

Medians round by round, and the interval of their median: so a round that was disturbed is one
sample of several, whatever happened in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from perfdsl.compare.bounds import Setup, Subject, operators, subject
from perfdsl.compare.caching import Calls, Fetched, Read, fetched
from perfdsl.compare.ceilings import CALL, STREAM, Probed, Timed
from perfdsl.compare.diagnosis import Diagnosis, diagnose
from perfdsl.compare.phases import groups, plain
from perfdsl.compare.substitution import Substituted
from perfdsl.measure.results import Case
from perfdsl.measure.statistics import Estimate, estimate, median
from perfdsl.measure.timing import NANO
from perfdsl.measure.validation_record import Measured, Turn, Validation
from perfdsl.numeric.intervals import Range
from perfdsl.semantics.access import capacity
from perfdsl.semantics.values import Instance, Quantity

WEIGHTS = "weights"


def diagnosed(held: Substituted, record: Validation, counted: Iterable[str] = ()) -> Diagnosis:
    """What of a validation is above its ceiling, and what explains it.

    held: without errors. counted: operators whose work the oracle has found to be what the program
    says; that of others is doubted like a figure of the hardware.
    """
    of = subject(held.analysis, held.net, held.cpu, held.load, counted)
    return diagnose(of, times_of(of, record), probes_of(record))


def times_of(of: Subject, record: Validation) -> tuple[Timed, ...]:
    """Every case as a whole, cold as a whole, and by the groups that phases and operators share."""
    return tuple(each for found in record.measured if found.turns for each in _case(of, found))


def probes_of(record: Validation) -> tuple[Probed, ...]:
    """Each rate of each number of threads; the stream reads what the caches are flushed with."""
    found = []
    for rates in record.rates:
        names = dict.fromkeys(name for each in rates.rounds for name in each)
        for name in names:
            seen = estimate([median(each[name]) for each in rates.rounds if name in each])
            size = record.flushed if name == STREAM else 0
            found.append(Probed(name, rates.threads, seen.median, _ends(seen), size))
    return tuple(found)


def _case(of: Subject, found: Measured) -> Iterator[Timed]:
    warm = setup_of(found.case)
    yield _timed(CALL, warm, [median(turn.calls) for turn in found.turns if turn.calls])
    if any(turn.cold for turn in found.turns):
        cold = setup_of(found.case, cold=True)
        yield _timed(CALL, cold, [median(turn.cold) for turn in found.turns if turn.cold])
    names = dict.fromkeys(step.name for step in operators(of, warm))
    for group in groups(_phases(found.turns), names):
        samples = [_seconds(turn, group.phases) for turn in found.turns if turn.phases]
        if group.matched and samples:
            yield _timed(group.name, warm, samples, frozenset(group.operators))


def setup_of(case: Case, *, cold: bool = False) -> Setup:
    return Setup(case.texts, case.tokens, case.threads, cold)


def _phases(turns: Iterable[Turn]) -> list[str]:
    return list(dict.fromkeys(name for turn in turns for each in turn.phases for name in each))


def _seconds(turn: Turn, phases: Sequence[str]) -> float:
    """Nanoseconds of these phases together, in the median call of a round."""
    return median([sum(each.get(name, 0) for name in phases) for each in turn.phases])


def _timed(
    what: str, setup: Setup, nanoseconds: Sequence[float], names: frozenset[str] | None = None
) -> Timed:
    seen = estimate([each * NANO for each in nanoseconds])
    return Timed(what, setup, seen.median, _ends(seen), names)


def _ends(seen: Estimate) -> Range:
    return Range(seen.low, seen.high)


# ------------------------------------------------------------------------------ cold and warm


def fetched_of(held: Substituted, record: Validation) -> Mapping[Case, Fetched]:
    """For each case that was called warm and cold, what a warm call fetched of the weights."""
    of = subject(held.analysis, held.net, held.cpu, held.load)
    probes = {each.threads: each for each in probes_of(record) if each.size}
    found = {}
    for each in record.measured:
        stream, room = probes.get(each.case.threads), _room(of, each.case.threads)
        calls = _calls(of, each, stream, room) if stream and room and each.turns else None
        if calls is not None:
            found[each.case] = fetched(calls)
    return found


def _calls(of: Subject, found: Measured, stream: Probed, room: float) -> Calls | None:
    times = list(_case(of, found))
    whole = {each.setup.cold: each.seconds for each in times if each.operators is None}
    weights = _weights(of, found.case)
    total = sum(weights.values())
    if len(whole) < 2 or not total:
        return None
    reads = (
        Read(sum(weights.get(name, 0.0) for name in each.operators), each.seconds)
        for each in times if each.operators is not None
    )  # fmt: skip
    phases = tuple(each for each in reads if each.weights)
    return Calls(total, room, whole[False], whole[True], stream.rate, phases)


def _weights(of: Subject, case: Case) -> dict[str, float]:
    """Bytes of weights that each operator reads in a call."""
    found: dict[str, float] = {}
    for step in operators(of, setup_of(case)):
        nodes = [f.node for f in step.flows if (f.direction, f.role) == ("read", WEIGHTS)]
        read = of.graph.number(of.graph.product([step.count, of.graph.total(nodes)]))
        found[plain(step.name)] = found.get(plain(step.name), 0.0) + (read or 0.0)
    return found


def _room(of: Subject, threads: int) -> float:
    """What the largest cache holds with so many cores, bytes; 0 where there is none."""
    blocks = [b for b in of.hardware(threads).frame.values.values() if isinstance(b, Instance)]
    rooms = (capacity(block) for block in blocks if block.sort == "cache")
    sizes = (of.graph.number(room.node) for room in rooms if isinstance(room, Quantity))
    return max((size or 0.0 for size in sizes), default=0.0)
