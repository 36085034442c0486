"""An analysis with a machine in place of its hardware, and a file's shape in place of its model's.

Nothing is patched into text: the parameter's default becomes `machine.NAME` for the hardware and
`(default) with { layers = 24 layer; ... }` for the model, as trees. So everything that the analysis
says, its claims and scenarios too, is said of this machine and this model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perfdsl.diagnostics import Diagnostic, Severity, Source, did_you_mean, has_errors
from perfdsl.pipeline import Options, check_reader, open_file, read
from perfdsl.records import dataclass, replace
from perfdsl.semantics.files import Loaded, Reader
from perfdsl.semantics.program import AnalysisProgram, Program
from perfdsl.semantics.values import Instance, Quantity
from perfdsl.syntax import tree
from perfdsl.syntax.parser import parse

MACHINE = "the machine"  # no name that a file could have
USUAL = "roofline"  # the policy of those who name none: see `semantics.runs`


@dataclass(frozen=True, slots=True)
class Asked:
    """file: the analysis; name: which one of it, "" where it has one. shape: the model file's own
    values by the names of the shipped model's parameters, None where it has no such value."""

    file: Path
    name: str
    machine: Path
    shape: Mapping[str, int | None]
    options: Options


@dataclass(frozen=True, slots=True, eq=False)
class Substituted:
    """reader: all files, the analysis rewritten. net, cpu, load: its parameters of these sorts.

    notes: what the model file changed of the analysis, or could not say, each a sentence.
    """

    reader: Reader
    program: Program
    analysis: AnalysisProgram
    net: str
    cpu: str
    load: str
    hardware: str
    notes: tuple[str, ...]

    @property
    def policy(self) -> str:
        """The name of the policy in force where an expression names none."""
        policy = self.analysis.frame.world.policy
        return getattr(getattr(policy, "node", None), "name", USUAL)

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        """Warnings of the check; that the file's own hardware is not used any more is no news."""
        return tuple(each for each in self.program.problems if each.code != "P107")


Problems = tuple[Diagnostic, ...]


def substituted(asked: Asked) -> Substituted | Problems:
    """The analysis of this machine and model, or what is wrong with the files."""
    source = open_file(asked.file, asked.options.limits)
    if isinstance(source, Diagnostic):
        return (source,)
    reader = read(source, asked.file.parent, asked.options)
    # What is wrong with it as it stands may be right on this machine (work of a kind that the
    # hardware of the analysis has no port for), as long as it is clear what is to be replaced.
    plain = check_reader(reader, Options(limits=asked.options.limits))
    analysis = _chosen(plain, asked)
    if isinstance(analysis, Diagnostic):
        return _errors(plain) or (analysis,)
    names = [_parameter(analysis, sort) for sort in ("model", "hardware", "workload")]
    wrong = tuple(each for each in names if isinstance(each, Diagnostic))
    if wrong:
        return _errors(plain) or wrong
    net, cpu, load = map(str, names)
    machine = _machine(asked)
    if isinstance(machine, tuple):
        return machine
    changes, notes = _shape(analysis, net, asked.shape)
    made = _rewritten(reader, analysis, (net, cpu), machine, changes)
    program = check_reader(made, asked.options)
    if has_errors(program.problems):
        return _errors(program)
    found = next(each for each in program.analyses if each.name == analysis.name)
    return Substituted(made, program, found, net, cpu, load, machine.name, notes)


def _errors(program: Program) -> Problems:
    return tuple(each for each in program.problems if each.severity is Severity.ERROR)


# -------------------------------------------------------------------------------- the analysis


def _chosen(program: Program, asked: Asked) -> AnalysisProgram | Diagnostic:
    """The analysis of that name, or the only one."""
    known = {each.name: each for each in program.analyses}
    if not asked.name and len(known) == 1:
        return next(iter(known.values()))
    if asked.name in known:
        return known[asked.name]
    there = f"there is: {', '.join(known)}" if known else "the file has none"
    if not asked.name:
        title = f"which analysis of {asked.file} is meant?" if known else "there is no analysis"
        help_ = "name it with --analysis NAME" if known else ""
        return Diagnostic("P101", title, None, notes=(there,), help=help_)
    near = did_you_mean(asked.name, list(known))
    help_ = f"did you mean `{near}`?" if near else ""
    title = f"there is no analysis `{asked.name}`"
    return Diagnostic("P101", title, None, notes=(there,), help=help_)


EXAMPLES = {
    "model": "net = m.embeddinggemma",
    "hardware": "cpu = hw.ryzen_9_7900",
    "workload": "load = short",
}


def _parameter(analysis: AnalysisProgram, sort: str) -> str | Diagnostic:
    """The one parameter that holds something of this sort."""
    node = analysis.frame.analysis
    assert node is not None
    names = [name for name, value in analysis.frame.world.slots.items() if _is(value, sort)]
    if len(names) == 1:
        return names[0]
    what = {"model": "the model file", "hardware": "the machine", "workload": "the texts"}[sort]
    has = "no parameter" if not names else f"{len(names)} parameters"
    title = f"`{analysis.name}` has {has} that is a {sort}: {what} has no place in it"
    if names:
        title = f"`{analysis.name}` has {has} that are a {sort}: which is {what}?"
    example = f"analysis {node.name}({EXAMPLES[sort]})"
    help_ = f"give it one, as in `{example}`" if not names else "keep the one that is measured"
    return Diagnostic("P861", title, node.head, help=help_)


def _is(value: object, sort: str) -> bool:
    return isinstance(value, Instance) and value.sort == sort


# --------------------------------------------------------------------------------- the machine


@dataclass(frozen=True, slots=True)
class _Machine:
    """key: of its file among those that were read; reader: that file and what it imports."""

    name: str
    key: str
    reader: Reader


def _machine(asked: Asked) -> _Machine | Problems:
    """The one hardware of the machine file, checked by itself."""
    source = open_file(asked.machine, asked.options.limits)
    if isinstance(source, Diagnostic):
        return (source,)
    reader = read(source, asked.machine.parent, asked.options)
    program = check_reader(reader, Options(limits=asked.options.limits))
    if has_errors(program.problems):
        return _errors(program)
    body = reader.files[""].parsed.file.body
    found = [each for each in body if isinstance(each, tree.Hardware)]
    if len(found) == 1:
        return _Machine(found[0].name, str(asked.machine.resolve()), reader)
    if not found:
        title = f"{asked.machine} has no `hardware`: it does not describe a machine"
        help_ = "`perfdsl probe -o FILE` measures this machine and writes such a file"
        return (Diagnostic("P862", title, None, help=help_),)
    title = f"{asked.machine} has {len(found)} hardware: which one is measured?"
    names = ", ".join(each.name for each in found)
    return (Diagnostic("P862", title, found[1].head, notes=(f"there is: {names}",),
                       help="put the one that is measured into a file of its own"),)  # fmt: skip


# ----------------------------------------------------------------------------------- the model


def _shape(
    analysis: AnalysisProgram, net: str, shape: Mapping[str, int | None]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Parameter -> value with its unit, where the file says another one; and what that changes."""
    model = analysis.frame.world.slots[net]
    assert isinstance(model, Instance)
    node = model.origin.node
    assert isinstance(node, tree.Model)
    changes: dict[str, str] = {}
    notes: list[str] = []
    for param in node.params:
        value = shape.get(param.name)
        here = model.frame.own(param.name)
        if not isinstance(here, Quantity):
            continue  # the runner takes one format: a model file of another one is refused
        if value is None:
            notes.append(
                f"the model file says nothing of `{param.name}`: the analysis' value is kept"
            )
            continue
        stated = analysis.frame.context.graph.number(here.node)
        if stated != value:
            changes[param.name] = f"{value} {here.tag}".rstrip()
            said = "" if stated is None else f" ({stated:g} in the analysis)"
            notes.append(f"`{param.name}` is {value:,} as in the model file{said}")
    wanted = {param.name for param in node.params}
    missing = [name for name, value in shape.items() if value is not None and name not in wanted]
    if missing:
        listed = ", ".join(missing)
        notes.append(f"`{model.name}` has no parameter for what the model file says of {listed}")
    return changes, tuple(notes)


# ------------------------------------------------------------------------------- the rewriting


def _rewritten(
    reader: Reader,
    analysis: AnalysisProgram,
    names: tuple[str, str],
    machine: _Machine,
    changes: Mapping[str, str],
) -> Reader:
    """All files of both; in the entry the machine is imported, and the defaults are replaced."""
    net, cpu = names
    defaults = _Defaults(analysis, net, cpu, _hardware(machine.name), _overlay(changes))
    entry = reader.files[""]
    imported = parse(Source("--machine", f'import "{MACHINE}" as m')).file.body[0]
    assert isinstance(imported, tree.Import)
    body = (*map(defaults.put, entry.parsed.file.body), replace(imported, name=MACHINE))
    parsed = entry.parsed._replace(file=replace(entry.parsed.file, body=body))
    imports = {**entry.imports, MACHINE: machine.key}
    return replace(reader, files={
        **_files(machine), **reader.files, "": replace(entry, parsed=parsed, imports=imports),
    })  # fmt: skip


def _files(machine: _Machine) -> dict[str, Loaded]:
    """The machine's file under the name by which others would import it, and what it imports."""
    entry = replace(machine.reader.files[""], key=machine.key)
    return {machine.key: entry} | {k: v for k, v in machine.reader.files.items() if k}


def _hardware(name: str) -> tree.Expr:
    """What stands for the machine: a field of its file's name."""
    found = _expression(Source("--machine", f"let value = m.{name}"))
    assert isinstance(found, tree.Field)
    assert isinstance(found.base, tree.Name)
    return replace(found, base=replace(found.base, id=MACHINE))


def _overlay(changes: Mapping[str, str]) -> tree.With | None:
    """`... with { layers = 24 layer }`, its base to be filled in; None where nothing changes."""
    if not changes:
        return None
    fields = "; ".join(f"{name} = {value}" for name, value in changes.items())
    found = _expression(Source("--model", f"let value = net with {{ {fields} }}"))
    assert isinstance(found, tree.With)
    return found


def _expression(source: Source) -> tree.Expr:
    statement = parse(source).file.body[0]
    assert isinstance(statement, tree.Let)
    return statement.value


@dataclass(frozen=True, slots=True, eq=False)
class _Defaults:
    """What the parameters of the analysis stand for from now on."""

    analysis: AnalysisProgram
    net: str
    cpu: str
    hardware: tree.Expr
    overlay: tree.With | None

    def put(self, statement: tree.Statement) -> tree.Statement:
        """The analysis with its parameters replaced; a scenario of its hardware changes ours."""
        if isinstance(statement, tree.Analysis) and statement.name == self.analysis.name:
            return replace(statement, params=tuple(map(self._of_analysis, statement.params)))
        if isinstance(statement, tree.Scenario):
            return replace(statement, params=tuple(map(self._of_scenario, statement.params)))
        return statement

    def _of_analysis(self, param: tree.Param) -> tree.Param:
        if param.name == self.cpu:
            return replace(param, default=self.hardware)
        if param.name == self.net and self.overlay is not None and param.default is not None:
            return replace(param, default=replace(self.overlay, base=param.default))
        return param

    def _of_scenario(self, param: tree.Param) -> tree.Param:
        if param.default is None:
            return param
        frame = self.analysis.frame
        meant = frame.context.evaluate(param.default, frame.module.top())
        old = frame.world.slots[self.cpu]
        assert isinstance(old, Instance)
        same = isinstance(meant, Instance) and meant.origin.node is old.origin.node
        return replace(param, default=self.hardware) if same else param
