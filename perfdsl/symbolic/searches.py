"""`smallest` and `largest` over whole numbers in closed form, where their condition is linear."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sympy import S, ceiling, floor
from sympy.core import Expr

from perfdsl.symbolic.functions import Cases, First, Least, Most
from perfdsl.symbolic.opaque import Above, AtLeast, AtMost, Below
from perfdsl.symbolic.signs import sign_of

# Through two points there is always a line.
FEWEST = 3


def closed(search: Expr) -> Expr | None:
    """A search as a formula, equal to trying its candidates; None where there is none.

    The candidates are consecutive whole numbers c, and each condition compares the same two sides,
    whose gap (or, for c above 0, c times the gap) is a + d * c, the sign of d known.
    """
    if not isinstance(search, First):
        return None
    tests, values = search.args[::2], search.args[1::2]
    steps = {later - earlier for earlier, later in pairwise(values)}
    if len(values) < FEWEST or steps not in ({S.One}, {S.NegativeOne}):
        return None
    gaps = _gaps(tests)
    line = _line(gaps, values)
    if line is None and min(values) > 0:
        line = _line([gap * c for gap, c in zip(gaps, values, strict=False)], values)
    if line is None or not values[0].is_integer:
        return None
    return _within(tests[0], values, *line)


def _gaps(tests: Sequence[Expr]) -> list[Expr]:
    """What is at least zero (above it, for < and >) where each test holds."""
    kinds = {type(test) for test in tests}
    if len(kinds) > 1 or not kinds <= {AtMost, AtLeast, Below, Above}:
        return []
    sides = [test.args for test in tests]
    if kinds <= {AtMost, Below}:
        return [right - left for left, right in sides]
    return [left - right for left, right in sides]


def _line(gaps: Sequence[Expr], values: Sequence[Expr]) -> tuple[Expr, bool] | None:
    """Where a gap is zero, and whether it rises with c; None where it is not linear."""
    if not gaps:
        return None
    slope = (gaps[1] - gaps[0]) / (values[1] - values[0])
    start = gaps[0] - values[0] * slope
    if any(gap - values[at] * slope - start != 0 for at, gap in enumerate(gaps)):
        return None
    if sign_of(slope, {}) == 1:
        return -start / slope, True
    return (start / -slope, False) if sign_of(-slope, {}) == 1 else None


def _within(test: Expr, values: Sequence[Expr], root: Expr, rising: bool) -> Expr:
    """The first candidate on the side of the root that fits, if one is there."""
    least = values[0] < values[1]
    if least != rising:
        return Cases(test, values[0], S.NaN)  # where any fits, the first one does
    edge = _rounded(root, strict=isinstance(test, Above | Below), up=rising)
    if least:
        return Cases(AtMost(edge, values[-1]), Most(values[0], edge), S.NaN)
    return Cases(AtLeast(edge, values[-1]), Least(values[0], edge), S.NaN)


def _rounded(root: Expr, *, strict: bool, up: bool) -> Expr:
    """The whole number next to the root: at it or beyond, or truly beyond it."""
    rounds = ceiling if up != strict else floor
    whole = rounds(root) if root.is_Rational else rounds(root, evaluate=False)
    if not strict:
        return whole
    return whole + 1 if up else whole - 1
