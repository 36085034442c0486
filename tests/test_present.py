"""Pages of answers: text, Markdown and JSON, at several widths, and with hostile texts."""

import csv
import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfdsl.diagnostics import Source
from perfdsl.excerpt import display_width, visible
from perfdsl.pipeline import Options, open_file, solve_file
from perfdsl.present import document as document_module
from perfdsl.present import figures, markdown, style, text, words
from perfdsl.present.json_form import document
from perfdsl.present.schema import SCHEMA_FILE, schema
from perfdsl.present.style import Theme

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden" / "present"
CEILING = ROOT / "specs" / "analyses" / "theoretical_ceiling.perf"
EXAMPLES = sorted((ROOT / "examples").glob("*.perf"))

ANSWERS = """\
perf 1
## Every kind of answer on one page.
hardware laptop {
  cores = 8 core
  clock: GHz in 2 GHz .. 4 GHz = 3 GHz  @assumed("under load")
  port fma { serves fp32; peak = cores * clock * 16 MAC/(cycle*core) }
  memory dram { bandwidth = 60 GB/s +- 2 GB/s  @measured("stream") }
}
operator triad(n: Count) {
  work fp32 = n * 1 MAC
  read a = n * 8 B
  write b = n * 4 B
}
operator dense(n: Count) { work fp32 = n * 1000 * 1 MAC; read a = n * 4 B }
scenario one_core(cpu = laptop) { cpu.cores = 1 core  @assumed("it said so") }
## How fast it could be.
analysis all(cpu = laptop) {
  unknown efficiency: Ratio in 0 .. 1
  let light = predict(triad(n: 10_000_000), on: cpu)
  let heavy = predict(dense(n: 1_000_000), on: cpu)
  let time  = max(compute: heavy.compute / efficiency, dram: heavy.dram.time)
  show light.time  as "a long title of a value that has to be wrapped at a narrow terminal's width"
  show heavy.time in ms
  show light.bytes
  show light.time > heavy.time  as "the light one takes longer"
  show light.ops columns name, work in MMAC, bytes in MB, time in us, bound
  observe "ours" time = 5 ms +- 0.1 ms as ours  @id("obs.ours") @source("run.txt")
  solve all_cores = efficiency from time by "ours"
  solve alone = efficiency from time[one_core] by "ours"
  claim "memory binds the light one" light.time bound by dram  @id("claim.memory")
  claim "wrong, and claimed" heavy.time ~= 4 ms  @id("claim.broken")
  refute "wrong, as refuted" heavy.work[fp32] * 2 op/MAC ~= 1 Gop within rounding
    @id("claim.bridge")
  refute "right, though refuted" light.bytes ~= 120 MB  @id("claim.right")
  claim "uncertain" light.time <= 2 ms  @id("claim.open")
  refuse P202 "time is no size" light.time + light.bytes
}
"""


def answers_of(content, folder=ROOT / "specs"):
    """The answers of a text, which has no mistake."""
    found = solve_file(Source("answers.perf", content), folder, Options())
    assert [each for each in found.problems if each.severity.value == "error"] == []
    return found.answers


@pytest.fixture(scope="module")
def everything():
    """One analysis with every kind of answer."""
    return answers_of(ANSWERS)


@pytest.fixture(scope="module")
def ceiling():
    """The first program."""
    source = open_file(CEILING, Options().limits)
    assert isinstance(source, Source)
    named = Source("theoretical_ceiling.perf", source.text)
    return solve_file(named, CEILING.parent, Options()).answers


def as_json(answers, problems=()):
    return json.loads(document(answers, problems, file="x.perf", tool="perfdsl", exit_code=0))


def validated(found):
    """The document, which obeys the published schema."""
    jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text("utf-8"))).validate(found)
    return found


def plain(page):
    return re.sub(r"\x1b\[[0-9;]*m", "", page)


# -- goldens


PAGES = {
    "80": Theme(80),
    "120": Theme(120),
    "80_color": Theme(80, color=True),
    "80_ascii": Theme(80, unicode=False),
}


def compare(name, found, update):
    path = GOLDEN / name
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert path.read_text("utf-8") == found


@pytest.mark.parametrize("form", PAGES)
def test_text_of_every_kind_of_answer(everything, update_golden, form):
    """The page of each kind of answer is the golden one."""
    compare(f"every_kind_{form}.txt", text.page(everything, PAGES[form]) + "\n", update_golden)


def test_verbose_text(everything, update_golden):
    """With --verbose every formula is shown as it was written."""
    found = text.page(everything, Theme(80), verbose=True) + "\n"
    compare("every_kind_verbose.txt", found, update_golden)


@pytest.mark.parametrize("form", ["80", "120"])
def test_text_of_the_first_program(ceiling, update_golden, form):
    """The page of the first program is the golden one."""
    compare(f"ceiling_{form}.txt", text.page(ceiling, PAGES[form]) + "\n", update_golden)


def test_markdown_of_every_kind_of_answer(everything, update_golden):
    """The Markdown page of each kind of answer is the golden one."""
    compare("every_kind.md", markdown.page(everything) + "\n", update_golden)


def test_json_of_every_kind_of_answer(everything, update_golden):
    """The document of each kind of answer is the golden one."""
    found = document(everything, (), file="x.perf", tool="perfdsl", exit_code=1)
    compare("every_kind.json", found + "\n", update_golden)


# -- text


MIXED = """\
perf 1
hardware h {
  port fma { serves fp32; peak = 1 TMAC/s }
  port alu { serves fp32; peak = 1 Top/s }
}
model n(k = 1e9) {
  use { work fp32 = k * 1 MAC } as product
  use { work fp32 = k * 1 op } as sum
  use { work fp32 = k * 0 op } as none_
}
analysis a(cpu = h, net = n) { show predict(net, on: cpu).ops columns name, work in Mop }
"""


def test_a_cell_in_another_unit_than_its_heading_says_so():
    """1 GMAC is not 1 Mop; 0 needs no unit, and what has the unit of the heading none either."""
    found = answers_of(MIXED)
    lines = [line.split() for line in plain(text.page(found, Theme(80))).splitlines()]
    for row in (["product", "1", "GMAC"], ["sum", "1,000"], ["none_", "0"]):
        assert row in lines
    page = markdown.page(found)
    assert "| product | 1 GMAC |" in page
    assert "| sum | 1,000 |" in page


@pytest.mark.parametrize("path", [CEILING, *EXAMPLES], ids=lambda path: path.stem)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(path, width):
    """Every page of examples and specs fits its width, and says the same with colour."""
    source = open_file(path, Options().limits)
    assert isinstance(source, Source)
    answers = solve_file(source, path.parent, Options()).answers
    page = text.page(answers, Theme(width))
    assert [line for line in page.split("\n") if display_width(line) > width] == []
    assert plain(text.page(answers, Theme(width, color=True))) == page


def test_ascii_pages_hold_the_same_words(everything):
    """Where there is no Unicode the page is ASCII."""
    page = text.page(everything, Theme(80, unicode=False), verbose=True)
    assert page.isascii()


@given(st.text(max_size=200), st.integers(8, 100))
def test_wrapped_lines_fit(content, room):
    """Whatever is wrapped fits, holds no control character, and loses nothing but blanks."""
    lines = style.wrap(content, room)
    assert all(display_width(line) <= room for line in lines)
    assert all(line.isprintable() for line in lines)
    whole = "".join(lines).replace(" ", "")
    assert whole == visible(content).replace(" ", "")


def test_a_broken_word_is_told_with_its_place(everything):
    """Whoever breaks its word is listed at the end, where a terminal's reader looks first."""
    lines = text.page(everything, Theme(80)).split("\n")
    assert lines[-3:] == [
        "! answers.perf:31  wrong, and claimed",
        "! answers.perf:34  right, though refuted",
        "7 figures: 3 hold, 2 do not hold, 1 undecided, 1 observed; 2 break their word.",
    ]


# -- JSON


def test_schema_is_the_generated_one():
    """The published schema is what the models give: `make generate` writes it."""
    assert SCHEMA_FILE.read_text("utf-8") == schema(document_module)


@pytest.mark.parametrize("path", [CEILING, *EXAMPLES], ids=lambda path: path.stem)
def test_documents_obey_the_schema(path):
    """The document of every example and spec is valid."""
    source = open_file(path, Options().limits)
    assert isinstance(source, Source)
    found = solve_file(source, path.parent, Options())
    assert validated(as_json(found.answers, found.problems))["schema_version"] == "1"


def test_problems_obey_the_schema():
    """A document with a mistake, its labels and its repair is valid."""
    found = solve_file(Source("x.perf", "perf 1\nlet x = 1 Gb\n"), ROOT, Options())
    assert validated(as_json((), found.problems))["problems"][0]["code"] == "P206"


def test_statements_carry_what_a_gate_needs(everything):
    """Claims, refutes, refuses and observations, each with its fields."""
    found = validated(as_json(everything))["analyses"][0]
    by_id = {each["id"]: each for each in found["statements"] if each["id"]}
    bridge = by_id["claim.bridge"]
    assert (bridge["sort"], bridge["verdict"], bridge["kept"]) == ("refute", "fails", True)
    assert (bridge["published"], bridge["computed"], bridge["unit"]) == (1, 2, "Gop")
    assert "`2 op/MAC` is left out: 1 Gop, which leaves nothing over" in bridge["explanation"]
    assert bridge["location"]["file"] == "answers.perf"
    memory = by_id["claim.memory"]
    assert (memory["published"], memory["computed"], memory["unit"]) == ("dram-bound",) * 2 + ("",)
    ours = by_id["obs.ours"]
    assert (ours["sort"], ours["verdict"], ours["published"]) == ("observe", "observed", 5)
    assert (ours["low"], ours["high"], ours["source"]) == (4.9, 5.1, "run.txt")
    assert by_id["claim.open"]["verdict"] == "undecided"
    assert [each["sort"] for each in found["statements"]].count("refuse") == 1
    assert found["summary"]["broken"] == 2


def test_every_published_figure_is_an_object(ceiling):
    """Each id of the published table is found, with its published value in its published unit."""
    table = ROOT / "tests" / "data" / "published_figures.csv"
    found = {each["id"]: each for a in as_json(ceiling)["analyses"] for each in a["statements"]}
    with table.open(encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            one = found[row["id"]]
            assert one["unit"] == row["unit"]
            if row["published"].replace(".", "").isdigit():
                assert one["published"] == pytest.approx(float(row["published"]))


def test_an_explanation_says_what_is_left_over(ceiling):
    """The work of a token: the bridge is missing, and 4.3 % are left to the stated figure."""
    found = {c.id: c for a in ceiling for c in a.claims}["wl.token"]
    told = "the bridge `2 op/MAC` is left out: 101.4 Mop, which leaves 4.3 % to the stated 106 Mop"
    assert words.explained(found) == told


def test_json_has_no_infinity():
    """An open end is null, so that every reader of JSON can read the document."""
    content = """perf 1
hardware h { port p { serves fp32; peak = 1 GMAC/s }; memory m { bandwidth = 1 GB/s } }
operator o(n: Count) { work fp32 = n * 1 MAC; read a = n * 4 B }
analysis a(cpu = h) {
  unknown n: Count
  solve many = n from predict(o(n: n), on: cpu).time >= 1 s
  show many
}
"""
    raw = document(answers_of(content), (), file="", tool="", exit_code=0)
    assert "Infinity" not in raw
    assert "NaN" not in raw

    def refuse(word):
        raise AssertionError(word)

    validated(json.loads(raw, parse_constant=refuse))


# -- hostile texts


def test_hostile_texts_reach_no_page_raw():
    """Titles, documentation and names of subjects are made harmless in text and Markdown."""
    evil = "\x1b]0;x\x07|`<script>\u202e*b* [x](javascript:y) <!--"
    content = ANSWERS.replace("wrong, as refuted", evil).replace('"ours"', f'"{evil}"')
    content = content.replace("How fast it could be.", f"doc {evil}")
    answers = answers_of(content)
    for page in (text.page(answers, Theme(80, color=True)), markdown.page(answers)):
        assert not {"\x07", "\u202e"} & set(page)
        assert "\x1b]" not in page
    page = markdown.page(answers)
    assert "<script" not in page
    assert "[x](" not in page
    rows = [line for line in page.split("\n") if line.startswith("|")]
    bars = [len(re.findall(r"(?<!\\)\|", line)) for line in rows]
    assert set(bars) <= {3, 4, 5, 6, 9}


@given(st.text(max_size=60))
def test_escaped_markdown_stays_in_its_cell(content):
    """No text ends its cell, its row or its paragraph."""
    found = markdown.escaped(content)
    assert "\n" not in found
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`*_\[\]<>]", found)


# -- words


@pytest.mark.parametrize(
    "share, told", [(0.0429, "4.3 %"), (-0.5, "50 %"), (0.00012, "0.012 %"), (0.063, "6.3 %")]
)
def test_percent(share, told):
    """A relative size with two digits."""
    assert figures.percent(share) == told


def test_leftovers_too_small_for_a_word():
    """Less than 0.005 % is nothing."""
    assert words.leaves(1e-6) == ""
    assert words.leaves(-0.02) == "2 %"


@pytest.mark.parametrize(
    "claimed, sides",
    [
        ("n == 33_554_433 B", ("33.554432", "33.554433 MB")),
        ("n == 33_554_432.5 B", ("33.554432", "33.5544325 MB")),
        ("n == 34 MB", ("33.55", "34 MB")),
    ],
)
def test_figures_that_differ_are_told_apart(claimed, sides):
    """A count that is off by one in eight digits does not look like the one that was stated."""
    text_ = f'perf 1\nanalysis a(n = 33_554_432 B) {{ claim "count" {claimed} }}\n'
    found = solve_file(Source("test.perf", text_), ROOT, Options()).answers
    told = plain(text.page(found, Theme(80)))
    assert " ".join(sides) in " ".join(told.split())
