"""Plain command lines are read as typer reads them, and the others are left to typer."""

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest

from perfdsl import cli
from perfdsl.arguments import Commands, Room, argument, option, plain


class Form(StrEnum):
    """A choice."""

    TEXT = "text"
    JSON = "json"


SEEN: list[dict[str, Any]] = []


def _top() -> None:
    pass


ROOM = Room()


@ROOM.command()
def every(
    file: Annotated[str, argument(metavar="FILE")],
    more: Annotated[list[str] | None, argument(metavar="MORE")] = None,
    names: Annotated[list[str] | None, option("--name")] = None,
    width: Annotated[int, option("--width", min=0, max=100)] = 7,
    depth: Annotated[int | None, option("--max-depth", min=1)] = None,
    timeout: Annotated[float, option(min=0)] = 1.5,
    verbose: Annotated[bool, option("--verbose", "-v")] = False,
    whole: Annotated[bool, option("--whole/--part")] = True,
    form: Annotated[Form, option("--format")] = Form.TEXT,
    output: Annotated[Path | None, option("--output", "-o")] = None,
    policy_of: Annotated[str, option()] = "",
) -> None:
    """Note what is given."""
    SEEN.append(dict(locals()))


FAR = Room({"model": "Files of models."})


@FAR.command("model inspect")
def inspect(file: Annotated[str, argument(metavar="FILE")]) -> None:
    """Note what is given."""
    SEEN.append(dict(locals()))


LOADED: list[Room] = []


def _far() -> Room:
    LOADED.append(FAR)
    return FAR


COMMANDS = Commands(_top, {"add_completion": False}, ROOM, _far)
APP = COMMANDS.typer()


def by_typer(words: list[str]) -> dict[str, Any] | None:
    """What typer makes of the words; None where it has something to say about them."""
    SEEN.clear()
    with pytest.raises(SystemExit):
        APP(["every", *words])
    return SEEN[0] if SEEN else None


def by_plain(words: list[str]) -> dict[str, Any] | None:
    SEEN.clear()
    given = plain(every, words)
    if given is None:
        return None
    every(**given)
    return SEEN[0]


PLAIN = [
    "a.perf",
    "-",
    "''",
    "a.perf one two",
    "a.perf --name x=1 --name 'y = 2 GB/s'",
    "--name=x=1 a.perf one",
    "a.perf --width 0 --max-depth=1",
    "a.perf --width 1_0 --timeout 2",
    "a.perf --timeout=0.25 --verbose",
    "a.perf -v --part",
    "--whole a.perf --format json",
    "a.perf -o out/b.tex --policy-of ecm",
    "a.perf --policy-of=",
    "a.perf --timeout inf",
]
LEFT = [
    "",
    "--help",
    "a.perf -h",
    "a.perf --width",
    "a.perf --width 101",
    "a.perf --width x",
    "a.perf --width=-1",
    "a.perf --max-depth 0",
    "a.perf --format xml",
    "a.perf --format JSON",
    "a.perf --unknown",
    "a.perf --timeout nan",
    "a.perf --verbose=yes",
    "a.perf --wid 3",
    "a.perf -vo x",
    "a.perf -ox",
    "a.perf -o=x",
    "a.perf -- --name",
    "a.perf --width 3 --width 4",
    "a.perf --name -x",
]


@pytest.mark.parametrize("line", PLAIN)
def test_plain_lines_are_read_as_typer_reads_them(line):
    """Every form of argument and option, in any order."""
    words = shlex.split(line)
    found = by_plain(words)
    assert found is not None
    assert found == by_typer(words)
    assert all(type(found[k]) is type(v) for k, v in (by_typer(words) or {}).items())


@pytest.mark.parametrize("line", LEFT)
def test_other_lines_are_left_to_typer(line):
    """Help, shorthands, repeated options and mistakes: typer reads them, or says what is wrong."""
    assert by_plain(shlex.split(line)) is None


def test_a_line_that_typer_refuses_is_never_read():
    """Whatever is read at once, typer reads the same."""
    words = "a.perf b -v --width 5 -1 x --format json text -- - --name --part=".split()
    for first in words:
        for second in words:
            for third in words:
                line = [first, second, third]
                found = by_plain(line)
                assert found is None or found == by_typer(line), line


def test_every_command_of_the_tool_can_be_read_plainly():
    """Each declares its parameters in a form that is known here."""
    others = {"explain": [], "units": [], "probe": [], "model synth": ["-o", "a.gguf"]}
    others["validate"] = ["a.perf", "--model", "b.gguf", "--machine", "c.perf"]
    for name, command in cli.app.every().items():
        assert plain(command, others.get(name, ["a.perf"])) is not None, name


def test_commands_of_a_group_have_two_words(capsys):
    """`model inspect FILE` is read plainly and by typer alike, and the group has a help."""
    SEEN.clear()
    COMMANDS.run(["model", "inspect", "a.gguf"])
    assert SEEN == [{"file": "a.gguf"}]
    with pytest.raises(SystemExit):
        APP(["model", "inspect", "a.gguf"])
    assert SEEN == [{"file": "a.gguf"}] * 2
    with pytest.raises(SystemExit):
        COMMANDS.run(["model", "--help"])
    assert "inspect" in capsys.readouterr().out


def test_commands_far_off_are_loaded_for_themselves_only():
    """A command at hand is done without the others; help and typing errors need them all."""
    LOADED.clear()
    COMMANDS.run(["every", "a.perf"])
    assert LOADED == []
    COMMANDS.run(["model", "inspect", "a.gguf"])
    assert LOADED == [FAR]
