"""Text to tree and back: the grammar, the printer, the codec, the generated files."""

import dataclasses
import hashlib
import json
import logging
import re
from pathlib import Path

import pytest
from hypothesis import given
from lark import Lark
from lark import Token as LarkToken
from lark.exceptions import UnexpectedInput

from perfdsl.diagnostics import Source, Span
from perfdsl.syntax import generate, tree
from perfdsl.syntax.codec import CLASSES, decode, encode
from perfdsl.syntax.parser import parse
from perfdsl.syntax.printer import print_expr, print_file, print_statement
from perfdsl.syntax.scanner import Limits, scan
from perfdsl.syntax.standard import library_names, library_source, load_library
from perfdsl.syntax.table import KEYWORDS, RESERVED
from tests.mutations import mutations
from tests.strategies import expressions, files

DATA = Path(__file__).parent / "data"
SAMPLES = [DATA / "bakery.perf", DATA / "constructs.perf"]


def read(path):
    return Source(path.name, path.read_text("utf-8"))


def parsed(text):
    result = parse(Source("test.perf", text))
    assert not result.problems, result.problems
    return result.file


def value(text):
    """The tree of an expression."""
    (statement,) = parsed(f"x = {text}").body
    return statement.value


def nodes(part):
    """Every node of a tree."""
    if isinstance(part, tree.Node):
        yield part
        for field in dataclasses.fields(part):
            yield from nodes(getattr(part, field.name))
    elif isinstance(part, tuple):
        for each in part:
            yield from nodes(each)


# ------------------------------------------------------------------------------- the language


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_parse(path):
    """The sample programs have no syntax errors."""
    assert not parse(read(path)).problems


def test_samples_hold_every_node():
    """Between them the samples hold every kind of node, so that what is tested on them is tested
    on all of the language."""
    abstract = {"Node", "Expr", "Statement", "Declaration", "Parametrised"}
    found = {type(node).__name__ for path in SAMPLES for node in nodes(parse(read(path)).file)}
    assert found == set(CLASSES) - abstract


def test_every_span_holds_its_parts():
    """A node's span lies in its parent's, and no span is turned around."""
    for path in SAMPLES:
        for node in nodes(parse(read(path)).file):
            assert node.span.start <= node.span.end
            for field in dataclasses.fields(node):
                for part in nodes(getattr(node, field.name)):
                    assert node.span.start <= part.span.start
                    assert part.span.end <= node.span.end


@pytest.mark.parametrize(
    "text, like",
    [
        ("a - b - c", "(a - b) - c"),
        ("-a ^ 2", "-(a ^ 2)"),
        ("a ^ b ^ c", "a ^ (b ^ c)"),
        ("a * -b", "a * (-b)"),
        ("not a == b and c", "(not (a == b)) and c"),
        ("a or b and c", "a or (b and c)"),
        ("a + b +- c", "(a + b) +- c"),
        ("if a then b else c + d", "if a then b else (c + d)"),
    ],
)
def test_precedence(text, like):
    """Brackets around what binds tighter change nothing but the flatness of a sum."""
    assert print_expr(value(text)) == print_expr(value(like)).replace("(a - b) - c", "a - b - c")


@pytest.mark.parametrize(
    "text, digits, unit",
    [
        ("32 B/(cycle*core)", "32", "B/(cycle*core)"),
        ("12core", "12", "core"),
        ("36.8 %", "36.8", "%"),
        ("1e-9 s", "1e-9", "s"),
        ("9.81\u00a0m/s^2", "9.81", "m/s^2"),
        ("262_144", "262_144", ""),
    ],
)
def test_a_unit_stands_behind_its_number(text, digits, unit):
    """A number takes the unit directly behind it, with or without a blank of any kind."""
    assert value(text) == tree.Number(digits, unit, span=SPAN)


SPAN = Span(Source("", ""), 0, 0)


def test_a_word_of_expressions_is_no_unit():
    """Behind a number `in`, `then`, `as` and their like end it."""
    assert isinstance(value("if 3 then 4 else 5"), tree.If)


def test_not_is_kept():
    """`not` is a node, though its rule has one part only."""
    assert value("not a") == tree.Not(tree.Name("a", span=SPAN), span=SPAN)


def test_no_unit_behind_a_caret():
    """An exponent takes no unit, so that a word may follow it."""
    (table,) = parsed("table f(x: m): m/s^2 step { 1 m: 2 m/s^2 }").body
    assert (table.type.name, table.mode) == ("m/s^2", "step")


@pytest.mark.parametrize("word", sorted(set(KEYWORDS) - RESERVED))
def test_words_of_statements_are_names(word):
    """A word that starts a statement is a name before `=`, `:` and `.`, and in expressions."""
    file = parsed(f"{word} = {word} + 1\n{word}: B = 2 B\n{word}.x = 3\nlet {word} = 4")
    assert [statement.value is not None for statement in file.body] == [True] * 4


def test_line_ends_and_marks_do_not_matter():
    """CRLF and a byte order mark give the tree of the plain text."""
    text = read(SAMPLES[1]).text
    assert parsed("\ufeff" + text.replace("\n", "\r\n")) == parsed(text)


def test_docs_belong_to_the_statement_below():
    """The ## lines in front of a statement are its doc; at the end of a block they are nothing."""
    file = parsed("## About\n## this.\nlet x = 1\nformat f {\n  a = 1\n  ## dangling\n}")
    assert [statement.doc for statement in file.body] == ["About\nthis.", ""]


# -------------------------------------------------------------------------------- the printer


@given(files)
def test_a_printed_file_parses_to_itself(file):
    """Printing loses nothing and adds nothing."""
    text = print_file(file)
    result = parse(Source("printed.perf", text))
    assert not result.problems, text
    assert result.file == file


@given(expressions)
def test_a_printed_expression_parses_to_itself(expr):
    """An expression as written is the same expression."""
    assert value(print_expr(expr)) == expr


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_printed_sample_parses_to_itself(path):
    """The tree of the canonical text is the tree of the text, and printing it changes nothing."""
    file = parse(read(path)).file
    text = print_file(file)
    assert parsed(text) == file
    assert print_file(parsed(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "6 ms +- 0.5 ms",
        "rows * k * n * 1 MAC",
        "32 B/(cycle*core)",
        "-(a + b) / (c * d) - e^-2",
        "a - (b - c) + d / (e / f)",
        "r.n^2 + (3 B)^2",
        "a^(3 MAC[int8].x)",
        "if mod(l, 6) == 5 then none else 513",
        "case { a > 1: 1 B, else: 2 B }",
        "predict(net, on: cpu with { l3.size = 16 MiB }).time[long, one_core]",
        "sum(l.time for l in levels if not l.serial)",
        "fold(u = 0 for c in 1 .. n: u + c)",
        "not (a or b) and c bound by d",
        "(3 GB/s @assumed) * 2 s",
    ],
)
def test_a_formula_looks_as_written(text):
    """Blanks around operators, none within units, no bracket that is not needed."""
    assert print_expr(value(text)) == text


def test_blocks_are_indented():
    """A statement in a block stands two further right, its docs above it."""
    (block,) = parsed("hardware h {\n## fast\nport p { peak = 3 } }").body
    printed = print_statement(block, 2)
    assert printed == "  hardware h {\n    ## fast\n    port p {\n      peak = 3\n    }\n  }"


# ---------------------------------------------------------------------------------- the codec


def spans(file):
    heads = [n.head for n in nodes(file) if isinstance(n, tree.Declaration)]
    return [(span.start, span.end) for span in [*(n.span for n in nodes(file)), *heads]]


@given(files)
def test_a_decoded_tree_is_the_tree(file):
    """Encoding, through JSON, loses nothing."""
    assert decode(json.loads(json.dumps(encode(file))), file.span.source) == file


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_decoded_tree_has_its_places(path):
    """Spans come back too, in the source that the reader gives."""
    file = parse(read(path)).file
    source = Source("elsewhere.perf", file.span.source.text)
    copy = decode(json.loads(json.dumps(encode(file))), source)
    assert copy == file
    assert spans(copy) == spans(file)
    assert {node.span.source for node in nodes(copy)} == {source}


@pytest.mark.parametrize(
    "data",
    [
        {"classes": ["Popen"], "tree": [0, 0, 0]},
        {"classes": ["File"], "tree": [7, 0, 0, 1, [-1]]},
        {"classes": ["File"], "tree": ["File", 0, 0, 1, [-1]]},
        {"classes": ["File"], "tree": [0, 0, 0, 1]},
        {"classes": ["Name"], "tree": [0, 0, 0, "x"]},
        {"classes": ["File"], "tree": 3},
        {"tree": []},
        [],
    ],
)
def test_foreign_data_is_refused(data):
    """Data that `encode` did not write is a ValueError, never a tree or another error."""
    with pytest.raises(ValueError, match=r"tree|node|zip"):
        decode(data, Source("test.perf", ""))


# ------------------------------------------------------------------------ the generated files


def test_the_table_is_up_to_date():
    """table.json is what the grammar gives; otherwise: make generate."""
    assert generate.TABLE.read_text("utf-8") == generate.table_text(
        generate.GRAMMAR.read_text("utf-8")
    )


def test_the_parsed_library_is_up_to_date():
    """parsed.json is what the library's texts give; otherwise: make generate."""
    assert generate.PARSED.read_text("utf-8") == generate.parsed_text()


def test_the_library_is_as_if_parsed():
    """Every file of the library is there, with the tree and the places that parsing gives."""
    library = load_library()
    assert sorted(library) == sorted(library_names())
    for name, file in library.items():
        fresh = parse(library_source(name)).file
        assert file == fresh
        assert spans(file) == spans(fresh)


def test_the_library_knows_its_texts():
    """parsed.json names the hash of each text that it was made from."""
    entries = json.loads(generate.PARSED.read_text("utf-8"))
    for name, entry in entries.items():
        text = library_source(name).text
        assert entry["sha256"] == hashlib.sha256(text.encode()).hexdigest()


# ------------------------------------------------------------------------------------- oracle


def lark_parser(**options):
    text = generate.GRAMMAR.read_text("utf-8")
    return Lark(text, parser="lalr", lexer="basic", maybe_placeholders=True, **options)


def lark_accepts(lark, tokens):
    """Lark's own parser, token by token; words are told apart by what Lark could take."""
    parser = lark.parse_interactive("")
    for at, token in enumerate(tokens[:-1]):
        choices = parser.choices()
        kind = token.kind
        if kind == "NAME" and token.text in KEYWORDS:
            follows = tokens[at + 1].kind in {"EQUAL", "COLON", "DOT"} and "NAME" in choices
            takes = KEYWORDS[token.text] in choices and not follows
            kind = KEYWORDS[token.text] if takes or token.text in RESERVED else "NAME"
        if kind == "DOC" and kind not in choices:
            continue
        try:
            parser.feed_token(LarkToken(kind, token.text))
        except UnexpectedInput:
            return False
    try:
        parser.feed_eof()
    except UnexpectedInput:
        return False
    return True


def test_the_grammar_has_no_conflicts(caplog):
    """Lark finds nothing ambiguous in the grammar."""
    caplog.set_level(logging.DEBUG, logger="lark")
    lark_parser(debug=True)
    assert not [r for r in caplog.records if re.search("conflict", r.getMessage(), re.IGNORECASE)]


def test_lark_accepts_what_the_driver_accepts():
    """On the samples and on slips in them, Lark's parser and ours agree on what is a program."""
    lark = lark_parser()
    verdicts = set()
    for path in SAMPLES:
        source = read(path)
        texts = [source.text, *[slip.text for slip in mutations(source.text)[::23]]]
        for text in texts:
            tokens, problems = scan(Source(path.name, text), Limits())
            if not problems:
                ours = not parse(Source(path.name, text)).problems
                verdicts.add(ours)
                assert ours == lark_accepts(lark, tokens), text
    assert verdicts == {True, False}
