"""The formulas of one analysis: each node as derived, in symbols or in numbers, and what they mean.

Literals with a unit stay quantities (`2 op/MAC`), so that a derived formula can be read with its
units; bare numbers are combined. Which names stay is decided by `readable`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from perfdsl.diagnostics import Span
from perfdsl.present import latex_math as m
from perfdsl.present.formula_text import ATOM as WHOLE
from perfdsl.present.formula_text import PRODUCT, Plain
from perfdsl.present.latex_calls import called
from perfdsl.present.latex_expr import FORMS
from perfdsl.present.latex_forms import ROOM
from perfdsl.present.latex_math import Math, Piece, row
from perfdsl.present.latex_names import Names, Path, another
from perfdsl.present.latex_numbers import literal, value
from perfdsl.present.latex_printer import Printer, meaning
from perfdsl.present.latex_sympy import Derived, bare_number
from perfdsl.present.latex_units import Units
from perfdsl.present.named_nodes import Named, folded, named_nodes, own_name, working_sets
from perfdsl.present.node_dimensions import dimension_of
from perfdsl.present.readable import MOST, kept_names, size_of
from perfdsl.present.sympy_order import Ordered
from perfdsl.records import dataclass, field, replace
from perfdsl.semantics.dimensions import PURE, Dimension, base
from perfdsl.semantics.graph import Graph, Input, Node
from perfdsl.semantics.program import AnalysisProgram, Program
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import FunctionValue, Quantity, TableValue, Value
from perfdsl.solve.answers import Number
from perfdsl.solve.numbers import number, of_input
from perfdsl.solve.reading import Reading

if TYPE_CHECKING:
    from perfdsl.symbolic.formulas import Formulas


@dataclass(slots=True, repr=False)
class Book:
    """What is printed of one analysis goes through its book, so that a symbol means one thing.

    named: the names of nodes. marks: the footnote of a literal that is a finding, by its place.
    meanings: what each symbol that was printed stands for. parts: nodes that were used by name.
    """

    program: Program
    analysis: AnalysisProgram
    reading: Reading
    units: Units
    names: Names
    named: dict[int, Named]
    marks: dict[Span, int] = field(default_factory=dict)
    meanings: dict[Path, Value] = field(default_factory=dict)
    parts: dict[int, Path] = field(default_factory=dict)
    indices: dict[Path, str] = field(default_factory=dict)
    called: dict[str, FunctionValue | TableValue] = field(default_factory=dict)
    cited: set[int] = field(default_factory=set)
    formulas: dict[frozenset[int], Formulas] = field(default_factory=dict)
    dimensions: dict[int, Dimension | None] = field(default_factory=dict)
    sets: dict[int, Path] = field(default_factory=dict)
    unnamed: int = 0
    graph: Graph | None = None
    closed: dict[tuple[Span, int], list[Any]] = field(default_factory=dict)
    made: dict[int, tuple[Formulas, Any] | None] = field(default_factory=dict)
    models: dict[Span, Any] = field(default_factory=dict)
    crossed: dict[int, list[Any]] = field(default_factory=dict)

    # -------------------------------------------------------------------------- as written

    def printer(self, frame: Frame) -> Printer:
        """The printer of what stands in a frame of this analysis."""
        return Printer(
            self.names, self.units, frame, FORMS, {}, self.marks, self.meanings, self.indices,
            self.called,
        )  # fmt: skip

    # -------------------------------------------------------------------------- as derived

    def derived(self, node: int) -> Math | None:
        """A node as a formula of other names and inputs; None where it is too long to print."""
        return self._printed(node, self._symbol)

    def numbers(self, node: int) -> Math | None:
        """The same formula, the numbers in the place of the symbols."""
        return self._printed(node, self._number)

    def plain(self, node: int, *, unicode: bool) -> str:
        """The derived formula as a line of text with the author's names."""
        made = self._expr(node)
        if made is None:
            return ""
        formulas, expr = made
        return self.plain_printer(formulas, unicode=unicode).text(expr)

    def plain_printer(self, formulas: Formulas, *, unicode: bool) -> Plain:
        """The printer of text with the author's names."""
        return Plain(
            lambda part: self._text(formulas, part),
            self._order(formulas),
            lambda part: formulas.tables[part].name,
            unicode,
        )

    def symbol_printer(self, formulas: Formulas) -> Derived:
        """The printer of LaTeX with symbols."""
        return self._printer(formulas, self._symbol)

    def leaf_printer(self, formulas: Formulas, leaf: Callable[[Any], Math]) -> Derived:
        """The printer of LaTeX with what is given for each symbol and part."""
        return replace(self._printer(formulas, self._symbol), leaf=leaf)

    def symbol_of(self, node: int) -> Math:
        """The symbol of a named node."""
        return self._symbol(node)

    def figure_of(self, node: int) -> Math:
        """A node as its number; what is open stays a symbol."""
        return self._number(node)

    def _printed(self, node: int, leaf: Callable[[int], Math]) -> Math | None:
        made = self._expr(node)
        return None if made is None else self._printer(made[0], leaf).print(made[1])

    def _printer(self, formulas: Formulas, leaf: Callable[[int], Math]) -> Derived:
        return Derived(
            lambda part: leaf(_node_of(formulas, part)),
            self._order(formulas),
            bare_number,
            lambda part: self._table(formulas, part),
            ROOM,
        )

    def opened(self) -> Graph:
        """The graph with every literal that has a unit as a parameter."""
        if self.graph is None:
            self.graph = with_units(self.program.graph)
        return self.graph

    def _table(self, formulas: Formulas, part: Any) -> tuple[str, float]:
        name = formulas.tables[part].name
        return called(name), m.LETTER * min(24, len(name)) + 4

    def _expr(self, node: int) -> tuple[Formulas, Any] | None:
        """The node's expression, with names kept where it would be too long; made once."""
        if node not in self.made:
            self.reading.poll()
            self.made[node] = self._make(node)
        return self.made[node]

    def _make(self, node: int) -> tuple[Formulas, Any] | None:
        from perfdsl.symbolic.formulas import Formulas

        root = _below_names(self.program.graph, node)
        known = (self.named.keys() | self.sets.keys()) - {node, root}
        kept = kept_names(self.program.graph, root, known)
        if size_of(self.program.graph, root, kept) > MOST:
            return None
        formulas = self.formulas.get(kept)
        if formulas is None:
            formulas = self.formulas[kept] = Formulas(self.opened(), kept)
        return formulas, formulas.expr(root)

    def _order(self, formulas: Formulas) -> Ordered:
        return Ordered(lambda part: _node_of(formulas, part))

    # ------------------------------------------------------------------------------ leaves

    def _symbol(self, node: int) -> Math:
        """A node as a symbol; a literal as the quantity that was written."""
        name = self.name_of(node)
        if name is not None:
            return self.names.symbol(self._met(node, name))
        return self._literal(node)

    def tell_once(self, node: int) -> None:
        """Tell the formula of a named node among the parts, unless something shown has it."""
        shown = [show.value for show in self.analysis.shows]
        if not any(isinstance(each, Quantity) and each.node == node for each in shown):
            self._met(node, self.named[node].path)

    def _met(self, node: int, name: Path) -> Path:
        """The name of a node that is used: of the two that are called the same, each its own."""
        found = meaning(self.meanings, name, self.quantity_of(node))
        item = self.program.graph.nodes[node]
        if item.args and item.op != "answer":
            self.parts.setdefault(node, found)
        self.names.recent.setdefault(found)
        return found

    def _number(self, node: int) -> Math:
        """A node as its number; what is open stays a symbol."""
        shown = self.number_of(node)
        if math.isnan(shown.value) or not math.isfinite(shown.value):
            return self._symbol(node)
        source = self.program.graph.nodes[node].data
        if isinstance(source, Input) and source.sure and source.digits:
            return self._literal(node)
        return value(shown, self.units, self.analysis.frame.module.units)

    def _literal(self, node: int) -> Math:
        source = self.program.graph.nodes[node].data
        table = self.analysis.frame.module.units
        if isinstance(source, Input) and source.digits and source.sure:
            made = literal(source.digits, source.unit.text or source.unit.tag, self.units, table)
        else:
            made = value(self.number_of(node), self.units, table)
        mark = self.marks.get(source.span) if isinstance(source, Input) else None
        if mark is None:
            return made
        self.cited.add(mark)
        return row([made, Piece(rf"\footnotemark[{mark}]", 4)], made.level)

    def _text(self, formulas: Formulas, part: Any) -> tuple[str, int]:
        node = _node_of(formulas, part)
        name = self.name_of(node)
        if name is not None:
            return self._met(node, name).text, WHOLE
        source = self.program.graph.nodes[node].data
        unit = source.unit.text or source.unit.tag
        shown = f"{source.digits or format(source.value / source.unit.factor, '.4g')} {unit}"
        return shown.strip(), PRODUCT if "/" in unit or "*" in unit else WHOLE

    def name_of(self, node: int) -> Path | None:
        """What a node is called: in the analysis, else where it was written."""
        if node in self.named:
            return self.named[node].path
        name = own_name(self.program.graph, node)
        if name is None and self.program.graph.nodes[node].args:
            name = self._made_up(node)
            self.named[node] = Named(name, Quantity(node, self.dimension_of(node)))
        return name

    def _made_up(self, node: int) -> Path:
        """A name for a part that has none: what is asked about its size, else a number."""
        wanted = self.sets.get(node)
        if wanted is None:
            self.unnamed += 1
            return Path(f"part {self.unnamed}", (f"E_{self.unnamed}",))
        given = {each.path for each in self.named.values()}
        others = (another(wanted, number) for number in count(2))
        return next(name for name in chain([wanted], others) if name not in given)

    # ------------------------------------------------------------------------------ values

    def quantity_of(self, node: int) -> Quantity:
        """A node as a quantity."""
        known = self.named.get(node)
        return known.value if known is not None else Quantity(node, self.dimension_of(node))

    def dimension_of(self, node: int) -> Dimension:
        return dimension_of(self.program.graph, node, self.dimensions)

    def number_of(self, node: int) -> Number:
        """A node's value and bounds in a readable unit; an input in the unit it was written in."""
        source = self.program.graph.nodes[node].data
        if isinstance(source, Input) and node not in self.reading.given:
            return of_input(source)
        like = self.named[node].value if node in self.named else None
        dim, tag = (like.dimension, like.tag) if like else (self.dimension_of(node), "")
        reading = self.reading
        missing = reading.missing(node)
        return number(reading.value(node), dim, reading.bounds(node), tag, missing=missing)

    def second(self) -> Book:
        """A fresh book in which every symbol that this one met is settled."""
        return replace(
            self, names=self.names.settled(), units=Units(dict(self.units.commands)),
            meanings={}, parts={}, indices={}, called={}, cited=set(),
        )  # fmt: skip


def open_book(program: Program, analysis: AnalysisProgram, reading: Reading, units: Units) -> Book:
    """The book of an analysis, empty."""
    hidden = frozenset(analysis.frame.world.slots)
    book = Book(program, analysis, reading, units, Names(hidden), named_nodes(program, analysis))
    book.sets.update(working_sets(program.graph))
    book.dimensions.update({node: each.value.dimension for node, each in book.named.items()})
    book.dimensions.update(dict.fromkeys(book.sets, base("B")))
    book.sets.update(folded(program.graph))
    return book


def with_units(graph: Graph) -> Graph:
    """The same graph with every literal that has a unit as a parameter: SymPy leaves it alone."""
    made = Graph([_open(node) for node in graph.nodes])
    made.cases, made.settling = graph.cases, graph.settling
    return made


def _open(node: Node) -> Node:
    source = node.data
    if isinstance(source, Input) and not source.named and source.dim != PURE:
        return Node(node.op, node.args, replace(source, named=True))
    return node


def _below_names(graph: Graph, node: int) -> int:
    while graph.nodes[node].op == "named":
        node = graph.nodes[node].args[0]
    return node


def _node_of(formulas: Formulas, part: Any) -> int:
    return formulas.parts[part] if part in formulas.parts else formulas.nodes[part]
