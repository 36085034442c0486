"""Instances: a hardware, model, workload or format with its fields, and the same with changes."""

from __future__ import annotations

from collections.abc import Mapping

from perfdsl.diagnostics import Label, Span
from perfdsl.semantics.arithmetic import shown
from perfdsl.semantics.dimensions import PURE, WORK, base
from perfdsl.semantics.params import (
    bind,
    binding_of,
    is_link,
    is_named,
    link_name,
    named,
    param_type,
)
from perfdsl.semantics.places import belongs, misplaced, wrong_word
from perfdsl.semantics.plain import seen_of_world
from perfdsl.semantics.possible import possible
from perfdsl.semantics.scope import Binding, Frame, World
from perfdsl.semantics.tables import bind_table
from perfdsl.semantics.templates import templated
from perfdsl.semantics.types import Type, require
from perfdsl.semantics.values import (
    POISON,
    Applied,
    Declared,
    FunctionValue,
    Instance,
    Key,
    Kind,
    ModuleValue,
    Quantity,
    Record,
    Sequence,
    Value,
    describe,
    exact,
)
from perfdsl.syntax import tree

S, BYTE, CORE, DEVICE, TOKEN, CYCLE = map(base, ("s", "B", "core", "device", "token", "cycle"))
RATIO = Type("Quantity", PURE, text="a ratio")
RATE = Type("Quantity", BYTE / S)
TIME = Type("Quantity", S)

# What the fields of a block must be, where the language itself reads them.
EXPECTED: dict[str, dict[str, Type]] = {
    "hardware": {
        "cores": Type("Quantity", CORE),
        "devices": Type("Quantity", DEVICE),
        "clock": Type("Quantity", CYCLE / S),
    },
    "port": {"efficiency": RATIO},
    "cache": {
        "size": Type("Quantity", BYTE),
        "bandwidth": RATE,
        "latency": TIME,
        "efficiency": RATIO,
        "shared": Type("Quantity", CORE),
    },
    "memory": {
        "size": Type("Quantity", BYTE),
        "bandwidth": RATE,
        "latency": TIME,
        "efficiency": RATIO,
    },
    "link": {"bandwidth": RATE, "latency": TIME, "efficiency": RATIO},
    "workload": {
        "tokens": Type("Quantity", TOKEN),
        "batch": Type("Quantity", PURE, "sequence"),
        "context": Type("Quantity", TOKEN),
        "rows": RATIO,
    },
    "format": {"block": RATIO, "bytes": Type("Quantity", BYTE)},
    "operator": {"input": RATIO, "output": RATIO},
}


def value_key(value: Value) -> object:
    """Equal for values that mean the same: instances by what they are made of."""
    match value:
        case Quantity():
            return ("quantity", value.node, value.dim, value.tag, value.kinds)
        case Instance():
            return ("instance", id(value.origin.node), value.block, value.key)
        case Declared() | Record() | ModuleValue():
            return id(value)
        case _:
            return value


def instantiate(
    origin: Declared,
    given: Mapping[str, Value] | None = None,
    changes: Mapping[tuple[str, ...], Value] | None = None,
    world: World | None = None,
) -> Instance:
    """The instance of a declaration; the same one for the same arguments, changes and world."""
    given, changes = given or {}, changes or {}
    key = Key(
        tuple((name, value_key(value)) for name, value in sorted(given.items())),
        tuple((path, value_key(value)) for path, value in sorted(changes.items())),
    )
    home = origin.module.top()
    cache = ("instance", id(origin.node), key, id(world))
    known = home.context.instances.get(cache)
    if isinstance(known, Instance):
        return known
    node = origin.node
    assert isinstance(node, tree.Declaration)
    sort = node.word
    frame = Frame(home.context, origin.module, world or home.world, home, node.name, sort)
    made = Instance(sort, node.name, origin, frame, given, changes, key)
    home.context.instances[cache] = made
    if isinstance(node, tree.Parametrised):
        _parameters(node.params, given, frame)
    if sort == "workload":
        _defaults(frame)
    _fields(node.body, made, frame)
    frame.values.update({path[0]: value for path, value in changes.items() if len(path) == 1})
    return made


def under(instance: Instance, world: World) -> Instance:
    """The same instance, its definitions read under a world."""
    return instantiate(instance.origin, instance.given, instance.changes, world)


def _parameters(params: tuple[tree.Param, ...], given: Mapping[str, Value], frame: Frame) -> None:
    for param in params:
        if param.name in frame.bindings or param.name in frame.values:
            frame.context.report("P102", f"two parameters are called `{param.name}`", param.span)
        elif param.name in given:
            frame.values[param.name] = given[param.name]
        elif is_named(param) and isinstance(param.default, tree.Name):
            frame.values[param.name] = named(param, param.default.id, frame.parent or frame)
        elif is_link(param) and param.default is not None:
            frame.values[param.name] = link_name(param.default, frame.parent or frame)
        elif param.default is not None:
            frame.bindings[param.name] = binding_of(param.name, param, param.default)
        else:
            frame.values[param.name] = abstract(param, frame)


def abstract(param: tree.Param, frame: Frame) -> Value:
    """A stand-in for a parameter without a value: enough to check what is done with it."""
    wanted = param_type(param, frame)
    if wanted is None:
        return POISON
    return frame.context.functions["abstract"](wanted, param, frame)


def _defaults(frame: Frame) -> None:
    """The fields that the library gives every workload."""
    standard = frame.context.prelude.get("standard")
    if isinstance(standard, Instance):
        frame.bindings.update(standard.frame.bindings)


def _fields(body: tuple[tree.Statement, ...], made: Instance, frame: Frame) -> None:
    """Bind what a body defines; statements that do not belong are reported."""
    first: dict[str, Span] = {}
    for statement in body:
        match statement:
            case tree.Assign(path=(name,)):
                _define(name, statement, statement.value, first, made, frame)
            case tree.Let(name=name):
                _define(name, statement, statement.value, first, made, frame)
            case tree.Shared(by=by) if made.sort == "cache":
                if by is not None:
                    holder = tree.Assign(
                        ("shared",), None, None, by, statement.notes, span=statement.span
                    )
                    _define("shared", holder, by, first, made, frame)
                else:
                    frame.values["private"] = Sequence(())
            case tree.Serves(kinds=kinds) if made.sort == "port":
                frame.values["serves"] = Sequence(tuple(Kind(k) for k in kinds), "list of kinds")
            case tree.Block() if made.sort == "hardware":
                _block(statement, first, made, frame)
            case tree.Function() if made.sort in {"hardware", "model", "workload"}:
                from_function(statement, frame)
            case tree.Table() if made.sort == "hardware":
                bind_table(statement, frame)
            case _ if belongs(statement, made.sort):
                pass
            case _:
                misplaced(statement, made.sort, frame)


def twice(params: tuple[tree.Param, ...], frame: Frame) -> None:
    """Report parameters of one name."""
    names: set[str] = set()
    for param in params:
        if param.name in names:
            title = f"two parameters are called `{param.name}`"
            frame.context.report("P102", title, param.span)
        names.add(param.name)


def from_function(statement: tree.Function, frame: Frame) -> None:
    """Bind a function of a block."""
    head = statement.span
    twice(statement.params, frame)
    frame.bindings[statement.name] = Binding(
        statement.name,
        "fn",
        tree.Name(statement.name, span=head),
        head,
        head,
        make=lambda inner: FunctionValue(statement, inner),
    )


def _block(statement: tree.Block, first: dict[str, Span], made: Instance, frame: Frame) -> None:
    name = statement.name
    if not _fresh(name, statement.head, first, frame):
        return
    if statement.span in frame.context.misnamed or wrong_word(statement, frame):
        frame.values[name] = POISON
        return
    inner = {path[1:]: value for path, value in made.changes.items() if path[0] == name}
    path = f"{frame.path}.{name}"
    block_frame = Frame(frame.context, frame.module, frame.world, frame, path, "hardware")
    block = Instance(
        statement.sort, name, made.origin, block_frame, {}, inner, made.key, made, name
    )
    frame.values[name] = block
    _fields(statement.body, block, block_frame)
    if "efficiency" not in block_frame.bindings and ("efficiency",) not in inner:
        block_frame.values["efficiency"] = Quantity(frame.context.graph.const(1.0))
    for path_, value in inner.items():
        if len(path_) == 1:
            block_frame.values[path_[0]] = value


def _fresh(name: str, span: Span, first: dict[str, Span], frame: Frame) -> bool:
    if name in first:
        why = (Label(first[name], "the first one"),)
        frame.context.report("P102", f"`{name}` is defined twice", span, why=why)
        return False
    first[name] = span
    return True


def _define(
    name: str,
    node: tree.Let | tree.Assign,
    expr: tree.Expr,
    first: dict[str, Span],
    made: Instance,
    frame: Frame,
) -> None:
    if not _fresh(name, node.span, first, frame):
        return
    frame.bindings[name] = binding_of(name, node, expr, lambda v, f, b: _checked(v, f, b, made))


def _checked(value: Value, frame: Frame, binding: Binding, made: Instance) -> Value:
    """A field held against what the language expects of its name."""
    expr = frame.context.overrides.get(binding.span, binding.expr)
    what = f"`{binding.name}` of a {made.sort}"
    if made.sort == "port" and binding.name == "peak" and isinstance(value, Quantity):
        value = _peak(value, expr.span, frame)
    elif not (made.sort == "link" and binding.name == "bandwidth" and _of_each_device(value)):
        wanted = EXPECTED.get(made.sort, {}).get(binding.name)
        value = require(value, wanted, expr.span, frame, what)
    return possible(value, made.sort, binding.name, expr.span, frame)


def _of_each_device(value: Value) -> bool:
    """A rate of each device: what each sends is then in B/device."""
    return isinstance(value, Quantity) and value.dim == BYTE / S / DEVICE


def _peak(value: Quantity, span: Span, frame: Frame) -> Value:
    serves = frame.values.get("serves")
    kinds = None
    if isinstance(serves, Sequence):
        kinds = frozenset(item.name for item in serves.items if isinstance(item, Kind))
    for unit in WORK:
        if value.dim == base(unit) / S:
            return Quantity(value.node, value.dim, "", kinds, False, value.term)
    for part, many in ((CORE, "cores"), (DEVICE, "devices")):
        total = value.dimension * part
        if any(total == base(unit) / S for unit in WORK):
            title = f"`peak` is the total of the port, and this is the value of one {part}"
            note = (f"expected {total}, found {value.dimension}",)
            help_ = f"multiply by `{many}`"
            return frame.context.report("P207", title, span, shown(value), notes=note, help_=help_)
    title = "`peak` of a port is work per second"
    notes = (f"expected op/s, MAC/s or FLOP/s, found {value.dimension}",)
    return frame.context.report("P202", title, span, shown(value), notes=notes)


# ------------------------------------------------------------------------------------- applying


def call_declared(
    func: Declared | Instance, args: tuple[tree.Argument, ...], span: Span, frame: Frame
) -> Value:
    """A model, workload or operator with arguments."""
    origin = func.origin if isinstance(func, Instance) else func
    node = origin.node
    if not isinstance(node, tree.Model | tree.Workload | tree.Operator | tree.Scenario):
        return frame.context.report("P302", f"{describe(func)} takes no arguments", span)
    home = declared_frame(origin)
    values = bind(node.params, args, span, frame, home, f"`{node.name}`")
    if values is None:
        return POISON
    if isinstance(node, tree.Operator):
        return applied(origin, values, span, frame)
    return instantiate(origin, values)


def applied(origin: Declared, given: Mapping[str, Value], span: Span, frame: Frame) -> Value:
    """An operator with its arguments, under the workload in force."""
    node = origin.node
    assert isinstance(node, tree.Operator)
    if any(working is node for working in frame.context.working):
        why = (Label(node.head, "the operator"),)
        title = f"the operator `{node.name}` is made of itself"
        return frame.context.report("P401", title, span, why=why)
    known = tuple((name, exact(value)) for name, value in given.items())
    sight = seen_of_world(node, origin.module.top(), frame)
    key = ("applied", id(node), sight, known)

    def make(values: Mapping[str, Value]) -> Applied:
        return _applied(origin, node, values, span, frame)

    return frame.context.remembered(key, lambda: templated(origin, given, sight, frame, make))


def _applied(
    origin: Declared, node: tree.Operator, given: Mapping[str, Value], span: Span, frame: Frame
) -> Applied:
    home = origin.module.top()
    inner = Frame(frame.context, origin.module, frame.world, home, node.name, "operator")
    bind_load(inner)
    _parameters(node.params, given, inner)
    made = Instance("operator", node.name, origin, inner, given, {}, Key())
    _fields(node.body, made, inner)
    frame.context.applying.append(span)
    frame.context.working.append(node)
    for name in list(inner.bindings):
        inner.own(name)
    frame.context.working.pop()
    frame.context.applying.pop()
    return Applied(node.name, origin, inner)


def bind_load(frame: Frame) -> None:
    """`load` inside an operator or model is the workload in force."""
    load = frame.world.load
    if load is not None and "load" not in frame.values:
        frame.values["load"] = load
        frame.slots["load"] = {frame.world.load_slot}


def declared_frame(origin: Declared) -> Frame:
    """The frame in which the parameters of a declaration are typed: its own, without arguments."""
    home = origin.module.top()
    cache = ("declared", id(origin.node))
    known = home.context.frames.get(cache)
    if known is not None:
        return known
    node = origin.node
    assert isinstance(node, tree.Parametrised)
    frame = Frame(home.context, origin.module, home.world, home, node.name, node.word)
    home.context.frames[cache] = frame
    for param in node.params:
        if param.default is not None:
            frame.bindings[param.name] = binding_of(param.name, param, param.default)
    return frame
