"""Access: what `value.name` is: a field as written or changed, or one that is computed."""

from __future__ import annotations

from perfdsl.diagnostics import Edit, Fix, Label, Span, did_you_mean
from perfdsl.records import replace
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.program import FitPart
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import (
    POISON,
    Applied,
    Data,
    Declared,
    Instance,
    ModuleValue,
    Quantity,
    Record,
    Row,
    Sequence,
    Value,
    describe,
)
from perfdsl.syntax import tree

BYTE, CORE = base("B"), base("core")
LEVELS = {"cache", "memory"}
# What a level has by its size and the cores that share it.
DERIVED = ("capacity", "share")
# What moves bytes: what a policy runs over.
MOVERS = {*LEVELS, "link"}
# What an instance must say; that it does not is reported where it is written.
NEEDED = {"port": ("peak",), "cache": ("size",), "format": ("block", "bytes")}


def read_field(value: Value, name: str, span: Span, frame: Frame) -> Value:
    """`value.name`."""
    match value:
        case ModuleValue(module=module):
            top = module.top()
            found = top.own(name)
            if found is None and name in module.doubtful:
                return POISON
            names = [*top.bindings, *top.values]
            return found or _missing(f"`{module.name}`", name, span, names, frame)
        case Instance():
            return instance_field(value, name, span, frame)
        case Sequence(items=items, names=known) if name in known:
            return items[known.index(name)]
        case Sequence(what=what, names=known) if known:
            return _missing(f"the {what}", name, span, list(known), frame)
        case Record(fields=fields):
            if name in fields:
                return fields[name]
            if name in value.rows:
                return value.rows[name]
            if value.instance is not None:
                if value.instance.sort in MOVERS and not _has(value.instance, name):
                    return _level_lacks(value.instance, name, span, frame)
                return instance_field(value.instance, name, span, frame)
            return _missing(value.what, name, span, [*fields, *value.rows], frame)
        case Row(cells=cells):
            if name in cells:
                return cells[name]
            return _missing(f"the data `{value.data}`", name, span, list(cells), frame)
        case Data():
            return _column(value, name, span, frame)
        case Quantity(node=node) if (error := _error_of(node, name, frame)) is not None:
            return Quantity(error, value.dim, value.tag)
        case Applied():
            record = frame.context.functions["applied"](value, frame)
            return read_field(record, name, span, frame)
        case Declared(node=node) if isinstance(node, tree.Parametrised) and node.word != "operator":
            missing = ", ".join(p.name for p in node.params if p.default is None)
            title = f"{describe(value)} needs arguments before it has fields"
            help_ = f"write `{node.name}({missing}: ...)`"
            return frame.context.report("P304", title, span, help_=help_)
        case _ if value == POISON:
            return POISON
        case Sequence() if name in frame.context.doubtful:
            return POISON
        case _:
            title = f"{describe(value)} has no field `{name}`"
            return frame.context.report("P106", title, span)


def _error_of(node: int, name: str, frame: Frame) -> int | None:
    """The standard error of a fitted value; None for any other field or value."""
    graph = frame.context.graph
    part = graph.nodes[node].data
    if name != "error" or not isinstance(part, FitPart) or part.part != "value":
        return None
    return graph.add("answer", part.fit.roots, replace(part, part="error"))


def _column(data: Data, name: str, span: Span, frame: Frame) -> Value:
    """A column as a whole is no value; what was probably meant is said."""
    if name not in data.columns:
        return _missing(f"the data `{data.name}`", name, span, list(data.columns), frame)
    first = f'"{data.rows[0].label}"' if data.labelled else "1"
    title = f"`{data.name}.{name}` is a whole column: a value stands in each row"
    help_ = f"write `sum(r.{name} for r in {data.name})`, or one row: `{data.name}[{first}].{name}`"
    return frame.context.report("P302", title, span, help_=help_)


def _missing(what: str, name: str, span: Span, names: list[str], frame: Frame) -> Value:
    if name in frame.context.doubtful:
        return POISON
    near = did_you_mean(name, names)
    place = Span(span.source, span.end - len(name), span.end)
    if place.text != name:
        place = span
    fix = Fix(f"write `{near}`", (Edit(place, near),), safe=True) if near else None
    shown_names = ", ".join(dict.fromkeys(n for n in names if not n.startswith("_")))
    help_ = f"did you mean `{near}`?" if near else f"there are: {shown_names}" if names else ""
    title = f"{what} has no `{name}`"
    return frame.context.report("P106", title, place, help_=help_, fix=fix, missing=name)


def _has(instance: Instance, name: str) -> bool:
    home = instance.frame
    return name in home.bindings or name in home.values or name in DERIVED


def _level_lacks(level: Instance, name: str, span: Span, frame: Frame) -> Value:
    """A policy asks each level for a field of one's own, and this one has not got it.

    Where other levels have it, the level is the place to edit; else the word is.
    """
    policies = (s for s in frame.module.file.body if isinstance(s, tree.Policy))
    asking = next((p for p in policies if p.span.start <= span.start <= p.span.end), None)
    if asking is None or level.parent is None or frame.context.has_gaps(level.origin.node.span):
        return instance_field(level, name, span, frame)
    key = ("field of a level", name, id(asking), id(level.parent.origin.node))
    if key in frame.context.seen:
        return POISON
    frame.context.seen.add(key)
    place = Span(span.source, span.end - len(name), span.end)
    what = f"the {level.sort} `{level.name}` of `{level.parent.name}`"
    blocks = level.parent.frame.values.values()
    others = [b for b in blocks if isinstance(b, Instance) and b.sort in MOVERS and _has(b, name)]
    if not others:
        return _missing(what, name, span, [*level.frame.bindings, *level.frame.values], frame)
    why = (Label(place, f"the policy `{asking.name}` asks each level for it"),)
    given = others[0].frame.bindings.get(name)
    example = given.expr.span.text if given is not None else "..."
    help_ = f"write `{name} = {example}` there, as in `{others[0].name}`"
    title = f"{what} has no `{name}`"
    return frame.context.report("P106", title, head_of(level), why=why, help_=help_)


def instance_field(instance: Instance, name: str, span: Span, frame: Frame) -> Value:
    """A field of an instance: as written, as changed, or one that the language computes."""
    home = instance.frame
    if instance.sort in MOVERS and name == "time" and "time" in home.bindings:
        title = "the time of a level depends on what is moved: ask a run for it"
        help_ = "`predict(...).NAME.time`"
        if frame.sort == "hardware":
            help_ = "a level's time is made of its own bytes and fields; a policy adds times up"
        return frame.context.report("P106", title, span, help_=help_)
    found = home.own(name)
    if found is not None:
        return found
    derived = _derived(instance, name, frame)
    if derived is not None:
        return derived
    if name in NEEDED.get(instance.sort, ()) and not instance.origin.module.name.startswith("std/"):
        return POISON  # Reported where the instance is written.
    if frame.context.has_gaps(instance.origin.node.span):
        return POISON
    if name in DERIVED and instance.sort in LEVELS:
        title = f"the {instance.sort} `{instance.name}` has no `size`, and so no `{name}`"
        why = (Label(span, "asked for here"),)
        return frame.context.report("P406", title, head_of(instance), why=why)
    names = [*home.bindings, *home.values, *(DERIVED if "size" in home.bindings else ())]
    return _missing(f"the {instance.sort} `{instance.name}`", name, span, names, frame)


def _derived(instance: Instance, name: str, frame: Frame) -> Value | None:
    match instance.sort, name:
        case (("cache" | "memory"), "capacity"):
            return capacity(instance)
        case (("cache" | "memory"), "share"):
            return share(instance)
        case "format", "value":
            size, block = instance.frame.own("bytes"), instance.frame.own("block")
            if isinstance(size, Quantity) and isinstance(block, Quantity):
                node = frame.context.graph.ratio(size.node, block.node)
                return Quantity(node, BYTE)
            return POISON
        case _:
            return None


def capacity(level: Instance) -> Value | None:
    """Size * ceil(cores / shared): one instance where nothing is said; None without a size."""
    home, graph = level.frame, level.frame.context.graph
    size = home.own("size")
    if not isinstance(size, Quantity):
        return size
    shared, private = home.own("shared"), "private" in home.values
    if shared is None and not private:
        return size
    cores = home.find("cores")
    if cores == POISON or (cores is None and home.context.has_gaps(level.origin.node.span)):
        return POISON
    if not isinstance(cores, Quantity):
        title = f"`{level.name}` is shared by cores, but the hardware has no `cores`"
        help_ = "write `cores = 8 core`"
        return home.context.report("P406", title, head_of(level), help_=help_, missing="cores")
    if private:
        return Quantity(graph.product([size.node, cores.node]), BYTE)
    if not isinstance(shared, Quantity):
        return POISON
    instances = graph.add("ceil", (graph.ratio(cores.node, shared.node),))
    return Quantity(graph.product([size.node, instances]), BYTE)


def share(level: Instance) -> Value | None:
    """What one core has of a level: capacity / cores, in B/core."""
    room = capacity(level)
    if not isinstance(room, Quantity):
        return room
    home = level.frame
    cores = home.find("cores")
    if cores == POISON or (cores is None and home.context.has_gaps(level.origin.node.span)):
        return POISON
    if not isinstance(cores, Quantity):
        title = f"the share of a core in `{level.name}` is asked for, but there are no `cores`"
        return home.context.report("P406", title, head_of(level), help_="write `cores = 8 core`")
    return Quantity(home.context.graph.ratio(room.node, cores.node), BYTE / CORE)


def head_of(block: Instance) -> Span:
    """Where a block of a hardware begins: `memory dram`."""
    node = block.origin.node
    assert isinstance(node, tree.Declaration)
    for statement in node.body:
        if isinstance(statement, tree.Block) and statement.name == block.name:
            return statement.head
    return node.head
