r"""Numbers -> siunitx: `\qty{83.2}{\giga\byte\per\second}`, with the digits that mean something."""

from __future__ import annotations

import math
from decimal import Decimal

from perfdsl.present.latex_math import DIGIT, PRODUCT, SUM, Math, atom
from perfdsl.present.latex_units import Units, width
from perfdsl.semantics.units import UnitTable
from perfdsl.solve.answers import Number

DIGITS = 4
LARGEST_WHOLE = 1e9


def digits(value: float, significant: int = DIGITS) -> str:
    """A number as siunitx reads it: a whole one whole, any other with its significant digits."""
    if value == round(value) and abs(value) < LARGEST_WHOLE:
        return f"{value:.0f}"
    short = f"{value:.{significant}g}"
    size = math.floor(math.log10(abs(value)))
    if "e" not in short or -4 <= size < 9:
        return _trimmed(f"{value:.{max(0, significant - 1 - size)}f}")
    head, _, exponent = f"{value:.{significant - 1}e}".partition("e")
    return f"{_trimmed(head)}e{int(exponent)}"


def _trimmed(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def written(number: str) -> str:
    """The digits of a literal as siunitx reads them."""
    return number.replace("_", "").lower().replace("e+", "e")


def literal(number: str, unit: str, units: Units, table: UnitTable) -> Math:
    """A number as its author wrote it, with its unit."""
    return quantity(written(number), unit, units, table)


def quantity(number: str, unit: str, units: Units, table: UnitTable) -> Math:
    """Digits with a unit; a negative number binds like a sum."""
    wide = _width(number)
    level = SUM if number.startswith("-") else 5
    if "e" in number and not unit:
        level = min(level, PRODUCT)
    if not unit:
        made = atom(rf"\num{{{number}}}", wide)
    else:
        inside = units.latex(unit, table)
        made = atom(rf"\qty{{{number}}}{{{inside}}}", wide + width(unit))
        level = min(level, PRODUCT)
    return Math(made.pieces, level)


def _width(number: str) -> float:
    head, power, exponent = number.partition("e")
    grouped = len(head) * DIGIT + (len(head) // 3) * 2
    return grouped + (22 + len(exponent) * 4 if power else 0)


def value(item: Number, units: Units, table: UnitTable) -> Math:
    """A value with all that it could be: `0.58^{+0.12}_{-0.08}`, a range where it has no best."""
    if item.missing:
        return atom(r"\text{not measured}", 72)
    if math.isnan(item.value):
        return _ends(item, units, table)
    if not math.isfinite(item.value):
        return atom(r"\infty" if item.value > 0 else r"-\infty", 11)
    best = quantity(digits(item.shown), item.unit, units, table)
    if item.sure or math.isnan(item.low) or math.isnan(item.high):
        return best
    if not (math.isfinite(item.low) and math.isfinite(item.high)):
        return _ends(item, units, table)
    return spread(
        digits(item.shown),
        digits((item.high - item.value) / item.factor, 2),
        digits((item.value - item.low) / item.factor, 2),
        item.unit,
        units,
        table,
    )


def spread(best: str, above: str, below: str, unit: str, units: Units, table: UnitTable) -> Math:
    """`6 +- 0.5 ms`, or with both distances where they differ."""
    if above == below:
        latex, wide = rf"(\num{{{best}}} \pm \num{{{above}}})", _width(best + above) + 22
    else:
        latex = rf"\num{{{best}}}^{{+\num{{{above}}}}}_{{-\num{{{below}}}}}"
        wide = _width(best) + max(_width(above), _width(below))
    if unit:
        latex += rf"\,\unit{{{units.latex(unit, table)}}}"
        wide += width(unit)
    return Math(atom(latex, wide).pieces, PRODUCT)


def _ends(item: Number, units: Units, table: UnitTable) -> Math:
    """`a to b`: a value that is known by its ends alone."""
    if math.isnan(item.low) or math.isnan(item.high):
        return atom(r"\text{no value}", 42)
    ends = [_end(end / item.factor) for end in (item.low, item.high)]
    latex = rf"[{ends[0]},\, {ends[1]}]"
    if item.unit:
        latex += rf"\,\unit{{{units.latex(item.unit, table)}}}"
    return Math(atom(latex, 60 + width(item.unit)).pieces, PRODUCT)


def _end(end: float) -> str:
    if math.isinf(end):
        return r"\infty" if end > 0 else r"-\infty"
    return rf"\num{{{digits(end)}}}"


def difference(first: str, second: str) -> str:
    """The exact distance of two literals in one unit, as digits."""
    gap = abs(Decimal(written(first)) - Decimal(written(second)))
    return written(f"{gap.normalize():f}")
