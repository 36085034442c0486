"""Formulas beside numbers: on the terminal, in Markdown and JSON, and of one name alone."""

from __future__ import annotations

import json
import math
import re

import jsonschema
import numpy as np
import pytest

from perfdsl import cli, cli_answers, cli_screen
from perfdsl.present import latex_math
from perfdsl.present.derivation import reading_of
from perfdsl.present.formula_book import open_book
from perfdsl.present.formula_fits import fits
from perfdsl.present.formula_texts import texts
from perfdsl.present.latex_page import document
from perfdsl.present.latex_plain import without_siunitx
from perfdsl.present.latex_units import Units
from perfdsl.present.readable import ENOUGH, kept_names, size_of
from perfdsl.semantics.values import Quantity
from tests.answers import ROOT, solution

FIRST = ROOT / "examples/01_first_roofline.perf"
UNKNOWN = ROOT / "examples/06_unknown.perf"
CEILING = ROOT / "specs/analyses/theoretical_ceiling.perf"


def run(*arguments, capsys):
    """Exit code, output and errors of a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["perfdsl", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_the_terminal_shows_formulas_beside_numbers(capsys):
    """Each quantity as written and as derived, wrapped to the width."""
    code, out, _ = run("solve", CEILING, "theoretical_ceiling", "--formulas", "--width", 72,
                       capsys=capsys)  # fmt: skip
    assert code == cli_screen.KEPT
    assert "Formulas" in out
    part = out[out.index("Formulas") : out.index("Answers")]
    assert re.search(r"^  arithmetic  352\.3 us$", part, re.MULTILINE)
    assert "      = int8_ops / int8_peak\n" in part
    assert "cpu.cores·cpu.clock·cpu.int8_dot.issue·cpu.int8_dot.width" in part
    assert max(map(len, part.splitlines())) <= 72


def test_the_terminal_makes_no_latex(capsys, monkeypatch):
    """Where no piece of LaTeX can be made, text is as ever, and Markdown is not to be had."""
    expected = run("solve", CEILING, "--formulas", capsys=capsys)
    markdown = ("solve", CEILING, "--formulas", "--format", "markdown")
    assert run(*markdown, capsys=capsys)[0] == cli_screen.KEPT
    monkeypatch.delenv("PERFDSL_DEBUG", raising=False)
    for made in (latex_math.Math, latex_math.Piece):
        monkeypatch.setattr(made, "__init__", _no_latex)
    assert run("solve", CEILING, "--formulas", capsys=capsys) == expected
    assert run(*markdown, capsys=capsys)[0] == cli_screen.BUG


def _no_latex(*_args, **_named):
    raise AssertionError("LaTeX was made")


def test_without_the_option_there_are_no_formulas(capsys):
    """The page is the same as ever, and the document has no derivations."""
    assert "Formulas" not in run("solve", FIRST, capsys=capsys)[1]
    found = json.loads(run("solve", FIRST, "--format", "json", capsys=capsys)[1])
    assert found["analyses"][0]["derivations"] == []


def test_json_has_the_formulas_and_fits_its_schema(capsys):
    """Each derivation: as written, as derived, LaTeX and symbols with values and sources."""
    out = run("solve", FIRST, "--formulas", "--format", "json", capsys=capsys)[1]
    found = json.loads(out)
    schema = json.loads((ROOT / "perfdsl/present/schema.json").read_text("utf-8"))
    jsonschema.validate(found, schema)
    (time,) = (d for d in found["analyses"][0]["derivations"] if d["name"] == "run.time")
    formula = time["formula"]
    assert time["value"]["value"] == 2.4
    assert formula["as_written"] == "run.time"
    assert "laptop.dram.bandwidth" in formula["as_derived"]
    assert formula["latex"].startswith(r"\begin{align*}")
    values = {s["name"]: (s["value"]["value"], s["value"]["unit"]) for s in formula["symbols"]}
    assert values["laptop.dram.bandwidth"] == (50.0, "GB/s")
    exported = run("export", FIRST, capsys=capsys)[1]
    assert formula["latex"] in exported


def test_markdown_has_mathematics_between_dollars(capsys):
    """What GitHub shows: no siunitx, dollars on lines of their own."""
    out = run("solve", FIRST, "--formulas", "--format", "markdown", capsys=capsys)[1]
    blocks = re.findall(r"^\$\$\n(.*?)\n\$\$$", out, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    for block in blocks:
        assert block.startswith(r"\begin{aligned}")
        assert not re.search(r"\\(qty|num|unit|operatorname|perf)", block)


def test_units_without_siunitx_are_words():
    """Prefixes, powers and quotients."""
    units = Units({"op": "perfop", "MAC": "perfMAC"})
    shown = {
        r"\qty{2}{\perfop\per\perfMAC}": r"2\,\mathrm{op/MAC}",
        r"\qty{1e9}{\byte\per\second}": r"1 \times 10^{9}\,\mathrm{B/s}",
        r"\qty{3}{\per\second\tothe{2}}": r"3\,\mathrm{1/s^{2}}",
        r"\qty{5}{\micro\second}": r"5\,\mathrm{\mu s}",
        r"\qty{7}{\perfop\per\byte\per\second}": r"7\,\mathrm{op/(B\,s)}",
        r"\num{12}": "12",
        r"\unit{\percent}": r"\mathrm{\%}",
    }
    assert {each: without_siunitx(each, units) for each in shown} == shown


def test_one_formula_with_its_symbols(capsys):
    """`show --stage formulas NAME`: as written, as derived, the value, and where it comes from."""
    code, out, _ = run("show", CEILING, "arithmetic", "--stage", "formulas", capsys=capsys)
    assert code == cli_screen.KEPT
    assert out.count("arithmetic") == 1
    assert "= int8_ops / int8_peak" in out
    assert re.search(r"cpu\.cores +12 core +spec: AMD product page", out)


def test_an_answer_in_closed_form(capsys):
    """Of a `solve` the unknown as a formula, one a regime, each with its condition."""
    out = run("show", UNKNOWN, "from_few", "--stage", "formulas", capsys=capsys)[1]
    assert "efficiency = 4·matmul.n²·1 MAC / (cpu.dot.peak·few[observed])" in out
    assert "compute binds" in out
    assert "any efficiency" in out
    assert "dram binds" in out


def test_plain_ascii_where_the_terminal_has_no_more(capsys, monkeypatch):
    """A stream without Unicode gets signs that it has."""
    for room in (cli_answers, cli_screen):
        monkeypatch.setattr(room, "is_unicode", lambda stream: False)
    out = run("solve", UNKNOWN, "--formulas", capsys=capsys)[1]
    part = out[out.index("Formulas") : out.index("Answers")]
    assert "4*matmul.n^2*1 MAC / (cpu.dot.peak*efficiency)" in part
    assert part.isascii()


def test_a_misspelt_name_is_told(capsys):
    """The nearest name is offered."""
    code, _, err = run("show", CEILING, "arithmetik", "--stage", "formulas", capsys=capsys)
    assert code == cli_screen.MISTAKE
    assert "did you mean `arithmetic`" in err


def test_a_derived_formula_is_short_enough_to_read():
    """Names stay where a formula would be longer than a reader takes in."""
    found = solution(
        "let a = 2\nlet b = 3\nanalysis x {\n"
        "let p = a + b * a + a / b + a^3 + b^3\nlet q = p * p * p + a\n"
        "let r = q * q + p * q\n}"
    )
    assert found.program is not None
    analysis = found.program.analyses[0]
    book = open_book(found.program, analysis, reading_of(found.program), Units())
    graph = found.program.graph
    node = analysis.definitions[-1].value
    assert isinstance(node, Quantity)
    kept = kept_names(graph, node.node, book.named.keys())
    assert size_of(graph, node.node, kept) <= ENOUGH
    assert book.plain(node.node, unicode=True) == "(p³ + a)² + (p³ + a)·p"
    p = 2 + 6 + 2 / 3 + 8 + 27
    q = p**3 + 2
    assert math.isclose(book.number_of(node.node).value, p * q + q * q)


FIT = ROOT / "examples/16_fit.perf"


def test_a_fit_with_its_numbers(capsys):
    """The page and the export: of any row, the numbers in the place of the unknowns."""
    out = run("solve", FIT, "--formulas", "--width", 100, capsys=capsys)[1]
    assert "= r.took ~= start + each * r.n for r in runs\n" in out
    assert "= r.took ≈ 4.265 us + (0.2998 us/token)·r.n\n" in out
    exported = run("export", FIT, capsys=capsys)[1]
    assert (
        r"\mathit{took}_{r} &{}\approx \mathit{start} + \mathit{each} \cdot n_{r} "
        r"\quad\text{for each}\ r \in \text{runs} \\" in exported
    )
    assert r"&{}= \qty{4.265}{\micro\second} + \qty{0.2998}{\micro\second\per" in exported
    assert r"start & $\qty{4.265}{\micro\second}$ & $\qty{0.2203}{\micro\second}$" in exported
    assert r"$\mathit{start}$ & \raggedright \texttt{start} & $[\num{0},\, \num{20}]" in exported


def test_normal_equations_on_request(capsys):
    """`show` prints them, the export where it is asked for; a curve has none."""
    out = run("show", FIT, "line", "--stage", "formulas", capsys=capsys)[1]
    assert "normal equations, each sum for r in runs" in out
    assert "  start·sum(r.n) + each·sum(r.n²) = sum(r.took·r.n)\n" in out
    assert "normal" not in run("show", FIT, "model", "--stage", "formulas", capsys=capsys)[1]
    assert "Normal equations" not in run("export", FIT, capsys=capsys)[1]
    exported = run("export", FIT, "--normal-equations", capsys=capsys)[1]
    assert exported.count("Normal equations") == 1
    assert r"\sum_{r} n_{r} + \mathit{each} \cdot \sum_{r} n_{r}^{\num{2}} &{}=" in exported


ROWS = """data runs(n: Count, m: Ratio, took: us) {
  1, 0.3,  5
  2, 0.1,  9
  4, 0.7, 21
  7, 0.2, 28
  9, 0.9, 50
}
analysis x(base = 2 us) {
  unknown a: us
  unknown b: us
  fit plane = a, b from r.took ~= base + a * r.n + (b + a) * r.m * r.n for r in runs if r.n > 1
}"""


def test_normal_equations_have_the_fit_as_their_solution():
    """Summed over the rows and solved by NumPy, they give the fitted unknowns."""
    found = solution(ROWS)
    assert found.program is not None
    book = open_book(found.program, found.program.analyses[0], reading_of(found.program), Units())
    ((_, answer, fit),) = fits(book, found.answers[0].fits)
    assert fit is not None
    assert fit.columns.keys() == {n for n in fit.columns if fit.columns[n] in {"n", "m", "took"}}
    left, right = np.zeros((2, 2)), np.zeros(2)
    for cells in fit.cells:
        values = fit.formulas.best()
        for one, two in cells.items():
            values = {**values, fit.formulas.symbol(one): found.program.graph.nodes[two].data.value}
        for at, equation in enumerate(fit.equations()):
            left[at] += [fit.formulas.value(factor, values) for factor in equation.factors]
            right[at] += fit.formulas.value(equation.right, values)
    assert len(fit.cells) == 4
    solved = np.linalg.solve(left, right)
    assert solved == pytest.approx([each.value.value for each in answer.values], rel=1e-9)


def test_rows_of_different_shape_have_no_formula_in_common():
    """Where a case decides by a label, the formula of one row is not that of another."""
    found = solution(
        'data runs(kind: Label, took: us) {\n"a", 1\n"b", 3\n"a", 2\n}\n'
        "analysis x {\nunknown a: us\n"
        'fit f = a from r.took ~= (if r.kind == "a" then a else 2 * a) for r in runs\n}'
    )
    assert found.program is not None, found.problems
    book = open_book(found.program, found.program.analyses[0], reading_of(found.program), Units())
    ((_, _, fit),) = fits(book, found.answers[0].fits)
    assert fit is None


TAKEN_OVER = r"\\textbf\{latency\}: [^\n]*\n\n\\begin\{align\*\}\n(.*?)\n\\end"


def test_crossovers_stand_in_the_export_with_their_conditions(capsys):
    """In tokens, cores and clock; each regime with what holds in it; on the page a pointer."""
    exported = run("export", CEILING, "theoretical_ceiling", capsys=capsys)[1]
    _, _, part = exported.partition(r"\subsection*{Where one term takes over from another}")
    blocks = re.findall(TAKEN_OVER, part[: part.index(r"\subsection*")], re.DOTALL)
    by = [block.partition("=")[0].removeprefix("& ").split(" ")[0] for block in blocks]
    assert by.count(r"\mathit{cores}") == 3
    assert by.count(r"\mathit{tokens}") == 2
    assert "f" in by
    conditions = [block.partition(r"\text{if}\ ")[2] for block in blocks]
    several = [found for found, name in zip(conditions, by, strict=True) if "cores" in name]
    assert len(set(several)) == 3
    assert all(r"C_{\mathrm{l1,l2,l3}}" in condition for condition in several)
    page = run("solve", CEILING, "theoretical_ceiling", "--formulas", "--width", "200",
               capsys=capsys)[1]  # fmt: skip
    assert "`perfdsl show FILE --stage formulas latency` tells where one term of it takes" in page


def test_each_regime_of_a_crossover_says_when_it_holds(capsys):
    """`show` prints the formulas in tokens as well, with working sets by name in conditions."""
    out = run("show", CEILING, "latency", "--stage", "formulas", "--width", "300", capsys=capsys)[1]
    told = " ".join(out.split())
    assert told.count("load.tokens = (2·net.layers") == 2
    weights, activations = (
        f"working set of {role} ≤ room in l1+l2+l3" for role in ("weights", "activations")
    )
    cores = told[told.index("cpu.cores = ") : told.index("cpu.clock = ")]
    assert cores.count("cpu.cores = ") == 3
    for condition in (
        f"if {weights} and not ({activations}) compute",
        f"if not ({weights}) and {activations} compute",
        f"if not ({weights}) and not ({activations}) compute",
    ):
        assert cores.count(condition) == 1


LAW = ROOT / "examples/18_traffic_law.perf"


def test_what_a_run_tells_of_itself_has_its_formula_once():
    """A claim about `run.l2.read` is no mere number: the formula stands among the parts."""
    text = LAW.read_text("utf-8").replace("  show run.l2.read in GB\n", "")
    found = solution(text.removeprefix("perf 1\n"))
    assert found.program is not None, found.problems
    told = texts(found.program, found.answers, deadline=math.inf, unicode=True)["traffic_law"]
    (read,) = (each for each in told.quantities if each.name == "run.l2.read")
    assert read.sort == "part"
    assert "case { 20,000·(8 B/core) ≤ cpu.l1.size: 1, else: 3 }" in read.as_derived
    exported = document(found.program, found.answers, file="law.perf", standalone=True)
    _, _, part = exported.partition(r"\subsection*{What they are made of}")
    assert part.count(r"R_{\mathrm{run,l2}} &{}=") == 1


def test_a_long_condition_is_told_in_terms_of_the_unknown(capsys):
    """When compute binds: where its time, by the unknown itself, is the longer one."""
    out = run("show", CEILING, "llama_chip", "--stage", "formulas", capsys=capsys)[1]
    told = " ".join(out.split())
    assert "too long to print" not in told
    condition = told[told.index(" if ") : told.index("compute binds")]
    assert "efficiency" in condition
    assert "≥ (case { working set of activations ≤ room in l1+l2+l3: 0, else: 1 }" in condition
