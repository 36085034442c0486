"""What SymPy has no cheap form for, as functions of our own: max, min, cases, comparisons.

`sympy.Max` of 50 ratios takes seconds, and `Piecewise` and relations try to decide each condition
when they are built. These hold their arguments and do nothing, except with numbers. Derivatives
are cases over who attains an extreme. `value` says what each is on plain numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sympy import S
from sympy.core import Basic, Expr, Function, Integer, Rational, Symbol
from sympy.core.function import ArgumentIndexError

from perfdsl.semantics.operations import apply

Numbers = Sequence[float]


class Opaque(Function):
    """A function that stays as it is built: SymPy's own constructors, caches and rules are off."""

    def __new__(cls, *args: Expr) -> Expr:
        if not all(isinstance(arg, Basic) for arg in args):
            raise TypeError(f"{cls.__name__} takes expressions only")
        return cls.made(args)

    @classmethod
    def made(cls, args: tuple[Expr, ...]) -> Expr:
        """The expression, or a simpler one that is plainly equal."""
        return Expr.__new__(cls, *args)

    def value(self, args: Numbers) -> float:
        """What it is when its arguments are these numbers; nan where it has no value."""
        raise NotImplementedError

    def _eval_evalf(self, prec: int) -> Expr | None:
        args = [arg._evalf(prec) for arg in self.args]  # noqa: SLF001  SymPy's protocol
        if all(arg.is_number for arg in args):
            return S.NaN if math.isnan(v := self.value([float(a) for a in args])) else Rational(v)
        return None

    def _sympystr(self, printer: Any) -> str:
        name = getattr(self, "shown", type(self).__name__.lower())
        return f"{name}({', '.join(printer.doprint(arg) for arg in self.args)})"


def _slopes(function: Expr, by: Symbol) -> list[Expr]:
    return [arg.diff(by) if arg.has(by) else S.Zero for arg in function.args]


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
        return _number(self.op, args, None)

    def attained_by(self, at: int) -> Expr:
        """The condition that an argument attains the extreme."""
        mine = self.args[at]
        return All(*(self.ahead(mine, other) for other in self.args if other is not mine))

    def _eval_derivative(self, by: Symbol) -> Expr:
        slopes = _slopes(self, by)
        return Cases.over([self.attained_by(i) for i in range(len(slopes) - 1)], slopes)

    def fdiff(self, argindex: int = 1) -> Expr:
        if not 1 <= argindex <= len(self.args):
            raise ArgumentIndexError(self, argindex)
        return Cases(self.attained_by(argindex - 1), S.One, S.Zero)

    def _eval_is_extended_real(self) -> bool | None:
        return True if all(arg.is_extended_real for arg in self.args) else None


class Compare(Opaque):
    """1 where the comparison holds, 0 where it does not."""

    op: str

    @classmethod
    def made(cls, args: tuple[Expr, ...]) -> Expr:
        left, right = args
        if left.is_Rational and right.is_Rational:
            return Integer(_number("compare", (float(left), float(right)), cls.op))
        return Expr.__new__(cls, left, right)

    def value(self, args: Numbers) -> float:
        return _number("compare", args, self.op)

    def fdiff(self, argindex: int = 1) -> Expr:  # noqa: ARG002  a step has slope 0 everywhere
        return S.Zero

    def _eval_derivative(self, by: Symbol) -> Expr:  # noqa: ARG002  as above
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


class Most(Extreme):
    """The largest of the arguments."""

    op = shown = "max"
    ahead = AtLeast


class Least(Extreme):
    """The smallest of the arguments."""

    op = shown = "min"
    ahead = AtMost


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
        if Integer(cls.ends) in kept:
            return Integer(cls.ends)
        if len(kept) < 2:
            return kept[0] if kept else neutral
        return Expr.__new__(cls, *kept)

    def value(self, args: Numbers) -> float:
        return _number(self.op, args, None)

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
        return _number("not", args, None)

    def _sympystr(self, printer: Any) -> str:
        return f"not {printer.doprint(self.args[0])}"


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

    def _eval_derivative(self, by: Symbol) -> Expr:
        slopes = [v.diff(by) if v.has(by) else S.Zero for v in self.values]
        return Cases.over(self.tests, slopes)

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

    def fdiff(self, argindex: int = 1) -> Expr:
        return super(Opaque, self).fdiff(argindex)

    def _eval_evalf(self, prec: int) -> None:  # noqa: ARG002  only its formulas know its value
        return None


def _number(op: str, args: Numbers, data: object) -> float:
    result = apply(op, args, data)
    return math.nan if result is None else float(result)
