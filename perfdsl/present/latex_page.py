r"""Answers and formulas as a LaTeX document, or as a fragment of one.

It needs amsmath, siunitx, booktabs and hyperref alone, and compiles in one run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from perfdsl.present import latex_fits, words
from perfdsl.present.derivation import reading_of
from perfdsl.present.formula_book import Book, open_book
from perfdsl.present.formula_crossings import crossed
from perfdsl.present.formula_entries import Entry, claims, lets, parts, shows
from perfdsl.present.formula_fits import Fit, fits
from perfdsl.present.formula_inverses import turned
from perfdsl.present.latex_functions import functions
from perfdsl.present.latex_math import Math, lines
from perfdsl.present.latex_symbols import symbol_tables
from perfdsl.present.latex_tables import tables
from perfdsl.present.latex_text import text, typewriter
from perfdsl.present.latex_units import Units
from perfdsl.records import dataclass, field
from perfdsl.semantics.binding import heart
from perfdsl.semantics.program import Program
from perfdsl.semantics.values import Quantity
from perfdsl.solve.answers import AnalysisAnswer, Finding, Number, Refused, Solved, Verdict
from perfdsl.solve.reading import Reading

WIDTH = 455.0  # of a line, in points
WIDEST_NAME = 150.0

PACKAGES = r"""\usepackage{amsmath}
\usepackage{siunitx}
\usepackage{booktabs}
\usepackage[hidelinks,bookmarks=false]{hyperref}"""

SETUP = r"""\sisetup{per-mode=symbol,group-minimum-digits=5}
\DeclareSIPrefix\micro{\ensuremath{\mu}}{-6}
\allowdisplaybreaks"""

HEAD = rf"""\documentclass[10pt,a4paper]{{article}}
{PACKAGES}
\setlength{{\textwidth}}{{165mm}}
\setlength{{\oddsidemargin}}{{-3mm}}
\setlength{{\textheight}}{{235mm}}
\setlength{{\topmargin}}{{-10mm}}
\setlength{{\parindent}}{{0pt}}
\setlength{{\parskip}}{{4pt}}
\setlength{{\emergencystretch}}{{3em}}
\raggedbottom
\AtBeginDocument{{\setlength{{\abovedisplayskip}}{{4pt plus 2pt}}%
\setlength{{\belowdisplayskip}}{{4pt plus 2pt}}}}
{SETUP}"""

TITLED = frozenset({"show", "policy"})
MARKS = {"holds": r"$\surd$", "fails": r"$\times$", "undecided": "?",
         "not measured": r"$\circ$"}  # fmt: skip


def document(
    program: Program,
    answers: Sequence[AnalysisAnswer],
    *,
    file: str,
    standalone: bool,
    deadline: float = math.inf,
    equations: bool = False,
) -> str:
    """The formulas of some analyses: a whole document, or what can be put into one.

    equations: with the normal equations of fits.

    Raises reading.Timeout when the deadline (of the monotonic clock) has passed.
    """
    reading = reading_of(program, deadline)
    units = Units()
    body: list[str] = []
    first = 1
    for answer in answers:
        chapter = chapter_of(program, answer, reading, units, first, equations=equations)
        body += chapter.lines
        first += len(answer.findings)
    declared = units.declarations()
    if standalone:
        title = rf"{{\Large\bfseries {text(file, 200)}\par}}"
        return "\n".join([HEAD, *declared, r"\begin{document}", title, *body, r"\end{document}"])
    needs = [*PACKAGES.splitlines(), *SETUP.splitlines(), *declared]
    comment = [
        "% This fragment needs in the preamble of the document:",
        *(f"%   {n}" for n in needs),
    ]
    return "\n".join([*comment, *body])


@dataclass(slots=True)
class Chapter:
    """One analysis: its lines, the display of each quantity, and the book that made them."""

    book: Book
    answer: AnalysisAnswer
    first: int
    equations: bool = False
    lines: list[str] = field(default_factory=list)
    displays: list[tuple[Entry, str]] = field(default_factory=list)

    def show(self, entry: Entry) -> str:
        """The display of an entry, which is kept."""
        made = "\n".join(display(entry.name, entry.steps, entry.last, entry.sign))
        self.displays.append((entry, made))
        return made


def chapter_of(
    program: Program,
    answer: AnalysisAnswer,
    reading: Reading,
    units: Units,
    first: int = 1,
    *,
    equations: bool = False,
) -> Chapter:
    """An analysis printed twice: once to meet all symbols, then with each of them settled."""
    analysis = next(each for each in program.analyses if each.name == answer.name)
    book = open_book(program, analysis, reading, Units(dict(units.commands)))
    book.marks.update({finding.span: first + at for at, finding in enumerate(answer.findings)})
    list(_chapter(Chapter(book, answer, first, equations)))
    chapter = Chapter(book.second(), answer, first, equations)
    chapter.lines = list(_chapter(chapter))
    units.commands.update(chapter.book.units.commands)
    return chapter


def _chapter(chapter: Chapter) -> Iterator[str]:
    book, answer = chapter.book, chapter.answer
    yield from ("", rf"\section*{{{text(answer.name, 80)}}}")
    if answer.doc:
        yield from (text(answer.doc), "")
    notes = Footnotes(answer.findings, chapter.first)
    yield from _quantities("Quantities", [*lets(book), *shows(book, answer)], chapter, notes)
    yield from tables(answer, book)
    yield from _claims(list(claims(book, answer)), chapter, notes)
    yield from _answers(chapter)
    yield from _fits(chapter)
    yield from _crossings(chapter)
    yield from _quantities("What they are made of", list(parts(book)), chapter, notes)
    yield from functions(book)
    yield from _findings(answer.findings, chapter.first)
    yield from symbol_tables(book)


class Footnotes:
    """The findings of an analysis, each told below the first formula that it concerns."""

    def __init__(self, findings: Sequence[Finding], first: int) -> None:
        self._texts = {first + at: _finding(each) for at, each in enumerate(findings)}

    def of(self, entry: Entry) -> Iterator[str]:
        """The texts of the marks in an entry that were not told before."""
        for mark in entry.cited:
            told = self._texts.pop(mark, None)
            if told is not None:
                yield rf"\footnotetext[{mark}]{{{told}}}"


def _finding(item: Finding) -> str:
    return text("; ".join((item.title, *item.notes, words.place(item.span))))


# ----------------------------------------------------------------------------------- quantities


def _quantities(
    title: str, found: Sequence[Entry], chapter: Chapter, notes: Footnotes
) -> Iterator[str]:
    if found:
        yield rf"\subsection*{{{title}}}"
    for entry in found:
        yield from _entry(entry, chapter, notes)


def _entry(entry: Entry, chapter: Chapter, notes: Footnotes) -> Iterator[str]:
    if entry.sort in TITLED and entry.title != entry.written:
        yield rf"\medskip\textbf{{{text(entry.title, 200)}}}"
    if entry.doc:
        yield text(entry.doc)
    yield chapter.show(entry)
    yield from notes.of(entry)


def display(
    name: Math, steps: Sequence[Math], last: tuple[str, Math] | None = None, sign: str = "="
) -> Iterator[str]:
    """`name = step = step`, one step a line, long ones broken; never wider than a page."""
    signed = [(("=" if at else sign), step) for at, step in enumerate(steps)]
    signed += [last] if last is not None else []
    yield r"\begin{align*}"
    yield " \\\\\n".join(_rows(name, signed))
    yield r"\end{align*}"


def _rows(name: Math, steps: Sequence[tuple[str, Math]]) -> Iterator[str]:
    """The lines of a display, each with the place where they are aligned."""
    wide = name.width > WIDEST_NAME or not steps
    room = WIDTH - 40 - (0 if wide else name.width)
    if wide:
        yield from _broken("& ", name, WIDTH - 40)
    for at, (sign, step) in enumerate(steps):
        head = rf"&\quad {{}}{sign} " if wide else rf"&{{}}{sign} "
        first = "" if wide or at else f"{name.latex} "
        yield from _broken(f"{first}{head}", step, room)


def _broken(head: str, step: Math, room: float) -> Iterator[str]:
    for at, line in enumerate(lines(step, room)):
        yield rf"&\qquad {{}}{line}" if at else f"{head}{line}"


# --------------------------------------------------------------------------------------- claims


def _claims(
    found: Sequence[tuple[Entry, Verdict]], chapter: Chapter, notes: Footnotes
) -> Iterator[str]:
    refusals = chapter.answer.refusals
    if not found and not refusals:
        return
    yield r"\subsection*{Claims}"
    for entry, verdict in found:
        title = text(words.statement(verdict), 200)
        yield rf"\medskip\textbf{{{title}}}: {_verdict(verdict)}"
        yield chapter.show(entry)
        yield from notes.of(entry)
    for refusal in refusals:
        yield from ("", _refusal(refusal))


def _verdict(item: Verdict) -> str:
    word = "claimed" if item.expects else "refuted"
    if item.tolerance and item.op == "~=":
        word += f" {text(item.tolerance)}"
    kept = "" if item.kept else r", \textbf{which breaks its word}"
    tail = ""
    if isinstance(item.published, Number) and isinstance(item.computed, Number):
        gap = words.gap(item)
        tail = f" ({text(gap)})" if gap else ""
    why = words.explained(item)
    reason = f" {text(why[0].upper() + why[1:])}." if why else ""
    return rf"{MARKS[item.verdict]} {item.verdict}{tail}, {word}{kept}.{reason}"


def _refusal(item: Refused) -> str:
    came, _ = words.refused(item)
    mark = MARKS["holds" if item.kept else "fails"]
    formula = typewriter(item.formula, 400)
    return rf"\textbf{{{text(item.title, 200)}}}: {mark} {text(came)}: {formula}"


def _answers(chapter: Chapter) -> Iterator[str]:
    """Every answer, and the closed forms of its unknown, each with its condition."""
    if chapter.answer.solved:
        yield r"\subsection*{Answers}"
    asked = {item.span: item for item in chapter.book.analysis.solves}
    for item in chapter.answer.solved:
        yield from (rf"\medskip{answer_line(item)}", "")
        for form in turned(chapter.book, asked[item.span], item.answer.unknown):
            yield from _closed(*form.latex(chapter.book))


def _fits(chapter: Chapter) -> Iterator[str]:
    """Every fit: how good it is, its formulas, its unknowns, and where asked its equations."""
    book = chapter.book
    if chapter.answer.fits:
        yield r"\subsection*{Fits}"
    for statement, answer, fit in fits(book, chapter.answer.fits):
        yield latex_fits.sums(answer)
        yield chapter.show(latex_fits.entry(book, statement, answer, fit))
        yield from latex_fits.unknowns(book, answer)
        if chapter.equations and fit is not None:
            yield from _normal(book, fit)


def _normal(book: Book, fit: Fit) -> Iterator[str]:
    """The normal equations of a fit, one a line or more."""
    found = list(latex_fits.equations(book, fit))
    if found:
        yield "Normal equations:"
    for left, right in found:
        yield from display(left, (right,))


def _crossings(chapter: Chapter) -> Iterator[str]:
    """Of each maximum that is defined or shown: where one term takes over from another."""
    book = chapter.book
    titled = False
    for name, node in _maxima(book):
        if node not in book.crossed:
            book.crossed[node] = list(crossed(book, node))
        for one in book.crossed[node]:
            if not titled:
                yield r"\subsection*{Where one term takes over from another}"
                titled = True
            at = f" at {one.amount}" if one.amount else ""
            told = text(f"{' = '.join(one.terms)}{at}")
            yield from (rf"\medskip\textbf{{{text(name, 200)}}}: {told}", "")
            yield from _closed(*one.latex(book))


def _maxima(book: Book) -> Iterator[tuple[str, int]]:
    """What is defined or shown, each node once."""
    items = [(item.name, item.value) for item in book.analysis.definitions]
    items += [(item.title or item.formula, item.value) for item in book.analysis.shows]
    done: set[int] = set()
    for name, value in items:
        if isinstance(value, Quantity) and heart(book.program.graph, value.node) not in done:
            done.add(heart(book.program.graph, value.node))
            yield name, value.node


def _closed(formula: Math, condition: Math | None) -> Iterator[str]:
    rows = list(_broken("& ", formula, WIDTH - 40))
    if condition is not None:
        rows += _broken(r"&\quad\text{if}\ ", condition, WIDTH - 80)
    yield r"\begin{align*}"
    yield " \\\\\n".join(rows)
    yield r"\end{align*}"


def answer_line(item: Solved) -> str:
    """The set of all values that fit, and what was asked."""
    told = f"{words.answer(item)}, {words.question(item)}"
    return rf"\textbf{{{text(item.name, 100)}}}: {text(told)}."


def _findings(findings: Sequence[Finding], first: int) -> Iterator[str]:
    if findings:
        yield r"\subsection*{Findings}"
    for at, item in enumerate(findings):
        yield from (
            rf"[{first + at}] {_finding(item)}.".replace("[", "{[}", 1).replace("]", "{]}", 1),
            "",
        )
