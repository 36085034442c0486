"""Data from CSV and JSON: what is read is what the standard library reads, and nothing else."""

import csv
import hashlib
import io
import json
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfdsl.diagnostics import Diagnostic, Source
from perfdsl.pipeline import Options, open_file, solve_file
from perfdsl.present.json_form import document
from perfdsl.present.style import Theme
from perfdsl.present.text import page
from perfdsl.syntax.cells import Records
from perfdsl.syntax.csv_records import read_csv
from perfdsl.syntax.json_records import read_json
from tests.answers import file_answers, shown

# ------------------------------------------------------------------------------------ parsing

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def is_plain(text):
    """The blanks around a cell are no part of it."""
    return text.strip(" \t") == text and "\r" not in text  # alone it would end a line


rows = st.integers(1, 5).flatmap(
    lambda width: st.lists(
        st.lists(texts.filter(is_plain), min_size=width, max_size=width).filter(any),
        min_size=2,
        max_size=8,
    ).filter(lambda rows: len(set(rows[0])) == width and all(rows[0]))
)


@given(rows, st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_a_csv_file_of_the_standard_library_is_read_as_it_was_written(rows, newline, quoting):
    """Quotes, commas, line ends and every alphabet; each cell lies where its place says."""
    out = io.StringIO()
    csv.writer(out, lineterminator=newline, quoting=quoting).writerows(rows)
    found = read_csv(Source("x.csv", out.getvalue()))
    assert isinstance(found, Records)
    assert list(found.heads) == rows[0]
    assert [[cell.text for cell in line.cells.values()] for line in found.lines] == rows[1:]
    for line in found.lines:
        for cell in line.cells.values():
            assert cell.span.text.strip('"').replace('""', '"').strip('"') == cell.text.strip('"')


scalars = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
records = st.lists(
    st.fixed_dictionaries({"a": scalars, "b": scalars}, optional={"other": st.recursive(
        st.none() | st.booleans() | scalars,
        lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=8)}),
    min_size=1, max_size=6,
)  # fmt: skip


def value_of(cell):
    return cell.text if cell.sort == "text" else json.loads(cell.text)


@given(records, st.none() | st.integers(0, 3), st.booleans())
def test_a_json_file_of_the_standard_library_is_read_as_it_was_written(found, indent, ascii_):
    """As a list of objects and as an object of columns; what nobody asks for is skipped."""
    columns = {
        "a": [row["a"] for row in found],
        "other": [row.get("other") for row in found],
        "b": [row["b"] for row in found],
    }
    for whole in (found, columns):
        text = json.dumps(whole, indent=indent, ensure_ascii=ascii_)
        read = read_json(Source("x.json", text), {"a", "b"})
        assert isinstance(read, Records), read
        assert [
            {name: value_of(cell) for name, cell in line.cells.items()} for line in read.lines
        ] == [{"a": row["a"], "b": row["b"]} for row in found]
        for line in read.lines:
            for cell in line.cells.values():
                assert json.loads(cell.span.text) == value_of(cell)


@given(st.text(st.sampled_from('[]{},:"\\ 1.e-+anu0tf\n'), max_size=40))
def test_what_python_refuses_as_json_is_refused(text):
    """Whatever is read is JSON; whatever is no JSON is one message with a place."""
    found = read_json(Source("x.json", text), {"a"})
    if isinstance(found, Diagnostic):
        assert found.span is not None
        assert 0 <= found.span.start <= found.span.end <= len(text)
    else:
        json.loads(text)


@pytest.mark.parametrize("seed", range(20))
def test_spoilt_files_are_messages(seed):
    """Characters dropped, doubled and replaced at random: never an exception, never a hang."""
    dice = random.Random(seed)  # noqa: S311  spoils text, guards nothing
    plain = {
        read_csv: 'grain,mass\n"rye ""new""",12.5\r\nwheat,40\n',
        lambda source: read_json(
            source, {"a"}
        ): '[{"a": 1.5, "b": [1, {"c": "x\\u00e9"}]}, {"a": 2}]',
    }
    for read, text in plain.items():
        for _ in range(200):
            spoilt = list(text)
            for _ in range(dice.randint(1, 3)):
                at = dice.randrange(len(spoilt))
                spoilt[at] = dice.choice(["", spoilt[at] * 2, dice.choice(string.printable), "\0"])
            found = read(Source("x", "".join(spoilt)))
            assert isinstance(found, Records) or found.span is not None


# -------------------------------------------------------------------------------------- files

PROGRAM = """perf 1
data runs(kind: Label, n: Count, took: ms) from "NAME"(took = "t [ms]")
analysis a() { show runs; claim "x" r.took <= 1 ms * r.n for r in runs }
"""
CSV = 'kind,junk,t [ms],n\n"a, b",x,1.5,2\nc,"y\nz",20,3\n'
OBJECTS = """[{"kind": "a, b", "n": 2, "t [ms]": 1.5, "host": {"os": []}},
  {"n": 3, "kind": "c", "t [ms]": 2e1}]"""
COLUMNS = '{"kind": ["a, b", "c"], "n": [2, 3], "t [ms]": [1.5, 20.0], "host": "x"}'
FILES = {"r.csv": CSV, "objects.json": OBJECTS, "columns.json": COLUMNS, "s.csv": "\ufeff" + CSV}


def solved(folder, name, text):
    (folder / name).write_text(text, "utf-8", newline="")
    (folder / "main.perf").write_text(PROGRAM.replace("NAME", name), "utf-8")
    return file_answers(folder / "main.perf")[0]


@pytest.mark.parametrize("name", FILES)
def test_the_same_rows_from_every_notation(name, tmp_path):
    """CSV with and without a byte order mark, a list of objects, an object of columns."""
    found = solved(tmp_path, name, FILES[name])
    table = shown(found, "runs").value
    cells = [[each if isinstance(each, str) else each.shown for each in row] for row in table.rows]
    assert cells == [["a, b", 2, 1.5], ["c", 3, 20]]
    (claim,) = found.claims
    assert [(row, each.verdict) for row, each in claim.rows] == [("a, b", "holds"), ("c", "fails")]


@pytest.mark.parametrize("name", FILES)
def test_the_results_say_what_was_read(name, tmp_path):
    """The file, its rows and the SHA-256 of its bytes: short on the page, whole in the document."""
    found = solved(tmp_path, name, FILES[name])
    digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    text = document([found], (), file="x", tool="t", exit_code=0)
    (data,) = json.loads(text)["analyses"][0]["data"]
    assert (data["name"], data["rows"], data["sha256"]) == ("runs", 2, digest)
    assert data["file"].endswith(name)
    assert f"SHA-256 {digest[:12]}..." in " ".join(page([found], Theme(120)).split())
    assert digest in page([found], Theme(120), verbose=True)


def test_data_lies_beside_the_file_or_below_the_root(tmp_path):
    """As an import: "./x" beside the file, else from the nearest folder with perfdsl.toml."""
    (tmp_path / "perfdsl.toml").write_text("")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "r.csv").write_text(CSV, newline="")
    (tmp_path / "sub" / "deep").mkdir(parents=True)
    for path in ("logs/r.csv", "../../logs/r.csv"):
        entry = tmp_path / "sub" / "deep" / "main.perf"
        entry.write_text(PROGRAM.replace("NAME", path), "utf-8")
        assert file_answers(entry)[0].data[0].rows == 2


def test_data_of_an_imported_file_lies_beside_that_file(tmp_path):
    """A path in a file is seen from that file, and its data is told of with the results."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "r.csv").write_text(CSV, newline="")
    lines = PROGRAM.replace("NAME", "./r.csv").split("\n")
    (tmp_path / "log" / "runs.perf").write_text("\n".join(lines[:2]) + "\n")
    (tmp_path / "main.perf").write_text(
        'perf 1\nimport "./log/runs" as log\nanalysis a() { show count(log.runs) as "n" }\n'
    )
    (found,) = file_answers(tmp_path / "main.perf")
    assert shown(found, "n").value.value == 2
    assert [each.name for each in found.data] == ["runs"]


def test_a_larger_file_is_allowed_by_a_flag_alone(tmp_path):
    """Over the limit nothing is read; the flag is named in the message, and helps."""
    from dataclasses import replace as changed

    (tmp_path / "r.csv").write_text("kind,n,t [ms]\n" + "a,1,2\n" * 3000)
    entry = tmp_path / "main.perf"
    entry.write_text(PROGRAM.replace("NAME", "r.csv"))
    for size, expected in ((10_000, ["P701"]), (30_000, [])):
        options = Options(limits=changed(Options().limits, size=size))
        source = open_file(entry, options.limits)
        assert isinstance(source, Source)
        assert [p.code for p in solve_file(source, tmp_path, options).problems] == expected
