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


# Fields that only one sort of block has.
TELLING = {
    "tokens": {"workload"}, "batch": {"workload"}, "context": {"workload"}, "block": {"format"},
}  # fmt: skip
OWNERS: dict[str, set[str]] = {
    "port": {"hardware"}, "cache": {"hardware"}, "memory": {"hardware"}, "link": {"hardware"},
    "serves": {"port"}, "shared": {"cache"}, "work": {"operator"}, "read": {"operator"},
    "write": {"operator"}, "send": {"operator"}, "use": {"model"}, "repeat": {"model"},
    "unknown": {"analysis"}, "observe": {"analysis"}, "solve": {"analysis"},
    "claim": {"analysis"}, "refute": {"analysis"}, "refuse": {"analysis"}, "show": {"analysis"},
}  # fmt: skip
LEVELS = {"cache", "memory", "link"}


def wrong_word(node: tree.Declaration, frame: Frame) -> bool:
    """Report a block that starts with the word of another sort of block.

    It holds what only the other sort has, and nothing that only its own sort has. A single
    statement in a model or an analysis is blamed itself.
    """
    sort = word_of(node)
    owners = [found for statement in node.body if (found := _owners(statement, sort))]
    meant = set.intersection(*owners) if owners else set()
    if not meant or any(sort in found for found in owners):
        return False
    if len(owners) < 2 and sort in {"analysis", "model"}:
        return False  # It may be the statement that is in the wrong place.
    span = node.span
    place = Span(span.source, span.start, span.start + len(sort))
    other = min(meant)
    held = next(statement for statement in node.body if _owners(statement, sort))
    what = f"`{held.path[0]}`" if isinstance(held, tree.Assign) else f"`{word_of(held)}`"
    title = f"{_article(sort)} {sort} has no {what}: this is {_article(other)} {other}"
    fix = Fix(f"write `{other}`", (Edit(place, other),), safe=False)
    frame.context.report("P403", title, place, fix=fix)
    frame.context.misnamed.add(node.span)
    frame.context.doubtful |= {node.name, *(s.name for s in node.body if isinstance(s, tree.Block))}
    frame.context.unread.setdefault(span.source, []).append(place)
    return True


def _owners(statement: tree.Statement, sort: str) -> set[str]:
    """The sorts of block of which a statement tells; none where any block may hold it."""
    if isinstance(statement, tree.Assign):
        if sort == "port" and statement.path == ("bandwidth",):
            return LEVELS
        return TELLING.get(statement.path[0], set()) if len(statement.path) == 1 else set()
    return OWNERS.get(word_of(statement), set())


def _article(sort: str) -> str:
    return "an" if sort[0] in "aeiou" else "a"


def misplaced(statement: tree.Statement, sort: str, frame: Frame) -> None:
    """Report a statement that does not belong into a block of that sort."""
    word = word_of(statement)
    place = PLACES.get("claim" if word == "refute" else word)
    title = f"`{word}` does not belong into {_article(sort)} {sort}"
    if word == "=":
        title = f"a field with dots in its name does not belong into {_article(sort)} {sort}"
    help_ = f"it belongs into {place}" if place else ""
    at = statement.span
    head = Span(at.source, at.start, min(at.end, at.start + max(len(word), 1)))
    unread = bool(frame.context.unread.get(at.source))  # A brace may be missing above.
    frame.context.report("P403", title, head, help_=help_, follows=unread)


def without_let(statement: tree.Assign, place: str, frame: Frame) -> None:
    """Report `name = ...` where values are `let`s, and bind the name all the same."""
    name, at = statement.path[0], statement.span
    start = Span(at.source, at.start, at.start)
    fix = Fix("write `let`", (Edit(start, "let "),), safe=True)
    frame.bindings.setdefault(name, binding_of(name, statement, statement.value))
    title = f"`{name}` stands alone: {place} a value is a `let`"
    help_ = f"write `let {name} = ...`"
    frame.context.report("P403", title, at, help_=help_, fix=fix)
