"""Profile: where the time of a call goes, operator by operator, beside what each one executed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from perfdsl.measure.inputs import Ids, texts
from perfdsl.records import dataclass
from perfdsl.runner.instruments import timed
from perfdsl.runner.model import EmbeddingModel
from perfdsl.runner.oracle import Counts, counted

# Which operators of the oracle's are computed in a phase of the forward pass.
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "attention": ("attn",),
    "attn_output": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"),
    "ffn_down": ("ffn_down",),
    "dense_2": ("dense_2",),
    "dense_3": ("dense_3",),
}
WARM_UP = 2


@dataclass(frozen=True, slots=True)
class PhaseProfile:
    """A phase, summed over the layers. seconds: the median over the rounds.

    useful, executed: multiply-accumulates without and with padding; read: distinct bytes of weights
    and scales; None where nothing was counted.
    """

    name: str
    seconds: float
    useful: int | None
    executed: int | None
    read: int | None


@dataclass(frozen=True, slots=True)
class Profile:
    """One call of one text. embedding_rows: distinct ones, None where nothing was counted."""

    tokens: int
    threads: int
    rounds: int
    phases: tuple[PhaseProfile, ...]
    embedding_rows: int | None

    @property
    def seconds(self) -> float:
        """Of all phases together."""
        return sum(phase.seconds for phase in self.phases)


def profile(model: EmbeddingModel, tokens: int, rounds: int, *, counting: bool) -> Profile:
    """Time a text of so many tokens for so many rounds; count what it executes, if asked to."""
    ids = texts(1, tokens, model.config.vocab)
    for _ in range(WARM_UP):
        timed(model, ids)
    samples = [_by_name(model, ids) for _ in range(rounds)]
    found = counted(model.file.path, ids, threads=model.threads) if counting else None
    totals = (
        {name: found.total(name) for names in OPERATORS.values() for name in names} if found else {}
    )
    phases = tuple(
        _phase(name, [sample[name] for sample in samples], totals) for name in samples[0]
    )
    rows = found.embedding_rows if found else None
    return Profile(tokens, model.threads, rounds, phases, rows)


def _by_name(model: EmbeddingModel, ids: Sequence[Ids]) -> dict[str, float]:
    """Seconds of each phase over all layers, in order of execution."""
    sums: dict[str, float] = {}
    for phase in timed(model, ids):
        sums[phase.name] = sums.get(phase.name, 0.0) + phase.seconds
    return sums


def _phase(name: str, seconds: Sequence[float], totals: Mapping[str, Counts]) -> PhaseProfile:
    counts = [totals[each] for each in OPERATORS.get(name, ()) if each in totals]
    if not counts:
        return PhaseProfile(name, median(seconds), None, None, None)
    return PhaseProfile(
        name,
        median(seconds),
        sum(each.useful for each in counts),
        sum(each.executed for each in counts),
        sum(each.weights + each.scales for each in counts),
    )
