"""Figures as the language writes them: plain numbers, intervals, sizes, notes, names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from perfdsl.measure.statistics import Estimate

DIGITS = 4
WIDTH = 92  # of a figure and its note, within a block of a block
NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
# Words of the language that cannot be names.
RESERVED = frozenset("and case else fold for if in not or then with within".split())
UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def reach(found: Estimate) -> float:
    """How far the further end of the median's interval is away from it."""
    return max(found.high - found.median, found.median - found.low)


def interval(found: Estimate, scale: float, unit: str) -> str:
    """`4.063 GHz +- 0.012 GHz`; below zero the interval does not go."""
    best, far = found.median / scale, reach(found) / scale
    near = min(far, 0.99 * best)
    spaced = f" {unit}" if unit else ""
    return f"{number(best)}{spaced} +- {number(near, 2)}{spaced}"


def number(value: float, digits: int = DIGITS) -> str:
    """So many digits of a number, without an exponent."""
    text = f"{float(f'{value:.{digits}g}'):.12f}"
    return text.rstrip("0").rstrip(".")


def size_text(size: int) -> str:
    """`48 KiB`."""
    for unit, factor in UNITS:
        if size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} B"


def stated(text: str, why: str) -> Iterator[str]:
    """A figure and its note: on one line, or on two."""
    if len(text) + len(why) > WIDTH:
        yield text
        yield f"  {why}"
    else:
        yield f"{text}  {why}"


def note(found: Estimate, day: str, also: str = "") -> str:
    """What stands behind a figure: `@measured("2026-11-22: median of 15, ...")`."""
    words = f"median of {found.count} rounds, quartiles {100 * found.spread:.1f} % apart"
    return f'@measured("{day}: {also}{words}")'


def printable(text: str, most: int) -> str:
    """A text of somebody else's for one line of a comment or a string."""
    return "".join(c if c.isprintable() and c not in '"\\' else "?" for c in text)[:most]


def name_of(stem: str) -> str:
    """A file's name as a name of the language."""
    cleaned = NOT_IN_NAMES.sub("_", stem.lower()).strip("_")
    if cleaned[:1].isalpha() and cleaned not in RESERVED:
        return cleaned
    return f"machine_{cleaned}".rstrip("_")
