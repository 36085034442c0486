"""What the language tells its user, as data: places in a text, messages, and repairs.

Every stage returns its value together with a tuple of `Diagnostic`; none prints. `rendering`
turns them into text for a terminal, `present.diagnostic_forms` into JSON, SARIF and GitHub's form.

    Source   one text, read once            Label   a second place, and why it matters
    Span     a stretch of a source          Edit    a stretch, and what should stand there
    Severity how bad                        Fix     edits that belong together

Offsets count characters (code points), as Python strings do; lines and columns start at 1. A line
ends at "\\n", and nowhere else, so that offsets and lines agree for every text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import Enum

from perfdsl.records import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One text and the name its user knows it by, such as "specs/x.perf" or "<stdin>".

    Compared by identity: spans are hashed by the thousand, and a text is read only once.
    """

    name: str
    text: str = field(repr=False)
    line_starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "line_starts", _line_starts(self.text))

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column, from 1, of a character; outside the text, of its nearest end."""
        inside = self.clamp(offset)
        line = bisect_right(self.line_starts, inside)
        return line, inside - self.line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of a line (from 1), without its line end."""
        start = self.line_starts[line - 1]
        if line == len(self.line_starts):
            return self.text[start:]
        return self.text[start : self.line_starts[line] - 1].removesuffix("\r")

    def clamp(self, offset: int) -> int:
        return max(0, min(offset, len(self.text)))


def _line_starts(text: str) -> tuple[int, ...]:
    starts = [0]
    while (newline := text.find("\n", starts[-1])) >= 0:
        starts.append(newline + 1)
    return tuple(starts)


@dataclass(frozen=True, slots=True)
class Span:
    """The characters of a source from `start` up to, not including, `end`."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    @property
    def end_position(self) -> tuple[int, int]:
        """The line and column just behind the last character."""
        return self.source.position(max(self.start, self.end))

    def to(self, other: Span) -> Span:
        """The stretch that covers this span and another one of the same source."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))

    def __repr__(self) -> str:
        return f"Span({self.source.name!r}, {self.start}, {self.end})"


class Severity(Enum):
    """How bad: an error stops the answer, a warning does not, a note reports a finding."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Label:
    """A place that explains the message, and what is to be seen there."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` where the span stands; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that belong together. A safe one may be applied without asking."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One message: `title` in the user's terms, `span` where to edit, `secondary` why.

    A note holds one "= ..." entry and may run over several aligned lines. There is at most one
    help. The code is stable and says which family a mistake belongs to (P2xx: units).
    """

    code: str
    title: str
    span: Span | None
    label: str = ""
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    fix: Fix | None = None
    severity: Severity = Severity.ERROR

    @property
    def advice(self) -> str:
        """The one help to show: its text, else what the fix is called."""
        return self.help or (self.fix.title if self.fix else "")


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of them stops the answer."""
    return any(each.severity is Severity.ERROR for each in diagnostics)


def sort_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By source name, offset and code; those without a place first, equals as they came."""
    return tuple(sorted(diagnostics, key=_reading_order))


def _reading_order(diagnostic: Diagnostic) -> tuple[str, int, str]:
    match diagnostic.span:
        case None:
            return "", -1, diagnostic.code
        case span:
            return span.source.name, span.start, diagnostic.code


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with each edit made. Insertions at one place keep their order; edits that overlap
    contradict each other, which is a mistake of whoever built the fix, hence a ValueError."""
    pieces: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda each: (each.span.start, each.span.end)):
        if edit.span.start < done:
            raise ValueError(f"edits overlap at offset {edit.span.start}")
        pieces += (text[done : edit.span.start], edit.text)
        done = edit.span.end
    return "".join(pieces) + text[done:]


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that the user most likely meant, or None where none is close.

    One that differs in case only wins; otherwise the nearest by inserted, dropped, replaced or
    swapped neighbouring letters: at most two, at most a third of the word (rounded up), and never
    all of it. Among equally near ones the first.
    """
    wanted = word.casefold()
    limit = min(2, (len(word) + 2) // 3)
    best: str | None = None
    best_distance = limit + 1
    for candidate in candidates:
        folded = candidate.casefold()
        if folded == wanted and candidate != word:
            return candidate
        longest = max(len(folded), len(wanted))
        if candidate == word or abs(len(folded) - len(wanted)) >= min(best_distance, longest):
            continue
        distance = _edit_distance(wanted, folded, best_distance)
        if distance < min(best_distance, longest):
            best, best_distance = candidate, distance
    return best


def _edit_distance(left: str, right: str, enough: int) -> int:
    """Edits between two words (Damerau-Levenshtein, each letter edited once); gives up at `enough`,
    because a caller with hundreds of candidates only asks for nearer ones."""
    before_last: Sequence[int] = ()
    last: Sequence[int] = range(len(right) + 1)
    for i, here in enumerate(left, 1):
        row = [i]
        for j, there in enumerate(right, 1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (here != there))
            if i > 1 and j > 1 and here == right[j - 2] and left[i - 2] == there:
                cost = min(cost, before_last[j - 2] + 1)
            row.append(cost)
        if min(row) >= enough:
            return enough
        before_last, last = last, row
    return last[-1]
