"""Mistakes by name: what the user sees, that safe repairs repair, that one is one message.

A case is tests/cases/NAME.perf, or NAME/main.perf with the files that it imports. Comments in it
say what is expected: `# P203: ...` the code (`# fine: ...` none), `# fix: ...` a line of the text
after its safe fix, `# set: a=b`, `# scenario: a`, `# policy: a` what the command line says besides,
`# measured: best low high` what one pass took, in seconds.
The message stands beside it: NAME.txt.
"""

import re
import time
from pathlib import Path

import pytest

from perfdsl.diagnostics import Diagnostic, Source, apply_edits, has_errors
from perfdsl.pipeline import Options, check_file, open_file, solve_file
from perfdsl.records import replace
from perfdsl.rendering import render
from perfdsl.semantics.cases import Measurement
from perfdsl.semantics.settings import Setting
from perfdsl.semantics.wanted import wanted_measurements
from tests.large_cases import LARGE
from tests.mutations import mutations

CASES = Path(__file__).parent / "cases"
SPECS = Path(__file__).parent.parent / "specs"
FILES = sorted([*CASES.glob("*.perf"), *CASES.glob("*/main.perf")])


def name_of(path):
    return path.parent.name if path.name == "main.perf" else path.stem


NAMES = [name_of(path) for path in FILES]


def said(path, word):
    """What the comments of a case say after that word."""
    text = path.read_bytes().decode("utf-8", "replace")
    return re.findall(rf"^# {word}: (.*?)\r?$", text, re.MULTILINE)


def code_of(path):
    """The code that a case expects; empty where the file is fine."""
    text = path.read_bytes().decode("utf-8", "replace")
    found = re.search(r"^# (P\d{3}|fine): ", text, re.MULTILINE)
    assert found, f"{path.name} does not say what it shows"
    return found[1].removeprefix("fine")


def options_of(path):
    settings = tuple(Setting(*text.split("=", 1)) for text in said(path, "set"))
    policy = next(iter(said(path, "policy")), "")
    options = Options(settings=settings, scenarios=tuple(said(path, "scenario")), policy=policy)
    return replace(options, measurements=tuple(measured_of(path, options)))


def measured_of(path, options):
    """The times that a case says were measured, for all that it asks for: `best low high`."""
    for line in said(path, "measured"):
        best, low, high = map(float, line.split())
        source = open_file(path, options.limits)
        assert isinstance(source, Source)
        program = check_file(source, path.parent, options)
        for case in wanted_measurements(program):
            yield Measurement(case, best, low, high)


def problems_of(path):
    return solved(path, options_of(path))


def solved(path, options):
    """The messages of a file, and its source where it could be read."""
    source = open_file(path, options.limits)
    if isinstance(source, Diagnostic):
        return (source,), None
    return solve_file(source, path.parent, options).problems, source


@pytest.fixture
def inside(monkeypatch):
    """Stand in a case's folder, so that messages show paths from there."""
    return lambda path: monkeypatch.chdir(path.parent)


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_mistake_gives_its_one_message(path, inside, update_golden):
    """Exactly one message, of the announced code, as it is written down beside the case."""
    inside(path)
    problems, _ = problems_of(path)
    compare(name_of(path), code_of(path), problems, update_golden)


@pytest.mark.parametrize("name", LARGE)
def test_a_large_mistake_gives_its_one_message(name, tmp_path, monkeypatch, update_golden):
    """The same for files that are written when they are needed, in bounded time."""
    path = LARGE[name].build(tmp_path)
    monkeypatch.chdir(path.parent)
    start = time.monotonic()
    problems, _ = solved(path, Options())
    assert time.monotonic() - start < 20
    compare(name, LARGE[name].code, problems, update_golden)


def compare(name, code, problems, update_golden):
    """One message of that code (none where it is empty), as it is written down."""
    assert [problem.code for problem in problems] == [each for each in [code] if each]
    golden = CASES / f"{name}.txt"
    text = "\n".join(render(problem, color=False, width=100) for problem in problems)
    text = text.rstrip("\n") + "\n" if text else ""
    if update_golden:
        golden.write_text(text, "utf-8")
    assert golden.read_text("utf-8") == text


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_a_safe_fix_repairs_the_file(path, inside):
    """A safe fix gives the line that the case announces, and no error is left."""
    inside(path)
    problems, source = problems_of(path)
    fixes = [problem.fix for problem in problems if problem.fix and problem.fix.safe]
    announced = said(path, "fix")
    assert len(fixes) == len(announced)
    for fix, line in zip(fixes, announced, strict=True):
        assert {edit.span.source for edit in fix.edits} == {source}
        text = apply_edits(source.text, fix.edits)
        assert line in [each.strip() for each in text.split("\n")]
        again = solve_file(Source(source.name, text), path.parent, options_of(path))
        assert not has_errors(again.problems)


def test_every_message_has_a_case_and_no_other():
    """Each golden text belongs to a case."""
    assert {path.stem for path in CASES.glob("*.txt")} == {*NAMES, *LARGE}


def test_a_repair_that_is_unsafe_is_no_edit_of_the_library():
    """No fix of any case edits a file that the user did not write."""
    for path in FILES:
        problems, _ = problems_of(path)
        for problem in problems:
            edits = problem.fix.edits if problem.fix else ()
            assert not any(edit.span.source.name.startswith("std/") for edit in edits)


# ----------------------------------------------------------------- the same within real files


def copied(folder):
    """The shipped specs, to be spoilt."""
    for path in [*SPECS.rglob("*.perf"), *SPECS.glob("*.toml")]:
        target = folder / path.relative_to(SPECS)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return folder


MACHINE, NET = "hardware/ryzen_9_7900.perf", "models/embeddinggemma_300m.perf"
ANALYSIS = "analyses/theoretical_ceiling.perf"

# A file, what stands there, what is written instead, and the code of the one message.
SLIPS = [
    (MACHINE, "cores = 12 core ", "cores = 12 ", "P210"),
    (MACHINE, "boost = 5.4 GHz", "boost = 5.4 Ghz", "P206"),
    (MACHINE, "size = 32 MiB", "size = 32 MIB", "P206"),
    (MACHINE, "rate      = 5200 MT/s", "rate      = 5200 MB/s", "P202"),
    (MACHINE, "width = 8 op/instr ", "width = 8 op ", "P202"),
    (MACHINE, "channels  = 2 channel", "channel = 2 channel", "P101"),
    (MACHINE, "serves int8", "servs int8", "P001"),
    (NET, "d_q  = heads * d_head", "d_q  = head * d_head", "P101"),
    (NET, "use mean_pool(d: d_model)", "use mean_pool(dim: d_model)", "P106"),
    (NET, "d_ff     = 1152 ", "d_ff     = 1152.5 ", "P305"),
    (NET, "matmul(k: d_ff, n: d_model,", "matmul(k: d_model, n: d_model,", "P407"),
    (ANALYSIS, "tokens = 12 token ", "tokens = 12 ", "P210"),
    (ANALYSIS, "cpu.cores = 1 core", "cpu.core = 1 core", "P106"),
    (ANALYSIS, "predict(net, on: cpu)", "predict(net, on: net)", "P302"),
    (ANALYSIS, 'hardware/ryzen_9_7900"', 'hardware/ryzen_9_7901"', "P103"),
]


@pytest.mark.parametrize("name,old,new,code", SLIPS, ids=[f"{s[2].strip()}" for s in SLIPS])
def test_a_slip_in_the_specs_is_one_message(name, old, new, code, tmp_path, monkeypatch):
    """A definition that is used in many places, and from other files, is blamed once."""
    copied(tmp_path)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    entry = tmp_path / ANALYSIS
    problems, _ = solved(entry, Options())
    found = [problem for problem in problems if has_errors([problem])]
    shown = "\n".join(render(problem, color=False, width=100) for problem in found)
    assert [problem.code for problem in found] == [each for each in [code] if each], shown


@pytest.mark.parametrize("name", [MACHINE, "models/embeddinggemma_300m_published.perf"])
def test_a_statement_that_cannot_be_read_is_not_missed_elsewhere(name, tmp_path, monkeypatch):
    """Of 40 slips in a file that others build on, at least 9 in 10 cost exactly one message."""
    copied(tmp_path)
    monkeypatch.chdir(tmp_path)
    path, entry = tmp_path / name, tmp_path / ANALYSIS
    slips = mutations(path.read_text("utf-8"))
    counts = []
    for slip in slips[:: len(slips) // 40]:
        path.write_text(slip.text, "utf-8")
        problems, _ = solved(entry, Options())
        counts.append(len([problem for problem in problems if has_errors([problem])]))
    assert max(counts) <= 4
    assert counts.count(0) + counts.count(1) >= 0.9 * len(counts)
