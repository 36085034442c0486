"""The vocabulary of the tiny model file, and tokenizers made from it with something changed."""

from collections.abc import Sequence
from pathlib import Path

from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.gguf_types import ValueType
from perfdsl.runner.gguf_write import Items, Keyed
from perfdsl.runner.tokenizer import Tokenizer, open_tokenizer
from perfdsl.runner.vocabulary import read_vocabulary
from tests.runner.tiny_file import TINY, Keys, rewritten

NAME = "tokenizer.ggml."


def parts() -> tuple[list[bytes], list[float], list[int]]:
    """Tokens, scores and types, to be changed."""
    found = read_vocabulary(open_gguf(TINY))
    return list(found.tokens), found.scores.tolist(), found.kinds.tolist()


def changed(folder: Path, **keys: Keyed | None) -> Tokenizer:
    """The tokenizer of the tiny file with other values of keys, without those that are None."""

    def put(found: Keys) -> None:
        for name, value in keys.items():
            if value is None:
                del found[NAME + name]
            else:
                found[NAME + name] = value

    path = folder / "changed.gguf"
    path.write_bytes(rewritten(keys=put))
    return open_tokenizer(open_gguf(path))


def texts(items: Sequence[str | bytes]) -> Items:
    return Items(ValueType.STRING, items)


def floats(items: Sequence[float]) -> Items:
    return Items(ValueType.FLOAT32, items)


def whole(items: Sequence[int]) -> Items:
    return Items(ValueType.INT32, items)


def flag(value: bool) -> Keyed:
    return ValueType.BOOL, value
