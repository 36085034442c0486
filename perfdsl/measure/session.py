"""A benchmark from what was asked for to its record: candidates started, rounds run, all closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from perfdsl.measure.bench import Bench, Plan
from perfdsl.measure.candidates import CandidateError, Ours, Timed
from perfdsl.measure.environment import environment
from perfdsl.measure.facts import model_facts, protocol
from perfdsl.measure.limits import Peaks, Stream
from perfdsl.measure.peers.process import Peer
from perfdsl.measure.results import Candidate, Case, Result
from perfdsl.measure.startup import Startup, startup
from perfdsl.measure.timing import Stopwatch
from perfdsl.measure.work import weight_bytes
from perfdsl.records import dataclass
from perfdsl.runner.config import Config, read_config
from perfdsl.runner.errors import InputError, RunnerError
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.model import EmbeddingModel

BESIDE = 512  # tokens of the one text that many texts are held against, and of a first call

Told = Callable[[str, int, int], None]
"""What begins now, how many steps are over, and of how many."""


@dataclass(frozen=True, slots=True)
class Request:
    """peers: their names; python: the interpreter that they run under; starts: new processes in
    which opening and memory are measured."""

    model: Path
    cases: Sequence[Case]
    rounds: int
    peers: Sequence[str]
    python: str
    starts: int
    watch: Stopwatch


@dataclass(frozen=True, slots=True)
class Outcome:
    """failed: peers that could not be started, or stopped; complete: False after an interrupt."""

    result: Result
    failed: Sequence[Exception]
    complete: bool


def session(request: Request, tool: str, told: Told) -> Outcome:
    """Raises ModelFileError and InputError for the model and the cases, StartupError.

    An interrupt ends the rounds: those that are whole are kept, if there is one of each case.
    """
    file = open_gguf(request.model)
    config = read_config(file)
    _check(request.cases, config)
    starts = _starts(request, config, told)
    failed: list[Exception] = []
    with ExitStack() as open_ones:
        candidates = [_ours(request.model, tool), *_peers(request, told, failed)]
        for each in candidates:
            open_ones.callback(each.close)
        told(f"reserving {weight_bytes(config) / 1e6:,.0f} MB", 0, 1)
        stream = Stream(weight_bytes(config))
        plan = Plan(request.cases, request.rounds, request.watch, min(BESIDE, config.context))
        bench = Bench(plan, config, candidates, [Peaks(), stream])
        complete = _rounds(bench, told)
        failed += bench.failed.values()
        result = Result(
            tool=tool,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            isa=HOST.name,
            model=model_facts(config, request.model),
            candidates=tuple(
                Candidate(name=each.name, version=each.version, setup=each.setup)
                for each in candidates
            ),
            environment=environment(),
            protocol=protocol(request.watch),
            small_pages=stream.small_pages,
            series=bench.series(),
            startup=tuple(starts),
        )
    return Outcome(result, failed, complete)


def _check(cases: Sequence[Case], config: Config) -> None:
    longest = max(case.tokens for case in cases)
    if longest > config.context:
        what = f"texts of {longest:,} tokens are asked for, the model takes {config.context:,}"
        raise InputError(what, "ask for shorter ones with --tokens")


def _starts(request: Request, config: Config, told: Told) -> list[Startup]:
    threads = max(case.threads for case in request.cases)
    tokens = min(BESIDE, config.context)
    found = []
    for number in range(request.starts):
        told("a new process opens the model", number, request.starts)
        found.append(startup(request.model, threads, tokens))
    return found


def _ours(model: Path, tool: str) -> Ours:
    version = tool.rpartition(" ")[2]
    return Ours(lambda threads: EmbeddingModel.open(model, threads=threads), version)


def _peers(request: Request, told: Told, failed: list[Exception]) -> list[Timed]:
    """Those that start; the rest goes on without the others."""
    found: list[Timed] = []
    for number, name in enumerate(request.peers):
        told(f"{name} loads the model", number, len(request.peers))
        try:
            found.append(Peer(name, request.model, request.python))
        except (CandidateError, RunnerError) as error:
            failed.append(error)
    return found


def _rounds(bench: Bench, told: Told) -> bool:
    """Run them all; False where an interrupt ended them behind the first."""
    try:
        for done, step in enumerate(bench.run()):
            texts = f"{step.case.texts} x " if step.case.texts > 1 else ""
            at = f"{texts}{step.case.tokens} tokens, {step.case.threads} threads: {step.name}"
            told(f"round {step.round + 1} of {bench.plan.rounds}: {at}", done, bench.steps)
    except KeyboardInterrupt:
        if len(bench.series()) < len(bench.plan.cases):
            raise
        return False
    return True
