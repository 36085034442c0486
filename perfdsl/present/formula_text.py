"""SymPy -> a line of text with the author's names: `2 FLOP·n / laptop.fma.peak`, or in ASCII."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from perfdsl.present.sympy_order import Ordered, factors_of, terms_of
from perfdsl.records import dataclass

RELATION, SUM, PRODUCT, POWER, ATOM = range(5)

COMPARE = {
    "AtMost": ("<=", "≤"),
    "AtLeast": (">=", "≥"),
    "Below": ("<", "<"),
    "Above": (">", ">"),
    "Equal": ("==", "="),
    "Near": ("~=", "≈"),
    "Unequal": ("!=", "≠"),
}
NAMED = {"Most": "max", "Least": "min", "Abs": "abs", "ceiling": "ceil", "Low": "low",
         "High": "high", "Mod": "mod"}  # fmt: skip
SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
FEW = 4
Shown = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Plain:
    """The printer of one formula; each text comes with how strongly its operator binds."""

    leaf: Callable[[Any], Shown]
    order: Ordered
    table: Callable[[Any], str]
    unicode: bool = True

    def text(self, expr: Any) -> str:
        """An expression of SymPy on one line."""
        return self._print(expr)[0]

    def _at_least(self, expr: Any, level: int) -> str:
        text, own = self._print(expr)
        return text if own >= level else f"({text})"

    def _print(self, expr: Any) -> Shown:
        if expr.is_Symbol or type(expr).__name__ == "Part":
            return self.leaf(expr)
        if expr.is_Rational:
            above, below = int(expr.p), int(expr.q)
            level = SUM if above < 0 else ATOM if below == 1 else PRODUCT
            return (f"{above:,}" if below == 1 else f"{above:,}/{below:,}"), level
        if expr.is_Add:
            return self._sum(expr)
        if expr.is_Mul:
            return self._product(expr)
        if expr.is_Pow:
            return self._power(expr.base, expr.exp)
        return self._function(type(expr).__name__, expr)

    def _sum(self, expr: Any) -> Shown:
        out = ""
        for positive, term in terms_of(expr, self.order):
            sign = (" + " if positive else " - ") if out else ("" if positive else "-")
            out += sign + self._at_least(term, PRODUCT)
        return out, SUM

    def _product(self, expr: Any) -> Shown:
        found = factors_of(expr, self.order)
        above = [self._raised(base, power) for base, power in found.above]
        below = [self._raised(base, power) for base, power in found.below]
        if found.top != 1 or not above:
            above.insert(0, f"{found.top:,}")
        if found.bottom != 1:
            below.insert(0, f"{found.bottom:,}")
        times = "·" if self.unicode else "*"
        out = times.join(above)
        if below:
            under = times.join(below)
            out += f" / {under}" if len(below) == 1 else f" / ({under})"
        return (f"-{out}", SUM) if found.negative else (out, PRODUCT)

    def _raised(self, base: Any, power: Any) -> str:
        if power == 1:
            return self._at_least(base, POWER)
        text, level = self._power(base, power)
        return text if level >= POWER else f"({text})"

    def _power(self, base: Any, exponent: Any) -> Shown:
        if exponent.is_Rational and exponent.p == 1 and exponent.q == 2:
            inner = self._print(base)[0]
            return (f"√({inner})" if self.unicode else f"sqrt({inner})"), ATOM
        if exponent.is_Rational and exponent < 0:
            return f"1 / {self._raised(base, -exponent)}", PRODUCT
        head = self._at_least(base, ATOM)
        if exponent.is_Integer and self.unicode:
            return head + str(int(exponent)).translate(SUPERSCRIPT), POWER
        return f"{head}^{self._at_least(exponent, ATOM)}", POWER

    def _first(self, args: Sequence[Any]) -> str:
        """The first number whose condition holds; of many the first ones and the last."""
        parts = [
            f"{self.text(then)} if {self.text(test)}"
            for test, then in zip(args[::2], args[1::2], strict=True)
        ]
        if len(parts) > FEW:
            parts = [*parts[: FEW - 1], "...", parts[-1]]
        return f"first {{ {', '.join(parts)} }}"

    def _function(self, name: str, expr: Any) -> Shown:
        args = list(expr.args)
        if name in COMPARE:
            left, right = (self._at_least(arg, SUM) for arg in args)
            return f"{left} {COMPARE[name][self.unicode]} {right}", RELATION
        if name in {"All", "Some"}:
            word = " and " if name == "All" else " or "
            return word.join(self._at_least(arg, RELATION) for arg in args), RELATION
        if name == "Not":
            return f"not {self._at_least(args[0], SUM)}", RELATION
        if name == "Cases":
            arms = [
                f"{self.text(t)}: {self.text(v)}"
                for t, v in zip(args[:-1:2], args[1::2], strict=True)
            ]
            return f"case {{ {', '.join([*arms, 'else: ' + self.text(args[-1])])} }}", ATOM
        if self.unicode and name in {"ceiling", "floor"}:
            left, right = ("⌈", "⌉") if name == "ceiling" else ("⌊", "⌋")
            return f"{left}{self.text(args[0])}{right}", ATOM
        if name == "Table":
            return f"{self.table(expr)}({self.text(args[0])})", ATOM
        if name == "First":
            return self._first(args), ATOM
        if name == "log" and len(args) > 1:
            return f"log{self.text(args[1])}({self.text(args[0])})", ATOM
        inner = ", ".join(self.text(arg) for arg in args)
        return (f"{NAMED.get(name, name.lower())}({inner})" if args else "no value"), ATOM
