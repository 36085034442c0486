"""A made-up vocabulary laid out as Gemma's: specials, runs of spaces, tags, bytes, merges, letters.

Merges are found as byte pair encoding finds them, but in random words: a new piece joins two
that stand side by side where all earlier merges have been applied. So each piece is the encoding of
its own text. Scores fall with the number of the merge, and go on falling over the characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from perfdsl.records import dataclass
from perfdsl.runner.random_bits import Stream
from perfdsl.runner.synth_scripts import (
    BIGRAMS,
    CAPITALS,
    CODE,
    DIGITS,
    ENDINGS,
    ENGLISH,
    FEW,
    FEW_TAGS,
    LETTERS,
    SCRIPTS,
    SIGNS,
    TAGS,
    UNUSED,
    WORDS,
)
from perfdsl.runner.vocabulary import Kind

PAD, EOS, BOS, UNK = range(4)

SPACE = "\u2581"  # a space inside a piece
SPECIAL_SCORE = -1000.0
LONGEST = 14  # characters of a merge
STREAM = 1 << 40  # of random bits: away from the tensors'
BEGINNERS = 60  # characters of a script that words begin with
LARGE = 4096  # from here on a vocabulary has every script


@dataclass(frozen=True, slots=True)
class MadeVocabulary:
    """tokens, scores, types: (vocab,) each."""

    tokens: Sequence[str]
    scores: Sequence[float]
    types: Sequence[int]


def made_vocabulary(size: int, seed: int) -> MadeVocabulary:
    """size: 512, or the true 262,144."""
    front = [*_specials(size), *_cuts(size), *((f"<0x{b:02X}>", Kind.BYTE) for b in range(256))]
    letters = _characters(size)
    back = [(f"<unused{n}>", Kind.CONTROL) for n in range(99, 99 + UNUSED)] if size >= LARGE else []
    merges = Merges()
    merges.grow(size - len(front) - len(letters) - len(back), seed)
    pieces = [*merges.ranks, *letters]
    middle = [(piece, Kind.NORMAL) for piece in pieces]
    ends = {kind: 0.0 if kind is Kind.BYTE else SPECIAL_SCORE for kind in Kind}
    return MadeVocabulary(
        [text for text, _ in (*front, *middle, *back)],
        [
            *(ends[kind] for _, kind in front),
            *(-float(rank) for rank in range(len(pieces))),
            *(ends[kind] for _, kind in back),
        ],
        [kind for _, kind in (*front, *middle, *back)],
    )


def _specials(size: int) -> Iterator[tuple[str, Kind]]:
    yield from ((f"<{name}>", Kind.CONTROL) for name in ("pad", "eos", "bos", "unk"))
    if size >= LARGE:
        yield "<mask>", Kind.CONTROL
        yield "[multimodal]", Kind.USER_DEFINED
        yield from ((f"<unused{n}>", Kind.CONTROL) for n in range(99))
        yield from ((f"<{name}_of_turn>", Kind.CONTROL) for name in ("start", "end"))


def _cuts(size: int) -> Iterator[tuple[str, Kind]]:
    """Runs of line ends and spaces, and tags; spaces stand as they are, as in the true file."""
    longest, tags = (31, TAGS) if size >= LARGE else (4, FEW_TAGS)
    texts = ["\n" * n for n in range(1, longest + 1)] + [" " * n for n in range(2, longest + 1)]
    return ((text, Kind.USER_DEFINED) for text in (*texts, *tags.split()))


def _characters(size: int) -> list[str]:
    """Each one once; SPACE first."""
    plain = SPACE + LETTERS + CAPITALS + SIGNS + DIGITS
    more = chain.from_iterable(_of(ranges) for _, ranges in SCRIPTS) if size >= LARGE else FEW
    return list(dict.fromkeys(chain(plain, more)))


def _of(ranges: Sequence[tuple[int, int]]) -> Iterator[str]:
    return (chr(point) for low, high in ranges for point in range(low, high + 1))


class Merges:
    """ranks: each piece of two characters or more, with the number of its merge."""

    def __init__(self) -> None:
        self.ranks: dict[str, int] = {}

    def grow(self, count: int, seed: int) -> None:
        """Learn English, as much of it as there is room for, and fill up with all scripts."""
        for text in _english():
            while text not in self.ranks and len(self.ranks) < count and self._join(text):
                pass
        wheel = _wheel([*LETTERS, *self.ranks])
        turn = 0
        while len(self.ranks) < count:
            self._spin(wheel, count, Stream(seed, STREAM + turn))
            turn += 1

    def _spin(self, wheel: Sequence[list[str]], count: int, stream: Stream) -> None:
        """Join pieces at random, the early ones of a script more often: a place among them is the
        square of a uniform fraction."""
        for which, one, other in stream.words(3 * count).reshape(count, 3).tolist():
            pool = wheel[which % len(wheel)]
            left = pool[one * one * len(pool) >> 32]
            right = pool[other * other * len(pool) >> 32]
            joined = left + right
            if right[0] == SPACE or len(joined) > LONGEST or joined in self.ranks:
                continue
            if made := self._join(joined):
                pool.append(made)
            if len(self.ranks) == count:
                return

    def _join(self, text: str) -> str:
        """The piece that text's first two pieces make, where that is its own encoding; or ''."""
        parts = self.encoded(text)
        made = "".join(parts[:2])
        if len(parts) < 2 or (len(parts) > 2 and self.encoded(made) != parts[:2]):
            return ""
        self.ranks[made] = len(self.ranks)
        return made

    def encoded(self, text: str) -> list[str]:
        """Text's pieces: the merge of the lowest number first, the leftmost of its kind."""
        parts = list(text)
        ranks = self.ranks
        while len(parts) > 1:
            best, at = len(ranks), -1
            for i in range(len(parts) - 1):
                rank = ranks.get(parts[i] + parts[i + 1], best)
                if rank < best:
                    best, at = rank, i
            if at < 0:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return parts


def _wheel(english: list[str]) -> list[list[str]]:
    """The pieces that are joined with each other, each script's as often as its share says."""
    pools = []
    for share, ranges in SCRIPTS:
        letters = list(_of(ranges))
        pools += [[*(SPACE + letter for letter in letters[:BEGINNERS]), *letters]] * share
    return pools + [english] * ENGLISH


def _english() -> Iterator[str]:
    yield from (SPACE + letter for letter in LETTERS[:16])
    yield from BIGRAMS.split()
    yield from (SPACE + word for word in WORDS.split()[:20])
    yield from ENDINGS.split()
    yield from CODE.split()
    for word in WORDS.split():
        yield SPACE + word
    for word in WORDS.split():
        yield from (word, word.capitalize(), SPACE + word.capitalize())
    yield from (SPACE + sign for sign in SIGNS if sign != "\t")
