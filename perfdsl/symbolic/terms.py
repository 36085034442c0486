"""Sums and products in a normal form, so that like terms merge before SymPy sees them.

A polynomial is a dictionary from products of atoms to rational factors. An atom is a symbol, a
function, or a sum that is divided by or multiplied (products of sums are not expanded). SymPy's own
constructors sort and ask for assumptions at each step, which costs ten times as much.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from sympy import exp
from sympy.core import Add, Basic, Expr, Mul, Pow, Rational

from perfdsl.symbolic.order import Key, key_of

Number = int | Fraction
# Atoms by number, ascending, each with its exponent.
Product = tuple[tuple[int, Number], ...]
Terms = Mapping[Product, Number]

NOTHING: Product = ()
# Longer numbers than this are left as they are written.
MAX_BITS = 4096
SHORT = 2**62


class TooLong(Exception):  # noqa: N818  a number too long to be written down is no error
    """An exact number has too many digits."""


def number(value: Number) -> Number:
    """A whole number as an int, which is much faster than a fraction."""
    whole = value.numerator if value.denominator == 1 else value
    if isinstance(whole, int) and -SHORT < whole < SHORT:
        return whole
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise TooLong
    return whole


def constant(value: Number) -> Terms:
    return {NOTHING: number(value)} if value else {}


def as_number(terms: Terms) -> Number | None:
    """The number that the terms are, if they are one."""
    if not terms:
        return 0
    return terms.get(NOTHING) if len(terms) == 1 else None


def rational(value: Number) -> Rational:
    return Rational(value.numerator, value.denominator)


def added(parts: Sequence[Terms], signs: Sequence[int]) -> Terms:
    """The sum of the parts, each with its sign."""
    total: dict[Product, Number] = {}
    for part, sign in zip(parts, signs, strict=True):
        for product, factor in part.items():
            total[product] = total.get(product, 0) + sign * factor
    return {product: number(factor) for product, factor in total.items() if factor}


@dataclass(slots=True, repr=False)
class Atoms:
    """The atoms of some expressions. sums: the terms of an atom that is a sum, without content.

    extents: the depth and the size of each atom, written out. odd: products in which SymPy itself
    may find something to merge, such as roots of numbers.
    """

    exprs: list[Expr | None] = field(default_factory=list)
    numbers: dict[object, int] = field(default_factory=dict)
    sums: dict[int, Terms] = field(default_factory=dict)
    extents: list[tuple[int, int]] = field(default_factory=list)
    products: dict[Product, Expr] = field(default_factory=dict)
    odd: set[Product] = field(default_factory=set)
    keys: dict[Basic, Key] = field(default_factory=dict)

    def atom(self, expr: Expr, depth: int = 0, size: int = 1) -> Terms:
        """An expression as an atom."""
        return {((self._number(expr, expr, depth, size), 1),): 1}

    def _number(self, key: object, expr: Expr | None, depth: int, size: int) -> int:
        found = self.numbers.get(key)
        if found is None:
            found = self.numbers[key] = len(self.exprs)
            self.exprs.append(expr)
            self.extents.append((depth, size))
        return found

    # ------------------------------------------------------------------------------ products

    def multiplied(self, parts: Sequence[Terms], powers: Sequence[Number]) -> Terms:
        """The product of the parts to whole powers. Raises ZeroDivisionError."""
        factor: Number = 1
        exponents: dict[int, Number] = {}
        for part, power in zip(parts, powers, strict=True):
            own, product = self._factors(part)
            if own != 1:
                factor = number(factor * raised(own, int(power)))
            for atom, exponent in product:
                exponents[atom] = exponents.get(atom, 0) + exponent * power
        kept = tuple(sorted((a, e) for a, e in exponents.items() if e))
        if not factor:
            return {}
        if len(kept) == 1 and kept[0][1] == 1 and kept[0][0] in self.sums:
            inner = self.sums[kept[0][0]]
            return {product: number(factor * own) for product, own in inner.items()}
        return {kept: factor}

    def _factors(self, terms: Terms) -> tuple[Number, Product]:
        """Terms as a number times a product; a sum becomes an atom of its own."""
        if not terms:
            return 0, NOTHING
        if len(terms) == 1:
            ((product, factor),) = terms.items()
            return factor, product
        content = content_of(terms.values())
        inner = {product: number(Fraction(f) / content) for product, f in terms.items()}
        key = frozenset(inner.items())
        atom = self.numbers.get(key)
        if atom is None:
            atom = self._number(key, None, *self.extent(inner))
            self.sums[atom] = inner
        return content, ((atom, 1),)

    def extent(self, terms: Terms) -> tuple[int, int]:
        """The depth and size of terms, written out."""
        depth = size = 0
        for product in terms:
            size += 1
            for atom, _ in product:
                below = self.extents[atom]
                depth = max(depth, below[0] + (atom in self.sums))
                size += below[1]
        return depth, size

    # ------------------------------------------------------------------------------ to SymPy

    def expr(self, terms: Terms) -> Expr:
        """The terms as SymPy would have them: sorted, a number in front."""
        parts = [self._term(product, factor) for product, factor in terms.items() if product]
        if not self.odd.isdisjoint(terms):
            return Add(*parts, rational(terms.get(NOTHING, 0)))
        parts.sort(key=self._key)
        if NOTHING in terms:
            parts.insert(0, rational(terms[NOTHING]))
        return Add._from_args(parts, is_commutative=True)  # noqa: SLF001  made to be used like this

    def _key(self, expr: Expr) -> Key:
        return key_of(expr, self.keys)

    def _term(self, product: Product, factor: Number) -> Expr:
        bare = self.products.get(product)
        if bare is None:
            bare = self.products[product] = self._product(product)
        if factor == 1:
            return bare
        if not bare.is_Mul:
            return Mul(rational(factor), bare)
        if bare.args[0].is_Number:
            return Mul(rational(factor), bare)
        made = (rational(factor), *bare.args)
        return Mul._from_args(made, is_commutative=True)  # noqa: SLF001  made for this

    def _product(self, product: Product) -> Expr:
        factors = [self._power(atom, exponent) for atom, exponent in product]
        if not all(plain(f) for f in factors):
            self.odd.add(product)
            return Mul(*factors)
        factors.sort(key=self._key)
        return Mul._from_args(factors, is_commutative=True)  # noqa: SLF001  made for this

    def _power(self, atom: int, exponent: Number) -> Expr:
        base = self.exprs[atom]
        if base is None:
            base = self.exprs[atom] = self.expr(self.sums[atom])
        if exponent == 1:
            return base
        return Pow(base, rational(exponent), evaluate=not plain(base))

    # ---------------------------------------------------------------------------- from SymPy

    def terms(self, expr: Expr, depth: int) -> Terms:
        """What SymPy made, in terms again. depth: that of atoms that are new."""
        parts = [self._terms_of(part, depth) for part in Add.make_args(expr)]
        return added(parts, (1,) * len(parts))

    def _terms_of(self, expr: Expr, depth: int) -> Terms:
        factor, rest = expr.as_coeff_Mul(rational=True)
        parts = [constant(Fraction(int(factor.p), int(factor.q)))]
        powers: list[Number] = [1]
        for one in Mul.make_args(rest):
            base, exponent = one.as_base_exp()
            root = exponent.is_Rational and not base.is_Add
            if (exponent.is_Integer or root) and not base.is_number:
                parts.append(self._base(base, depth))
                powers.append(number(Fraction(int(exponent.p), int(exponent.q))))
            elif one != 1:
                parts.append(self.atom(one, depth, size_of(one)))
                powers.append(1)
        return self.multiplied(parts, powers)

    def _base(self, base: Expr, depth: int) -> Terms:
        known = self.numbers.get(base)
        if known is not None:
            return {((known, 1),): 1}
        return self.terms(base, depth) if base.is_Add else self.atom(base, depth, size_of(base))


def raised(base: Number, power: int) -> Number:
    if abs(power) * max(base.numerator.bit_length(), base.denominator.bit_length()) > 2 * MAX_BITS:
        raise TooLong
    return number(Fraction(base) ** power) if power < 0 else number(base**power)


def content_of(factors: Iterable[Number]) -> Fraction:
    """The largest positive number that leaves whole factors without a common divisor."""
    above = below = 0
    for factor in factors:
        above = math.gcd(above, factor.numerator)
        below = math.lcm(below or 1, factor.denominator)
    return Fraction(above, below)


def plain(expr: Expr) -> bool:
    """Whether SymPy has nothing to merge in a product of such factors: no numbers, no roots."""
    if expr.is_Pow:
        return bool(expr.exp.is_Integer) and plain(expr.base)
    known = expr.is_Symbol or expr.is_Add or (expr.is_Function and not isinstance(expr, exp))
    return bool(known) and not expr.is_number


def size_of(expr: Expr) -> int:
    """How many parts an expression has, written out; each distinct part is visited once."""
    sizes: dict[Expr, int] = {}
    todo = [expr]
    while todo:
        part = todo[-1]
        missing = [arg for arg in part.args if arg not in sizes]
        if missing:
            todo += missing
            continue
        sizes[todo.pop()] = 1 + sum(sizes[arg] for arg in part.args)
    return sizes[expr]
