"""Tree <-> plain data for JSON, so that the library need not be parsed at each start.

A node is [class, start, end, field, ...] with the class as an index into a list of names, a tuple
[TUPLE, item, ...], a lone span [SPAN, start, end]; texts, numbers, truth values and None stand for
themselves. Which classes and fields there are is read off the dataclasses of tree.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perfdsl.diagnostics import Source, Span
from perfdsl.records import fields_of
from perfdsl.syntax import tree

TUPLE, SPAN = -1, -2

Json = Any


def _nodes() -> dict[str, type[tree.Node]]:
    found = vars(tree).values()
    return {
        each.__name__: each
        for each in found
        if isinstance(each, type) and issubclass(each, tree.Node)
    }


def _own_fields(node: type[tree.Node]) -> list[str]:
    return [name for name in fields_of(node) if name != "span"]


CLASSES = _nodes()
FIELDS = {name: _own_fields(node) for name, node in CLASSES.items()}


# ----------------------------------------------------------------------------------- encoding


def encode(file: tree.File) -> Json:
    """The tree as lists, texts and numbers."""
    names: dict[str, int] = {}
    data = _encoded(file, names)
    return {"classes": list(names), "tree": data}


def _encoded(value: object, names: dict[str, int]) -> Json:
    match value:
        case tree.Node(span=span):
            name = type(value).__name__
            number = names.setdefault(name, len(names))
            parts = [_encoded(getattr(value, field), names) for field in FIELDS[name]]
            return [number, span.start, span.end, *parts]
        case tuple():
            return [TUPLE, *[_encoded(item, names) for item in value]]
        case Span(start=start, end=end):
            return [SPAN, start, end]
        case str() | int() | None:
            return value
        case _:
            raise TypeError(f"no plain form for {type(value).__name__}")


# ----------------------------------------------------------------------------------- decoding


def decode(data: Json, source: Source) -> tree.File:
    """The tree that was encoded; a ValueError where the data was not written by `encode`."""
    try:
        makers = [_maker(name) for name in data["classes"]]
        file = _decoded(data["tree"], makers, source)
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"this is no encoded tree: {error}") from error
    match file:
        case tree.File():
            return file
        case _:
            raise ValueError("this is no encoded tree: it holds no file")


Setter = Callable[[object, object], None]
Maker = tuple[type[tree.Node], tuple[Setter, ...]]

_SET_SPAN: Setter = tree.Node.__dict__["span"].__set__
_SET_SOURCE, _SET_START, _SET_END = (
    Span.__dict__[name].__set__ for name in ("source", "start", "end")
)


def _maker(name: str) -> Maker:
    """A class and what sets its fields: a frozen node's __init__ would take twice the time."""
    node = CLASSES.get(name)
    if node is None:
        raise ValueError(f"no node is called {name!r}")
    return node, tuple(_setter(node, field) for field in FIELDS[name])


def _setter(node: type[tree.Node], field: str) -> Setter:
    owner = next(each for each in node.__mro__ if field in each.__dict__.get("__slots__", ()))
    setter: Setter = owner.__dict__[field].__set__
    return setter


def _decoded(data: Json, makers: list[Maker], source: Source) -> Any:
    """The value of one list; anything else is its own value."""
    kind = data[0]
    if kind == TUPLE:
        return tuple([_decoded(x, makers, source) if type(x) is list else x for x in data[1:]])
    span = object.__new__(Span)
    _SET_SOURCE(span, source)
    _SET_START(span, data[1])
    _SET_END(span, data[2])
    if kind == SPAN:
        return span
    node, setters = makers[_checked(kind, makers)]
    made = object.__new__(node)
    _SET_SPAN(made, span)
    for setter, x in zip(setters, data[3:], strict=True):
        setter(made, _decoded(x, makers, source) if type(x) is list else x)
    return made


def _checked(kind: object, makers: list[Maker]) -> int:
    match kind:
        case int() if 0 <= kind < len(makers):
            return kind
        case _:
            raise ValueError(f"no node has the number {kind!r}")
