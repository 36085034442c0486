"""Declarations checked on their own, used or not: with stand-ins for what they are not given."""

from __future__ import annotations

from perfdsl.semantics.access import LEVELS, MOVERS, head_of
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.fields import applied, bind_load, instantiate, twice
from perfdsl.semantics.laws import Open
from perfdsl.semantics.links import carries
from perfdsl.semantics.operators import abstract, applied_step
from perfdsl.semantics.params import is_link, is_named, param_type, returned
from perfdsl.semantics.quantities import as_quantity
from perfdsl.semantics.reindex import changed_by, lineage
from perfdsl.semantics.scope import Frame, Module, World, parts
from perfdsl.semantics.sends import MESSAGES, RECEIVED, SENT
from perfdsl.semantics.times import ruled
from perfdsl.semantics.types import require
from perfdsl.semantics.values import (
    POISON,
    Applied,
    Declared,
    FunctionValue,
    Instance,
    Quantity,
    Record,
    Sequence,
    Value,
    Words,
)
from perfdsl.syntax import tree

S, BYTE = base("s"), base("B")


def check_alone(module: Module, modules: dict[str, Module], waiting: list[Instance]) -> None:
    """Every declaration of a file, whether or not an analysis reaches it.

    waiting: takes the models, whose operators are not read yet: an analysis may do that.
    """
    frame = module.top()
    for name in list(frame.bindings):
        frame.own(name)
    world = World(load=_any_load(modules))
    for statement in module.file.body:
        if statement.span in frame.context.misnamed:
            continue
        match statement:
            case tree.Operator():
                _operator(statement, module, world)
            case tree.Model():
                waiting.append(_model(statement, module, world))
            case tree.Hardware() | tree.Workload() | tree.Format():
                _instance(instantiate(Declared(statement, module)))
            case tree.Scenario():
                _scenario(statement, module)
            case tree.Policy():
                _policy(statement, module, modules)
            case tree.Function():
                check_function(statement, frame)
            case _:
                pass


def _any_load(modules: dict[str, Module]) -> Value | None:
    """A workload with every field that any workload of the program has."""
    fields: dict[str, Value] = {}
    misnamed = next(iter(modules.values())).top().context.misnamed
    for module in modules.values():
        for statement in module.file.body:
            if isinstance(statement, tree.Workload) and statement.span not in misnamed:
                made = instantiate(Declared(statement, module))
                for name in (*made.frame.bindings, *made.frame.values):
                    value = made.frame.own(name)
                    if value is not None:
                        fields[name] = value
    return Record("the workload in force", fields)


def _operator(statement: tree.Operator, module: Module, world: World) -> None:
    frame = _under(module, world)
    value = applied(Declared(statement, module), {}, statement.head, frame)
    if not isinstance(value, Applied):
        return
    for name in list(value.frame.bindings):
        value.frame.own(name)
    applied_step(value, "", frame)


def _model(statement: tree.Model, module: Module, world: World) -> Instance:
    made = instantiate(Declared(statement, module), world=world)
    bind_load(made.frame)
    _instance(made)
    return made


def _under(module: Module, world: World) -> Frame:
    top = module.top()
    return Frame(top.context, module, world, top, "", "analysis")


def _instance(made: Instance) -> None:
    """Every field of an instance, blocks included; a level's time rule with stand-in bytes."""
    frame = made.frame
    for name in list(frame.bindings):
        if name == "time" and made.sort in MOVERS:
            _time_rule(made)
        else:
            frame.own(name)
    for value in list(frame.values.values()):
        if isinstance(value, Instance) and value.parent is made:
            _instance(value)
    _needed_fields(made)


# What a block must say (one of the names), and how it might.
REQUIRED = {
    "port": ((("peak",), "cores * clock * 16 FLOP/(cycle*core)"),),
    "memory": ((("bandwidth", "time"), "60 GB/s"),),
    "link": ((("bandwidth", "time"), "50 GB/s"),),
    "cache": ((("size",), "32 MiB"),),
    "format": ((("block",), "32"), (("bytes",), "34 B")),
}


def _needed_fields(made: Instance) -> None:
    if made.frame.context.has_gaps(made.origin.node.span):
        return
    for names, example in REQUIRED.get(made.sort, ()):
        _needed(made, names, example)


def _needed(made: Instance, names: tuple[str, ...], example: str) -> None:
    frame = made.frame
    if any(n in frame.bindings or n in frame.values for n in names):
        return
    title = f"the {made.sort} `{made.name}` has no `{names[0]}`"
    help_ = f"write `{names[0]} = {example}`"
    frame.context.report("P406", title, head_of(made), help_=help_, missing=names[0])


def _time_rule(made: Instance) -> None:
    frame, rule = made.frame, made.frame.bindings["time"]
    one = frame.context.graph.const(1.0)
    names: dict[str, Value] = {name: Quantity(one, BYTE) for name in ("read", "write", "bytes")}
    if made.sort == "link":
        names = {name: Quantity(one, carries(made)) for name in (SENT, RECEIVED, "bytes")}
        names[MESSAGES] = Quantity(one)
    ruled(made, rule, names, frame)


def _scenario(statement: tree.Scenario, module: Module) -> None:
    """Each change, made to what the scenario names as its parameter."""
    frame = module.top()
    twice(statement.params, frame)
    lineage(Declared(statement, module), frame)
    params = {param.name: param for param in statement.params}
    for change in statement.body:
        if not isinstance(change, tree.Assign) or len(change.path) < 2:
            continue
        param = params.get(change.path[0])
        if param is None:
            title = f"`{change.path[0]}` is not a parameter of the scenario"
            frame.context.report("P101", title, change.span)
            continue
        pattern = evaluate(param.default, frame) if param.default is not None else POISON
        if isinstance(pattern, Instance):
            changed_by(pattern, param.name, change, frame)


def _policy(statement: tree.Policy, module: Module, modules: dict[str, Module]) -> None:
    """A policy over the levels of some hardware of the program, or over one made up for it."""
    frame = module.top()
    graph = frame.context.graph
    if statement.per not in {"model", "operator"}:
        title = f"a policy is `per model` or `per operator`, not `per {statement.per}`"
        frame.context.report("P302", title, statement.span)
    time = Quantity(graph.const(1.0), S)
    levels, links = _stage(modules, statement)
    moved = Quantity(graph.const(1.0), BYTE)
    crossing: dict[str, Value] = {"read": moved, "write": moved, "bytes": moved}
    over: dict[str, Value] = {SENT: moved, RECEIVED: moved, "bytes": moved}
    over[MESSAGES] = Quantity(graph.const(1.0))
    port = Record("the port `any`", {"time": time, "name": Words("any")})
    inner = frame.local(
        compute=time,
        levels=_stand_ins(levels, "level", "dram", {**crossing, "time": time}),
        ports=Sequence((port,), "list of ports", ("any",)),
        links=_stand_ins(links, "link", "any", {**over, "time": time}),
    )
    value = as_quantity(evaluate(statement.value, inner), statement.value.span, frame)
    if value is not None and value.dim not in {S, None}:
        notes = (f"expected s, found {value.dimension}",)
        frame.context.report("P202", "a policy gives a time", statement.value.span, notes=notes)


def _stand_ins(blocks: list[Instance], word: str, some: str, fields: dict[str, Value]) -> Sequence:
    """Levels or links with stand-ins for what they move; one made up if there is none."""
    if not blocks:
        # Nobody knows which fields of one's own it would have.
        made_up = Record(f"the {word} `{some}`", Open({**fields, "name": Words(some)}, strict=True))
        return Sequence((made_up,), f"list of {word}s", (some,))
    items = tuple(
        Record(f"the {word} `{block.name}`", {**fields, "name": Words(block.name)}, instance=block)
        for block in blocks
    )
    return Sequence(items, f"list of {word}s", tuple(block.name for block in blocks))


def _stage(
    modules: dict[str, Module], policy: tree.Policy
) -> tuple[list[Instance], list[Instance]]:
    """Levels and links of the hardware that has most of what the policy names: it was written for
    that one."""
    asked = _fields_of(policy)
    found: tuple[list[Instance], list[Instance]] = ([], [])
    most = -1
    for module in modules.values():
        for value in module.top().values.values():
            if not isinstance(value, Instance) or value.sort != "hardware":
                continue
            inner = [v for v in value.frame.values.values() if isinstance(v, Instance)]
            movers = [v for v in inner if v.sort in MOVERS]
            known = sum(len({v.name, *v.frame.bindings, *v.frame.values} & asked) for v in movers)
            if movers and known > most:
                links = [v for v in movers if v.sort == "link"]
                found, most = ([v for v in movers if v.sort in LEVELS], links), known
    return found


def _fields_of(policy: tree.Policy) -> set[str]:
    """Every name that stands behind a dot in a policy."""
    found: set[str] = set()
    todo: list[tree.Node] = [policy.value]
    while todo:
        node = todo.pop()
        if isinstance(node, tree.Field):
            found.add(node.name)
        todo.extend(parts(node))
    return found


def check_function(statement: tree.Function, frame: Frame) -> None:
    """A function's body with stand-ins for its arguments."""
    values: dict[str, Value] = {}
    for param in statement.params:
        wanted = param_type(param, frame)
        values[param.name] = POISON if wanted is None else abstract(wanted, param, frame)
        if param.default is not None and not (is_named(param) or is_link(param)):
            default = evaluate(param.default, frame)
            require(default, wanted, param.default.span, frame, f"`{param.name}`", param.span)
    value = evaluate(statement.value, frame.local(**values))
    returned(value, FunctionValue(statement, frame))
