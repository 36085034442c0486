"""GGUF files are read as the `gguf` package reads them, and written as it writes them."""

import io
import math

import gguf
import numpy as np
import pytest

from perfdsl.runner.gguf import Array, open_gguf
from perfdsl.runner.gguf_types import BLOCKS, FORMS, TensorType, ValueType
from perfdsl.runner.gguf_write import Items, write_gguf
from perfdsl.runner.tensors import Tensors
from tests.runner.tiny_file import TINY, Keys, rewritten, tensor


@pytest.fixture(scope="module")
def oracle():
    return gguf.GGUFReader(TINY)


@pytest.fixture(scope="module")
def tiny():
    return open_gguf(TINY)


def plain(value):
    """A value with its arrays read."""
    if not isinstance(value, Array):
        return value
    if value.type is ValueType.STRING:
        return [text.decode() for _, text in value.texts()]
    return value.numbers()


def test_keys_are_those_of_the_package(tiny, oracle):
    """Every key with its value, arrays included; the package adds the header's fields."""
    found = {name: plain(value) for name, value in tiny.keys.items()}
    wanted = {name: each.contents() for name, each in oracle.fields.items() if "GGUF." not in name}
    assert found == wanted
    assert tiny.version == oracle.fields["GGUF.version"].contents()


def test_values_lie_where_they_are_said_to(tiny, oracle):
    """The place of a value, for messages, is where the package has its parts."""
    for name, each in oracle.fields.items():
        if name in tiny.places:
            key = 8 + len(name.encode()) + 4
            assert tiny.places[name] == each.offset + key


def test_tensors_are_those_of_the_package(tiny, oracle):
    """Names in order, shapes turned round, types, places and bytes."""
    assert list(tiny.tensors) == [each.name for each in oracle.tensors]
    reader = Tensors(tiny)
    for each in oracle.tensors:
        found = tiny.tensors[each.name]
        assert found.shape == tuple(int(size) for size in each.shape[::-1])
        assert (found.type, found.offset, found.nbytes) == (
            each.tensor_type, each.data_offset, each.n_bytes,
        )  # fmt: skip
        assert reader.raw(each.name).tobytes() == each.data.tobytes()
        wanted = gguf.quants.dequantize(each.data, each.tensor_type)
        np.testing.assert_array_equal(reader.dequantised(each.name), wanted)


def test_the_mapped_embedding_is_the_tensor(tiny):
    """The table is the same bytes, found without reading them."""
    reader = Tensors(tiny)
    assert reader.embedding.shape == (512, 3, 34)
    np.testing.assert_array_equal(reader.embedding, reader.blocks("token_embd.weight"))
    assert not reader.embedding.flags.writeable


def test_types_are_those_of_the_package():
    """Names, numbers, block lengths and sizes."""
    for kind, size in BLOCKS.items():
        its = gguf.GGMLQuantizationType(kind)
        assert (its.name, gguf.GGML_QUANT_SIZES[its]) == (kind.name, size)
    assert {each.name: each.value for each in ValueType} == {
        each.name: each.value for each in gguf.GGUFValueType
    }


def test_a_file_is_written_as_the_package_writes_it():
    """The tiny file was made with the package: written from what was read, it is the same bytes."""
    assert rewritten() == TINY.read_bytes()


NUMBERS = {
    ValueType.UINT8: 255,
    ValueType.INT8: -128,
    ValueType.UINT16: 65_535,
    ValueType.INT16: -32_768,
    ValueType.UINT32: 2**32 - 1,
    ValueType.INT32: -(2**31),
    ValueType.FLOAT32: 0.1,
    ValueType.BOOL: True,
    ValueType.UINT64: 2**64 - 1,
    ValueType.INT64: -(2**63),
    ValueType.FLOAT64: math.pi,
}


def single(value):
    """The number after a trip through fp32."""
    return float(np.float32(value)) if isinstance(value, float) and value == 0.1 else value


def every_type() -> Keys:
    keys: Keys = {f"one.{kind.name}": (kind, number) for kind, number in NUMBERS.items()}
    keys |= {f"many.{kind.name}": Items(kind, [number] * 3) for kind, number in NUMBERS.items()}
    keys["a.text"] = (ValueType.STRING, "Grüße, 世界")
    keys["no.text"] = (ValueType.STRING, "")
    keys["texts"] = Items(ValueType.STRING, ["a", "", "世界" * 1000])
    keys["no.texts"] = Items(ValueType.STRING, [])
    return keys


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("alignment", [8, 32, 4096])
def test_all_types_go_there_and_back(tmp_path, version, alignment):
    """Each type alone and in an array, by our reader and the package's."""
    keys = every_type() | {"general.alignment": (ValueType.UINT32, alignment)}
    path = tmp_path / "all.gguf"
    data = bytes(range(2 * 34))
    some = [
        tensor("a.b", (2, 32), TensorType.Q8_0, data),
        tensor("c", (2, 3, 4, 5), TensorType.F16, bytes(240)),
    ]
    with path.open("wb") as stream:
        write_gguf(stream, keys, some, version=version, alignment=alignment)
    found = open_gguf(path)
    assert found.version == version
    theirs = gguf.GGUFReader(path)
    for name in keys:
        ours = plain(found.keys[name])
        assert ours == theirs.fields[name].contents()
        if name.startswith("one."):
            assert ours == single(NUMBERS[ValueType[name.removeprefix("one.")]])
    assert Tensors(found).raw("a.b").tobytes() == data
    for each in theirs.tensors:
        assert found.tensors[each.name].offset == each.data_offset
        assert found.tensors[each.name].shape == tuple(int(size) for size in each.shape[::-1])


def test_an_array_in_an_array_is_walked_past(tmp_path):
    """What follows nested arrays is found; they themselves stay in the file."""
    inner = FORMS[ValueType.UINT32].pack(ValueType.UINT8) + (2).to_bytes(8, "little") + b"\1\2"
    stream = io.BytesIO()
    write_gguf(stream, {"a": Items(ValueType.UINT8, [9] * 28), "b": (ValueType.BOOL, True)}, [])
    data = bytearray(stream.getvalue())
    place = data.index(b"\t" * 28)  # the items of a: two arrays of two bytes fit there
    data[place - 12 : place - 8] = FORMS[ValueType.UINT32].pack(ValueType.ARRAY)
    data[place - 8 : place] = (2).to_bytes(8, "little")
    data[place : place + 28] = inner * 2
    path = tmp_path / "nested.gguf"
    path.write_bytes(data)
    found = open_gguf(path)
    nested = found.keys["a"]
    assert isinstance(nested, Array)
    assert (nested.type, nested.count, nested.nbytes) == (ValueType.ARRAY, 2, 28)
    assert found.keys["b"] is True


def test_a_long_text_stays_in_the_file(tmp_path):
    """A text of a megabyte, such as a whole tokenizer in JSON, is not kept."""
    path = tmp_path / "long.gguf"
    text = "ü" * 500_000
    with path.open("wb") as stream:
        write_gguf(stream, {"long": (ValueType.STRING, text)}, [])
    found = open_gguf(path).keys["long"]
    assert isinstance(found, Array)
    assert found.raw().decode() == text


def test_texts_across_pieces_are_walked(tmp_path):
    """Texts of all lengths around the size of what is read at once."""
    texts = ["x" * (length % 3000) for length in range(4000)] + ["y" * 3_000_000, "z"]
    path = tmp_path / "texts.gguf"
    keys: Keys = {"texts": Items(ValueType.STRING, texts), "end": (ValueType.UINT8, 7)}
    with path.open("wb") as stream:
        write_gguf(stream, keys, [])
    found = open_gguf(path)
    array = found.keys["texts"]
    assert isinstance(array, Array)
    assert [text.decode() for _, text in array.texts()] == texts
    assert found.keys["end"] == 7
    data = path.read_bytes()
    assert all(data[at : at + len(text)] == text for at, text in array.texts())


def test_pieces_that_do_not_make_the_tensor_are_refused():
    """The writer does not write a file that would lie."""
    with pytest.raises(ValueError, match="33 bytes for 34"):
        write_gguf(io.BytesIO(), {}, [tensor("a", (1, 32), TensorType.Q8_0, bytes(33))])
