"""The sections of the terminal's page, other than the claims."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from perfdsl.present import figures, words
from perfdsl.present.claim_lines import mark_of
from perfdsl.present.style import Piece, Row, Theme, hanging, padded, width_of, wrap
from perfdsl.records import replace
from perfdsl.solve.answers import (
    AnalysisAnswer,
    Cell,
    Conflict,
    Member,
    Number,
    Refused,
    Shown,
    Solved,
    Table,
    Verdict,
)


def _title(text: str) -> Iterator[Row]:
    yield ()
    yield ((text, "bold"),)


# -------------------------------------------------------------------------------------- values


def values(item: AnalysisAnswer, theme: Theme, *, verbose: bool) -> Iterator[Row]:
    """What the analysis shows, but for tables: name, value, unit, what binds."""
    shows = [show for show in item.shows if not isinstance(show.value, Table | Solved)]
    if not shows:
        return
    yield from _title("Values")
    cells = [_value(show) for show in shows]
    room = max(width_of(figure) for figure, _, _ in cells)
    units = max(width_of(unit) for _, unit, _ in cells)
    longest = max(width_of(show.title) for show in shows)
    asides = min(16, max(width_of(beside) for _, _, beside in cells))
    names = max(12, min(longest, theme.width - room - units - asides - 8))
    for show, (figure, unit, beside) in zip(shows, cells, strict=True):
        yield from _value_rows(show.title, figure, unit, beside, (names, room, units), theme)
        if verbose and show.formula != show.title:
            yield from hanging(((" " * 6, ""),), show.formula, theme, "dim")


def _value(show: Shown) -> tuple[str, str, str]:
    """The figure, its unit, and what is said beside."""
    binds = f"{show.binding} binds" if show.binding else ""
    match show.value:
        case Number(missing=True) as number:
            return figures.figure(number), "", ""
        case Number() as number:
            spread = figures.spread(number)
            return figures.figure(number), number.unit, ", ".join(filter(None, (spread, binds)))
        case bool() as truth:
            return ("yes" if truth else "no"), "", ""
        case text:
            return str(text), "", ""


def _value_rows(
    name: str, figure: str, unit: str, beside: str, widths: tuple[int, int, int], theme: Theme
) -> Iterator[Row]:
    names, room, units = widths
    lead: list[tuple[str, str]] = [("  ", "")]
    *before, last = wrap(name, names)
    for line in before:
        yield ("  ", ""), (line, "")
    lead.append((padded(last, names), ""))
    lead += [("  ", ""), (padded(figure, room, right=True), "bold"), (" ", "")]
    lead += [(padded(unit, units), ""), ("  ", "")]
    yield from hanging(lead, beside, theme, "dim")


# -------------------------------------------------------------------------------------- tables


# So many rows of a shown table are told where nobody asks for all of them.
TOLD = 50


def tables(item: AnalysisAnswer, theme: Theme, *, verbose: bool) -> Iterator[Row]:
    """Shown tables, and the operators where they were asked for."""
    for show in item.shows:
        if isinstance(show.value, Table):
            yield from _title(show.title)
            rows = show.value.rows
            most = len(rows) if verbose else TOLD
            yield from table_rows(replace(show.value, rows=rows[:most]), theme)
            if len(rows) > most:
                more = f"and {len(rows) - most:,} more rows; --verbose shows all"
                yield ("  ", ""), (more, "dim")
    for name, table in item.per_operator:
        yield from _title(f"Operators of {name}")
        yield from table_rows(table, theme)


def table_rows(table: Table, theme: Theme) -> Iterator[Row]:
    """Numbers to the right, a column's unit in its heading; what is too wide goes into blocks."""
    columns = [_column(table, at) for at in range(len(table.columns))]
    widths = [max(width_of(text) for text in texts) for texts, _ in columns]
    for part in _blocks(widths, theme.width - 2):
        for row in range(len(table.rows) + 1):
            cells = [padded(columns[at][0][row], widths[at], right=columns[at][1]) for at in part]
            yield (("  " + "  ".join(cells), "dim" if row == 0 else ""),)
        if part[-1] != len(widths) - 1:
            yield ()


def _column(table: Table, at: int) -> tuple[list[str], bool]:
    """The texts of a column, heading first, and whether they are numbers."""
    cells = [row[at] for row in table.rows]
    numbers = [cell for cell in cells if isinstance(cell, Number)]
    units = {number.unit for number in numbers}
    unit = table.units[at] or (units.pop() if len(units) == 1 else "")
    heading = f"{table.columns[at]} ({unit})" if unit else table.columns[at]
    texts = [_cell(cell, with_unit=not figures.in_column(cell, unit)) for cell in cells]
    return [heading, *texts], bool(numbers)


def _cell(cell: Cell, *, with_unit: bool) -> str:
    """A number with its unit, or without, and all that it could be where it is not sure."""
    if not isinstance(cell, Number):
        return cell
    return figures.doubted(cell, figures.amount(cell) if with_unit else figures.figure(cell))


def _blocks(widths: Sequence[int], room: int) -> Iterator[list[int]]:
    """Columns that fit side by side; the first one leads every block."""
    part: list[int] = []
    used = 0
    for at, width in enumerate(widths):
        if part and used + 2 + width > room and len(part) > 1:
            yield part
            part, used = [0], widths[0]
        used += width + (2 if part else 0)
        part.append(at)
    if part:
        yield part


# ------------------------------------------------------------------------- answers, observations


def answers(item: AnalysisAnswer, theme: Theme) -> Iterator[Row]:
    """Each solved unknown as a set in words, and below it what was asked."""
    shown = {show.title: show.value for show in item.shows if isinstance(show.value, Solved)}
    names = {each.name for each in shown.values()}
    solved = [*shown.items(), *((s.name, s) for s in item.solved if s.name not in names)]
    if not solved:
        return
    yield from _title("Answers")
    longest = min(28, max(width_of(name) for name, _ in solved))
    for name, each in solved:
        lead = (("  ", ""), (padded(name, longest), ""), ("  ", ""))
        yield from hanging(lead, words.answer(each), theme, "bold")
        yield from hanging(((" " * (longest + 4), ""),), words.question(each), theme, "dim")


def observations(item: AnalysisAnswer, theme: Theme) -> Iterator[Row]:
    """What was measured, beside what is predicted for it."""
    if not item.observations:
        return
    yield from _title("Observed")
    names = [words.statement(each) for each in item.observations]
    longest = min(max(map(width_of, names)), max(20, theme.width - 44))
    room = max(width_of(figures.amount(each.observed)) for each in item.observations)
    for name, each in zip(names, item.observations, strict=True):
        *before, last = wrap(name, longest)
        for line in before:
            yield ("  ", ""), (theme.mark("observed") + " ", "dim"), (line, "")
        mark = "  " if before else theme.mark("observed") + " "
        value = padded(figures.amount(each.observed), room, right=True)
        lead = [("  ", ""), (mark, "dim"), (padded(last, longest), ""), ("  ", ""), (value, "")]
        told = (figures.spread(each.observed), words.predicted(each) or each.source)
        beside = "; ".join(part for part in told if part)
        yield from hanging([*lead, ("  ", "")], beside, theme, "dim")


def measurements(item: AnalysisAnswer, theme: Theme) -> Iterator[Row]:
    """What was measured, case by case; and who measures what was not."""
    if not item.measurements:
        return
    yield from _title("Measured")
    cases = [words.measured_case(each, item.measurements) for each in item.measurements]
    names = max(map(width_of, cases))
    for name, each in zip(cases, item.measurements, strict=True):
        lead = (("  ", ""), (padded(name, names), ""), ("  ", ""))
        yield from hanging(lead, words.measured(each), theme, "dim")
    missing = words.to_measure(item)
    yield from hanging((("  ", ""),), missing, theme, "dim") if missing else ()


# ---------------------------------------------------------------------------------------- fits


def fits(item: AnalysisAnswer, theme: Theme, *, verbose: bool) -> Iterator[Row]:
    """Each fit: its unknowns with their errors, how good it is, and its rows on demand."""
    for each in item.fits:
        yield from _title(f"Fit {each.name}")
        yield from hanging((("  ", ""),), each.formula, theme, "dim")
        names = max(width_of(value.name) for value in each.values)
        room = max(width_of(figures.amount(value.value)) for value in each.values)
        for value in each.values:
            shown = padded(figures.amount(value.value), room)
            lead = (("  ", ""), (padded(value.name, names), ""), ("  ", ""), (shown, "bold"))
            yield from hanging((*lead, ("  ", "")), words.fitted_error(value), theme, "dim")
        yield from hanging((("  ", ""),), words.fit_sums(each), theme)
        if verbose:
            yield from table_rows(each.rows, theme)


# ----------------------------------------------------------------------------------- conflicts


def conflicts(item: AnalysisAnswer, theme: Theme) -> Iterator[Row]:
    """Each contradiction: the sentence, and what each statement alone would have to be."""
    for each in item.conflicts:
        yield ()
        yield from hanging((("Contradiction: ", "bad"),), each.title, theme, "bold")
        yield from hanging((("  ", ""),), words.conflict_sentence(each), theme)
        yield from _members(each, item, theme)
        yield from _pairs(each, theme)


def _members(conflict: Conflict, item: AnalysisAnswer, theme: Theme) -> Iterator[Row]:
    yield ("  ", ""), ("One of these is false. Alone, each would have to be:", "")
    yield from _member_rows(conflict.members, conflict, item, theme, words.needed)
    if conflict.others:
        yield ("  ", ""), ("Not enough alone, within what is declared:", "")
        yield from _member_rows(conflict.others, conflict, item, theme, _too_far)


def _too_far(member: Member) -> str:
    declared = words.declared(member)
    return f"{words.needed(member)}, but declared {declared}" if declared else words.needed(member)


def _member_rows(
    members: Sequence[Member],
    conflict: Conflict,
    item: AnalysisAnswer,
    theme: Theme,
    told: Callable[[Member], str],
) -> Iterator[Row]:
    everyone = (*conflict.members, *conflict.others)
    names = max(width_of(each.name) for each in everyone)
    values_ = max(width_of(figures.amount(each.value)) for each in everyone)
    for each in members:
        lead = (
            ("    ", ""),
            (padded(each.name, names), ""),
            ("  " + padded(figures.amount(each.value), values_, right=True) + "  ", "dim"),
        )
        yield from placed(lead, told(each), words.place(each.span, item.span), theme)


def placed(lead: Sequence[Piece], text: str, place: str, theme: Theme) -> Iterator[Row]:
    """A text, and behind it where it stands; below it where the line is full."""
    *before, last = hanging(lead, text, theme)
    yield from before
    indent = sum(width_of(piece) for piece, _ in lead)
    if sum(width_of(piece) for piece, _ in last) + 2 + width_of(place) <= theme.width:
        yield (*last, ("  " + place, "dim"))
        return
    yield last
    yield from hanging(((" " * indent, ""),), place, theme, "dim")


def _pairs(conflict: Conflict, theme: Theme) -> Iterator[Row]:
    if conflict.pairs:
        yield ("  ", ""), ("Together they are enough:", "")
    for each in conflict.pairs:
        yield from hanging((("    ", ""),), words.pair(each), theme)


# ------------------------------------------------------------------------ findings, assumptions


def findings(item: AnalysisAnswer, theme: Theme) -> Iterator[Row]:
    """What a reader should know of the way in which this was counted."""
    if item.findings:
        yield from _title("Findings")
    for each in item.findings:
        lead = (("  ", ""), (theme.mark("ask") + " ", "doubt"))
        yield from placed(lead, each.title, words.place(each.span, item.span), theme)
        for note in each.notes:
            yield from hanging(((" " * 4, ""),), note, theme, "dim")


def assumed(item: AnalysisAnswer, theme: Theme) -> Iterator[Row]:
    """The assumed inputs, the strongest first, and how much hangs on each."""
    if not item.assumed:
        return
    yield from _title("Rests on assumptions")
    names = max(width_of(each.name) for each in item.assumed)
    values_ = max(width_of(figures.amount(each.value)) for each in item.assumed)
    for each in item.assumed:
        lead = (
            ("  ", ""),
            (padded(each.name, names), ""),
            ("  ", ""),
            (padded(figures.amount(each.value), values_, right=True), ""),
            ("  ", ""),
        )
        moved = words.elasticity(each, words.reached(each.name, item))
        yield from hanging(lead, moved, theme)
        place = words.place(each.span, item.span)
        why = f"{place}: {each.why}" if each.why else place
        yield from hanging(((" " * 4, ""),), why, theme, "dim")


def data(item: AnalysisAnswer, theme: Theme, *, verbose: bool) -> Iterator[Row]:
    """The files that data was read from: so many rows, and what was in them."""
    files = [each for each in item.data if each.file]
    if files:
        yield from _title("Data")
    names = max((width_of(each.name) for each in files), default=0)
    for each in files:
        lead = (("  ", ""), (padded(each.name, names), ""), ("  ", ""))
        yield from hanging(lead, words.data_read(each, verbose=verbose), theme, "dim")


# ------------------------------------------------------------------------------------- the end


def broken(item: AnalysisAnswer, theme: Theme) -> Iterator[Row]:
    """The statements that break their word, each with its place."""
    found: list[Verdict | Refused] = [c for c in item.claims if not c.kept]
    found += [r for r in item.refusals if not r.kept]
    for each in found:
        lead = ((theme.mark(mark_of(each)) + " ", "bad"), (words.place(each.span) + "  ", "dim"))
        yield from hanging(lead, words.statement(each), theme)
