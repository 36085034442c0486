"""A `.perf` text or file -> its answers, in one step: what the tests of the solver start from.

Parts of answers are returned as Any: a test that expects a number there fails where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from perfdsl.diagnostics import Diagnostic, Source, has_errors
from perfdsl.pipeline import Options, Solution, open_file, solve_file
from perfdsl.rendering import render
from perfdsl.semantics.settings import Setting
from perfdsl.solve.answers import AnalysisAnswer, Conflict, Number

ROOT = Path(__file__).parent.parent


def solution(text: str, *settings: str) -> Solution:
    """The solution of a text; `settings` are what would stand behind --set."""
    source = Source("test.perf", text if text.lstrip().startswith("perf") else "perf 1\n" + text)
    return solve_file(source, ROOT / "specs", _options(settings))


def _options(settings: Iterable[str]) -> Options:
    pairs = (setting.split("=", 1) for setting in settings)
    return Options(settings=tuple(Setting(name, value) for name, value in pairs))


def answers(text: str, *settings: str) -> AnalysisAnswer:
    """The answers of a text with one analysis, which must have no mistake."""
    found = solution(text, *settings)
    assert not has_errors(found.problems), told(found)
    assert len(found.answers) == 1
    return found.answers[0]


def told(found: Solution) -> str:
    """The mistakes of a solution, one a line."""
    return "\n\n".join(render(problem, color=False, width=100) for problem in found.problems)


def codes(text: str, *settings: str) -> list[str]:
    """The codes of the mistakes of a text."""
    return [p.code for p in solution(text, *settings).problems]


def file_answers(path: Path, *settings: str) -> tuple[AnalysisAnswer, ...]:
    """The answers of a file."""
    options = _options(settings)
    source = open_file(path, options.limits)
    assert not isinstance(source, Diagnostic), source.title
    found = solve_file(source, path.parent, options)
    assert not has_errors(found.problems), told(found)
    return found.answers


def claim(found: AnalysisAnswer, name: str) -> Any:
    """The claim with that id or title."""
    (verdict,) = (c for c in found.claims if name in {c.id, c.title})
    return verdict


def shown(found: AnalysisAnswer, title: str) -> Any:
    """The `show` with that title."""
    (item,) = (s for s in found.shows if s.title == title)
    return item


def value(found: AnalysisAnswer, title: str) -> Number:
    """The number of the `show` with that title."""
    number = shown(found, title).value
    assert isinstance(number, Number)
    return number


def solved(found: AnalysisAnswer, name: str, unknown: str = "") -> Any:
    """The answer of that name (for one of its unknowns, where it has several)."""
    (item,) = (s for s in found.solved if s.name == name and unknown in {"", s.unknown})
    return item


def explanation(found: AnalysisAnswer, name: str) -> Any:
    """Why the claim of that name fails."""
    why = claim(found, name).explanation
    assert why is not None
    return why


def member(conflict: Conflict, name: str) -> Any:
    """The member (or other assumption) of a conflict whose name ends so."""
    (item,) = (m for m in (*conflict.members, *conflict.others) if m.name.endswith(name))
    return item


def names(conflict: Conflict) -> set[str]:
    """The last words of the members' names."""
    return {m.name.rsplit(".", 1)[-1] for m in conflict.members}
