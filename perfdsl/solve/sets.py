"""Where a formula of one variable is zero, or below: points and intervals, found exactly.

The range is halved until, on each part, intervals prove that there is nothing, or derivatives
prove that the formula is monotone; then bisection finds both ends of the part where it holds. A
flat stretch is an interval, never a point: plain root finders return their starting guess there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from operator import ge, gt
from typing import NamedTuple

from perfdsl.numeric.intervals import NONE, Range, Slope

DEPTH = 48
PARTS = 4000
STEPS = 200
# Roots are found to the last bits; what is closer than this is one point.
POINT = 1e-11
SLACK = 1e-12
TINY = 1e-150
# Around a point where a formula touches zero, SLACK is reached within the square root of it.
TOUCH = 1e-5


def undivided(within: Range) -> list[Range]:
    """A formula that is one piece."""
    return [within]


class Formula(NamedTuple):
    """A formula of one variable: at(u) gives (value, size); over(low, high) bounds both.

    size: the larger of the two sides that are compared, to judge how near zero is zero. pieces:
    a range cut where the formula may jump or bend.
    """

    at: Callable[[float], tuple[float, float]]
    over: Callable[[float, float], Slope]
    # Parts that were left unsearched when there were too many: whoever asks must say so.
    unsearched: list[Range]
    pieces: Callable[[Range], list[Range]] = undivided


def zeros(formula: Formula, within: Range) -> list[Range]:
    """The parts of the range where the formula is zero."""
    parts = merge(_search(formula, within, _zero_on_monotone, _may_be_zero, _is_zero))
    return [_touched(formula, part) for part in parts]


def below(formula: Formula, within: Range, *, strict: bool = False) -> list[Range]:
    """The parts of the range where the formula is zero or negative; strict: negative."""
    finder = partial(_below_on_monotone, strict=strict)
    return merge(_search(formula, within, finder, _may_be_below, _is_below))


def _touched(formula: Formula, part: Range) -> Range:
    """A formula that only touches zero (u + 1/u = 2) is near zero around it: still a point."""
    low, high = part
    if high - low > TOUCH * max(abs(low), abs(high)) or formula.over(low, high).slope == (0, 0):
        return part
    middle = low + (high - low) / 2
    return Range(middle, middle)


Comparison = Callable[[float, float], bool]
Finder = Callable[[Formula, Range, int], Range | None]
Test = Callable[[Slope], bool]


def _search(
    formula: Formula, within: Range, finder: Finder, possible: Test, here_at: Callable[..., bool]
) -> list[Range]:
    found: list[Range] = []
    todo = [(piece, 0) for piece in reversed(formula.pieces(within))]
    seen = 0
    while todo:
        part, depth = todo.pop()
        seen += 1
        here = formula.over(part.low, part.high)
        if here.value == NONE or not possible(here):
            continue
        if here_at is _is_below and here.value.high < 0:
            found.append(part)
            continue
        sign = _sign(here.slope)
        if sign is not None:
            hit = finder(formula, part, sign)
            if hit is not None:
                found.append(hit)
            continue
        if seen > PARTS:
            formula.unsearched.append(part)
            continue
        if depth >= DEPTH or _narrow(part):
            if here_at(*formula.at(_middle(part))):
                found.append(part)
            continue
        middle = _middle(part)
        todo.append((Range(middle, part.high), depth + 1))
        todo.append((Range(part.low, middle), depth + 1))
    return found


def _is_zero(value: float, size: float) -> bool:
    return abs(value) <= 1e-9 * size


def _is_below(value: float, size: float) -> bool:
    return value <= 1e-9 * size


def _may_be_zero(here: Slope) -> bool:
    width = SLACK * max(abs(here.value.low), abs(here.value.high), 0.0)
    return here.value.low - width <= 0 <= here.value.high + width


def _may_be_below(here: Slope) -> bool:
    return here.value.low <= SLACK * abs(here.value.low) or here.value.low <= 0


def _sign(slope: Range) -> int | None:
    """1 rising, -1 falling, 0 flat; None where the derivative has both signs."""
    if slope.low == 0 == slope.high:
        return 0
    if slope.low >= 0:
        return 1
    return -1 if slope.high <= 0 else None


def _zero_on_monotone(formula: Formula, part: Range, sign: int) -> Range | None:
    rising = sign or 1
    part = _with_ends(formula, part)

    def reached(u: float) -> float:
        value, size = formula.at(u)
        return rising * value + _slack(size)

    def passed(u: float) -> float:
        value, size = formula.at(u)
        return rising * value - _slack(size)

    if not reached(part.high) >= 0 or passed(part.low) > 0:
        return None
    low, high = part
    if not reached(low) >= 0:
        low = crossing(reached, part, ge).high
    if passed(high) > 0:
        high = crossing(passed, part, gt).low
    found = Range(low, high)
    if found.low > found.high:
        # Between two neighbouring numbers: a steep root, or a jump that leaves zero out.
        slope = formula.over(found.high, found.low).slope
        return None if math.isinf(slope.high - slope.low) else Range(found.high, found.low)
    return found


def _slack(size: float) -> float:
    return SLACK * size if size < math.inf else 0.0


def _with_ends(formula: Formula, part: Range) -> Range:
    """The part without an end at which the formula has no value (a division by zero)."""
    low, high = part
    if math.isnan(formula.at(low)[0]):
        low = TINY if low == 0 else math.nextafter(low, math.inf)
    if math.isnan(formula.at(high)[0]):
        high = -TINY if high == 0 else math.nextafter(high, -math.inf)
    return Range(low, high) if low <= high else part


def _below_on_monotone(
    formula: Formula, part: Range, _: int, *, strict: bool = False
) -> Range | None:
    part = _with_ends(formula, part)

    def holds(u: float) -> bool:
        value, size = formula.at(u)
        return value < -_slack(size) if strict else value <= _slack(size)

    low, high = holds(part.low), holds(part.high)
    if low and high:
        return part
    if not low and not high:
        return None
    if low:
        return Range(part.low, _last_before(lambda u: not holds(u), part))
    return Range(_first(holds, part), part.high)


def _first(test: Callable[[float], bool], part: Range) -> float:
    """The smallest u of a part where a test holds that holds at its upper end and stays so."""
    return part.low if test(part.low) else turn(test, part).high


def _last_before(test: Callable[[float], bool], part: Range) -> float:
    """The largest u of a part where a test fails that, once it holds, stays so."""
    return turn(test, part).low if test(part.high) else part.high


def crossing(gap: Callable[[float], float], part: Range, test: Comparison) -> Range:
    """Two neighbouring numbers between which a gap comes to be over zero (test: or at zero).

    Where the ends are near each other, the guesses are those of the ITP method (Oliveira and
    Takahashi, ACM TOMS 47, 2020): the secant's, drawn to the middle as far as no more steps than
    halving takes are at stake. A third of the evaluations that halving alone would need.
    """
    low, high = _near(gap, part, test)
    below, above, first = gap(low), gap(high), high - low
    room = max(high - low, 0.0)
    for _ in range(STEPS):
        middle = low + (high - low) / 2
        if middle in {low, high}:
            break
        guess = _guess(low, high, below, above, first, room)
        room /= 2
        here = gap(guess)
        if test(here, 0.0):
            high, above = guess, here
        else:
            low, below = guess, here
    return Range(low, high)


def _guess(low: float, high: float, below: float, above: float, first: float, room: float) -> float:
    """The secant's zero, a little towards the middle, no further from it than there is room."""
    middle = low + (high - low) / 2
    secant = low - below * ((high - low) / (above - below)) if above > below else math.nan
    if not low < secant < high:
        return middle
    towards = 1.0 if middle >= secant else -1.0
    pull = max(0.2 * (high - low) ** 2 / first, 2 * math.ulp(secant))
    guess = middle if pull >= abs(middle - secant) else secant + towards * pull
    reach = max(room - (high - low) / 2, 0.0)
    guess = guess if abs(guess - middle) <= reach else middle - towards * reach
    return guess if low < guess < high else middle


def _near(gap: Callable[[float], float], part: Range, test: Comparison) -> Range:
    """The part halved until its ends are positive or negative, and near each other."""
    low, high = part
    for _ in range(STEPS):
        middle = _middle(Range(low, high))
        if middle in {low, high} or abs(high - low) <= min(abs(low), abs(high)):
            break
        low, high = (low, middle) if test(gap(middle), 0.0) else (middle, high)
    return Range(low, high)


def turn(test: Callable[[float], bool], part: Range) -> Range:
    """Where a test that fails at the lower end and holds at the upper one turns."""
    low, high = part
    for _ in range(STEPS):
        middle = _middle(Range(low, high))
        if middle in {low, high}:
            break
        low, high = (low, middle) if test(middle) else (middle, high)
    return Range(low, high)


def _middle(part: Range) -> float:
    """Halfway; on a logarithmic scale where the ends are far apart."""
    low, high = part
    if low > 0 and high / low > 16:
        return math.sqrt(low) * math.sqrt(high)
    if high < 0 and low / high > 16:
        return -math.sqrt(-low) * math.sqrt(-high)
    if low == 0 and high > 1e-12:
        return high / 16
    return low + (high - low) / 2


def _narrow(part: Range) -> bool:
    return part.high - part.low <= 1e-14 * max(abs(part.low), abs(part.high), 1e-300)


def merge(parts: list[Range]) -> list[Range]:
    """Parts in order, touching ones joined, and those as narrow as a point made one."""
    joined: list[Range] = []
    for part in sorted(parts):
        near = POINT * max(abs(part.low), abs(joined[-1].high)) if joined else 0.0
        if joined and part.low <= joined[-1].high + near:
            joined[-1] = Range(joined[-1].low, max(joined[-1].high, part.high))
        else:
            joined.append(part)
    return [_as_point(part) for part in joined]


def _as_point(part: Range) -> Range:
    if part.high - part.low <= POINT * max(abs(part.low), abs(part.high)):
        middle = part.low + (part.high - part.low) / 2
        return Range(middle, middle)
    return part
