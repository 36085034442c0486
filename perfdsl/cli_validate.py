"""`perfdsl validate` behind its options: files read, the model measured, the two held together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perfdsl import __version__
from perfdsl.cli_options import SECONDS, AnswerForm
from perfdsl.cli_progress import steps
from perfdsl.cli_screen import BROKEN, INTERRUPTED, KEPT, MISTAKE, Screen, write
from perfdsl.cli_words import BadWordError, numbers
from perfdsl.diagnostics import Diagnostic
from perfdsl.records import dataclass

if TYPE_CHECKING:
    from perfdsl.compare.report import Report
    from perfdsl.compare.substitution import Substituted
    from perfdsl.measure.results import Case
    from perfdsl.measure.validation_record import Validation
    from perfdsl.pipeline import Options


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
    fit: str
    proposing: bool
    picture: Path | None
    force: bool
    replay: Path | None
    records: Path | None
    no_record: bool


Told = Callable[[Exception], Diagnostic]


def validate(asked: Asked, screen: Screen, problem: Told) -> int:
    """Measure, compare and tell; the exit code. Raises RunnerError."""
    from perfdsl.compare.report import Report

    try:
        _check_picture(asked)
        record = _replayed(asked.replay) if asked.replay is not None else None
        held = _held(asked, _shape(asked, record))
        if isinstance(held, tuple):
            screen.problems(held)
            return MISTAKE
        made = _measured(asked, held, screen, problem) if record is None else record
        if isinstance(made, tuple):
            screen.problems(made)
            return MISTAKE
        fit = _fit(asked, [each.case.tokens for each in made.measured])
        found = _report(held, made, asked, fit)
        if isinstance(found, Report) and found.next_cases and record is None and made.complete:
            found = _further(found, held, asked, screen, problem)
        if not isinstance(found, Report):
            screen.problems(found)
            return MISTAKE
        return _told(held, found, asked, screen)
    except BadWordError as error:
        screen.problems([error.diagnostic])
        return MISTAKE


def _report(
    held: Substituted, record: Validation, asked: Asked, fit: Sequence[int]
) -> Report | tuple[Diagnostic, ...]:
    from perfdsl.compare.report import report
    from perfdsl.solve.reading import Timeout

    try:
        return report(held, record, _options(asked), fit=fit, proposing=asked.proposing)
    except Timeout:
        raise BadWordError(f"there is no answer after {SECONDS:g} s") from None


def _further(
    first: Report, held: Substituted, asked: Asked, screen: Screen, problem: Told
) -> Report | tuple[Diagnostic, ...]:
    """The proposed measurement is made, and fitted to besides the lengths that were fitted."""
    from perfdsl.measure.results import Case
    from perfdsl.measure.validation_record import joined

    best = first.next_cases[0]
    case = Case(texts=1, tokens=best.candidate.tokens, threads=best.candidate.threads)
    write(f"next: {best.why}", sys.stderr)
    record = joined(first.record, _run([case], asked, screen, problem))
    fitted = {each.case.tokens for one in first.predicted for each in one.cases if each.fitted}
    return _report(held, record, asked, sorted({*fitted, case.tokens}))


def _told(held: Substituted, found: Report, asked: Asked, screen: Screen) -> int:
    screen.problems([*held.problems, *found.accused])
    code = BROKEN if found.wrong else KEPT
    code = code if found.record.complete else INTERRUPTED
    write(_page(found, asked, screen, code))
    if asked.picture is not None:
        _draw(found, asked.picture)
    return code


def _fit(asked: Asked, measured: Sequence[int]) -> list[int]:
    """The lengths that a calibrated model is fitted to. Raises BadWordError."""
    lengths = numbers("--fit", asked.fit)
    missing = [str(each) for each in lengths if each not in measured]
    if missing:
        known = ", ".join(map(str, dict.fromkeys(measured)))
        raise BadWordError(f"--fit {','.join(missing)}: not measured", f"there are {known}")
    return lengths


def _check_picture(asked: Asked) -> None:
    """What could not be drawn later is told now. Raises BadWordError."""
    from perfdsl.present.roofline import refused

    if asked.picture is None:
        return
    problem = refused(asked.picture)
    if problem is not None:
        raise BadWordError(problem)
    if asked.picture.exists() and not asked.force:
        raise BadWordError(f"{asked.picture} is there already", "replace it with --force")


def _draw(found: Report, picture: Path) -> None:
    from perfdsl.present.roofline import draw
    from perfdsl.present.validation_roofline import roofline

    try:
        draw(roofline(found), picture)
    except (OSError, ValueError) as error:
        raise BadWordError(f"{picture} cannot be drawn: {error}") from error
    write(f"picture: {picture}", sys.stderr)


def _page(found: Report, asked: Asked, screen: Screen, code: int) -> str:
    match asked.form:
        case AnswerForm.JSON:
            from perfdsl.present import validation_json

            tool = f"perfdsl {__version__}"
            return validation_json.document(found, file=asked.analysis, tool=tool, exit_code=code)
        case AnswerForm.MARKDOWN:
            from perfdsl.present import validation_markdown

            return validation_markdown.page(found)
        case _:
            from perfdsl.present import validation_page

            return validation_page.page(found, screen.theme(sys.stdout))


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

    options = _options(asked)
    files = Files(Path(asked.analysis), asked.name, Path(asked.machine), shape, options)
    return substituted(files)


def _options(asked: Asked) -> Options:
    from perfdsl.pipeline import Options
    from perfdsl.semantics.settings import Setting

    settings = []
    for text in asked.settings:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            title = f"--set {text}: a name, `=` and a value are expected"
            raise BadWordError(title, "such as --set 'clock=5.4 GHz'")
        settings.append(Setting(name.strip(), value.strip()))
    return Options(
        settings=tuple(settings),
        scenarios=tuple(asked.scenarios),
        policy=asked.policy,
        seconds=SECONDS,
    )


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
    from perfdsl.compare.forecast import forecasts

    cases = _with_claimed(_cases(asked), held)
    _fit(asked, [each.tokens for each in cases])
    wrong = tuple(each for each in forecasts(held, cases) if isinstance(each, Diagnostic))
    return wrong or _run(cases, asked, screen, problem)


def _run(cases: Sequence[Case], asked: Asked, screen: Screen, problem: Told) -> Validation:
    """Measure these cases, and keep the record."""
    from perfdsl.cli_embed import compiling_told
    from perfdsl.measure.timing import Stopwatch
    from perfdsl.measure.validation import Request, validation

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


def _with_claimed(cases: list[Case], held: Substituted) -> list[Case]:
    """What the claims of the analysis ask for is measured, too."""
    from perfdsl.compare.measured_claims import wanted

    claimed = [each.case for each in wanted(held) if not each.why_not]
    return list(dict.fromkeys([*cases, *claimed]))


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
