"""What SymPy has no cheap form for, as functions of our own: max, min, cases, tables.

`sympy.Max` of 50 ratios takes seconds, and `Piecewise` tries to decide each condition when it is
built. These hold their arguments and do nothing, except with numbers. Derivatives are cases over
who attains an extreme, or over the pieces of a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from sympy import S, log
from sympy.core import Derivative, Expr, Symbol
from sympy.core.function import ArgumentIndexError

from perfdsl.semantics.lookup import look_up
from perfdsl.symbolic.opaque import All, AtLeast, AtMost, Below, Compare, Numbers, Opaque, number_of

# ------------------------------------------------------------------------------------- extremes


class Extreme(Opaque):
    """The arguments stay in the author's order; equal ones are one."""

    op: str
    ahead: type[Compare]

    @classmethod
    def made(cls, args: tuple[Expr, ...]) -> Expr:
        distinct = tuple(dict.fromkeys(args))
        numbers = [arg for arg in distinct if arg.is_Rational]
        if len(numbers) > 1:
            kept = max(numbers) if cls.op == "max" else min(numbers)
            distinct = tuple(a for a in distinct if a is kept or not a.is_Rational)
        return distinct[0] if len(distinct) == 1 else Expr.__new__(cls, *distinct)

    def value(self, args: Numbers) -> float:
        return number_of(self.op, args, None)

    def attained_by(self, at: int) -> Expr:
        """The condition that an argument attains the extreme."""
        mine = self.args[at]
        return All(*(self.ahead(mine, other) for other in self.args if other is not mine))

    def slope(self, slopes: Sequence[Expr]) -> Expr:
        return Cases.over([self.attained_by(i) for i in range(len(slopes) - 1)], slopes)

    def fdiff(self, argindex: int = 1) -> Expr:
        if not 1 <= argindex <= len(self.args):
            raise ArgumentIndexError(self, argindex)
        return Cases(self.attained_by(argindex - 1), S.One, S.Zero)

    def _eval_is_extended_real(self) -> bool | None:
        return True if all(arg.is_extended_real for arg in self.args) else None

    def _eval_is_nonnegative(self) -> bool | None:
        return True if all(arg.is_nonnegative for arg in self.args) else None

    def _eval_is_positive(self) -> bool | None:
        return True if all(arg.is_positive for arg in self.args) else None


class Most(Extreme):
    """The largest of the arguments."""

    op = shown = "max"
    ahead = AtLeast


class Least(Extreme):
    """The smallest of the arguments."""

    op = shown = "min"
    ahead = AtMost


class Cases(Opaque):
    """Condition, value, condition, value, ..., and the value where none of them holds."""

    shown = "case"

    @classmethod
    def made(cls, args: tuple[Expr, ...]) -> Expr:
        arms: list[Expr] = []
        seen: set[Expr] = set()
        for test, then in zip(args[:-1:2], args[1::2], strict=True):
            if test.is_Rational and test != 0:
                return cls._closed(arms, then)
            if test != 0 and test not in seen:
                seen.add(test)
                arms += [test, then]
        return cls._closed(arms, args[-1])

    @classmethod
    def _closed(cls, arms: list[Expr], other: Expr) -> Expr:
        if isinstance(other, Cases):
            return cls.made((*arms, *other.args)) if arms else other
        while arms and arms[-1] == other:
            del arms[-2:]
        return Expr.__new__(cls, *arms, other) if arms else other

    @classmethod
    def over(cls, tests: Sequence[Expr], values: Sequence[Expr]) -> Expr:
        """values[i] where tests[i] is the first that holds, else the last value."""
        arms = [part for pair in zip(tests, values, strict=False) for part in pair]
        return cls(*arms, values[-1])

    @property
    def tests(self) -> tuple[Expr, ...]:
        return tuple(self.args[:-1:2])

    @property
    def values(self) -> tuple[Expr, ...]:
        return (*self.args[1::2], self.args[-1])

    def value(self, args: Numbers) -> float:
        for test, then in zip(args[:-1:2], args[1::2], strict=True):
            if math.isnan(test) or test:
                return math.nan if math.isnan(test) else then
        return args[-1]

    def slope(self, slopes: Sequence[Expr]) -> Expr:
        return Cases.over(self.tests, [*slopes[1::2], slopes[-1]])

    def fdiff(self, argindex: int = 1) -> Expr:
        if not 1 <= argindex <= len(self.args):
            raise ArgumentIndexError(self, argindex)
        wanted = argindex // 2 - 1 if argindex < len(self.args) else len(self.values) - 1
        if argindex % 2 and argindex < len(self.args):
            return S.Zero
        ones = [S.One if i == wanted else S.Zero for i in range(len(self.values))]
        return Cases.over(self.tests, ones)

    def _eval_is_extended_real(self) -> bool | None:
        return True if all(arg.is_extended_real for arg in self.values) else None

    def _eval_is_nonnegative(self) -> bool | None:
        return True if all(arg.is_nonnegative for arg in self.values) else None

    def _eval_is_positive(self) -> bool | None:
        return True if all(arg.is_positive for arg in self.values) else None


# --------------------------------------------------------------------------------------- tables


class Rows(NamedTuple):
    """The rows of a table, as `semantics.lookup` reads them."""

    keys: tuple[float, ...]
    values: tuple[float, ...]
    mode: str
    clamp: bool


MODES = ("step", "linear", "loglog")


class Table(Opaque):
    """What is looked up, the number of the mode, whether it is clamped, key, value, key, ..."""

    @property
    def rows(self) -> tuple[tuple[Expr, Expr], ...]:
        return tuple(zip(self.args[3::2], self.args[4::2], strict=True))

    @property
    def mode(self) -> str:
        return MODES[int(self.args[1])]

    def value(self, args: Numbers) -> float:
        mode, clamp = MODES[int(args[1])], bool(args[2])
        found = look_up(Rows(tuple(args[3::2]), tuple(args[4::2]), mode, clamp), args[0])
        return math.nan if found is None else found

    def fdiff(self, argindex: int = 1) -> Expr:
        if argindex != 1 or self.mode == "step":
            return S.Zero
        x = self.args[0]
        arms = [
            part for row in pairwise(self.rows) for part in (Below(x, row[1][0]), self._slope(*row))
        ]
        first = Below(x, self.rows[0][0])
        return Cases(first, S.Zero, *arms, S.Zero)

    def _slope(self, low: tuple[Expr, Expr], high: tuple[Expr, Expr]) -> Expr:
        """The derivative between two rows."""
        if self.mode == "linear":
            return (high[1] - low[1]) / (high[0] - low[0])
        return self / self.args[0] * log(high[1] / low[1]) / log(high[0] / low[0])

    def slope(self, slopes: Sequence[Expr]) -> Expr:
        return self.fdiff() * slopes[0]


class First(Opaque):
    """Condition, number, condition, number, ...: the first number whose condition holds."""

    @classmethod
    def made(cls, args: tuple[Expr, ...]) -> Expr:
        if not args:
            return S.NaN
        if args[0].is_Rational:
            return args[1] if args[0] > 0 else cls.made(args[2:])
        return Expr.__new__(cls, *args)

    def value(self, args: Numbers) -> float:
        found = (then for holds, then in zip(args[::2], args[1::2], strict=True) if holds > 0)
        return next(found, math.nan)

    def slope(self, slopes: Sequence[Expr]) -> Expr:  # noqa: ARG002  a step has slope 0 everywhere
        return S.Zero


# ----------------------------------------------------------------------------------------- ends


class End(Opaque):
    """The low or high end of a value whose inputs are uncertain; the value, where they are not."""

    def value(self, args: Numbers) -> float:
        return args[0]

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002  it has one argument
        return S.One


class Low(End):
    pass


class High(End):
    pass


class Part(Opaque):
    """A node by its number, as a function of the symbols that it depends on."""

    def _eval_derivative(self, by: Symbol) -> Expr:
        return Derivative(self, by) if by in self.args else S.Zero

    def _eval_evalf(self, prec: int) -> None:  # noqa: ARG002  only its formulas know its value
        return None


class Fold(Part):
    """The result of a long `fold`, as a function of the symbols that it depends on."""
