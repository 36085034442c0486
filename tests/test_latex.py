"""The LaTeX export: read back without an engine, over every program there is and hostile ones."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from perfdsl import cli, cli_screen
from perfdsl.diagnostics import Source, has_errors
from perfdsl.pipeline import Options, Solution, solve_file
from perfdsl.present.derivation import reading_of
from perfdsl.present.formula_book import open_book
from perfdsl.present.formula_sheet import sheet_of
from perfdsl.present.latex_math import atom, infix, lines
from perfdsl.present.latex_names import LETTERS, Names, path, unique
from perfdsl.present.latex_names import Path as NamePath
from perfdsl.present.latex_numbers import digits, literal
from perfdsl.present.latex_page import document
from perfdsl.present.latex_text import label, text, word
from perfdsl.present.latex_units import Units
from perfdsl.semantics.dimensions import PURE
from perfdsl.semantics.units import Unit, UnitTable
from perfdsl.solve.answers import Number
from perfdsl.syntax import tree
from perfdsl.syntax.parser import parse
from perfdsl.syntax.printer import print_statement
from tests import hostile, latex_reader, strategies
from tests.answers import ROOT, solution

PROGRAMS = sorted([*ROOT.glob("specs/**/*.perf"), *ROOT.glob("examples/**/*.perf")])


def solved(file: Path) -> Solution:
    source = Source(file.relative_to(ROOT).as_posix(), file.read_text("utf-8"))
    return solve_file(source, file.parent, Options())


def exported(found: Solution, file: str = "test.perf", *, standalone: bool = True) -> str:
    assert found.program is not None
    return document(found.program, found.answers, file=file, standalone=standalone)


def checked(latex: str) -> latex_reader.Read:
    """A document as it was read back; nothing may be wrong with it."""
    found = latex_reader.read(latex)
    assert found.faults[:3] == []
    missing = {s for s in found.symbols if s not in found.table and not _indexed(s, found.table)}
    assert missing == set()
    return found


def _indexed(symbol: str, table: dict[str, tuple[str, str]]) -> bool:
    """`u_{c}`: a symbol of the table with an index."""
    base, _, index = symbol.partition("_{")
    return base in table and index.rstrip("}") in table


# -------------------------------------------------------------------------------- every program


def test_a_cell_in_another_unit_than_its_heading_says_so():
    """1 GMAC is not 1 Mop: under a heading with another unit a number has its own."""
    found = solution("""perf 1
hardware h {
  port fma { serves fp32; peak = 1 TMAC/s }
  port alu { serves fp32; peak = 1 Top/s }
}
model n(k = 1e9) { use { work fp32 = k * 1 MAC } as x; use { work fp32 = k * 1 op } as y }
analysis a(cpu = h, net = n) { show predict(net, on: cpu).ops columns name, work in Mop }
""")
    latex = exported(found)
    checked(latex)
    assert r"x & $\qty{1}{\giga\perfMAC}$" in latex
    assert r"y & \num{1000}" in latex


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_every_program_is_exported_as_clean_latex(file):
    """Every program of the project: balanced, whitelisted commands, every symbol in its table."""
    found = solved(file)
    assert not has_errors(found.problems)
    checked(exported(found, file.name))
    checked(exported(found, file.name, standalone=False))


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_units_and_values_of_the_tables_are_read_back(file):
    """The value that stands beside a symbol is that of its node, by factor and dimension."""
    found = solved(file)
    assert found.program is not None
    for answer in found.answers:
        only = Solution(found.program, (answer,), ())
        latex = exported(only)
        read = checked(latex)
        sheet = sheet_of(found.program, answer, reading_of(found.program))
        assert all(told.latex in latex for told in sheet.quantities)
        analysis = next(a for a in found.program.analyses if a.name == answer.name)
        book = open_book(found.program, analysis, reading_of(found.program), Units())
        named = {shown(each.path.text): node for node, each in book.named.items()}
        compared = 0
        for name, value in read.table.values():
            node = named.get(name)
            if node is not None and _is_plain(value):
                (quantity,) = latex_reader.quantities(value)
                expected = book.number_of(node)
                assert_equal(quantity, expected, read, analysis.frame.module.units)
                compared += 1
        assert compared or not any(value for _, value in read.table.values())


def shown(name: str) -> str:
    return text(name).replace(r"\hspace{0pt}", "")


def _is_plain(value: str) -> bool:
    return len(list(latex_reader.quantities(value))) == 1 and r"\infty" not in value


SI = {"second": "s", "byte": "B", "bit": "bit", "joule": "J", "watt": "W", "hertz": "Hz"}
POWERS = {
    "kilo": 3, "mega": 6, "giga": 9, "tera": 12, "peta": 15, "exa": 18, "milli": -3, "micro": -6,
    "nano": -9, "pico": -12, "femto": -15,
}  # fmt: skip
BINARY = {"kibi": 1, "mebi": 2, "gibi": 3, "tebi": 4, "pebi": 5, "exbi": 6}


def unit_of(commands: str, read: latex_reader.Read, known: UnitTable) -> Unit:
    r"""The meaning of `\giga\byte\per\second`, by the prefixes of the SI and the declared units."""
    factor, dim = Fraction(1), PURE
    words = commands.replace("{", "\\").replace("}", "").split("\\")[1:]
    sign, scale, at = 1, Fraction(1), 0
    while at < len(words):
        name = words[at]
        at += 1
        if name == "per":
            sign = -1
        elif name in POWERS:
            scale = Fraction(10) ** POWERS[name]
        elif name in BINARY:
            scale = Fraction(1024) ** BINARY[name]
        else:
            stem = "%" if name == "percent" else SI.get(name) or plain(read.declared[name])
            unit = known.single(stem)
            assert unit is not None, name
            power = sign
            if at < len(words) and words[at] == "tothe":
                power, at = sign * int(words[at + 1]), at + 2
            factor *= (scale * Fraction(unit.factor)) ** power
            dim *= unit.dim**power
            sign, scale = 1, Fraction(1)
    return Unit("", float(factor), dim)


def plain(latex: str) -> str:
    return latex.replace(r"\_", "_").replace("$\\mu$", "µ")


def assert_equal(
    quantity: tuple[str, str], expected: Number, read: latex_reader.Read, known: UnitTable
) -> None:
    shown, commands = quantity
    unit = unit_of(commands, read, known)
    assert math.isclose(float(shown) * unit.factor, expected.value, rel_tol=6e-4), quantity
    if commands and unit.dim != PURE:
        assert unit.dim == expected.dim, quantity


# ------------------------------------------------------------------------------- hostile programs

NASTY = [
    r"\input{/etc/passwd}", r"\write18{touch pwned}", r"^^5cinput{x}", r"$$ \end{document}",
    "100 % of #1 & ~ _x_", "\u202egnp.exe", "\x00\x1b[31m", "naïve Übergröße ñ ő",
    "中文 и русский 🎉", "`a` \" ' ''", "[t] *x* ]{}[", "a\u0301\u0302\u0303", "--- << >> ?` !`",
    "\\", "{", "}}}}", "\\end{align*}", "x" * 10_000, "\\" * 3_000, "%\n%", "\\\\[100cm]",
    "\u2028\u2029",
    "µ Ω π ∞ ≤ → ✓", "-" * 50, "$", "\\%", "{" * 200,
]  # fmt: skip


# Those that have something to print; 10,000 claims take a while and print nothing new.
SPEAKING = [
    name
    for name, program in hostile.PROGRAMS.items()
    if "analysis " in program and name not in {"claims_10000", "repeat_1e9_alike"}
]


@pytest.mark.parametrize("name", SPEAKING)
def test_programs_that_mean_harm_do_none_on_a_page(name):
    """What a hostile program says is printed, never obeyed."""
    source = Source(f"{name}.perf", hostile.PROGRAMS[name])
    found = solve_file(source, ROOT / "specs", Options(seconds=20))
    if found.answers:
        checked(exported(found, name))


def nasty(doc: str, title: str) -> str:
    doc = " ".join(doc.split())
    title = title.replace('"', "'").replace("\n", " ")
    return (
        f'perf 1\n## {doc}\nanalysis a(n = 3 @source("{title}")) {{\n'
        f'## {doc}\nlet x = n * 2\nshow x + 1 as "{title}"\nclaim "{title}" x ~= 6\n}}\n'
    )


@pytest.mark.parametrize("said", NASTY, ids=range(len(NASTY)))
def test_whatever_a_comment_says_is_text(said):
    """Titles, notes and doc comments hold anything; the page holds what the reader allows."""
    found = solution(nasty(said, said))
    if not has_errors(found.problems):
        checked(exported(found, said))
    checked(text(said))
    checked(f"$\\text{{{label(said)}}}$")
    assert latex_reader.WORD.fullmatch(word(said)), word(said)


@given(st.text(max_size=300))
def test_any_text_is_escaped(said):
    """No text whatever is more than text."""
    checked(text(said))
    checked(rf"$\text{{{label(said)}}}$")


@given(st.lists(st.text(min_size=1, max_size=30), max_size=12, unique=True))
def test_names_are_never_two_of_a_kind(names):
    """Different names have different symbols, however they are spelled; each is clean LaTeX."""
    paths = [NamePath(name, tuple(part or "x" for part in name.split("."))) for name in names]
    chosen = unique(paths, frozenset())
    latex = [symbol.latex for symbol in chosen.values()]
    assert len(set(latex)) == len(paths)
    for each in latex:
        assert latex_reader.read(f"${each}$").faults == []


def test_symbols_follow_the_names():
    """A name's first letter or Greek word is the symbol, the rest its subscript."""
    names = Names(frozenset({"cpu"}))
    assert names.symbol(path("d_model")).latex == r"d_{\mathrm{model}}"
    assert names.symbol(path("eta_l2")).latex == r"\eta_{\mathrm{l2}}"
    assert names.symbol(path("cpu.l3.bandwidth")).latex == r"b_{\mathrm{l3}}"
    assert names.symbol(path("cpu.clock")).latex == LETTERS["clock"]
    both = unique([path("cpu.clock"), path("gpu.clock"), path("f")], frozenset({"cpu", "gpu"}))
    symbols = {name.text: symbol.latex for name, symbol in both.items()}
    assert symbols == {
        "cpu.clock": r"f_{\mathrm{cpu}}",
        "gpu.clock": r"f_{\mathrm{gpu}}",
        "f": "f",
    }


# ------------------------------------------------------------------------------ units and numbers


OWN_UNITS = """
unit GB_leaflet = 1 GiB
dimension tile @prefixes("decimal")
label expert
unit u1 = 3 tile
unit u2 = 5 tile
"""


def table() -> UnitTable:
    found = solution(OWN_UNITS)
    assert found.program is not None
    assert found.program.entry is not None
    return found.program.entry.units


def page(units: Units, body: str) -> str:
    """A document that holds a formula."""
    return "\n".join([*units.declarations(), r"\begin{document}", body, r"\end{document}"])


KNOWN = table()
STEMS = [n for n in KNOWN.names() if not isinstance(KNOWN.parse(n), str)]
factors = st.tuples(st.sampled_from(STEMS), st.sampled_from(["", "^2", "^3", "^-1", "^-2"]))
products = st.lists(factors, min_size=1, max_size=4).flatmap(
    lambda found: st.lists(st.sampled_from("*/"), min_size=len(found), max_size=len(found)).map(
        lambda signs: "".join(
            (sign if at else "") + name + power
            for at, (sign, (name, power)) in enumerate(zip(signs, found, strict=True))
        )
    )
)


@given(products)
def test_every_unit_is_read_back(written):
    """A unit in siunitx means the same as in the program: its dimension and its factor."""
    meant = KNOWN.parse(written)
    if not isinstance(meant, Unit):
        return
    units = Units()
    commands = units.latex(written, KNOWN)
    read = latex_reader.read(page(units, rf"$\qty{{1}}{{{commands}}}$"))
    assert read.faults == []
    found = unit_of(commands, read, KNOWN)
    assert found.dim == meant.dim
    assert math.isclose(found.factor, meant.factor, rel_tol=1e-12)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e250, max_value=1e250))
def test_every_number_is_read_back(value):
    """Four significant digits of any number; a whole one below 1e9 whole."""
    shown = digits(value)
    assert latex_reader.NUMBER.fullmatch(shown)
    assert math.isclose(float(shown), value, rel_tol=5.1e-4, abs_tol=1e-300)
    if value == round(value) and abs(value) < 1e9:
        assert float(shown) == value


@given(strategies.numbers)
def test_literals_keep_their_digits(number):
    """A literal is printed with the digits of its author."""
    if not isinstance(KNOWN.parse(number.unit), Unit):
        return
    made = literal(number.digits, number.unit, Units(), KNOWN).latex
    ((shown, _),) = latex_reader.quantities(made)
    assert float(shown) == float(number.digits.replace("_", ""))


# ---------------------------------------------------------------------------- forms of expressions


FRAME = solution(hostile.analysis("show cpu.cores"))


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(strategies.values)
def test_every_form_of_expression_is_printed(expr):
    """Any expression at all becomes clean LaTeX, whatever its names mean."""
    assert FRAME.program is not None
    parsed = parse(Source("form.perf", f"perf 1\nlet q = {print_value(expr)}\n"))
    assume(not parsed.problems)
    (statement,) = parsed.file.body
    assert isinstance(statement, tree.Let)
    analysis = FRAME.program.analyses[0]
    book = open_book(FRAME.program, analysis, reading_of(FRAME.program), Units())
    made = book.printer(analysis.frame).print(statement.value)
    assert latex_reader.read(page(book.units, f"${made.latex}$")).faults[:3] == []
    assert all(line.strip() for line in lines(made, 100.0))


def print_value(expr: tree.Expr) -> str:
    """An expression as it stands behind `let q =`."""
    let = tree.Let("q", None, expr, (), span=strategies.NOWHERE)
    return print_statement(let).partition("=")[2]


WRITTEN = {
    "a / b": r"\frac{a}{b}",
    "a / (b * c)": r"\frac{a}{b \cdot c}",
    "max(a, b)": r"\max(a, b)",
    "ceil(a / b)": r"\biggl\lceil\frac{a}{b}\biggr\rceil",
    "sqrt(a^2 + b^2)": r"\sqrt{a^{\num{2}} + b^{\num{2}}}",
    "sum(i * a for i in 1 .. n)": r"\sum_{i=\num{1}}^{n} i \cdot a",
    "sum(i for i in 0 ..< n if i > b)": (r"\sum_{\substack{\num{0} \leq i<n \\ i > b}} i"),
    "fold(u = 0 for k in 1 .. n: u + a)": (
        r"u_{n} \quad\text{with}\quad u_{0}=\num{0},\; u_{k}=u_{k-1} + a"
    ),
    "smallest(k for k in 1 .. 9 if k > b)": r"\min\{k \in [\num{1}, \num{9}] : k > b\}",
    "if a > b then a else b": r"\begin{cases}a & \text{if }a > b \\ b & \text{else}\end{cases}",
    "58 % in 50 % .. 70 %": r"\num{58}^{+\num{12}}_{-\num{8}}\,\unit{\percent}",
    "6 ms +- 0.5 ms": r"(\num{6} \pm \num{0.5})\,\unit{\milli\second}",
    "a - (b - c)": r"a - (b - c)",
    "-a^2": r"-a^{\num{2}}",
    "(-a)^2": r"(-a)^{\num{2}}",
    "a^b^c": r"a^{b^{c}}",
    "abs(a - b)": r"|a - b|",
    "mod(a, b)": r"a \bmod b",
    "log2(a)": r"\log_{2}(a)",
    "not (a > b) or a == b": r"\lnot (a > b) \lor a = b",
    "32 B/(cycle*core)": r"\qty{32}{\byte\per\perfcycle\per\perfcore}",
}


@pytest.mark.parametrize("written", WRITTEN)
def test_forms_look_as_mathematics_does(written):
    """The author's structure: fractions, brackets where they are needed, cases, intervals."""
    values = "let a = 5\nlet b = 2\nlet c = 3\nlet n = 4"
    found = solution(f"{values}\nanalysis x {{ let q = {written} }}")
    assert found.program is not None
    analysis = found.program.analyses[0]
    book = open_book(found.program, analysis, reading_of(found.program), Units())
    assert analysis.frame.analysis is not None
    (statement,) = analysis.frame.analysis.body
    assert isinstance(statement, tree.Let)
    made = book.printer(analysis.frame).print(statement.value).latex
    assert made.replace("if } ", "if }") == WRITTEN[written]


def test_long_formulas_are_broken_at_their_outer_signs():
    """No line is wider than the page, where a sign stands in it."""
    terms = [atom(f"x_{{{i}}}", 20.0) for i in range(100)]
    found = lines(infix(terms, ["+"] * 99, 1), 300.0)
    assert len(found) > 10
    assert all(line.startswith("+") for line in found[1:])
    assert sum(line.count("x_") for line in found) == 100


# ------------------------------------------------------------------------------------ the command


def run(*arguments: str, capsys) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["perfdsl", "export", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_an_output_file_is_not_replaced(tmp_path, capsys):
    """An existing file stays, unless --force says otherwise."""
    source, target = str(ROOT / "examples/01_first_roofline.perf"), tmp_path / "a.tex"
    assert run(source, "-o", str(target), capsys=capsys)[0] == cli_screen.KEPT
    before = target.read_text("utf-8")
    checked(before)
    code, _, err = run(source, "--fragment", "-o", str(target), capsys=capsys)
    assert code == cli_screen.MISTAKE
    assert "is there already" in err
    assert target.read_text("utf-8") == before
    code = run(source, "--fragment", "--force", "-o", str(target), capsys=capsys)[0]
    assert code == cli_screen.KEPT
    assert target.read_text("utf-8").startswith("% This fragment needs")


def test_settings_and_names_reach_the_export(capsys):
    """`--set` and the names of analyses mean what they mean for solve."""
    source = str(ROOT / "examples/01_first_roofline.perf")
    code, out, _ = run(source, "first", "--set", "laptop.dram.bandwidth=5 TB/s", capsys=capsys)
    assert code == cli_screen.KEPT
    assert r"\qty{5}{\tera\byte\per\second}" in out
    code, _, err = run(source, "frist", capsys=capsys)
    assert code == cli_screen.MISTAKE
    assert "did you mean `first`" in err


@pytest.mark.parametrize("file", PROGRAMS, ids=lambda f: f.stem)
def test_no_symbol_is_spelled_by_the_numbers_of_its_characters(file):
    """A sign that ASCII has is printed as it is: `l1,l2,l3`, not `l1U002Bl2`."""
    assert not re.search(r"U00[2-7][0-9A-F]", exported(solved(file)))


def test_symbols_of_made_up_names():
    """What residency asks, a number in doubt, and what is true are not told as identifiers."""
    assert r"C_{\mathrm{l1,l2,l3}}" in exported(solved(ROOT / "examples/05_scenario.perf"))
    assert r"\qty{4}{\byte} \cdot n" in exported(solved(ROOT / "examples/23_uncertainty.perf"))
    assert r"\mathit{rows}_{\mathrm{seen}}" in exported(solved(ROOT / "examples/15_data.perf"))
    assert r"\text{false}" in exported(solved(ROOT / "examples/19_level_time.perf"))
    assert r"\mathit{r2}_{\mathrm{line}}" in exported(solved(ROOT / "examples/16_fit.perf"))
