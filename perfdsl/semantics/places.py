"""Which statement belongs into which block, and what is said of one that does not."""

from __future__ import annotations

from perfdsl.diagnostics import Edit, Fix, Span
from perfdsl.semantics.params import binding_of
from perfdsl.semantics.scope import Frame
from perfdsl.syntax import tree


def belongs(statement: tree.Statement, sort: str) -> bool:
    """Statements that others read: an operator's work, a model's uses."""
    match sort:
        case "model":
            return isinstance(statement, tree.Use | tree.Repeat)
        case "operator":
            return isinstance(statement, tree.Work | tree.Flow | tree.Send)
        case _:
            return False


PLACES = {
    "port": "a hardware",
    "cache": "a hardware",
    "memory": "a hardware",
    "link": "a hardware",
    "serves": "a port",
    "shared": "a cache",
    "work": "an operator, or `use { ... }`",
    "read": "an operator, or `use { ... }`",
    "write": "an operator, or `use { ... }`",
    "send": "an operator, or `use { ... }`",
    "use": "a model",
    "repeat": "a model",
    "unknown": "an analysis",
    "observe": "an analysis",
    "solve": "an analysis",
    "claim": "an analysis",
    "refuse": "an analysis",
    "show": "an analysis",
    "resident": "an analysis",
}


def word_of(statement: tree.Statement) -> str:
    """The word that a statement starts with."""
    match statement:
        case tree.Block(sort=sort):
            return sort
        case tree.Flow(direction=direction):
            return direction
        case tree.Claim(expects=False):
            return "refute"
        case _:
            return statement.word


def misplaced(statement: tree.Statement, sort: str, frame: Frame) -> None:
    """Report a statement that does not belong into a block of that sort."""
    word = word_of(statement)
    place = PLACES.get("claim" if word == "refute" else word)
    article = "an" if sort[0] in "aeiou" else "a"
    title = f"`{word}` does not belong into {article} {sort}"
    if word == "=":
        title = f"a field with dots in its name does not belong into {article} {sort}"
    help_ = f"it belongs into {place}" if place else ""
    at = statement.span
    head = Span(at.source, at.start, min(at.end, at.start + max(len(word), 1)))
    frame.context.report("P403", title, head, help_=help_)


def without_let(statement: tree.Assign, place: str, frame: Frame) -> None:
    """Report `name = ...` where values are `let`s, and bind the name all the same."""
    name, at = statement.path[0], statement.span
    start = Span(at.source, at.start, at.start)
    fix = Fix("write `let`", (Edit(start, "let "),), safe=True)
    frame.bindings.setdefault(name, binding_of(name, statement, statement.value))
    title = f"`{name}` stands alone: {place} a value is a `let`"
    help_ = f"write `let {name} = ...`"
    frame.context.report("P403", title, at, help_=help_, fix=fix)
