"""The graph as SymPy: every node one expression, free in all declared parameters, without rounding.

One walk in ascending order; no text of a program reaches SymPy. A parameter, field, observation,
unknown or uncertain number is a symbol called s0, s1, ...; any other literal is the fraction that
its author wrote. Where an expression would nest too deep or grow too large to be read, its parts
are functions of their inputs (`Part`), with an expression each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from sympy import Abs, S, ceiling, exp, floor, log
from sympy.core import Expr, Integer, Mod, Pow, Rational, Symbol

from perfdsl.semantics.exact import constant as exact_constant
from perfdsl.semantics.exact import nearby, written
from perfdsl.semantics.graph import Graph, Input, Node, Term
from perfdsl.semantics.graph import Table as Rows
from perfdsl.symbolic.functions import (
    MODES,
    Cases,
    First,
    Fold,
    High,
    Least,
    Low,
    Most,
    Part,
    Table,
)
from perfdsl.symbolic.opaque import COMPARISONS, All, Not, Opaque, Some
from perfdsl.symbolic.searches import closed
from perfdsl.symbolic.terms import (
    Atoms,
    Number,
    Terms,
    TooLong,
    added,
    as_number,
    constant,
    number,
    rational,
)
from perfdsl.symbolic.values import value

# What somebody can set, measure or leave open; other literals are numbers.
OPEN = frozenset({"unknown", "observation", "data", "index", "stand-in"})
# What is taken to be above zero whatever else is known of it.
ABOVE_ZERO = frozenset({"unknown", "measurement"})
# A function's argument that nests deeper, or is larger written out, becomes a part with a name.
DEPTH = 20
SIZE = 4_000
# A fold of more steps is a part, unless it comes to little.
STEPS = 16
# What is larger or nests deeper is no longer searched for something to simplify.
SEARCHED = 40
SHALLOW = 6


@dataclass(slots=True, repr=False)
class Formulas:
    """Expressions of one graph's nodes.

    keep: nodes that stay names of their own. with_units: literals keep their units, as symbols of
    the base dimensions. inputs, answers, units: what each symbol stands for. nodes, parts: the
    node of a symbol, of a part. inside: what each part is, in terms of symbols and of parts before
    it. terms: what the arguments of a max are called. tables: the rows of a table, with its name.
    """

    graph: Graph
    keep: frozenset[int] = frozenset()
    with_units: bool = False
    inputs: dict[Symbol, Input] = field(default_factory=dict)
    answers: dict[Symbol, int] = field(default_factory=dict)
    units: dict[Symbol, str] = field(default_factory=dict)
    nodes: dict[Symbol, int] = field(default_factory=dict)
    parts: dict[Expr, int] = field(default_factory=dict)
    inside: dict[Expr, Expr] = field(default_factory=dict)
    terms: dict[Expr, tuple[Term, ...]] = field(default_factory=dict)
    tables: dict[Expr, Rows] = field(default_factory=dict)
    _symbols: dict[int, Symbol] = field(default_factory=dict)
    _atoms: Atoms = field(default_factory=Atoms)
    _known: dict[int, Terms] = field(default_factory=dict)
    _exprs: dict[int, Expr] = field(default_factory=dict)

    def expr(self, node: int) -> Expr:
        """The expression of a node."""
        return self.exprs([node])[0]

    def exprs(self, nodes: Iterable[int]) -> list[Expr]:
        """The expressions of some nodes, made in one walk."""
        nodes = list(nodes)
        self._make([node for node in nodes if node not in self._exprs])
        return [self._expr(node) for node in nodes]

    def symbol(self, node: int) -> Symbol:
        """The symbol of an input or answer, whether or not it is a number in formulas."""
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

    def value(self, expr: Expr, values: Mapping[Symbol, float | Fraction]) -> float:
        """The number that an expression is at these values of its symbols; nan where none."""
        return value(expr, values, self.inside)

    def best(self) -> dict[Symbol, float | Fraction]:
        """Every input that has a symbol so far, as it was written; unknowns are nan."""
        return {
            symbol: math.nan if math.isnan(source.value) else written(source)
            for symbol, source in self.inputs.items()
        }

    # ------------------------------------------------------------------------------ the walk

    def _make(self, roots: list[int]) -> None:
        order = self._missing(roots)
        for at in order:
            self._known[at] = self._kept(at, self._terms_of(at))
        for node in roots:
            self._expr(node)
        # Long sums are needed again by few: a chain of them would fill the memory.
        for at in order:
            if len(self._known[at]) > SEARCHED:
                del self._known[at]

    def _expr(self, node: int) -> Expr:
        made = self._exprs.get(node)
        if made is None:
            made = self._exprs[node] = self._atoms.expr(self._known[node])
        return made

    def _missing(self, roots: list[int]) -> list[int]:
        """What has to be made, ascending: nothing below a node that is made, or below an answer."""
        seen: set[int] = set()
        todo = list(roots)
        while todo:
            at = todo.pop()
            if at not in seen and at not in self._known:
                seen.add(at)
                if self.graph.nodes[at].op != "answer":
                    todo.extend(self.graph.nodes[at].args)
        return sorted(seen)

    def _terms_of(self, at: int) -> Terms:
        node = self.graph.nodes[at]
        match node.op:
            case "input" if is_open(node.data):
                return self._atoms.atom(self.symbol(at))
            case "answer":
                return self._atoms.atom(self.symbol(at))
            case "input":
                return self._literal(node.data)
            case "const" if not math.isfinite(node.data):
                return self._atoms.atom(S.NaN)
            case "const":
                return constant(number(exact_constant(node.data)))
            case _:
                pass
        try:
            return self._operation(at, node)
        except TooLong:
            return self._part(at, S.NaN)
        except ZeroDivisionError:
            return self._atoms.atom(S.NaN)

    def _literal(self, source: Input) -> Terms:
        plain = constant(number(written(source)))
        if not self.with_units:
            return plain
        bases = [self._atoms.atom(self._unit(name)) for name, _ in source.dim.exponents]
        powers = [power for _, power in source.dim.exponents]
        return self._atoms.multiplied([plain, *bases], [1, *powers])

    def _unit(self, name: str) -> Symbol:
        """The symbol of a base dimension."""
        known = {text: symbol for symbol, text in self.units.items()}
        if name not in known:
            known[name] = Symbol(f"u{len(self.units)}", positive=True)
            self.units[known[name]] = name
        return known[name]

    def _operation(self, at: int, node: Node) -> Terms:
        match node.op:
            case "named":
                return self._known[node.args[0]]
            case "sum":
                return added([self._known[arg] for arg in node.args], node.data)
            case "product":
                factors = [self._bounded(arg, math.inf) for arg in node.args]
                return self._atoms.multiplied(factors, node.data)
            case _:
                return self._applied(at, node, [self._bounded(arg, SIZE) for arg in node.args])

    def _applied(self, at: int, node: Node, args: list[Terms]) -> Terms:
        match node.op:
            case "pow":
                return self._power(args[0], args[1])
            case "floor" | "ceil":
                return self._rounded(at, node.op, args[0])
            case _:
                return self._function(node, args)

    def _power(self, base: Terms, exponent: Terms) -> Terms:
        power = as_number(exponent)
        if isinstance(power, int):
            return self._atoms.multiplied([base], [power])
        return self._made(Pow, [base, exponent])

    def _rounded(self, at: int, op: str, arg: Terms) -> Terms:
        """Whole terms stand before the rounding, as SymPy has it."""
        atoms = self._atoms
        whole = {product: f for product, f in arg.items() if self._is_whole(product, f)}
        rest = {product: f for product, f in arg.items() if product not in whole}
        value = as_number(rest)
        if value is None:
            expr = self._atoms.expr(rest)
            if expr.is_number:
                return self._by_value(at)
            made = (floor if op == "floor" else ceiling)(expr, evaluate=False)
            return added([whole, atoms.atom(made, *self._extent([rest]))], (1, 1))
        return added([whole, constant((math.floor if op == "floor" else math.ceil)(value))], (1, 1))

    def _is_whole(self, product: tuple[tuple[int, Number], ...], factor: Number) -> bool:
        if not isinstance(factor, int):
            return False
        exprs = self._atoms.exprs
        return all(
            isinstance(power, int) and power > 0 and (e := exprs[atom]) is not None and e.is_integer
            for atom, power in product
        )

    def _by_value(self, at: int) -> Terms:
        """A whole number that rests on roots or logarithms of numbers, by its float."""
        value = self.graph.number(at)
        if value is None or not abs(value) < 2**53:
            return self._part(at, S.NaN)
        return constant(int(value))

    def _function(self, node: Node, args: list[Terms]) -> Terms:
        match node.op:
            case "max" | "min":
                made = self._made(Most if node.op == "max" else Least, args)
                self._remember(made, args, node.data)
                return made
            case "select":
                known = as_number(args[0])
                if known is not None:
                    return args[1] if known else args[2]
                return self._made(Cases, args)
            case "compare":
                return self._made(COMPARISONS[node.data], args)
            case "table":
                return self._looked_up(node.data, args[0])
            case "first":
                each = zip(args, node.data, strict=True)
                arms = [part for test, then in each for part in (test, constant(nearby(then)))]
                made = self._made(First, arms)
                short = closed(self._atoms.expr(made))
                return made if short is None else self._atoms.atom(short)
            case _:
                return self._common(node.op, args)

    def _common(self, op: str, args: list[Terms]) -> Terms:
        match op:
            case "sqrt":
                return self._made(Pow, [args[0], constant(Fraction(1, 2))])
            case "log2" | "log10":
                unit = self._made(log, [constant(int(op[3:]))])
                return self._atoms.multiplied([self._made(log, args), unit], [1, -1])
            case _:
                return self._made(FUNCTIONS[op], args)

    def _remember(self, made: Terms, args: list[Terms], names: Sequence[Term]) -> None:
        """What the arguments of an extreme are called; equal ones go by the first name."""
        expr = self._atoms.expr(made)
        if isinstance(expr, Most | Least) and expr not in self.terms:
            called: dict[Expr, Term] = {}
            for arg, term in zip(args, names, strict=False):
                called.setdefault(self._atoms.expr(arg), term)
            self.terms[expr] = tuple(called.get(arg, Term("")) for arg in expr.args)

    def _looked_up(self, rows: Rows, arg: Terms) -> Terms:
        numbers = [part for row in zip(rows.keys, rows.values, strict=True) for part in row]
        head = [Fraction(MODES.index(rows.mode)), Fraction(rows.clamp)]
        made = self._made(Table, [arg, *map(constant, (*head, *map(nearby, numbers)))])
        self.tables.setdefault(self._atoms.expr(made), rows)
        return made

    def _made(self, function: type[Expr], args: list[Terms]) -> Terms:
        """A function of its arguments, as an atom or as the terms that SymPy makes of it."""
        exprs = [self._atoms.expr(arg) for arg in args]
        depth, size = self._extent(args)
        # Where an argument is deep or long, SymPy's search for something simpler is left out.
        searched = issubclass(function, Opaque) or (depth < SHALLOW and size < SEARCHED)
        made = function(*exprs) if searched else function(*exprs, evaluate=False)
        if isinstance(made, Opaque):
            return self._atoms.atom(made, depth, size)
        return self._atoms.terms(made, depth)

    def _extent(self, args: Sequence[Terms]) -> tuple[int, int]:
        """Depth and size of a function of these arguments."""
        below = [self._atoms.extent(arg) for arg in args]
        return 1 + max(d for d, _ in below), 1 + sum(s for _, s in below)

    # ---------------------------------------------------------------------- what is too large

    def _kept(self, at: int, terms: Terms) -> Terms:
        """The terms of a node, or its name where it is to be kept."""
        if as_number(terms) is not None or not self.graph.nodes[at].args:
            return terms
        if at in self.keep:
            return self._part(at, self._atoms.expr(terms))
        if len(self.graph.folds.get(at, ())) > STEPS and self._atoms.extent(terms)[1] > SEARCHED:
            return self._part(at, self._atoms.expr(terms), Fold)
        return terms

    def _bounded(self, at: int, most: float) -> Terms:
        """The terms of an argument, or its name where they nest too deep or are too large."""
        terms = self._known[at]
        if len(terms) == 1 and most == math.inf:
            return terms
        depth, size = self._atoms.extent(terms)
        return terms if depth <= DEPTH and size <= most else self._part(at, self._atoms.expr(terms))

    def _part(self, at: int, expr: Expr, sort: type[Part] = Part) -> Terms:
        symbols = sorted(
            (self.symbol(n) for n in self.graph.needed([at]) if self._is_symbol(n)),
            key=lambda symbol: self.nodes[symbol],
        )
        part = sort(Integer(at), *symbols)
        self.parts[part] = at
        self.inside[part] = expr
        return self._atoms.atom(part)

    def _is_symbol(self, at: int) -> bool:
        node = self.graph.nodes[at]
        return node.op == "answer" or (node.op == "input" and is_open(node.data))


def is_open(source: Input) -> bool:
    """Whether an input is a symbol: it has a name, or it is not one number."""
    return source.named or not source.sure or source.sort in OPEN


def known_of(source: Input) -> dict[str, bool]:
    """What SymPy may assume: whole numbers of counts, and the sign.

    The sign is that of the declared range. Without one, an unknown or a measured time
    is positive, and so is what was written so: no machine has a negative clock, and another value
    is another program.
    """
    known = {"integer": True} if source.whole else {"real": True}
    if source.within is not None:
        low = source.within[0]
        return {**known, "nonnegative": True} if low == 0 else _positive(known, low)
    return _positive(known, 1.0 if source.sort in ABOVE_ZERO else source.low)


def _positive(known: dict[str, bool], low: float) -> dict[str, bool]:
    return {**known, "positive": True} if low > 0 else known


FUNCTIONS: dict[str, type[Expr]] = {
    "abs": Abs,
    "exp": exp,
    "mod": Mod,
    "and": All,
    "or": Some,
    "not": Not,
    "low": Low,
    "high": High,
}
