"""Functions that stay as they are built, and conditions as functions of value 1 or 0.

SymPy's own relations try to decide themselves when they are built, which takes milliseconds each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sympy import S
from sympy.core import Basic, Expr, Function, Integer, Rational, Symbol

from perfdsl.semantics.operations import apply

Numbers = Sequence[float]


def _part(arg: Expr | int) -> Expr:
    """An expression or a whole number, and nothing else: SymPy would run a text."""
    if isinstance(arg, Basic):
        return arg
    if isinstance(arg, int):
        return Integer(arg)
    raise TypeError(f"an expression is needed, not {type(arg).__name__}")


class Opaque(Function):
    """A function that stays as it is built: SymPy's own constructors, caches and rules are off."""

    def __new__(cls, *args: Expr | int) -> Expr:
        return cls.made(tuple(map(_part, args)))

    @classmethod
    def made(cls, args: tuple[Expr, ...]) -> Expr:
        """The expression, or a simpler one that is plainly equal."""
        return Expr.__new__(cls, *args)

    def value(self, args: Numbers) -> float:
        """What it is when its arguments are these numbers; nan where it has no value."""
        raise NotImplementedError

    def slope(self, slopes: Sequence[Expr]) -> Expr:
        """Its derivative, by the derivatives of its arguments."""
        terms = [self.fdiff(i + 1) * slope for i, slope in enumerate(slopes) if slope != 0]
        return sum(terms, S.Zero)

    def _eval_derivative(self, by: Symbol) -> Expr:
        return self.slope([arg.diff(by) for arg in self.args])

    def _eval_evalf(self, prec: int) -> Expr | None:
        args = [arg._evalf(prec) for arg in self.args]  # noqa: SLF001  SymPy's protocol
        if all(arg.is_number for arg in args):
            return S.NaN if math.isnan(v := self.value([float(a) for a in args])) else Rational(v)
        return None

    def _sympystr(self, printer: Any) -> str:
        name = getattr(self, "shown", type(self).__name__.lower())
        return f"{name}({', '.join(printer.doprint(arg) for arg in self.args)})"


def number_of(op: str, args: Numbers, data: object) -> float:
    """What an operation of the graph is on numbers, or on fractions."""
    result = apply(op, args, data)
    return math.nan if result is None else result


class Compare(Opaque):
    """1 where the comparison holds, 0 where it does not."""

    op: str

    @classmethod
    def made(cls, args: tuple[Expr, ...]) -> Expr:
        left, right = args
        if left.is_Rational and right.is_Rational:
            return Integer(int(number_of("compare", (float(left), float(right)), cls.op)))
        return Expr.__new__(cls, left, right)

    def value(self, args: Numbers) -> float:
        return number_of("compare", args, self.op)

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002  a step has slope 0 everywhere
        return S.Zero

    def slope(self, slopes: Sequence[Expr]) -> Expr:  # noqa: ARG002  a step has none
        return S.Zero

    def _sympystr(self, printer: Any) -> str:
        left, right = (printer.doprint(arg) for arg in self.args)
        return f"({left} {self.op} {right})"

    is_extended_real = True
    is_nonnegative = True
    is_finite = True


class AtMost(Compare):
    op = "<="


class AtLeast(Compare):
    op = ">="


class Below(Compare):
    op = "<"


class Above(Compare):
    op = ">"


class Equal(Compare):
    op = "=="


class Near(Compare):
    op = "~="


class Unequal(Compare):
    op = "!="


# What holds where the other does not.
OPPOSITE: dict[type[Compare], type[Compare]] = {
    AtMost: Above, Above: AtMost, AtLeast: Below, Below: AtLeast,
}  # fmt: skip

COMPARISONS: dict[str, type[Compare]] = {
    cls.op: cls for cls in (AtMost, AtLeast, Below, Above, Equal, Near, Unequal)
}


# ------------------------------------------------------------------------------------ conditions


class Logic(Compare):
    """Conditions joined: of 1 and 0, as comparisons are."""

    ends: int  # the number that decides alone

    @classmethod
    def made(cls, args: tuple[Expr, ...]) -> Expr:
        neutral = Integer(1 - cls.ends)
        kept = tuple(arg for arg in dict.fromkeys(args) if arg != neutral)
        # A condition beside its own opposite decides as well.
        denied = {arg.args[0] for arg in kept if isinstance(arg, Not)}
        if Integer(cls.ends) in kept or not denied.isdisjoint(kept):
            return Integer(cls.ends)
        if len(kept) < 2:
            return kept[0] if kept else neutral
        return Expr.__new__(cls, *kept)

    def value(self, args: Numbers) -> float:
        return number_of(self.op, args, None)

    def _sympystr(self, printer: Any) -> str:
        return "(" + f" {self.op} ".join(printer.doprint(arg) for arg in self.args) + ")"


class All(Logic):
    op = "and"
    ends = 0


class Some(Logic):
    op = "or"
    ends = 1


class Not(Compare):
    op = "not"

    @classmethod
    def made(cls, args: tuple[Expr, ...]) -> Expr:
        return Integer(not args[0]) if args[0].is_Rational else Expr.__new__(cls, *args)

    def value(self, args: Numbers) -> float:
        return number_of("not", args, None)

    def _sympystr(self, printer: Any) -> str:
        return f"not {printer.doprint(self.args[0])}"
