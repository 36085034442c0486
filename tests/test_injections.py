"""Mistakes injected into every file that is shipped: one error each, on the line of the mistake.

What is injected, and why each is a mistake whatever the checker says, stands in `injected_words.py`
(what cannot be read) and `injected_meanings.py` (what can be read and not be meant). A mistake is
told rightly if there is exactly one error and its first place is on the injected line, or if there
is no error and a claim on that line breaks its word. The files are checked as `perfdsl check` does.

Not counted are the hidden ones, which the text alone does not show: arguments of one type
exchanged, a pure factor or a summand left out, a misspelt role or kind, a label where nothing asks
for it, one way of counting work for another where no port or claim of the file tells, and a wrong
unit or a factor too much in a definition that the file uses nowhere. `test_hidden_mistakes` counts
them. Everything else is counted; of those that `make test` tries, each that is told otherwise is
named in `injections.txt`, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from zlib import crc32

import pytest

from perfdsl.diagnostics import Severity, Source
from perfdsl.pipeline import Options, check_file, solve_file
from perfdsl.syntax import tree
from tests.injected_meanings import Signatures, meant
from tests.injected_words import written
from tests.injections import Injection, Program

ROOT = Path(__file__).parent.parent
FOLDERS = ("perfdsl/library/std", "specs", "examples")
FILES = sorted(p.relative_to(ROOT) for folder in FOLDERS for p in (ROOT / folder).rglob("*.perf"))
LISTED = Path(__file__).parent / "injections.txt"
# `make test` takes one in so many, `make fuzz` all.
STEP = 19


@cache
def programs() -> dict[Path, Program]:
    return {path: Program.of(str(ROOT / path), (ROOT / path).read_text("utf-8")) for path in FILES}


def parameters_of(program: Program) -> Signatures:
    """The parameters of what a file declares, by its name."""
    return {
        node.name: node.params
        for node in program.nodes()
        if isinstance(node, tree.Parametrised | tree.Function)
    }


@cache
def shipped_parameters() -> Signatures:
    found: dict[str, tuple[tree.Param, ...]] = {}
    for path, program in programs().items():
        if path.parts[0] == "perfdsl":
            found.update(parameters_of(program))
    return found


def injections(path: Path) -> list[Injection]:
    """Every injection into a file; those that do the same in equal lines are numbered."""
    program = programs()[path]
    signatures = {**shipped_parameters(), **parameters_of(program)}
    seen: Counter[str] = Counter()
    found = []
    for each in (*written(program), *meant(program, signatures)):
        name = f"{path.as_posix()}: {each.sort}: {each.name}"
        seen[name] += 1
        numbered = f"{name} #{seen[name]}" if seen[name] > 1 else name
        found.append(each._replace(name=numbered))
    return found


def told(path: Path, injection: Injection) -> str:
    """`right`, `zero` messages, `many`, or one `elsewhere`."""
    name = str(ROOT / path)
    problems = check_file(Source(name, injection.text), ROOT / path.parent, Options()).problems
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if not errors:
        return "right" if _claimed(path, injection) else "zero"
    if len(errors) > 1:
        return "many"
    span = errors[0].span
    here = span is not None and span.source.name == name and span.line in injection.lines
    return "right" if here else "elsewhere"


def _claimed(path: Path, injection: Injection) -> bool:
    """Whether a claim on the injected line breaks its word."""
    source = Source(str(ROOT / path), injection.text)
    answers = solve_file(source, ROOT / path.parent, Options()).answers
    broken = [claim.span for answer in answers for claim in answer.claims if not claim.kept]
    broken += [each.span for answer in answers for each in answer.refusals if not each.kept]
    return any(span.line in injection.lines for span in broken)


def outcomes(step: int) -> Iterator[tuple[Injection, str]]:
    """One in so many of the injections that the text shows, and how it is told.

    Chosen by the name alone: an edit elsewhere in a file, or another file, does not change which.
    """
    for path in FILES:
        for injection in injections(path):
            if not injection.hidden and crc32(injection.name.encode()) % step == 0:
                yield injection, told(path, injection)


def listed() -> set[str]:
    """The exceptions by name; lines that start with `#` say why."""
    lines = LISTED.read_text("utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("# ")}


def mistold(found: Iterable[tuple[Injection, str]]) -> set[str]:
    """The names of those that are not told rightly: at most 3 in 100."""
    verdicts = {injection.name: verdict for injection, verdict in found}
    wrong = {name for name, verdict in verdicts.items() if verdict != "right"}
    assert len(verdicts) >= 500
    assert len(wrong) <= 0.03 * len(verdicts), f"{len(wrong)} of {len(verdicts)}"
    return wrong


def test_an_injected_mistake_is_one_error_on_its_line() -> None:
    """One in nineteen of all injections, the same each time; each exception is listed."""
    unlisted = mistold(outcomes(STEP)) - listed()
    assert not unlisted, "not listed in tests/injections.txt:\n" + "\n".join(sorted(unlisted))


@pytest.mark.fuzz
def test_every_injected_mistake_is_one_error_on_its_line() -> None:
    """All of them, which takes a quarter of an hour: the share alone."""
    mistold(outcomes(1))


def test_every_sort_of_mistake_is_injected_into_most_files() -> None:
    """Each sort occurs, and there are some thousand in all."""
    counts = Counter(each.sort for path in FILES for each in injections(path) if not each.hidden)
    sorts = {"bracket", "comma", "equals", "keyword", "operand", "unit", "name", "defined"}
    assert sorts | {"double", "swap", "less", "more", "place"} <= set(counts)
    assert sum(counts.values()) > 5000


def test_hidden_mistakes() -> None:
    """What the text alone does not show is at most one in ten of what is injected."""
    every = [each for path in FILES for each in injections(path)]
    assert sum(each.hidden for each in every) <= 0.1 * len(every)
