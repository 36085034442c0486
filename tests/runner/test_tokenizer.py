"""Ids are llama.cpp's, and a vocabulary that is none is an error of the file's.

What llama.cpp says was recorded by `benchmarks/tokenizer.py --record`; that also compares live.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from perfdsl.runner.errors import InputError, MissingLibraryError
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.gguf_types import ValueType
from perfdsl.runner.synth import save_model
from perfdsl.runner.tokenizer import LONGEST, open_tokenizer
from perfdsl.runner.vocabulary import Kind, read_vocabulary
from tests.runner.tiny_file import DATA
from tests.runner.tiny_vocabulary import changed, flag, floats, parts, texts, whole

RECORDED = json.loads((DATA / "token_ids.json").read_text("ascii"))
ODD = json.loads((DATA / "odd_vocabularies.json").read_text("ascii"))

PAD, EOS, BOS, UNK = range(4)
SPACE = "\u2581"


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    """The 512 tokens of the small made-up models."""
    path = str(tmp_path_factory.mktemp("model") / "tiny.gguf")
    save_model(path, "tiny", 0, lambda _done, _whole: None)
    return open_gguf(path)


@pytest.fixture(scope="module")
def tokenizer(vocabulary):
    return open_tokenizer(vocabulary)


def tokens_of(file):
    return [token.decode() for token in read_vocabulary(file).tokens]


@pytest.fixture
def reopened(tmp_path):
    return partial(changed, tmp_path)


# ------------------------------------------------------------------------------------------ ids


def test_ids_are_those_of_llama_cpp(tokenizer):
    """2,000 texts: scripts, emoji, joiners, marks, NUL, BOM, CRLF, bytes, empty, tokens' names."""
    assert len(RECORDED) == 2000
    different = [(text, ids) for text, ids in RECORDED if tokenizer.ids(text) != ids]
    assert different == []


def test_the_recorded_texts_have_it_all():
    """Each sort of text that tokenizers disagree about is among the recorded ones."""
    for part in [
        "\0",
        "\ufeff",
        "\r\n",
        "\u200d",
        "\u0301",
        "\U0001f469",
        "  ",
        SPACE,
        "<eos>",
        "</s>",
    ]:
        assert sum(part in text for text, _ in RECORDED) > 10, ascii(part)
    assert RECORDED[0] == ["", [BOS, EOS]]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd["seed"]))
def test_ids_of_odd_vocabularies_are_those_of_llama_cpp(odd, reopened):
    """Pieces that overlap, hold spaces of either kind, are cut at or merged, with equal scores."""
    tokens, scores, kinds = (each[:260] for each in parts())
    bos, eos, prefix = odd["flags"]
    found = reopened(
        tokens=texts([*tokens, *odd["tokens"]]),
        scores=floats([0.0] * len(scores) + odd["scores"]),
        token_type=whole([*kinds, *odd["kinds"]]),
        add_bos_token=flag(bos),
        add_eos_token=flag(eos),
        add_space_prefix=flag(prefix),
    )
    assert [[text, found.ids(text)] for text, _ in odd["texts"]] == odd["texts"]


def test_each_piece_is_the_encoding_of_its_own_text(tokenizer, vocabulary):
    """A merge is reached from its characters, whatever was merged before it."""
    read = read_vocabulary(vocabulary)
    wanted = {**read.of_kind(Kind.NORMAL), **read.of_kind(Kind.USER_DEFINED)}
    found = {
        number: tokenizer.ids(token.decode().replace(SPACE, " "))
        for number, token in wanted.items()
    }
    split = {number for number in wanted if found[number] != [BOS, number, EOS]}
    # A tag that llama.cpp takes for a control token: text is not cut there, and nothing merges it.
    assert {wanted[number] for number in split} == {b"</s>"}


def test_bytes_are_what_no_piece_is(tokenizer, vocabulary):
    """Every character of four bytes or fewer has ids: a piece's, or those of its bytes."""
    tokens = tokens_of(vocabulary)
    first = tokens.index("<0x00>")
    for text in ["\0", "\x7f", "ж", "語", "\U0010ffff", "\ufeff", "\ufffd"]:
        assert tokenizer.ids(text) == [BOS, *(first + byte for byte in text.encode()), EOS]


def test_no_text_is_a_control_token(tokenizer, vocabulary):
    """The name of a control token is its characters, in any surroundings."""
    read = read_vocabulary(vocabulary)
    control = set(read.of_kind(Kind.CONTROL))
    for name in read.of_kind(Kind.CONTROL).values():
        for text in [name.decode(), f"a{name.decode()} b", 3 * name.decode()]:
            first, *inside, last = tokenizer.ids(text)
            assert (first, last) == (BOS, EOS)
            assert control.isdisjoint(inside)


def test_a_control_token_that_merges_could_make_is_not_made(reopened):
    """Pieces that would merge to `<eos>`, and a control token of one character: still text."""
    tokens, scores, kinds = parts()
    pieces = ["<e", "os>"]
    found = reopened(
        tokens=texts([*tokens, *pieces, "\u00a7"]),
        scores=floats([*scores, 10.0, 9.0, 0.0]),
        token_type=whole([*kinds, Kind.NORMAL, Kind.NORMAL, Kind.CONTROL]),
    )
    end = len(tokens)
    assert found.ids("<eos>") == [BOS, end, end + 1, EOS]
    assert found.ids("\u00a7") == [BOS, *(4 + byte for byte in "\u00a7".encode()), EOS]


def test_a_typed_low_block_is_no_run_of_spaces(tokenizer, vocabulary):
    """Two spaces are a piece of their own; two U+2581 are two pieces; one is as a space is."""
    tokens = tokens_of(vocabulary)
    two, one = tokens.index("  "), tokens.index(SPACE)
    assert tokenizer.ids("  ") == [BOS, two, EOS]
    assert tokenizer.ids(2 * SPACE) == [BOS, one, one, EOS]
    assert tokenizer.ids(f"{SPACE}the") == tokenizer.ids(" the")


def test_what_is_put_around_a_text_is_for_the_file_to_say(reopened):
    """Bos and eos by their keys; where these are missing bos and a space, as llama.cpp has it."""
    plain = reopened(add_bos_token=flag(False), add_eos_token=flag(False)).ids("the")
    other = (ValueType.UINT32, 7)
    assert reopened(bos_token_id=other).ids("the") == [7, *plain, EOS]
    assert reopened(eos_token_id=other).ids("the") == [BOS, *plain, 7]
    spaced = reopened(add_bos_token=None, add_eos_token=None, add_space_prefix=None).ids("the")
    assert spaced == [BOS, *reopened().ids(" the")[1:-1]]
    assert spaced[1:] != plain


def test_a_long_text_is_one_text(tokenizer):
    """A megabyte has the ids of its repetitions."""
    once = tokenizer.ids(" the")[1:-1]
    assert tokenizer.ids(" the" * 250_000) == [BOS, *once * 250_000, EOS]


def test_threads_may_ask_at_once(tokenizer):
    """The same ids from four threads as from one."""
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(tokenizer.ids, [text for text, _ in RECORDED]))
    assert found == [ids for _, ids in RECORDED]


# ------------------------------------------------------------------------------------- no texts


@pytest.mark.parametrize("text", ["a\ud800", "\udc80", "\udfff\ud800"], ids=ascii)
def test_half_a_surrogate_pair_is_no_text(tokenizer, text):
    """It has no bytes that llama.cpp could see; where it stands is told."""
    with pytest.raises(InputError, match="half of a surrogate pair") as found:
        tokenizer.ids(text)
    assert f"character {text.index(text.strip('a')[0])} " in found.value.what


def test_a_text_beyond_all_measure_is_refused(tokenizer):
    """SentencePiece counts in 32 bits."""

    class Long(str):
        __slots__ = ()

        def __len__(self):
            return LONGEST + 1

    with pytest.raises(InputError, match="at most 268,435,456"):
        tokenizer.ids(Long("a"))


def test_the_library_may_be_missing(monkeypatch, vocabulary):
    """Without sentencepiece: which extra brings it."""
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(MissingLibraryError, match=r"perfdsl\[runner\]"):
        open_tokenizer(vocabulary)
