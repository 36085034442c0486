"""The pipeline: text -> tree -> program -> answers, one line a stage. Start reading here.

    read      a file and all that it imports       semantics.files, syntax.parser
    check     trees -> program                     semantics.check
    answer    program -> answers                   solve.answer

No stage raises for a mistake in a file: each gives a value, and the problems that it found.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from perfdsl.diagnostics import Diagnostic, Source, Span, has_errors
from perfdsl.records import dataclass, field
from perfdsl.semantics.cases import Measurement
from perfdsl.semantics.check import check
from perfdsl.semantics.files import FileLimits, Reader, decode, load, read_text, shown_name
from perfdsl.semantics.program import Program
from perfdsl.semantics.settings import Setting, replacements
from perfdsl.syntax import tree

if TYPE_CHECKING:
    from perfdsl.solve.answers import AnalysisAnswer


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may change.

    settings: (name, value) texts of --set. scenarios: names of --scenario, applied to everything.
    policy: the one in force where an analysis names none. seconds: the deadline of evaluation.
    measurements: what `measured` gives, by cases (`semantics.wanted` tells which are asked for).
    """

    settings: tuple[Setting, ...] = ()
    scenarios: tuple[str, ...] = ()
    policy: str = ""
    limits: FileLimits = field(default_factory=FileLimits)
    seconds: float = math.inf
    per_operator: bool = False
    measurements: tuple[Measurement, ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """A program with its answers; none where the problems hold an error."""

    program: Program | None
    answers: tuple[AnalysisAnswer, ...]
    problems: tuple[Diagnostic, ...]


def open_file(path: Path, limits: FileLimits) -> Source | Diagnostic:
    """The text of a file, or why it cannot be had."""
    return read_text(path, shown_name(path), limits)


def open_bytes(data: bytes, name: str, limits: FileLimits) -> Source | Diagnostic:
    """The text of bytes that were read elsewhere, such as standard input."""
    return decode(data, name, limits)


def read(source: Source, folder: Path, options: Options) -> Reader:
    """The file and all that it imports, parsed."""
    return load(source, folder, options.limits)


def check_file(source: Source, folder: Path, options: Options) -> Program:
    """The checked program, with what was set from outside in place."""
    return check_reader(read(source, folder, options), options)


def check_reader(reader: Reader, options: Options) -> Program:
    """The same of files that were read already."""
    program = _checked(reader, {}, options)
    if not options.settings or has_errors(program.problems):
        return program
    overrides, problems = replacements(options.settings, program)
    if problems:
        return Program(program.graph, program.modules, program.analyses,
                       (*problems, *program.problems), program.entry, program.settable)  # fmt: skip
    return _checked(reader, overrides, options)


def _checked(reader: Reader, overrides: dict[Span, tree.Expr], options: Options) -> Program:
    return check(
        reader, overrides=overrides, policy=options.policy, scenarios=options.scenarios,
        measurements=options.measurements,
    )  # fmt: skip


def solve_file(
    source: Source, folder: Path, options: Options, names: Iterable[str] = ()
) -> Solution:
    """The answers of the named analyses (of all where none is named)."""
    # Loaded here: `check` answers sooner without the solver (25 ms of its 110 ms start).
    from perfdsl.solve.answer import answer

    program = check_file(source, folder, options)
    if has_errors(program.problems):
        return Solution(program, (), program.problems)
    found = answer(program, names, seconds=options.seconds, per_operator=options.per_operator)
    problems = (*program.problems, *(each for item in found for each in item.problems))
    return Solution(program, () if has_errors(problems) else found, problems)
