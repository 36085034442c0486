"""Command lines: a plain one is read here, at once; help, shorthands and mistakes are typer's.

Loading typer takes 35 ms, a sixth of `import sympy`, and more than a third of what a check may
take. Each command declares its parameters once, for both; a test compares what the two read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import FunctionType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from perfdsl.records import dataclass, field

Command = Callable[..., None]
Made = TypeVar("Made", bound=Command)


class Declared(NamedTuple):
    """What a parameter is called on the command line, in the words of typer."""

    sort: str
    names: tuple[str, ...]
    settings: Mapping[str, Any]


def option(*names: str, **settings: Any) -> Declared:
    """`--name value`; a truth value is `--name`, or `--name/--other`."""
    return Declared("Option", names, settings)


def argument(**settings: Any) -> Declared:
    """A word in its place; the last one may be a list."""
    return Declared("Argument", (), settings)


@dataclass(frozen=True, slots=True)
class Parameter:
    """kind: str, int, float, bool, a path or a StrEnum; many: as often as it is given."""

    name: str
    kind: type
    many: bool
    declared: Declared

    def spellings(self) -> dict[str, bool]:
        """The names of an option; for a truth value what each of them says."""
        names = self.declared.names or (f"--{self.name.replace('_', '-')}",)
        pairs = [name.partition("/") for name in names]
        denied = {no: False for _, _, no in pairs if no}
        return {yes: True for yes, _, _ in pairs} | denied


@dataclass(slots=True)
class Room:
    """Commands by their names, in the order of the help: `check`, or `inspect` of a group `model`.

    groups: what the help says of the first word of names such as `model inspect`.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    known: dict[str, Command] = field(default_factory=dict)

    def command(self, name: str = "") -> Callable[[Made], Made]:
        """The decorator of a command."""

        def keep(made: Made) -> Made:
            self.known[name or made.__name__] = made
            return made

        return keep

    def chosen(self, words: Sequence[str]) -> tuple[Command, Sequence[str]] | None:
        """The command that the words begin with, and the words behind its name."""
        for length in (1, 2):
            found = self.known.get(" ".join(words[:length]))
            if found is not None:
                return found, words[length:]
        return None


@dataclass(slots=True)
class Commands:
    """All that can be asked for.

    top: what the program does without a command; settings: typer's; near: the commands at hand;
    far: loads those of which nothing is needed at a usual start.
    """

    top: Command
    settings: Mapping[str, Any]
    near: Room
    far: Callable[[], Room]

    def run(self, words: Sequence[str]) -> None:
        """Do what the words say."""
        chosen = self.near.chosen(words) or self.far().chosen(words)
        given = plain(*chosen) if chosen is not None else None
        if chosen is not None and given is not None:
            chosen[0](**given)
        else:
            self.typer()(list(words))

    def every(self) -> dict[str, Command]:
        """Each command, near and far."""
        return self.near.known | self.far().known

    def typer(self) -> Any:
        """The same commands for typer."""
        import typer

        def told(made: Command) -> Command:
            return _retold(made, {"Option": typer.Option, "Argument": typer.Argument})

        app = typer.Typer(**self.settings)
        app.callback(invoke_without_command=True)(told(self.top))
        inner = {}
        for group, purpose in {**self.near.groups, **self.far().groups}.items():
            inner[group] = typer.Typer(**{**self.settings, "name": group, "epilog": None})
            app.add_typer(inner[group], help=purpose)
        for name, made in self.every().items():
            group, _, last = name.rpartition(" ")
            inner.get(group, app).command(last)(told(made))
        return app


def parameters(command: Command) -> list[Parameter]:
    """What a command takes, in order."""
    found = []
    for name, hint in get_type_hints(command, include_extras=True).items():
        if name != "return":
            kind, declared = get_args(hint)
            if get_origin(kind) is UnionType:
                kind = get_args(kind)[0]
            many = get_origin(kind) is list
            found.append(Parameter(name, get_args(kind)[0] if many else kind, many, declared))
    return found


def _retold(command: Command, words: Mapping[str, Callable[..., Any]]) -> Command:
    """The command with its parameters declared as typer wants them."""
    assert isinstance(command, FunctionType)
    code, place = command.__code__, command.__globals__
    made = FunctionType(code, place, command.__name__, command.__defaults__, command.__closure__)
    made.__doc__ = command.__doc__
    for name, hint in get_type_hints(command, include_extras=True).items():
        if name != "return":
            kind, (sort, names, settings) = get_args(hint)
            made.__annotations__[name] = Annotated[kind, words[sort](*names, **settings)]
    return made


# --------------------------------------------------------------------------------- plain ones


def plain(command: Command, words: Sequence[str]) -> dict[str, Any] | None:
    """What a command is given; None where typer must look: help, shorthands, anything wrong."""
    known = parameters(command)
    options = [each for each in known if each.declared.sort == "Option"]
    spelled = {name: (each, says) for each in options for name, says in each.spellings().items()}
    places = [each for each in known if each.declared.sort == "Argument"]
    found: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word[:1] == "-" and word != "-":
            given = _option(word, rest, spelled)
        else:
            given = _place(word, [each for each in places if each.many or each.name not in found])
        if given is None or given[1] is None or not _kept(found, *given):
            return None
    return found if _needed(command) <= found.keys() else None


Given = tuple[Parameter, Any]  # a value of None: typer must look


def _option(
    word: str, rest: Iterator[str], spelled: Mapping[str, tuple[Parameter, bool]]
) -> Given | None:
    """`--name value`, `--name=value`, `-n value` or `--name`."""
    name, equals, text = word.partition("=")
    if name not in spelled or (equals and name[:2] != "--"):
        return None
    parameter, says = spelled[name]
    if parameter.kind is bool:
        return None if equals else (parameter, says)
    return parameter, _value(parameter, text if equals else next(rest, "-"))


def _place(word: str, waiting: Sequence[Parameter]) -> Given | None:
    """A word in the next place that is free."""
    return (waiting[0], _value(waiting[0], word)) if waiting else None


def _kept(found: dict[str, Any], parameter: Parameter, value: Any) -> bool:
    """Note a value; False where there is one already."""
    if parameter.many:
        found.setdefault(parameter.name, []).append(value)
        return True
    fresh = parameter.name not in found
    found[parameter.name] = value
    return fresh


def _needed(command: Command) -> set[str]:
    """The parameters without a default."""
    assert isinstance(command, FunctionType)
    names = command.__code__.co_varnames[: command.__code__.co_argcount]
    return set(names[: len(names) - len(command.__defaults__ or ())])


def _value(parameter: Parameter, text: str) -> Any:
    """The value of a word; None where it has none, or looks like an option."""
    kind, settings = parameter.kind, parameter.declared.settings
    if text[:1] == "-" and (text != "-" or parameter.declared.sort == "Option"):
        return None
    if kind is str or kind is Path:
        return kind(text)
    try:
        value = kind(text)
    except ValueError:
        return None
    if issubclass(kind, StrEnum):
        return value
    inside = settings.get("min", -math.inf) <= value <= settings.get("max", math.inf)
    return value if inside else None
