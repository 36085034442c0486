"""The kinds of records: what each is read as, what it measured, and what it was measured on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from perfdsl.measure.figures import Figure, of_bench
from perfdsl.measure.machine import Machine
from perfdsl.measure.machine_figures import of_probe
from perfdsl.measure.recorded import Recorded
from perfdsl.measure.results import Candidate, ModelFacts, Result
from perfdsl.measure.validation_figures import of_validation
from perfdsl.measure.validation_record import Validation
from perfdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """made: the class of the record. version: of its schema, the newest that can be read.

    figures: what was measured, main ones first; for samples that no clock gives it raises
    ValueError, ArithmeticError or LookupError. setting: what else has to be the same in two records
    that are compared, in words; its first entry is the subject.
    """

    made: type[Recorded]
    version: int
    figures: Callable[[Any], tuple[Figure, ...]]
    setting: Callable[[Any], Mapping[str, str]]


def bench_setting(result: Result) -> dict[str, str]:
    """The model, who was timed, and how."""
    watch = result.protocol
    told = {"model": _model(result.model), "instruction set": result.isa}
    told |= {each.name: _candidate(each) for each in result.candidates}
    told["calls in a round"] = f"{watch.least} to {watch.most}, {watch.seconds} s"
    return told


def probe_setting(machine: Machine) -> dict[str, str]:
    """The cores, and how many of the rounds there were time for."""
    how = "quick" if machine.quick else "usual"
    return {"probe": f"{machine.cores} cores, {how}", "instruction set": machine.isa}


def _model(found: ModelFacts) -> str:
    shape = f"{found.layers} layers, {found.d_model} wide, {found.d_ff} in the FFN"
    heads = f"{found.heads} heads of {found.d_head}, {found.kv_heads} for keys and values"
    return f"{shape}, {heads}, {found.vocab:,} tokens, {found.file_bytes / 1e6:,.1f} MB"


def _candidate(found: Candidate) -> str:
    return f"{found.version}, {found.setup}"


def validation_setting(found: Validation) -> dict[str, str]:
    """The model, and how its calls were timed."""
    watch = found.protocol
    return {
        "model": _model(found.model),
        "instruction set": found.isa,
        "perfdsl": found.tool.rpartition(" ")[2],
        "calls in a round": f"{watch.least} to {watch.most}, {watch.seconds} s",
        "flushed before a cold call": f"{found.flushed / 1e6:,.1f} MB",
    }


KINDS: Mapping[str, Kind] = {
    "bench": Kind(Result, 1, of_bench, bench_setting),
    "probe": Kind(Machine, 1, of_probe, probe_setting),
    "validation": Kind(Validation, 1, of_validation, validation_setting),
}
