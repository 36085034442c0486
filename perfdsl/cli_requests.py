"""From what was asked on the command line to a solution: options, files, and the pipeline."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perfdsl.cli_options import SECONDS
from perfdsl.diagnostics import Diagnostic, Source, did_you_mean, has_errors
from perfdsl.records import dataclass

if TYPE_CHECKING:
    from perfdsl.pipeline import Options, Solution
    from perfdsl.semantics.files import FileLimits

STDIN = "-"


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
        source, folder = open_bytes(data, shown(STDIN), options.limits), Path()
    else:
        path = Path(request.file)
        source, folder = open_file(path, options.limits), path.parent
    return source if isinstance(source, Diagnostic) else (source, folder, options)


def shown(file: str) -> str:
    return "<stdin>" if file == STDIN else file


def checked(request: Request) -> Solution:
    from perfdsl.pipeline import Solution, check_file

    opened = _opened(request)
    if isinstance(opened, Diagnostic):
        return Solution(None, (), (opened,))
    program = check_file(*opened)
    return Solution(program, (), program.problems)


def solved(request: Request, names: Sequence[str]) -> Solution:
    from perfdsl.pipeline import Solution, solve_file
    from perfdsl.solve.reading import Timeout

    opened = _opened(request)
    if isinstance(opened, Diagnostic):
        return Solution(None, (), (opened,))
    try:
        found = solve_file(*opened, names)
    except Timeout:
        return Solution(None, (), (late(request.seconds),))
    unknown = _unknown_names(found, names)
    return Solution(found.program, (), (*unknown, *found.problems)) if unknown else found


def late(seconds: float) -> Diagnostic:
    title = f"there is no answer after {seconds:g} s"
    return Diagnostic("P709", title, None, help="allow more with --timeout SECONDS")


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
