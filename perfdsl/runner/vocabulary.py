"""The file's tokens, scores and types, checked: what a tokenizer is made of."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.errors import VocabularyError
from perfdsl.runner.gguf import Array, GgufFile
from perfdsl.runner.gguf_types import ValueType

LONGEST = 1 << 16  # bytes of a token; the published vocabulary's longest has 93
MOST = 1 << 20  # tokens; four times the published vocabulary

KEYS = "tokenizer.ggml."
TOKENS, SCORES, TYPES = f"{KEYS}tokens", f"{KEYS}scores", f"{KEYS}token_type"
MODEL = "llama"  # as GGUF calls SentencePiece's byte pair encoding

BYTES = frozenset(b"<0x%02X>" % byte for byte in range(256))


class Kind(IntEnum):
    """What a token is, in GGUF's numbers."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """tokens, scores, kinds: (vocab,) each; places: of the tokens in the file, (vocab,).

    bos, eos: put around a text, None where the file has none put; space_prefix: whether a text is
    read as if a space stood before it.
    """

    tokens: Sequence[bytes]
    places: Sequence[int]
    scores: NDArray[np.float32]
    kinds: NDArray[np.int32]
    bos: int | None
    eos: int | None
    space_prefix: bool

    def of_kind(self, kind: Kind) -> dict[int, bytes]:
        """Number and text of each token of one kind."""
        return {n: self.tokens[n] for n in np.flatnonzero(self.kinds == kind).tolist()}


def read_vocabulary(file: GgufFile) -> Vocabulary:
    """VocabularyError for what no tokenizer can be made of.

    What a file leaves out is as llama.cpp has it: a first token is put before a text, no last one
    after it, and a space before all.
    """
    model = file.keys.get(f"{KEYS}model")
    if model != MODEL:
        shown = f"`{model[:40]}`" if isinstance(model, str) else "not told"
        raise _wrong(file, "model", f"the tokenizer is {shown}; only `{MODEL}` is known here")
    texts = _array(file, TOKENS, ValueType.STRING)
    scores = _array(file, SCORES, ValueType.FLOAT32)
    kinds = _array(file, TYPES, ValueType.INT32)
    for each, name, called in ((scores, SCORES, "scores"), (kinds, TYPES, "types")):
        if each.count != texts.count:
            what = f"there are {texts.count:,} tokens and {each.count:,} {called}"
            raise VocabularyError(what, each.offset, name)
    if not 0 < texts.count <= MOST:
        what = f"there are {texts.count:,} tokens, not 1 to {MOST:,}"
        raise VocabularyError(what, texts.offset, TOKENS)
    tokens, places = _texts(texts)
    vocabulary = Vocabulary(
        tokens=tokens,
        places=places,
        scores=np.frombuffer(scores.raw(), "<f4"),
        kinds=np.frombuffer(kinds.raw(), "<i4"),
        bos=_special(file, "bos", 1, texts.count) if _flag(file, "add_bos_token", True) else None,
        eos=_special(file, "eos", 2, texts.count) if _flag(file, "add_eos_token", False) else None,
        space_prefix=_flag(file, "add_space_prefix", True),
    )
    _check_tokens(vocabulary)
    _check_numbers(vocabulary, scores.offset, kinds.offset)
    _check_bytes(vocabulary, kinds.offset)
    return vocabulary


# ------------------------------------------------------------------------------------- the keys


def _wrong(file: GgufFile, key: str, what: str) -> VocabularyError:
    return VocabularyError(what, file.places.get(KEYS + key), KEYS + key)


def _array(file: GgufFile, name: str, kind: ValueType) -> Array:
    found = file.keys.get(name)
    if not isinstance(found, Array) or found.type is not kind:
        what = "is missing" if found is None else f"is no array of {kind.name}"
        raise VocabularyError(f"part of the vocabulary {what}", file.places.get(name), name)
    return found


def _texts(found: Array) -> tuple[list[bytes], list[int]]:
    """Texts and their places in the file; each stands behind its length, of 8 bytes.

    The reader has walked over them once, and they ended where the array does.
    """
    data, length = found.raw(), struct.Struct("<Q").unpack_from
    tokens, places = [], []
    at = 8
    try:
        for _ in range(found.count):
            end = at + length(data, at - 8)[0]
            tokens.append(data[at:end])
            places.append(found.offset + at)
            at = end + 8
    except struct.error:
        raise VocabularyError("the file changed while it was read", found.offset, TOKENS) from None
    return tokens, places


def _flag(file: GgufFile, key: str, usual: bool) -> bool:
    found = file.keys.get(KEYS + key, usual)
    if not isinstance(found, bool):
        raise _wrong(file, key, "this is a truth value in a model file")
    return found


def _special(file: GgufFile, key: str, usual: int, count: int) -> int:
    key = f"{key}_token_id"
    found = file.keys.get(KEYS + key, usual)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < count:
        raise _wrong(file, key, f"this is no token of the {count:,} that there are")
    return found


# -------------------------------------------------------------------------------------- checks


def _check_tokens(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.tokens
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    if (number := _first(lengths == 0)) is not None:
        raise _told(vocabulary, number, "is empty")
    if (number := _first(lengths > LONGEST)) is not None:
        raise _told(vocabulary, number, f"has more than {LONGEST:,} bytes")
    if (number := _broken(tokens)) is not None:
        raise _told(vocabulary, number, "is not UTF-8")
    if (number := _repeated(tokens)) is not None:
        raise _told(vocabulary, number, f"is the same as token {tokens.index(tokens[number]):,}")


def _check_numbers(vocabulary: Vocabulary, scores: int, kinds: int) -> None:
    """scores, kinds: where the arrays begin in the file."""
    kind = vocabulary.kinds
    if (number := _first((kind < min(Kind)) | (kind > max(Kind)))) is not None:
        what = f"token {number:,} is of type {kind[number]:,}, and there is none such"
        raise VocabularyError(what, kinds + 4 * number, TYPES)
    if (number := _first(~np.isfinite(vocabulary.scores))) is not None:
        what = f"the score of token {number:,} is no finite number"
        raise VocabularyError(what, scores + 4 * number, SCORES)


def _check_bytes(vocabulary: Vocabulary, kinds: int) -> None:
    found = vocabulary.of_kind(Kind.BYTE)
    for number, token in found.items():
        if token not in BYTES:
            raise _told(vocabulary, number, "is of the type of a byte, and reads otherwise")
    if missing := sorted(BYTES - frozenset(found.values())):
        what = f"{len(missing)} of the 256 bytes have no token, such as {missing[0].decode()}"
        raise VocabularyError(what, kinds, TYPES)


def _told(vocabulary: Vocabulary, number: int, what: str) -> VocabularyError:
    return VocabularyError(f"token {number:,} {what}", vocabulary.places[number], TOKENS)


def _first(wrong: NDArray[np.bool_]) -> int | None:
    return int(wrong.argmax()) if wrong.any() else None


def _broken(tokens: Sequence[bytes]) -> int | None:
    """All are decoded as one text first: one by one they take 30 ms."""
    try:
        b" ".join(tokens).decode()
    except UnicodeDecodeError:
        return next(number for number, token in enumerate(tokens) if not _decodes(token))
    return None


def _decodes(token: bytes) -> bool:
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return True


def _repeated(tokens: Sequence[bytes]) -> int | None:
    if len(set(tokens)) == len(tokens):
        return None
    seen: set[bytes] = set()
    for number, token in enumerate(tokens):
        if token in seen:
            return number
        seen.add(token)
    return None
