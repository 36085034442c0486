"""`perfdsl validate` behind its options: files read, the model measured, the two held together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perfdsl import __version__
from perfdsl.cli_options import AnswerForm
from perfdsl.cli_progress import steps
from perfdsl.cli_screen import INTERRUPTED, KEPT, MISTAKE, Screen, write
from perfdsl.cli_words import BadWordError, numbers
from perfdsl.diagnostics import Diagnostic
from perfdsl.records import dataclass

if TYPE_CHECKING:
    from perfdsl.compare.substitution import Substituted
    from perfdsl.measure.results import Case
    from perfdsl.measure.validation_record import Validation


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of the command line. replay: the file of a record, instead of measuring."""

    analysis: str
    name: str
    model: str
    machine: str
    tokens: str
    threads: str
    rounds: int
    counting: bool
    settings: Sequence[str]
    scenarios: Sequence[str]
    policy: str
    form: AnswerForm
    replay: Path | None
    records: Path | None
    no_record: bool


Told = Callable[[Exception], Diagnostic]


def validate(asked: Asked, screen: Screen, problem: Told) -> int:
    """Measure, compare and tell; the exit code. Raises RunnerError."""
    try:
        record = _replayed(asked.replay) if asked.replay is not None else None
        held = _held(asked, _shape(asked, record))
        if isinstance(held, tuple):
            screen.problems(held)
            return MISTAKE
        found = _measured(asked, held, screen, problem) if record is None else record
    except BadWordError as error:
        screen.problems([error.diagnostic])
        return MISTAKE
    if isinstance(found, tuple):
        screen.problems(found)
        return MISTAKE
    return _told(held, found, screen)


def _told(held: Substituted, record: Validation, screen: Screen) -> int:
    from perfdsl.compare.report import Report, report
    from perfdsl.present.validation_page import page

    found = report(held, record)
    if not isinstance(found, Report):
        screen.problems(found)
        return MISTAKE
    screen.problems(held.problems)
    write(page(found, screen.theme(sys.stdout)))
    return KEPT if record.complete else INTERRUPTED


# ------------------------------------------------------------------------------------ the files


def _shape(asked: Asked, record: Validation | None) -> dict[str, int | None]:
    """The model's shape: from its file, or as it was recorded."""
    from perfdsl.measure.validation import shape_of
    from perfdsl.runner.config import read_config
    from perfdsl.runner.gguf import open_gguf

    if record is not None:
        return record.shape
    if not asked.model:
        raise BadWordError("a model file is missing", "name it with --model FILE")
    return shape_of(read_config(open_gguf(asked.model)))


def _held(asked: Asked, shape: dict[str, int | None]) -> Substituted | tuple[Diagnostic, ...]:
    from perfdsl.compare.substitution import Asked as Files
    from perfdsl.compare.substitution import substituted
    from perfdsl.pipeline import Options
    from perfdsl.semantics.settings import Setting

    pairs = [text.partition("=") for text in asked.settings]
    for name, equals, value in pairs:
        if not (equals and name.strip() and value.strip()):
            raise BadWordError(f"--set {name}: a name, `=` and a value are expected")
    options = Options(
        settings=tuple(Setting(name.strip(), value.strip()) for name, _, value in pairs),
        scenarios=tuple(asked.scenarios),
        policy=asked.policy,
    )
    files = Files(Path(asked.analysis), asked.name, Path(asked.machine), shape, options)
    return substituted(files)


def _replayed(path: Path) -> Validation:
    """A record that was kept. Raises RunnerError."""
    from perfdsl.measure.stored import read
    from perfdsl.measure.validation_record import Validation

    record = read(path).needed()
    if not isinstance(record, Validation):
        raise BadWordError(f"{path} is no record of a validation")
    return record


# -------------------------------------------------------------------------------- the measuring


def _measured(
    asked: Asked, held: Substituted, screen: Screen, problem: Told
) -> Validation | tuple[Diagnostic, ...]:
    """Run what was asked for; what the program cannot predict is told before."""
    from perfdsl.cli_embed import compiling_told
    from perfdsl.compare.forecast import forecasts
    from perfdsl.measure.timing import Stopwatch
    from perfdsl.measure.validation import Request, validation

    cases = _cases(asked)
    wrong = tuple(each for each in forecasts(held, cases) if isinstance(each, Diagnostic))
    if wrong:
        return wrong
    request = Request(Path(asked.model), cases, asked.rounds, Stopwatch(), asked.counting)
    with compiling_told(), steps() as told:
        record = validation(request, f"perfdsl {__version__}", told)
    if not asked.no_record:
        _keep(record, asked, screen, problem)
    return record


def _cases(asked: Asked) -> list[Case]:
    """Every length with every number of threads."""
    from perfdsl.measure.environment import usable_processors
    from perfdsl.measure.results import Case

    lengths = numbers("--tokens", asked.tokens)
    threads = numbers("--threads", asked.threads) or [1, usable_processors()]
    found = [Case(texts=1, tokens=n, threads=each) for n in lengths for each in threads]
    if not found:
        raise BadWordError("there is nothing to measure", "name lengths with --tokens")
    return list(dict.fromkeys(found))


def _keep(record: Validation, asked: Asked, screen: Screen, problem: Told) -> None:
    """Append what was measured to the user's records, before anything else is done with it."""
    from perfdsl.measure.store import append, default_folder
    from perfdsl.runner.errors import RunnerError

    try:
        path = append(asked.records or default_folder(), record)
    except RunnerError as error:
        screen.problems([problem(error)])
        return
    write(f"record: {path}", sys.stderr)
