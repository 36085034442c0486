"""Files that lie: each is refused with what is wrong and where, soon, and within little memory."""

import os
import struct
import tracemalloc
from itertools import pairwise

import pytest

from perfdsl.runner import gguf as reader
from perfdsl.runner.config import read_config
from perfdsl.runner.errors import ModelFileError, UnreadableFileError
from perfdsl.runner.gguf import MOST_KEYS, MOST_TENSORS, open_gguf
from perfdsl.runner.gguf_types import TensorType, ValueType
from perfdsl.runner.gguf_write import Items
from perfdsl.runner.layout import check
from perfdsl.runner.tensors import Tensors
from tests.runner.mutants import fields
from tests.runner.tiny_file import TINY, patched, rewritten, tensor

WHOLE = TINY.read_bytes()
FIELDS = fields(WHOLE)


@pytest.fixture
def refused(tmp_path):
    """The error that a file gives."""

    def read(data):
        path = tmp_path / "bad.gguf"
        path.write_bytes(data)
        with pytest.raises(ModelFileError) as found:
            whole_shape(path)
        return found.value

    return read


def whole_shape(path):
    file = open_gguf(path)
    check(file, read_config(file))


def u64(number):
    return struct.pack("<Q", number)


def header(tensors=0, keys=0, version=3):
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def text(data):
    return u64(len(data)) + data


# -- the header


@pytest.mark.parametrize("data", [b"", b"G", b"GGUF", b"GGUF\3\0\0\0", header()[:-1]])
def test_a_file_that_ends_in_its_header(refused, data):
    """The error says how much is left where it ends."""
    assert "left" in refused(data).what


@pytest.mark.parametrize("data", [b"PK\3\4" + bytes(100), b"GGML" + bytes(100), bytes(100)])
def test_another_format(refused, data):
    """Told as such, with what a model file begins with."""
    error = refused(data)
    assert (error.what, error.offset) == ("this is not a GGUF file", 0)


@pytest.mark.parametrize(
    "version, word", [(1, "version 1"), (4, "version 4"), (3 << 24, "big-endian"), (0, "version 0")]
)
def test_other_versions(refused, version, word):
    """Versions that are not read are named; a file in the other byte order is told as such."""
    error = refused(header(version=version))
    assert word in error.what
    assert error.offset == 4


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, len(WHOLE), MOST_TENSORS + 1])
def test_too_many_tensors_or_keys(refused, number):
    """More than the file has room for, or than any model has."""
    assert refused(patched(8, u64(number))).offset == 8
    assert refused(patched(16, u64(number))).offset == 16


def test_as_many_keys_as_fit_but_too_many(refused):
    """A file that is nothing but keys is refused by their number."""
    keys = b"".join(
        text(b"%07d" % i) + struct.pack("<IB", ValueType.UINT8, 0) for i in range(MOST_KEYS + 1)
    )
    assert "more than 4,096" in refused(header(keys=MOST_KEYS + 1) + keys).what


# -- keys and values

HUGE = [2**63, 2**64 - 1, 2**62, len(WHOLE)]
LENGTHS = [each for each in FIELDS if each.sort.startswith("length") or each.sort == "items"]


@pytest.mark.parametrize("number", HUGE)
def test_lengths_that_lie(refused, number):
    """Every length of a text and every number of items, with numbers that do not fit."""
    for field in LENGTHS:
        error = refused(patched(field.at, u64(number)))
        assert error.offset == field.at, field


def test_texts_that_are_not_utf8(refused):
    """Keys, values and names of tensors; the offset is that of the first wrong byte."""
    for field in FIELDS:
        if field.sort in {"key", "tensor"}:
            error = refused(patched(field.at + 2, b"\xff"))
            assert (error.offset, "not UTF-8" in error.what) == (field.at + 2, True)
    name = next(i for i, each in enumerate(FIELDS) if b"general.name" in part(each))
    value = FIELDS[name + 3]
    assert refused(patched(value.at, b"\xc3\x28")).offset == value.at


def part(field):
    return WHOLE[field.at : field.at + field.size]


def test_a_key_twice(refused):
    """The second one is pointed at."""
    names = [each for each in FIELDS if each.sort == "key"]
    one, other = (e for e in names if part(e).endswith((b"dense_2_feat_in", b"dense_3_feat_in")))
    error = refused(patched(other.at, part(one)))
    assert (error.what, error.offset) == ("the key is there twice", other.at - 8)


@pytest.mark.parametrize("number", [13, 255, 2**32 - 1])
def test_types_of_values_that_are_none(refused, number):
    """Of a value and of the items of an array."""
    for field in FIELDS:
        if field.sort == "type":
            assert refused(patched(field.at, struct.pack("<I", number))).offset == field.at


def test_truth_values_are_0_or_1(refused):
    """As the format has it."""
    field = [e for e in FIELDS if e.sort == "value of 1 bytes"][-1]
    assert refused(patched(field.at, b"\2")).offset == field.at


def nested(depth):
    """An array in an array, so many levels deep."""
    inner = struct.pack("<IQ", ValueType.UINT8, 0)
    return struct.pack("<IQ", ValueType.ARRAY, 1) * (depth - 1) + inner


@pytest.mark.parametrize("depth", [5, 6, 100_000])
def test_deep_arrays(refused, depth):
    """More than four levels are refused, however deep they go: nothing recurses so far."""
    data = header(keys=1) + text(b"deep") + struct.pack("<I", ValueType.ARRAY) + nested(depth)
    error = refused(data)
    assert "too many arrays" in error.what
    assert error.name == "deep"


def test_wide_arrays_of_arrays(refused):
    """A million empty arrays in one are refused before they are walked."""
    number = 1_000_000
    value = struct.pack("<IIQ", ValueType.ARRAY, ValueType.ARRAY, number)
    data = header(keys=1) + text(b"wide") + value + bytes(12 * number)
    assert "too many arrays" in refused(data).what


def test_more_texts_than_any_vocabulary(refused, monkeypatch):
    """Empty texts are cheap to claim, so there is a limit to them."""
    monkeypatch.setattr(reader, "MOST_TEXTS", 1000)
    value = struct.pack("<IIQ", ValueType.ARRAY, ValueType.STRING, 501) + bytes(8 * 501)
    keys = text(b"one") + value + text(b"two") + value
    assert "more than 1,000 texts" in refused(header(keys=2) + keys).what


@pytest.mark.parametrize("value", [0, 1, 4, 33, 48, 2**17, 2**31])
def test_alignments_that_are_none(refused, value):
    """No power of two, too small or too large."""
    data = rewritten(lambda keys: keys.update({"general.alignment": (ValueType.UINT32, value)}))
    error = refused(data)
    assert (error.name, "power of two" in error.what) == ("general.alignment", True)


def test_an_alignment_of_another_type(refused):
    """A text is no alignment."""
    data = rewritten(lambda keys: keys.update({"general.alignment": (ValueType.STRING, "32")}))
    assert refused(data).name == "general.alignment"


# -- tensors

OFFSETS = [each for each in FIELDS if each.sort == "offset"]


def value_of(field):
    return int.from_bytes(part(field), "little")


def test_tensors_that_overlap(refused):
    """Each tensor put where its neighbour lies."""
    for field, other in pairwise(OFFSETS):
        error = refused(patched(field.at, u64(value_of(other))))
        assert "inside of another one" in error.what


def test_tensors_that_overlap_by_a_block(refused):
    """The last bytes of one are the first of the next."""
    for field in OFFSETS[1:]:
        error = refused(patched(field.at, u64(value_of(field) - 32)))
        assert "inside of another one" in error.what


def test_tensors_that_are_misaligned(refused):
    """By one byte."""
    for field in OFFSETS:
        error = refused(patched(field.at, u64(value_of(field) + 1)))
        assert "no multiple of 32" in error.what


@pytest.mark.parametrize("number", [2**63, 2**64 - 32, len(WHOLE) // 32 * 32])
def test_tensors_behind_the_end(refused, number):
    """The error says where the tensor would end, and the file does."""
    for field in OFFSETS:
        error = refused(patched(field.at, u64(number)))
        assert f"the file at {len(WHOLE):,}" in error.what


@pytest.mark.parametrize("number", [0, 2**31, 2**63, 2**64 - 1, 33])
def test_dimensions_that_lie(refused, number):
    """Empty, too large, or no whole blocks: the tensor is named."""
    for field in FIELDS:
        if field.sort == "dimension":
            error = refused(patched(field.at, u64(number)))
            assert error.name


@pytest.mark.parametrize("number", [0, 5, 2**32 - 1])
def test_numbers_of_dimensions(refused, number):
    """One to four."""
    for field in FIELDS:
        if field.sort == "dimensions":
            error = refused(patched(field.at, struct.pack("<I", number)))
            assert "dimensions" in error.what


@pytest.mark.parametrize("number", [4, 5, 9, 36, 1000, 2**32 - 1])
def test_types_of_tensors_that_are_none(refused, number):
    """Numbers that were withdrawn, or never given."""
    for field in FIELDS:
        if field.sort == "tensor type":
            assert refused(patched(field.at, struct.pack("<I", number))).offset == field.at


def test_a_tensor_twice(refused):
    """Two rows of the table with one name."""
    data = rewritten(tensors=lambda tensors: tensors.append(tensors[1]))
    error = refused(data)
    assert (error.what, error.name) == ("two tensors have this name", "output_norm.weight")


def test_a_name_that_is_too_long(refused):
    """The specification has 64 bytes."""
    data = rewritten(
        tensors=lambda tensors: tensors.append(tensor("x" * 65, (1,), TensorType.F32, bytes(4)))
    )
    assert "more than 64" in refused(data).what


# -- files


def test_what_is_no_file(tmp_path):
    """Nothing, a folder, a pipe that nobody writes to, a device, a name that no file can have."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path / "nothing", tmp_path, pipe, "/dev/null", "a\0b"):
        with pytest.raises(UnreadableFileError):
            open_gguf(path)


def test_a_file_that_shrinks_while_it_is_open(tmp_path):
    """What was there when it was opened is missed with an error."""
    path = tmp_path / "shrinks.gguf"
    path.write_bytes(WHOLE)
    file = open_gguf(path)
    tokens = file.keys["tokenizer.ggml.tokens"]
    assert isinstance(tokens, reader.Array)
    os.truncate(path, 5_000)
    with pytest.raises(ModelFileError, match="ends here"):
        Tensors(file).raw("dense_2.weight")
    with pytest.raises(ModelFileError):
        _ = Tensors(file).embedding
    with pytest.raises(ModelFileError):
        list(tokens.texts())


def test_a_file_that_is_written_over_while_it_is_open(tmp_path):
    """Lengths are looked at again when a list is read."""
    path = tmp_path / "changes.gguf"
    path.write_bytes(WHOLE)
    tokens = open_gguf(path).keys["tokenizer.ggml.tokens"]
    assert isinstance(tokens, reader.Array)
    with path.open("r+b") as stream:
        stream.seek(tokens.offset)
        stream.write(u64(2**60))
    with pytest.raises(ModelFileError, match="another one by now"):
        list(tokens.texts())


# -- memory

LIARS = {
    "a length of 2^63": header(keys=1) + u64(2**63),
    "a text of 2^40 bytes": header(keys=1) + text(b"a") + struct.pack("<IQ", 8, 2**40),
    "an array of 2^60 numbers": header(keys=1) + text(b"a") + struct.pack("<IIQ", 9, 6, 2**60),
    "an array of 2^60 texts": header(keys=1) + text(b"a") + struct.pack("<IIQ", 9, 8, 2**60),
    "2^60 tensors": header(tensors=2**60),
    "a tensor of 2^60 rows": header(tensors=1)
    + text(b"a") + struct.pack("<IQQIQ", 2, 32, 2**60, 8, 0),
}  # fmt: skip


@pytest.mark.parametrize("data", LIARS.values(), ids=LIARS)
def test_a_claim_costs_no_memory(refused, data):
    """A hundred bytes that claim a petabyte are refused within a few kilobytes."""
    refused(data)
    tracemalloc.start()
    try:
        refused(data)
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()


def test_long_arrays_stay_in_the_file(tmp_path):
    """Opening keeps none of ten megabytes of texts and numbers."""
    path = tmp_path / "long.gguf"
    many = {
        "texts": Items(ValueType.STRING, [b"x" * 90] * 50_000),
        "numbers": Items(ValueType.FLOAT64, [0.5] * 600_000),
    }
    path.write_bytes(rewritten(lambda keys: keys.update(many)))
    tracemalloc.start()
    try:
        file = open_gguf(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert file.file.size > 9_500_000
