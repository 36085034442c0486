"""docs/constructs.md: every construct has an example that is run, mistakes, and a piece of LaTeX.

That each formula of each example has the value of its numeric reading: tests/test_symbolic.py.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from perfdsl.diagnostics import Source
from perfdsl.pipeline import Options, solve_file
from perfdsl.present.latex_page import document
from perfdsl.records import fields_of
from perfdsl.syntax import tree
from perfdsl.syntax.parser import parse
from tests.answers import ROOT

PAGE = ROOT / "docs" / "constructs.md"
CASES = ROOT / "tests" / "cases"
SHIPPED = [*ROOT.glob("examples/**/*.perf"), *ROOT.glob("perfdsl/library/std/*.perf")]


class Row(NamedTuple):
    """A row of the table: what stands in its cells, without quotes."""

    construct: str
    example: str
    written: str
    refused: tuple[str, ...]
    latex: str


def rows() -> list[Row]:
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]
    return [
        Row(
            construct,
            example.strip("`"),
            written[1:-1],
            tuple(re.findall(r"`(\w+)`", bad)),
            latex[1:-1],
        )
        for construct, example, written, bad, latex in cells
    ]


ROWS = rows()


@cache
def exported(example: str) -> str:
    path = ROOT / example
    found = solve_file(Source(example, path.read_text("utf-8")), path.parent, Options())
    assert found.program is not None
    return document(found.program, found.answers, file=example, standalone=False)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.construct)
def test_a_construct_stands_in_its_example_and_in_what_is_exported_of_it(row):
    """The example writes it, and the LaTeX of the example has its form."""
    assert row.written in (ROOT / row.example).read_text("utf-8")
    stands = row.latex in exported(row.example)  # a failure would print all of the document
    assert stands, row.latex


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.construct)
def test_a_construct_is_refused_where_it_does_not_add_up(row):
    """Each mistake that the row names has a recorded message with a code, and not P008."""
    assert row.refused
    for name in row.refused:
        message = (CASES / f"{name}.txt").read_text("utf-8")
        codes = re.findall(r"^error\[(P\d+)\]", message, flags=re.MULTILINE)
        assert codes, name
        assert "P008" not in codes


def test_every_form_of_the_language_stands_in_an_example_or_in_the_library():
    """No statement or expression that the parser makes is without a program that runs it."""
    made = {type(node) for path in SHIPPED for node in nodes(parsed(path))}
    forms = {
        kind
        for base in (tree.Statement, tree.Expr)
        for kind in subclasses(base)
        if not kind.__subclasses__()
    }
    assert {kind.__name__ for kind in forms - made} == set()


def parsed(path: Path) -> tree.File:
    return parse(Source(path.name, path.read_text("utf-8"))).file


def nodes(value: Any) -> Iterator[object]:
    """A tree's nodes, itself included."""
    if isinstance(value, tuple):
        for part in value:
            yield from nodes(part)
    elif isinstance(value, tree.Node | tree.File):
        yield value
        for name in fields_of(type(value)):
            yield from nodes(getattr(value, name))


def subclasses(kind: type[object]) -> Iterator[type[object]]:
    """Those that stand below a kind, and below these."""
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)
