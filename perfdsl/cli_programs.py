"""The commands about programs: solve, check, explain, show, export, units, list."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

from perfdsl import cli_answers as answers
from perfdsl.arguments import Room, argument, option
from perfdsl.cli_options import (
    SECONDS,
    AnswerForm,
    Color,
    ColorChoice,
    DenyWarnings,
    ExportForm,
    FileName,
    Force,
    MaxDepth,
    MaxFileSize,
    MaxImports,
    MaxNesting,
    MaxTokens,
    Output,
    Policy,
    ProblemForm,
    Scenarios,
    Settings,
    Stage,
    Width,
)
from perfdsl.cli_requests import Bounds, Request, checked, shown, solved
from perfdsl.cli_screen import MISTAKE, Screen, write
from perfdsl.diagnostics import Diagnostic, Source, has_errors

room = Room()


@room.command()
def solve(
    file: FileName,
    analyses: Annotated[
        list[str] | None, argument(metavar="ANALYSIS", help="all where none is named")
    ] = None,
    settings: Settings = None,
    scenarios: Scenarios = None,
    policy: Policy = "",
    form: Annotated[AnswerForm, option("--format", help="of the answers")] = AnswerForm.TEXT,
    per_operator: Annotated[bool, option("--per-operator", help="add operators")] = False,
    verbose: Annotated[bool, option("--verbose", "-v", help="all formulas")] = False,
    formulas: Annotated[
        bool, option("--formulas", help="each quantity as written and as derived")
    ] = False,
    strict: Annotated[
        bool, option("--strict", help="claims undecided or not measured end with 1")
    ] = False,
    deny_warnings: DenyWarnings = False,
    timeout: Annotated[float, option(min=0, metavar="SECONDS", help="deadline")] = SECONDS,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
    max_file_size: MaxFileSize = None,
    max_imports: MaxImports = None,
    max_depth: MaxDepth = None,
    max_tokens: MaxTokens = None,
    max_nesting: MaxNesting = None,
) -> None:
    """Answer the analyses of a file."""
    limits = Bounds(max_file_size, max_imports, max_depth, max_tokens, max_nesting)
    request = Request(file, settings or [], scenarios or [], policy, limits, timeout, per_operator)
    started = time.monotonic()
    solution = solved(request, analyses or [])
    screen = Screen(color, width)
    sheets: answers.Sheets = {}
    if formulas:
        solution, sheets = answers.with_formulas(solution, request, started, form)
    code = answers.code(solution, strict=strict, deny_warnings=deny_warnings)
    if form is AnswerForm.JSON:
        write(answers.json_page(solution.answers, solution.problems, file, code, sheets))
    else:
        screen.problems(solution.problems)
        if not has_errors(solution.problems):
            write(answers.page(solution, form, screen, file, sheets, verbose=verbose))
    sys.exit(code)


@room.command()
def check(
    file: FileName,
    settings: Settings = None,
    scenarios: Scenarios = None,
    policy: Policy = "",
    form: Annotated[ProblemForm, option("--format", help="of problems")] = ProblemForm.TEXT,
    deny_warnings: DenyWarnings = False,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
    max_file_size: MaxFileSize = None,
    max_imports: MaxImports = None,
    max_depth: MaxDepth = None,
    max_tokens: MaxTokens = None,
    max_nesting: MaxNesting = None,
) -> None:
    """Check a file and all that it imports."""
    from perfdsl.present import program_pages

    limits = Bounds(max_file_size, max_imports, max_depth, max_tokens, max_nesting)
    solution = checked(Request(file, settings or [], scenarios or [], policy, limits))
    code = answers.code(solution, deny_warnings=deny_warnings)
    if form is not ProblemForm.TEXT:
        write(answers.problem_form(solution.problems, form, file, code))
        sys.exit(code)
    Screen(color, width).problems(solution.problems)
    if solution.program is not None and not has_errors(solution.problems):
        write(program_pages.checked(solution.program, shown(file)))
    sys.exit(code)


@room.command()
def explain(
    code: Annotated[str, argument(metavar="CODE", help="such as P203; none: all")] = "",
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """Tell more of a code such as P203, or list all codes."""
    from perfdsl.present import code_pages

    screen = Screen(color, width)
    found = code_pages.page(code, screen.theme(sys.stdout)) if code else None
    if code and found is None:
        problem = code_pages.unknown(code)
        screen.problems([problem])
        sys.exit(MISTAKE)
    write(found or code_pages.listing(screen.theme(sys.stdout)))


@room.command()
def show(
    file: FileName,
    name: Annotated[str, argument(metavar="NAME", help="all where none is given")] = "",
    stage: Annotated[
        Stage, option(help="tree: as parsed; program: as checked; formulas: of one name")
    ] = Stage.TREE,
    settings: Settings = None,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """Show how a file, or one name in it, was read."""
    from perfdsl.present import program_pages

    screen = Screen(color, width)
    solution = checked(Request(file, settings or [], [], "", Bounds()))
    entry = solution.program.entry if solution.program is not None else None
    if entry is None or (stage is not Stage.TREE and has_errors(solution.problems)):
        screen.problems(solution.problems)
        sys.exit(MISTAKE)
    assert solution.program is not None
    if stage is Stage.TREE:
        found = program_pages.tree_page(entry.file, name)
    elif stage is Stage.PROGRAM:
        found = program_pages.program_page(solution.program, name, screen.theme(sys.stdout))
    else:
        found = answers.formula_page(solution.program, name, screen)
    if isinstance(found, Diagnostic):
        screen.problems([found])
        sys.exit(MISTAKE)
    write(found)


@room.command()
def export(
    file: FileName,
    analyses: Annotated[
        list[str] | None, argument(metavar="ANALYSIS", help="all where none is named")
    ] = None,
    to: Annotated[ExportForm, option("--to", help="the form")] = ExportForm.LATEX,
    standalone: Annotated[
        bool, option("--standalone/--fragment", help="a whole document, or a part of one")
    ] = True,
    output: Output = None,
    force: Force = False,
    equations: Annotated[
        bool, option("--normal-equations", help="with the normal equations of fits")
    ] = False,
    settings: Settings = None,
    scenarios: Scenarios = None,
    policy: Policy = "",
    per_operator: Annotated[bool, option("--per-operator", help="add operators")] = False,
    timeout: Annotated[float, option(min=0, metavar="SECONDS", help="deadline")] = SECONDS,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
    max_file_size: MaxFileSize = None,
    max_imports: MaxImports = None,
    max_depth: MaxDepth = None,
    max_tokens: MaxTokens = None,
    max_nesting: MaxNesting = None,
) -> None:
    """Write the formulas of a file, as written and as derived, with numbers and verdicts."""
    limits = Bounds(max_file_size, max_imports, max_depth, max_tokens, max_nesting)
    request = Request(file, settings or [], scenarios or [], policy, limits, timeout, per_operator)
    names = analyses or []
    exported = answers.exported(request, names, to, standalone=standalone, equations=equations)
    screen = Screen(color, width)
    screen.problems(exported.problems)
    refused = answers.written(exported.text, output, force=force) if exported.text else None
    if refused is not None:
        screen.problems([refused])
    if refused is not None or not exported.text:
        sys.exit(MISTAKE)


@room.command()
def units(
    text: Annotated[str, argument(metavar="TEXT", help="such as GB/s; none: all")] = "",
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """Explain a unit such as GB/s, or list all units."""
    from perfdsl.pipeline import Options, check_file
    from perfdsl.present import unit_pages

    screen = Screen(color, width)
    program = check_file(Source("<units>", "perf 1\n"), Path(), Options())
    table = unit_pages.table_of(program)
    found = (
        unit_pages.page(text, table)
        if text
        else unit_pages.listing(table, screen.theme(sys.stdout))
    )
    if isinstance(found, Diagnostic):
        screen.problems([found])
        sys.exit(MISTAKE)
    write(found)


@room.command("list")
def list_(file: FileName, color: Color = ColorChoice.AUTO, width: Width = 0) -> None:
    """List what a file declares, and what --set can name."""
    from perfdsl.present import program_pages

    screen = Screen(color, width)
    solution = checked(Request(file, [], [], "", Bounds()))
    screen.problems(solution.problems)
    if solution.program is None or has_errors(solution.problems):
        sys.exit(MISTAKE)
    write(program_pages.listing(solution.program, screen.theme(sys.stdout)))
