"""A validation's measurements: every case by phase, as a whole and cold, in interleaved rounds.

In each round every number of threads has its turn: what the machine reaches on them is probed, and
each case is called as a whole, phase by phase, and behind a flush of the caches. The order rotates
from round to round: nobody is always first, and what slows a minute down slows all of them.

A host may move the cores of its guest closer together or further apart, for seconds or minutes.
Times of the two states do not mix: turns are then added until one of them has enough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from perfdsl.measure.bench import rotated
from perfdsl.measure.disturbance import Counters, Disturbance, between, counters
from perfdsl.measure.environment import Processor, environment
from perfdsl.measure.executed import Executed, executed
from perfdsl.measure.facts import model_facts, protocol
from perfdsl.measure.inputs import Ids, texts
from perfdsl.measure.keeping import AGES, Keeping, in_the_last
from perfdsl.measure.limits import Peaks, Stream
from perfdsl.measure.placed import Placed, lying
from perfdsl.measure.placement import Placement
from perfdsl.measure.results import Case
from perfdsl.measure.timing import NANO, Stopwatch
from perfdsl.measure.validation_record import Kept, Measured, Rates, Turn, Validation
from perfdsl.measure.work import work
from perfdsl.records import dataclass, replace
from perfdsl.runner.config import Config, read_config
from perfdsl.runner.errors import InputError
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.instruments import timed
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.model import EmbeddingModel
from perfdsl.runner.to_perf import every_nth

Told = Callable[[str, int, int], None]
"""What begins now, how many steps are over, and of how many."""

TIMES_OVER = 4  # the last cache's size is streamed so often: what stays of a call's bytes is 2 %
UNTOLD = 64 * 2**20  # a last cache of which the system does not tell the size, bytes
COLD = 5  # cold calls in a round, at most: each takes a flush


@dataclass(frozen=True, slots=True)
class Request:
    """counting: whether the oracle counts what each length executes."""

    model: Path
    cases: Sequence[Case]
    rounds: int
    watch: Stopwatch
    counting: bool = True


def shape_of(config: Config) -> dict[str, int | None]:
    """What a file says of its model, by the names of the shipped model's parameters.

    None for `every` where no rule of the form "the last of so many layers" says which see it all.
    """
    return {
        "layers": config.layers,
        "d_model": config.d_model,
        "d_ff": config.d_ff,
        "heads": config.heads,
        "kv_heads": config.kv_heads,
        "d_head": config.d_head,
        "vocab": config.vocab,
        "dense": config.dense,
        "every": every_nth(config.full),
        "window": 2 * config.reach + 1,
    }


def checked(model: Path, cases: Sequence[Case]) -> Config:
    """The file's shape. Raises ModelFileError, and InputError for a text that is too long."""
    config = read_config(open_gguf(model))
    longest = max(case.tokens for case in cases)
    if longest > config.context:
        what = f"texts of {longest:,} tokens are asked for, the model takes {config.context:,}"
        raise InputError(what, "ask for shorter ones with --tokens")
    return config


def validation(request: Request, tool: str, told: Told) -> Validation:
    """All rounds of all cases. Raises RunnerError.

    An interrupt ends the rounds: the whole ones are kept, if there is one.
    """
    config = checked(request.model, request.cases)
    found = tuple(_executed(request, config, told)) if request.counting else ()
    here = environment()
    with ExitStack() as opened:
        models = {}
        for at, threads in enumerate(numbers := _threads(request.cases)):
            told(f"the model is opened for {threads} threads", at, len(numbers))
            model = EmbeddingModel.open(request.model, threads=threads)
            models[threads] = opened.enter_context(model)
        told("memory to flush the caches with", 0, 1)
        stream = Stream(flush_bytes(here.processor))
        size = in_the_last(here.processor.caches)
        placements = {n: opened.enter_context(closing(Placement(n))) for n in models if n > 1}
        keeping = Keeping(stream.memory, size) if size else None
        session = Session(request, models, placements, stream, keeping)
        complete = _run(session, told)
        return Validation(
            tool=tool,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            isa=HOST.name,
            model=model_facts(config, request.model),
            shape=shape_of(config),
            environment=here,
            protocol=protocol(request.watch),
            flushed=stream.memory.data.size,
            small_pages=stream.small_pages,
            measured=session.measured(config),
            rates=session.rates(),
            kept=session.kept(),
            executed=found,
            disturbance=session.disturbance(),
            complete=complete,
        )


def flush_bytes(processor: Processor) -> int:
    """Four times the last cache; what several of them hold together is not told."""
    last = max((cache.size for cache in processor.caches), default=0)
    return TIMES_OVER * (last or UNTOLD)


def _threads(cases: Sequence[Case]) -> list[int]:
    return list(dict.fromkeys(case.threads for case in cases))


def _executed(request: Request, config: Config, told: Told) -> Iterator[Executed]:
    """What each length executes, counted once: it does not depend on the number of threads."""
    lengths = list(dict.fromkeys((case.texts, case.tokens) for case in request.cases))
    for at, (count, tokens) in enumerate(lengths):
        told(f"counting what {tokens} tokens execute", at, len(lengths))
        yield executed(request.model, texts(count, tokens, config.vocab))


def _run(session: Session, told: Told) -> bool:
    """All rounds; False where an interrupt ended them behind the first."""
    try:
        for done, what in enumerate(session.run()):
            told(what, done, session.steps)
    except KeyboardInterrupt:
        if not session.rounds_done:
            raise
        return False
    return True


class Session:
    """The rounds. models: one for each number of threads; placements: for each above 1."""

    def __init__(
        self,
        request: Request,
        models: Mapping[int, EmbeddingModel],
        placements: Mapping[int, Placement],
        stream: Stream,
        keeping: Keeping | None,
    ) -> None:
        self.request, self.models, self.stream = request, models, stream
        self.placements = placements
        self.keeping = keeping
        self.rounds_done = 0
        self._repeats = 0
        self._turns: dict[Case, list[Turn]] = {case: [] for case in request.cases}
        # What one thread reaches is asked for without a case, too: `kept` is told by it.
        self.probed = tuple(models) if keeping is None else tuple(dict.fromkeys([*models, 1]))
        self._rates: dict[int, list[dict[str, tuple[float, ...]]]] = {n: [] for n in self.probed}
        self._kept: list[tuple[tuple[int, ...], ...]] = []
        self._probes = (Peaks(), stream)
        self._began = self._counters()

    @property
    def steps(self) -> int:
        """How many steps `run` tells of."""
        return self.request.rounds * (len(self.request.cases) + len(self.probed)) + self._repeats

    def run(self) -> Iterator[str]:
        """Round by round, then again what was disturbed; tells what begins."""
        yield from self._rounds()
        yield from self._again()

    def _rounds(self) -> Iterator[str]:
        for number in range(self.request.rounds):
            label = f"round {number + 1} of {self.request.rounds}"
            turns: dict[Case, Turn] = {}
            rates: dict[int, dict[str, tuple[float, ...]]] = {}
            kept: list[tuple[tuple[int, ...], ...]] = []
            for threads in rotated(self.probed, number):
                yield f"{label}: what {threads} threads reach"
                rates[threads] = self._probed(threads)
                if self.keeping is not None:
                    kept.append(self.keeping.samples(self.request.watch))
                own = [case for case in self.request.cases if case.threads == threads]
                for case in rotated(own, number):
                    yield f"{label}: {case.tokens} tokens, {threads} threads"
                    turns[case] = self._turn(case, number)
            for each, turn in turns.items():
                self._turns[each].append(turn)
            for number_of, found in rates.items():
                self._rates[number_of].append(found)
            self._kept += kept
            self.rounds_done += 1

    def _again(self) -> Iterator[str]:
        """More turns where cores moved, until one state has as many of each case as there were
        rounds: of the state that the cores are in, if the case lacks some. So many more, at most.
        """
        lay = {threads: lying(self._on(threads)) for threads in self.placements}
        for number in range(self.request.rounds):
            own = [case for case in self.request.cases if case.threads in lay]
            for case in rotated(own, number):
                here = lay[case.threads]
                if self._settled(here, case.threads):
                    continue
                near = self._meetings(case.threads)[0] <= here.limit
                if here.count(self._turns[case], near=near) < self.request.rounds:
                    self._repeats += 1
                    yield f"again, as cores had moved: {case.tokens} tokens, {case.threads} threads"
                    self._turns[case].append(self._turn(case, number))

    def _on(self, threads: int) -> list[Turn]:
        found = self._turns.items()
        return [turn for case, turns in found if case.threads == threads for turn in turns]

    def _settled(self, lay: Placed, threads: int) -> bool:
        """Whether one of the two states has enough turns of every case."""
        own = [case for case in self.request.cases if case.threads == threads]
        return not lay.limit or any(
            all(lay.count(self._turns[case], near=near) >= self.request.rounds for case in own)
            for near in (True, False)
        )

    def measured(self, config: Config) -> tuple[Measured, ...]:
        """The whole rounds of every case."""
        return tuple(
            Measured(case=case, work=work(config, [case.tokens] * case.texts), turns=tuple(turns))
            for case, turns in self._turns.items()
        )

    def rates(self) -> tuple[Rates, ...]:
        found = self._rates.items()
        return tuple(Rates(threads=threads, rounds=tuple(rounds)) for threads, rounds in found)

    def kept(self) -> Kept | None:
        """One sample of rounds for each time that the rates were probed."""
        if self.keeping is None:
            return None
        return Kept(size=self.keeping.size, ages=AGES, rounds=tuple(self._kept))

    def disturbance(self) -> Disturbance:
        return between(self._began, self._counters())

    def _probed(self, threads: int) -> dict[str, tuple[float, ...]]:
        found: dict[str, tuple[float, ...]] = {}
        for probe in self._probes:
            rates = probe.rates(threads, self.request.watch)
            found |= {name: tuple(each) for name, each in rates.items()}
        return found

    def _turn(self, case: Case, number: int) -> Turn:
        """One case timed in all three ways, in an order that rotates."""
        model = self.models[case.threads]
        ids = texts(case.texts, case.tokens, model.config.vocab)
        ways: Mapping[str, Callable[[], tuple[list[Sample], list[Sample]]]] = {
            "calls": partial(self._timed, partial(self._whole, model, ids)),
            "phases": partial(self._timed, partial(_by_phase, model, ids)),
            "cold": partial(self._cold, model, ids),
        }
        warm: list[Sample] = []
        found: dict[str, list[Sample]] = {}
        met = self._meetings(case.threads)
        for way in rotated(list(ways), number):
            first, found[way] = ways[way]()
            warm += first
        return Turn(
            warm_up=tuple(each.nanoseconds for each in warm),
            calls=tuple(each.nanoseconds for each in found["calls"]),
            phases=tuple(dict(each.phases) for each in found["phases"]),
            cold=tuple(each.nanoseconds for each in found["cold"]),
            meetings=met + self._meetings(case.threads),
        )

    def _meetings(self, threads: int) -> tuple[int, ...]:
        """One sample of how near the threads are, where there is more than one."""
        if threads == 1:
            return ()
        return (self.placements[threads].sample(self.request.watch.clock),)

    def _timed(self, call: Callable[[], Sample]) -> tuple[list[Sample], list[Sample]]:
        """What warmed up, and what counts."""
        every: list[Sample] = []

        def once() -> int:
            every.append(call())
            return every[-1].nanoseconds

        self.request.watch.durations(once)
        warm = self.request.watch.warm
        return every[:warm], every[warm:]

    def _whole(self, model: EmbeddingModel, ids: Sequence[Ids]) -> Sample:
        return Sample(self.request.watch.once(partial(model.embed_ids, ids)), {})

    def _cold(self, model: EmbeddingModel, ids: Sequence[Ids]) -> tuple[list[Sample], list[Sample]]:
        """Calls behind a flush each, none of them a warm-up: what is warm is the code."""
        watch = replace(self.request.watch, warm=0, most=COLD)
        found: list[Sample] = []

        def once() -> int:
            self.stream.flush(model.threads)
            found.append(self._whole(model, ids))
            return found[-1].nanoseconds

        watch.durations(once)
        return [], found

    def _counters(self) -> Counters:
        return counters(self.request.watch.clock() * NANO, [os.getpid()])


@dataclass(frozen=True, slots=True)
class Sample:
    """One call. phases: nanoseconds of each, where they were noted."""

    nanoseconds: int
    phases: Mapping[str, int]


def _by_phase(model: EmbeddingModel, ids: Sequence[Ids]) -> Sample:
    """One instrumented call, its phases summed over the layers."""
    sums: dict[str, int] = {}
    for phase in timed(model, ids):
        sums[phase.name] = sums.get(phase.name, 0) + round(phase.seconds / NANO)
    return Sample(sum(sums.values()), sums)
