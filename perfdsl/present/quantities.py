"""Quantities of measurements with their units: the prefix that reads best, as in the language."""

from __future__ import annotations

from perfdsl.semantics.dimensions import Dimension, of
from perfdsl.semantics.text import show_number


def quantity(value: float, unit: str, digits: int = 4) -> str:
    """`10.31 ms`, `59.8 GB/s`. unit: a base unit, or one over another."""
    return show_number(value, _dimension(unit), digits)


def _dimension(unit: str) -> Dimension:
    above, _, below = unit.partition("/")
    return of([(above, 1), *([(below, -1)] if below else [])])
