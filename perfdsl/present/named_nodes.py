"""Which nodes of an analysis have names: its definitions, what it can set, what its runs tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from perfdsl.present.latex_names import Path, path
from perfdsl.present.latex_printer import evaluated
from perfdsl.semantics.graph import Definition, Graph, Input
from perfdsl.semantics.program import AnalysisProgram, AnswerPart, FitPart, Program
from perfdsl.semantics.reindex import replaces_something
from perfdsl.semantics.scope import Frame, parts
from perfdsl.semantics.values import Quantity, Record, Value
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr

# What a run tells of the whole; each level tells the second list.
OF_A_RUN = ("time", "compute", "work", "bytes", "read", "write", "intensity")
OF_A_MEASUREMENT = ("time", "throughput")
OF_A_LEVEL = ("time", "bytes", "read", "write")
FEW_OPERATORS = 64
FEW_INDICES = 16
ROWS = "rows of "


class Named(NamedTuple):
    """A name and the quantity that it is the name of."""

    path: Path
    value: Quantity


def named_nodes(program: Program, analysis: AnalysisProgram) -> dict[int, Named]:
    """The name of each node that has one; of several the first that the analysis itself gives."""
    found: dict[int, Named] = {}
    for item in _names(program, analysis):
        if program.graph.nodes[item.value.node].op != "const":
            found.setdefault(item.value.node, item)
    return found


def _names(program: Program, analysis: AnalysisProgram) -> Iterator[Named]:
    frame = analysis.frame
    for name in frame.bindings:
        yield from _of(path(name), frame.values.get(name))
    settable = program.settable.get(analysis.name, ())
    for item in settable:
        if item.held:
            yield from _of(path(item.path), item.frame.own(item.path.rpartition(".")[2]))
    for definition in analysis.definitions:
        if isinstance(definition.value, Record):
            yield from _of_run(definition.name, definition.value)
    yield from _under_other_inputs(analysis)
    for item in settable:
        if not item.held:
            yield from _of(path(item.path), item.frame.own(item.path.rpartition(".")[2]))


def _under_other_inputs(analysis: AnalysisProgram) -> Iterator[Named]:
    """The definitions under each index that the analysis asks for: `run.time[one_core]`."""
    frame = analysis.frame
    for items in _indices(analysis):
        shown = ", ".join(f"{i.name}: {print_expr(i.value)}" if i.name else print_expr(i.value)
                          for i in items)  # fmt: skip
        for definition in analysis.definitions:
            base = tree.Name(definition.name, span=definition.span)
            value = evaluated(tree.Indexed(base, items, span=definition.span), frame)
            for each in _both(definition.name, value):
                *above, last = each.path.parts
                name = Path(f"{each.path.text}[{shown}]", (*above, shown, last))
                yield Named(name, each.value)


def _both(name: str, value: Value) -> Iterator[Named]:
    yield from _of(path(name), value)
    if isinstance(value, Record):
        yield from _of_run(name, value)


def _indices(analysis: AnalysisProgram) -> list[tuple[tree.Argument, ...]]:
    """The indices of an analysis that change its inputs, each once, short ones first."""
    found: dict[tuple[tree.Argument, ...], None] = {}
    todo: list[tree.Node] = [analysis.frame.analysis] if analysis.frame.analysis else []
    while todo:
        node = todo.pop()
        if isinstance(node, tree.Indexed) and _changes_inputs(node, analysis.frame):
            found.setdefault(node.items)
        todo += parts(node)
    return sorted(found, key=len)[:FEW_INDICES]


def _changes_inputs(node: tree.Indexed, frame: Frame) -> bool:
    """Whether an index names workloads, machines, models, scenarios or policies of the file."""
    names = [each.value for each in node.items if isinstance(each.value, tree.Name | tree.Field)]
    if len(names) < len(node.items):
        return False
    return all(replaces_something(evaluated(each, frame)) for each in names)


def _of(name: Path, value: Value | None) -> Iterator[Named]:
    if isinstance(value, Quantity):
        yield Named(name, value)


def _of_run(name: str, run: Record) -> Iterator[Named]:
    """`run.time`, `run.dram.bytes`, `run.ops["up"].time`."""
    if "throughput" in run.fields:
        for part in OF_A_MEASUREMENT:
            yield from _of_field(name, part, run.fields)
    if "compute" not in run.fields:
        return
    for part in OF_A_RUN:
        yield from _of_field(name, part, run.fields)
    for part, level in _levels(run):
        for inner in OF_A_LEVEL:
            yield from _of_field(f"{name}.{part}", inner, level.fields)
    ops = run.fields.get("ops")
    rows = ops.rows if isinstance(ops, Record) else {}
    for row, value in list(rows.items())[:FEW_OPERATORS]:
        if isinstance(value, Record):
            time = value.fields.get("time")
            if isinstance(time, Quantity):
                yield Named(Path(f'{name}.ops["{row}"].time', (name, row, "time")), time)


def _levels(run: Record) -> Iterator[tuple[str, Record]]:
    for part, value in run.fields.items():
        if part not in {*OF_A_RUN, "ops", "working_set"} and isinstance(value, Record):
            yield part, value


def _of_field(name: str, part: str, fields: Mapping[str, Value]) -> Iterator[Named]:
    value = fields.get(part)
    if isinstance(value, Record):
        value = value.default
    yield from _of(path(f"{name}.{part}"), value)


def own_name(graph: Graph, node: int) -> Path | None:
    """What an input, a doubted definition or an answer is called where it was written."""
    data = graph.nodes[node].data
    match data:
        case Input(sort="observation", name=name) if name:
            *above, last = path(name).parts
            return Path(f"{name}[observed]", (*above, "obs", last))
        case Input(sort="data", name=name) if name.startswith(ROWS):
            return Path(name, (name.removeprefix(ROWS), "rows"))
        case Input(sort="measurement", name=name):
            return Path(name, (*reversed(graph.cases[node].parts), "t_measured"))
        case Input(named=True, name=name) if name[:1].isdigit():
            return None  # a literal that is in doubt: it is told as the number that it is
        case Input(named=True, name=name) | Definition(name=name) if name:
            return path(name)
        case AnswerPart(solve=solve, part=part):
            return path(f"{solve.name}.{part}")
        case FitPart():
            return path(_of_a_fit(graph, data))
        case _:
            return None


def _of_a_fit(graph: Graph, asked: FitPart) -> str:
    """`line.start`, `line.start.error`, `line.r2`."""
    parts_ = [asked.fit.name]
    if asked.unknown >= 0:
        parts_.append(graph.nodes[asked.unknown].data.name)
    return ".".join(parts_ if asked.part == "value" else [*parts_, asked.part])


def working_sets(graph: Graph) -> dict[int, Path]:
    """What residency is decided by: the size of each working set, and the room inside a level."""
    found: dict[int, Path] = {}
    for item in graph.residencies.values():
        found.setdefault(item.size, Path(f"working set of {item.role}", (item.role, "size")))
        rooms = "+".join(item.inside)
        found.setdefault(item.room, Path(f"room in {rooms}", (",".join(item.inside), "capacity")))
    return found


def folded(graph: Graph) -> dict[int, Path]:
    """The successive values of each fold: u_1, u_2, ..."""
    found: dict[int, Path] = {}
    for steps in graph.folds.values():
        for number, node in enumerate(steps[:-1], 1):
            found.setdefault(node, Path(f"step {number} of a fold", (f"u_{number}",)))
    return found
