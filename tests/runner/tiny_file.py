"""The tiny model file of the reference, and files made from it with something changed."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path

from perfdsl.runner.gguf import Array, GgufFile, open_gguf
from perfdsl.runner.gguf_types import TensorType, ValueType
from perfdsl.runner.gguf_write import Items, Keyed, Written, write_gguf

DATA = Path(__file__).parent.parent / "data" / "runner"
TINY = DATA / "embeddinggemma-random-tiny-Q8_0.gguf"

Keys = dict[str, Keyed]
Tensors = list[Written]

TYPES: Mapping[type, ValueType] = {
    bool: ValueType.BOOL,
    int: ValueType.UINT32,
    float: ValueType.FLOAT32,
    str: ValueType.STRING,
}


def keys_of(file: GgufFile) -> Keys:
    """The keys as they can be written again; whole numbers as u32."""
    return {name: keyed(value) for name, value in file.keys.items()}


def keyed(value: object) -> Keyed:
    """A value as it is written. Nested arrays and long texts do not occur."""
    if isinstance(value, Array):
        texts = value.type is ValueType.STRING
        items = [text for _, text in value.texts()] if texts else value.numbers()
        return Items(value.type, items)
    assert isinstance(value, bool | int | float | str)
    return TYPES[type(value)], value


def tensors_of(file: GgufFile) -> Tensors:
    """The tensors as they can be written again."""
    return [
        tensor(each.name, each.shape, each.type, file.file.read(each.offset, each.nbytes))
        for each in file.tensors.values()
    ]


def tensor(name: str, shape: tuple[int, ...], kind: TensorType, data: bytes) -> Written:
    return Written(name, shape, kind, lambda: [data])


def patched(at: int, data: bytes) -> bytes:
    """The tiny file with some of its bytes replaced."""
    whole = TINY.read_bytes()
    return whole[:at] + data + whole[at + len(data) :]


def rewritten(
    keys: Callable[[Keys], object] = lambda keys: None,
    tensors: Callable[[Tensors], object] = lambda tensors: None,
    **options: int,
) -> bytes:
    """The tiny file after both functions have changed what is to be written."""
    file = open_gguf(TINY)
    changed_keys, changed_tensors = keys_of(file), tensors_of(file)
    keys(changed_keys)
    tensors(changed_tensors)
    stream = io.BytesIO()
    write_gguf(stream, changed_keys, changed_tensors, **options)
    return stream.getvalue()
