"""The mistakes of a first day: `docs/messages.md` shows what the tool says of each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perfdsl.diagnostics import Diagnostic
from perfdsl.pipeline import Options, open_file, solve_file

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(__file__).parent / "newcomers"
PAGE = (ROOT / "docs" / "messages.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## \d+\. `(\w+)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
# Two names are wrong in the program, so that there are two messages.
TWICE = {"arguments_of_another_library"}


def problems_of(name: str) -> tuple[Diagnostic, ...]:
    options = Options()
    source = open_file(PROGRAMS / f"{name}.perf", options.limits)
    assert not isinstance(source, Diagnostic)
    return solve_file(source, PROGRAMS, options).problems


def test_every_program_is_judged_and_no_other() -> None:
    """The page has one section for each program."""
    assert SECTIONS
    assert sorted(SECTIONS) == sorted(p.stem for p in PROGRAMS.glob("*.perf"))


@pytest.mark.parametrize("name", SECTIONS)
def test_the_page_shows_the_first_line_as_it_is(name: str) -> None:
    """Place and title of the first message are those of the page."""
    place = problems_of(name)[0].span
    assert place is not None
    now = f"now     {place.line}:{place.column}  {problems_of(name)[0].title}"
    assert f"\n{now}\n```" in SECTIONS[name]


@pytest.mark.parametrize("name", SECTIONS)
def test_one_mistake_of_a_newcomer_is_one_message(name: str) -> None:
    """As many messages as mistakes, warnings among them."""
    assert len(problems_of(name)) == 1 + (name in TWICE)


def test_the_page_counts_its_judgements() -> None:
    """How many were enough at once is what the sections say."""
    enough = sum("Changed:" not in text for text in SECTIONS.values())
    assert f"{enough} of the {len(SECTIONS)} were enough" in PAGE.replace("\n", " ")
