"""Codes: each one has a page and a case, and the examples on its page are what they say."""

import re
from pathlib import Path

import pytest

from perfdsl.diagnostics import Source, has_errors
from perfdsl.pipeline import Options, solve_file

ROOT = Path(__file__).parent.parent
PAGES = {path.stem: path for path in (ROOT / "perfdsl" / "codes").glob("*.md")}
SOURCES = [path.read_text("utf-8") for path in sorted((ROOT / "perfdsl").rglob("*.py"))]
GIVEN = {code for text in SOURCES for code in re.findall(r'"(P\d{3})"', text)}

# The clock decides about P709, so no program gives it; the tests of the command line do. P8xx are
# told of model files and texts: the tests of the runner do that.
WITHOUT_A_CASE = {"P709"} | {code for code in GIVEN if code.startswith("P8")}


def example(page, word):
    """The program that stands behind `Wrong:` or `Right:`; None where there is none."""
    text = page.read_text("utf-8")
    found = re.search(rf"^{word}:\n\n((?:(?:    .*)?\n)+)", text, re.MULTILINE)
    if found is None:
        return None
    program = re.sub(r"^    ", "", found[1], flags=re.MULTILINE).strip("\n") + "\n"
    is_whole = program.startswith(("perf ", "# no edition"))
    return program if is_whole else "perf 1\n" + program


def test_each_code_has_a_page_and_each_page_a_code():
    """`perfdsl explain` has something to say of every code that the source can give."""
    assert set(PAGES) == GIVEN


def test_each_code_has_a_case():
    """Some golden message in tests/cases shows each code."""
    texts = [path.read_text("utf-8") for path in (ROOT / "tests" / "cases").glob("*.txt")]
    shown = {code for text in texts for code in re.findall(r"^\w+\[(P\d{3})\]", text, re.MULTILINE)}
    assert shown == GIVEN - WITHOUT_A_CASE


@pytest.mark.parametrize("code", sorted(PAGES))
def test_a_page_has_its_parts(code):
    """A title, what it means, examples in a pair, and why; lines of at most 100 characters."""
    text = PAGES[code].read_text("utf-8")
    title, blank, body = text.split("\n", 2)
    assert re.fullmatch(r"# [A-Z`-].{3,70}[^.]", title)
    assert blank == ""
    assert len(body.strip().split("\n\n")) >= 2
    assert ("\nWrong:\n" in text) == ("\nRight:\n" in text)
    assert max(len(line) for line in text.split("\n")) <= 100


@pytest.mark.parametrize("code", sorted(c for c in PAGES if example(PAGES[c], "Wrong")))
def test_the_examples_are_wrong_and_right(code, tmp_path):
    """The wrong one gives this code alone; the right one no error, nor this code."""
    wrong, right = (example(PAGES[code], word) for word in ("Wrong", "Right"))
    assert [problem.code for problem in problems_of(wrong, tmp_path)] == [code]
    found = problems_of(right, tmp_path)
    assert not has_errors(found)
    assert code not in {problem.code for problem in found}


def problems_of(text, folder):
    return solve_file(Source("example.perf", text), folder, Options()).problems
