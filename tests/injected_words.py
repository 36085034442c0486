"""Mistakes of writing: a bracket, a comma, an `=`, an operand left out, a word that is none.

Each of them makes a text that no rule of the grammar allows, so each is a mistake:
- brackets no longer pair;
- without its comma two values stand side by side (where the next sign could continue the first
  value, as in `f(a, -b)`, the comma stays; so does one in front of a closing bracket, which may be
  left out);
- a definition has an `=`;
- a binary operator has two operands (but `- b` is `0 - b`: what stands before a minus stays);
- a statement starts with one of the language's words, and an expression holds no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from perfdsl.syntax import tree
from perfdsl.syntax.table import KEYWORDS
from tests.injections import Edit, Injection, Program
from tests.mutations import Word, misspelled, openers_of, words_of

OPENING, CLOSING = {"(", "[", "{"}, {")", "]", "}"}

# A word of the language, and what those write who know another one.
FOREIGN = {
    "let": "var", "fn": "func", "repeat": "foreach", "import": "include", "use": "call",
    "show": "print", "hardware": "machine", "claim": "assert", "unknown": "param",
    "analysis": "main", "workload": "input", "operator": "kernel", "model": "network",
    "memory": "dram", "cache": "sram", "observe": "measured",
}  # fmt: skip


def written(program: Program) -> Iterator[Injection]:
    """Every mistake of writing that can be made in a program."""
    words = words_of(program.text)
    yield from _brackets(program, words)
    yield from _signs(program, words)
    yield from _keywords(program, words)
    yield from _operands(program)


def _brackets(program: Program, words: list[Word]) -> Iterator[Injection]:
    openers = openers_of(words)
    partner = openers | {opener: closer for closer, opener in openers.items()}
    for at, word in enumerate(words):
        if word.text in OPENING | CLOSING:
            lines = frozenset({word.line, words[partner[at]].line})
            yield _left_out(program, "bracket", word, lines)


def _left_out(program: Program, sort: str, word: Word, lines: frozenset[int]) -> Injection:
    edit = Edit(word.start, word.end, "")
    return program.injected(sort, f"without `{word.text}`", [edit], lines)


def _signs(program: Program, words: list[Word]) -> Iterator[Injection]:
    for word, after in pairwise(words):
        if word.text == "=":
            yield _left_out(program, "equals", word, frozenset({word.line}))
        if word.text == "," and after.text not in CLOSING | {"(", "[", "-", "from", "for"}:
            yield _left_out(program, "comma", word, frozenset({word.line, after.line}))


def _keywords(program: Program, words: list[Word]) -> Iterator[Injection]:
    """Words that the grammar asks for: not those that are names where they stand."""
    starts = {node.span.start for node in program.nodes() if isinstance(node, tree.Statement)}
    names = {node.span.start for node in program.nodes() if isinstance(node, tree.Name)}
    for before, word, after in zip(words, words[1:], words[2:], strict=False):
        if word.text not in KEYWORDS or before.text in {".", "@"} or after.text in {"=", ":", "."}:
            continue
        if word.start in names or before.text in {"work", "serves", "read", "write", "bound"}:
            continue
        lines = frozenset({word.line})
        wrong = misspelled(word.text)
        edit = Edit(word.start, word.end, wrong)
        yield program.injected("keyword", f"`{wrong}` for `{word.text}`", [edit], lines)
        if word.start in starts and word.text in FOREIGN:
            wrong = FOREIGN[word.text]
            edit = Edit(word.start, word.end, wrong)
            yield program.injected("keyword", f"`{wrong}` for `{word.text}`", [edit], lines)


def _operands(program: Program) -> Iterator[Injection]:
    for node in program.nodes():
        match node:
            case tree.Sum(parts=operands, ops=ops) | tree.Product(parts=operands, ops=ops):
                # What stands before a minus may go: the minus then starts a value.
                kept = {at for at, op in enumerate(ops) if op == "-"}
            case tree.Compare(left=left, right=right):
                operands, kept = (left, right), set()
            case tree.Power(base=left, exponent=right) | tree.PlusMinus(centre=left, spread=right):
                operands, kept = (left, right), set()
            case tree.Range(low=left, high=right):
                operands, kept = (left, right), set()
            case _:
                continue
        for at, operand in enumerate(operands):
            if at not in kept and not _continues(program, node, operand):
                yield _without(program, node, operand)


def _continues(program: Program, node: tree.Node, operand: tree.Expr) -> bool:
    """Whether the text goes on with a sign that can start a value: then that one is taken."""
    rest = program.text[operand.span.end :].lstrip(" \n")
    last = operand.span.end == node.span.end
    return last and rest.startswith(("(", "-", '"'))


def _without(program: Program, node: tree.Node, operand: tree.Expr) -> Injection:
    """An operand left out: blamed where it stood, or at the operator beside it."""
    span = operand.span
    lines = program.lines(span) | program.lines(node.span)
    edit = Edit(span.start, span.end, "")
    return program.injected("operand", f"without `{_short(span.text)}`", [edit], lines)


def _short(text: str) -> str:
    return " ".join(text.split())[:40]
