"""Measured: `measured(net, on: cpu)`, the time of one pass, which comes from outside.

No formula gives it. Each case, told apart by plain numbers, is one input of the graph: its value is
what was measured (`pipeline.Options.measurements`), and nan as long as nothing was.
"""

from __future__ import annotations

import math

from perfdsl.diagnostics import Label, Span
from perfdsl.semantics.cases import MeasuredCase, Subject, told
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.fields import bind_load, under
from perfdsl.semantics.graph import STAND_IN, Graph, Input
from perfdsl.semantics.quantities import as_quantity
from perfdsl.semantics.run_arguments import measured_of
from perfdsl.semantics.scope import Frame, parts
from perfdsl.semantics.text import show_number
from perfdsl.semantics.traffic import starts_cold
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import POISON, Instance, Quantity, Record, Value, Words, describe
from perfdsl.syntax import tree

S, TOKEN = base("s"), base("token")
# What is not settled while a body is tried on its own, and never outlives that.
TRIED = {"index", STAND_IN}
# What a case tells of a workload by itself, and what else any operator of the library may ask for.
OF_LOAD = ("tokens", "batch")
ASKED = {"context", "rows"}


def measured(expr: tree.Call, frame: Frame) -> Value:
    """`measured(net, on: cpu)`: the time of one pass of the load, and the throughput."""
    args = measured_of(expr, frame)
    if args is None:
        return POISON
    model, hardware = args
    frame.context.read(frame.world.load_slot)
    load = frame.world.load
    if load is None and POISON in frame.world.slots.values():
        return POISON  # what was meant as the workload has been reported
    if load is None:
        title = "a measurement also needs a workload: how many tokens go through the model"
        help_ = "give the analysis a parameter: `load = page`"
        return frame.context.report("P304", title, expr.span, help_=help_, follows=True)
    counts = _counts(load, hardware, expr.span, frame)
    if counts is None:
        return POISON
    tokens, batch, _ = counts
    graph = frame.context.graph
    tried = _tried(graph, [each.node for each in counts])
    if tried is None:
        case = _case(model, hardware, load, counts, expr.span, frame)
        node = None if case is None else _input(case, expr.span, frame)
        if node is not None:
            settling = graph.settling.setdefault(node, set())
            settling.update(each.node for each in (*counts, *_parameters(model)))
    else:
        node = graph.add("abs", (tried,))  # whatever it is, no polynomial of an index
    if node is None:
        return POISON
    total = graph.product([tokens.node, batch.node])
    fields: dict[str, Value] = {
        "time": Quantity(node, S),
        "throughput": Quantity(graph.ratio(total, node), TOKEN / S),
    }
    return Record("the measurement", fields)


def _counts(
    load: Value, hardware: Instance, span: Span, frame: Frame
) -> tuple[Quantity, Quantity, Quantity] | None:
    """Tokens, batch and cores; None: reported."""
    found = [_field(load, name, span, frame) for name in OF_LOAD]
    cores = hardware.frame.own("cores")
    if cores is None:
        node = hardware.origin.node
        assert isinstance(node, tree.Declaration)
        title = f"`{hardware.name}` does not say how many cores a measurement of it uses"
        why = (Label(node.head, "the hardware"),)
        if not frame.context.has_gaps(node.span):
            frame.context.report("P406", title, span, why=why, help_="write `cores = 2 core` there")
        return None
    found.append(None if cores == POISON else as_quantity(cores, span, frame))
    tokens, batch, many = found
    return None if tokens is None or batch is None or many is None else (tokens, batch, many)


def _field(load: Value, name: str, span: Span, frame: Frame) -> Quantity | None:
    """A field of the workload in force, or of the stand-in for any."""
    value = load.frame.own(name) if isinstance(load, Instance) else None
    if isinstance(load, Record):
        value = load.fields.get(name)
    return None if value is None or value == POISON else as_quantity(value, span, frame)


def _tried(graph: Graph, nodes: list[int]) -> int | None:
    """The node that rests on an index or stand-in, for which there is no number yet."""
    for node in nodes:
        if any(source.sort in TRIED for source in graph.inputs([node])):
            return node
    return None


# ---------------------------------------------------------------------------------- the case


def _case(
    model: Instance,
    hardware: Instance,
    load: Value,
    counts: tuple[Quantity, Quantity, Quantity],
    span: Span,
    frame: Frame,
) -> MeasuredCase | None:
    """What would be measured, in plain numbers; None: reported."""
    named = load if isinstance(load, Instance) else None
    name = named.name if named is not None else "the workload"
    owners = ((name, "tokens", named), (name, "batch", named), (hardware.name, "cores", hardware))
    numbers = []
    for value, (owner, field, instance) in zip(counts, owners, strict=True):
        number = _number(value, frame.context.graph)
        if not isinstance(number, str) and not _is_count(number):
            shown = show_number(number, value.dimension)
            number = f"is {shown}, and what is measured has a whole number"
        if isinstance(number, str):
            _unsettled(f"`{field}` of `{owner}` {number}", field, instance, span, frame)
            return None
        numbers.append(int(number))
    subject = _subject(model, span, frame)
    others = () if named is None else _others(named, span, frame)
    if subject is None or others is None:
        return None
    machine = Subject(hardware.name, hardware.origin.module.name, (), hardware.name)
    tokens, batch, cores = numbers
    return MeasuredCase(subject, machine, tokens, batch, cores, starts_cold(load), others)


def _is_count(number: float) -> bool:
    return 1 <= number < 2**53 and number == int(number)


def _unsettled(reason: str, field: str, owner: Instance | None, span: Span, frame: Frame) -> None:
    """Report that there is no one case to measure."""
    binding = owner.frame.bindings.get(field) if owner is not None else None
    why = (Label(binding.span, "written here"),) if binding is not None else ()
    notes = ("a measurement is of one model, and of so many tokens, texts and cores",)
    settled = "read it under a workload or scenario that says how many: `run.time[page, one_core]`"
    of_model = owner is not None and owner.sort == "model"
    help_ = "give the model a number, or measure it as it is declared" if of_model else settled
    title = f"there is no one case to measure: {reason}"
    frame.context.report("P512", title, span, why=why, notes=notes, help_=help_)


def _number(value: Quantity, graph: Graph) -> float | str:
    """A plain number, or why it is none."""
    for node in graph.vague(value.node):
        source = graph.nodes[node].data
        if not isinstance(source, Input):
            return "rests on an answer that is still to be found"
        if source.sort == "unknown":
            return f"rests on the unknown `{source.name}`"
        if source.sort == "measurement":
            return "rests on a measurement itself"
        if node == value.node:
            low, high = (show_number(end, source.dim) for end in (source.low, source.high))
            return f"may be {low} .. {high}"
        return f"rests on {f'`{source.name}`' if source.named else 'a number'}, which is uncertain"
    number = graph.number(value.node)
    return "has no value" if number is None or not math.isfinite(number) else number


def _others(load: Instance, span: Span, frame: Frame) -> tuple[tuple[str, float | str], ...] | None:
    """Further fields that a model may ask for, and that are not what they are by default.

    What only feeds others, such as a parameter, makes no other case. None: reported.
    """
    graph = frame.context.graph
    home = load.frame
    own = {*home.bindings, *home.values} - {*OF_LOAD, *ASKED, "start"}
    asked = ASKED | (own & _asked_of_loads(frame) if own else own)
    values = {name: home.own(name) for name in (*OF_LOAD, *asked)}
    tokens, batch = values["tokens"], values["batch"]
    assert isinstance(tokens, Quantity)
    assert isinstance(batch, Quantity)
    by_default = {"context": tokens.node, "rows": graph.product([batch.node, tokens.node])}
    found: list[tuple[str, float | str]] = []
    for name, value in sorted(values.items()):
        if isinstance(value, Words):
            found.append((name, value.text))
        if name in OF_LOAD or not isinstance(value, Quantity):
            continue
        number = _number(value, graph)
        if isinstance(number, str):
            reason = f"`{name}` of `{load.name}` {number}"
            _unsettled(reason, name, load, span, frame)
            return None
        if name not in by_default or number != graph.number(by_default[name]):
            found.append((name, number))
    return tuple(found)


def _asked_of_loads(frame: Frame) -> set[str]:
    """The fields that models, operators and functions of the files ask their workload for."""
    context = frame.context
    if context.asked_of_loads is None:
        asking = (tree.Model, tree.Operator, tree.Function)
        todo: list[tree.Node] = [s for f in context.files for s in f.body if isinstance(s, asking)]
        context.asked_of_loads = set()
        while todo:
            node = todo.pop()
            match node:
                case tree.Field(base=tree.Name(id="load"), name=name):
                    context.asked_of_loads.add(name)
                case _:
                    todo.extend(parts(node))
    return context.asked_of_loads


def _subject(model: Instance, span: Span, frame: Frame) -> Subject | None:
    """Which model it is: its name, and all its parameters as they are; None: reported."""
    made = under(model, frame.world)
    bind_load(made.frame)
    node = made.origin.node
    assert isinstance(node, tree.Model)
    values: dict[str, Value | None] = {p.name: made.frame.own(p.name) for p in node.params}
    values |= {".".join(path): value for path, value in made.changes.items()}
    graph = frame.context.graph
    values_: dict[str, float | str] = {}
    for name, value in sorted(values.items()):
        if value is None or value == POISON:
            return None
        values_[name] = _told(value, graph)
        if isinstance(value, Quantity) and isinstance(values_[name], str):
            reason = f"`{name}` of `{model.name}` {values_[name]}"
            _unsettled(reason, name, model, span, frame)
            return None
    given = {".".join(path) for path in made.changes} | made.given.keys()
    shown = [f"{name}: {told(values_[name])}" for name in values_ if name in given]
    name = f"{model.name}({', '.join(shown)})" if shown else model.name
    return Subject(model.name, model.origin.module.name, tuple(values_.items()), name)


def _parameters(model: Instance) -> list[Quantity]:
    """The numbers that say which model it is."""
    node = model.origin.node
    assert isinstance(node, tree.Model)
    values = [*(model.frame.own(param.name) for param in node.params), *model.changes.values()]
    return [value for value in values if isinstance(value, Quantity)]


def _told(value: Value, graph: Graph) -> float | str:
    """A parameter of a model in a case: a number at its best, or what it is called."""
    match value:
        case Quantity(node=node):
            number = graph.number(node)
            unsettled = number is None or not math.isfinite(number)
            return _number(value, graph) if unsettled or number is None else number
        case Instance(name=name, given=given, changes=changes):
            made = {**given, **{".".join(path): each for path, each in changes.items()}}
            inside = [f"{part}: {told(_told(each, graph))}" for part, each in made.items()]
            return f"{name}({', '.join(inside)})" if inside else name
        case _:
            return describe(value)


def _input(case: MeasuredCase, span: Span, frame: Frame) -> int:
    """The input of a case, one for all readings of it, with what was measured."""
    context = frame.context
    key = ("measured", case)
    node = context.inputs.get(key)
    if node is None:
        known = context.measurements.get(case)
        nan = float("nan")
        best, low, high = (known.best, known.low, known.high) if known else (nan, 0.0, math.inf)
        item = Input(
            f"measured({case.shown})", float(best), float(low), float(high), S, Unit("", 1.0, S),
            span, "measurement", named=True, provenance="measured",
        )  # fmt: skip
        node = context.inputs[key] = context.graph.add("input", (), item)
        context.graph.cases[node] = case
    return node
