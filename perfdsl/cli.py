"""The command line: arguments in, pages and exit codes out. The one module that prints.

Heavy modules are imported inside the commands, so that `perfdsl --help` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TextIO, TypeAlias

from perfdsl import __version__
from perfdsl.arguments import Commands, argument, option
from perfdsl.diagnostics import Diagnostic, Severity, Source, did_you_mean, has_errors
from perfdsl.records import dataclass

if TYPE_CHECKING:
    from perfdsl.pipeline import Options, Solution
    from perfdsl.present.formula_sheet import Sheet
    from perfdsl.present.style import Theme
    from perfdsl.semantics.files import FileLimits
    from perfdsl.semantics.program import Program
    from perfdsl.solve.answers import AnalysisAnswer

Sheets: TypeAlias = "Mapping[str, Sheet]"
KEPT, BROKEN, MISTAKE, BUG, INTERRUPTED = 0, 1, 2, 70, 130

# The one place of this table: `perfdsl --help` prints it, and the README repeats it word for word.
EXIT_CODES = """\
Exit codes:
  0    every claim keeps its word (a refute by failing; undecided counts, but with --strict)
  1    a claim breaks its word
  2    a mistake in a file or on the command line, limits included
  70   a bug of perfdsl: please report it
  130  interrupted"""

PURPOSE = "Performance models as programs: how fast could it run, what binds it, what is wrong?"

# Nearly all that a run makes it keeps to its end: looking for garbage took 4 % of a check, and a
# sixth of a run that tells formulas, for which SymPy is loaded.
RARELY = 500_000

SECONDS = 60.0
NARROW, WIDE = 40, 120
STDIN = "-"


class AnswerForm(StrEnum):
    """How answers are printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class ProblemForm(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


class ExportForm(StrEnum):
    """What formulas are exported to."""

    LATEX = "latex"


class ColorChoice(StrEnum):
    """When colour is used; auto: on a terminal, unless NO_COLOR is set."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Stage(StrEnum):
    """What `show` shows."""

    TREE = "tree"
    PROGRAM = "program"
    FORMULAS = "formulas"


FileName = Annotated[str, argument(metavar="FILE", help="a .perf file; - is standard input")]
Color = Annotated[ColorChoice, option("--color", help="when to use colour")]
Width = Annotated[
    int,
    option("--width", min=0, max=1000, metavar="N", help="columns of a line; 0: the terminal's"),
]
Settings = Annotated[
    list[str] | None,
    option("--set", metavar="NAME=VALUE", help="replace a value; `perfdsl list` names them"),
]
Scenarios = Annotated[
    list[str] | None, option("--scenario", metavar="NAME", help="apply a scenario everywhere")
]
Policy = Annotated[str, option("--policy", metavar="NAME", help="policy where none is named")]
DenyWarnings = Annotated[bool, option("--deny-warnings", help="a warning ends with 2")]
MaxFileSize = Annotated[
    int | None, option("--max-file-size", min=1, metavar="BYTES", help="of each file")
]
MaxImports = Annotated[int | None, option("--max-imports", min=0, metavar="N", help="files in all")]
MaxDepth = Annotated[int | None, option("--max-depth", min=0, metavar="N", help="of imports")]
MaxTokens = Annotated[int | None, option("--max-tokens", min=1, metavar="N", help="of each file")]
MaxNesting = Annotated[
    int | None, option("--max-nesting", min=1, max=1000, metavar="N", help="of brackets")
]


# ------------------------------------------------------------------------------------ commands


def _top(
    version: Annotated[bool, option("--version", help="print the version and leave")] = False,
) -> None:
    if version:
        _write(f"perfdsl {__version__}")
        sys.exit(KEPT)


app = Commands(
    _top,
    {
        "name": "perfdsl",
        "help": PURPOSE,
        "epilog": f"\b\n{EXIT_CODES}",
        "rich_markup_mode": None,
        "pretty_exceptions_enable": False,
        "add_completion": False,
        "no_args_is_help": True,
        "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
    },
)


@app.command()
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
    strict: Annotated[bool, option("--strict", help="undecided claims end with 1")] = False,
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
    solution = _solved(request, analyses or [])
    screen = Screen(color, width)
    sheets: Sheets = {}
    if formulas:
        solution, sheets = _with_formulas(solution, request, started, form)
    code = _code(solution, strict=strict, deny_warnings=deny_warnings)
    if form is AnswerForm.JSON:
        _write(_json(solution.answers, solution.problems, file, code, sheets))
    else:
        screen.problems(solution.problems)
        if not has_errors(solution.problems):
            _write(_page(solution, form, screen, file, sheets, verbose=verbose))
    sys.exit(code)


@app.command()
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
    solution = _checked(Request(file, settings or [], scenarios or [], policy, limits))
    code = _code(solution, deny_warnings=deny_warnings)
    if form is not ProblemForm.TEXT:
        _write(_problem_form(solution.problems, form, file, code))
        sys.exit(code)
    Screen(color, width).problems(solution.problems)
    if solution.program is not None and not has_errors(solution.problems):
        _write(program_pages.checked(solution.program, _shown(file)))
    sys.exit(code)


@app.command()
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
    _write(found or code_pages.listing(screen.theme(sys.stdout)))


@app.command()
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
    solution = _checked(Request(file, settings or [], [], "", Bounds()))
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
        found = _formula(solution.program, name, screen)
    if isinstance(found, Diagnostic):
        screen.problems([found])
        sys.exit(MISTAKE)
    _write(found)


@app.command()
def export(
    file: FileName,
    analyses: Annotated[
        list[str] | None, argument(metavar="ANALYSIS", help="all where none is named")
    ] = None,
    to: Annotated[ExportForm, option("--to", help="the form")] = ExportForm.LATEX,
    standalone: Annotated[
        bool, option("--standalone/--fragment", help="a whole document, or a part of one")
    ] = True,
    output: Annotated[
        Path | None, option("--output", "-o", metavar="FILE", help="else standard output")
    ] = None,
    force: Annotated[bool, option("--force", help="replace the output file")] = False,
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
    exported = _exported(request, analyses or [], to, standalone=standalone, equations=equations)
    screen = Screen(color, width)
    screen.problems(exported.problems)
    refused = _written(exported.text, output, force=force) if exported.text else None
    if refused is not None:
        screen.problems([refused])
    if refused is not None or not exported.text:
        sys.exit(MISTAKE)


@app.command()
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
    _write(found)


@app.command("list")
def list_(file: FileName, color: Color = ColorChoice.AUTO, width: Width = 0) -> None:
    """List what a file declares, and what --set can name."""
    from perfdsl.present import program_pages

    screen = Screen(color, width)
    solution = _checked(Request(file, [], [], "", Bounds()))
    screen.problems(solution.problems)
    if solution.program is None or has_errors(solution.problems):
        sys.exit(MISTAKE)
    _write(program_pages.listing(solution.program, screen.theme(sys.stdout)))


# ------------------------------------------------------------------------- from request to answer


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits that were raised or lowered by a flag; None: as they are."""

    file_size: int | None = None
    imports: int | None = None
    depth: int | None = None
    tokens: int | None = None
    nesting: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked on the command line."""

    file: str
    settings: Sequence[str]
    scenarios: Sequence[str]
    policy: str
    bounds: Bounds
    seconds: float = SECONDS
    per_operator: bool = False


def _options(request: Request) -> Options | Diagnostic:
    from perfdsl.pipeline import Options
    from perfdsl.semantics.settings import Setting

    pairs = []
    for text in request.settings:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            title = f"--set {text}: a name, `=` and a value are expected"
            return Diagnostic("P003", title, None, help="such as --set 'clock=5.4 GHz'")
        pairs.append(Setting(name.strip(), value.strip()))
    return Options(
        settings=tuple(pairs),
        scenarios=tuple(request.scenarios),
        policy=request.policy,
        limits=_limits(request.bounds),
        seconds=request.seconds,
        per_operator=request.per_operator,
    )


def _limits(bounds: Bounds) -> FileLimits:
    from perfdsl.semantics.files import FileLimits
    from perfdsl.syntax.scanner import Limits

    usual = FileLimits()
    text = Limits(bounds.tokens or usual.text.tokens, bounds.nesting or usual.text.nesting)
    return FileLimits(
        usual.size if bounds.file_size is None else bounds.file_size,
        usual.imports if bounds.imports is None else bounds.imports,
        usual.depth if bounds.depth is None else bounds.depth,
        text,
    )


def _opened(request: Request) -> tuple[Source, Path, Options] | Diagnostic:
    """The text, the folder that its imports start from, and the options."""
    from perfdsl.pipeline import open_bytes, open_file

    options = _options(request)
    if isinstance(options, Diagnostic):
        return options
    if request.file == STDIN:
        data = sys.stdin.buffer.read(options.limits.size + 1)
        source, folder = open_bytes(data, _shown(STDIN), options.limits), Path()
    else:
        path = Path(request.file)
        source, folder = open_file(path, options.limits), path.parent
    return source if isinstance(source, Diagnostic) else (source, folder, options)


def _shown(file: str) -> str:
    return "<stdin>" if file == STDIN else file


def _checked(request: Request) -> Solution:
    from perfdsl.pipeline import Solution, check_file

    opened = _opened(request)
    if isinstance(opened, Diagnostic):
        return Solution(None, (), (opened,))
    program = check_file(*opened)
    return Solution(program, (), program.problems)


def _solved(request: Request, names: Sequence[str]) -> Solution:
    from perfdsl.pipeline import Solution, solve_file
    from perfdsl.solve.reading import Timeout

    opened = _opened(request)
    if isinstance(opened, Diagnostic):
        return Solution(None, (), (opened,))
    try:
        found = solve_file(*opened, names)
    except Timeout:
        return Solution(None, (), (_late(request.seconds),))
    unknown = _unknown_names(found, names)
    return Solution(found.program, (), (*unknown, *found.problems)) if unknown else found


def _formula(program: Program, name: str, screen: Screen) -> str | Diagnostic:
    from perfdsl.present.formula_pages import page
    from perfdsl.solve.reading import Timeout

    try:
        return page(program, name, screen.theme(sys.stdout), time.monotonic() + SECONDS)
    except Timeout:
        return _late(SECONDS)


def _with_formulas(
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
    unicode = _is_unicode(sys.stdout)
    try:
        make = texts if form is AnswerForm.TEXT else sheets
        found = make(solution.program, solution.answers, deadline=deadline, unicode=unicode)
    except Timeout:
        return Solution(None, (), (_late(request.seconds),)), {}
    return solution, found


@dataclass(frozen=True, slots=True)
class Exported:
    """The text of an export; "" where there is none, and the problems say why."""

    text: str
    problems: Sequence[Diagnostic]


def _exported(
    request: Request, names: Sequence[str], form: ExportForm, *, standalone: bool, equations: bool
) -> Exported:
    from perfdsl.present.latex_page import document
    from perfdsl.solve.reading import Timeout

    assert form is ExportForm.LATEX
    started = time.monotonic()
    solution = _solved(request, names)
    if solution.program is None or has_errors(solution.problems):
        return Exported("", solution.problems)
    if not solution.answers:
        title = f"{_shown(request.file)} has no analysis: there is nothing to export"
        return Exported("", [Diagnostic("P003", title, None)])
    try:
        text = document(
            solution.program, solution.answers, file=_shown(request.file),
            standalone=standalone, deadline=started + request.seconds, equations=equations,
        )  # fmt: skip
    except Timeout:
        return Exported("", [_late(request.seconds)])
    return Exported(text, solution.problems)


def _late(seconds: float) -> Diagnostic:
    title = f"there is no answer after {seconds:g} s"
    return Diagnostic("P709", title, None, help="allow more with --timeout SECONDS")


def _written(text: str, output: Path | None, *, force: bool) -> Diagnostic | None:
    """Write the text to a file, or to standard output; why it cannot be, if it cannot."""
    if output is None:
        _write(text)
        return None
    try:
        with output.open("w" if force else "x", encoding="utf-8", newline="\n") as stream:
            stream.write(text + "\n")
    except FileExistsError:
        title = f"{output} is there already"
        return Diagnostic("P003", title, None, help="replace it with --force")
    except OSError as error:
        return Diagnostic("P003", f"{output} cannot be written: {error.strerror}", None)
    return None


def _unknown_names(found: Solution, names: Sequence[str]) -> list[Diagnostic]:
    if found.program is None or has_errors(found.problems):
        return []
    known = [analysis.name for analysis in found.program.analyses]
    return [_no_analysis(name, known) for name in names if name not in known]


def _no_analysis(name: str, known: Sequence[str]) -> Diagnostic:
    near = did_you_mean(name, known)
    there = f"there is: {', '.join(known)}" if known else "the file has no analysis"
    help_ = f"did you mean `{near}`?" if near else ""
    return Diagnostic("P101", f"there is no analysis `{name}`", None, notes=(there,), help=help_)


def _code(solution: Solution, *, strict: bool = False, deny_warnings: bool = False) -> int:
    severities = {problem.severity for problem in solution.problems}
    if Severity.ERROR in severities or (deny_warnings and Severity.WARNING in severities):
        return MISTAKE
    broken = any(each.broken for each in solution.answers)
    undecided = strict and any(each.undecided for each in solution.answers)
    return BROKEN if broken or undecided else KEPT


# --------------------------------------------------------------------------------------- pages


def _page(
    solution: Solution,
    form: AnswerForm,
    screen: Screen,
    file: str,
    sheets: Sheets,
    *,
    verbose: bool,
) -> str:
    if not solution.answers:
        return f"{_shown(file)} has no analysis: there is nothing to solve"
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


def _json(
    answers: Sequence[AnalysisAnswer],
    problems: Sequence[Diagnostic],
    file: str,
    code: int,
    sheets: Sheets | None = None,
) -> str:
    from perfdsl.present.json_form import document

    tool = f"perfdsl {__version__}"
    name = _shown(file)
    return document(answers, problems, file=name, tool=tool, exit_code=code, sheets=sheets)


def _problem_form(problems: Sequence[Diagnostic], form: ProblemForm, file: str, code: int) -> str:
    import json

    from perfdsl.present.diagnostic_forms import to_github, to_sarif

    if form is ProblemForm.GITHUB:
        return "\n".join(map(to_github, problems))
    if form is ProblemForm.SARIF:
        return json.dumps(to_sarif(problems), indent=2)
    return _json((), problems, file, code)


@dataclass(frozen=True, slots=True)
class Screen:
    """Colour and width as they were asked for; what they mean depends on the stream."""

    color: ColorChoice
    width: int

    def theme(self, stream: TextIO) -> Theme:
        from perfdsl.present.style import Theme

        return Theme(self.columns(stream), self.colored(stream), _is_unicode(stream))

    def colored(self, stream: TextIO) -> bool:
        if self.color is not ColorChoice.AUTO:
            return self.color is ColorChoice.ALWAYS
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return stream.isatty() and not plain

    def columns(self, stream: TextIO) -> int:
        """The terminal's width up to a readable one; 80 where there is none."""
        if self.width:
            return max(NARROW, self.width)
        if not stream.isatty() and "COLUMNS" not in os.environ:
            return 80
        import shutil  # 1.5 ms: it knows archives, too

        return max(NARROW, min(WIDE, shutil.get_terminal_size((80, 24)).columns))

    def problems(self, found: Sequence[Diagnostic]) -> None:
        """Problems go to standard error."""
        if found:
            from perfdsl.rendering import render_all

            stream = sys.stderr
            text = render_all(found, color=self.colored(stream), width=self.columns(stream))
            _write(text, stream)


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def _write(text: str, stream: TextIO | None = None) -> None:
    """A text and a line end; what the stream cannot write is spelled out, a closed one is left."""
    stream = stream or sys.stdout
    encoding = stream.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except BrokenPipeError:
        # Whoever read has enough. The interpreter flushes once more at its end: into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main() -> NoReturn:
    """The program: every way out of it has its code."""
    gc.set_threshold(RARELY)
    atexit.register(gc.freeze)  # the interpreter would look through everything once more
    try:
        app.run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # whatever it is: a bug of ours is one line, no traceback
        if os.environ.get("PERFDSL_DEBUG") == "1":
            raise
        kind = type(error).__name__
        line = f"perfdsl {__version__} has a bug ({kind}): please report the file and this command"
        _write(f"{line}; PERFDSL_DEBUG=1 shows where it is", sys.stderr)
        sys.exit(BUG)
    sys.exit(KEPT)
