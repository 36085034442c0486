"""Single slips in a program: a word or sign deleted, doubled, misspelled, swapped with the next."""

from __future__ import annotations

from typing import NamedTuple

from perfdsl.syntax.brackets import CLOSER, OPENER
from perfdsl.syntax.scanner import SCAN
from perfdsl.syntax.table import KEYWORDS

SKIPPED = {"blank", "comment", "_SEP", "DOC"}


class Slip(NamedTuple):
    """What was done where, the text then, and the lines on which a message about it may stand."""

    name: str
    text: str
    lines: frozenset[int]


class Word(NamedTuple):
    start: int
    end: int
    text: str
    line: int


def mutations(text: str) -> list[Slip]:
    """Every slip there is in a text, in the order of the text."""
    words = words_of(text)
    openers = openers_of(words)
    slips: list[Slip] = []
    for at, word in enumerate(words):
        lines = {word.line, words[openers.get(at, at)].line}
        before, behind = text[: word.start], text[word.end :]
        slips.append(_slip("delete", word, before + behind, lines))
        slips.append(_slip("double", word, f"{before}{word.text} {word.text}{behind}", lines))
        if word.text in KEYWORDS:
            slips.append(_slip("misspell", word, before + misspelled(word.text) + behind, lines))
        after = words[at + 1] if at + 1 < len(words) else word
        if after.line == word.line and after.text != word.text:
            both = lines | {words[openers.get(at + 1, at)].line}
            swapped = after.text + text[word.end : after.start] + word.text
            slips.append(_slip("swap", word, before + swapped + text[after.end :], both))
    return slips


def words_of(text: str) -> list[Word]:
    """The words and signs of a text, comments and separators left out."""
    return [
        Word(*match.span(), match.group(), text.count("\n", 0, match.start()) + 1)
        for match in SCAN.finditer(text)
        if match.lastgroup not in SKIPPED
    ]


def _slip(what: str, word: Word, text: str, lines: set[int]) -> Slip:
    return Slip(f"{what} {word.text} on line {word.line}", text, frozenset(lines))


def openers_of(words: list[Word]) -> dict[int, int]:
    """The opening bracket of each closing one, by number."""
    stack: list[int] = []
    openers: dict[int, int] = {}
    for at, word in enumerate(words):
        if word.text in CLOSER:
            stack.append(at)
        elif word.text in OPENER:
            openers[at] = stack.pop()
    return openers


def misspelled(word: str) -> str:
    """The last two letters exchanged, or one more where that changes nothing."""
    swapped = word[:-2] + word[:-3:-1]
    return swapped if len(word) > 2 and swapped != word else word + "x"
