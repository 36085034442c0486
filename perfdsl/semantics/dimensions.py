"""Dimensions: products of base dimensions with rational exponents; they form a group."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

from perfdsl.records import dataclass

Exponent = int | Fraction


# Work is counted in these; a quantity that holds one carries the kinds of work that it is about.
WORK = frozenset({"op", "MAC", "FLOP"})

Exponents = tuple[tuple[str, Exponent], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Dimension:
    """Exponents of the base dimensions, each named by its base unit; sorted, none of them zero.

    Equal ones are one object, since a check compares them by the thousand: `of` makes them.
    """

    exponents: Exponents
    names: frozenset[str]
    counts_work: bool

    def __mul__(self, other: Dimension) -> Dimension:
        return _combine(self, other, 1)

    def __truediv__(self, other: Dimension) -> Dimension:
        return _combine(self, other, -1)

    def __pow__(self, power: Exponent) -> Dimension:
        return of((name, exponent * power) for name, exponent in self.exponents)

    def exponent(self, name: str) -> Exponent:
        """The exponent of a base dimension, 0 where it does not occur."""
        return dict(self.exponents).get(name, 0)

    def __str__(self) -> str:
        """`s*op/MAC`, `B/(core*cycle)`, `1/s`; `1` for a pure number."""
        above = [_power(name, e) for name, e in self.exponents if e > 0]
        below = [_power(name, -e) for name, e in self.exponents if e < 0]
        if not below:
            return "*".join(above) or "1"
        under = below[0] if len(below) == 1 else f"({'*'.join(below)})"
        return f"{'*'.join(above) or '1'}/{under}"


_KNOWN: dict[Exponents, Dimension] = {}


def _only(exponents: Exponents) -> Dimension:
    """The one dimension with these exponents."""
    known = _KNOWN.get(exponents)
    if known is None:
        names = frozenset(name for name, _ in exponents)
        known = _KNOWN[exponents] = Dimension(exponents, names, not names.isdisjoint(WORK))
    return known


PURE = _only(())


def of(pairs: Iterable[tuple[str, Exponent]]) -> Dimension:
    """A dimension from name and exponent pairs; equal names add up."""
    total: dict[str, Exponent] = {}
    for name, exponent in pairs:
        total[name] = total.get(name, 0) + exponent
    kept = ((name, _plain(e)) for name, e in total.items() if e != 0)
    return _only(tuple(sorted(kept)))


def base(name: str) -> Dimension:
    """The base dimension of that name."""
    return _only(((name, 1),))


@lru_cache(maxsize=4096)
def _combine(left: Dimension, right: Dimension, sign: int) -> Dimension:
    return of((*left.exponents, *((name, sign * e) for name, e in right.exponents)))


def _plain(exponent: Exponent) -> Exponent:
    return int(exponent) if exponent == int(exponent) else Fraction(exponent)


def _power(name: str, exponent: Exponent) -> str:
    return name if exponent == 1 else f"{name}^{exponent}"
