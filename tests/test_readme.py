"""README and ARCHITECTURE say what is true: commands are run, quotations and tables compared.

`make golden` writes outputs, map and table anew. Where a block leaves lines out (`...`), it keeps
as many lines in front of each gap and behind it as there are now, so look at those.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfdsl import cli, cli_screen
from perfdsl.rendering import render_all
from perfdsl.semantics.builtins import FUNCTIONS
from perfdsl.semantics.gathering import GATHERERS
from perfdsl.syntax.table import KEYWORDS
from tests.answers import ROOT, solution
from tests.test_architecture import TABLE

README = ROOT / "README.md"
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
LANGUAGE = ROOT / "docs" / "language.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GAP = "..."


def blocks(language: str, page: Path = README) -> list[str]:
    return [match[2] for match in FENCE.finditer(page.read_text("utf-8")) if match[1] == language]


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block, with the lines that are printed below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *output = part.splitlines()
        yield command, output


def output_of(command: str) -> list[str]:
    """What a command prints: answers, then problems."""
    program, *arguments = shlex.split(command)
    assert program.rpartition("/")[2] == "perfdsl"
    quiet = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "FORCE_COLOR"}}
    done = subprocess.run(
        [sys.executable, "-m", "perfdsl", *arguments],
        capture_output=True,
        cwd=ROOT,
        env={**quiet, "PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode in {cli_screen.KEPT, cli_screen.BROKEN, cli_screen.MISTAKE}, done.stderr
    return (done.stdout + done.stderr).rstrip().splitlines()


def pieces(lines: list[str]) -> list[list[str]]:
    """The runs of lines between gaps."""
    found: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == GAP:
            found.append([])
        else:
            found[-1].append(line)
    return found


def matches(quoted: list[str], printed: list[str]) -> bool:
    """Whether the quoted lines are the printed ones, with some left out at the gaps."""
    first, *rest = pieces(quoted)
    if not rest:
        return quoted == printed
    if printed[: len(first)] != first:
        return False
    at = len(first)
    for piece in rest[:-1]:
        places = range(at, len(printed) - len(piece) + 1)
        found = next((i for i in places if printed[i : i + len(piece)] == piece), None)
        if found is None:
            return False
        at = found + len(piece)
    last = rest[-1]
    return len(printed) - at >= len(last) and printed[len(printed) - len(last) :] == last


def anew(quoted: list[str], printed: list[str]) -> list[str]:
    """The quoted lines as they are printed now; a piece between gaps is found by its first line."""
    first, *rest = pieces(quoted)
    if not rest:
        return printed
    new = printed[: len(first)]
    for piece in rest[:-1]:
        at = printed.index(piece[0]) if piece[0] in printed else 0
        new += [GAP, *(printed[at : at + len(piece)] if at else piece)]
    last = rest[-1]
    return [*new, GAP, *printed[len(printed) - len(last) :]] if last else [*new, GAP]


CONSOLE = [each for block in blocks("console") for each in commands(block)]


@pytest.mark.parametrize("command, quoted", CONSOLE, ids=[command for command, _ in CONSOLE])
def test_a_command_of_the_readme_prints_what_it_quotes(command, quoted, update_golden):
    """Every line of a console block, but for what a gap leaves out."""
    printed = output_of(command)
    if update_golden:
        text = README.read_text("utf-8")
        old = "".join(f"{line}\n" for line in (f"$ {command}", *quoted))
        new = "".join(f"{line}\n" for line in (f"$ {command}", *anew(quoted, printed)))
        README.write_text(text.replace(old, new), encoding="utf-8")
        quoted = anew(quoted, printed)
    assert matches(quoted, printed), "\n".join(printed)


def test_the_readme_runs_the_first_program_a_first_file_and_a_validation():
    """They are among what is compared, and `make demo` begins with the first of them."""
    said = [command for command, _ in CONSOLE]
    assert "perfdsl solve specs/analyses/theoretical_ceiling.perf" in said
    assert "perfdsl solve examples/01_first_roofline.perf" in said
    assert any(command.startswith("perfdsl validate") for command in said)
    assert said[0] == demo()[0]


def demo() -> list[str]:
    """The commands of `make demo`, as tools/demo.sh has them, one a line."""
    text = (ROOT / "tools" / "demo.sh").read_text("utf-8").replace("\\\n", " ")
    shown = re.findall(r"^ *show '[^']*' +(perfdsl .*?)(?:\|\|.*)?$", text, re.MULTILINE)
    return [" ".join(command.split()) for command in shown]


def test_the_demo_goes_the_whole_way_with_options_that_there_are():
    """Solve, make a model, probe, validate: each with options that its help names."""
    said = [re.match(r"perfdsl ((?:[a-z]+ ?)+)", command) for command in demo()]
    words = [found[1].split()[: 1 + found[1].startswith("model")] for found in said if found]
    assert words == [["solve"], ["model", "synth"], ["probe"], ["validate"]]
    for command, word in zip(demo(), words, strict=True):
        told = " ".join(output_of(f"perfdsl {' '.join(word)} --help"))
        assert [each for each in re.findall(r"--[a-z-]+", command) if each not in told] == []


def test_the_first_file_of_the_readme_is_the_first_example():
    """Its text, line by line; ten lines besides the edition and the comment."""
    (quoted,) = blocks("perf")
    assert quoted == (ROOT / "examples" / "01_first_roofline.perf").read_text("utf-8")
    assert len(quoted.splitlines()) - 2 == 10


def test_the_exit_codes_of_the_readme_are_those_of_the_help():
    """One table, the same words in README and `perfdsl --help`."""
    (quoted,) = blocks("text")
    assert quoted == cli.EXIT_CODES + "\n"
    printed = [line.strip() for line in output_of("perfdsl --help")]
    for line in cli.EXIT_CODES.splitlines():
        assert line.strip() in printed


def test_the_readme_names_every_command():
    """The overview has a row for each command of the tool, and no other."""
    rows = re.compile(r"^\| `perfdsl ([a-z]+(?: [a-z]+)?)", re.MULTILINE)
    named = rows.findall(README.read_text("utf-8"))
    assert sorted(named) == sorted(cli.app.every())


def test_every_link_of_the_readme_leads_somewhere():
    """Each relative link is a file or folder of the project."""
    links = re.findall(r"\]\(([^)]+)\)", README.read_text("utf-8"))
    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_blocks_of_the_language_page_are_a_program():
    """One behind the other they check without a warning, and every statement keeps its word."""
    found = solution("".join(blocks("perf", LANGUAGE)))
    assert render_all(found.problems, color=False, width=100) == ""
    assert found.answers
    assert {(answer.broken, answer.undecided) for answer in found.answers} == {(0, 0)}


def test_the_language_page_names_every_statement_and_function():
    """Each word that begins a statement, and each function, but for those not evaluated yet."""
    page = LANGUAGE.read_text("utf-8")
    waiting = {"data", "fit", "send", "link"}
    words = {*KEYWORDS, *FUNCTIONS, *GATHERERS} - waiting
    assert sorted(word for word in words if not re.search(rf"\b{word}\b", page)) == []


# --------------------------------------------------------------------------------- ARCHITECTURE


LINE = re.compile(r"^- `(perfdsl/[\w/]+\.py)`: .*$")
ROW = re.compile(r"^\| (\w+) \|")


def modules() -> dict[str, str]:
    """Every module with the first paragraph of its docstring, but for inner package files."""
    files = sorted((ROOT / "perfdsl").rglob("*.py"))
    paths = {path.relative_to(ROOT).as_posix(): path for path in files}
    return {
        name: first_paragraph(path)
        for name, path in paths.items()
        if path.name != "__init__.py" or name.count("/") == 1
    }


def first_paragraph(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert docstring, f"{path} says nothing about itself"
    return " ".join(docstring.split("\n\n")[0].split())


def map_anew(lines: list[str]) -> list[str]:
    """The map with a line for each module: new ones behind the last one of their folder."""
    left = modules()
    kept: list[str] = []
    for line in lines:
        match = LINE.match(line)
        if match is None:
            kept.append(line)
        elif match[1] in left:
            kept.append(f"- `{match[1]}`: {left.pop(match[1])}")
    for name, said in left.items():
        folder = f"- `{name.rpartition('/')[0]}/"
        at = max((i for i, line in enumerate(kept) if line.startswith(folder)), default=-1)
        kept.insert(at + 1, f"- `{name}`: {said}")
    return kept


def table() -> list[str]:
    """The rows of the import table."""
    return [
        f"| {part} | {said(row.parts)} | {said(row.libraries)} | {said(row.lazy)} |"
        for part, row in TABLE.items()
    ]


def said(names: frozenset[str]) -> str:
    return " ".join(sorted(names)) or "-"


def import_table(lines: list[str]) -> tuple[int, int]:
    """The lines of the import table, its head excepted."""
    start = next(i for i, line in enumerate(lines) if line.startswith("| part | may import")) + 2
    return start, next(i for i in range(start, len(lines)) if not ROW.match(lines[i]))


def test_the_map_has_a_line_for_each_module(update_golden):
    """ARCHITECTURE.md says of each module what the module says of itself."""
    lines = ARCHITECTURE.read_text("utf-8").splitlines()
    if update_golden:
        lines = map_anew(lines)
        ARCHITECTURE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = [line for line in lines if LINE.match(line)]
    assert sorted(found) == sorted(f"- `{name}`: {said}" for name, said in modules().items())


def test_the_import_table_is_that_of_the_test(update_golden):
    """ARCHITECTURE.md and tests/test_architecture.py hold the same table."""
    lines = ARCHITECTURE.read_text("utf-8").splitlines()
    start, end = import_table(lines)
    if update_golden:
        lines[start:end] = table()
        ARCHITECTURE.write_text("\n".join(lines) + "\n", encoding="utf-8")
        start, end = import_table(lines)
    assert lines[start:end] == table()
