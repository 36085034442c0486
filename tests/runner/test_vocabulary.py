"""A vocabulary that is none is an error of the file's: which token, and at which byte."""

import math
import random
from collections import Counter

import pytest

from perfdsl.runner.errors import ModelFileError, VocabularyError
from perfdsl.runner.gguf import Array, open_gguf
from perfdsl.runner.gguf_types import ValueType
from perfdsl.runner.gguf_write import Keyed
from perfdsl.runner.tokenizer import open_tokenizer
from tests.runner.tiny_file import TINY
from tests.runner.tiny_vocabulary import NAME, changed, flag, floats, parts, texts, whole


def put(place, value):
    """A change of one item in tokens, scores and types."""

    def change(tokens, scores, kinds):
        for found, new in zip((tokens, scores, kinds), value, strict=True):
            if new is not None:
                found[place] = new

    return change


HOSTILE = {
    "an empty token": (put(300, (b"", None, None)), "token 300 is empty"),
    "a token twice": (put(300, (b"<eos>", None, None)), "token 300 is the same as token 1"),
    "half a character": (put(400, (b"a\xe2\x96", None, None)), "token 400 is not UTF-8"),
    "two halves": (put(511, (b"\x81", None, None)), "token 511 is not UTF-8"),
    "a surrogate": (put(300, (b"\xed\xa0\x80", None, None)), "token 300 is not UTF-8"),
    "a long token": (put(300, (b"a" * 65_537, None, None)), "token 300 has more than 65,536 bytes"),
    "a byte that is missing": (put(40, (b"x<0x24>", None, 1)), "1 of the 256 bytes have no token"),
    "no byte": (put(40, (b"<0xGG>", None, None)), "token 40 is of the type of a byte"),
    "a byte in small letters": (
        put(14, (b"<0x0a>", None, None)),
        "token 14 is of the type of a byte",
    ),
    "a score of NaN": (put(300, (None, math.nan, None)), "the score of token 300"),
    "an infinite score": (put(511, (None, -math.inf, None)), "the score of token 511"),
    "type 0": (put(5, (None, None, 0)), "token 5 is of type 0"),
    "type 7": (put(5, (None, None, 7)), "token 5 is of type 7"),
    "a negative type": (put(0, (None, None, -(2**31))), "token 0 is of type -2,147,483,648"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_vocabulary_is_an_error_of_the_file(what, tmp_path):
    """Which token it is, and the byte where it stands."""
    change, message = HOSTILE[what]
    tokens, scores, kinds = parts()
    change(tokens, scores, kinds)
    with pytest.raises(VocabularyError) as found:
        changed(tmp_path, tokens=texts(tokens), scores=floats(scores), token_type=whole(kinds))
    error = found.value
    assert error.what.startswith(message)
    assert error.name in {f"{NAME}tokens", f"{NAME}scores", f"{NAME}token_type"}
    data = (tmp_path / "changed.gguf").read_bytes()
    assert error.offset is not None
    if error.name == f"{NAME}tokens":
        number = int(error.what.split()[1])
        assert data[error.offset : error.offset + len(tokens[number])] == tokens[number]


MISSING: dict[str, dict[str, Keyed | None]] = {
    "model": {"model": None},
    "another model": {"model": (ValueType.STRING, "gpt2")},
    "a model that is no text": {"model": (ValueType.UINT32, 1)},
    "tokens": {"tokens": None},
    "scores": {"scores": None},
    "types": {"token_type": None},
    "tokens that are no texts": {"tokens": whole([1, 2])},
    "scores that are whole": {"scores": whole([0] * 512)},
    "types that are not": {"token_type": floats([1.0] * 512)},
    "no tokens": {"tokens": texts([]), "scores": floats([]), "token_type": whole([])},
    "one score too few": {"scores": floats([0.0] * 511)},
    "one type too many": {"token_type": whole([1] * 513)},
    "bos beyond": {"bos_token_id": (ValueType.UINT32, 512)},
    "eos below": {"eos_token_id": (ValueType.INT32, -1)},
    "bos that is no number": {"bos_token_id": (ValueType.STRING, "2")},
    "eos that is a truth value": {"eos_token_id": flag(True)},
    "a flag that is a number": {"add_bos_token": (ValueType.UINT32, 1)},
}


@pytest.mark.parametrize("what", MISSING)
def test_keys_that_are_missing_or_wrong_are_errors_of_the_file(what, tmp_path):
    with pytest.raises(VocabularyError) as found:
        changed(tmp_path, **MISSING[what])
    assert found.value.name.startswith(NAME)


def test_a_special_token_that_is_not_put_need_not_be(tmp_path):
    """Without eos its number is not looked at."""
    beyond = (ValueType.UINT32, 2**32 - 1)
    found = changed(tmp_path, add_eos_token=flag(False), eos_token_id=beyond)
    assert found.ids("") == [2]


# ------------------------------------------------------------------------------------- mutants


def arrays():
    """Where the three lists lie in the tiny file."""
    keys = open_gguf(TINY).keys
    found = [keys[NAME + name] for name in ("tokens", "scores", "token_type")]
    return [(each.offset, each.nbytes) for each in found if isinstance(each, Array)]


def mutant(whole, places, chance):
    """The file with some bytes of its vocabulary changed, or with pieces of it exchanged."""
    data = bytearray(whole)
    offset, length = chance.choice(places)
    for _ in range(chance.choice([1, 1, 3, 10])):
        at = offset + chance.randrange(length)
        data[at] = chance.choice([0, 0x20, 0x7F, 0x80, 0xFF, chance.randrange(256), data[at] ^ 1])
    if chance.random() < 0.3:
        one, other = (offset + chance.randrange(length - 8) for _ in range(2))
        data[one : one + 8] = data[other : other + 8]
    return bytes(data)


def outcome(path, text):
    """The class of the error that a file gives, "" for one whose tokenizer gives ids."""
    try:
        ids = open_tokenizer(open_gguf(path)).ids(text)
    except ModelFileError as error:
        return type(error).__name__
    assert all(0 <= number < 512 for number in ids)
    return ""


def outcomes(path, number, seed):
    chance = random.Random(seed)  # noqa: S311  the same files every time
    whole, places = TINY.read_bytes(), arrays()
    text = "The quick brown fox, <eos>  \n\u2581\U0001f600 \u0301\0 über"
    found: Counter[str] = Counter()
    for _ in range(number):
        path.write_bytes(mutant(whole, places, chance))
        found[outcome(path, text)] += 1
    return found


def test_mutants_of_a_vocabulary_are_read_or_refused(tmp_path):
    """Four hundred: a tokenizer with ids of the vocabulary, or an error of the file's."""
    found = outcomes(tmp_path / "mutant.gguf", 400, 0)
    assert set(found) == {"", "VocabularyError", "ModelFileError"}
    assert min(found.values()) > 20


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(1, 21))
def test_many_more_mutants_of_a_vocabulary_are_read_or_refused(seed, tmp_path):
    """The same for mutants that nobody has seen."""
    assert outcomes(tmp_path / "mutant.gguf", 1000, seed).total() == 1000
