"""The history: what the records of a folder say in a line each, and two of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from perfdsl.measure.comparison import Compared, Comparison, compared
from perfdsl.measure.figures import Figure
from perfdsl.measure.kinds import KINDS
from perfdsl.measure.recorded import Recorded
from perfdsl.measure.runs import spreads
from perfdsl.measure.setting import Difference, differences, machine, setting
from perfdsl.measure.statistics import Estimate, estimate
from perfdsl.measure.stored import State, Stored, UnreadableRecordError, files, find, read
from perfdsl.records import dataclass
from perfdsl.runner.errors import RunnerError


class IncomparableError(RunnerError):
    """Two records have nothing in common that could be compared, or not enough of it."""

    code = "P855"


RECENT = 200  # records that are looked through for other runs: two seconds for validations

Setting = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. The rest is empty where the record is not whole.

    subject: what was measured. main: the first of its main figures, with what its rounds say.
    cases: how many its main figures have.
    """

    stored: Stored
    machine: str = ""
    subject: str = ""
    cases: int = 0
    main: Figure | None = None
    told: Estimate | None = None


@dataclass(frozen=True, slots=True)
class Two:
    """differences: of their settings. others: how many records tell by how much runs differ."""

    first: Stored
    second: Stored
    differences: Sequence[Difference]
    comparison: Comparison
    others: int


def entries(folder: Path, kind: str, most: int) -> tuple[list[Entry], int]:
    """The newest records of a kind ("" is any), and how many older ones there are.

    Raises UnreadableRecordError where the folder cannot be read.
    """
    found: list[Entry] = []
    paths = files(folder)
    for seen, path in enumerate(paths):
        if len(found) == most:
            return found, len(paths) - seen
        stored = read(path)
        if not kind or (stored.start is not None and stored.start.kind == kind):
            found.append(entry(stored))
    return found, 0


def entry(stored: Stored) -> Entry:
    """What is told of a record among others."""
    if stored.header is None or stored.record is None:
        return Entry(stored)
    try:
        main = [each for each in figures(stored) if each.main and each.usable]
    except UnreadableRecordError as error:
        return Entry(Stored(stored.path, State.DAMAGED, str(error), stored.start))
    return Entry(
        stored,
        machine=machine(stored.header.environment),
        subject=next(iter(KINDS[stored.header.kind].setting(stored.record).values()), ""),
        cases=len({each.case for each in main}),
        main=main[0] if main else None,
        told=estimate(main[0].samples) if main else None,
    )


def figures(stored: Stored) -> tuple[Figure, ...]:
    """Raises UnreadableRecordError and NewerRecordError."""
    record = stored.needed()
    assert stored.header is not None
    try:
        return KINDS[stored.header.kind].figures(record)
    except (ValueError, ArithmeticError, LookupError) as error:
        raise UnreadableRecordError(f"{stored.path}: it has samples that are none") from error


def two(folder: Path, first: str, second: str) -> Two:
    """Two records, by their names. Raises RunnerError where one cannot be used, or not with the
    other."""
    one, other = (read(find(folder, name)) for name in (first, second))
    known = one.needed(), other.needed()
    assert one.header is not None
    assert other.header is not None
    if one.header.kind != other.header.kind:
        kinds = f"one is of kind {one.header.kind}, the other of kind {other.header.kind}"
        raise IncomparableError(f"the records cannot be compared: {kinds}")
    if one.header.id == other.header.id:
        raise IncomparableError(f"both are the record {one.header.id}", "name two")
    before, after = setting(one.header, known[0]), setting(other.header, known[1])
    groups = _runs(folder, one, before, other, after)
    comparison = compared(figures(one), figures(other), spreads(groups))
    if not comparison.rows:
        raise IncomparableError("the records have no case in common", _cases(known, one))
    others = sum(map(len, groups)) - (2 if len(groups) > 1 else 0)
    return Two(one, other, differences(before, after), comparison, others)


def _runs(
    folder: Path, one: Stored, before: Setting, other: Stored, after: Setting
) -> list[list[tuple[Figure, ...]]]:
    """The figures of other runs with the first's and with the second's setting, in two groups.

    Where that is one setting it is one group, without the two that are compared: what they differ
    by is what is asked. In a group of its own each of them has its place.
    """
    assert one.start is not None
    assert other.start is not None
    same = not differences(before, after)
    groups = [[]] if same else [[figures(one)], [figures(other)]]
    seen = {one.start.id, other.start.id}  # a copy of a record is no other run
    for path in files(folder)[:RECENT]:
        run = read(path)
        if run.header is None or run.header.kind != one.start.kind:
            continue
        if run.record is None or run.header.id in seen:
            continue
        seen.add(run.header.id)
        told = setting(run.header, run.record)
        for group, known in zip(groups, (before, after), strict=False):
            if not differences(told, known):
                with suppress(UnreadableRecordError):
                    group.append(figures(run))
    return groups


def _cases(records: Sequence[Recorded], stored: Stored) -> str:
    assert stored.header is not None
    found = (KINDS[stored.header.kind].figures(each) for each in records)
    told = [", ".join(dict.fromkeys(each.case for each in some)) or "none" for some in found]
    return f"the first has {told[0]}; the second {told[1]}"


def beyond_gate(found: Two, share: float) -> tuple[Compared, ...]:
    """Main figures of the second that are worse beyond noise, and by more than the share.

    Raises IncomparableError where that cannot be told of every main figure of the first.
    """
    mains = {row.first for row in found.comparison.rows if row.first.main}
    lacking = [each for each in figures(found.first) if each.main and each not in mains]
    if lacking or not mains:
        named = f"{lacking[0].quantity}, {lacking[0].case}" if lacking else "a main figure"
        title = f"the gate cannot tell: the second record does not have {named}"
        raise IncomparableError(title, "measure the same cases as in the first")
    if few := found.comparison.untold:
        row = few[0]
        counts = f"{len(row.first.samples)} and {len(row.second.samples)} rounds"
        title = f"the gate cannot tell: {counts} of {row.first.case} are too few"
        raise IncomparableError(title, f"measure at least {row.needed} rounds in each")
    return found.comparison.beyond(share)
