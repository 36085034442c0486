"""Trees -> program: every file's names bound, every declaration checked, analyses read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from perfdsl.diagnostics import (
    Diagnostic,
    Severity,
    Span,
    did_you_mean,
    has_errors,
    sort_diagnostics,
)
from perfdsl.semantics import builtins, gathering, searching
from perfdsl.semantics.alone import check_alone
from perfdsl.semantics.analyses import read_analysis
from perfdsl.semantics.cases import MeasuredCase, Measurement, wrong_with
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.files import Loaded, Reader
from perfdsl.semantics.graph import Graph
from perfdsl.semantics.modules import (
    bind_imports,
    declare,
    edition_of,
    library_units,
    make_instances,
    open_module,
)
from perfdsl.semantics.program import AnalysisProgram, Program
from perfdsl.semantics.reached import read_the_rest
from perfdsl.semantics.roots import roots
from perfdsl.semantics.scope import Context, Module, mentioned
from perfdsl.semantics.settable import settables
from perfdsl.semantics.units import UnitTable
from perfdsl.semantics.unmet import report_unmet, roots_of
from perfdsl.semantics.unread import report_unread
from perfdsl.semantics.values import Declared, Instance, Value
from perfdsl.syntax import tree
from perfdsl.syntax.parser import Parsed

# Visible in every file without an import; a file's own names come first.
PRELUDE = ("std/units", "std/formats", "std/policies", "std/workloads")


class Outside(NamedTuple):
    """What was set from outside."""

    overrides: Mapping[Span, tree.Expr]
    policy: str
    scenarios: tuple[str, ...]
    measurements: tuple[Measurement, ...]


def check(
    reader: Reader,
    *,
    overrides: Mapping[Span, tree.Expr] | None = None,
    policy: str = "",
    scenarios: tuple[str, ...] = (),
    measurements: tuple[Measurement, ...] = (),
) -> Program:
    """The program of the files that were read; nothing raises for a mistake in them.

    overrides: definitions replaced from outside, by their place. policy: the name of the one in
    force where an analysis says nothing. scenarios: applied to every analysis that can take them.
    measurements: what `measured` gives in each case; without one it has no value.
    """
    outside = Outside(overrides or {}, policy, scenarios, measurements)
    context, modules = _opened(reader, outside)
    waiting: list[Instance] = []
    chosen = _declarations(modules, outside, waiting)
    if has_errors(context.problems):  # messages come from declarations before their uses
        read_the_rest(waiting, modules.values())
    analyses = _analyses(modules[""], outside, chosen)
    read_the_rest(waiting, modules.values())
    return _program(context, modules, analyses)


def _opened(reader: Reader, outside: Outside) -> tuple[Context, dict[str, Module]]:
    """The files with their names bound."""
    graph = Graph()
    context = Context(evaluate, builtins.words(graph), graph=graph)
    context.functions = {**builtins.FUNCTIONS, **builtins.INTERNAL}
    context.gatherers = {**gathering.GATHERERS, **searching.SEARCHES}
    context.overrides = outside.overrides
    context.measurements = _by_case(outside.measurements, context)
    context.problems.extend(reader.problems)
    for loaded in reader.files.values():
        context.expect_gaps(loaded.parsed.problems, loaded.parsed.doubtful)
    files = ((key, each.parsed.file) for key, each in reader.files.items())
    context.files = tuple(file for key, file in files if not key.startswith("std/"))
    return context, _modules(reader, context)


def _by_case(
    measurements: tuple[Measurement, ...], context: Context
) -> dict[MeasuredCase, Measurement]:
    """What was measured of each case; a number that no measurement gives is reported."""
    found: dict[MeasuredCase, Measurement] = {}
    for each in measurements:
        wrong = wrong_with(each)
        if each.case in found and each != found[each.case]:
            wrong = "there is another measurement of the same case"
        if wrong:
            numbers = f"best {each.best:g} s in {each.low:g} s .. {each.high:g} s"
            title = f"what is given as measured({each.case.shown}) is no measurement: {numbers}"
            context.problems.append(Diagnostic("P514", title, None, notes=(wrong,)))
        found.setdefault(each.case, each)
    return found


def _declarations(
    modules: dict[str, Module], outside: Outside, waiting: list[Instance]
) -> Value | None:
    """Every declaration checked (see `check_alone`); the policy that is in force from outside."""
    chosen = _policy(outside.policy, modules[""], modules[""].top().context)
    for module in dict.fromkeys(modules.values()):
        if not module.name.startswith("std/"):
            check_alone(module, modules, waiting)
    return chosen


def _analyses(entry: Module, outside: Outside, chosen: Value | None) -> tuple[AnalysisProgram, ...]:
    context = entry.top().context
    applied = tuple(_scenario(name, entry, context) for name in outside.scenarios)
    analyses = tuple(
        read_analysis(node, entry, chosen, applied)
        for node in entry.file.body
        if isinstance(node, tree.Analysis) and node.span not in context.misnamed
    )
    for analysis in analyses:
        report_unmet(roots_of(analysis), context)
    return analyses


def _program(
    context: Context, modules: dict[str, Module], analyses: tuple[AnalysisProgram, ...]
) -> Program:
    entry = modules[""]
    report_unread(modules.values(), context)
    _unused(entry, _workloads(analyses), context)
    return Program(
        context.graph,
        modules,
        analyses,
        tuple(sort_diagnostics(roots(context, modules.values()))),
        entry,
        {analysis.name: settables(analysis, entry) for analysis in analyses},
    )


def _modules(reader: Reader, context: Context) -> dict[str, Module]:
    units = UnitTable()
    modules: dict[str, Module] = {}
    for name in PRELUDE:
        modules[name] = _library_module(_library(name, reader), context, units, name)
        context.prelude.update(modules[name].top().values)
    if reader.standing in modules:
        modules[""] = modules[reader.standing]
        edition_of(reader.files[""], context)
    for key, loaded in reader.files.items():
        if key in modules:
            continue
        if key.startswith("std/"):
            modules[key] = _library_module(loaded, context, units, key)
            continue
        modules[key] = open_module(loaded, context, units.copy())
        edition_of(loaded, context)
        declare(modules[key])
    for key, loaded in reader.files.items():
        bind_imports(modules[key], loaded, modules)
    for key, module in modules.items():
        if not key.startswith("std/") or key not in PRELUDE:
            make_instances(module)
    return modules


def _library(name: str, reader: Reader) -> Loaded:
    """A file that every program sees: as it was parsed, unless it is the one that is checked."""
    read = reader.files.get("" if name == reader.standing else name)
    if read is not None:
        return read
    file = reader.standard[name]
    return Loaded(name, file.span.source, Parsed(file, (), frozenset()), {}, True)


def _library_module(loaded: Loaded, context: Context, units: UnitTable, name: str) -> Module:
    module = open_module(loaded, context, units)
    if name == "std/units":
        library_units(loaded.parsed.file, module)
    declare(module)
    make_instances(module)
    return module


def _policy(name: str, entry: Module, context: Context) -> Value | None:
    """The policy of --policy: one of the file, of what it imports by name, or of the library."""
    if not name:
        return None
    found = entry.top().find(name)
    if isinstance(found, Declared) and isinstance(found.node, tree.Policy):
        return found
    known = [key for key, value in {**context.prelude, **entry.top().values}.items()
             if isinstance(value, Declared) and isinstance(value.node, tree.Policy)]  # fmt: skip
    title = f"--policy {name}: there is no such policy"
    context.report("P101", title, None, help_=f"known: {', '.join(known)}")
    return None


def _scenario(name: str, entry: Module, context: Context) -> Declared | None:
    """The scenario of --scenario."""
    found = entry.top().find(name)
    if isinstance(found, Declared) and isinstance(found.node, tree.Scenario):
        return found
    known = [n for n, v in entry.top().values.items()
             if isinstance(v, Declared) and isinstance(v.node, tree.Scenario)]  # fmt: skip
    near = did_you_mean(name, known)
    help_ = f"did you mean `{near}`?" if near else f"known: {', '.join(known) or 'none'}"
    context.report("P101", f"--scenario {name}: there is no such scenario", None, help_=help_)
    return None


def _unused(entry: Module, workloads: set[Span], context: Context) -> None:
    """Warn of names that nothing asks for; not where mistakes may have hidden a use."""
    if any(problem.severity is Severity.ERROR for problem in context.problems):
        return
    everywhere = mentioned(entry.file.body)
    for name, span in entry.top().imported.items():
        if name not in everywhere:
            _warn(f"`{name}` is imported, but nothing uses it", span, context)
    for statement in entry.file.body:
        if isinstance(statement, tree.Analysis):
            _unused_in_analysis(statement, context)
        if isinstance(statement, tree.Parametrised) and not isinstance(statement, tree.Scenario):
            inside = mentioned((*statement.body, *statement.params))
            for param in statement.params:
                if param.name not in inside and param.span not in workloads:
                    title = f"the parameter `{param.name}` is used by nothing"
                    _warn(title, param.span, context)


def _workloads(analyses: Iterable[AnalysisProgram]) -> set[Span]:
    """The parameters that hold a workload: it is in force without being mentioned."""
    return {
        param.span
        for analysis in analyses
        if analysis.frame.analysis is not None
        for param in analysis.frame.analysis.params
        if isinstance(value := analysis.frame.world.slots.get(param.name), Instance)
        and value.sort == "workload"
    }


NAMED = (tree.Let, tree.Unknown, tree.Function, tree.Table, tree.DataRows, tree.DataFile)


def _unused_in_analysis(node: tree.Analysis, context: Context) -> None:
    uses = Counter(name for statement in node.body for name in mentioned([statement]))
    for statement in node.body:
        if isinstance(statement, NAMED):
            if uses[statement.name] <= (statement.name in mentioned([statement])):
                title = f"`{statement.name}` is defined, but nothing uses it"
                _warn(title, statement.span, context)


def _warn(title: str, span: Span, context: Context) -> None:
    context.report("P107", title, span, severity=Severity.WARNING)
