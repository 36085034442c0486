"""Validations that nobody ran: phases that take as long as a test says, round by round."""

from collections.abc import Callable, Mapping, Sequence

from perfdsl.compare.forecast import Forecast, forecasts
from perfdsl.compare.phases import groups
from perfdsl.compare.substitution import Substituted
from perfdsl.measure.disturbance import Disturbance
from perfdsl.measure.executed import Executed
from perfdsl.measure.results import Case, ModelFacts
from perfdsl.measure.validation_record import Measured, Rates, Turn, Validation
from perfdsl.measure.work import work
from tests.measure.records import FULL, MACHINE, PROTOCOL, SLOW

PHASES = (
    "embed", "first_norm", "qkv", "heads", "attention", "attn_output", "ffn_norm", "gate_up",
    "ffn_down", "attn_norm", "pool", "quantise_pooled", "dense_2", "quantise_dense", "dense_3",
    "normalise",
)  # fmt: skip
# What `machines.MACHINE` would be probed as, a second and thread.
REACHED: Mapping[str, float] = {
    "int8": 5.0e11, "bf16": 2.5e11, "fp32": 1.25e11, "stream": 2.9e10, "clock": 4.0e9,
}  # fmt: skip

Times = Callable[[Case], Mapping[str, float]]
"""Seconds of each phase in a case, summed over the layers."""


def predicted(program: Substituted, case: Case) -> dict[str, float]:
    """Each phase as long as its group is predicted; a group's second phase takes nothing."""
    (found,) = forecasts(program, [case])
    assert isinstance(found, Forecast)
    seconds = {each.name: each.seconds for each in found.operators}
    return {
        phase: sum(seconds[name] for name in group.operators) if not at else 1e-9
        for group in groups(PHASES, seconds)
        for at, phase in enumerate(group.phases)
    }


def a_turn(phases: Mapping[str, float], slow: float, cold: float) -> Turn:
    """Three calls: the middle one takes as long as the phases together, the others a tenth off."""
    each = {name: seconds * slow * 1e9 for name, seconds in phases.items()}
    whole = sum(each.values())
    return Turn(
        warm_up=(round(whole * 2),),
        calls=tuple(round(whole * part) for part in (1.1, 1.0, 0.9)),
        phases=tuple({n: round(ns * part) for n, ns in each.items()} for part in (1.1, 1.0, 0.9)),
        cold=(round(whole + cold * slow * 1e9),),
    )


def _rates(reached: Mapping[str, float], threads: int, slow: float) -> dict[str, tuple[float, ...]]:
    """Of one thread's clock, and of all threads together."""
    return {n: (rate * (1 if n == "clock" else threads) / slow,) for n, rate in reached.items()}


def a_validation(
    cases: Sequence[Case],
    times: Times,
    shape: Mapping[str, int | None],
    *,
    slow: Sequence[float] = SLOW,
    cold: float = 0.0,
    executed: Sequence[Executed] = (),
    reached: Mapping[str, float] = REACHED,
    complete: bool = True,
) -> Validation:
    """cold: seconds that a cold call takes longer."""
    facts = {n: v for n, v in shape.items() if n not in {"every", "window"}}
    return Validation(
        tool="perfdsl 0.1.0",
        date="2026-01-02T03:04:05+00:00",
        isa="avx512-vnni",
        model=ModelFacts.model_validate({**facts, "file_bytes": 335_000_000}),
        shape=dict(shape),
        environment=MACHINE,
        protocol=PROTOCOL,
        flushed=2**27,
        small_pages=0.0,
        measured=tuple(
            Measured(
                case=case,
                work=work(FULL, [case.tokens] * case.texts),
                turns=tuple(a_turn(times(case), each, cold) for each in slow),
            )
            for case in cases
        ),
        rates=tuple(
            Rates(
                threads=threads,
                rounds=tuple(
                    {
                        n: (rate * (1 if n == "clock" else threads) / each,)
                        for n, rate in reached.items()
                    }
                    for each in slow
                ),
            )
            for threads in dict.fromkeys(case.threads for case in cases)
        ),
        executed=tuple(executed),
        disturbance=Disturbance(seconds=30.0, stolen=0.0, others=0.0, preempted=3),
        complete=complete,
    )
