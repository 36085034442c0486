"""The graph as SymPy: every node one expression, free in all declared parameters, without rounding.

One walk in ascending order; no text of a program reaches SymPy. A parameter, field, observation,
unknown or uncertain number is a symbol called s0, s1, ...; any other literal is the fraction that
its author wrote. Where an expression would nest too deep or grow too large for SymPy, its parts
are functions of their inputs (`Part`), listed in `parts`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from sympy import S, ceiling, exp, floor, log, sqrt
from sympy.core import Add, Expr, Integer, Mod, Mul, Pow, Rational, Symbol

from perfdsl.semantics.dimensions import PURE
from perfdsl.semantics.exact import combined, constant, fits, written
from perfdsl.semantics.graph import Graph, Input, Node, Term
from perfdsl.symbolic.functions import (
    COMPARISONS,
    All,
    Cases,
    High,
    Least,
    Low,
    Most,
    Not,
    Opaque,
    Some,
)

# What somebody can set, measure or leave open; other literals are numbers.
OPEN = frozenset({"unknown", "observation", "data", "index", "stand-in"})
# SymPy recurses: beyond this depth, or this size written out, a part is named instead.
DEPTH = 60
SIZE = 20_000


class Part(Opaque):
    """A node by its number, as a function of the symbols that it depends on."""

    def fdiff(self, argindex: int = 1) -> Expr:
        return super(Opaque, self).fdiff(argindex)


@dataclass(slots=True, repr=False)
class Formulas:
    """Expressions of one graph's nodes.

    keep: nodes that stay names of their own. inputs: what each symbol stands for. parts: the node
    that each kept, too deep or too large part is. terms: what the arguments of a max are called.
    """

    graph: Graph
    keep: frozenset[int] = frozenset()
    inputs: dict[Symbol, Input] = field(default_factory=dict)
    answers: dict[Symbol, int] = field(default_factory=dict)
    parts: dict[Expr, int] = field(default_factory=dict)
    terms: dict[Expr, tuple[Term, ...]] = field(default_factory=dict)
    nodes: dict[Symbol, int] = field(default_factory=dict)
    _symbols: dict[int, Symbol] = field(default_factory=dict)
    _made: dict[int, Expr] = field(default_factory=dict)
    _extent: dict[int, tuple[int, int]] = field(default_factory=dict)

    def expr(self, node: int) -> Expr:
        """The expression of a node."""
        if node not in self._made:
            self._make([node])
        return self._made[node]

    def exprs(self, nodes: Iterable[int]) -> list[Expr]:
        """The expressions of some nodes, made in one walk."""
        nodes = list(nodes)
        self._make(nodes)
        return [self._made[node] for node in nodes]

    def symbol(self, node: int) -> Symbol:
        """The symbol of an input (or of an answer), whether or not it is a number in formulas."""
        symbol = self._symbols.get(node)
        if symbol is None:
            item = self.graph.nodes[node]
            known = known_of(item.data) if item.op == "input" else {"real": True}
            symbol = self._symbols[node] = Symbol(f"s{len(self._symbols)}", **known)
            self.nodes[symbol] = node
            if item.op == "input":
                self.inputs[symbol] = item.data
            elif item.op == "answer":
                self.answers[symbol] = node
        return symbol

    def written(self, node: int) -> Rational:
        """The value of an input as it was written, in base units, without rounding."""
        return rational(written(self.graph.nodes[node].data))

    # ------------------------------------------------------------------------------ the walk

    def _make(self, roots: list[int]) -> None:
        for number in self._missing(roots):
            node = self.graph.nodes[number]
            made = self._symbol_or_number(number, node)
            if made is None:
                made = self._operation(number, node, [self._made[arg] for arg in node.args])
            self._made[number] = made if self._small(number, node) else self._part(number)

    def _missing(self, roots: list[int]) -> list[int]:
        """What has to be made, ascending: nothing below a node that is made or an answer."""
        seen: set[int] = set()
        todo = list(roots)
        while todo:
            number = todo.pop()
            if number not in seen and number not in self._made:
                seen.add(number)
                if self.graph.nodes[number].op != "answer":
                    todo.extend(self.graph.nodes[number].args)
        return sorted(seen)

    def _symbol_or_number(self, number: int, node: Node) -> Expr | None:
        match node.op:
            case "input" if is_open(node.data):
                return self.symbol(number)
            case "input":
                return rational(written(node.data))
            case "const":
                return rational(constant(node.data)) if math.isfinite(node.data) else S.NaN
            case "answer":
                return self.symbol(number)
            case _:
                return None

    def _operation(self, number: int, node: Node, args: list[Expr]) -> Expr:
        if all(arg.is_Rational for arg in args):
            return self._of_numbers(number, node, args)
        match node.op:
            case "named":
                return args[0]
            case "sum":
                return Add(*(a if s > 0 else -a for a, s in zip(args, node.data, strict=True)))
            case "product":
                return _product(args, node.data)
            case "max" | "min":
                return self._extreme(node, args)
            case "select":
                return Cases(*args)
            case "compare":
                return COMPARISONS[node.data](*args)
            case _:
                return FUNCTIONS[node.op](*args)

    def _extreme(self, node: Node, args: list[Expr]) -> Expr:
        made = (Most if node.op == "max" else Least)(*args)
        if node.data and isinstance(made, Most | Least):
            self.terms.setdefault(made, node.data)
        return made

    def _of_numbers(self, number: int, node: Node, args: list[Expr]) -> Expr:
        """An operation on fractions: a fraction where it is one, else what SymPy or floats say."""
        found = combined(node.op, [Fraction(int(a.p), int(a.q)) for a in args], node.data)
        if found is not None and fits(found):
            return rational(found)
        if node.op in {"sum", "product", "pow"}:
            return self._part(number)
        match node.op:
            case "max" | "min":
                return self._extreme(node, args)
            case "select":
                return args[1] if args[0] != 0 else args[2]
            case "compare":
                return COMPARISONS[node.data](*args)
            case _:
                return FUNCTIONS[node.op](*args)

    # ---------------------------------------------------------------------- what is too large

    def _small(self, number: int, node: Node) -> bool:
        """Whether an expression is one that SymPy can print and derive; its depth and size."""
        below = [self._extent[arg] for arg in node.args if arg in self._extent]
        deep = node.op not in {"sum", "product", "named"}
        depth = max((d for d, _ in below), default=0) + deep
        size = sum(s for _, s in below) + 1
        small = (depth <= DEPTH and size <= SIZE and number not in self.keep) or not node.args
        self._extent[number] = (depth, size) if small else (0, 1)
        return small

    def _part(self, number: int) -> Expr:
        needed = self.graph.needed([number])
        inputs = [n for n in needed if self.graph.nodes[n].op in {"input", "answer"}]
        opened = [self._made[n] for n in inputs if n in self._made]
        part = Part(Integer(number), *(s for s in opened if s.is_Symbol))
        self.parts[part] = number
        return part


def _product(args: list[Expr], powers: tuple[int, ...]) -> Expr:
    """The product; a number goes into the only sum among its factors, so that it cancels there."""
    number, factors = S.One, []
    for arg, power in zip(args, powers, strict=True):
        number, factor = (number * arg**power, None) if arg.is_Rational else (number, arg)
        if factor is not None:
            factors.append(factor if power > 0 else Pow(factor, -1))
    sums = [i for i, factor in enumerate(factors) if factor.is_Add]
    if number != 1 and len(sums) == 1:
        at = sums[0]
        factors[at] = Add(*(number * part for part in factors[at].args))
        number = S.One
    return Mul(number, *factors)


def is_open(source: Input) -> bool:
    """Whether an input is a symbol: it has a name, or it is not one number."""
    return source.named or not source.sure or source.sort in OPEN


def rational(value: Fraction) -> Rational:
    return Rational(value.numerator, value.denominator)


def known_of(source: Input) -> dict[str, bool]:
    """What SymPy may assume: whole numbers of counts, and the sign.

    The sign is that of the declared range. Without one, an unknown is positive, and so is a count
    or a quantity with a unit that was written so: no machine has a negative clock.
    """
    known = {"integer": True} if source.whole else {"real": True}
    if source.within is not None:
        low = source.within[0]
    elif source.sort == "unknown":
        low = 1.0
    else:
        low = source.low if source.dim != PURE or source.whole else -1.0
    if low == 0 and source.within is not None:
        return {**known, "nonnegative": True}
    return {**known, "positive": True} if low > 0 else known


FUNCTIONS = {
    "pow": Pow,
    "abs": abs,
    "sqrt": sqrt,
    "exp": exp,
    "log2": lambda x: log(x, 2),
    "log10": lambda x: log(x, 10),
    "floor": floor,
    "ceil": ceiling,
    "mod": Mod,
    "and": All,
    "or": Some,
    "not": Not,
    "low": Low,
    "high": High,
}
