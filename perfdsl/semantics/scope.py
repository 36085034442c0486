"""Names: what a name stands for, computed when it is first asked for and then kept.

A `Frame` is one block with its names under one `World` (the workload and policy in force, and the
parameters of the analysis). Reading an expression under other inputs means: the same block, a
frame of another world. Definitions wait for each other in a loop of our own, not in Python's
stack, so a chain of 3,000 of them is fine and a cycle is a message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from perfdsl.diagnostics import Diagnostic, Fix, Label, Severity, Source, Span
from perfdsl.records import dataclass, field, fields_of
from perfdsl.semantics.cases import MeasuredCase, Measurement
from perfdsl.semantics.graph import Graph
from perfdsl.semantics.units import UnitTable
from perfdsl.semantics.values import POISON, Applied, DataFile, Value
from perfdsl.syntax import tree

# Turns of `repeat` and `for` that are written out, and calls, in all of a program.
MAX_TURNS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """What is said about the literal that is all of a definition: its name, range and notes."""

    binding: Binding
    path: str
    within: tuple[float, float] | None = None
    whole: bool = False


Made = TypeVar("Made")


@dataclass(slots=True, repr=False)
class Context:
    """What one build shares: the graph, the messages, and what was set from outside.

    evaluate: the reading of an expression (`expressions.evaluate`), given from above so that
    this module need not know it. overrides: replacements of definitions, by their place.
    measurements: what was measured, by its case. files: those of the program that are not the
    library's.
    """

    evaluate: Callable[[tree.Expr, Frame], Value]
    builtins: Mapping[str, Value]
    functions: Mapping[str, Callable[..., Value]] = field(default_factory=dict)
    gatherers: Mapping[str, Callable[..., Value]] = field(default_factory=dict)
    graph: Graph = field(default_factory=Graph)
    problems: list[Diagnostic] = field(default_factory=list)
    seen: set[tuple[object, ...]] = field(default_factory=set)
    overrides: Mapping[Span, tree.Expr] = field(default_factory=dict)
    measurements: Mapping[MeasuredCase, Measurement] = field(default_factory=dict)
    files: tuple[tree.File, ...] = ()
    asked_of_loads: set[str] | None = None
    prelude: dict[str, Value] = field(default_factory=dict)
    instances: dict[object, Value] = field(default_factory=dict)
    frames: dict[object, Frame] = field(default_factory=dict)
    steps: dict[object, tuple[Any, ...]] = field(default_factory=dict)
    inputs: dict[object, int] = field(default_factory=dict)
    made: dict[object, tuple[Any, set[str]]] = field(default_factory=dict)
    reads: list[set[str]] = field(default_factory=list)
    types: dict[int, Any] = field(default_factory=dict)
    plain: dict[int, frozenset[str] | None] = field(default_factory=dict)
    sights: dict[object, object] = field(default_factory=dict)
    templates: dict[object, Any] = field(default_factory=dict)
    filled: dict[Frame, tuple[Applied, dict[int, int]]] = field(default_factory=dict)
    sketches: dict[Frame, Any] = field(default_factory=dict)
    naming: dict[Span, Naming] = field(default_factory=dict)
    calling: list[tree.Function] = field(default_factory=list)
    applying: list[Span] = field(default_factory=list)
    working: list[tree.Operator] = field(default_factory=list)
    solves: dict[object, object] = field(default_factory=dict)
    computing: dict[tuple[int, str], tuple[Frame, Binding]] = field(default_factory=dict)
    turns: int = 0
    lost: int = 0
    doubtful: set[str] = field(default_factory=set)
    unread: dict[Source, list[Span]] = field(default_factory=dict)
    misnamed: set[Span] = field(default_factory=set)
    asking: Frame | None = None
    skipped: set[Span] = field(default_factory=set)
    missing: dict[int, str] = field(default_factory=dict)
    follows: set[int] = field(default_factory=set)

    def spend(self, turns: int, span: Span) -> bool:
        """Whether so many more turns of `repeat` and `for`, or calls, may be read."""
        self.turns += turns
        if self.turns <= MAX_TURNS:
            return True
        if self.turns - turns <= MAX_TURNS:
            title = f"more than {MAX_TURNS:,} turns and calls, counted over the whole program"
            help_ = "what runs over a range and does not use its index is counted by a formula"
            self.report("P706", title, span, help_=help_)
        return False

    def report(
        self,
        code: str,
        title: str,
        span: Span | None,
        label: str = "",
        *,
        why: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help_: str = "",
        fix: Fix | None = None,
        severity: Severity = Severity.ERROR,
        missing: str = "",
        follows: bool = False,
    ) -> Value:
        """Note a problem once, and give the value that says nothing more.

        missing: the name that nothing has. follows: something is absent, which may follow from
        another mistake (see `roots`).
        """
        if severity is Severity.ERROR:
            self.lost += 1
        key = (code, span)
        if key not in self.seen and not self._is_unread(span):
            self.seen.add(key)
            problem = Diagnostic(code, title, span, label, why, notes, help_, fix, severity)
            self.problems.append(problem)
            if missing:
                self.missing[id(problem)] = missing
            if follows:
                self.follows.add(id(problem))
        return POISON

    def expect_gaps(self, problems: Iterable[Diagnostic], doubtful: Iterable[str]) -> None:
        """Statements could not be read, nor what they name: it is not reported as missing."""
        self.doubtful.update(doubtful)
        for problem in problems:
            if problem.severity is Severity.ERROR and problem.span is not None:
                self.unread.setdefault(problem.span.source, []).append(problem.span)

    def is_doubtful(self, name: str) -> bool:
        """Whether a name stood in what could not be read, perhaps run into the next word."""
        return any(word.startswith(name) for word in self.doubtful)

    def has_gaps(self, block: Span) -> bool:
        """Whether a statement inside a block could not be read."""
        gaps = self.unread.get(block.source, ())
        return any(block.start <= gap.start <= block.end for gap in gaps)

    def _is_unread(self, span: Span | None) -> bool:
        """Whether something stands on a line of which the rest could not be read."""
        gaps = self.unread.get(span.source, ()) if span is not None else ()
        return any(span is not None and gap.line == span.line for gap in gaps)

    def remembered(self, key: object, make: Callable[[], Made]) -> Made:
        """What is made once for a key. What it read is read again, and after a mistake it is made
        again: a layer's operators and functions are asked for with the same arguments many times.
        """
        known = self.made.get(key)
        if known is None:
            before = len(self.problems), self.lost
            self.reads.append(set())
            try:
                value = make()
            finally:
                read = self.reads.pop()
            known = value, read
            if (len(self.problems), self.lost) == before:
                self.made[key] = known
        for slot in known[1]:
            self.read(slot)
        made: Made = known[0]
        return made

    def read(self, slot: str) -> None:
        """An input of the world was read: everything being computed now depends on it."""
        for reading in self.reads[-1:]:
            reading.add(slot)


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """The inputs under which expressions are read.

    slots: the parameters of the analysis, and `load` and `policy` in force. resident: roles that
    were declared to live in a level.
    """

    slots: Mapping[str, Value] = field(default_factory=dict)
    load: Value | None = None
    load_slot: str = "load"
    policy: Value | None = None
    policy_slot: str = "policy"
    least: bool = False
    resident: tuple[tuple[str, str, Span], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A definition that has not been computed: where it is written, and what was said about it.

    make: how its value comes about where that is not the reading of `expr`. prepare, finish: what
    is done before and after.
    """

    name: str
    sort: str
    expr: tree.Expr
    span: Span
    head: Span
    type: tree.Type | None = None
    within: tree.Range | None = None
    notes: tuple[tree.Note, ...] = ()
    make: Callable[[Frame], Value] | None = None
    prepare: Callable[[Frame, Binding, tree.Expr], None] | None = None
    finish: Callable[[Value, Frame, Binding], Value] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Module:
    """One file: its tree, its units, its names, and the files of its data by their paths."""

    name: str
    source: Source
    file: tree.File
    units: UnitTable
    doubtful: frozenset[str] = frozenset()
    shipped: bool = False
    frame: Frame | None = None
    data: Mapping[str, DataFile] = field(default_factory=dict)

    def top(self) -> Frame:
        assert self.frame is not None
        return self.frame


@dataclass(slots=True, eq=False, repr=False)
class Frame:
    """The names of one block under one world; `path` is how the block is called in results."""

    context: Context
    module: Module
    world: World
    parent: Frame | None = None
    path: str = ""
    sort: str = "analysis"
    bindings: dict[str, Binding] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    slots: dict[str, set[str]] = field(default_factory=dict)
    worlds: dict[object, Frame] = field(default_factory=dict)
    analysis: tree.Analysis | None = None
    imported: dict[str, Span] = field(default_factory=dict)

    def find(self, name: str) -> Value | None:
        """What a name stands for here or in an outer block; None where it is unknown."""
        frame: Frame | None = self
        while frame is not None:
            value = frame.own(name)
            if value is not None:
                return value
            frame = frame.parent
        if name in self.context.prelude:
            return self.context.prelude[name]
        return self.context.builtins.get(name)

    def own(self, name: str) -> Value | None:
        """What a name stands for in this very block."""
        if name not in self.values and name in self.bindings:
            self._demand(name)
        value = self.values.get(name)
        if value is None:
            return None
        for slot in self.slots.get(name, ()):
            self.context.read(slot)
        return value

    def _demand(self, name: str) -> None:
        """Compute a definition after those of this block that it needs."""
        waiting = [name]
        while waiting:
            current = waiting[-1]
            if current in self.values:
                waiting.pop()
                continue
            if (id(self), current) in self.context.computing:
                self._crossed(current)
                continue
            binding = self.bindings[current]
            needed = free_names(self.context.overrides.get(binding.span, binding.expr))
            if binding.make is not None or _means_outer(binding):
                needed = tuple(name for name in needed if name != current)
            ahead = next((n for n in needed if n in self.bindings and n not in self.values), None)
            if ahead is None:
                self._compute(binding)
                waiting.pop()
            elif ahead in waiting:
                self._cycle(waiting[waiting.index(ahead) :])
            else:
                waiting.append(ahead)

    def _compute(self, binding: Binding) -> None:
        context = self.context
        expr = binding.expr
        if binding.span in context.overrides:
            expr = context.overrides[binding.span]
        context.reads.append(set())
        context.computing[id(self), binding.name] = (self, binding)
        try:
            if binding.prepare is not None:
                binding.prepare(self, binding, expr)
            home = self.parent if self.parent and _means_outer(binding) else self
            value = binding.make(self) if binding.make else context.evaluate(expr, home)
            if binding.finish is not None:
                value = binding.finish(value, self, binding)
        except RecursionError:
            value = self._too_deep(binding)
        finally:
            read = context.reads.pop()
            context.computing.pop((id(self), binding.name), None)
        self.values[binding.name] = value
        self.slots[binding.name] = read

    def _too_deep(self, binding: Binding) -> Value:
        """What could not be read within Python's stack: most often it is its own part."""
        times = sum(each.span == binding.span for _, each in self.context.computing.values())
        if times > 1:
            return self.context.report("P401", "this is defined by itself", binding.head)
        title = "this needs too many things inside each other"
        help_ = "give a part of it a name of its own"
        return self.context.report("P703", title, binding.head, help_=help_)

    def _crossed(self, name: str) -> None:
        """A definition that needs itself by way of other blocks, such as `l.cores` inside `l`."""
        keys = list(self.context.computing)
        chain = [self.context.computing[key] for key in keys[keys.index((id(self), name)) :]]
        paths = [f"{frame.path}.{each.name}" if frame.path else each.name for frame, each in chain]
        names = [*paths, paths[0]]
        others = tuple(
            Label(each.head, f"`{own}` needs `{following}`")
            for (_, each), own, following in zip(chain[1:], names[1:], names[2:], strict=False)
        )
        title = "this is defined by itself"
        if len(chain) > 1:
            title = "these are defined by each other"
        self.context.report("P401", title, chain[0][1].head, " -> ".join(names[:9]), why=others[:6])
        self.values[name] = POISON

    def _cycle(self, names: list[str]) -> None:
        first = self.bindings[names[0]]
        others = tuple(
            Label(self.bindings[name].head, f"`{name}` needs `{following}`")
            for name, following in zip(names[1:], [*names[2:], names[0]], strict=False)
        )
        chain = " -> ".join([*names, names[0]])
        title = (
            "this is defined by itself" if len(names) == 1 else "these are defined by each other"
        )
        self.context.report("P401", title, first.head, chain, why=others[:6])
        for name in names:
            self.values[name] = POISON

    def local(self, **values: Value) -> Frame:
        """A frame inside this one that holds a few computed names."""
        return Frame(self.context, self.module, self.world, self, self.path, self.sort, {}, values)

    def names(self) -> list[str]:
        """Every name that can be written here, nearest first."""
        found: dict[str, None] = {}
        frame: Frame | None = self
        while frame is not None:
            found.update(dict.fromkeys([*frame.values, *frame.bindings]))
            frame = frame.parent
        found.update(dict.fromkeys([*self.context.prelude, *self.context.builtins]))
        return list(found)


def _means_outer(binding: Binding) -> bool:
    """`analysis a(net = net)`: the default of a parameter is what has the same name outside."""
    expr = binding.expr
    is_name = isinstance(expr, tree.Name) and expr.id == binding.name
    return is_name and binding.sort == "parameter"


_PARTS: dict[type[tree.Node], tuple[str, ...]] = {}


def _parts(node: type[tree.Node]) -> tuple[str, ...]:
    known = _PARTS.get(node)
    if known is None:
        names = fields_of(node)
        known = _PARTS[node] = tuple(n for n in names if n not in {"span", "head", "doc"})
    return known


def parts(node: tree.Node) -> Iterator[tree.Node]:
    """The nodes directly inside a node."""
    for name in _parts(type(node)):
        value = getattr(node, name)
        if isinstance(value, tree.Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, tree.Node))


def mentioned(nodes: Iterable[tree.Node]) -> set[str]:
    """Every word by which these nodes may mean something that is defined elsewhere."""
    return set().union(*map(_words_in, nodes))


def _words_in(root: tree.Node) -> frozenset[str]:
    known = _WORDS.get(id(root))
    if known is not None and known[0] is root:
        return known[1]
    found: set[str] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, tree.Statement) and node is not root:
            found.update(_words_in(node))
            continue
        found.update(_words_of(node))
        todo.extend(parts(node))
    _WORDS[id(root)] = root, frozenset(found)
    return _WORDS[id(root)][1]


def _words_of(node: tree.Node) -> Iterable[str]:
    """The words of a node itself."""
    match node:
        case tree.Name(id=name):
            return (name,)
        case tree.Applied(path=path) | tree.Send(link=path):
            return path[:1]
        case tree.Path(names=names):
            return names[:1]
        case tree.Solve(unknowns=unknowns) | tree.Fit(unknowns=unknowns):
            return unknowns
        case tree.Flow(role=role):
            return (role,)
        case tree.Work(kind=kind):
            return (kind,)
        case _:
            return ()


# A statement is asked for its words with its block and by itself; a tree is never changed.
_WORDS: dict[int, tuple[tree.Node, frozenset[str]]] = {}


def free_names(expr: tree.Node) -> tuple[str, ...]:
    """The single words of an expression that are not bound inside it, in order."""
    known = _FREE.get(id(expr))
    if known is not None and known[0] is expr:
        return known[1]
    found: dict[str, None] = {}
    todo: list[tuple[tree.Node, frozenset[str]]] = [(expr, frozenset())]
    while todo:
        node, bound = todo.pop()
        if isinstance(node, tree.Name):
            if node.id not in bound:
                found[node.id] = None
            continue
        if isinstance(node, tree.Gather):
            bound = bound | {node.var}
        elif isinstance(node, tree.Fold):
            bound = bound | {node.var, node.acc}
        todo.extend((part, bound) for part in parts(node))
    _FREE[id(expr)] = (expr, tuple(found))
    return tuple(found)


# Free names are asked for once for each definition and world; a tree is never changed.
_FREE: dict[int, tuple[tree.Node, tuple[str, ...]]] = {}
