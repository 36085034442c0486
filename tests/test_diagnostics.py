"""Diagnostics as data, as text for a terminal, and in the forms for other programs."""

import json
import re
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfdsl.diagnostics import (
    Diagnostic,
    Edit,
    Fix,
    Label,
    Severity,
    Source,
    Span,
    apply_edits,
    did_you_mean,
    has_errors,
    sort_diagnostics,
)
from perfdsl.excerpt import display_width, visible
from perfdsl.present.diagnostic_forms import to_github, to_json, to_sarif
from perfdsl.rendering import render, render_all

GOLDEN = Path(__file__).parent / "golden" / "diagnostics"

DESIGN_EXAMPLE = """\
error[P203]: this divides operations by a multiply-add rate, so it is not a time
  --> short_document.perf:24:18
   |
24 |   let t = work / cpu.int8_dot.peak
   |           ----   ^^^^^^^^^^^^^^^^^ MAC/s
   |           op
   = expected s, found s*op/MAC
  help: one MAC is two op: multiply the rate by `2 op/MAC`, or count the work in MAC"""


def at(source, text):
    """The first place of a text in a source."""
    start = source.text.index(text)
    return Span(source, start, start + len(text))


def design_example():
    source = Source("short_document.perf", "\n" * 23 + "  let t = work / cpu.int8_dot.peak\n")
    return Diagnostic(
        "P203",
        "this divides operations by a multiply-add rate, so it is not a time",
        at(source, "cpu.int8_dot.peak"),
        "MAC/s",
        (Label(at(source, "work"), "op"),),
        ("expected s, found s*op/MAC",),
        "one MAC is two op: multiply the rate by `2 op/MAC`, or count the work in MAC",
    )


def layouts():
    """Each layout that matters, by the name of its golden file."""
    two = Source("query.perf", "fn t_op(o: Operator): Time = o.ops / cpu.vnni_i8.peak\n")
    yield (
        "several_labels",
        Diagnostic(
            "P201",
            "this divides ops by a MAC rate, so the result is not a Time",
            at(two, "o.ops"),
            "op",
            (Label(at(two, "cpu.vnni_i8.peak"), "MAC/s"), Label(at(two, "Time"), "declared here")),
            ("expected:  s\nfound:     s * op / MAC", "left over: op / MAC"),
        ),
    )
    yield (
        "labels_share_a_row",
        Diagnostic(
            "P201",
            "three dimensions",
            at(two, "Time"),
            "s",
            (Label(at(two, "o.ops"), "op"), Label(at(two, "cpu"), "")),
        ),
    )
    yield (
        "nested_spans",
        Diagnostic(
            "P208",
            "an inner place",
            at(two, "cpu"),
            "the machine",
            (Label(at(two, "o.ops / cpu.vnni_i8.peak"), "the quotient"),),
        ),
    )
    yield (
        "one_place_twice",
        Diagnostic("P9", "both", at(two, "cpu"), "one", (Label(at(two, "cpu"), "other"),)),
    )

    yield (
        "marks_inside_the_place",
        Diagnostic("P203", "whole", at(two, "o.ops"), "all", (Label(at(two, "ops"), "op"),)),
    )
    halves = (Label(at(two, "o."), "one half"), Label(at(two, "ops"), "the other"))
    yield "a_place_in_halves", Diagnostic("P203", "whole", at(two, "o.ops"), "both", halves)

    main = Source("analyses/x.perf", "let n = layers\n\nuse matmul(n: 3 byte)\n")
    std = Source("std/layers.perf", "\n".join(["#"] * 99 + ["operator matmul(n: Count)"]))
    yield (
        "two_files",
        Diagnostic(
            "P201",
            "argument `n` of `matmul` takes a count",
            at(main, "3 byte"),
            "byte",
            (
                Label(at(std, "n: Count"), "declared here"),
                Label(at(main, "matmul"), "used here"),
                Label(at(main, "layers"), "a count"),
            ),
        ),
    )

    block = Source("b.perf", "perf 1\n\nmodel m {\n  a = 1\n  b = 2\n  c = 3\n}\nlet x = m.d\n")
    body = Label(at(block, "{\n  a = 1\n  b = 2\n  c = 3\n}"), "its fields")
    yield (
        "several_lines",
        Diagnostic("P106", "`m` has no field `d`", at(block, ".d"), "not a field", (body,)),
    )
    yield "a_block_at_fault", Diagnostic("P4", "this model does nothing", body.span, "empty")

    odd = Source("odd.perf", "\tx\t= 宽字 * e\u0301te\u0301 + b\n\ty = 1\r\n")
    yield (
        "tabs_wide_and_combining",
        Diagnostic(
            "P201",
            "widths",
            at(odd, "e\u0301te\u0301"),
            "two columns less than characters",
            (Label(at(odd, "宽字"), "four columns"), Label(at(odd, "x"), "after a tab")),
        ),
    )
    yield "crlf", Diagnostic("P201", "a Windows line end", at(odd, "1\r\n"), "here")

    hostile = Source(
        "a\x1b[2Jb\n.perf", "let \x1b]0;owned\x07 = \u202eedoc\u2066 \r\x00 \xa0 \ud800 1\n"
    )
    yield (
        "hostile",
        Diagnostic(
            "P001",
            "unexpected `\x1b[31m`\nerror: fake",
            at(hostile, "edoc"),
            "a\rb\x9bc",
            notes=("one\x08\ntwo\u202e",),
            help="\x07",
        ),
    )

    long = Source("long.perf", f"let total = {' + '.join(f'part_{i}' for i in range(99))}\n")
    parts = (("cut_right", "total"), ("cut_both", "part_50"), ("cut_left", "part_98"))
    for name, text in parts:
        yield name, Diagnostic("P101", f"unknown `{text}`", at(long, text), "not declared")
    yield (
        "cut_secondary",
        Diagnostic(
            "P101", "far apart", at(long, "part_60"), "", (Label(at(long, "total"), "in this"),)
        ),
    )
    yield "cut_wide_span", Diagnostic("P101", "all", Span(long, 12, len(long.text)), "too long")

    end = Source("end.perf", "let x =\n\nlet y = (\n")
    yield "end_of_file", Diagnostic("P002", "nothing closes", Span(end, 19, 19), "", ())
    yield "empty_line", Diagnostic("P003", "a value is missing", Span(end, 8, 8), "expected here")
    yield "end_of_line", Diagnostic("P003", "a value is missing", Span(end, 7, 8), "expected here")
    yield "empty_file", Diagnostic("P008", "no edition", Span(Source("e.perf", ""), 0, 0))
    yield (
        "no_place",
        Diagnostic(
            "P706",
            "out of time",
            None,
            notes=("10 s allowed",),
            help="allow more by `--timeout 20s`\nor ask for less",
            severity=Severity.WARNING,
        ),
    )
    power = Source("p.perf", "a = 2 ** 3\n")
    yield (
        "a_fix_is_the_help",
        Diagnostic(
            "P005",
            "`**` is not an operator",
            at(power, "**"),
            fix=Fix("write `^`", (Edit(at(power, "**"), "^"),), safe=True),
            severity=Severity.NOTE,
        ),
    )


LAYOUTS = dict(layouts())


def check_golden(name, text, update_golden):
    path = GOLDEN / name
    if update_golden:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8", newline="")
    assert path.read_text(encoding="utf-8") == text + "\n"


# -- the terminal's form


def test_the_design_example_is_reproduced():
    """The message that the design shows comes out to the letter."""
    assert render(design_example(), color=False, width=100) == DESIGN_EXAMPLE


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout(name, update_golden):
    """Each layout is what a reader approved."""
    check_golden(f"{name}.txt", render(LAYOUTS[name], color=False, width=60), update_golden)


def test_colors(update_golden):
    """A coloured page, its escape character written as ␛, is what a reader approved."""
    shown = [design_example(), LAYOUTS["two_files"], LAYOUTS["no_place"], LAYOUTS["hostile"]]
    text = render_all(shown, color=True, width=60)
    check_golden("colors.txt", text.replace("\x1b", "␛"), update_golden)


def test_render_all_closes_with_the_counts():
    """Several diagnostics stand apart, and their numbers by severity close the page."""
    text = render_all([design_example(), LAYOUTS["no_place"]] * 2, color=False, width=80)
    assert text.endswith("\n\n2 errors, 2 warnings")
    assert render_all([design_example()], color=False, width=80).endswith("\n\n1 error")
    assert render_all([], color=False, width=80) == ""


# Characters that rendering has to care about come often.
CHARS = st.one_of(
    st.sampled_from("ab \t\n\n\r\x1b\x00\x07\x9b宽\u0301\u202e\u2066\u200d\ud800😀…|^-"),
    st.characters(),
)
TEXTS = st.text(CHARS, max_size=120) | st.text(CHARS, max_size=3).map(lambda text: text * 200)
WIDTHS = st.integers(-5, 200)


@st.composite
def diagnostics(draw, *, remarks=True):
    """Any diagnostic at all, with spans that need not lie inside their text."""
    sources = [Source(draw(TEXTS), draw(TEXTS)) for _ in range(draw(st.integers(1, 2)))]
    spans = st.builds(Span, st.sampled_from(sources), st.integers(-3, 400), st.integers(-3, 400))
    edits = st.lists(st.builds(Edit, spans, TEXTS), max_size=2).map(tuple)
    return Diagnostic(
        draw(st.sampled_from(["P201", "P101", "\x1b"])),
        draw(TEXTS),
        draw(st.none() | spans),
        draw(TEXTS),
        tuple(draw(st.lists(st.builds(Label, spans, TEXTS), max_size=4))),
        tuple(draw(st.lists(TEXTS, max_size=2))) if remarks else (),
        draw(TEXTS) if remarks else "",
        draw(st.none() | st.builds(Fix, TEXTS, edits, st.booleans())) if remarks else None,
        draw(st.sampled_from(Severity)),
    )


@given(diagnostics(), WIDTHS)
def test_nothing_that_a_terminal_obeys_comes_out(diagnostic, width):
    """For any texts and offsets, plain output holds printable characters and newlines only."""
    text = render(diagnostic, color=False, width=width)
    assert text.replace("\n", "").isprintable()
    assert "^" in text or diagnostic.span is None


@given(diagnostics(), WIDTHS)
def test_color_adds_only_color(diagnostic, width):
    """Without its SGR codes the coloured text is the plain one."""
    colored = render(diagnostic, color=True, width=width)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(diagnostic, color=False, width=width)


@given(diagnostics(remarks=False), WIDTHS)
def test_source_lines_fit(diagnostic, width):
    """No source line is wider than asked for, or than the least that makes sense."""
    lines = render(diagnostic, color=False, width=width).split("\n")
    shown = [line for line in lines if re.match(r" *\d+ \|", line)]
    assert all(display_width(line) <= max(width, 30) for line in shown)


@given(st.text(CHARS.filter(lambda char: char not in "\r\n"), min_size=1, max_size=60), st.data())
def test_carets_stand_under_their_characters(text, data):
    """The carets take just the columns of the characters that they mark."""
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    diagnostic = Diagnostic("P1", "t", Span(Source("s", text), start, end))
    marks = render(diagnostic, color=False, width=1000).split("\n")[4]
    before, marked = display_width(visible(text[:start])), display_width(visible(text[start:end]))
    assert marks == "   | " + " " * before + "^" * max(1, marked)


@given(st.integers(0, 5000), st.integers(1, 400), st.integers(40, 120))
def test_a_cut_line_still_shows_the_place(start, length, width):
    """However long a line, its excerpt shows the marked text, or as much of it as fits."""
    word = "x" * length
    source = Source("s", "a" * start + word + "b" * 3000)
    lines = render(Diagnostic("P1", "t", at(source, word)), color=False, width=width).split("\n")
    marked = "".join(char for char, mark in zip(lines[3], lines[4], strict=False) if mark == "^")
    assert marked.strip("…") == word[: len(marked.strip("…"))]
    assert len(marked) >= min(length, width // 2)


def test_a_huge_line_is_cheap():
    """Showing a place in a line of megabytes reads only what is near it."""
    source = Source("s", "宽" * 2_000_000)
    far = Diagnostic("P1", "t", Span(source, 1_000_000, 1_000_001))
    assert len(render(far, color=False, width=80)) < 400


# -- the forms for other programs


def test_json_form():
    """The JSON form names every field, with places as lines and columns."""
    fix = Fix("count MAC", (Edit(design_example().secondary[0].span, "macs"),), safe=False)
    base = design_example()
    diagnostic = Diagnostic(
        base.code, base.title, base.span, base.label, base.secondary, base.notes, base.help, fix
    )
    place = {"file": "short_document.perf", "line": 24, "end_line": 24}
    assert to_json(diagnostic) == {
        "code": "P203",
        "severity": "error",
        "title": base.title,
        **place,
        "column": 18,
        "end_column": 35,
        "label": "MAC/s",
        "secondary": [{**place, "column": 11, "end_column": 15, "label": "op"}],
        "notes": ["expected s, found s*op/MAC"],
        "help": base.help,
        "fix": {
            "title": "count MAC",
            "safe": False,
            "edits": [
                {
                    "file": "short_document.perf",
                    "start": 33,
                    "end": 37,
                    "line": 24,
                    "column": 11,
                    "text": "macs",
                }
            ],
        },
    }


def test_sarif_form(update_golden):
    """The SARIF log of an error and a fixable note is what a reader approved."""
    log = to_sarif([LAYOUTS["two_files"], LAYOUTS["a_fix_is_the_help"], LAYOUTS["no_place"]])
    check_golden("sarif.json", json.dumps(log, indent=2), update_golden)


def test_no_golden_file_is_left_over():
    """Every golden file belongs to a test."""
    assert {path.stem for path in GOLDEN.iterdir()} == {*LAYOUTS, "colors", "sarif"}


def test_github_form():
    """A workflow command escapes what would end its properties or its line."""
    source = Source("a,b:c%.perf", "x\ny\n")
    diagnostic = Diagnostic(
        "P1", "50% off:\r\n::error::no", Span(source, 0, 1), "l", (Label(Span(source, 2, 3), "m"),)
    )
    assert to_github(diagnostic) == (
        "::error file=a%2Cb%3Ac%25.perf,line=1,endLine=1,col=1,endColumn=2,title=P1"
        "::50%25 off:%0D%0A::error::no%0Al%0Aa,b:c%25.perf:2:1: m"
    )
    assert to_github(LAYOUTS["no_place"]).startswith("::warning title=P706::out of time%0A10 s")
    assert "col=" not in to_github(LAYOUTS["a_block_at_fault"])


@given(diagnostics())
def test_other_forms_never_fail(diagnostic):
    """Any diagnostic has a JSON, a SARIF and a one-line GitHub form."""
    assert json.loads(json.dumps(to_json(diagnostic))) == to_json(diagnostic)
    assert json.loads(json.dumps(to_sarif([diagnostic]))) == to_sarif([diagnostic])
    assert to_github(diagnostic).isprintable()


# -- the data


@given(TEXTS, st.integers(-5, 700))
def test_position_counts_newlines(text, offset):
    """A position is the number of newlines before it, and the distance from the last of them."""
    before = text[: max(0, offset)]
    expected = (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    assert Source("s", text).position(offset) == expected


def test_span_covers_both():
    """Two spans of a source, in either order, are covered by one."""
    source = Source("s", "let x = 1\n")
    left, right = at(source, "let"), at(source, "1")
    assert left.to(right) == right.to(left) == Span(source, 0, 9)
    assert (right.line, right.column, right.end_position) == (1, 9, (1, 10))
    assert left.to(right).text == "let x = 1"


def test_spans_compare_by_source_and_offsets():
    """Equal offsets in two readings of one text are two places; a repr does not spill the text."""
    one, other = Source("s", "text"), Source("s", "text")
    assert Span(one, 0, 1) == Span(one, 0, 1) != Span(other, 0, 1)
    assert len({Span(one, 0, 1), Span(one, 0, 1), Span(other, 0, 1)}) == 2
    assert repr(Span(one, 0, 1)) == "Span('s', 0, 1)"
    assert "text" not in repr(one)


def test_diagnostics_sort_by_place():
    """In any order they come, they are sorted by source, offset and code, without a place first."""
    a, b = Source("a", "xyz"), Source("b", "xyz")
    ordered = (
        Diagnostic("P9", "", None),
        Diagnostic("P2", "", Span(a, 1, 2)),
        Diagnostic("P1", "", Span(a, 2, 3)),
        Diagnostic("P2", "", Span(a, 2, 2)),
        Diagnostic("P1", "", Span(b, 0, 1)),
    )
    assert all(sort_diagnostics(order) == ordered for order in permutations(ordered))


def test_warnings_and_notes_are_no_errors():
    """Only an error stops the answer."""
    severities = [Severity.WARNING, Severity.NOTE]
    mild = [Diagnostic("P1", "", None, severity=severity) for severity in severities]
    assert not has_errors(mild)
    assert has_errors([*mild, design_example()])


@given(st.text("abc", max_size=20), st.lists(st.text("xyz", max_size=2), max_size=4), st.data())
def test_edits_apply_as_if_from_the_back(text, replacements, data):
    """Edits apart from each other may come in any order, and leave the rest alone."""
    cuts = st.lists(
        st.integers(0, len(text)), min_size=2 * len(replacements), max_size=2 * len(replacements)
    )
    ends = sorted(data.draw(cuts))
    source = Source("s", text)
    edits = [
        Edit(Span(source, start, end), new)
        for start, end, new in zip(ends[::2], ends[1::2], replacements, strict=True)
    ]
    expected = text
    for edit in reversed(edits):
        expected = expected[: edit.span.start] + edit.text + expected[edit.span.end :]
    assert apply_edits(text, edits) == expected


def test_overlapping_edits_are_refused():
    """Two edits of one character contradict each other."""
    source = Source("s", "abc")
    with pytest.raises(ValueError, match="overlap"):
        apply_edits("abc", [Edit(Span(source, 0, 2), "x"), Edit(Span(source, 1, 3), "y")])


MEANT = {
    "gib": (["B", "GB", "GiB"], "GiB"),
    "tokn": (["kern", "token", "tokens"], "token"),
    "bandwdith": (["width", "bandwidth"], "bandwidth"),
    "layer": (["Layer", "layers"], "Layer"),
    "lacy": (["lazy", "lady"], "lazy"),
    "Toks": (["TOKEN", "toks_"], "toks_"),
    "x": (["y", "z"], None),
    "peak": (["peak"], None),
    "clock": (["bandwidth", "cores"], None),
    "eff_mem": (["eff_mac", "eff_men"], "eff_men"),
    "": (["", "a"], None),
}


@pytest.mark.parametrize("word", MEANT)
def test_did_you_mean(word):
    """A near name is offered, never a far one, nor the word itself."""
    candidates, meant = MEANT[word]
    assert did_you_mean(word, candidates) == meant


@given(st.text("abcd", min_size=4, max_size=12), st.integers(0, 10))
def test_a_swap_of_neighbours_is_one_mistake(word, where):
    """A word with two neighbours swapped is found among names two letters away."""
    where = min(where, len(word) - 2)
    swapped = word[:where] + word[where + 1] + word[where] + word[where + 2 :]
    assert swapped == word or did_you_mean(swapped, [word + "xy", word]) == word
