"""Every `.perf` file that we ship: without a problem, and with every statement keeping its word."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from perfdsl.diagnostics import Diagnostic
from perfdsl.pipeline import Options, check_file, open_file
from perfdsl.rendering import render_all
from tests.answers import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.perf"))
PEERS = sorted((ROOT / "examples" / "peers").glob("*.perf"))
SPECS = sorted((ROOT / "specs").rglob("*.perf"))
# Every program reads std/units first; it cannot be read once more beside itself.
LIBRARY = [p for p in sorted((ROOT / "perfdsl" / "library").rglob("*.perf")) if p.stem != "units"]
SOLVED = [*EXAMPLES, *PEERS, *(path for path in SPECS if path.parent.name == "analyses")]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [*EXAMPLES, *PEERS, *SPECS, *LIBRARY], ids=name_of)
def test_a_shipped_file_has_no_problem(path):
    """It checks on its own, without an error and without a warning."""
    source = open_file(path, Options().limits)
    assert not isinstance(source, Diagnostic)
    problems = check_file(source, path.parent, Options()).problems
    assert render_all(problems, color=False, width=100) == ""


@pytest.mark.parametrize("path", SOLVED, ids=name_of)
def test_a_shipped_analysis_keeps_its_word(path):
    """Its answers end with 0, undecided claims and warnings included, and it has some.

    Only what waits for a measurement ends with 1, since `--strict` asks for all that is claimed.
    """
    options = ["--strict", "--deny-warnings"]
    command = [sys.executable, "-m", "perfdsl", "solve", str(path), *options]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    waits = bool(re.search(r"\d not measured[,;]", done.stdout))
    assert waits == bool(re.search(r"[^@]measured\(", path.read_text("utf-8")))
    assert "undecided" not in done.stdout
    assert (done.returncode, done.stderr) == (int(waits), "")
    assert "every statement keeps its word" in " ".join(done.stdout.split())


def test_examples_are_numbered_in_reading_order():
    """01, 02, 03, ...: at least nine of them, none left out."""
    numbers = [int(path.name.partition("_")[0]) for path in EXAMPLES]
    assert numbers == list(range(1, len(EXAMPLES) + 1))
    assert len(EXAMPLES) >= 9


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_is_short_and_says_what_it_teaches(path):
    """Under 30 lines of at most 100 columns; behind the edition stands one line of comment."""
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) < 30
    assert max(map(len, lines)) <= 100
    assert lines[0] == "perf 1"
    assert lines[1].startswith("# ")
    assert lines[1].endswith(".")
    assert not lines[2].startswith("# ")


@pytest.mark.parametrize("path", PEERS, ids=name_of)
def test_a_peer_says_on_top_what_it_reproduces(path):
    """A doc comment before the edition; at most 100 columns, and few enough lines to be read."""
    lines = path.read_text("utf-8").splitlines()
    doc = [line for line in lines[: lines.index("perf 1")] if line.startswith("## ")]
    assert max(map(len, lines)) <= 100
    assert len(lines) < 200
    assert len(doc) >= 3
    assert any(line.startswith("## Reproduced: ") for line in doc)
