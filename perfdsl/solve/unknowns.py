"""Answers as sets: for which values of an unknown does a quantity have the observed value?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping

from perfdsl.numeric.intervals import Range, Slope
from perfdsl.records import dataclass, field, replace
from perfdsl.semantics.graph import Input
from perfdsl.semantics.operations import EQUAL
from perfdsl.semantics.program import AnswerPart, FitPart, SolveItem
from perfdsl.solve.binding import binding_of
from perfdsl.solve.breakpoints import pieces
from perfdsl.solve.extent import halves
from perfdsl.solve.fit import fit_range, fit_value
from perfdsl.solve.reading import Reading
from perfdsl.solve.sets import SLACK, Formula, below, merge, zeros
from perfdsl.solve.slice import Slice, slice_of

# Without a declared range an unknown is any positive number that a double can square.
EVERYTHING = Range(1e-150, 1e150)
# Into how many parts a range is cut where other inputs turn a formula up and down.
PIECES = 100


@dataclass(frozen=True, slots=True)
class Nearest:
    """What an unreachable value comes nearest to: the value, where, and what binds there.

    other, other_at: the same on the other side of the wanted value, where a jump leaves it out.
    """

    value: float
    at: float
    binding: str
    other: float = math.nan
    other_at: float = math.nan


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """All values of one unknown that fit.

    kind: point, interval, several (points or intervals apart), none, or not measured, as long as
    the question rests on a time that is still to be measured. parts: with every input at
    its best. reach: all that fits while uncertain inputs and other unknowns run over their ranges;
    equal to parts where everything is sure. binding: what attains the maximum there. complete: the
    whole range was searched; where not, there may be more.
    """

    unknown: int
    kind: str
    parts: tuple[Range, ...]
    reach: tuple[Range, ...]
    binding: str
    nearest: Nearest | None = None
    joint: bool = False
    whole: bool = False
    complete: bool = True

    @classmethod
    def unmeasured(cls, unknown: int) -> AnswerSet:
        """Nothing is known yet: what the question rests on has not been measured."""
        return cls(unknown, "not measured", (), (), "")

    @property
    def value(self) -> float:
        return self.parts[0].low if self.kind == "point" else math.nan

    @property
    def min(self) -> float:
        spread = self.reach or self.parts
        return spread[0].low if spread else math.nan

    @property
    def max(self) -> float:
        spread = self.reach or self.parts
        return spread[-1].high if spread else math.nan


@dataclass(slots=True)
class Equation:
    """`left op right` as a formula of one unknown, everything else as a reading has it."""

    reading: Reading
    item: SolveItem
    unknown: int
    fixed: Mapping[int, float] = field(default_factory=dict)
    part: Slice | None = None
    unsearched: list[Range] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether the unknown is a count."""
        source = self.reading.graph.nodes[self.unknown].data
        return isinstance(source, Input) and source.whole

    def slice(self) -> Slice:
        if self.part is None:
            base = self.reading.changed(self.fixed) if self.fixed else self.reading
            self.part = slice_of(base, self.item.roots, (self.unknown,))
        return self.part

    def at(self, u: float) -> tuple[float, float]:
        """Left - right and the size of the larger side."""
        values = self.slice().at({self.unknown: u})
        left, right = values[self.item.left], values[self.item.right]
        return left - right, max(abs(left), abs(right))

    def over(self, low: float, high: float) -> Slope:
        """Bounds of left - right and of its derivative."""
        self.reading.poll()
        found = self.slice().over({self.unknown: Range(low, high)}, self.unknown)
        left, right = found[self.item.left], found[self.item.right]
        # Intervals round otherwise than numbers do: equal sides may seem to lie apart.
        size = max(abs(end) for end in (*left.value, *right.value))
        slack = SLACK * size if size < math.inf else 0.0
        return Slope(
            Range(
                left.value.low - right.value.high - slack, left.value.high - right.value.low + slack
            ),
            Range(left.slope.low - right.slope.high, left.slope.high - right.slope.low),
        )

    def formula(self) -> Formula:
        return Formula(self.at, self.over, self.unsearched, self.pieces)

    def pieces(self, within: Range) -> list[Range]:
        """A range of the unknown, cut where a table of the question goes to another row."""
        return pieces(self.slice(), self.unknown, within)


def domain(source: Input) -> Range:
    """Where an unknown may lie."""
    if source.within is not None:
        return Range(*source.within)
    return EVERYTHING


def solve(reading: Reading, item: SolveItem, unknown: int, *, told: bool = True) -> AnswerSet:
    """The values of one unknown that fit: every observation, where there are several.

    told: whether what binds there, and how near it comes where nothing fits, is asked for, too.
    """
    found = _solve(reading, replace(item, also=()), unknown, told=told)
    for right in item.also:
        other = _solve(reading, replace(item, right=right, also=()), unknown, told=told)
        # What fits both measured values; where their spread decides, neither best value need.
        reach = intersect(list(found.reach), list(other.reach))
        parts = intersect(list(found.parts), list(other.parts)) or reach
        binding = found.binding if parts else ""
        nearest = found.nearest or other.nearest
        found = AnswerSet(
            unknown, _kind(parts), tuple(parts), tuple(reach), binding, nearest, found.joint,
            found.whole, found.complete and other.complete,
        )  # fmt: skip
    return found


def _solve(reading: Reading, item: SolveItem, unknown: int, *, told: bool) -> AnswerSet:
    """The values of one unknown for which the question's relation holds."""
    graph = reading.graph
    source = graph.nodes[unknown].data
    assert isinstance(source, Input)
    within = domain(source)
    others = [n for n in item.unknowns if n != unknown]
    loose = _loose(reading, item, unknown)
    reach = _possible(reading, item, unknown, within, loose)
    equation = Equation(reading, item, unknown)
    if others:
        parts, joint = reach, True
    else:
        parts, joint = _solutions(equation, item.op, within), False
    if not loose:
        reach = parts
    if source.whole:
        parts = _whole(parts, None if others else _relation(Equation(reading, item, unknown)))
        reach = _whole(reach) if loose else parts
    parts = parts or reach  # where only the uncertainties let something fit, all of that
    kind = _kind(parts)
    nearest = _nearest(reading, item, unknown, within) if told and kind == "none" else None
    binding = binding_at(reading, item, unknown, parts) if told and parts else ""
    return AnswerSet(
        unknown,
        kind,
        tuple(parts),
        tuple(reach),
        binding,
        nearest,
        joint,
        source.whole,
        not equation.unsearched,
    )


def _kind(parts: list[Range]) -> str:
    if not parts:
        return "none"
    if len(parts) > 1:
        return "several"
    return "point" if parts[0].low == parts[0].high else "interval"


def _solutions(equation: Equation, op: str, within: Range) -> list[Range]:
    """Where left - right is zero, or has the sign that the relation asks for."""
    formula = equation.formula()
    if op in {"==", "~="}:
        return zeros(formula, within)
    if op in {"<=", "<"}:
        return below(formula, within, strict=op == "<")
    return below(negated(formula), within, strict=op == ">")


def negated(formula: Formula) -> Formula:
    """The formula with its sign turned."""

    def at(u: float) -> tuple[float, float]:
        value, size = formula.at(u)
        return -value, size

    def over(low: float, high: float) -> Slope:
        found = formula.over(low, high)
        return Slope(
            Range(-found.value.high, -found.value.low), Range(-found.slope.high, -found.slope.low)
        )

    return Formula(at, over, formula.unsearched, formula.pieces)


def _loose(reading: Reading, item: SolveItem, unknown: int) -> dict[int, Range]:
    """Everything else in the question that is not one number."""
    numbers = {n for root in item.roots for n in reading.vague(root) if n != unknown}
    found = {}
    for number in numbers:
        source = reading.graph.nodes[number].data
        is_unknown = isinstance(source, Input) and source.sort == "unknown"
        found[number] = domain(source) if is_unknown else reading.range_of(number)
    return found


def _possible(
    reading: Reading, item: SolveItem, unknown: int, within: Range, loose: dict[int, Range]
) -> list[Range]:
    """The unknown's values for which some choice of the loose inputs makes the relation hold."""
    found: list[Range] = []
    for box in _monotone_boxes(reading, item, unknown, {**loose, unknown: within}) if loose else ():
        here = {n: range_ for n, range_ in box.items() if n != unknown}
        found += _possible_in(reading, item, unknown, box[unknown], here)
    return merge(found)


def _monotone_boxes(
    reading: Reading, item: SolveItem, unknown: int, box: Mapping[int, Range]
) -> Iterator[Mapping[int, Range]]:
    """The box in parts, on each of which the loose inputs move left - right one way."""
    part = slice_of(reading, item.roots, box)
    loose = [n for n in box if n != unknown]
    todo = [box]
    for count in itertools.count():
        if not todo:
            return
        here = todo.pop()
        turning = [n for n in loose if _turns(part, item, here, n)]
        if not turning or count > PIECES:
            yield here
            continue
        middle = halves(here, unknown)[0][unknown].low
        pinned = {**here, unknown: Range(middle, middle)}
        by_unknown = not any(_turns(part, item, pinned, n) for n in turning)
        todo.extend(halves(here, unknown if by_unknown else turning[0]))


def _turns(part: Slice, item: SolveItem, box: Mapping[int, Range], number: int) -> bool:
    """Whether left - right may rise and fall with an input in a box."""
    found = part.over(box, number)
    left, right = found[item.left].slope, found[item.right].slope
    return left.low - right.high < 0 < left.high - right.low


def _possible_in(
    reading: Reading, item: SolveItem, unknown: int, within: Range, loose: dict[int, Range]
) -> list[Range]:
    lowest, highest = _extremes(reading, item, unknown, within, loose)
    can_be_low = _solutions(Equation(reading, item, unknown, lowest), "<=", within)
    if item.op in {"<=", "<"}:
        return can_be_low
    can_be_high = _solutions(Equation(reading, item, unknown, highest), ">=", within)
    if item.op in {">=", ">"}:
        return can_be_high
    return intersect(can_be_low, can_be_high)


def _extremes(
    reading: Reading, item: SolveItem, unknown: int, within: Range, loose: dict[int, Range]
) -> tuple[dict[int, float], dict[int, float]]:
    """Choices of the loose inputs that make left - right smallest and largest."""
    lowest: dict[int, float] = {}
    highest: dict[int, float] = {}
    box = {**loose, unknown: within}
    part = slice_of(reading, item.roots, box)
    for number, range_ in loose.items():
        found = part.over(box, number)
        left, right = found[item.left].slope, found[item.right].slope
        falling = left.high - right.low <= 0
        lowest[number] = range_.high if falling else range_.low
        highest[number] = range_.low if falling else range_.high
    return lowest, highest


def intersect(left: list[Range], right: list[Range]) -> list[Range]:
    """What is in both of two ordered lists of ranges."""
    found = []
    for a in left:
        for b in right:
            low, high = max(a.low, b.low), min(a.high, b.high)
            if low <= high:
                found.append(Range(low, high))
    return sorted(found)


def _relation(equation: Equation) -> Callable[[float], bool]:
    """Whether the question's relation holds at a number."""
    op = equation.item.op

    def holds(u: float) -> bool:
        gap, size = equation.at(u)
        if op in {"==", "~="}:
            return abs(gap) <= EQUAL * size
        gap = gap if op in {"<=", "<"} else -gap
        return gap <= 1e-12 * size if op in {"<=", ">="} else gap < -1e-12 * size

    return holds


def _whole(parts: list[Range], holds: Callable[[float], bool] | None = None) -> list[Range]:
    """Only the whole numbers of each part; those at its ends are tested again."""
    found = []
    for part in parts:
        slack = 1e-9 * max(1.0, abs(part.low), abs(part.high))
        low, high = math.ceil(part.low - slack), math.floor(part.high + slack)
        if holds is not None and low <= high:
            low += not holds(low)
            high -= low <= high and not holds(high)
        if low <= high:
            found.append(Range(float(low), float(high)))
    return found


def _nearest(reading: Reading, item: SolveItem, unknown: int, within: Range) -> Nearest | None:
    """The value of the left side that comes nearest to the right one, over the unknown's range."""
    equation = Equation(reading, item, unknown)
    gaps = {u: equation.at(u) for u in _samples(equation, within)}
    known = {u: gap for u, (gap, size) in gaps.items() if not math.isnan(gap) and size < math.inf}
    if not known:
        return None
    best = min(known, key=lambda u: abs(known[u]))
    across = [u for u, gap in known.items() if gap * known[best] < 0]
    other = min(across, key=lambda u: (abs(known[u]), abs(u - best)), default=math.nan)
    if across:
        # Of all places with that value, the one beside the jump.
        same = [u for u, gap in known.items() if gap == known[best]]
        best = min(same, key=lambda u: abs(u - other))
    at = _whole_near(equation, _refined(equation, best, within), within)
    value, beyond = (reading.changed({unknown: u}).value(item.left) for u in (at, other))
    binding = binding_at(reading, item, unknown, [Range(at, at)])
    return Nearest(value, at, binding, beyond, other)


def _samples(equation: Equation, within: Range) -> list[float]:
    """The ends of each piece, then places all over the range."""
    ends = [end for piece in equation.pieces(within) for end in piece]
    if equation.whole:
        ends = [whole for end in ends for whole in (math.ceil(end), math.floor(end))]
    size = within.high - within.low
    found = [*ends, *(within.low + size * step / 64 for step in range(65))]
    return [float(u) for u in found if within.low <= u <= within.high]


def _whole_near(equation: Equation, at: float, within: Range) -> float:
    """The same place, or the better one of the whole numbers beside it for what is counted."""
    if not equation.whole:
        return at
    whole = [u for u in (math.floor(at), math.ceil(at)) if within.low <= u <= within.high]
    return float(min(whole, key=lambda u: _gap(equation, u), default=at))


def _refined(equation: Equation, at: float, within: Range) -> float:
    """Walk towards a smaller gap with smaller and smaller steps."""
    step = (within.high - within.low) / 64
    for _ in range(60):
        tries = [u for u in (at - step, at + step) if within.low <= u <= within.high]
        better = min(tries, key=lambda u: _gap(equation, u), default=at)
        if _gap(equation, better) < _gap(equation, at):
            at = better
        else:
            step /= 2
    return at


def _gap(equation: Equation, u: float) -> float:
    gap = abs(equation.at(u)[0])
    return math.inf if math.isnan(gap) else gap


def binding_at(reading: Reading, item: SolveItem, unknown: int, parts: list[Range]) -> str:
    """What the left side is bound by, in the middle of the first part."""
    part = parts[0]
    return binding_of(reading.changed({unknown: (part.low + part.high) / 2}), item.left)


def answer_value(reading: Reading, node: int) -> float:
    """The number that an `answer` node is, solved under a reading."""
    part = reading.graph.nodes[node].data
    if isinstance(part, FitPart):
        return fit_value(reading, part)
    assert isinstance(part, AnswerPart)
    return _of_part(part, solve(reading, part.solve, part.unknown, told=False))


def _of_part(part: AnswerPart, found: AnswerSet) -> float:
    match part.part:
        case "value":
            return found.value
        case "min":
            return found.min
        case _:
            return found.max


def answer_range(reading: Reading, node: int) -> Range:
    """All that an `answer` node can be while uncertain inputs run over their ranges."""
    part = reading.graph.nodes[node].data
    if isinstance(part, FitPart):
        return fit_range(reading, part)
    assert isinstance(part, AnswerPart)
    found = solve(reading, part.solve, part.unknown, told=False)
    if part.part != "value":
        value = _of_part(part, found)
        return Range(value, value)
    if found.kind != "point":
        return Range(math.nan, math.nan)
    return Range(found.min, found.max)
