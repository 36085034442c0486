"""The command line as a user meets it: arguments in, pages, problems and exit codes out."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from perfdsl import cli, cli_screen

ROOT = Path(__file__).parent.parent
CEILING = ROOT / "specs" / "analyses" / "theoretical_ceiling.perf"

FIRST = """\
perf 1
hardware laptop {
  cores = 8 core
  port fma { serves fp32; peak = cores * 3 GHz * 16 MAC/(cycle*core) }
  memory dram { bandwidth = 60 GB/s }
}
operator triad(n: Count) {
  work fp32 = n * 1 MAC
  read a = n * 8 B
  write b = n * 4 B
}
scenario slow(cpu = laptop) { cpu.dram.bandwidth = 30 GB/s }
analysis first(cpu = laptop) {
  let run = predict(triad(n: 10_000_000), on: cpu)
  show run.time
  claim "memory binds" run.time bound by dram
  claim "two milliseconds" run.time ~= 2 ms within 1 %  @id("time.two")
}
"""
BROKEN = FIRST.replace("~= 2 ms", "~= 3 ms")
MISTAKE = FIRST.replace("60 GB/s", "60 GB/core")
UNDECIDED = FIRST.replace("60 GB/s", "60 GB/s +- 10 GB/s")
WARNED = FIRST.replace(
    "analysis first(", "workload idle { tokens = 1 token }\nanalysis first("
).replace("scenario slow", 'import "./other" as other\nscenario slow')


@pytest.fixture
def perfdsl(monkeypatch, capsys):
    """Runs the program in this process: (exit code, standard output, standard error)."""

    def run(*args, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["perfdsl", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


@pytest.fixture
def file(tmp_path):
    """Writes a program and gives its path."""

    def write(text, name="first.perf"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def outside(*args, **env):
    """Runs the program as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "perfdsl", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **env},
    )


# -- exit codes


@pytest.mark.parametrize(
    "text, args, code",
    [
        (FIRST, (), cli_screen.KEPT),
        (BROKEN, (), cli_screen.BROKEN),
        (BROKEN.replace('claim "two', 'refute "two'), (), cli_screen.KEPT),
        (FIRST.replace('claim "two', 'refute "two'), (), cli_screen.BROKEN),
        (UNDECIDED, (), cli_screen.KEPT),
        (UNDECIDED, ("--strict",), cli_screen.BROKEN),
        (MISTAKE, (), cli_screen.MISTAKE),
        (FIRST, ("nosuch",), cli_screen.MISTAKE),
        (FIRST, ("--set", "nosuch=1"), cli_screen.MISTAKE),
        (FIRST, ("--set", "cores"), cli_screen.MISTAKE),
        (FIRST, ("--scenario", "nosuch"), cli_screen.MISTAKE),
        (FIRST, ("--policy", "nosuch"), cli_screen.MISTAKE),
        (FIRST, ("--timeout", "0"), cli_screen.MISTAKE),
        (FIRST, ("--max-file-size", "10"), cli_screen.MISTAKE),
        (FIRST, ("--max-tokens", "10"), cli_screen.MISTAKE),
        (FIRST, ("--nosuch",), cli_screen.MISTAKE),
    ],
)
def test_exit_code(perfdsl, file, text, args, code):
    """Each way in which a run can end has its exit code."""
    assert perfdsl("solve", file(text), *args)[0] == code


def test_warnings_end_with_two_where_they_are_denied(perfdsl, file):
    """A warning is no error, unless --deny-warnings says so; answers are printed all the same."""
    file("perf 1\nlet x = 1\n", "other.perf")
    path = file(WARNED)
    code, out, err = perfdsl("solve", path)
    assert (code, "warning[" in err, "run.time" in out) == (cli_screen.KEPT, True, True)
    code, out, _ = perfdsl("solve", path, "--deny-warnings")
    assert (code, "run.time" in out) == (cli_screen.MISTAKE, True)
    assert perfdsl("check", path, "--deny-warnings")[0] == cli_screen.MISTAKE


@pytest.mark.parametrize("name", ["nosuch.perf", "."])
def test_a_file_that_cannot_be_read_is_a_mistake(perfdsl, name):
    """A missing file and a folder are reported like any mistake, on standard error."""
    code, out, err = perfdsl("solve", name)
    assert (code, out) == (cli_screen.MISTAKE, "")
    assert "error[P103]" in err


def test_a_bug_is_one_line(perfdsl, file, monkeypatch):
    """What we did not foresee ends with 70 and a line that asks for a report, not a traceback."""

    def burst(*_):
        raise RuntimeError("never shown")

    monkeypatch.setattr("perfdsl.pipeline.solve_file", burst)
    code, out, err = perfdsl("solve", file(FIRST))
    assert (code, out, err.count("\n")) == (cli_screen.BUG, "", 1)
    assert "please report" in err
    assert "Traceback" not in err


def test_a_bug_shows_itself_where_asked(perfdsl, file, monkeypatch):
    """PERFDSL_DEBUG=1 lets the exception through."""
    monkeypatch.setattr("perfdsl.pipeline.solve_file", lambda *_: 1 / 0)
    monkeypatch.setenv("PERFDSL_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        perfdsl("solve", file(FIRST))


def test_interrupted(perfdsl, file, monkeypatch):
    """Control-C ends with 130 and says nothing."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("perfdsl.pipeline.solve_file", interrupt)
    assert perfdsl("solve", file(FIRST)) == (cli_screen.INTERRUPTED, "", "")


def test_help_holds_the_table_of_exit_codes(perfdsl):
    """`perfdsl --help` prints the one table of exit codes, and every command with a help text."""
    code, out, _ = perfdsl("--help")
    assert code == 0
    told = [line.strip() for line in out.splitlines()]
    assert [line for line in cli.EXIT_CODES.splitlines() if line.strip() not in told] == []
    for command in ("solve", "check", "explain", "show", "units", "list"):
        assert command in out
        assert perfdsl(command, "--help")[0] == 0


def test_readme_holds_the_same_table():
    """README repeats the table of exit codes word for word."""
    readme = ROOT / "README.md"
    if not readme.is_file():
        pytest.skip("there is no README yet")
    assert cli.EXIT_CODES.partition("\n")[2] in readme.read_text("utf-8")


def test_version(perfdsl):
    """--version prints the version alone."""
    assert perfdsl("--version")[:2] == (0, "perfdsl 0.1.0\n")


# -- solve


def test_an_unknown_analysis_is_suggested(perfdsl, file):
    """A misspelt analysis is an error that names the near one and all that there are."""
    code, out, err = perfdsl("solve", file(FIRST), "frist")
    assert (code, out) == (cli_screen.MISTAKE, "")
    assert "error[P101]: there is no analysis `frist`" in err
    assert "there is: first" in err
    assert "did you mean `first`?" in err


def test_only_the_named_analysis_is_answered(perfdsl):
    """`solve FILE NAME` answers that analysis and no other."""
    code, out, _ = perfdsl("solve", CEILING, "true_architecture")
    assert code == 0
    assert "true_architecture" in out
    assert "theoretical_ceiling  " not in out


def test_standard_input(perfdsl):
    """`-` reads the program from standard input, up to the limit."""
    code, out, _ = perfdsl("solve", "-", stdin=FIRST.encode())
    assert (code, "<stdin>:13" in out) == (0, True)
    code, _, err = perfdsl("solve", "-", "--max-file-size", 50, stdin=FIRST.encode())
    assert (code, "P701" in err) == (cli_screen.MISTAKE, True)


def test_set_and_scenario_change_the_answer(perfdsl, file):
    """--set replaces a value and --scenario overlays one: both double the time here."""
    path = file(FIRST)
    for change in (("--set", "bandwidth=30 GB/s"), ("--scenario", "slow")):
        _, out, _ = perfdsl("solve", path, "--format", "json", *change)
        assert json.loads(out)["analyses"][0]["shows"][0]["value"]["value"] == pytest.approx(4)


def test_a_file_without_an_analysis(perfdsl, file):
    """There is nothing to solve, which is no mistake, and is said."""
    code, out, _ = perfdsl("solve", file("perf 1\nlet x = 1\n"))
    assert (code, "no analysis" in out) == (0, True)


def test_mistakes_as_json(perfdsl, file):
    """With --format json the problems are part of the document, on standard output."""
    for command in (("solve",), ("check",)):
        code, out, err = perfdsl(*command, file(MISTAKE), "--format", "json")
        found = json.loads(out)
        assert (code, err, found["exit_code"], found["analyses"]) == (2, "", 2, [])
        assert found["problems"][0]["severity"] == "error"


def test_the_deadline(perfdsl, file):
    """A run that takes too long is a limit with its own code, and says how to raise it."""
    code, _, err = perfdsl("solve", file(FIRST), "--timeout", "0")
    assert (code, "error[P709]" in err, "--timeout" in err) == (cli_screen.MISTAKE, True, True)


def test_strange_values_of_set(perfdsl, file):
    """What is wrong with a --set is told as it is in a file."""
    path = file(FIRST)
    assert "P003" in perfdsl("solve", path, "--set", "=1")[2]
    assert "P101" in perfdsl("solve", path, "--set", "bandwith=1 GB/s")[2]
    assert "bandwidth" in perfdsl("solve", path, "--set", "bandwith=1 GB/s")[2]
    assert "error[" in perfdsl("solve", path, "--set", "bandwidth=1 GB")[2]


# -- colour, width, streams


def test_colour(perfdsl, file, monkeypatch):
    """No colour where there is no terminal, colour where it is asked for."""
    path = file(FIRST)
    assert "\x1b[" not in perfdsl("solve", path)[1]
    assert "\x1b[" in perfdsl("solve", path, "--color", "always")[1]
    monkeypatch.setattr(sys.stdout.__class__, "isatty", lambda _: True, raising=False)
    assert "\x1b[" in perfdsl("solve", path)[1]
    assert "\x1b[" not in perfdsl("solve", path, "--color", "never")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in perfdsl("solve", path)[1]


def test_a_stream_that_is_not_utf8():
    """On an ASCII stream marks and signs of ours have their plain forms, and nothing breaks."""
    found = outside("solve", CEILING, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.isascii()
    assert "  + FP32 work per core and cycle" in found.stdout
    assert "\\u" not in found.stdout


def test_a_reader_that_leaves_early():
    """A closed pipe ends the run quietly, with the code of the answer."""
    pipe = subprocess.Popen(
        [sys.executable, "-m", "perfdsl", "solve", str(CEILING), "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert pipe.stdout is not None
    assert pipe.stderr is not None
    pipe.stdout.close()
    errors = pipe.stderr.read()
    pipe.stderr.close()
    assert (pipe.wait(), errors) == (0, b"")


# -- the other commands


def test_check_says_what_was_checked(perfdsl):
    """A file without mistakes gives one line: how many files, analyses and claims."""
    code, out, err = perfdsl("check", CEILING)
    assert (code, err) == (0, "")
    assert "no mistakes in 4 files, 2 analyses, " in out
    assert out.count("\n") == 1


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_check_has_each_form(perfdsl, file, form):
    """A mistake is reported in the form that was asked for."""
    code, out, err = perfdsl("check", file(MISTAKE), "--format", form)
    assert code == cli_screen.MISTAKE
    assert ("error[" in err) == (form == "text")
    if form == "sarif":
        assert json.loads(out)["runs"][0]["results"]
    if form == "github":
        assert out.startswith("::error ")


def test_explain(perfdsl, tmp_path, monkeypatch):
    """`explain` lists the pages, prints one, and says where there is none."""
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "P203.md").write_text("# A unit where\n\nText \x1b[1m.\n")
    monkeypatch.setattr("perfdsl.present.code_pages.resources.files", lambda _: tmp_path)
    assert perfdsl("explain")[1] == "P2xx  Units\n  P203  A unit where\n"
    assert perfdsl("explain", "p203")[1] == "P203: A unit where\n\nText \\x1b[1m.\n"
    code, out, err = perfdsl("explain", "P999")
    assert (code, out, "P999" in err) == (cli_screen.MISTAKE, "", True)


def test_show_tree_prints_what_can_be_parsed_again(perfdsl, file):
    """The tree of a declaration is its canonical text."""
    path = file(FIRST)
    code, out, _ = perfdsl("show", path, "triad")
    assert (code, out.splitlines()[0]) == (0, "operator triad(n: Count) {")
    whole = perfdsl("show", path)[1]
    assert perfdsl("show", file(whole, "again.perf"))[1] == whole
    assert perfdsl("show", path, "traid")[0] == cli_screen.MISTAKE


def test_show_program_tells_value_unit_and_source(perfdsl):
    """The program stage shows the formula of a name and every part with its value and source."""
    code, out, _ = perfdsl("show", CEILING, "--stage", "program", "cpu.dram.bandwidth")
    assert code == 0
    assert "channels * rate * width" in out
    assert "= 83.2 GB/s  (dimension B/s)" in out
    assert "5,200 MT/s" in out
    assert "spec: AMD product page: DDR5-5200, JEDEC" in out
    assert "3.678" not in perfdsl("show", CEILING, "--stage", "program", "ridge_tokens")[1]
    assert perfdsl("show", CEILING, "--stage", "program")[0] == 0
    assert perfdsl("show", CEILING, "--stage", "program", "eff.llamacpp.core")[0] == 0
    code, _, err = perfdsl("show", CEILING, "--stage", "program", "ridge_token")
    assert (code, "ridge_tokens" in err) == (cli_screen.MISTAKE, True)


@pytest.mark.parametrize(
    "text, told",
    [
        ("GB/s", "GB/s = 1,000,000,000 B/s"),
        ("GiB", "GiB = 1,073,741,824 B"),
        ("layer", "a label"),
        ("%", "a pure number"),
        ("", "prefixes"),
    ],
)
def test_units_explains(perfdsl, text, told):
    """`units` tells what a unit means, or lists them all."""
    code, out, _ = perfdsl("units", *filter(None, [text]))
    assert (code, told in out) == (0, True)


def test_units_says_what_a_file_would_be_told(perfdsl, file):
    """A wrong unit gets the same message on the command line as in a file."""
    code, _, err = perfdsl("units", "Gb")
    in_file = perfdsl("check", file("perf 1\nlet x = 1 Gb\n"))[2]
    assert code == cli_screen.MISTAKE
    assert err.splitlines()[0] == in_file.splitlines()[0]
    assert "error[P206]: `Gb` is ambiguous" in err


def test_list_names_what_can_be_set(perfdsl, file):
    """`list` shows declarations and settable values; each of these can indeed be set."""
    path = file(FIRST)
    code, out, _ = perfdsl("list", path)
    assert code == 0
    assert "  hardware  laptop" in out
    assert "cpu.dram.bandwidth  60 GB/s" in out
    assert perfdsl("solve", path, "--set", "cpu.dram.bandwidth=60 GB/s")[0] == 0


@pytest.mark.parametrize("name", ["a\x1b[31mred", "\u202eevil", "x\ny"])
def test_names_from_the_command_line_are_made_harmless(perfdsl, file, name):
    """Control characters of an argument never reach the terminal."""
    path = file(FIRST)
    for args in (("solve", path, name), ("show", path, name), ("units", name), ("explain", name)):
        code, out, err = perfdsl(*args)
        assert code == cli_screen.MISTAKE
        assert not {"\x1b", "\u202e"} & set(out + err)


def test_help_starts_fast():
    """`--help` takes at most half of what importing SymPy takes (the budget is 0.3 of it)."""

    def seconds(*args):
        runs = []
        for _ in range(3):
            start = time.perf_counter()
            subprocess.run([sys.executable, *args], check=True, capture_output=True, cwd=ROOT)
            runs.append(time.perf_counter() - start)
        return min(runs)

    assert seconds("-m", "perfdsl", "--help") < 0.5 * seconds("-c", "import sympy")


FIRST_EXAMPLE = "examples/01_first_roofline.perf"
QUICK = {
    "help": ("--help",),
    "check": ("check", FIRST_EXAMPLE),
    "problems": ("check", FIRST_EXAMPLE, "--format", "sarif"),
    "text": ("solve", FIRST_EXAMPLE),
    "json": ("solve", FIRST_EXAMPLE, "--format", "json"),
    "markdown": ("solve", FIRST_EXAMPLE, "--format", "markdown"),
    "tree": ("show", FIRST_EXAMPLE),
    "program": ("show", FIRST_EXAMPLE, "--stage", "program"),
    "explain": ("explain", "P203"),
    "units": ("units", "GB/s"),
    "list": ("list", FIRST_EXAMPLE),
}


@pytest.mark.parametrize("command", QUICK.values(), ids=QUICK)
def test_nothing_slow_is_loaded_to_answer(command):
    """What needs no formula loads neither SymPy nor NumPy, pydantic, rich or lark."""
    code = f"""
import sys
from perfdsl.cli import main
sys.argv = ["perfdsl", *{command!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print()
slow = {{"lark", "numba", "numpy", "perfdsl.runner", "pydantic", "rich", "scipy", "sympy"}}
print(sorted(slow & set(sys.modules)))
"""
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines()[-1] == "[]"
