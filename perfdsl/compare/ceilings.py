"""Ceilings held: measurements that are faster than the hardware file and the program allow.

Each time is held against the least that its operators take together on each port and level (see
`bounds`), with everything uncertain in favour of the file: the slowest time that the noise allows
against the fastest rates of the intervals. Times of phases add up, and a cache can hold its
capacity only once: so the phases that outran a level are held against it together as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from perfdsl.compare.bounds import (
    Bound,
    Setup,
    Sort,
    Subject,
    cycle,
    least_times,
    multiply_add,
    operators,
    reading_pass,
    serves,
)
from perfdsl.compare.phases import plain
from perfdsl.numeric.intervals import Range
from perfdsl.records import dataclass, replace
from perfdsl.semantics.operators import Step
from perfdsl.solve.peace import Front, extent_of
from perfdsl.solve.reading import Reading

# How many times as fast as expected a probe must be to be told, where it is no excess. Of a buffer
# of four times a cache a lucky replacement may keep a quarter, so that a third more is nothing.
LUCKY = 4 / 3
# How far below its bound a time may lie before it is told. A thread's share of a phase can be
# smaller than its part of the rows by one in fifty (`runner.forward`), and only its time is noted.
NOISE = 0.02
CALL = "the call"
CLOCK, STREAM = "clock", "stream"


@dataclass(frozen=True, slots=True)
class Timed:
    """A time of one call, of a phase of it over all layers, or of several phases together.

    seconds: best, and what the noise allows. operators: their names in the program, None: all.
    """

    what: str
    setup: Setup
    best: float
    seconds: Range
    operators: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    """A rate that a probe reached. what: `clock` (cycles a second), `stream` (bytes a second, over
    `size` bytes that are read again and again), else a kind of work (multiply-adds a second)."""

    what: str
    threads: int
    best: float
    rate: Range
    size: int = 0

    @property
    def name(self) -> str:
        return f"{self.what} probe" if not self.size else f"stream probe over {self.size} B"


Measurement = Timed | Probed


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """A measurement beside one bound of what it did (`steps`).

    amount: how much was done in `seconds`, in the unit of a probe's rate; 1 for a call. expected:
    the bound's node, or, once `with_expected` has looked, the same without luck of the cache.
    """

    measured: Measurement
    setup: Setup
    steps: tuple[Step, ...]
    amount: float
    best: float
    seconds: Range
    bound: Bound
    expected: int
    sure: bool = True

    @property
    def threads(self) -> int:
        return self.setup.threads

    @property
    def front(self) -> Front:
        return Front(self.bound.node, "below", _with_noise(self.seconds))

    @property
    def likely(self) -> Front:
        """What would be expected, and was not met either."""
        return Front(self.expected, "below", _with_noise(self.seconds))


@dataclass(frozen=True, slots=True)
class Excess:
    """A measurement above its ceiling: it took `seconds`, and nothing takes less than `least`.

    setup: None of a probe, which did `amount` (in the unit of its rate) in that time. sort,
    resource: of what takes so long: a port or level by its name. sure: no replacement of a cache
    could have made it so fast; else it is only faster by far than when bytes are read in turn.
    conflict: the assumptions of a smallest set of which one must be false.
    """

    what: str
    threads: int
    setup: Setup | None
    amount: float
    best: float
    seconds: Range
    least: float
    sort: Sort
    resource: str
    sure: bool
    conflict: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """How many times as fast as the ceiling, at least."""
        return self.least / self.seconds.high

    @property
    def by_probe(self) -> bool:
        return self.setup is None

    @property
    def rate(self) -> tuple[float, float]:
        """What a probe reached a second, and the most that the file allows."""
        return self.amount / self.best, self.amount / self.least


def excess_of(held: Bounded, reading: Reading, conflict: tuple[str, ...] = ()) -> Excess:
    measured = held.measured
    name = measured.what if isinstance(measured, Timed) else measured.name
    setup = measured.setup if isinstance(measured, Timed) else None
    least = extent_of(reading, held.bound.node, {}).low
    return Excess(name, held.threads, setup, held.amount, held.best, held.seconds, least,
                  held.bound.sort, held.bound.resource, held.sure, conflict)  # fmt: skip


def _with_noise(seconds: Range) -> Range:
    return Range(seconds.low, seconds.high * (1 + NOISE))


def exceeded(held: Iterable[Bounded], reading: Reading) -> tuple[Bounded, ...]:
    """The measurements that are faster than their bounds allow, the clearest first.

    `compute`, the sum over ports, is told only where no single port is exceeded.
    """
    found = [each for each in held if _is_exceeded(each.front, reading)]
    ports = {id(each.measured) for each in found if each.bound.sort == "port"}
    kept = [e for e in found if e.bound.sort != "compute" or id(e.measured) not in ports]
    return tuple(sorted(kept, key=lambda e: e.seconds.high / reading.value(e.bound.node)))


def lucky(held: Iterable[Bounded], reading: Reading) -> list[Bounded]:
    """Probes that are no excess, and yet faster by far than reading in turn can be.

    The file is likely to be wrong then: it takes a replacement that sees into the future.
    """
    found = []
    for each in held:
        front = Front(each.expected, "below", Range(each.seconds.low, each.seconds.high * LUCKY))
        if each.expected != each.bound.node and _is_exceeded(front, reading):
            bound = replace(each.bound, node=each.expected)
            found.append(replace(each, bound=bound, sure=False))
    return found


def _is_exceeded(front: Front, reading: Reading) -> bool:
    # Without luck of the uncertain inputs a bound is no lower: most need no more than this.
    if reading.value(front.node) <= front.goal:
        return False
    return extent_of(reading, front.node, {}).low > front.goal


# ------------------------------------------------------------------------------ what is compared


def held_times(of: Subject, times: Sequence[Timed]) -> list[Bounded]:
    """Each time beside all its bounds; and phases of a call together, where they outran a level."""
    found: list[Bounded] = []
    for setup in dict.fromkeys(each.setup for each in times):
        steps = operators(of, setup)
        here = [each for each in times if each.setup == setup]
        for each in (*here, *_together(of, here, steps, setup)):
            chosen = _chosen(each, steps)
            if chosen:
                done = _Done(each, setup, tuple(chosen), 1.0, each.best, each.seconds)
                found.extend(done.held(least_times(of, chosen, setup)))
    return found


def _chosen(timed: Timed, steps: Iterable[Step]) -> list[Step]:
    names = timed.operators
    return [step for step in steps if names is None or plain(step.name) in names]


def _together(
    of: Subject, times: Sequence[Timed], steps: Sequence[Step], setup: Setup
) -> Iterator[Timed]:
    """For each level the phases that took less than all their bytes take there: some of these came
    from a cache, and all together no more than it holds."""
    graph = of.graph
    cold = replace(setup, cold=True)
    outran: dict[str, list[Timed]] = {}
    for each in times:
        if each.operators is None:
            continue
        for bound in least_times(of, _chosen(each, steps), cold):
            whole = graph.number(bound.node)
            if bound.sort == "level" and whole is not None and each.seconds.high < whole:
                outran.setdefault(bound.resource, []).append(each)
    seen: set[frozenset[str]] = set()
    for phases in outran.values():
        names = frozenset[str]().union(*(each.operators or () for each in phases))
        if len(phases) > 1 and names not in seen:
            seen.add(names)
            yield Timed(
                " + ".join(each.what for each in phases),
                setup,
                sum(each.best for each in phases),
                Range(sum(e.seconds.low for e in phases), sum(e.seconds.high for e in phases)),
                names,
            )


def held_probes(of: Subject, probes: Iterable[Probed]) -> list[Bounded]:
    """Each probe beside the bounds of what it did: a cycle, a multiply-add, a pass over bytes."""
    found: list[Bounded] = []
    for probe in probes:
        setup = Setup(1, 1, probe.threads)
        if probe.what != CLOCK and not probe.size and not serves(of, probe.what):
            continue
        amount = float(probe.size or 1)
        seconds = Range(amount / probe.rate.high, amount / probe.rate.low)
        done = _Done(probe, setup, _steps(of, probe), amount, amount / probe.best, seconds)
        a_cycle = cycle(of, probe.threads) if probe.what == CLOCK else None
        bounds = (a_cycle,) if a_cycle else least_times(of, done.steps, setup)
        found.extend(done.held(bounds))
    return found


def _steps(of: Subject, probe: Probed) -> tuple[Step, ...]:
    if probe.what == CLOCK:
        return ()
    return (reading_pass(of, probe.size) if probe.size else multiply_add(of, probe.what),)


@dataclass(frozen=True, slots=True, eq=False)
class _Done:
    """What was done in a time: see `Bounded`."""

    measured: Measurement
    setup: Setup
    steps: tuple[Step, ...]
    amount: float
    best: float
    seconds: Range

    def held(self, bounds: Iterable[Bound]) -> Iterator[Bounded]:
        for bound in bounds:
            yield Bounded(self.measured, self.setup, self.steps, self.amount, self.best,
                       self.seconds, bound, bound.node)  # fmt: skip


def with_expected(of: Subject, held: Iterable[Bounded]) -> list[Bounded]:
    """The same, each with what is expected where a cache keeps nothing of what does not fit."""
    found = []
    for each in held:
        bounds = least_times(of, each.steps, each.setup, streaming=True) if each.steps else ()
        nodes = {(b.sort, b.resource): b.node for b in bounds}
        key = each.bound.sort, each.bound.resource
        found.append(replace(each, expected=nodes.get(key, each.bound.node)))
    return found
