"""Formulas beside numbers: on the terminal, in Markdown and JSON, and of one name alone."""

from __future__ import annotations

import json
import math
import re

import jsonschema
import pytest

from perfdsl import cli
from perfdsl.present.derivation import reading_of
from perfdsl.present.formula_book import open_book
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
    assert code == cli.KEPT
    assert "Formulas" in out
    part = out[out.index("Formulas") : out.index("Answers")]
    assert re.search(r"^  arithmetic  352\.3 us$", part, re.MULTILINE)
    assert "      = int8_ops / int8_peak\n" in part
    assert "cpu.cores·cpu.clock·cpu.int8_dot.issue·cpu.int8_dot.width" in part
    assert max(map(len, part.splitlines())) <= 72


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
    assert code == cli.KEPT
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
    monkeypatch.setattr(cli, "_is_unicode", lambda stream: False)
    out = run("solve", UNKNOWN, "--formulas", capsys=capsys)[1]
    part = out[out.index("Formulas") : out.index("Answers")]
    assert "4*matmul.n^2*1 MAC / (cpu.dot.peak*efficiency)" in part
    assert part.isascii()


def test_a_misspelt_name_is_told(capsys):
    """The nearest name is offered."""
    code, _, err = run("show", CEILING, "arithmetik", "--stage", "formulas", capsys=capsys)
    assert code == cli.MISTAKE
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
    assert size_of(graph, graph.needed([node.node]), kept) <= ENOUGH
    assert book.plain(node.node, unicode=True) == "(p³ + a)² + (p³ + a)·p"
    p = 2 + 6 + 2 / 3 + 8 + 27
    q = p**3 + 2
    assert math.isclose(book.number_of(node.node).value, p * q + q * q)
