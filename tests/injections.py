"""What an injected mistake is, and a program as the text and tree into which one is put."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from perfdsl.diagnostics import Source, Span
from perfdsl.semantics.scope import parts
from perfdsl.syntax import tree
from perfdsl.syntax.parser import parse


class Injection(NamedTuple):
    """One mistake: its sort, what was done, the text then, and the lines that may be blamed.

    hidden: the text alone does not show it (two counts exchanged, a summand left out).
    """

    sort: str
    name: str
    text: str
    lines: frozenset[int]
    hidden: bool = False


class Edit(NamedTuple):
    """A part of a text, and what is written instead."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Program:
    """A file without a mistake."""

    source: Source
    file: tree.File

    @staticmethod
    def of(name: str, text: str) -> Program:
        source = Source(name, text)
        parsed = parse(source)
        assert not parsed.problems, f"{name} has a mistake already"
        return Program(source, parsed.file)

    @property
    def text(self) -> str:
        return self.source.text

    def nodes(self) -> Iterator[tree.Node]:
        """Every node, in the order of the text."""
        todo: list[tree.Node] = [self.file]
        while todo:
            node = todo.pop()
            yield node
            todo.extend(sorted(parts(node), key=lambda part: -part.span.start))

    def line(self, at: int) -> int:
        return self.source.position(at)[0]

    def lines(self, *spans: Span) -> frozenset[int]:
        """Every line that these places touch."""
        return frozenset(
            line
            for span in spans
            for line in range(self.line(span.start), self.line(max(span.start, span.end - 1)) + 1)
        )

    def injected(
        self, sort: str, what: str, edits: list[Edit], lines: frozenset[int], hidden: bool = False
    ) -> Injection:
        """The text with these edits, named by what was done and the line where it was done."""
        text = self.text
        for edit in sorted(edits, reverse=True):
            text = text[: edit.start] + edit.text + text[edit.end :]
        home = " ".join(self.source.line_text(self.line(min(edits).start)).split())
        return Injection(sort, f"{what} | {home}", text, lines, hidden)
