"""From Python: a file loaded, an analysis solved, its results as typed objects with formulas.

    >>> import perfdsl
    >>> file = perfdsl.load("examples/01_first_roofline.perf")
    >>> results = file.analysis("first").solve()
    >>> results.values["run.time"]
    run.time = 2.4 ms, dram binds
    >>> [claim.verdict for claim in results.claims]
    ['holds']

A setting is what `--set` may name. A number is in the unit in which the file states it; a text has
its own unit; so has a result, which can be given again.

    >>> file.analysis("first").solve(**{"dram.bandwidth": "5 TB/s"}).values["run.time"]
    run.time = 0.05 ms, compute binds

Mistakes raise `PerfError`, whose text is what the command line would show.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Protocol, runtime_checkable

from perfdsl.api_results import Results
from perfdsl.diagnostics import Diagnostic, Severity, Source, did_you_mean, has_errors
from perfdsl.pipeline import Options, check_file, open_file, solve_file
from perfdsl.records import replace
from perfdsl.rendering import render_all
from perfdsl.semantics.cases import MeasuredCase, Measurement
from perfdsl.semantics.program import AnalysisProgram, Program
from perfdsl.semantics.settings import Setting, declared_unit
from perfdsl.semantics.wanted import wanted_measurements
from perfdsl.solve.reading import Timeout
from perfdsl.syntax.printer import print_expr

SECONDS = 60.0
WIDTH = 100


class PerfError(Exception):
    """What is wrong with a file or a setting; its text is the messages as they would be shown."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(render_all(self.diagnostics, color=False, width=WIDTH))

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the mistakes, such as P203."""
        return tuple(each.code for each in self.diagnostics)


@runtime_checkable
class Measured(Protocol):
    """A number with a unit, such as `Quantity` or the value of a result."""

    @property
    def value(self) -> float: ...
    @property
    def unit(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, as a setting takes it.

    >>> str(Quantity(65, "token"))
    '65 token'
    """

    value: float
    unit: str = ""

    def __str__(self) -> str:
        return f"{_digits(self.value)} {self.unit}".rstrip()


Value = float | int | str | Measured


def load(
    path: str | PathLike[str],
    *,
    scenarios: Iterable[str] = (),
    policy: str = "",
    timeout: float = SECONDS,
    measurements: Iterable[Measurement] = (),
    **settings: Value,
) -> File:
    """A checked file. timeout: seconds that a solve may take. Raises PerfError.

    measurements: times for what `measured` asks for (`Analysis.wanted`).

    >>> load("examples/05_scenario.perf", cores=4).settings
    (('cores', '4 core'),)
    """
    options = Options(
        scenarios=tuple(scenarios), policy=policy, seconds=timeout,
        measurements=tuple(measurements),
    )  # fmt: skip
    source = open_file(Path(path), options.limits)
    if isinstance(source, Diagnostic):
        raise PerfError([source])
    plain = _checked(source, Path(path), options)
    return File(Path(path), source, plain, options, _texts(settings, plain))


@dataclass(frozen=True, slots=True, repr=False)
class File:
    """A `.perf` file without mistakes, with what was set when it was loaded."""

    path: Path
    _source: Source = field(compare=False)
    _plain: Program = field(compare=False)
    _options: Options = field(compare=False)
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def analyses(self) -> tuple[str, ...]:
        """The names of the analyses."""
        return tuple(each.name for each in self._plain.analyses)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the check has to say besides mistakes."""
        return self._plain.problems

    def analysis(self, name: str = "") -> Analysis:
        """The analysis of that name; the only one needs none. Raises PerfError."""
        if not name and len(self.analyses) == 1:
            name = self.analyses[0]
        for each in self._plain.analyses:
            if each.name == name:
                return Analysis(self, name, each.doc, _parameters(self._plain, each))
        near = did_you_mean(name, list(self.analyses))
        there = f"there is: {', '.join(self.analyses)}" if self.analyses else "the file has none"
        title = f"there is no analysis `{name}`" if name else "which analysis is meant?"
        help_ = f"did you mean `{near}`?" if near else ""
        raise PerfError([Diagnostic("P101", title, None, notes=(there,), help=help_)])

    def wanted(self, name: str) -> tuple[MeasuredCase, ...]:
        """The cases that `measured` asks for in one analysis, under what was set on loading."""
        chosen = tuple(Setting(*pair) for pair in self.settings)
        program = _checked(self._source, self.path, replace(self._options, settings=chosen))
        return wanted_measurements(program, name)

    def solve(self, name: str, settings: Mapping[str, Value]) -> Results:
        """The results of one analysis under more settings; `analysis(name).solve()` is shorter."""
        pairs = (*self.settings, *_texts(settings, self._plain))
        chosen = tuple(Setting(*pair) for pair in dict(pairs).items())
        options = replace(self._options, settings=chosen)
        deadline = time.monotonic() + options.seconds
        try:
            found = solve_file(self._source, self.path.parent, options, [name])
        except Timeout:
            title = f"there is no answer after {options.seconds:g} s"
            raise PerfError([Diagnostic("P709", title, None)]) from None
        if has_errors(found.problems) or found.program is None:
            raise PerfError(_errors(found.problems))
        return Results.of(found.program, found.answers[0], deadline)

    def __repr__(self) -> str:
        return f"<perfdsl file {self.path}: {', '.join(self.analyses) or 'no analysis'}>"


@dataclass(frozen=True, slots=True, repr=False)
class Analysis:
    """One analysis of a file. parameters: what can be set, each as it is written."""

    file: File
    name: str
    doc: str
    parameters: Mapping[str, str]

    def solve(self, **settings: Value) -> Results:
        """Its results; the keywords are names of parameters, or their ends. Raises PerfError.

        >>> load("examples/06_unknown.perf").analysis().solve().answers["from_few"]
        from_few: any efficiency in 10 .. 100 %, dram binds
        """
        return self.file.solve(self.name, settings)

    @property
    def wanted(self) -> tuple[MeasuredCase, ...]:
        """The cases that `measured` asks for: `load(..., measurements=...)` gives their times.

        >>> load("examples/24_measured.perf").analysis().wanted[0].shown
        'embeddinggemma, 12 tokens, 12 cores'
        """
        return self.file.wanted(self.name)

    def __repr__(self) -> str:
        return f"<perfdsl analysis {self.name} of {self.file.path}>"


# ------------------------------------------------------------------------------------- settings


def _checked(source: Source, path: Path, options: Options) -> Program:
    program = check_file(source, path.parent, options)
    if has_errors(program.problems):
        raise PerfError(_errors(program.problems))
    return program


def _errors(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [each for each in problems if each.severity is Severity.ERROR]


def _parameters(program: Program, analysis: AnalysisProgram) -> dict[str, str]:
    items = program.settable.get(analysis.name, ())
    return {item.path: print_expr(item.expr) for item in items}


def _texts(settings: Mapping[str, Value], program: Program) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(name, value, program)) for name, value in settings.items())


def _text(name: str, value: Value, program: Program) -> str:
    """A value as `--set` takes it: a bare number gets the unit of what it replaces."""
    if isinstance(value, str):
        return value
    if isinstance(value, Measured):
        return str(Quantity(value.value, value.unit))
    unit = declared_unit(name, program)
    if unit is None and not _is_known(name, program):
        return _digits(value)  # the check of the settings says what is wrong with the name
    if unit is None:
        title = f"`{name}` is computed: a number needs a unit here"
        help_ = f"give it as a text, such as {name}='{_digits(value)} ms'"
        raise PerfError([Diagnostic("P003", title, None, help=help_)])
    return str(Quantity(value, unit))


def _is_known(name: str, program: Program) -> bool:
    paths = (item.path for items in program.settable.values() for item in items)
    return any(path == name or path.endswith(f".{name}") for path in paths)


def _digits(value: float) -> str:
    if isinstance(value, bool):
        raise TypeError("a setting is a number or a text, not a truth value")
    return str(value) if isinstance(value, int) else repr(float(value))
