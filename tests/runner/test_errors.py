"""What the runner finds wrong is told like every other mistake: code, what, where, how to mend."""

import re
from pathlib import Path

import pytest

from perfdsl import cli_runner
from perfdsl.cli_options import ColorChoice
from perfdsl.cli_screen import MISTAKE, Screen
from perfdsl.runner.errors import InputError, ModelFileError, RunnerError

ROOT = Path(__file__).parent.parent.parent


def kinds(error: type[RunnerError]) -> set[type[RunnerError]]:
    """The class and all that are made from it."""
    return {error}.union(*map(kinds, error.__subclasses__()))


def test_each_kind_has_a_code_and_a_page():
    """The codes P8xx are those of the classes, one each."""
    codes = [kind.code for kind in kinds(RunnerError) - {RunnerError}]
    pages = {path.stem for path in (ROOT / "perfdsl" / "codes").glob("P8*.md")}
    assert len(codes) == len(set(codes))
    assert set(codes) <= pages


def test_an_error_ends_with_its_message(capsys):
    """What, of which name, at which byte of which file, and the help; exit code 2."""
    error = ModelFileError("the length is 9", 1234, "general.name", mend="copy the file again")
    with (
        pytest.raises(SystemExit) as ended,
        cli_runner.mistakes_told(Screen(ColorChoice.NEVER, 80), "a.gguf"),
    ):
        raise error
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (MISTAKE, "")
    assert err.splitlines() == [
        "error[P802]: the length is 9",
        "   = `general.name`, at byte 1,234 of a.gguf",
        "  help: copy the file again",
        "",
        "1 error",
    ]


def test_a_name_of_a_file_drives_no_terminal(capsys):
    """Control characters are spelled out, and a name of a megabyte is cut."""
    hostile = "\x1b[2J\u202e" + "x" * 1_000_000
    with (
        pytest.raises(SystemExit),
        cli_runner.mistakes_told(Screen(ColorChoice.NEVER, 80), "\x1b.gguf"),
    ):
        raise ModelFileError("the key stands there twice", 1, hostile)
    err = capsys.readouterr().err
    assert re.search(r"\\x1b\[2J\\u202ex+\.\.\. \(1,000,005 characters\)", err)
    assert all(each.isprintable() or each == "\n" for each in err)
    assert "\x1b" not in str(ModelFileError("twice", 1, hostile))


def test_errors_read_well_from_python():
    """Their text holds all that a message has."""
    assert (
        str(ModelFileError("too long", 12, "a.b", "copy it"))
        == "too long ('a.b') at byte 12: copy it"
    )
    assert "damaged" in str(ModelFileError("too long", 12))
    assert str(InputError("ids are empty")) == "ids are empty"
