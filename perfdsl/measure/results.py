"""What a benchmark recorded: every sample of every round, and what it was measured on and with.

The schema's version changes whenever a field does. A record is never corrected: what is told of it
(medians, ratios, shares, doubts) is computed from it, in `summary`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from perfdsl.measure.disturbance import Disturbance
from perfdsl.measure.environment import Environment
from perfdsl.measure.recorded import Recorded
from perfdsl.measure.startup import Startup
from perfdsl.measure.work import Work

OURS = "perfdsl"
BESIDE = "perfdsl, one text"


class Case(Recorded):
    """What is computed: so many texts in one call, each of so many tokens, on so many threads."""

    texts: int
    tokens: int
    threads: int


class Round(Recorded):
    """One turn of everybody: nanoseconds of each call, and rates, each as often as it was measured.

    order: who came after whom. rates: of `int8`, `bf16`, `fp32` in multiply-adds a second, `stream`
    in bytes a second, `clock` in cycles a second (of one thread).
    """

    order: tuple[str, ...]
    samples: dict[str, tuple[int, ...]]
    rates: dict[str, tuple[float, ...]]


class Series(Recorded):
    """The rounds of one case, and what disturbed each run of the tool that added some.

    beside: tokens of the one text that was timed beside many; 0 where there was none.
    """

    case: Case
    work: Work
    rounds: tuple[Round, ...]
    disturbance: tuple[Disturbance, ...]
    beside: int = 0


class Candidate(Recorded):
    """Who was timed: its version, and how it was set up, in words."""

    name: str
    version: str
    setup: str


class ModelFacts(Recorded):
    """The model by its size; no name of a file."""

    layers: int
    d_model: int
    d_ff: int
    heads: int
    kv_heads: int
    d_head: int
    vocab: int
    dense: int
    file_bytes: int


class Protocol(Recorded):
    """How calls were timed: see `timing.Stopwatch`. Seconds and counts; tick: of the clock, ns."""

    settle: float
    warm: int
    least: int
    most: int
    seconds: float
    longest: float
    tick: int


class Result(Recorded):
    """The record of a benchmark; startup is empty where it was not asked for.

    small_pages: the share of the stream's memory without huge pages; None where nobody tells.
    """

    kind: ClassVar[str] = "bench"
    schema_version: Literal[1] = 1
    tool: str
    date: str  # of the last round, UTC
    isa: str
    model: ModelFacts
    candidates: tuple[Candidate, ...]
    environment: Environment
    protocol: Protocol
    small_pages: float | None
    series: tuple[Series, ...]
    startup: tuple[Startup, ...] = ()
