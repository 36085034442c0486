"""Data: rows of measurements, what is gathered from them, and claims about each of them."""

import json
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfdsl.present.json_form import document
from perfdsl.present.markdown import page as markdown_page
from perfdsl.present.style import Theme
from perfdsl.present.text import page
from tests.answers import answers, claim, codes, file_answers, shown, solution, value

SEEN = """
data seen(grain: Label, mass: kB, took: ms) {
  "rye",   12.5, 3.1
  "wheat", 40,   9.8
  "oats",  40,   12.8
}
"""


def asked(expression, data=SEEN):
    """The number of an expression over the rows."""
    return value(answers(f'{data}analysis a() {{ show {expression} as "x" }}'), "x")


def judged(statement, data=SEEN):
    """The verdict of a claim titled "x"."""
    return claim(answers(f"{data}analysis a() {{ {statement} }}"), "x")


def text_of(found, **options):
    return page([found], Theme(100), **options)


def json_of(found):
    return json.loads(document([found], (), file="x", tool="t", exit_code=0))["analyses"][0]


# ---------------------------------------------------------------------------------- gathering


def test_a_cell_is_in_the_unit_of_its_column():
    """By label and by number: the same cell, with the digits as written."""
    one, other = asked('seen["wheat"].took'), asked("seen[2].took")
    assert (one.value, one.unit) == (9.8 * 1e-3, "ms")
    assert one == other


@pytest.mark.parametrize(
    "kind,cells,found",
    [
        ("Count<token>", ["12", "5_000"], [12, 5000]),
        ("Ratio", ["0.25", "-3"], [0.25, -3]),
        ("%", ["25", "1e2"], [0.25, 1.0]),
        ("GB/s", ["0", "4"], [0, 4e9]),
        ("layer", ["3", "24"], [3, 24]),
    ],
)
def test_the_type_of_a_column_says_what_its_cells_are(kind, cells, found):
    """A unit, a count of something, a ratio, a label of counts."""
    data = f"data d(x: {kind}) {{ {cells[0]}\n {cells[1]} }}\n"
    assert [asked(f"d[{row}].x", data).value for row in (1, 2)] == found


numbers = st.lists(
    st.tuples(
        st.integers(0, 10**6), st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-6 or x == 0)
    ),
    min_size=1,
    max_size=20,
)


def written(rows):
    lines = "\n".join(f'"{"ab"[n % 2]}", {n}, {x!r}' for n, x in rows)
    return f"data d(kind: Label, n: Count, x: ms) {{\n{lines}\n}}\n"


@given(numbers)
def test_gathered_over_rows(rows):
    """Sum, mean, max, min and counts with a filter on numbers and labels, against Python."""
    data = written(rows)
    xs = [x * 1e-3 for _, x in rows]
    near = pytest.approx
    assert asked("sum(r.x for r in d)", data).value == near(math.fsum(xs), rel=1e-12, abs=1e-12)
    assert asked("mean(r.x for r in d)", data).value == near(
        statistics.fmean(xs), rel=1e-12, abs=1e-12
    )
    assert asked("max(r.x for r in d)", data).value == near(max(xs), rel=1e-15)
    assert asked("min(r.x for r in d)", data).value == near(min(xs), rel=1e-15)
    even = [n for n, _ in rows if n % 2 == 0]
    for word, choose in (("smallest", min), ("largest", max)):
        expression = f'{word}(r.n for r in d if r.kind == "a")'
        assert not even or asked(expression, data).value == choose(even)
    odd = [x for n, x in rows if n % 2 and n > 100]
    condition = 'r.kind == "b" and r.n > 100'
    assert asked(f"sum(1 for r in d if {condition})", data).value == len(odd)
    total = asked(f"sum(r.x for r in d if {condition})", data).value
    assert total == near(math.fsum(odd) * 1e-3, rel=1e-12, abs=1e-12)
    assert asked("count(d)", data).value == len(rows)


def test_counts_of_rows_rest_on_the_data():
    """How many rows there are can be claimed: it is no number written beside the claim."""
    assert judged('claim "x" count(seen) == 3').verdict == "holds"
    assert judged('claim "x" sum(1 for r in seen if r.took > 5 ms) == 2').verdict == "holds"
    assert judged('claim "x" sum(2 kB for r in seen) == 6 kB').verdict == "holds"


def test_data_at_the_top_of_a_file_is_imported(tmp_path):
    """By `from` and by the name of the file, in filters, counts and rows."""
    (tmp_path / "log.perf").write_text(f"perf 1\n{SEEN}", "utf-8")
    (tmp_path / "main.perf").write_text(
        'perf 1\nfrom "./log" import seen\nimport "./log" as log\n'
        'analysis a() { show log.seen["rye"].mass as "x"; show log.seen[1].mass as "y"\n'
        '  show sum(r.mass for r in log.seen) as "z"; show count(seen) as "n" }\n',
        "utf-8",
    )
    (answer,) = file_answers(tmp_path / "main.perf")
    assert [value(answer, name).shown for name in "xyzn"] == [12.5, 12.5, 92.5, 3]


def test_a_row_reads_the_program_under_its_own_inputs():
    """An index may take a workload whose argument is a cell."""
    found = answers("""
        hardware laptop {
          port fma { serves fp32; peak = 1 GFLOP/s }
          memory m { bandwidth = 1 GB/s }
        }
        operator busy(n: Count) { work fp32 = n * 1000 FLOP; read arrays = 0 B }
        model net() { use busy(n: load.rows) }
        workload sized(n: Count<token>) { tokens = n }
        data runs(n: Count<token>, took: us) {
          10, 10.02
          20, 25
        }
        analysis a(cpu = laptop, load = sized(n: 1 token)) {
          let t = predict(net, on: cpu).time
          claim "each" t[sized(n: r.n)] <= r.took for r in runs
          claim "sum" sum(t[sized(n: r.n)] for r in runs) ~= 30 us
          claim "exact" t[sized(n: r.n)] ~= r.took for r in runs
        }""")
    assert claim(found, "each").verdict == "holds"
    assert claim(found, "sum").verdict == "holds"
    assert [row.verdict for _, row in claim(found, "exact").rows] == ["holds", "fails"]


# ------------------------------------------------------------------------------------- claims


@pytest.mark.parametrize("word,kept", [("claim", {"holds"}), ("refute", {"fails"})])
@given(rows=numbers, limit=st.integers(-1000, 1000))
def test_each_row_is_a_statement_of_its_own(word, kept, rows, limit):
    """The word is kept for a row by its own verdict, and for the whole where all rows keep it."""
    found = judged(f'{word} "x" r.x <= {limit} ms for r in d', written(rows))
    wanted = ["holds" if x * 1e-3 <= limit * 1e-3 else "fails" for _, x in rows]
    assert [row.verdict for _, row in found.rows] == wanted
    assert [row.kept for _, row in found.rows] == [verdict in kept for verdict in wanted]
    assert found.kept == all(row.kept for _, row in found.rows)


def test_a_cell_counts_as_stated():
    """On either side, with the rounding of the digits as written, and with its gap."""
    for claimed in ("r.took ~= r.mass / (4.08 MB/s)", "r.mass / (4.08 MB/s) ~= r.took"):
        found = judged(f'claim "x" {claimed} within rounding for r in seen')
        assert [row.verdict for _, row in found.rows] == ["holds", "holds", "fails"]
        assert [row.published.shown for _, row in found.rows] == [3.1, 9.8, 12.8]
        assert found.rows[2][1].gap == pytest.approx(40e3 / 4.08e6 / 12.8e-3 - 1, rel=1e-12)


def test_rows_are_named_by_their_label_or_number():
    """A label that is there twice is told apart by its number."""
    data = 'data d(a: Label, b: Label, x: ms) {\n"r", "1", 1\n"r", "1", 2\n"s", "1", 3\n}\n'
    found = judged('claim "x" r.x <= 2 ms for r in d', data)
    assert [name for name, _ in found.rows] == ["r, 1 (row 1)", "r, 1 (row 2)", "s, 1"]
    plain = judged('claim "x" r.x <= 2 ms for r in d', "data d(x: ms) { 1\n2\n3 }\n")
    assert [name for name, _ in plain.rows] == ["row 1", "row 2", "row 3"]


def test_a_claim_over_numbers_and_operators():
    """What `for` runs over elsewhere, a claim may run over as well."""
    found = answers("""
        hardware laptop {
          port fma { serves fp32; peak = 1 GFLOP/s }
          memory m { bandwidth = 1 GB/s }
        }
        operator busy(n: Count) { work fp32 = n * 2 FLOP; read arrays = n * 1 B }
        model net(n = 10) { use busy(n) as one; use busy(n: 2 * n) as two }
        workload w { tokens = 1 token }
        analysis a(cpu = laptop, load = w) {
          let run = predict(net, on: cpu)
          claim "bound" o.time bound by compute for o in run.ops
          claim "small" busy(n: i).work <= 6 FLOP for i in 1 .. 4
        }""")
    assert [name for name, _ in claim(found, "bound").rows] == ["one", "two"]
    assert claim(found, "bound").verdict == "holds"
    names = [(name, row.verdict) for name, row in claim(found, "small").rows]
    assert names == [("i = 1", "holds"), ("i = 2", "holds"), ("i = 3", "holds"), ("i = 4", "fails")]


def test_the_word_of_the_whole_is_undecided_where_a_row_is():
    """A row that an uncertain input may turn leaves the claim open, and --strict refuses it."""
    data = "hardware h { rate = 4 MB/s +- 10 % * 4 MB/s }\n" + SEEN
    text = (
        f'{data}analysis a(cpu = h) {{ claim "x" r.took <= 1.05 * r.mass / cpu.rate for r in seen'
    )
    found = answers(text + ' if r.grain != "oats" }')
    assert claim(found, "x").verdict == "undecided"
    assert found.undecided == 1
    assert claim(answers(text + " }"), "x").verdict == "fails"


# -------------------------------------------------------------------------------------- pages


def test_rows_that_do_not_hold_are_told_by_name_and_by_how_much():
    """On the text page, in Markdown and in JSON; the others on demand."""
    found = answers(
        SEEN + 'analysis a() { claim "x" r.mass / r.took ~= 4 MB/s within 5 % for r in seen }'
    )
    text = text_of(found)
    assert "2 of 3 rows hold" in text
    assert "! oats  3.125, stated 4 MB/s  -22 %" in text
    assert "rye" not in text
    assert "✓ rye" in text_of(found, verbose=True)
    assert "| **! breaks its word** | oats | 3.125, stated 4 MB/s | -22 % |" in markdown_page(
        [found]
    )
    rows = json_of(found)["statements"][0]["rows"]
    assert [(row["row"], row["verdict"], row["unit"]) for row in rows] == [
        ("rye", "holds", "MB/s"),
        ("wheat", "holds", "MB/s"),
        ("oats", "fails", "MB/s"),
    ]
    assert rows[2]["computed"] == 3.125


def test_a_thousand_rows_do_not_flood_the_page():
    """A dozen rows and the number of the others; all of them with --verbose."""
    lines = "\n".join(str(i) for i in range(1, 1001))
    found = answers(
        f"data d(n: Count) {{\n{lines}\n}}\nanalysis a() {{"
        ' show d; claim "x" r.n <= 500 for r in d }'
    )
    text = text_of(found)
    assert len(text.split("\n")) < 100
    assert "and 488 more; --verbose shows every row" in text
    assert "and 950 more rows; --verbose shows all" in text
    assert len(text_of(found, verbose=True).split("\n")) > 2000
    assert len(json_of(found)["shows"][0]["table"]["rows"]) == 1000


def test_data_is_shown_as_a_table():
    """All columns, or those that are asked for in the unit that is asked for."""
    found = answers(
        SEEN + 'analysis a() { show seen columns grain, mass in B as "t"; show seen["rye"] as "r" }'
    )
    table = shown(found, "t").value
    assert table.columns == ("grain", "mass")
    assert [(row[0], row[1].shown, row[1].unit) for row in table.rows] == [
        ("rye", 12500, "B"),
        ("wheat", 40000, "B"),
        ("oats", 40000, "B"),
    ]
    assert [
        cell if isinstance(cell, str) else cell.shown for cell in shown(found, "r").value.rows[0]
    ] == [
        "rye",
        12.5,
        3.1,
    ]


@pytest.mark.parametrize("label", ["a|b", "<b>x</b>", "*x*", "[x](y)", "`x`", "é中", "$x$"])
def test_a_label_is_shown_and_never_obeyed(label):
    """It is a cell of a table, whatever it says."""
    data = f'data d(a: Label, x: ms) {{\n"{label}", 3\n}}\n'
    found = answers(data + 'analysis a() { show d; claim "x" r.x <= 2 ms for r in d }')
    assert label in text_of(found)
    rows = [line for line in markdown_page([found]).split("\n") if line.startswith("|")]
    assert "<b>" not in "".join(rows)
    assert json_of(found)["shows"][0]["table"]["rows"][0][0] == label


def test_a_label_is_no_name():
    """It is compared with == and !=, and is neither a number nor a variable."""
    assert codes(SEEN + "analysis a() { show sum(r.grain for r in seen) }") == ["P302"]
    assert codes(SEEN + "analysis a() { show max(r.took for r in seen) bound by rye }") == ["P603"]


def test_unused_data_is_a_warning():
    """As for any other name of an analysis."""
    assert [
        p.code for p in solution("analysis a() { data d(x: ms) { 3\n4 }\n show 1 ms }").problems
    ] == ["P107"]


def test_no_single_cell_is_blamed_for_a_gap():
    """A count in a row is no mistake of counting: only what every row shares may explain it."""
    data = "data d(n: Count, x: ms) {\n 4, 1\n 8, 2 }\n"
    found = judged('claim "x" sum(r.x for r in d) * d[1].n ~= 3 ms', data)
    assert found.verdict == "fails"
    assert found.explanation.edit == ""
