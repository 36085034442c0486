"""A probe's record as a `.perf` file: a `hardware` with every figure that no guard refused.

A rate is a formula of `cores` where one tells what was measured for every number of threads, else a
table of what was measured. What was refused stands in a comment, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from string import Template

from perfdsl.measure.guards import Refusal, refusals
from perfdsl.measure.hardware_levels import levels
from perfdsl.measure.hardware_ports import clock, ports
from perfdsl.measure.hardware_words import interval, note, printable, stated
from perfdsl.measure.machine import Machine
from perfdsl.measure.machine_figures import Figures, Key, figures
from perfdsl.measure.statistics import Estimate

COSTS = {
    "barrier": "What it takes until all cores have waited for each other.",
    "awake": "What it takes until helpers that are awake have done a job without work.",
    "asleep": "The same, of helpers that sleep.",
}


def to_hardware(machine: Machine, name: str) -> str:
    """The text; `name` is what the hardware is called in it."""
    refused = refusals(machine)
    known = figures(machine).without({each.key for each in refused})
    tables: list[str] = []
    body = [
        *clock(known, tables),
        *ports(known, tables),
        *levels(known, tables),
        *_costs(known),
    ]
    body = [*_cores(machine), *tables, *body]
    template = resources.files("perfdsl.measure").joinpath("to_hardware.template")
    words = {
        "title": title(machine),
        "day": known.day,
        "rounds": f"{max((e.count for e in known.found.values()), default=0)}",
        "coverage": f"{100 * _coverage(known.found):.0f} %",
        "cores": f"{machine.cores} core" + ("s" if machine.cores > 1 else ""),
        "notes": "".join(f"# {line}\n" for line in _left_out(refused)),
        "name": name,
        "body": "\n".join(f"  {line}".rstrip() for line in body),
    }
    return Template(template.read_text("utf-8")).substitute(words)


def title(machine: Machine) -> str:
    """The processor, its cores and its instruction set."""
    processor = machine.environment.processor
    named = printable(processor.model or processor.vendor, 60).strip()
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    return f"{named or 'A processor without a name'}: {cores}, {machine.isa}"


def _cores(machine: Machine) -> Iterator[str]:
    told, most = '@measured("how many the system gives to a process")', f"{machine.cores} core"
    if machine.cores == 1:
        yield f"cores = {most}  {told}"
    else:
        yield f"cores: core in 1 core .. {most} = {most}  {told}"


def _coverage(found: Mapping[Key, Estimate]) -> float:
    """Of the most of them: what was measured less often covers less, and says how often it was."""
    return max((each.coverage for each in found.values()), default=0.0)


def _left_out(refused: tuple[Refusal, ...]) -> Iterator[str]:
    for each in refused:
        yield f"Left out: {each.what}: {each.why}"


def _costs(known: Figures) -> Iterator[str]:
    for name, told in COSTS.items():
        costs = known.by_threads(name)
        if costs:
            most = costs[max(costs)]
            yield ""
            yield f"## {told}"
            yield from stated(f"{name} = {interval(most, 1e-6, 'us')}", note(most, known.day))
