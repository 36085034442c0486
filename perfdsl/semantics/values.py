"""What an expression can be: a quantity, a condition, or one of the things that files declare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from perfdsl.diagnostics import Source, Span
from perfdsl.records import dataclass, field
from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.graph import Table, Term
from perfdsl.syntax import tree

if TYPE_CHECKING:
    from perfdsl.semantics.scope import Frame, Module

UNNAMED = Term("")

# None stands for all kinds of work.
Kinds = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Poison:
    """The value of an expression that was already reported; nothing more is said about it."""


POISON = Poison()


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a dimension.

    dim: None for a plain 0, which fits every dimension. tag: the label of a count, or "".
    kinds: which kinds of work it counts or serves. literal: a bare number as written, which keeps
    the tag of what it multiplies. term: what it is called as an argument of max.
    """

    node: int
    dim: Dimension | None = PURE
    tag: str = ""
    kinds: Kinds = None
    literal: bool = False
    term: Term = UNNAMED

    @property
    def dimension(self) -> Dimension:
        return self.dim or PURE

    @property
    def counts_work(self) -> bool:
        return self.dim is not None and self.dim.counts_work


@dataclass(frozen=True, slots=True)
class AtLevel:
    """Bytes that are a law of the level that supplies them: without a hardware there is no number.

    span: where the law stands.
    """

    role: str
    span: Span


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that holds or does not; a node with value 1 or 0."""

    node: int


@dataclass(frozen=True, slots=True)
class Words:
    """A text: shown and compared, never a name."""

    text: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """`none`."""


@dataclass(frozen=True, slots=True)
class Role:
    """What bytes are: weights, activations, kv, or a name of the file's own."""

    name: str


@dataclass(frozen=True, slots=True)
class LinkName:
    """A link by its name, which a run looks up on its hardware. span: where it was named."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work by its name: int8, fp32."""

    name: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of numbers."""

    low: Quantity
    high: Quantity
    open: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """The items that a `for` runs over."""

    items: tuple[Value, ...]
    what: str = "list"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """Named values, with what to call the whole in a message."""

    what: str
    fields: Mapping[str, Value]
    rows: Mapping[str, Value] = field(default_factory=dict)
    default: Value | None = None
    instance: Instance | None = None
    parts: tuple[tuple[Dimension, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row of data. name: what its labels say, and its number where that is not enough."""

    name: str
    label: str
    data: str
    cells: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class DataFile:
    """Where data was read from: the text, called as its user knows it, and what was in it."""

    source: Source
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Rows with named columns. labelled: the column whose text names a row, "" for none."""

    name: str
    columns: tuple[str, ...]
    labelled: str
    rows: tuple[Row, ...]
    span: Span
    file: DataFile | None = None


class Later(Mapping[str, "Value"]):
    """Named values that are computed when they are asked for, and kept."""

    def __init__(self, makers: Mapping[str, Callable[[], Value]]) -> None:
        self._makers = makers
        self._made: dict[str, Value] = {}

    def __getitem__(self, name: str) -> Value:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@dataclass(frozen=True, slots=True, eq=False)
class ModuleValue:
    """An imported file."""

    module: Module


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """A declaration that takes parameters and has not been given them: an operator, a model."""

    node: tree.Statement
    module: Module


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two instances of a declaration the same: what was given and what was changed."""

    given: tuple[tuple[str, object], ...] = ()
    changed: tuple[tuple[tuple[str, ...], object], ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Instance:
    """A hardware, block, model, workload or format with its fields, computed when asked for.

    `origin` is what it is an instance of; `changes` maps the path of a field to its new value.
    """

    sort: str
    name: str
    origin: Declared
    frame: Frame
    given: Mapping[str, Value]
    changes: Mapping[tuple[str, ...], Value]
    key: Key
    parent: Instance | None = None
    block: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class FunctionValue:
    """A `fn`, together with the frame in which it was written."""

    node: tree.Function
    frame: Frame


@dataclass(frozen=True, slots=True, eq=False)
class TableValue:
    """A `table`: its rows as pairs of nodes, and what it gives.

    like: dimension, tag and kinds of its values. fixed: its numbers, where none of them can move.
    """

    node: tree.Table
    frame: Frame
    like: Quantity
    rows: tuple[tuple[int, int], ...]
    fixed: Table | None


@dataclass(frozen=True, slots=True, eq=False)
class Builtin:
    """A function or word of the language itself."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """An operator with its arguments: what it works and moves, once."""

    name: str
    origin: Declared
    frame: Frame


Value = (
    Poison
    | Quantity
    | AtLevel
    | Condition
    | Words
    | Nothing
    | Role
    | LinkName
    | Kind
    | Interval
    | Sequence
    | Record
    | Row
    | Data
    | ModuleValue
    | Declared
    | Instance
    | FunctionValue
    | TableValue
    | Builtin
    | Applied
)


def exact(value: Value) -> object:
    """Equal for values that are the same in every respect, and quick to compare."""
    if isinstance(value, Quantity):
        term = value.term
        return (
            value.node,
            value.dim,
            value.tag,
            value.kinds,
            value.literal,
            term.name,
            term.family,
        )
    return value


def describe(value: Value) -> str:
    """What a value is, for a message: `a hardware`, `a time`, `an operator`."""
    match value:
        case Quantity(tag=tag) if tag:
            return f"a count of {tag}s"
        case Quantity(dim=dim):
            return "a number" if dim in {None, PURE} else f"a quantity in {dim}"
        case AtLevel(role=role):
            return f"the bytes of `{role}`, which depend on the level"
        case Condition():
            return "a condition"
        case Words():
            return "a text"
        case Nothing():
            return "`none`"
        case LinkName(name=name):
            return f"the link `{name}`"
        case Role() | Kind():
            return f"the name `{value.name}`"
        case Interval():
            return "a range"
        case Sequence(what=what):
            return f"a {what}"
        case Record(what=what):
            return what
        case Row(data=data):
            return f"a row of `{data}`"
        case Data(name=name):
            return f"the data `{name}`"
        case ModuleValue():
            return "an imported file"
        case Declared(node=node):
            return f"the {node.word} `{getattr(node, 'name', '')}`"
        case Instance(sort=sort, name=name):
            return f"the {sort} `{name}`"
        case FunctionValue(node=node):
            return f"the function `{node.name}`"
        case TableValue(node=node):
            return f"the table `{node.name}`"
        case Builtin(name=name):
            return f"the function `{name}`"
        case Applied(name=name):
            return f"the operator `{name}`"
        case Poison():
            return "nothing"
