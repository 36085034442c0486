"""What `perfdsl model profile` prints: a row for each phase, and all of them together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from perfdsl.present.bench_page import lines_of
from perfdsl.present.bench_tables import NONE, Table, percent
from perfdsl.present.style import Row, Theme, paint
from perfdsl.semantics.text import plain

if TYPE_CHECKING:
    from perfdsl.measure.profile import PhaseProfile, Profile

MILLI, MEGA, GIGA = 1e-3, 1e6, 1e9


def page(found: Profile, theme: Theme) -> str:
    title = f"{found.tokens:,} tokens on {found.threads} threads, medians of {found.rounds} rounds"
    heads = ["phase", "ms", "share"]
    counted = found.embedding_rows is not None
    if counted:
        heads += ["useful MMAC", "executed MMAC", "GMAC/s", "MB read"]
    cells = [
        (*_times(phase, found), *(_counts(phase) if counted else ())) for phase in found.phases
    ]
    total = ("in all", plain(found.seconds / MILLI), "", *("",) * (4 if counted else 0))
    lines: list[Row] = [((title, "bold"),)]
    lines += lines_of(Table(title, tuple(heads), (*cells, total)))
    if counted:
        told = f"{found.embedding_rows:,} rows of the embedding; counted where it is executed"
        lines += [(), ((told, "dim"),)]
    return paint(lines, theme)


def _times(phase: PhaseProfile, found: Profile) -> tuple[str, ...]:
    name = phase.name.replace("_", " ")
    return name, plain(phase.seconds / MILLI), percent(phase.seconds / found.seconds)


def _counts(phase: PhaseProfile) -> tuple[str, ...]:
    if phase.useful is None or phase.executed is None or phase.read is None:
        return (NONE,) * 4
    rate = phase.useful / phase.seconds / GIGA
    read = plain(phase.read / MEGA) if phase.read else NONE
    return plain(phase.useful / MEGA), plain(phase.executed / MEGA), plain(rate), read


def document(found: Profile) -> str:
    """The JSON document, in seconds, multiply-accumulates and bytes."""
    phases = [
        {name: getattr(phase, name) for name in ("name", "seconds", "useful", "executed", "read")}
        for phase in found.phases
    ]
    told = {
        "schema": 1,
        "tokens": found.tokens,
        "threads": found.threads,
        "rounds": found.rounds,
        "embedding_rows": found.embedding_rows,
        "phases": phases,
    }
    return json.dumps(told, indent=2)
