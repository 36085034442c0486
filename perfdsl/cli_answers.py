"""From a solution to what is told: pages, formulas, exports, and the exit code."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from perfdsl import __version__
from perfdsl.cli_options import SECONDS, AnswerForm, ExportForm, ProblemForm
from perfdsl.cli_requests import Request, late, shown, solved
from perfdsl.cli_screen import BROKEN, KEPT, MISTAKE, Screen, is_unicode, write
from perfdsl.diagnostics import Diagnostic, Severity, has_errors
from perfdsl.records import dataclass

if TYPE_CHECKING:
    from perfdsl.pipeline import Solution
    from perfdsl.present.formula_sheet import Sheet
    from perfdsl.semantics.program import Program
    from perfdsl.solve.answers import AnalysisAnswer

Sheets: TypeAlias = "Mapping[str, Sheet]"


def formula_page(program: Program, name: str, screen: Screen) -> str | Diagnostic:
    from perfdsl.present.formula_pages import page
    from perfdsl.solve.reading import Timeout

    try:
        return page(program, name, screen.theme(sys.stdout), time.monotonic() + SECONDS)
    except Timeout:
        return late(SECONDS)


def with_formulas(
    solution: Solution, request: Request, started: float, form: AnswerForm
) -> tuple[Solution, Sheets]:
    """The solution with the formulas of its analyses; without answers, if that takes too long."""
    from perfdsl.pipeline import Solution
    from perfdsl.present.formula_sheet import sheets
    from perfdsl.present.formula_texts import texts
    from perfdsl.solve.reading import Timeout

    if solution.program is None or has_errors(solution.problems):
        return solution, {}
    deadline = started + request.seconds
    unicode = is_unicode(sys.stdout)
    try:
        make = texts if form is AnswerForm.TEXT else sheets
        found = make(solution.program, solution.answers, deadline=deadline, unicode=unicode)
    except Timeout:
        return Solution(None, (), (late(request.seconds),)), {}
    return solution, found


@dataclass(frozen=True, slots=True)
class Exported:
    """The text of an export; "" where there is none, and the problems say why."""

    text: str
    problems: Sequence[Diagnostic]


def exported(
    request: Request, names: Sequence[str], form: ExportForm, *, standalone: bool, equations: bool
) -> Exported:
    from perfdsl.present.latex_page import document
    from perfdsl.solve.reading import Timeout

    assert form is ExportForm.LATEX
    started = time.monotonic()
    solution = solved(request, names)
    if solution.program is None or has_errors(solution.problems):
        return Exported("", solution.problems)
    if not solution.answers:
        title = f"{shown(request.file)} has no analysis: there is nothing to export"
        return Exported("", [Diagnostic("P003", title, None)])
    try:
        text = document(
            solution.program, solution.answers, file=shown(request.file),
            standalone=standalone, deadline=started + request.seconds, equations=equations,
        )  # fmt: skip
    except Timeout:
        return Exported("", [late(request.seconds)])
    return Exported(text, solution.problems)


def written(text: str, output: Path | None, *, force: bool) -> Diagnostic | None:
    """Write the text to a file, or to standard output; why it cannot be, if it cannot."""
    if output is None:
        write(text)
        return None
    return saved(f"{text}\n".encode(), output, force=force)


def saved(content: bytes, output: Path, *, force: bool) -> Diagnostic | None:
    """Write a file; why it cannot be written, if it cannot."""
    try:
        with output.open("wb" if force else "xb") as stream:
            stream.write(content)
    except FileExistsError:
        title = f"{output} is there already"
        return Diagnostic("P003", title, None, help="replace it with --force")
    except OSError as error:
        return Diagnostic("P003", f"{output} cannot be written: {error.strerror}", None)
    return None


def code(solution: Solution, *, strict: bool = False, deny_warnings: bool = False) -> int:
    severities = {problem.severity for problem in solution.problems}
    if Severity.ERROR in severities or (deny_warnings and Severity.WARNING in severities):
        return MISTAKE
    broken = any(each.broken for each in solution.answers)
    undecided = strict and any(each.undecided or each.unmeasured for each in solution.answers)
    return BROKEN if broken or undecided else KEPT


def page(
    solution: Solution,
    form: AnswerForm,
    screen: Screen,
    file: str,
    sheets: Sheets,
    *,
    verbose: bool,
) -> str:
    if not solution.answers:
        return f"{shown(file)} has no analysis: there is nothing to solve"
    if form is AnswerForm.MARKDOWN:
        from perfdsl.present import markdown

        return markdown.page(solution.answers, sheets)
    from perfdsl.present import text

    theme = screen.theme(sys.stdout)
    if not sheets:
        return text.page(solution.answers, theme, verbose=verbose)
    from perfdsl.present.formula_section import section

    told = partial(section, sheets, theme)
    return text.page(solution.answers, theme, verbose=verbose, formulas=told)


def json_page(
    answers: Sequence[AnalysisAnswer],
    problems: Sequence[Diagnostic],
    file: str,
    code: int,
    sheets: Sheets | None = None,
) -> str:
    from perfdsl.present.json_form import document

    tool = f"perfdsl {__version__}"
    name = shown(file)
    return document(answers, problems, file=name, tool=tool, exit_code=code, sheets=sheets)


def problem_form(problems: Sequence[Diagnostic], form: ProblemForm, file: str, code: int) -> str:
    import json

    from perfdsl.present.diagnostic_forms import to_github, to_sarif

    if form is ProblemForm.GITHUB:
        return "\n".join(map(to_github, problems))
    if form is ProblemForm.SARIF:
        return json.dumps(to_sarif(problems), indent=2)
    return json_page((), problems, file, code)
