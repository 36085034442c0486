"""`perfdsl bench` behind its options: what was asked for, progress, the record, the page."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perfdsl import __version__
from perfdsl.cli_options import AnswerForm
from perfdsl.cli_progress import steps
from perfdsl.cli_screen import INTERRUPTED, KEPT, MISTAKE, Screen, write
from perfdsl.cli_words import MOST, BadWordError, numbers
from perfdsl.diagnostics import Diagnostic, Severity, did_you_mean
from perfdsl.records import dataclass, replace

if TYPE_CHECKING:
    from perfdsl.measure.results import Case, Result
    from perfdsl.measure.session import Outcome


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of the command line. append: put new rounds behind those of the file `output`.

    records: the folder of records, None for the user's own.
    """

    model: str
    tokens: str
    batches: Sequence[str]
    threads: str
    peers: Sequence[str]
    python: str
    rounds: int
    starts: int
    form: AnswerForm
    output: Path | None
    append: bool
    force: bool
    records: Path | None
    no_record: bool


def bench(asked: Asked, screen: Screen, problem: Callable[[Exception], Diagnostic]) -> int:
    """Time the model and its peers, and tell what was found; the exit code. Raises RunnerError.

    problem: the message of an error.
    """
    try:
        known, cases, peers = _known(asked), _cases(asked), _peers(asked.peers)
        outcome = _measured(asked, cases, peers)
    except BadWordError as error:
        screen.problems([error.diagnostic])
        return MISTAKE
    wrong = [replace(problem(each), severity=Severity.WARNING) for each in outcome.failed]
    wrong += _recorded(outcome.result, asked, problem)
    result = outcome.result
    try:
        result = _joined(known, result)
        _keep(result, asked)
    except BadWordError as error:
        wrong.append(error.diagnostic)
    screen.problems(wrong)
    _print(result, asked, screen)
    if any(each.severity is Severity.ERROR for each in wrong):
        return MISTAKE
    return KEPT if outcome.complete else INTERRUPTED


def _measured(asked: Asked, cases: Sequence[Case], peers: Sequence[str]) -> Outcome:
    from perfdsl.measure.session import Request, session
    from perfdsl.measure.timing import Stopwatch

    request = Request(
        model=Path(asked.model),
        cases=cases,
        rounds=asked.rounds,
        peers=peers,
        python=asked.python or sys.executable,
        starts=asked.starts,
        watch=Stopwatch(),
    )
    with steps() as told:
        return session(request, f"perfdsl {__version__}", told)


# ----------------------------------------------------------------------------------- the words


def _cases(asked: Asked) -> list[Case]:
    """Every length and every batch with every number of threads."""
    from perfdsl.measure.environment import usable_processors
    from perfdsl.measure.results import Case

    shapes = [(1, tokens) for tokens in numbers("--tokens", asked.tokens)]
    shapes += [_batch(word) for word in asked.batches]
    threads = numbers("--threads", asked.threads) or [1, usable_processors()]
    found = [Case(texts=t, tokens=n, threads=each) for t, n in shapes for each in threads]
    if not found:
        raise BadWordError("there is nothing to time", "name lengths with --tokens, or a --batch")
    return list(dict.fromkeys(found))


def _batch(word: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", word)
    texts, tokens = map(int, match.groups()) if match else (0, 0)
    if not (1 < texts <= MOST and 0 < tokens <= MOST):
        title = f"--batch {word}: two numbers from 2 and 1 to {MOST:,} are expected, with an x"
        raise BadWordError(title, "such as --batch 64x12, 64 texts of 12 tokens")
    return texts, tokens


def _peers(names: Sequence[str]) -> list[str]:
    from perfdsl.measure.peers.rival import PEERS

    for name in names:
        if name not in PEERS:
            near = did_you_mean(name, PEERS)
            there = f"there are {', '.join(PEERS)}"
            raise BadWordError(
                f"there is no peer {name}", f"did you mean {near}?" if near else there
            )
    return list(dict.fromkeys(names))


# ---------------------------------------------------------------------------------- the record


def _known(asked: Asked) -> Result | None:
    """The record to which rounds are added. What could not be written later is told now."""
    from pydantic import ValidationError

    from perfdsl.measure.results import Result

    if asked.output is None:
        if asked.append:
            raise BadWordError("--append needs a record to add to", "name it with --output FILE")
        return None
    if not asked.output.exists():
        return None
    if not (asked.append or asked.force):
        raise BadWordError(
            f"{asked.output} is there already", "add rounds to it with --append, or use --force"
        )
    if not asked.append:
        return None
    try:
        return Result.model_validate_json(asked.output.read_bytes())
    except OSError as error:
        raise BadWordError(f"{asked.output} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(map(str, wrong["loc"])) or "the text"
        title = f"{asked.output} is no record of this version: {where}: {wrong['msg']}"
        raise BadWordError(title) from error


def _joined(known: Result | None, result: Result) -> Result:
    from perfdsl.measure.merging import MergeError, merged

    if known is None:
        return result
    try:
        return merged(known, result)
    except MergeError as error:
        raise BadWordError(f"the rounds cannot be added to the record: {error}") from error


def _recorded(
    result: Result, asked: Asked, problem: Callable[[Exception], Diagnostic]
) -> list[Diagnostic]:
    """Append what was measured to the user's records, before anything else is done with it."""
    from perfdsl.measure.store import append, default_folder
    from perfdsl.runner.errors import RunnerError

    if asked.no_record:
        return []
    try:
        path = append(asked.records or default_folder(), result)
    except RunnerError as error:
        return [problem(error)]
    write(f"record: {path}", sys.stderr)
    return []


def _keep(result: Result, asked: Asked) -> None:
    """Write the file: beside the old one first, so that an end in between loses nothing."""
    from perfdsl.measure.recorded import text

    if asked.output is None:
        return
    beside = asked.output.with_name(asked.output.name + ".new")
    try:
        beside.write_text(text(result), "utf-8")
        beside.replace(asked.output)
    except OSError as error:
        raise BadWordError(f"{asked.output} cannot be written: {error.strerror}") from error


# ------------------------------------------------------------------------------------ the page


def _print(result: Result, asked: Asked, screen: Screen) -> None:
    from perfdsl.measure.recorded import text

    if asked.form is AnswerForm.JSON:
        if asked.output is None:
            write(text(result).rstrip())
        return
    from perfdsl.present import bench_markdown, bench_page

    if asked.form is AnswerForm.MARKDOWN:
        write(bench_markdown.table(result))
    else:
        write(bench_page.page(result, screen.theme(sys.stdout)))
