"""The setting of a record: where and with what it was made, as names and words, to be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perfdsl.measure.environment import Environment
from perfdsl.measure.header import Header
from perfdsl.measure.kinds import KINDS
from perfdsl.measure.recorded import Recorded
from perfdsl.records import dataclass

# What changes by itself from one minute to the next, on the same machine.
PASSING = {"megahertz", "load"}
NONE = "none"


@dataclass(frozen=True, slots=True)
class Difference:
    """Of the setting: what it is called, and what it was in the first and the second record."""

    name: str
    first: str
    second: str


def setting(header: Header, record: Recorded) -> dict[str, str]:
    """By names, in the order of what matters most: machine, versions, what was measured."""
    told = dict(_environment(header.environment))
    told |= KINDS[header.kind].setting(record)
    return told | {"tool": header.tool, "specs": header.specs[:12] or NONE}


def differences(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[Difference, ...]:
    """What is not the same in two settings."""
    pairs = [(name, first.get(name, NONE), second.get(name, NONE)) for name in {**first, **second}]
    return tuple(Difference(*each) for each in pairs if each[1] != each[2])


def machine(environment: Environment) -> str:
    """`AMD EPYC 9V74 80-Core Processor, 2 processors`."""
    processor = environment.processor
    name = processor.model or f"{processor.vendor} {processor.family}".strip() or processor.isa
    return f"{name}, {processor.logical} processor{'' if processor.logical == 1 else 's'}"


def _environment(found: Environment) -> Iterator[tuple[str, str]]:
    for part, held in (("processor", found.processor), ("system", found.system)):
        for name in type(held).model_fields:
            if name not in PASSING:
                yield f"{part} {name.replace('_', ' ')}", _words(getattr(held, name))
    for name, version in found.versions.items():
        yield f"version of {name}", version


def _words(value: object) -> str:
    match value:
        case tuple():
            return ", ".join(map(_words, value)) or NONE
        case Recorded():
            return " ".join(str(getattr(value, name)) for name in type(value).model_fields)
        case _:
            return str(value) or NONE
