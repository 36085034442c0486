"""Small vocabularies in which a piece is one thing and looks like another, and texts for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from token_texts import SPACE

from perfdsl.runner.gguf_types import ValueType
from perfdsl.runner.gguf_write import Items, Keyed, write_gguf
from perfdsl.runner.vocabulary import Kind

SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>")
FIRST = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]


@dataclass(frozen=True)
class OddVocabulary:
    """tokens, kinds, scores: of what stands behind FIRST, whose scores are 0; flags: whether
    there is a first token, a last one, and a space before a text."""

    seed: int
    tokens: Sequence[str]
    kinds: Sequence[int]
    scores: Sequence[float]
    flags: Sequence[bool]


def odd_vocabulary(seed: int) -> OddVocabulary:
    random = Random(seed)  # noqa: S311  nothing here is secret
    pieces = dict(_pieces(random, random.sample(f"abc</>s{SPACE}é\n", random.randint(4, 10))))
    scores = [float(random.randint(-12, 3)) for _ in pieces]
    flags = [random.random() < 0.5 for _ in range(3)]
    return OddVocabulary(seed, list(pieces), list(pieces.values()), scores, flags)


def _pieces(random: Random, letters: Sequence[str]) -> Iterator[tuple[str, Kind]]:
    """Pieces that text is cut at differ in length: of two that overlap the longer one comes first,
    and where both are as long llama.cpp leaves it open."""
    yield from ((letter, random.choice([Kind.NORMAL, Kind.UNUSED])) for letter in letters)
    yield "</s>", Kind.USER_DEFINED
    cut = {4}
    for _ in range(random.randint(10, 40)):
        kind = random.choice([*(Kind.NORMAL,) * 4, Kind.UNUSED, Kind.USER_DEFINED])
        spaced = kind is Kind.USER_DEFINED or random.random() < 0.2
        text = "".join(random.choices([*letters, *(" " * spaced)], k=random.randint(2, 5)))
        if kind is not Kind.USER_DEFINED:
            yield text, kind
        elif (size := len(text.encode())) not in cut:
            cut.add(size)
            yield text, kind


def odd_texts(made: OddVocabulary, number: int) -> Iterator[str]:
    random = Random(made.seed)  # noqa: S311  nothing here is secret
    drawn = [["a", "b", "c", "<", "s", " ", "  ", "\n", "x", "é"], made.tokens, FIRST]
    for _ in range(number):
        parts = random.choices(drawn, [10, 10, 1], k=random.randint(0, 9))
        yield "".join(random.choice(part) for part in parts)


def write_vocabulary(path: str, made: OddVocabulary) -> None:
    """A file that is a vocabulary and nothing else."""
    name = "tokenizer.ggml."
    kinds = [*(Kind.CONTROL,) * 4, *(Kind.BYTE,) * 256, *made.kinds]
    keys: dict[str, Keyed] = {
        "general.architecture": (ValueType.STRING, "gemma-embedding"),
        f"{name}model": (ValueType.STRING, "llama"),
        f"{name}pre": (ValueType.STRING, "default"),
        f"{name}tokens": Items(ValueType.STRING, [*FIRST, *made.tokens]),
        f"{name}scores": Items(ValueType.FLOAT32, [0.0] * len(FIRST) + [*made.scores]),
        f"{name}token_type": Items(ValueType.INT32, kinds),
        f"{name}bos_token_id": (ValueType.UINT32, 2),
        f"{name}eos_token_id": (ValueType.UINT32, 1),
        f"{name}unknown_token_id": (ValueType.UINT32, 3),
        f"{name}add_bos_token": (ValueType.BOOL, made.flags[0]),
        f"{name}add_eos_token": (ValueType.BOOL, made.flags[1]),
        f"{name}add_space_prefix": (ValueType.BOOL, made.flags[2]),
    }
    with Path(path).open("wb") as stream:
        write_gguf(stream, keys, [])
