"""Each code of a model file has its message: what is wrong, where, and how to mend it."""

import struct

import pytest

from perfdsl import cli_runner
from perfdsl.cli_options import ColorChoice
from perfdsl.cli_screen import MISTAKE, Screen
from perfdsl.runner.errors import ModelFileError
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.gguf_types import ValueType
from perfdsl.runner.gguf_write import Items
from perfdsl.runner.tensors import Tensors
from tests.runner.tiny_file import DATA, TINY, rewritten

GOLDEN = DATA / "messages"
WHOLE = TINY.read_bytes()
SHAPE = "gemma-embedding."


def with_key(name, value):
    return rewritten(lambda keys: keys.update({name: value}))


def without_tensor(name):
    def drop(tensors):
        tensors[:] = [each for each in tensors if each.name != name]

    return rewritten(tensors=drop)


FILES = {
    "P801_nothing_there": None,
    "P802_cut_short": WHOLE[:9000],
    "P802_another_format": b"PK\x03\x04" + bytes(100),
    "P802_a_length_that_lies": WHOLE[:79] + struct.pack("<Q", 2**63) + WHOLE[87:],
    "P802_a_key_that_is_not_utf8": WHOLE.replace(b"general.name", b"general.nam\xff"),
    "P803_another_model": with_key("general.architecture", (ValueType.STRING, "llama")),
    "P803_a_width_of_no_blocks": with_key(f"{SHAPE}embedding_length", (ValueType.UINT32, 100)),
    "P804_a_tensor_is_missing": without_tensor("blk.1.ffn_up.weight"),
    "P804_another_shape": with_key(f"{SHAPE}feed_forward_length", (ValueType.UINT32, 160)),
    "P804_cut_behind_the_header": WHOLE[:-20_000],
    "P806_too_few_tokens": with_key("tokenizer.ggml.tokens", Items(ValueType.STRING, ["a", "b"])),
}


def compare(name, text, update_golden):
    golden = GOLDEN / f"{name}.txt"
    if update_golden:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert golden.read_text("utf-8") == text
    assert text.startswith(f"error[{name[:4]}]: ")


@pytest.mark.parametrize("name", FILES)
def test_a_file_has_its_message(name, tmp_path, monkeypatch, capsys, update_golden):
    """`model inspect` ends with it, and with exit code 2."""
    monkeypatch.chdir(tmp_path)
    data = FILES[name]
    if data is not None:
        (tmp_path / "model.gguf").write_bytes(data)
    with pytest.raises(SystemExit) as ended:
        cli_runner.model_inspect("model.gguf", color=ColorChoice.NEVER, width=80)
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (MISTAKE, "")
    compare(name, err, update_golden)


def test_a_number_has_its_message(tmp_path, capsys, update_golden):
    """What is found only when weights are read is told in the same form."""
    name = "blk.0.ffn_up.weight"
    place = open_gguf(TINY).tensors[name].offset + 34 * 5
    path = tmp_path / "model.gguf"
    path.write_bytes(WHOLE[:place] + b"\x00\x7c" + WHOLE[place + 2 :])
    screen = Screen(ColorChoice.NEVER, 80)
    with pytest.raises(SystemExit), cli_runner.mistakes_told(screen, "model.gguf"):
        Tensors(open_gguf(path)).raw(name)
    compare("P805_an_infinite_scale", capsys.readouterr().err, update_golden)


def test_every_code_of_a_file_is_shown():
    """No kind of error about files is without its example."""
    kinds: set[type[ModelFileError]] = {ModelFileError, *ModelFileError.__subclasses__()}
    shown = {path.name[:4] for path in GOLDEN.glob("*.txt")}
    assert {kind.code for kind in kinds} <= shown
