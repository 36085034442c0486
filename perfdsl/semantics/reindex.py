"""Indexing: the same expression under another workload, hardware, model, policy or scenario."""

from __future__ import annotations

from perfdsl.diagnostics import Label, Span
from perfdsl.records import replace
from perfdsl.semantics.changes import new_value, replacement
from perfdsl.semantics.fields import instantiate, value_key
from perfdsl.semantics.following import followed, followers
from perfdsl.semantics.places import misplaced
from perfdsl.semantics.scope import Binding, Frame, Naming, World
from perfdsl.semantics.values import POISON, Declared, Instance, Quantity, Value, Words, describe
from perfdsl.syntax import tree

REPLACES = {"workload", "hardware", "model"}


def replaces_something(value: Value | None) -> bool:
    """Whether an unnamed index of this value changes the inputs, rather than naming a row."""
    match value:
        case Instance(sort=sort):
            return sort in REPLACES
        case Declared(node=node):
            return isinstance(node, tree.Scenario | tree.Policy)
        case _:
            return False


def row_key(expr: tree.Indexed, frame: Frame) -> str | None:
    """The row that `x["name"]`, `x[kind]` or `x[r.label]` asks for; None for other inputs."""
    if len(expr.items) != 1 or expr.items[0].name:
        return None
    match expr.items[0].value:
        case tree.Text(value=value):
            return value
        case tree.Name(id=name):
            found = frame.find(name)
            if isinstance(found, Words):
                return found.text
            return None if replaces_something(found) else name
        case tree.Field() as field:
            label = frame.context.evaluate(field, frame)
            return label.text if isinstance(label, Words) else None
        case _:
            return None


def root_of(frame: Frame) -> Frame | None:
    """The frame of the analysis in which an expression stands."""
    found: Frame | None = frame
    while found is not None and found.analysis is None:
        found = found.parent
    return found


def reindex(expr: tree.Indexed, frame: Frame) -> Value:
    """`base[items]`: read `base` again with the inputs that the items name replaced."""
    context = frame.context
    root = root_of(frame)
    if root is None:
        title = "an index changes the inputs of an analysis, and stands in one"
        return context.report("P308", title, expr.span)
    world, changed = root.world, list[tuple[str, Span]]()
    set_by: dict[tuple[str, ...], tuple[tree.Scenario, Span]] = {}
    for item in expr.items:
        step = _step(item, world, frame, set_by)
        if step is None:
            return POISON
        world, slots = step
        changed.extend((slot, item.span) for slot in slots)
    assert root.analysis is not None
    causes = followers(root.analysis, {slot for slot, _ in changed})
    world = followed(world, causes, root)
    context.reads.append(set())
    try:
        plain = context.evaluate(expr.base, frame)
    finally:
        read = context.reads.pop()
    for slot in read - {slot for slot, _ in changed}:
        context.read(slot)
    if plain == POISON:
        return POISON
    by_others = set[str]().union(*(causes[name] for name in causes.keys() & read))
    for slot, span in changed:
        if slot not in read | by_others:
            title = f"this does not depend on `{slot}`, so the index changes nothing"
            return context.report("P307", title, span, why=(Label(expr.base.span, "read again"),))
    return context.evaluate(expr.base, moved(frame, root, frame_under(root, world)))


def frame_under(root: Frame, world: World) -> Frame:
    """The frame of the same analysis under another world; one for each."""
    slots = tuple((name, value_key(value)) for name, value in world.slots.items())
    policy, load = (value_key(v) if v is not None else None for v in (world.policy, world.load))
    key = (slots, policy, load, world.resident, world.least)
    known = root.worlds.get(key)
    if known is None:
        values = dict(world.slots)
        used = {name: {name} for name in values}
        known = root.worlds[key] = replace(root, world=world, values=values, slots=used)
    return known


def moved(frame: Frame, root: Frame, target: Frame) -> Frame:
    """A frame inside the analysis, inside the other frame of it instead."""
    if frame is root or frame.parent is None:
        return target
    return replace(frame, parent=moved(frame.parent, root, target), world=target.world)


SetBy = dict[tuple[str, ...], tuple[tree.Scenario, Span]]
Step = tuple[World, list[str]]


def _step(item: tree.Argument, world: World, frame: Frame, set_by: SetBy) -> Step | None:
    """The world after one item, and the slots that it changed; None: reported."""
    value = frame.context.evaluate(item.value, frame)
    if value == POISON:
        return None
    if isinstance(value, Declared) and isinstance(value.node, tree.Scenario):
        return apply_scenario(value, world, item.span, frame, set_by)
    if isinstance(value, Declared) and isinstance(value.node, tree.Policy):
        return replace(world, policy=value), [world.policy_slot]
    if item.name:
        return _named(item, value, world, frame)
    if isinstance(value, Instance) and value.sort in REPLACES:
        return _by_sort(value, item.span, world, frame)
    title = f"{describe(value)} cannot be an index"
    help_ = "an index is a workload, hardware, model, scenario or policy"
    frame.context.report("P308", title, item.span, help_=help_, follows=True)
    return None


def _named(item: tree.Argument, value: Value, world: World, frame: Frame) -> Step | None:
    old = world.slots.get(item.name)
    if old is None:
        known = ", ".join(world.slots) or "none"
        title = f"the analysis has no parameter `{item.name}`"
        frame.context.report("P106", title, item.span, help_=f"parameters: {known}")
        return None
    same = isinstance(old, Instance) and isinstance(value, Instance) and old.sort == value.sort
    if isinstance(old, Quantity) and isinstance(value, Quantity):
        same = value.dim in {None, old.dim}
    if not same:
        title = f"`{item.name}` is {describe(old)}, not {describe(value)}"
        frame.context.report("P302", title, item.span)
        return None
    return with_slot(world, item.name, value), [item.name]


def with_slot(world: World, name: str, value: Value) -> World:
    """The world with one parameter replaced; a workload is then in force."""
    slots = {**world.slots, name: value}
    if isinstance(value, Instance) and value.sort == "workload":
        return replace(world, slots=slots, load=value, load_slot=name)
    return replace(world, slots=slots)


def _by_sort(value: Instance, span: Span, world: World, frame: Frame) -> Step | None:
    """Replace the one parameter of the value's sort."""
    names = [
        name
        for name, old in world.slots.items()
        if isinstance(old, Instance) and old.sort == value.sort
    ]
    if len(names) == 1:
        return with_slot(world, names[0], value), names
    if not names and value.sort == "workload":
        return replace(world, load=value), [world.load_slot]
    if not names:
        title = f"the analysis has no {value.sort} that `{value.name}` could replace"
        frame.context.report("P308", title, span, follows=True)
        return None
    title = f"the analysis has {len(names)} parameters that are a {value.sort}"
    help_ = f"name the one that is meant: `{names[0]}: {value.name}`"
    frame.context.report("P308", title, span, help_=help_)
    return None


# ---------------------------------------------------------------------------------- scenarios


def lineage(scenario: Declared, frame: Frame) -> list[Declared]:
    """A scenario after those that it `is`, the first ancestor first."""
    chain: list[Declared] = []
    current: Value | None = scenario
    while isinstance(current, Declared) and isinstance(current.node, tree.Scenario):
        if any(current.node is other.node for other in chain):
            _own_ancestor(chain, frame)
            break
        chain.append(current)
        base = current.node.base
        if base is None:
            break
        expr: tree.Expr = tree.Name(base.names[0], span=base.span)
        for name in base.names[1:]:
            expr = tree.Field(expr, name, span=base.span)
        current = frame.context.evaluate(expr, current.module.top())
    return chain[::-1]


def _own_ancestor(chain: list[Declared], frame: Frame) -> None:
    """Report scenarios that are each other: once, whichever of them is asked for first."""
    nodes = [part.node for part in chain if isinstance(part.node, tree.Scenario)]
    key = ("ancestors", frozenset(node.span for node in nodes))
    if key not in frame.context.seen:
        frame.context.seen.add(key)
        names = " is ".join([*(node.name for node in nodes), nodes[0].name])
        why = tuple(Label(node.head, f"`{node.name}`") for node in nodes[1:6])
        title = "a scenario cannot be its own ancestor"
        frame.context.report("P401", title, nodes[0].head, names, why=why)


def apply_scenario(
    scenario: Declared, world: World, span: Span, frame: Frame, set_by: SetBy
) -> Step | None:
    """The world with a scenario's changes made."""
    changed: list[str] = []
    family = lineage(scenario, frame)
    for part in family:
        node = part.node
        assert isinstance(node, tree.Scenario)
        names = {param.name: param for param in node.params}
        for statement in node.body:
            match statement:
                case tree.Assign(path=path) if len(path) > 1 and path[0] in names:
                    if not _no_conflict(path, node, span, family, set_by, frame):
                        return None
                    step = _change(part, names[path[0]], statement, world, span, frame)
                    if step is None:
                        return None
                    world, slots = step
                    changed.extend(slots)
                case tree.Resident(role=role, level=level):
                    stay = (role, level[-1], statement.span)
                    world = replace(world, resident=(*world.resident, stay))
                    changed.extend(_hardware_slots(world))
                case tree.Assign():
                    if len(statement.path) > 1:
                        return None  # Its first name is no parameter: reported with the scenario.
                    title = "a scenario changes fields of its parameters"
                    help_ = f"write `{next(iter(names), 'cpu')}.{'.'.join(statement.path)} = ...`"
                    frame.context.report("P403", title, statement.span, help_=help_)
                    return None
                case _:
                    misplaced(statement, "scenario", frame)
                    return None
    return world, list(dict.fromkeys(changed))


def _hardware_slots(world: World) -> list[str]:
    return [n for n, v in world.slots.items() if isinstance(v, Instance) and v.sort == "hardware"]


def _no_conflict(
    path: tuple[str, ...],
    node: tree.Scenario,
    span: Span,
    family: list[Declared],
    set_by: SetBy,
    frame: Frame,
) -> bool:
    """Two scenarios that set one field conflict, unless one is the other."""
    before = set_by.get(path)
    if before is not None and all(part.node is not before[0] for part in family):
        title = f"`{before[0].name}` and `{node.name}` both set `{'.'.join(path)}`"
        why = (
            Label(before[1], "set by this one"),
            *_setting(before[0], path),
            *_setting(node, path),
        )
        help_ = f"say which one comes first: `scenario {node.name} is {before[0].name}`"
        frame.context.report("P405", title, span, why=why, help_=help_)
        return False
    set_by[path] = (node, span)
    return True


def _setting(node: tree.Scenario, path: tuple[str, ...]) -> tuple[Label, ...]:
    """Where a scenario sets a field."""
    sets = (s for s in node.body if isinstance(s, tree.Assign) and s.path == path)
    return tuple(Label(each.span, f"`{node.name}` sets it here") for each in sets)


def _change(
    part: Declared,
    param: tree.Param,
    statement: tree.Assign,
    world: World,
    span: Span,
    frame: Frame,
) -> Step | None:
    """Make one change in every parameter of the analysis that is the scenario's parameter."""
    home = part.module.top()
    pattern = frame.context.evaluate(param.default, home) if param.default is not None else None
    if pattern == POISON:
        return None
    if not isinstance(pattern, Instance):
        title = f"`{param.name}` of a scenario needs a hardware, model or workload"
        frame.context.report("P304", title, param.span, help_=f"write `{param.name} = hw.name`")
        return None
    slots = [
        name
        for name, value in world.slots.items()
        if isinstance(value, Instance) and value.origin.node is pattern.origin.node
    ]
    if not slots:
        title = f"the scenario changes `{pattern.name}`, which this analysis does not use"
        why = (Label(param.span, "changed by the scenario"),)
        frame.context.report("P308", title, span, why=why, follows=True)
        return None
    for slot in slots:
        old = world.slots[slot]
        assert isinstance(old, Instance)
        made = changed_by(old, param.name, statement, home)
        if made is None:
            return None
        world = with_slot(world, slot, made)
    return world, slots


def changed_by(old: Instance, name: str, statement: tree.Assign, home: Frame) -> Instance | None:
    """An instance with one field changed as a scenario says; None: reported."""
    inner = home.local(**{name: old})
    inner.sort = "scenario"
    path = ".".join([old.name, *statement.path[1:]])
    if isinstance(statement.value, tree.Number | tree.PlusMinus):
        at = statement.span
        holder = Binding(path, "scenario", statement.value, at, at, notes=statement.notes)
        home.context.naming.setdefault(statement.value.span, Naming(holder, path))
    rest = statement.path[1:]
    value = new_value(old, rest, statement.value, inner)
    at = Span(statement.span.source, statement.span.start, statement.value.span.start)
    checked = replacement(old, rest, value, statement.value.span, _path_span(at), inner)
    if checked == POISON:
        return None
    return instantiate(old.origin, old.given, {**old.changes, rest: checked}, old.frame.world)


def _path_span(at: Span) -> Span:
    return Span(at.source, at.start, at.start + len(at.text.split("=")[0].rstrip()))
