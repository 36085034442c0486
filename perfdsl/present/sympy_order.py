"""The order in which a derived formula is told: numbers first, then symbols as they were written.

SymPy's own order follows from how its objects are hashed and says nothing to a reader.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perfdsl.records import dataclass, field

# A symbol or part -> its place: the number of its node in the graph, which follows the program.
Place = Callable[[Any], int]
Key = tuple[int, ...]


@dataclass(slots=True)
class Ordered:
    """Keys of expressions, each computed once."""

    place: Place
    keys: dict[Any, Key] = field(default_factory=dict)

    def key(self, expr: Any) -> Key:
        """What comes first: what holds the symbol that was written first."""
        if expr not in self.keys:
            self.keys[expr] = self._key(expr)
        return self.keys[expr]

    def _key(self, expr: Any) -> Key:
        if expr.is_Symbol or type(expr).__name__ == "Part":
            return (self.place(expr),)
        if expr.is_Rational:
            return (-1, int(expr.p), int(expr.q))
        inner = sorted(self.key(arg) for arg in expr.args)
        return (*[part for key in inner for part in key][:64], len(inner))


@dataclass(frozen=True, slots=True)
class Factors:
    """A product as one fraction: bases with positive powers above and below, and the numbers."""

    negative: bool
    top: int
    bottom: int
    above: tuple[tuple[Any, Any], ...]
    below: tuple[tuple[Any, Any], ...]


def terms_of(expr: Any, order: Ordered) -> list[tuple[bool, Any]]:
    """The terms of a sum in order, each with whether it is added; a positive one comes first."""
    found = [(not _is_negative(term), term) for term in expr.args]
    made = [(plus, term if plus else -term) for plus, term in found]
    made.sort(key=lambda pair: (pair[1].is_Rational, order.key(pair[1])))
    first = next((at for at, (plus, _) in enumerate(made) if plus), 0)
    return [made[first], *made[:first], *made[first + 1 :]]


def _is_negative(expr: Any) -> bool:
    coefficient = expr if expr.is_Rational else expr.args[0] if expr.is_Mul else None
    return coefficient is not None and bool(coefficient.is_Rational and coefficient < 0)


def factors_of(expr: Any, order: Ordered) -> Factors:
    """The factors of a product in order."""
    top, bottom, negative = 1, 1, False
    above, below = [], []
    for factor in expr.args:
        if factor.is_Rational:
            negative = negative != bool(factor < 0)
            top, bottom = top * abs(int(factor.p)), bottom * int(factor.q)
            continue
        if not factor.is_Pow:
            above.append((factor, 1))
        elif factor.exp.is_Rational and factor.exp < 0:
            below.append((factor.base, -factor.exp))
        else:
            above.append((factor.base, factor.exp))
    for each in (above, below):
        each.sort(key=lambda pair: (bool(pair[0].args), order.key(pair[0])))
    return Factors(negative, top, bottom, tuple(above), tuple(below))
