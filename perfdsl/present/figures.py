"""Numbers as a page shows them: with a unit, as a range, as a percentage."""

from __future__ import annotations

import math

from perfdsl.records import replace
from perfdsl.semantics.text import plain
from perfdsl.solve.answers import NOT_MEASURED, Number
from perfdsl.solve.numbers import number

# From here on a figure is easier to read with a larger prefix.
MANY = 1e6
# A float has no more digits that mean something.
MOST_DIGITS = 16


def figure(item: Number) -> str:
    """The number without its unit; a range where it has no best value."""
    if item.missing:
        return NOT_MEASURED
    if math.isnan(item.value) and not math.isnan(item.low):
        return f"{_scaled(item.low, item)} .. {_scaled(item.high, item)}"
    return "no value" if math.isnan(item.value) else plain(item.shown)


def amount(item: Number) -> str:
    """`6 ms`: the number with its unit."""
    valueless = math.isnan(item.value) and math.isnan(item.low)
    return figure(item) if valueless else f"{figure(item)} {item.unit}".rstrip()


def in_column(cell: object, unit: str) -> bool:
    """Whether a cell needs no unit of its own under a heading with this one: it has it, or is 0."""
    return bool(unit) and isinstance(cell, Number) and (cell.unit == unit or cell.value == 0)


def spread(item: Number) -> str:
    """`5.5 .. 6.5`: all that it could be; "" where it is sure."""
    if item.missing or item.sure or math.isnan(item.low) or math.isnan(item.value):
        return ""
    return f"{_scaled(item.low, item)} .. {_scaled(item.high, item)}"


def doubted(item: Number, told: str) -> str:
    """`6 ms (5.5 .. 6.5)`: how a number is told, and all that it could be where it is not sure."""
    around = spread(item)
    return f"{told} ({around})" if around else told


def ranged(item: Number) -> str:
    """`10.8 .. 11.2 ms`: all that it could be, with its unit."""
    return f"{spread(item) or figure(item)} {item.unit}".rstrip()


def _scaled(value: float, like: Number) -> str:
    return plain(value / like.factor)


def in_one_unit(computed: Number, stated: Number) -> tuple[Number, Number]:
    """Both in the unit of the stated one, or in one with a prefix where that has many digits."""
    like = stated
    if abs(stated.shown) >= MANY and math.isfinite(stated.value):
        like = number(stated.value, stated.dim)
    return _in_unit_of(like, computed), _in_unit_of(like, stated)


def _in_unit_of(like: Number, value: Number) -> Number:
    return replace(value, unit=like.unit, factor=like.factor)


def told_apart(one: Number, other: Number) -> tuple[str, str]:
    """Two figures in one unit, with as many digits as it takes to see that they differ."""
    texts = figure(one), figure(other)
    if one.value == other.value or not (math.isfinite(one.value) and math.isfinite(other.value)):
        return texts
    digits = 4
    while texts[0] == texts[1] and digits < MOST_DIGITS:
        digits += 2
        texts = plain(one.shown, digits), plain(other.shown, digits)
    return texts


def percent(share: float) -> str:
    """A relative size without its sign: 0.0431 -> `4.3 %`."""
    return f"{plain(abs(share) * 100, 2)} %"


def signed(value: float) -> str:
    return f"{'+' if value > 0 else '-'}{plain(abs(value), 2)}"
