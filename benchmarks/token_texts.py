"""Texts that tokenizers disagree about, drawn at random: the same for the same seed.

Scripts, emoji with joiners, combining marks, controls, byte order marks and line ends, characters
that no vocabulary has, names of control tokens, and pieces of the vocabulary itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

SPACE = "\u2581"

SCRIPTS = (
    [(0x20, 0x7E)],
    [(0x20, 0x7E)],
    [(0x00, 0x1F), (0x7F, 0x9F)],
    [(0xA0, 0x17F)],
    [(0x61, 0x7A), (0x300, 0x36F)],
    [(0x370, 0x3FF)],
    [(0x400, 0x4FF)],
    [(0x590, 0x6FF)],
    [(0x900, 0x97F)],
    [(0xE00, 0xE7F)],
    [(0x1100, 0x11FF), (0xAC00, 0xD7A3)],
    [(0x2000, 0x206F)],
    [(0x3040, 0x30FF), (0x4E00, 0x9FFF)],
    [(0x1F300, 0x1FAFF), (0x200D, 0x200D), (0xFE0F, 0xFE0F)],
    [(0x1F1E6, 0x1F1FF)],
    [(0x2581, 0x2581), (0x20, 0x20)],
    [(0x00, 0x00), (0x0A, 0x0A), (0x0D, 0x0D), (0xFEFF, 0xFEFF), (0x2028, 0x2029)],
    [(0xE000, 0xF8FF), (0xFDD0, 0xFFFF)],
    [(0x10000, 0x10FFFF)],
)
PHRASES = (
    "", "\r\n", "\n", "\n\n", "\n\n\n", " ", "  ", "   ", "     ", "\t", "\0", "\ufeff",
    "<eos>", "<bos>", "<pad>", "<unk>", "<mask>", "<unused3>", "<end_of_turn>", "<0x41>", "<0x0A>",
    "<table>", "</table>", "<h1>", "</h1>", "</s>", "<s>", "</", "<", "[multimodal]",
    SPACE, 2 * SPACE, f"{SPACE}<h1>", f" {SPACE} ", f"{SPACE}the", "the ", " document",
    "task: search result | query: ", "title: none | text: ", "e\u0301", "n\u0303a\u0308",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\ufffd", "\U0010ffff",
)  # fmt: skip
LONG_RUNS = ("\n" * 40, " " * 70, SPACE * 33, "a" * 100)


def texts(number: int, tokens: Sequence[str], seed: int, longest: int) -> Iterator[str]:
    """tokens: of the vocabulary, with SPACE inside; longest: parts of a text at most."""
    yield from ("", *PHRASES[1:], *LONG_RUNS)
    random = Random(seed)  # noqa: S311  nothing here is secret
    for _ in range(number - len(PHRASES) - len(LONG_RUNS)):
        yield "".join(_part(random, tokens) for _ in range(random.randrange(longest) + 1))


def _part(random: Random, tokens: Sequence[str]) -> str:
    kind = random.random()
    if kind < 0.35:
        return random.choice(PHRASES)
    if kind < 0.6:
        return random.choice(tokens).replace(SPACE, random.choice([" ", SPACE]))
    script = random.choice(SCRIPTS)
    points = (random.randint(*random.choice(script)) for _ in range(random.choice([1, 2, 4])))
    return "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)
