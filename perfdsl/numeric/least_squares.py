"""Linear least squares: columns scaled and made orthogonal; within bounds by an active set.

Few columns (the unknowns of a fit), many rows. Columns are scaled to length one, so that units play
no part; Gram-Schmidt with pivoting, each column cleaned twice, is as stable as Householder's method
(Giraud, Langou, Rozloznik, Numerische Mathematik 101, 2005). The bounded solution is Stark and
Parker's BVLS (Computational Statistics 10, 1995).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from perfdsl.records import dataclass

Vector = list[float]
Columns = Sequence[Sequence[float]]

# Relative to their length: columns that differ by less are one column, within the rounding.
ALIKE = 1e-12


@dataclass(frozen=True, slots=True)
class Factored:
    """Columns as Q R: `q` orthonormal columns, `r` the rows of R over the columns in `order`.

    scale: the length of each column as given. rank: how many of them are independent.
    """

    columns: Columns
    q: tuple[Vector, ...]
    r: tuple[Vector, ...]
    order: tuple[int, ...]
    scale: Vector

    @property
    def rank(self) -> int:
        return len(self.q)


def dot(left: Iterable[float], right: Iterable[float]) -> float:
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def factored(columns: Columns) -> Factored:
    """The columns made orthogonal, the longest remainder first, until nothing remains."""
    scale = [math.hypot(*column) for column in columns]
    rest = [[x / s if s else 0.0 for x in column] for column, s in zip(columns, scale, strict=True)]
    order = list(range(len(columns)))
    q: list[Vector] = []
    r: list[Vector] = []
    rows = len(columns[0]) if columns else 0
    limit = ALIKE * math.sqrt(max(rows, 1))
    for step in range(min(len(columns), rows)):
        lengths = [math.hypot(*rest[at]) for at in order]
        best = max(range(step, len(order)), key=lambda at: lengths[at])
        if lengths[best] <= limit:
            break
        order[step], order[best] = order[best], order[step]
        for row in r:
            row[step], row[best] = row[best], row[step]
        unit = _unit(rest[order[step]], q)
        q.append(unit)
        r.append([0.0] * len(order))
        _take_out(unit, step, order, rest, r, columns, scale)
    return Factored(columns, tuple(q), tuple(r), tuple(order), scale)


def _unit(column: Vector, q: Sequence[Vector]) -> Vector:
    """A column cleaned of the others once more, of length one."""
    for other in q:
        share = dot(other, column)
        column = [x - share * y for x, y in zip(column, other, strict=True)]
    length = math.hypot(*column)
    return [x / length for x in column]


def _take_out(
    unit: Vector,
    step: int,
    order: list[int],
    rest: list[Vector],
    r: list[Vector],
    columns: Columns,
    scale: Vector,
) -> None:
    """Clean what remains of one direction; the shares are a row of R."""
    for at in range(step, len(order)):
        column = order[at]
        r[step][at] = dot(unit, (x / scale[column] for x in columns[column]) if scale[column]
                          else rest[column])  # fmt: skip
        share = dot(unit, rest[column])
        rest[column] = [x - share * y for x, y in zip(rest[column], unit, strict=True)]


def solve(matrix: Factored, right: Sequence[float]) -> Vector:
    """The shortest error: columns * x near `right`. Once refined; dependent columns get 0."""
    found = _solve_once(matrix, right)
    left = residuals(matrix.columns, found, right)
    return [x + dx for x, dx in zip(found, _solve_once(matrix, left), strict=True)]


def _solve_once(matrix: Factored, right: Sequence[float]) -> Vector:
    return _from_shares(matrix, [dot(q, right) for q in matrix.q])


def moved_by(matrix: Factored, row: int, amount: float) -> Vector:
    """By how much the solution moves where one row's right side grows by an amount."""
    return _from_shares(matrix, [q[row] * amount for q in matrix.q])


def _from_shares(matrix: Factored, shares: Vector) -> Vector:
    """The solution of R x = shares, from the last unknown to the first."""
    rank = matrix.rank
    inner = [0.0] * rank
    for at in range(rank - 1, -1, -1):
        known = math.fsum(matrix.r[at][k] * inner[k] for k in range(at + 1, rank))
        inner[at] = (shares[at] - known) / matrix.r[at][at]
    found = [0.0] * len(matrix.order)
    for at, value in enumerate(inner):
        column = matrix.order[at]
        found[column] = value / matrix.scale[column]
    return found


def residuals(columns: Columns, x: Sequence[float], right: Sequence[float]) -> Vector:
    """What is left: right - columns * x, each row summed without rounding in between."""
    return [
        math.fsum([b, *(-column[row] * value for column, value in zip(columns, x, strict=True))])
        for row, b in enumerate(right)
    ]


def leverages(matrix: Factored) -> Vector:
    """How much each row decides about its own fitted value: the diagonal of the hat matrix."""
    return [math.fsum(q[row] ** 2 for q in matrix.q) for row in range(len(matrix.columns[0]))]


def variances(matrix: Factored) -> Vector:
    """The variance of each x for rows of variance 1: the diagonal of (A'A)^-1. Full rank only."""
    size = matrix.rank
    inverse = [[0.0] * size for _ in range(size)]
    for column in range(size):
        for at in range(column, -1, -1):
            row = matrix.r[at]
            known = math.fsum(row[k] * inverse[k][column] for k in range(at + 1, column + 1))
            inverse[at][column] = ((at == column) - known) / row[at]
    found = [0.0] * size
    for at, row in enumerate(inverse):
        column = matrix.order[at]
        found[column] = math.fsum(x**2 for x in row) / matrix.scale[column] ** 2
    return found


def determined(matrix: Factored) -> list[dict[int, float]]:
    """What the rows say of the unknowns: combinations with a 1 in front, such as x0 + 2 x1.

    The row space in reduced echelon form, columns in the order as given.
    """
    width = len(matrix.order)
    rows = [[0.0] * width for _ in matrix.r]
    for row, given in zip(rows, matrix.r, strict=True):
        for at, value in enumerate(given):
            row[matrix.order[at]] = value
    found: list[tuple[int, Vector]] = []
    for column in range(width):
        best = max(rows, key=lambda row: abs(row[column]), default=None)
        if best is None or abs(best[column]) <= ALIKE * 1e3:
            continue
        rows = [row for row in rows if row is not best]
        lead = [x / best[column] for x in best]
        rows = [_without(row, lead, column) for row in rows]
        found = [(at, _without(row, lead, column)) for at, row in found] + [(column, lead)]
    return [_unscaled(at, row, matrix.scale) for at, row in found]


def _without(row: Vector, lead: Vector, column: int) -> Vector:
    return [x - row[column] * y for x, y in zip(row, lead, strict=True)]


def _unscaled(lead: int, row: Vector, scale: Vector) -> dict[int, float]:
    return {at: x * scale[at] / scale[lead] for at, x in enumerate(row) if abs(x) > ALIKE * 1e3}


# -------------------------------------------------------------------------------- within bounds


def bounded(
    columns: Columns, right: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> tuple[Vector, tuple[int, ...]]:
    """The least squares solution within bounds, and which unknowns lie between their bounds."""
    every = tuple(range(len(columns)))
    whole = solve(factored(columns), right)
    if all(low[at] <= whole[at] <= high[at] for at in every):
        return whole, _between(whole, low, high)
    x = [min(max(value, low[at]), high[at]) for at, value in enumerate(whole)]
    free = {at for at in every if low[at] < x[at] < high[at]}
    for _ in range(10 * len(columns) + 10):
        _descend(columns, right, low, high, x, free)
        loose = _loosened(columns, right, low, high, x, free)
        if loose is None:
            break
        free.add(loose)
    return x, _between(x, low, high)


def _between(x: Vector, low: Sequence[float], high: Sequence[float]) -> tuple[int, ...]:
    return tuple(at for at, value in enumerate(x) if low[at] < value < high[at])


def _descend(
    columns: Columns,
    right: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    x: Vector,
    free: set[int],
) -> None:
    """Move the free unknowns to their best values; those that meet a bound stay there."""
    while free:
        chosen = sorted(free)
        fixed = [0.0 if at in free else value for at, value in enumerate(x)]
        target = residuals(columns, fixed, right)
        best = solve(factored([columns[at] for at in chosen]), target)
        share, met = 1.0, list[int]()
        for at, value in zip(chosen, best, strict=True):
            end = min(max(value, low[at]), high[at])
            part = (end - x[at]) / (value - x[at]) if end != value else 1.0
            if part < share:
                share, met = part, []
            if end != value and part <= share:
                met.append(at)
        for at, value in zip(chosen, best, strict=True):
            x[at] = value if share == 1.0 else x[at] + share * (value - x[at])
            if at in met:
                x[at] = low[at] if value < low[at] else high[at]
        free.difference_update(met)
        if not met:
            return


def _loosened(
    columns: Columns,
    right: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    x: Vector,
    free: set[int],
) -> int | None:
    """The unknown at a bound that gains most by leaving it; None where none does."""
    left = residuals(columns, x, right)
    size = math.hypot(*right) or 1.0
    best, most = None, 1e-13 * size
    for at, column in enumerate(columns):
        length = math.hypot(*column)
        if at in free or low[at] == high[at] or not length:
            continue
        slope = dot(column, left) / length
        gain = slope if x[at] <= low[at] else -slope
        if gain > most:
            best, most = at, gain
    return best
