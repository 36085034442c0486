"""Brackets that do not pair: which one was forgotten, and the text as if it had been written.

Asked only where a text's brackets do not pair. Two readings are tried, one that trusts the
indentation and one that does not; the one with fewer mistakes is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from perfdsl.diagnostics import Diagnostic, Edit, Fix, Label, Source, Span
from perfdsl.syntax.table import LITERALS, RESERVED
from perfdsl.syntax.token import Token

CLOSER = {"(": ")", "[": "]", "{": "}"}
OPENER = {closer: opener for opener, closer in CLOSER.items()}

# A word that starts a block with a name, and where its `{` is due: behind the name and parameters.
BLOCKS = {"hardware", "port", "cache", "memory", "link", "format", "model", "operator", "workload"}
BLOCKS |= {"analysis"}
FLOWS = {"work", "read", "write", "send"}
TOP_LEVEL = {"hardware", "model", "operator", "format", "workload", "scenario", "analysis"}
TOP_LEVEL |= {"import", "from", "dimension", "label"}

# A line goes on inside brackets if one of these ends it or starts the next one.
SIGNS = ", + - * / ^ = : . @ .. ..< +- == ~= != <= >= < >".split()
JOINTS = {LITERALS[sign] for sign in (*SIGNS, *CLOSER)}
CLOSING = {LITERALS[sign] for sign in OPENER}


MAX_REPORTS = 20
ENOUGH = 200  # mistakes to tell which reading is better
NOTHING = Token("$END", 0, 0, "")


class Open(NamedTuple):
    """An opening bracket, its line, and the indentation of its statement.

    hanging: nothing follows it on its line, so its closer most likely starts a line.
    """

    token: Token
    line: int
    indent: int
    hanging: bool = False


def repaired(source: Source, raw: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """Tokens whose brackets pair, and one message for each bracket at fault."""
    readings = [_Reading(source, raw, trusting=trusting).run() for trusting in (True, False)]
    tokens, problems = min(readings, key=lambda reading: len(reading[1]))
    return tokens, _one_a_line(problems)


def _one_a_line(problems: list[Diagnostic]) -> list[Diagnostic]:
    """The first message for each line: what follows on the same line may follow from it."""
    kept: list[Diagnostic] = []
    blamed: set[int] = set()
    for problem in problems:
        spans = [problem.span, *(label.span for label in problem.secondary)]
        lines = {span.line for span in spans if span is not None}
        if not lines & blamed:
            kept.append(problem)
        blamed |= lines
    return kept[:MAX_REPORTS]


class _Reading:
    """One pass over the tokens of one text; lives for one call of `run`."""

    def __init__(self, source: Source, raw: list[Token], *, trusting: bool) -> None:
        self.source, self.raw, self.trusting = source, raw, trusting
        self.tokens: list[Token] = []
        self.problems: list[Diagnostic] = []
        self.stack: list[Open] = []
        self.due: set[int] = set()  # the tokens in front of which a `{` is missing
        self.line = self.indent = 0
        self.round_due = -1  # the token in front of which the `(` of parameters is missing

    def run(self) -> tuple[list[Token], list[Diagnostic]]:
        for at, token in enumerate(self.raw):
            if self._starts_line(at) and not self._inside_round():
                self.indent = self._column(token)
                self._header(at)
            if at in self.due:
                self._add_brace(token)
            if at == self.round_due:
                self._add_params(token)
            if token.text == "\n":
                self._line_end(at)
                self.line += 1
                self.tokens.append(token)
            elif token.text in CLOSER and token.kind != "STRING":
                self._opening(at)
            elif token.text in OPENER:
                self._closing(token)
            else:
                self._word(at)
                self.tokens.append(token)
        self._close(lambda _: True, len(self.source.text))
        return self.tokens, self.problems

    # ---------------------------------------------------------------------------- positions

    def _starts_line(self, at: int) -> bool:
        return self.raw[at].text != "\n" and (at == 0 or self.raw[at - 1].text == "\n")

    def _column(self, token: Token) -> int:
        start = self.source.text.rfind("\n", 0, token.start) + 1
        line = self.source.text[start : token.start].expandtabs(4)
        return len(line) - len(line.lstrip())

    def _next(self, at: int) -> Token | None:
        """The next token that is neither a newline nor a doc."""
        for token in self.raw[at + 1 : at + 50]:
            if token.text != "\n" and token.kind != "DOC":
                return token
        return None

    # ------------------------------------------------------------------------------- events

    def _line_end(self, at: int) -> None:
        following = self._next(at)
        if following is None:
            return
        if self._inside_round() and not self._goes_on(following):
            self._close(lambda each: each.token.text != "{", self.raw[at].start)
        if self.trusting and following.text in {")", "]"} and self._hangs(following.text):
            self._close(lambda each: not each.hanging, self.raw[at].start)
        column = self._column(following)
        if column == 0 and following.text in TOP_LEVEL:
            self._close(lambda _: True, self.raw[at].start)
        elif self.trusting and not self._inside_round():
            bound = column + (following.text == "}")
            self._close(
                lambda each: each.token.text == "{" and each.indent >= bound, self.raw[at].start
            )

    def _hangs(self, closer: str) -> bool:
        """Whether a hanging bracket waits for a closer at the start of a line."""
        for each in reversed(self.stack):
            if each.hanging or each.token.text == "{":
                return each.hanging and each.token.text == OPENER[closer]
        return False

    def _goes_on(self, following: Token) -> bool:
        before = self.tokens[-1] if self.tokens else following
        if following.text == "}":
            return False
        near = (before.kind in JOINTS, following.kind in JOINTS | CLOSING)
        return any(near) or before.text in RESERVED or following.text in RESERVED

    def _opening(self, at: int) -> None:
        token = self.raw[at]
        before = self.tokens[-1].text if self.tokens else ""
        if token.text == "{" == before:
            self._report(self._unmatched(token))
            return
        if token.text == "{" and self._inside_round() and before not in {"case", "with"}:
            self._close(lambda each: each.token.text != "{", token.start)
        hanging = at + 1 < len(self.raw) and self.raw[at + 1].text == "\n"
        self.stack.append(Open(token, self.line, self.indent, hanging))
        self.tokens.append(token)

    def _closing(self, token: Token) -> None:
        if token.text != "}" and self._would_end_early():
            self._report(self._unmatched(token))
            return
        if not self._has(OPENER[token.text]) or self._stands_inside(token):
            self._no_opener(token)
            return
        while self.stack[-1].token.text != OPENER[token.text]:
            self._forgotten(self.stack.pop(), token.start)
        self.stack.pop()
        self.tokens.append(token)

    def _would_end_early(self) -> bool:
        """A closer within a line, for a bracket that hangs and is closed at the start of a line."""
        hangs = self.trusting and bool(self.stack) and self.stack[-1].hanging
        return hangs and self.stack[-1].line < self.line and self.tokens[-1].text != "\n"

    def _has(self, opener: str) -> bool:
        """Is such a bracket open? A round one counts only down to a brace of an earlier line."""
        for each in reversed(self.stack):
            if each.token.text == opener:
                return True
            if each.token.text == "{" and each.line < self.line:
                return False
        return False

    def _stands_inside(self, token: Token) -> bool:
        """A brace on a line that is indented as a part of the block that it would close."""
        opened = next((each for each in reversed(self.stack) if each.token.text == "{"), None)
        if not self.trusting or token.text != "}" or opened is None:
            return False
        return self.indent > opened.indent and opened.line < self.line

    def _no_opener(self, token: Token) -> None:
        if self._inside_round() and token.text not in {"{", "}"}:
            opener = self.stack.pop().token
            closer = CLOSER[opener.text]
            self._report(self._wrong(opener, token, closer))
            self.tokens.append(Token(LITERALS[closer], token.start, token.end, closer))
        elif not (self.trusting and self._opened_above(token)):
            self._report(self._unmatched(token))

    def _opened_above(self, token: Token) -> bool:
        """A closer that starts a line, and a line above that ends in `=`: its opener hung there."""
        if token.text != ")" or not self.tokens or self.tokens[-1].text != "\n":
            return False
        lines = [at for at, each in enumerate(self.tokens) if each.text == "\n"]
        for end in lines[-2:-20:-1]:
            before = self.tokens[end - 1] if end else NOTHING
            if before.text in {"{", "}"}:
                return False
            if before.text == "=":
                self._add_round(end, before)
                self.tokens.append(token)
                return True
        return False

    def _add_round(self, at: int, before: Token) -> None:
        where = Span(self.source, before.end, before.end)
        fix = Fix("add `(`", (Edit(where, " ("),), safe=False)
        self._report(Diagnostic("P002", "a `(` is missing behind `=`", where, fix=fix))
        self.tokens.insert(at, Token(LITERALS["("], before.end, before.end, "("))

    def _word(self, at: int) -> None:
        """`case` and `with` are followed by a brace."""
        following = self._next(at)
        if self.raw[at].text in {"case", "with"} and following and following.text != "{":
            self.due.add(at + 1)

    def _header(self, at: int) -> None:
        """A block's first line: are the `(` of its parameters and its `{` there?"""
        if self._lacks_round(at):
            self.round_due = at + 2
            return
        end = self._brace_place(at)
        if end is None or end >= len(self.raw):
            return
        following = self._next(end) if self.raw[end].text == "\n" else self.raw[end]
        begins = self.raw[end].kind in {"_SEP", "NAME", "QUANTITY", "DOC"}
        if begins and following is not None and following.text != "{":
            self.due.add(end)

    def _lacks_round(self, at: int) -> bool:
        """`operator triad n: Count) {`: a closer comes before any opener of its kind."""
        word, name, third = [*self.raw[at : at + 3], *[NOTHING] * 3][:3]
        if word.text not in BLOCKS | {"scenario", "fn"} or name.kind != "NAME":
            return False
        if third.kind != "NAME" or third.text == "is":
            return False
        depth = 0
        for token in self.raw[at + 2 : at + 500]:
            depth += (token.text == "(") - (token.text == ")")
            if depth < 0 or token.text in {"{", "}"}:
                return depth < 0
        return False

    def _add_params(self, token: Token) -> None:
        before = self.tokens[-1]
        where = Span(self.source, before.end, before.end)
        fix = Fix("add `(`", (Edit(where, "("),), safe=False)
        title = f"a `(` is missing behind `{before.text}`"
        self._report(Diagnostic("P002", title, where, fix=fix))
        added = Token(LITERALS["("], token.start, token.start, "(")
        self.stack.append(Open(added, self.line, self.indent))
        self.tokens.append(added)

    def _brace_place(self, at: int) -> int | None:
        """Where the `{` of the statement that starts here is due, if it needs one."""
        words = [*self.raw[at : at + 3], *[NOTHING] * 3]
        word, name, third = words[:3]
        if word.text == "use" and name.text in FLOWS and third.kind == "NAME":
            return at + 1
        if name.kind != "NAME" or third.text in {"=", ".", ":"}:
            return None
        if word.text in {"repeat", "table", "data"}:
            end = next((i for i in range(at, len(self.raw)) if self.raw[i].text in "\n{}"), None)
            is_file = any(token.text == "from" for token in self.raw[at:end])
            return None if is_file else end
        if word.text not in BLOCKS:
            return None
        return self._behind_round(at + 2) if third.text == "(" else at + 2

    def _behind_round(self, at: int) -> int:
        depth = 0
        for end in range(at, min(len(self.raw), at + 1000)):
            depth += (self.raw[end].text == "(") - (self.raw[end].text == ")")
            if depth == 0 or self.raw[end].text == "{":
                return end + (depth == 0)
        return len(self.raw)

    # ------------------------------------------------------------------------------ repairs

    def _inside_round(self) -> bool:
        return bool(self.stack) and self.stack[-1].token.text != "{"

    def _close(self, wanted: Callable[[Open], bool], at: int) -> None:
        while self.stack and wanted(self.stack[-1]):
            self._forgotten(self.stack.pop(), at)

    def _forgotten(self, opened: Open, at: int) -> None:
        """Report an opener without its closer, and act as if the closer stood at `at`."""
        opener = opened.token
        closer = CLOSER[opener.text]
        last = next(each for each in reversed(self.tokens) if each.text != "\n").end
        where = Span(self.source, last, last)
        label = Label(where, f"a `{closer}` is missing by here")
        fix = Fix(f"add `{closer}`", (Edit(where, closer),), safe=False)
        title = f"this `{opener.text}` is never closed"
        span = Span(self.source, opener.start, opener.end)
        self._report(Diagnostic("P002", title, span, secondary=(label,), fix=fix))
        self.tokens.append(Token(LITERALS[closer], at, at, closer))

    def _add_brace(self, token: Token) -> None:
        before = self.tokens[-1]
        where = Span(self.source, before.end, before.end)
        fix = Fix("add `{`", (Edit(where, " {"),), safe=False)
        title = f"a `{{` is missing behind `{before.text}`"
        self._report(Diagnostic("P002", title, where, fix=fix))
        brace = Token(LITERALS["{"], token.start, token.start, "{")
        self.stack.append(Open(brace, self.line, self.indent))
        self.tokens.append(brace)

    def _report(self, problem: Diagnostic) -> None:
        if len(self.problems) < ENOUGH:
            self.problems.append(problem)

    def _unmatched(self, token: Token) -> Diagnostic:
        span = Span(self.source, token.start, token.end)
        fix = Fix("remove it", (Edit(span, ""),), safe=False)
        if token.text == "{":
            return Diagnostic("P002", "this `{` is one too many", span, fix=fix)
        help_ = f"remove it, or add the missing `{OPENER[token.text]}`"
        title = f"this `{token.text}` closes nothing"
        return Diagnostic("P002", title, span, help=help_, fix=fix)

    def _wrong(self, opener: Token, token: Token, closer: str) -> Diagnostic:
        span = Span(self.source, token.start, token.end)
        label = Label(Span(self.source, opener.start, opener.end), "it would close this one")
        fix = Fix(f"write `{closer}`", (Edit(span, closer),), safe=False)
        title = f"`{token.text}` cannot close `{opener.text}`"
        return Diagnostic("P002", title, span, secondary=(label,), fix=fix)
