"""`perfdsl probe` behind its options: loops compiled, the machine measured, its file written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from perfdsl import __version__
from perfdsl.cli_answers import saved
from perfdsl.cli_options import PlainForm
from perfdsl.cli_progress import bar
from perfdsl.cli_screen import KEPT, MISTAKE, Screen, write
from perfdsl.diagnostics import Diagnostic
from perfdsl.records import dataclass

if TYPE_CHECKING:
    from perfdsl.measure.machine import Machine
    from perfdsl.measure.machine_rounds import Told


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of the command line. records: the folder; None for the user's."""

    quick: bool
    output: Path | None
    form: PlainForm
    force: bool
    records: Path | None
    no_record: bool


def probe(asked: Asked, screen: Screen, problem: Callable[[Exception], Diagnostic]) -> int:
    """Measure this machine and tell it; the exit code. Raises RunnerError.

    What cannot be written later is told before a minute is spent on it. problem: the message of an
    error.
    """
    from perfdsl.measure.machine_doubts import check_noise

    wrong = _refusal(asked)
    if not wrong:
        machine = measured(quick=asked.quick)
        wrong = _kept(machine, asked, problem)
        check_noise(machine)
        wrong += _written(machine, asked)
        _print(machine, asked, screen)
    screen.problems(wrong)
    return MISTAKE if wrong else KEPT


def _refusal(asked: Asked) -> list[Diagnostic]:
    """Why the file could not be written afterwards, if that is known now."""
    path = asked.output
    if path is None:
        return []
    if path.exists() and not asked.force:
        return [
            Diagnostic("P003", f"{path} is there already", None, help="replace it with --force")
        ]
    if not path.parent.is_dir():
        return [Diagnostic("P003", f"{path} cannot be written: there is no such folder", None)]
    return []


def measured(*, quick: bool) -> Machine:
    """The record, with progress."""
    from perfdsl.measure.machine_session import probed

    _compile()
    with _told() as told:
        return probed(f"perfdsl {__version__}", told, quick=quick)


def _compile() -> None:
    from perfdsl.measure.probes.loops import LOOPS, compile_loops
    from perfdsl.runner.compiling import Compiling, told_of_compiling
    from perfdsl.runner.crew import ENTRIES

    with bar("compiling loops, once per machine") as told:

        def compiling(kernel: Compiling) -> None:
            told(kernel.done, kernel.total)

        with told_of_compiling(compiling, *LOOPS, *(entry for entry, _ in ENTRIES)):
            compile_loops()


@contextmanager
def _told() -> Iterator[Told]:
    """The share of the time that is over, in thousandths: a bar counts in whole numbers."""
    with bar("probing this machine") as drawn:
        yield lambda _, spent, seconds: drawn(round(1000 * min(1.0, spent / seconds)), 1000)


def _kept(
    machine: Machine, asked: Asked, problem: Callable[[Exception], Diagnostic]
) -> list[Diagnostic]:
    """Append it to the records, of a noisy machine as well: it says what was seen."""
    from perfdsl.measure.store import append, default_folder
    from perfdsl.runner.errors import RunnerError

    if asked.no_record:
        return []
    try:
        path = append(asked.records or default_folder(), machine)
    except RunnerError as error:
        return [problem(error)]
    write(f"record: {path}", sys.stderr)
    return []


def _written(machine: Machine, asked: Asked) -> list[Diagnostic]:
    from perfdsl.measure.hardware_words import name_of
    from perfdsl.measure.to_hardware import to_hardware

    if asked.output is None:
        return []
    content = to_hardware(machine, name_of(asked.output.stem)).encode()
    refused = saved(content, asked.output, force=asked.force)
    if refused is not None:
        return [refused]
    write(f"written: {asked.output}", sys.stderr)
    return []


def _print(machine: Machine, asked: Asked, screen: Screen) -> None:
    if asked.form is PlainForm.JSON:
        from perfdsl.measure.recorded import text

        write(text(machine).rstrip())
        return
    from perfdsl.present.machine_page import page

    write(page(machine, screen.theme(sys.stdout)))
