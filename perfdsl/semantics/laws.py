"""Traffic as a law of the supplying level: `read grid(from) = ...`, read once for each level.

`from` is the level that supplies the bytes, `from.inner` the one inside it, which may hold some of
them: layer conditions are a `case` over `from.inner.capacity`. Inside the innermost level is the
core, which holds nothing: its capacity is 0 B. A law says all that crosses a level; residency is
derived for the other roles alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from perfdsl.diagnostics import Span, did_you_mean
from perfdsl.records import dataclass, field
from perfdsl.semantics.arithmetic import shown
from perfdsl.semantics.dimensions import PURE, Dimension, base
from perfdsl.semantics.graph import STAND_IN, Input
from perfdsl.semantics.possible import not_negative
from perfdsl.semantics.quantities import as_quantity
from perfdsl.semantics.scope import Context, Frame, parts
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import POISON, FunctionValue, Instance, Quantity, Record, Value, Words
from perfdsl.syntax import tree

BYTE, CORE = base("B"), base("core")
HOLDS = {"capacity": BYTE, "size": BYTE, "share": BYTE / CORE}


@dataclass(frozen=True, slots=True)
class Law:
    """Bytes of one statement as a function of the supplying level, times a factor (a node).

    key: equal for laws that say the same, so that equal turns of a `repeat` become one step.
    """

    key: object
    factor: int
    statement: tree.Flow = field(compare=False)
    frame: Frame = field(compare=False)

    @property
    def span(self) -> Span:
        """`read grid(from)`, without its formula."""
        whole = self.statement.span
        head = whole.text.split("=", 1)[0].rstrip()
        return Span(whole.source, whole.start, whole.start + len(head))

    def at(self, supplier: Record) -> int | None:
        """The bytes that this level supplies, without the factor; None: reported."""
        value = _read(self.statement, supplier, self.frame)
        return None if value is None else value.node


def law_of(statement: tree.Flow, frame: Frame) -> Law | None:
    """The law, tried on a stand-in for a level, so that a run is not needed; None: reported."""
    context = frame.context
    before = len(context.problems)
    value = _read(statement, _any_level(statement.span, context), frame)
    if len(context.problems) > before:
        return None
    # What asks for a field of one's own, or runs over a range, differs by level in unknown ways.
    known = value is not None and not _runs(statement.value, frame)
    key: object = ("law", value.node) if value and known else ("law", id(statement), id(frame))
    return Law(key, context.graph.const(1.0), statement, frame)


def _runs(expr: tree.Expr, frame: Frame) -> bool:
    """Whether a formula may run over a range: a stand-in gives such a range one turn."""
    todo: list[tree.Node] = [expr]
    while todo:
        match todo.pop():
            case tree.Gather() | tree.Fold():
                return True
            case tree.Call(func=tree.Name(id=name)) if isinstance(frame.find(name), FunctionValue):
                return True
            case node:
                todo.extend(parts(node))
    return False


def _read(statement: tree.Flow, supplier: Record, frame: Frame) -> Quantity | None:
    inner = frame.local(**{statement.supplier: supplier})
    found = as_bytes(frame.context.evaluate(statement.value, inner), statement, frame)
    if found is None or not not_negative(found, "these bytes are", statement.value, frame):
        return None
    return found


def as_bytes(value: Value, statement: tree.Flow, frame: Frame) -> Quantity | None:
    """The bytes that a `read` or `write` states; None: reported."""
    span = statement.value.span
    found = as_quantity(value, span, frame)
    if found is None or found.dim in {BYTE, None}:
        return found
    title = f"`{statement.direction}` is a number of bytes"
    help_ = "multiply the count by the bytes of one, such as `4 B`" if found.dim == PURE else ""
    notes = (f"expected B, found {found.dimension}",)
    frame.context.report("P202", title, span, shown(found), notes=notes, help_=help_)
    return None


# ----------------------------------------------------------------------------------- suppliers


def supplier(blocks: Sequence[Instance], at: int, context: Context) -> Record:
    """The level `at` as its law sees it: its fields, its name, and what lies inside it."""
    block = blocks[at]
    inner = supplier(blocks, at - 1, context) if at else _core(context)
    fields: dict[str, Value] = {"name": Words(block.name), "inner": inner}
    return Record(f"the {block.sort} `{block.name}`", fields, instance=block)


def _core(context: Context) -> Record:
    """What lies inside the innermost level: the core, which holds nothing between two uses."""
    zero = context.graph.const(0.0)
    fields: dict[str, Value] = {name: Quantity(zero, dim) for name, dim in HOLDS.items()}
    return Record("the core, inside the innermost level,", {**fields, "name": Words("core")})


class Open(Mapping[str, Value]):
    """Fields of a level of which nobody knows yet: any name may be one.

    strict: but for those that are nearly a known one.
    """

    def __init__(self, known: Mapping[str, Value], *, strict: bool = False) -> None:
        self._known = known
        self._strict = strict

    def __getitem__(self, name: str) -> Value:
        if name in self._known:
            return self._known[name]
        if self._strict and did_you_mean(name, list(self._known)):
            raise KeyError(name)
        return POISON

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _any_level(span: Span, context: Context) -> Record:
    """A stand-in for a level, one for the whole program, so that equal laws give equal formulas."""
    key = ("any level",)
    known = context.instances.get(key)
    if not isinstance(known, Record):
        inner = Record("the level inside", Open(_holds("from.inner", span, context)))
        fields = {**_holds("from", span, context), "inner": inner}
        known = context.instances[key] = Record("the supplying level", Open(fields))
    return known


def _holds(name: str, span: Span, context: Context) -> dict[str, Value]:
    return {part: _stand_in(f"{name}.{part}", dim, span, context) for part, dim in HOLDS.items()}


def _stand_in(name: str, dim: Dimension, span: Span, context: Context) -> Quantity:
    nan = float("nan")
    unit = Unit("", 1.0, dim, "")
    item = Input(name, nan, nan, nan, dim, unit, span, STAND_IN, named=True)
    return Quantity(context.graph.add("input", (), item), dim)
