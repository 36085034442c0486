"""A text -> ids, as llama.cpp has them: cut at the pieces of users, merged by SentencePiece.

Text is text: what reads `<eos>` is five characters, and never the control token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.errors import InputError, MissingLibraryError, VocabularyError
from perfdsl.runner.gguf import GgufFile
from perfdsl.runner.sentencepiece_bytes import Piece, model_bytes
from perfdsl.runner.vocabulary import TOKENS, Kind, Vocabulary, read_vocabulary

Encode: TypeAlias = Callable[[str], list[int]]

SPACE = "\u2581"  # a space inside a piece
LONGEST = 1 << 28  # characters of a text: SentencePiece counts bytes in 32 bits

# Where a file calls these USER_DEFINED, llama.cpp takes them for control tokens all the same, and
# cuts no text at them. Gemma's vocabulary has the first, a tag of HTML, as its token 212.
CONTROL_TO_LLAMA_CPP = frozenset({b"</s>", b"<eos>", b"<end_of_turn>"})

PIECES: Mapping[Kind, Piece] = {
    Kind.NORMAL: Piece.NORMAL,
    Kind.UNKNOWN: Piece.CONTROL,
    Kind.CONTROL: Piece.CONTROL,
    # Text is cut at these before it is merged. What is left can still become one: with a space in
    # the text for SPACE in the token.
    Kind.USER_DEFINED: Piece.NORMAL,
    Kind.UNUSED: Piece.NORMAL,  # llama.cpp makes no difference
    Kind.BYTE: Piece.BYTE,
}
TYPES = np.array([0, *(PIECES[kind] for kind in Kind)], np.int32)  # by the kind's number


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """cuts: pieces that text is cut at wherever they stand, the longest first, with their ids."""

    cuts: Sequence[tuple[str, int]]
    encode: Encode
    before: Sequence[int]
    after: Sequence[int]
    space_prefix: bool

    def ids(self, text: str) -> list[int]:
        """InputError for text that is none: half of a surrogate pair has no bytes."""
        _check(text)
        return [*self.before, *self._inside(text), *self.after]

    def _inside(self, text: str) -> list[int]:
        ids: list[int] = []
        at_start = True  # of the text, or of what follows a cut
        for part in _cut(text, self.cuts):
            if isinstance(part, int):
                ids.append(part)
                at_start = True
            else:
                prefix = SPACE if self.space_prefix and at_start else ""
                ids += self.encode(prefix + part.replace(" ", SPACE))
                at_start = False
        return ids


def open_tokenizer(file: GgufFile) -> Tokenizer:
    """VocabularyError where no tokenizer can be made of the file's vocabulary."""
    return make_tokenizer(read_vocabulary(file))


def make_tokenizer(vocabulary: Vocabulary) -> Tokenizer:
    """vocabulary: one that was read, so that it has been checked."""
    cuts = [
        (token.decode(), number)
        for number, token in vocabulary.of_kind(Kind.USER_DEFINED).items()
        if token not in CONTROL_TO_LLAMA_CPP
    ]
    return Tokenizer(
        cuts=sorted(cuts, key=lambda cut: -len(cut[0].encode())),
        encode=_encoder(vocabulary),
        before=[] if vocabulary.bos is None else [vocabulary.bos],
        after=[] if vocabulary.eos is None else [vocabulary.eos],
        space_prefix=vocabulary.space_prefix,
    )


def _encoder(vocabulary: Vocabulary) -> Encode:
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as missing:
        raise MissingLibraryError(
            "a text needs the library sentencepiece", "install perfdsl[runner]"
        ) from missing
    processor = SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(_model(vocabulary))
    except RuntimeError as refused:
        what = f"SentencePiece refuses the vocabulary: {refused}"
        raise VocabularyError(what, vocabulary.places[0], TOKENS) from refused
    encode: Encode = processor.EncodeAsIds
    return encode


def _model(vocabulary: Vocabulary) -> bytes:
    """No text has a plain space where SentencePiece sees it, so no text is ever taken for a piece
    that has one. Control tokens get one; no two names become the same."""
    types: NDArray[np.int32] = TYPES[vocabulary.kinds]
    names = [b" n" + token if b" " in token else token for token in vocabulary.tokens]
    for number in np.flatnonzero(types == Piece.CONTROL).tolist():
        names[number] = b" c" + vocabulary.tokens[number]
    return model_bytes(names, vocabulary.scores, types)


def _check(text: str) -> None:
    if len(text) > LONGEST:
        raise InputError(f"a text has {len(text):,} characters; at most {LONGEST:,} are taken")
    try:
        text.encode()
    except UnicodeEncodeError as lone:
        raise InputError(
            f"character {lone.start:,} of a text is half of a surrogate pair",
            "texts are Unicode; a surrogate alone often stands for a byte that could not be read",
        ) from lone


def _cut(text: str, cuts: Sequence[tuple[str, int]]) -> Sequence[str | int]:
    """Text as stretches of text and ids of the pieces that it was cut at: longest pieces first."""
    parts: list[str | int] = [text]
    for piece, number in cuts:
        if piece in text:
            parts = [each for part in parts for each in _cut_at(piece, number, part)]
    return [part for part in parts if part != ""]


def _cut_at(piece: str, number: int, part: str | int) -> Sequence[str | int]:
    if isinstance(part, int):
        return [part]
    between = part.split(piece)
    cut: list[str | int] = [number] * (2 * len(between) - 1)
    cut[0::2] = between
    return cut
