"""Plain bodies: operators that only calculate with their parameters, workload and formats.

What such a body says depends on nothing else of the world: where these are the same, so is it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perfdsl.semantics.scope import Frame, parts
from perfdsl.semantics.values import Builtin, FunctionValue, Instance, Record, Value, exact
from perfdsl.syntax import tree

# They make a node of what they are given, whatever its value.
CALCULATING = {"ceil", "count", "floor", "max", "min"}
ARITHMETIC = (tree.Name, tree.Number, tree.Sum, tree.Product, tree.Negative, tree.If)
# Names whose meaning is taken for granted below.
RESERVED = {"load", "none"}


def seen_of_world(node: tree.Operator, home: Frame, frame: Frame) -> object:
    """What an operator can see of a world: the fields of the workload that it asks for, or all.

    home: where the operator is declared. frame: where it is applied.
    """
    world = frame.world
    key = ("seen", id(node), world)
    seen = frame.context.sights
    if key not in seen:
        asked = fields_asked(node, home)
        seen[key] = world if asked is None else _fields_of(world.load, sorted(asked), frame)
    return seen[key]


def _fields_of(load: Value | None, names: list[str], frame: Frame) -> object:
    """The slot of the workload, its fields by these names, and what they in turn depend on."""
    context, world = frame.context, frame.world
    context.reads.append(set())
    found = [_field_of(load, name) for name in names]
    read = context.reads.pop()
    if None in found:
        return world
    return world.load_slot, tuple(exact(v) for v in found if v is not None), frozenset(read)


def _field_of(load: Value | None, name: str) -> Value | None:
    """A field of a workload as it stands in a file, or of the stand-in for any."""
    match load:
        case Record(fields=fields):
            return fields.get(name)
        case Instance(given=given, changes=changes) if not given and not changes:
            return load.frame.own(name)
        case _:
            return None


def fields_asked(node: tree.Operator, home: Frame) -> frozenset[str] | None:
    """The fields of the workload that a plain body asks for; None: the body is not plain."""
    known = home.context.plain
    if id(node) not in known:
        known[id(node)] = _asked(node, home)
    return known[id(node)]


def _asked(node: tree.Operator, home: Frame) -> frozenset[str] | None:
    formulas = list(_defaults(node.params))
    for statement in node.body:
        match statement:
            case tree.Work(value=value) | tree.Flow(supplier="", value=value):
                formulas.append(value)
            case tree.Assign(path=(name,), within=None, value=value, notes=()) if (
                name not in RESERVED
            ):
                formulas.append(value)
            case _:
                return None
    return _asked_by(formulas, home, ())


def _defaults(params: tuple[tree.Param, ...]) -> Iterator[tree.Expr | None]:
    """The defaults of parameters; None stands for a parameter that is more than a default."""
    for param in params:
        if param.within is not None or param.notes or param.name in RESERVED:
            yield None
        elif param.default is not None:
            yield param.default


def _asked_by(
    formulas: Iterable[tree.Expr | None], home: Frame, calling: tuple[tree.Function, ...]
) -> frozenset[str] | None:
    asked: set[str] = set()
    todo: list[tree.Node | None] = list(formulas)
    while todo:
        match todo.pop():
            case tree.Field(base=tree.Name(id="load"), name=name):
                asked.add(name)
            case tree.Field(base=tree.Name()) | tree.Compare(right=tree.Name(id="none")):
                pass
            case tree.Call(func=tree.Name(id=name), args=args) if _is_plain(name, home, calling):
                todo.extend(arg.value for arg in args)
            case tree.Name(id="load"):
                return None
            case tree.Node() as node if isinstance(node, ARITHMETIC):
                todo.extend(parts(node))
            case _:
                return None
    return frozenset(asked)


def _is_plain(name: str, home: Frame, calling: tuple[tree.Function, ...]) -> bool:
    """Whether a function does nothing but calculate with its arguments."""
    match home.find(name):
        case Builtin(name=builtin):
            return builtin in CALCULATING
        case FunctionValue(node=node, frame=frame) if not any(node is one for one in calling):
            inner = [*_defaults(node.params), node.value]
            return _asked_by(inner, frame, (*calling, node)) == frozenset()
        case _:
            return False
