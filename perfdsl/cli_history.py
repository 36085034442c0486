"""`perfdsl history` behind its options: records listed, or two of them compared, with a gate."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perfdsl.cli_options import PlainForm
from perfdsl.cli_screen import BROKEN, KEPT, MISTAKE, Screen, write
from perfdsl.diagnostics import Diagnostic, did_you_mean
from perfdsl.records import dataclass, replace

if TYPE_CHECKING:
    from perfdsl.measure.comparison import Compared
    from perfdsl.measure.history import Two

PERCENT = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """records: none, or two. gate: in per cent, None for none."""

    records: Sequence[str]
    folder: Path | None
    kind: str
    last: int
    form: PlainForm
    gate: float | None


def history(asked: Asked, screen: Screen) -> int:
    """Print what was asked for; the exit code. Raises RunnerError."""
    from perfdsl.measure.store import default_folder

    folder = asked.folder or default_folder()
    wrong = _slip(asked)
    if wrong is not None:
        screen.problems([wrong])
        return MISTAKE
    if not asked.records:
        return _listed(asked, folder, screen)
    return _compared(asked, folder, screen)


def _slip(asked: Asked) -> Diagnostic | None:
    from perfdsl.measure.kinds import KINDS

    if len(asked.records) not in {0, 2}:
        title = f"two records can be compared, {len(asked.records)} are named"
        return Diagnostic("P003", title, None, help="`perfdsl history` lists the records")
    if asked.gate is not None and not asked.records:
        return Diagnostic("P003", "--gate needs two records to compare", None)
    if asked.gate is not None and math.isnan(asked.gate):  # nothing would ever be beyond it
        return Diagnostic("P003", "--gate nan: a number is expected", None, help="such as --gate 5")
    if asked.kind and asked.kind not in KINDS:
        near = did_you_mean(asked.kind, KINDS)
        mend = f"did you mean {near}?" if near else f"there are {', '.join(KINDS)}"
        return Diagnostic("P003", f"there are no records of kind {asked.kind}", None, help=mend)
    return None


def _listed(asked: Asked, folder: Path, screen: Screen) -> int:
    from perfdsl.measure.history import entries

    found, older = entries(folder, asked.kind, asked.last)
    if asked.form is PlainForm.JSON:
        from perfdsl.present import history_json

        write(history_json.listed(found, older))
    else:
        from perfdsl.present import history_page

        write(history_page.page(found, older, str(folder), screen.theme(sys.stdout)))
    return KEPT


def _compared(asked: Asked, folder: Path, screen: Screen) -> int:
    from perfdsl.measure.history import beyond_gate, two
    from perfdsl.runner.errors import RunnerError

    found = two(folder, *asked.records)
    if asked.gate is None:
        _print(found, asked, screen, ())
        return KEPT
    try:
        beyond = beyond_gate(found, asked.gate / PERCENT)
    except RunnerError:  # what was found is told; only the gate cannot say what it is for
        _print(found, replace(asked, gate=None), screen, ())
        raise
    _print(found, asked, screen, beyond)
    return BROKEN if beyond else KEPT


def _print(found: Two, asked: Asked, screen: Screen, beyond: Sequence[Compared]) -> None:
    if asked.form is PlainForm.JSON:
        from perfdsl.present import history_json

        write(history_json.two(found, asked.gate, beyond))
        return
    from perfdsl.present import comparison_page

    write(comparison_page.page(found, screen.theme(sys.stdout), asked.gate, beyond))
