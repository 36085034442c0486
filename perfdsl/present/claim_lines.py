"""Claims as lines: what each column says of a statement, and what is told below it."""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.diagnostics import Span
from perfdsl.present import figures, words
from perfdsl.records import dataclass, replace
from perfdsl.solve import answers
from perfdsl.solve.answers import AnalysisAnswer, Number, Refused, Verdict

# So many rows of one claim are told where nobody asks for all of them.
TOLD = 12


@dataclass(frozen=True, slots=True)
class RowLine:
    """One row of a claim over rows; without a mark it says how many rows are left out."""

    mark: str
    name: str
    sides: str
    gap: str


@dataclass(frozen=True, slots=True)
class Line:
    """One statement as it will stand: what each column says, and what is told below it."""

    mark: str
    name: str
    id: str
    computed: str
    stated: str
    unit: str
    gap: str
    below: tuple[str, ...]
    cause: str
    notes: tuple[str, ...]
    details: tuple[str, ...]
    group: str
    left: float
    rows: tuple[RowLine, ...] = ()

    @property
    def words(self) -> str:
        """What is said across the columns where no number is compared."""
        if self.computed and not self.stated:
            return self.computed
        if self.mark == "open":
            return ""
        if self.unit or self.gap or not self.computed[:1].isalpha():
            return ""
        same = self.computed == self.stated
        return self.computed if same else f"{self.computed}, not {self.stated}"


def lines_of(answers: AnalysisAnswer, *, verbose: bool) -> list[Line]:
    """Claims and refusals in the order of the file."""
    items: list[tuple[Span, Line]] = [(c.span, _claim(c, verbose)) for c in answers.claims]
    items += [(r.span, _refusal(r, verbose)) for r in answers.refusals]
    return [line for _, line in sorted(items, key=lambda pair: pair[0].start)]


def mark_of(item: Verdict | Refused) -> str:
    """good, doubt (wrong, as the file says), bad (a broken word), ask, or open: not measured."""
    if not item.kept:
        return "bad"
    match words.verdict_of(item):
        case "holds":
            return "good"
        case "fails":
            return "doubt"
        case answers.NOT_MEASURED:
            return "open"
        case _:
            return "ask"


def _claim(item: Verdict, verbose: bool) -> Line:
    computed, stated, unit = _sides(item)
    found = item.explanation
    broken = () if item.kept else (_broken(item),)
    return Line(
        mark=mark_of(item),
        name=words.statement(item),
        id=item.id,
        computed=computed,
        stated=stated,
        unit=unit,
        gap=words.gap(item),
        below=(*broken, *_doubt(item)),
        cause=found.edit if found is not None else "",
        notes=found.notes if found is not None else (),
        details=_details(item) if verbose or not item.kept else (),
        group=item.id.partition(".")[0] if "." in item.id else "",
        left=found.left if found is not None else 0.0,
        rows=tuple(_rows(item, verbose)),
    )


def _rows(item: Verdict, verbose: bool) -> Iterator[RowLine]:
    """The rows that do not serve the word, the first few of them; all where they are asked for."""
    good = "holds" if item.expects else "fails"
    chosen = [(name, row) for name, row in item.rows if verbose or row.verdict != good]
    shown = chosen if verbose else chosen[:TOLD]
    for name, row in shown:
        yield _row(name, row)
    if len(shown) < len(chosen):
        yield RowLine("", f"and {len(chosen) - len(shown)} more", "", "")


def _row(name: str, row: Verdict) -> RowLine:
    computed, stated, unit = _sides(row)
    line = replace(_claim(row, False), computed=computed, stated=stated, unit=unit)
    sides = line.words or f"{computed}, stated {stated} {unit}".rstrip()
    told = "; ".join(part for part in (words.gap(row), *_doubt(row), *words.reason(row)) if part)
    return RowLine(mark_of(row), name, sides, told.replace(words.NOTHING_KNOWN, "").strip("; "))


def _doubt(item: Verdict) -> Iterator[str]:
    """Where a claim holds in part, or how far the computed side may go."""
    computed = item.computed
    if item.partial:
        yield item.partial
    elif item.verdict == "undecided" and isinstance(computed, Number) and figures.spread(computed):
        yield f"it may be {figures.ranged(computed)}"


def _broken(item: Verdict) -> str:
    if item.expects:
        return "claimed, and does not hold"
    return "refuted, and yet it holds"


def _sides(item: Verdict) -> tuple[str, str, str]:
    """Both sides in the unit of the stated one."""
    computed, stated = item.computed, item.published
    if isinstance(computed, Number) and isinstance(stated, Number):
        one, other = figures.in_one_unit(computed, stated)
        sign = words.order_of(item)
        told = figures.figure(one), figures.figure(other)
        left, right = figures.told_apart(one, other) if item.verdict == "fails" else told
        return left, f"{sign} {right}".strip(), "" if other.missing else other.unit
    left = figures.amount(computed) if isinstance(computed, Number) else computed
    right = figures.amount(stated) if isinstance(stated, Number) else stated
    return left, right, ""


def _details(item: Verdict) -> tuple[str, ...]:
    tolerance = f", {item.tolerance}" if item.tolerance else ""
    word = "claim" if item.expects else "refute"
    moved = ", ".join(f"{d.name} {figures.signed(d.elasticity)} %" for d in item.depends)
    found = [f"{word} {item.formula}{tolerance}  ({words.place(item.span)})"]
    sure = item.verdict != "undecided"
    if sure and isinstance(item.computed, Number) and figures.spread(item.computed):
        found.append(f"it may be {figures.ranged(item.computed)}")
    if moved:
        found.append(f"for 1 % more of an assumed input: {moved}")
    return tuple(found)


def _refusal(item: Refused, verbose: bool) -> Line:
    details = (f"refuse {item.code} {item.formula}  ({words.place(item.span)})",)
    came, expected = words.refused(item)
    return Line(
        mark=mark_of(item),
        name=words.statement(item),
        id=item.id,
        computed=came,
        stated=expected,
        unit="",
        gap="",
        below=(),
        cause="",
        notes=(),
        details=details if verbose or not item.kept else (),
        group="",
        left=0.0,
    )
