"""SymPy -> LaTeX, with the author's symbols: a sum keeps its terms, a product is one fraction.

The symbols and parts of `symbolic.formulas` are printed by what `leaf` says of them: as a symbol,
or as its number. No text is read, and no printer of SymPy's is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from perfdsl.present import latex_math as m
from perfdsl.present.latex_forms import cases, raised, root, times
from perfdsl.present.latex_math import Math, Piece, atom, row
from perfdsl.present.latex_text import word
from perfdsl.present.sympy_order import Ordered, factors_of, terms_of
from perfdsl.records import dataclass

# A symbol or part -> what is printed for it.
Leaf = Callable[[Any], Math]

COMPARE = {
    "AtMost": r"\leq",
    "AtLeast": r"\geq",
    "Below": "<",
    "Above": ">",
    "Equal": "=",
    "Near": r"\approx",
    "Unequal": r"\neq",
}
NAMED = {
    "Most": (r"\max", 24.0),
    "Least": (r"\min", 22.0),
    "exp": (r"\exp", 22.0),
    "Low": (r"\operatorname{low}", 22.0),
    "High": (r"\operatorname{high}", 26.0),
}
AROUND = {
    "Abs": ("|", "|"),
    "floor": (r"\lfloor", r"\rfloor"),
    "ceiling": (r"\lceil", r"\rceil"),
}
FEW = 4
LOGIC = {"All": r"\land", "Some": r"\lor"}


@dataclass(frozen=True, slots=True)
class Derived:
    """The printer of one formula: how leaves look and are ordered, what a table is called."""

    leaf: Leaf
    order: Ordered
    number: Callable[[str], Math]
    table: Callable[[Any], tuple[str, float]]
    room: float

    def print(self, expr: Any) -> Math:
        """An expression of SymPy."""
        if expr.is_Symbol or type(expr).__name__ == "Part":
            return self.leaf(expr)
        if expr.is_Rational:
            return self._rational(int(expr.p), int(expr.q))
        if expr.is_Add:
            return self._sum(expr)
        if expr.is_Mul:
            return self._product(expr)
        if expr.is_Pow:
            return self._power(expr.base, expr.exp)
        return self._function(type(expr).__name__, expr)

    def at_least(self, expr: Any, level: int) -> Math:
        return m.at_least(self.print(expr), level)

    def _rational(self, above: int, below: int) -> Math:
        if below == 1:
            return self.number(str(above))
        size = m.fraction(self.number(str(abs(above))), self.number(str(below)), self.room)
        return size if above > 0 else row([Piece("-", 8), size], m.SUM)

    def _sum(self, expr: Any) -> Math:
        parts, signs = [], []
        for positive, term in terms_of(expr, self.order):
            signs.append("+" if positive else "-")
            parts.append(self.at_least(term, m.PRODUCT))
        made = m.infix(parts, signs[1:], m.SUM)
        return made if signs[0] == "+" else row([Piece("-", 8), made], m.SUM)

    def _product(self, expr: Any) -> Math:
        found = factors_of(expr, self.order)
        above = [self._factor(base, power) for base, power in found.above]
        below = [self._factor(base, power) for base, power in found.below]
        if found.top != 1 or not above:
            above.insert(0, self.number(str(found.top)))
        if found.bottom != 1:
            below.insert(0, self.number(str(found.bottom)))
        made = m.fraction(times(above), times(below), self.room) if below else times(above)
        return made if not found.negative else row([Piece("-", 8), made], m.SUM)

    def _factor(self, base: Any, power: Any) -> Math:
        return self.print(base) if power == 1 else self._power(base, power)

    def _power(self, base: Any, exponent: Any) -> Math:
        if exponent.is_Rational and exponent < 0:
            one = self.number("1")
            return m.fraction(
                one, self._power(base, -exponent) if exponent != -1 else self.print(base), self.room
            )
        if exponent.is_Rational and exponent.q == 2 and exponent.p == 1:
            return root(self.print(base))
        return raised(self.print(base), self.print(exponent))

    # ----------------------------------------------------------------------------- functions

    def _function(self, name: str, expr: Any) -> Math:
        args = list(expr.args)
        if name in COMPARE:
            sides = [self.at_least(arg, m.SUM) for arg in args]
            return m.infix(sides, [COMPARE[name]], m.RELATION, m.RELATED)
        if name in AROUND:
            return m.enclosed(self.print(args[0]), *AROUND[name])
        if name in LOGIC:
            return self._logic(LOGIC[name], args)
        if name == "Not":
            return row([Piece(r"\lnot ", 8), self.at_least(args[0], m.ATOM)], m.RELATION)
        if name == "Cases":
            arms = [
                (self.print(then), self.print(test))
                for test, then in zip(args[:-1:2], args[1::2], strict=True)
            ]
            return cases(arms, self.print(args[-1]))
        if name == "Mod":
            return m.infix([self.at_least(arg, m.POWER) for arg in args], [r"\bmod"], m.PRODUCT, 28)
        if name == "log":
            return self._log(args)
        if name == "Table":
            return m.applied(*self.table(expr), self.print(args[0]))
        if name == "First":
            return self._first(args)
        if not args:
            return atom(r"\text{no value}" if name == "NaN" else r"\infty", 40)
        inner = m.listed([self.print(arg) for arg in args])
        return m.applied(*NAMED.get(name, (rf"\operatorname{{{word(name.lower())}}}", 40.0)), inner)

    def _logic(self, sign: str, args: Sequence[Any]) -> Math:
        parts = [
            m.enclosed(p) if type(a).__name__ in LOGIC else p for a in args for p in [self.print(a)]
        ]
        return m.infix(parts, [sign] * (len(parts) - 1), m.RELATION, m.RELATED)

    def _first(self, args: Sequence[Any]) -> Math:
        """The first number whose condition holds; of many the first ones and the last."""
        pairs = list(zip(args[::2], args[1::2], strict=True))
        shown = pairs if len(pairs) <= FEW else [*pairs[: FEW - 1], pairs[-1]]
        parts = [
            row([self.print(then), Piece(r"\ \text{if}\ ", 16), self.print(test)], m.RELATION)
            for test, then in shown
        ]
        if len(shown) < len(pairs):
            parts.insert(-1, atom(r"\ldots", 14))
        return m.applied(r"\operatorname{first}", 24, m.listed(parts), r"\{", r"\}")

    def _log(self, args: Sequence[Any]) -> Math:
        below = rf"_{{{self.print(args[1]).latex}}}" if len(args) > 1 else ""
        return m.applied(rf"\log{below}" if below else r"\ln", 22, self.print(args[0]))


def bare_number(digits: str) -> Math:
    r"""A number without a unit; a large round one with a power of ten."""
    stripped = digits.rstrip("0")
    zeros = len(digits) - len(stripped)
    short = f"{stripped}e{zeros}" if zeros > 5 else digits
    return atom(rf"\num{{{short}}}", m.DIGIT * (len(short) + (4 if zeros > 5 else 0)))
