"""Intervals and their derivatives: what a formula can be while its inputs run over ranges.

Every operation is read on (low, high) pairs together with an interval that holds its derivative by
one chosen input. A derivative of one sign means: monotone, so the ends of the range are exact.
Reference: Moore, Kearfott, Cloud: Introduction to Interval Analysis, SIAM 2009, chapters 5 and 6.
Rounding is not directed outwards: bounds are good to about 1e-12, far inside any tolerance here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from perfdsl.numeric.pieces import met
from perfdsl.semantics.graph import Node, Table
from perfdsl.semantics.operations import EQUAL, NEAR

INF = math.inf


class Range(NamedTuple):
    """All values between low and high."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


ZERO, ONE, ANY = Range(0.0, 0.0), Range(1.0, 1.0), Range(-INF, INF)
UNIT = Range(0.0, 1.0)
# Where an operation has no value at all (a table outside its keys, a root of what is negative).
NONE = Range(INF, -INF)
# What has a value although an argument has none.
DECIDING = frozenset({"compare", "and", "or", "not", "select", "first"})


class Slope(NamedTuple):
    """What a node can be, and what its derivative by the chosen input can be."""

    value: Range
    slope: Range


def add(left: Range, right: Range) -> Range:
    return Range(_plain(left.low + right.low, -INF), _plain(left.high + right.high, INF))


def negate(range_: Range) -> Range:
    return Range(-range_.high, -range_.low)


def times(left: Range, right: Range) -> Range:
    # Nearly everything here is positive, and then two products do for four.
    if left.low > 0 and right.low > 0:
        return Range(left.low * right.low, left.high * right.high)
    if ZERO in (left, right):
        return ZERO
    products = [_times(a, b) for a in left for b in right]
    return Range(min(products), max(products))


def inverse(range_: Range) -> Range:
    """1/x; a range with zero inside gives everything, one with zero at its end a half line."""
    low, high = range_
    if low == 0 and high == 0:
        return ANY
    if low < 0 < high:
        return ANY
    if low == 0:
        return Range(1 / high, INF)
    if high == 0:
        return Range(-INF, 1 / low)
    return Range(1 / high, 1 / low)


def hull(ranges: Sequence[Range]) -> Range:
    return Range(min(r.low for r in ranges), max(r.high for r in ranges))


def _times(a: float, b: float) -> float:
    return 0.0 if a == 0 or b == 0 else a * b


def _plain(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


def read_node(node: Node, args: list[Slope]) -> Slope:
    """Value and derivative of one node, from those of its arguments."""
    for arg in args:
        if arg.value == NONE and node.op not in DECIDING:
            return Slope(NONE, ZERO)
    match node.op:
        case "const":
            return Slope(Range(node.data, node.data), ZERO)
        case "named" | "low" | "high":
            return args[0]
        case "sum":
            return _sum(args, node.data)
        case "product":
            return _product(args, node.data)
        case "max" | "min":
            return _extreme(args, node.op)
        case "select":
            return _select(args)
        case "compare":
            return _truth(_compare(node.data, args[0].value, args[1].value))
        case "and":
            return _truth(_all([arg.value for arg in args]))
        case "or":
            return _truth(negate_truth(_all([negate_truth(arg.value) for arg in args])))
        case "not":
            return _truth(negate_truth(args[0].value))
        case "pow":
            return _pow(args)
        case "mod":
            return _mod(args)
        case "floor" | "ceil":
            return _step(args[0], math.floor if node.op == "floor" else math.ceil)
        case "abs":
            return _abs(args[0])
        case "table":
            return _table(node.data, args[0])
        case "first":
            return _first([arg.value for arg in args], node.data)
        case _:
            return _smooth(node.op, args[0])


def _sum(args: list[Slope], signs: Sequence[int]) -> Slope:
    value, slope = ZERO, ZERO
    for arg, sign in zip(args, signs, strict=True):
        value = add(value, arg.value if sign > 0 else negate(arg.value))
        slope = add(slope, arg.slope if sign > 0 else negate(arg.slope))
    return Slope(value, slope)


def _product(args: list[Slope], powers: Sequence[int]) -> Slope:
    total = Slope(ONE, ZERO)
    for arg, power in zip(args, powers, strict=True):
        factor = arg if power > 0 else _inverted(arg)
        slope = add(times(total.slope, factor.value), times(total.value, factor.slope))
        total = Slope(times(total.value, factor.value), slope)
    return total


def _inverted(arg: Slope) -> Slope:
    value = inverse(arg.value)
    if arg.slope == ZERO:
        return Slope(value, ZERO)
    return Slope(value, negate(times(arg.slope, times(value, value))))


def _extreme(args: list[Slope], op: str) -> Slope:
    if op == "min":
        turned = [Slope(negate(a.value), negate(a.slope)) for a in args]
        found = _extreme(turned, "max")
        return Slope(negate(found.value), negate(found.slope))
    value = Range(max(a.value.low for a in args), max(a.value.high for a in args))
    able = [a.slope for a in args if a.value.high >= value.low]
    return Slope(value, hull(able))


def _select(args: list[Slope]) -> Slope:
    test, yes, no = args
    if test.value.low > 0:
        return yes
    if test.value.high <= 0:
        return no
    if NONE in (yes.value, no.value):
        return Slope(yes.value if yes.value == no.value else ANY, ANY)
    value = hull([yes.value, no.value])
    # The value jumps where the test turns: no slope is excluded.
    return Slope(value, ZERO if value.low == value.high else ANY)


def _truth(value: Range) -> Slope:
    """A condition: it jumps where it turns, so no slope is excluded unless it is decided."""
    return Slope(value, ZERO if value.low == value.high else ANY)


def _compare(op: str, left: Range, right: Range) -> Range:
    if NONE in (left, right):
        return ONE if op == "!=" else ZERO
    match op:
        case "<=" | "<":
            if left.high < right.low or (op == "<=" and left.high <= right.low):
                return ONE
            return ZERO if left.low > right.high or (op == "<" and left.low >= right.high) else UNIT
        case ">=" | ">":
            return _compare("<=" if op == ">=" else "<", right, left)
        case "!=":
            return negate_truth(_compare("==", left, right))
        case _:
            pass
    width = (NEAR if op == "~=" else EQUAL) * max(abs(x) for x in (*left, *right))
    if left.low == left.high and right.low == right.high:
        return ONE if abs(left.low - right.low) <= width else ZERO
    apart = left.low > right.high + width or right.low > left.high + width
    return ZERO if apart else UNIT


def _all(values: list[Range]) -> Range:
    if any(v.high <= 0 for v in values):
        return ZERO
    return ONE if all(v.low > 0 for v in values) else UNIT


def negate_truth(value: Range) -> Range:
    return Range(1 - value.high, 1 - value.low)


def _pow(args: list[Slope]) -> Slope:
    base, power = args
    if power.value.low == power.value.high and power.slope == ZERO:
        return _constant_power(base, power.value.low)
    if base.value.low <= 0:
        return Slope(ANY, ANY)
    log = _smooth("log", base)
    return _smooth("exp", _product([power, log], (1, 1)))


def _constant_power(base: Slope, power: float) -> Slope:
    low, high = base.value
    whole = power == int(power)
    if not whole and low < 0:
        return Slope(ANY, ANY) if high >= 0 else Slope(NONE, ZERO)
    if power < 0:
        return _inverted(_constant_power(base, -power))
    ends = [_power(low, power), _power(high, power)]
    value = Range(min(ends), max(ends))
    if whole and power % 2 == 0 and low < 0 < high:
        value = Range(0.0, max(ends))
    if base.slope == ZERO or power == 0:
        return Slope(value, ZERO)
    if power == 1:
        return Slope(value, base.slope)
    if 0 < power < 1:
        inner = Range(power * _root(high, power), power * _root(low, power))
    else:
        inner = times(
            Range(power, power), _constant_power(Slope(base.value, ZERO), power - 1).value
        )
    return Slope(value, times(inner, base.slope))


def _power(base: float, power: float) -> float:
    try:
        return float(base**power)
    except OverflowError:
        return INF


def _root(base: float, power: float) -> float:
    return INF if base == 0 else _power(base, power - 1)


def _mod(args: list[Slope]) -> Slope:
    left, right = args
    low, high = left.value
    if right.value.low == right.value.high and right.value.low > 0 and math.isfinite(high - low):
        size = right.value.low
        if math.floor(low / size) == math.floor(high / size):
            return Slope(Range(low % size, high % size), left.slope)
        return Slope(Range(0.0, size), ANY)
    return Slope(ANY, ANY)


def _step(arg: Slope, rounding: Callable[[float], int]) -> Slope:
    low, high = (x if math.isinf(x) else float(rounding(x)) for x in arg.value)
    if low == high or arg.slope == ZERO:
        return Slope(Range(low, high), ZERO)
    rising = Range(0.0, INF)
    return Slope(Range(low, high), times(rising, arg.slope))


def _table(table: Table, arg: Slope) -> Slope:
    """Each piece is read exactly; where steps jump, the slope is unlimited that way."""
    lowest, highest, falling, rising = met(table, *arg.value)
    return Slope(Range(lowest, highest), times(Range(falling, rising), arg.slope))


def _first(tests: Sequence[Range], candidates: Sequence[float]) -> Slope:
    """Every candidate whose condition may hold, up to the first one whose condition does."""
    able: list[float] = []
    for test, candidate in zip(tests, candidates, strict=True):
        if test.high > 0:
            able.append(candidate)
        if test.low > 0:
            value = Range(min(able), max(able))
            return Slope(value, ZERO if value.low == value.high else ANY)
    # None of them is certain: it may be that there is no value.
    return Slope(ANY, ANY) if able else Slope(NONE, ZERO)


def _abs(arg: Slope) -> Slope:
    low, high = arg.value
    if low >= 0:
        return arg
    if high <= 0:
        return Slope(negate(arg.value), negate(arg.slope))
    both = hull([arg.slope, negate(arg.slope)])
    return Slope(Range(0.0, max(-low, high)), both)


def _smooth(op: str, arg: Slope) -> Slope:
    """sqrt, exp and logarithms: rising, with a derivative that is monotone itself."""
    low, high = arg.value
    if op != "exp" and low < 0:
        return Slope(ANY, ANY) if high >= 0 else Slope(NONE, ZERO)
    value = Range(_at(op, low), _at(op, high))
    if arg.slope == ZERO:
        return Slope(value, ZERO)
    ends = [_derivative(op, low), _derivative(op, high)]
    return Slope(value, times(Range(min(ends), max(ends)), arg.slope))


def _at(op: str, x: float) -> float:
    try:
        match op:
            case "sqrt":
                return math.sqrt(x)
            case "exp":
                return math.exp(x)
            case "log2":
                return math.log2(x) if x > 0 else -INF
            case "log10":
                return math.log10(x) if x > 0 else -INF
            case _:
                return math.log(x) if x > 0 else -INF
    except OverflowError:
        return INF


def _derivative(op: str, x: float) -> float:
    match op:
        case "sqrt":
            return INF if x == 0 else 0.5 / math.sqrt(x)
        case "exp":
            return _at("exp", x)
        case _:
            pass
    if x == 0:
        return INF
    return {"log2": 1 / math.log(2), "log10": 1 / math.log(10)}.get(op, 1.0) / x
