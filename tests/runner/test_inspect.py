"""What `model inspect` tells of a model file: its numbers are the file's, whoever wrote it."""

import json

import gguf
import pytest

from perfdsl import cli_runner
from perfdsl.cli_options import ColorChoice, ModelForm, PlainForm
from perfdsl.cli_screen import MISTAKE
from perfdsl.excerpt import display_width
from perfdsl.present.model_json import document
from perfdsl.present.model_page import page
from perfdsl.present.style import Theme
from perfdsl.records import replace
from perfdsl.runner.config import PUBLISHED, Config
from perfdsl.runner.describe import describe
from perfdsl.runner.errors import ModelFileError, OtherModelError
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.gguf_types import TensorType, ValueType
from perfdsl.runner.to_perf import every_nth, to_perf
from tests.answers import solution, told
from tests.runner.model_files import write_shape
from tests.runner.mutants import mutants
from tests.runner.tiny_file import DATA, TINY, rewritten, tensor


def shape(layers=2, full=None, **changes):
    """A small shape; full: which layers have no window."""
    small = Config(
        layers=layers, d_model=64, d_ff=96, heads=2, kv_heads=1, d_head=32, vocab=40, context=128,
        window=16, full=full or (False,) * layers, eps=1e-6, theta_full=1e6, theta_window=1e4,
        dense=0,
    )  # fmt: skip
    return replace(small, **changes)


SHAPES = {
    "published": PUBLISHED,
    "published, early": replace(PUBLISHED, dense=0),
    "no layer without a window": shape(3),
    "each without a window": shape(3, full=(True,) * 3),
    "one layer": shape(1, full=(True,)),
    "every second of five": shape(5, full=(False, True, False, True, False)),
    "the last of seven": shape(7, full=(False,) * 6 + (True,)),
    "a head": shape(dense=160),
    "wide": shape(d_model=1024, d_ff=4096, heads=8, kv_heads=4, d_head=128, vocab=3000),
    "all heads have their own keys": shape(heads=4, kv_heads=4),
    "an odd window": shape(window=31),
    "no reach": shape(window=1),
}


def described(tmp_path, config, name="made for a test"):
    return describe(open_gguf(write_shape(tmp_path / "made.gguf", config, name)))


# -- the page


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_the_page(width, update_golden):
    """All of the tiny model, at the widths of terminals."""
    found = page(describe(open_gguf(TINY)), Theme(width))
    assert max(map(display_width, found.splitlines())) <= width
    golden = DATA / f"inspect_{width}.txt"
    if update_golden:
        golden.write_text(found + "\n", encoding="utf-8")
    assert golden.read_text("utf-8") == found + "\n"


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("width", [60, 80])
def test_every_shape_has_a_page(tmp_path, name, width):
    """No line is wider than the terminal."""
    found = page(described(tmp_path, SHAPES[name]), Theme(width))
    assert max(map(display_width, found.splitlines())) <= width


def test_the_published_model_is_told_as_such(tmp_path):
    """The shape of the published file, and the sizes that its publisher's file has."""
    found = described(tmp_path, PUBLISHED)
    assert found.differences == ()
    assert (len(found.file.tensors), found.parameters) == (316, 307_581_696)
    assert (found.nbytes, found.call_bytes, found.row_bytes) == (327_060_480, 113_150_976, 816)
    assert "the same shape" in page(found, Theme(80))


def test_tensors_without_a_part_are_listed(tmp_path):
    """A file may hold more than the model; what more is named, in a harmless form."""
    more = [
        tensor("extra\x1b[2J.weight", (3, 5), TensorType.F32, bytes(60)),
        tensor("second", (7,), TensorType.F32, bytes(28)),
    ]
    path = tmp_path / "more.gguf"
    path.write_bytes(rewritten(tensors=lambda tensors: tensors.extend(more)))
    found = describe(open_gguf(path))
    shown = page(found, Theme(100))
    assert "without a part in the model: extra\\x1b[2J.weight (3 x 5 F32), second (7 F32)" in shown
    assert "2 other tensors have no part in it" in to_perf(found)
    used = {each["name"]: each["used"] for each in json.loads(document(found))["tensors"]}
    assert [name for name, each in used.items() if not each] == [each.name for each in more]


def test_the_document_is_what_the_package_finds():
    """Tensors and sums, held against the `gguf` package's reading of the file."""
    found = json.loads(document(describe(open_gguf(TINY))))
    theirs = {each.name: each for each in gguf.GGUFReader(TINY).tensors}
    assert {each["name"] for each in found["tensors"]} == set(theirs)
    for each in found["tensors"]:
        other = theirs[each["name"]]
        assert each["shape"] == [int(size) for size in other.shape[::-1]]
        assert (each["type"], each["bytes"]) == (other.tensor_type.name, other.n_bytes)
    assert found["tensor_bytes"] == sum(int(each.n_bytes) for each in theirs.values())
    assert found["parameters"] == sum(int(each.n_elements) for each in theirs.values())
    assert sum(each["bytes"] for each in found["groups"].values()) == found["tensor_bytes"]
    assert sum(each["tensors"] for each in found["groups"].values()) == len(theirs)
    assert found["bytes"] == TINY.stat().st_size
    assert found["vocabulary"]["kinds"] == {"normal": 252, "control": 4, "byte": 256}
    assert found["vocabulary"]["special"]["bos"] == {"token": 2, "text": "<bos>"}


# -- the program


def solved(text):
    """The answers of a program that has no mistake."""
    found = solution(text)
    assert not found.problems, told(found)
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_every_program_so_made_holds(tmp_path, name):
    """It checks, and each of its claims, which name the bytes of the file, keeps its word."""
    config = SHAPES[name]
    found = described(tmp_path, config)
    (answer,) = solved(to_perf(found)).answers
    assert len(answer.claims) == 5
    assert not answer.broken
    assert f"== {found.nbytes:_} B" in to_perf(found)
    # The sums are those of the file's own tensors.
    assert found.nbytes == sum(each.nbytes for each in found.file.tensors.values())


def test_the_program_of_the_tiny_file_holds():
    """The one file that was made elsewhere."""
    (answer,) = solved(to_perf(describe(open_gguf(TINY)))).answers
    assert not answer.broken


COUNTS = """
import "hardware/ryzen_9_7900" as hw
analysis counts(cpu = hw.ryzen_9_7900, net = from_file, load = longest) {{
  let run = predict(net, on: cpu)
{claims}
}}
"""


def counted(tmp_path, config, counts):
    """A claim for each operator: so many multiply-adds for the longest text, in one layer."""
    claims = [f'  claim "{op}" run.ops["{op}"].work == {count} MAC' for op, count in counts.items()]
    program = to_perf(described(tmp_path, config)) + COUNTS.format(claims="\n".join(claims))
    return solution(program)


@pytest.mark.parametrize(
    "name, windowed, whole",
    [
        ("every second of five", "attn (l mod 2 = 0)", "attn (l mod 2 = 1)"),
        ("the last of seven", "attn (l mod 7 = 0, 1, 2, 3, 4, 5)", "attn (l mod 7 = 6)"),
        ("each without a window", "", "attn"),
    ],
)
def test_a_program_counts_what_a_run_does(tmp_path, name, windowed, whole):
    """Multiply-adds of the longest text: all pairs in some layers, those within reach in others."""
    config = SHAPES[name]
    n = config.context
    near = sum(abs(i - j) <= config.reach for i in range(n) for j in range(n))
    counts = {
        "attn_q": n * config.d_model * config.d_q,
        "ffn_gate": n * config.d_model * config.d_ff,
        windowed: 2 * config.d_q * near,
        whole: 2 * config.d_q * n * n,
    }
    counts.pop("", None)
    found = counted(tmp_path, config, counts)
    assert not found.problems, told(found)
    assert [len(each.claims) for each in found.answers] == [5, len(counts)]
    assert not any(each.broken for each in found.answers)


def test_without_a_head_there_is_none(tmp_path):
    """No product of a head is left where the file has none; where it has one, it is counted."""
    with_head = SHAPES["a head"]
    found = counted(tmp_path, with_head, {"dense_2": with_head.d_model * with_head.dense})
    assert not found.problems, told(found)
    assert not any(each.broken for each in found.answers)
    assert counted(tmp_path, replace(with_head, dense=0), {"dense_2": 0}).problems


def test_layers_in_no_order_are_refused(tmp_path):
    """The shipped model has every n-th layer see the whole text, and says so where it is not."""
    found = described(tmp_path, shape(4, full=(True, False, False, True)))
    with pytest.raises(OtherModelError, match="layers 0, 3 see"):
        to_perf(found)


def test_every_nth_is_found_or_none():
    """Held against all patterns of up to nine layers."""
    for layers in range(1, 10):
        regular = {
            tuple(layer % every == every - 1 for layer in range(layers)): every
            for every in range(layers + 1, 0, -1)
        }
        for bits in range(2**layers):
            full = tuple(bool(bits >> layer & 1) for layer in range(layers))
            assert every_nth(full) == regular.get(full)


def test_published_is_what_the_shipped_model_says(tmp_path):
    """The shape in `config` is that of specs/models/embeddinggemma_300m.perf."""
    names = "layers d_model d_ff heads kv_heads d_head vocab dense every window".split()
    claims = "\n".join(f'  claim "{name}" net.{name} == other.{name}' for name in names)
    start = "analysis same(net = from_file, other = shipped.embeddinggemma) {"
    program = f"{to_perf(described(tmp_path, PUBLISHED))}{start}\n{claims}\n}}\n"
    found = solved(program)
    assert [len(each.claims) for each in found.answers] == [5, len(names)]
    assert not any(each.broken for each in found.answers)


# -- whoever wrote it

NAMES = [
    "",
    "a\nanalysis evil { show 1 }",
    "a\r\x85\u2028perf 2",
    "$layers ${dense} $$ %s {0}",
    '"quoted" `ticked` \\ */ # @source("x")',
    "\x00\x1b[31m\x07",
    "\u202egnp.exe\u202c \u200b\ufeff",
    "世界" * 500,
    "x" * 70_000,
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_does_no_harm(tmp_path, name):
    """What a file calls itself stays one comment of a program, and drives no terminal."""
    path = tmp_path / "named.gguf"
    path.write_bytes(
        rewritten(lambda keys: keys.update({"general.name": (ValueType.STRING, name)}))
    )
    found = describe(open_gguf(path))
    text = to_perf(found)
    (answer,) = solved(text).answers
    assert (answer.name, answer.broken) == ("file", False)
    lines = page(found, Theme(80)).split("\n")
    assert all(line.isprintable() for line in [*lines, *text.split("\n")])
    assert max(map(display_width, lines)) <= 80
    json.loads(document(found))


@pytest.mark.parametrize("name", ["two\nlines.gguf", "\x1b[31mred.gguf", "\udcff.gguf"])
def test_a_name_of_a_file_does_no_harm(tmp_path, name):
    """The same for what the file is called on the disk."""
    path = tmp_path / name
    path.write_bytes(TINY.read_bytes())
    found = describe(open_gguf(path))
    assert not solved(to_perf(found)).answers[0].broken
    assert all(line.isprintable() for line in page(found, Theme(80)).split("\n"))
    json.loads(document(found))


def test_mutants_have_a_page_or_an_error(tmp_path):
    """Whatever a damaged file holds: an error of ours, or a page, a document and a program."""
    path = tmp_path / "mutant.gguf"
    programs = []
    for mutant in mutants(600, seed=7):
        path.write_bytes(mutant.data)
        try:
            found = describe(open_gguf(path))
            programs.append(to_perf(found))
        except ModelFileError:
            continue
        assert all(line.isprintable() for line in page(found, Theme(80)).split("\n"))
        json.loads(document(found))
    assert len(programs) > 50
    for text in dict.fromkeys(programs):
        assert not any(each.broken for each in solved(text).answers)


# -- the command


@pytest.fixture
def inspect(capsys):
    """Runs the command: exit code, standard output, standard error."""

    def run(file, **options):
        try:
            cli_runner.model_inspect(str(file), **options)
        except SystemExit as ended:
            return ended.code, *capsys.readouterr()
        return 0, *capsys.readouterr()

    return run


def test_the_command_prints_page_document_and_program(inspect):
    """Each is what its function gives."""
    found = describe(open_gguf(TINY))
    assert inspect(TINY, width=80) == (0, page(found, Theme(80)) + "\n", "")
    assert inspect(TINY, form=PlainForm.JSON) == (0, document(found) + "\n", "")
    assert inspect(TINY, to=ModelForm.PERF) == (0, to_perf(found), "")


def test_the_command_writes_a_file(inspect, tmp_path):
    """Once; a second time it is asked to be told so. No colour goes into a file."""
    target = tmp_path / "tiny.perf"
    assert inspect(TINY, to=ModelForm.PERF, output=target) == (0, "", "")
    assert target.read_text("utf-8") == to_perf(describe(open_gguf(TINY)))
    code, _, err = inspect(TINY, output=target)
    assert (code, "--force" in err) == (MISTAKE, True)
    assert inspect(TINY, output=target, force=True, color=ColorChoice.ALWAYS)[0] == 0
    assert "\x1b" not in target.read_text("utf-8")
