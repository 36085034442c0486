"""Fits: the unknowns that bring what is fitted nearest to what was observed, over all rows.

Linear in the unknowns: one bounded least squares problem. Else, or by relative errors: damped
Gauss-Newton from several places within the declared ranges.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from perfdsl.numeric.gradient import gradient
from perfdsl.numeric.intervals import Range
from perfdsl.numeric.least_squares import (
    Vector,
    bounded,
    determined,
    factored,
    leverages,
    moved_by,
    residuals,
    variances,
)
from perfdsl.numeric.levenberg import Minimum, minimum
from perfdsl.records import dataclass, field
from perfdsl.semantics.graph import Input
from perfdsl.semantics.program import FitItem, FitPart
from perfdsl.solve.reading import Reading
from perfdsl.solve.slice import Slice, slice_of

# From this ratio of its ends on a range spans decades: its middle is the geometric one.
DECADES = 16
ALIKE = 1e-12
# So many starts besides the first are followed downhill.
PROMISING = 3
# Up to so many rows of a curve are left out one by one without being asked for.
FEW = 12


@dataclass(frozen=True, slots=True)
class Fitted:
    """A solved fit, in base units.

    values, errors: of each unknown; an error is nan at the end of a range, or without a row to
    spare. unseen: what alone the rows determine (see `least_squares.determined`), where that is
    not each unknown; then nothing else has a value.
    """

    values: Vector
    errors: Vector
    free: tuple[int, ...]
    observed: Vector
    fitted: Vector
    rss: float
    r2: float
    unseen: tuple[dict[int, float], ...] = ()
    valueless: bool = False


@dataclass(slots=True)
class Problem:
    """A fit under a reading: its rows as functions of the unknowns."""

    reading: Reading
    item: FitItem
    part: Slice
    orders: tuple[list[int], ...]
    observed: Vector
    low: Vector
    high: Vector
    rows: list[int] = field(default_factory=list)

    def fitted(self, x: Sequence[float]) -> Vector:
        values = self.part.at(dict(zip(self.item.unknowns, x, strict=True)))
        return [values[self.item.rows[row].fitted] for row in self.rows]

    def columns(self, x: Sequence[float]) -> list[Vector]:
        """The derivatives of every fitted side, one column for each unknown."""
        self.reading.poll()
        values = self.part.at(dict(zip(self.item.unknowns, x, strict=True)))
        graph = self.reading.graph
        slopes = [
            gradient(graph, self.item.rows[row].fitted, values, self.orders[row])
            for row in self.rows
        ]
        return [[slope.get(unknown, 0.0) for slope in slopes] for unknown in self.item.unknowns]

    def gaps(self, x: Sequence[float]) -> Vector:
        """Fitted - observed, or the logarithm of their ratio; nan where there is none."""
        if not self.item.relative:
            return [f - y for f, y in zip(self.fitted(x), self.observed, strict=True)]
        return [_log(f) - _log(y) for f, y in zip(self.fitted(x), self.observed, strict=True)]

    def gap_columns(self, x: Sequence[float]) -> list[Vector]:
        columns = self.columns(x)
        if not self.item.relative:
            return columns
        fitted = self.fitted(x)
        return [[d / f if f else math.nan for d, f in zip(c, fitted, strict=True)] for c in columns]

    def without(self, row: int) -> Problem:
        """The same with one row left out."""
        return Problem(
            self.reading, self.item, self.part, self.orders,
            [y for at, y in zip(self.rows, self.observed, strict=True) if at != row],
            self.low, self.high, [at for at in self.rows if at != row],
        )  # fmt: skip


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan


def problem_of(reading: Reading, item: FitItem) -> Problem:
    """The rows of a fit, with everything but its unknowns as the reading has it."""
    graph = reading.graph
    part = slice_of(reading, [row.fitted for row in item.rows], item.unknowns)
    moving = set(part.order) | set(item.unknowns)
    orders = tuple(
        [node for node in graph.needed([row.fitted]) if node in moving] for row in item.rows
    )
    ends = [_domain(graph.nodes[unknown].data) for unknown in item.unknowns]
    return Problem(
        reading, item, part, orders, [reading.value(row.observed) for row in item.rows],
        [low for low, _ in ends], [high for _, high in ends], list(range(len(item.rows))),
    )  # fmt: skip


def _domain(source: Input) -> tuple[float, float]:
    """Between which ends an unknown is fitted: as declared, else any number."""
    return source.within if source.within is not None else (-math.inf, math.inf)


def fit(reading: Reading, item: FitItem) -> Fitted:
    """The fit under a reading; computed once for each."""
    known = reading.fits.get(item)
    if not isinstance(known, Fitted):
        known = reading.fits[item] = _fit(problem_of(reading, item))
    return known


def _fit(problem: Problem) -> Fitted:
    if any(map(math.isnan, problem.observed)):
        return _nothing(problem)
    if problem.item.linear and not problem.item.relative:
        return _linear(problem)
    best = _best(problem, starts(problem))
    if best is None:
        return _nothing(problem)
    columns = problem.gap_columns(best.x)
    return _finished(problem, best.x, columns, best.free)


def _nothing(problem: Problem, unseen: Sequence[dict[int, float]] = ()) -> Fitted:
    none = [math.nan] * len(problem.item.unknowns)
    empty = [math.nan] * len(problem.rows)
    return Fitted(
        none, none, (), problem.observed, empty, math.nan, math.nan, tuple(unseen), not unseen
    )


def _linear(problem: Problem) -> Fitted:
    columns, right = _equations(problem)
    if any(map(math.isnan, (*right, *(x for column in columns for x in column)))):
        return _nothing(problem)
    matrix = factored(columns)
    if matrix.rank < len(columns):
        return _nothing(problem, determined(matrix))
    x, free = bounded(columns, right, problem.low, problem.high)
    return _finished(problem, x, columns, free)


def _equations(problem: Problem) -> tuple[list[Vector], Vector]:
    """Columns and right side of a linear fit: columns * x is near what is observed."""
    zero = [0.0] * len(problem.item.unknowns)
    offset = problem.fitted(zero)
    right = [y - f for y, f in zip(problem.observed, offset, strict=True)]
    return problem.columns(zero), right


def _finished(problem: Problem, x: Vector, columns: list[Vector], free: tuple[int, ...]) -> Fitted:
    """The sums and errors at a solution."""
    matrix = factored(columns)
    if matrix.rank < len(columns):
        return _nothing(problem, determined(matrix))
    gaps = problem.gaps(x)
    rss = math.fsum(gap**2 for gap in gaps)
    seen = [_log(y) for y in problem.observed] if problem.item.relative else problem.observed
    mean = math.fsum(seen) / len(seen)
    whole = math.fsum((y - mean) ** 2 for y in seen)
    # Of equal numbers there is nothing to explain but the rounding of their mean.
    r2 = 1 - rss / whole if whole > len(seen) * (ALIKE * max(map(abs, seen))) ** 2 else math.nan
    errors = _errors(columns, free, rss, len(seen))
    return Fitted(x, errors, free, problem.observed, problem.fitted(x), rss, r2)


def _errors(columns: list[Vector], free: tuple[int, ...], rss: float, rows: int) -> Vector:
    """Standard errors of the unknowns between their bounds, as if the others were known."""
    found = [math.nan] * len(columns)
    spare = rows - len(free)
    if spare > 0 and free:
        for at, variance in zip(
            free, variances(factored([columns[at] for at in free])), strict=True
        ):
            found[at] = math.sqrt(rss / spare * variance)
    return found


# ------------------------------------------------------------------------------- curves: starts


def _best(problem: Problem, places: Iterator[Vector]) -> Minimum | None:
    """The lowest of the minima that the most promising starts lead to, the first one included."""
    first, *others = places
    others.sort(key=lambda x: _size(problem.gaps(x)))
    found = []
    for start in [first, *others[:PROMISING]]:
        problem.reading.poll()
        one = minimum(problem.gaps, problem.gap_columns, start, problem.low, problem.high)
        if one is not None:
            found.append(one)
    return min(found, key=lambda each: each.cost, default=None)


def starts(problem: Problem) -> Iterator[Vector]:
    """Where a search may begin: the weighted linear solution, the middle, a quarter off it."""
    if problem.item.linear:
        columns, right = _equations(problem)
        weights = [1 / y for y in problem.observed]
        scaled = [[x * w for x, w in zip(c, weights, strict=True)] for c in columns]
        target = [x * w for x, w in zip(right, weights, strict=True)]
        yield bounded(scaled, target, problem.low, problem.high)[0]
    ends = list(zip(problem.low, problem.high, strict=True))
    if any(math.isinf(end) for pair in ends for end in pair):
        return
    yield [_between(low, high, 0.5) for low, high in ends]
    shares = itertools.product((0.25, 0.75), repeat=len(ends)) if len(ends) <= 3 else [
        [share if at == k else 0.5 for k in range(len(ends))]
        for at in range(len(ends)) for share in (0.25, 0.75)
    ]  # fmt: skip
    for each in shares:
        yield [_between(*pair, share) for pair, share in zip(ends, each, strict=True)]


def _size(gaps: Vector) -> float:
    """The sum of squares; infinite where a gap has no value, so that it comes last."""
    total = math.fsum(gap**2 for gap in gaps if not math.isnan(gap))
    return math.inf if any(map(math.isnan, gaps)) else total


def _between(low: float, high: float, share: float) -> float:
    """A place in a range; in one that spans decades, by its logarithm."""
    if low > 0 and high / low > DECADES:
        return math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    return low + share * (high - low)


# ------------------------------------------------------------------------- leaving rows out


def loo_rss(reading: Reading, item: FitItem) -> float:
    """The sum of squares of each row's gap, predicted by a fit to all the others."""
    key = ("loo", item)
    known = reading.fits.get(key)
    if not isinstance(known, float):
        known = reading.fits[key] = _loo(reading, item)
    return known


def loo_known(reading: Reading, item: FitItem) -> bool:
    """Whether it is cheap, or was asked for already: many fits of a curve take long."""
    cheap = item.linear and not item.relative
    return cheap or ("loo", item) in reading.fits or len(item.rows) <= FEW


def _loo(reading: Reading, item: FitItem) -> float:
    whole, problem = fit(reading, item), problem_of(reading, item)
    if whole.unseen or whole.valueless or len(problem.rows) <= len(item.unknowns):
        return math.nan
    if item.linear and not item.relative:
        return _linear_loo(problem, whole)
    total = []
    for row in problem.rows:
        reading.poll()
        rest = problem.without(row)
        found = minimum(rest.gaps, rest.gap_columns, whole.values, rest.low, rest.high)
        total.append(math.nan if found is None else problem.gaps(found.x)[row] ** 2)
    return math.fsum(total)


def _linear_loo(problem: Problem, whole: Fitted) -> float:
    """By the hat matrix, exactly; anew where leaving a row out makes a bound matter, or not."""
    columns, right = _equations(problem)
    matrix = factored(columns)
    gaps = residuals(columns, whole.values, right)
    inside = len(whole.free) == len(columns)
    total = []
    for row, share in enumerate(leverages(matrix)):
        problem.reading.poll()
        if 1 - share < 1e-10:
            return math.nan  # without this row an unknown is not determined
        if inside:
            ratio = gaps[row] / (1 - share)
            moved = moved_by(matrix, row, ratio)
            x = [a - b for a, b in zip(whole.values, moved, strict=True)]
            if all(lo <= v <= hi for lo, v, hi in zip(problem.low, x, problem.high, strict=True)):
                total.append(ratio**2)
                continue
        total.append(_left_out(columns, right, row, problem) ** 2)
    return math.fsum(total)


def _left_out(columns: list[Vector], right: Vector, row: int, problem: Problem) -> float:
    fewer = [[x for at, x in enumerate(column) if at != row] for column in columns]
    target = [y for at, y in enumerate(right) if at != row]
    x, _ = bounded(fewer, target, problem.low, problem.high)
    return residuals(columns, x, right)[row]


# -------------------------------------------------------------------------------- as answers


def fit_value(reading: Reading, part: FitPart) -> float:
    """What an `answer` node asks of a fit, under a reading."""
    if part.part == "loo_rss":
        return loo_rss(reading, part.fit)
    found = fit(reading, part.fit)
    match part.part:
        case "rss":
            return found.rss
        case "r2":
            return found.r2
        case which:
            at = part.fit.unknowns.index(part.unknown)
            return found.values[at] if which == "value" else found.errors[at]


def fit_range(reading: Reading, part: FitPart) -> Range:
    """All that it can be while uncertain inputs run over their ranges: exact where monotone.

    Each one alone is moved to its ends, which tells its direction; then all together.
    """
    key = ("range", part.fit, part.part, part.unknown)
    known = reading.fits.get(key)
    if not isinstance(known, Range):
        known = reading.fits[key] = _range(reading, part)
    return known


def _range(reading: Reading, part: FitPart) -> Range:
    best = fit_value(reading, part)
    loose = _uncertain(reading, part.fit)
    found, low, high = [best], dict[int, float](), dict[int, float]()
    for node, range_ in loose.items():
        ends = [(fit_value(reading.changed({node: end}), part), end) for end in range_]
        found += [value for value, _ in ends]
        (_, low[node]), (_, high[node]) = min(ends), max(ends)
    if len(loose) > 1:
        found += [fit_value(reading.changed(corner), part) for corner in (low, high)]
    if any(map(math.isnan, found)):
        return Range(best, best) if math.isnan(best) else Range(-math.inf, math.inf)
    return Range(min(found), max(found))


def _uncertain(reading: Reading, item: FitItem) -> Mapping[int, Range]:
    numbers = {n for root in item.roots for n in reading.vague(root)} - set(item.unknowns)
    ranges = {number: reading.range_of(number) for number in sorted(numbers)}
    return {number: range_ for number, range_ in ranges.items() if range_.low < range_.high}
