"""The program's formulas: one graph of operations over inputs, each distinct one stored once.

A node is a number into the graph; its arguments have smaller numbers, so that a walk in ascending
order is an evaluation order and nothing recurses. Values are in base units: dimensions were
checked while the graph was built. Numbers, intervals, derivatives and SymPy are readings of it.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from typing import Any

from perfdsl.diagnostics import Span
from perfdsl.records import dataclass, field
from perfdsl.semantics.cases import MeasuredCase
from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.operations import apply
from perfdsl.semantics.units import Unit

# The sort of an input that stands for a parameter or a level while a body is checked on its own.
STAND_IN = "stand-in"


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """A number that somebody wrote: a field, a parameter, an observation, or a literal.

    value, low, high, within: base units. One input is one variable wherever it occurs.
    sort: hardware, model, workload, operator, format, analysis, observation, unknown, data or
    claim: where it was written; measurement: nowhere, it is measured, and nan until then.
    named: it is all of a definition, so it can be set by its name.
    """

    name: str
    value: float
    low: float
    high: float
    dim: Dimension
    unit: Unit
    span: Span
    sort: str
    named: bool = False
    whole: bool = False
    within: tuple[float, float] | None = None
    provenance: str = ""
    why: str = ""
    digits: str = ""

    @property
    def sure(self) -> bool:
        return self.low == self.high


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """A computed value that has a name of its own; the node is its argument, unchanged."""

    name: str
    dim: Dimension
    span: Span
    sort: str
    provenance: str = ""
    why: str = ""
    within: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Residency:
    """The question whether a working set stays in what lies inside a level.

    role: whose bytes. size, room, each: nodes (each: one instance of the largest level inside).
    inside: the names of the levels that might hold it.
    """

    role: str
    level: str
    inside: tuple[str, ...]
    size: int
    room: int
    each: int = -1


@dataclass(frozen=True, slots=True)
class Term:
    """What an argument of max or min is called: its name, and compute or memory where it is one."""

    name: str
    family: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of numbers to be looked up, in base units. mode: step, linear or loglog.

    keys ascend. clamp: the first and last value hold outside of them. asked, dim: the dimensions
    of keys and values.
    """

    name: str
    keys: tuple[float, ...]
    values: tuple[float, ...]
    mode: str
    clamp: bool = False
    asked: Dimension = PURE
    dim: Dimension = PURE
    hashed: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        # A node is found by its table: long ones are hashed once, not at every lookup.
        rows = (self.name, self.keys, self.values, self.mode, self.clamp, self.asked, self.dim)
        object.__setattr__(self, "hashed", hash(rows))

    def __hash__(self) -> int:
        return self.hashed


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A question to a table that is not clamped: it has no answer outside low .. high.

    at: the node of the key that is asked for. home: the table. dim, unit: of its keys.
    """

    span: Span
    name: str
    home: Span
    at: int
    low: float
    high: float
    dim: Dimension
    unit: Unit | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A question for the smallest or largest value for which a condition holds.

    tests: the conditions, a node for each candidate. over: the range as written. last: the name
    of what runs and its last value; sides: what is compared there, with their dimensions.
    """

    span: Span
    tests: tuple[int, ...]
    over: str
    condition: str
    last: str = ""
    sides: tuple[tuple[int, Dimension], ...] = ()


@dataclass(slots=True)
class Node:
    """op: see `numeric.evaluate` for what each one means. data: what is not a node."""

    op: str
    args: tuple[int, ...]
    data: Any = None


# Numbers of nodes that a graph keeps of what it has worked out.
MOST_KEPT = 4_000_000


@dataclass(slots=True, repr=False)
class Graph:
    """Nodes by number. `intern` finds an equal one again.

    residencies, rivals: what is known of some nodes besides their operation. folds: of the result
    of a `fold`, its successive values u_1 .. u_n, the last of which it is. lookups, searches: what
    is asked where there may be no answer. cases: what a measured time is the time of; settling: the
    nodes that say so. asked: nodes whose number is asked for, where somebody wants to know.
    """

    nodes: list[Node] = field(default_factory=list)
    intern: dict[tuple[Any, ...], int] = field(default_factory=dict)
    numbers: dict[int, float | None] = field(default_factory=dict)
    residencies: dict[int, Residency] = field(default_factory=dict)
    rivals: dict[int, tuple[Term, ...]] = field(default_factory=dict)
    folds: dict[int, tuple[int, ...]] = field(default_factory=dict)
    cones: dict[int, tuple[int, ...]] = field(default_factory=dict)
    above: dict[int, tuple[set[int], int]] = field(default_factory=dict)
    vagues: dict[int, tuple[int, ...]] = field(default_factory=dict)
    lookups: dict[int, Lookup] = field(default_factory=dict)
    searches: dict[int, Search] = field(default_factory=dict)
    cases: dict[int, MeasuredCase] = field(default_factory=dict)
    settling: dict[int, set[int]] = field(default_factory=dict)
    asked: set[int] | None = None

    def add(self, op: str, args: Iterable[int] = (), data: Any = None) -> int:
        """The number of the node, an old one if there is an equal one."""
        args = tuple(args)
        key = (op, args, data)
        number = self.intern.get(key)
        if number is None:
            number = self.intern[key] = len(self.nodes)
            self.nodes.append(Node(op, args, data))
        return number

    def const(self, value: float) -> int:
        return self.add("const", (), float(value))

    def total(self, parts: list[int], signs: tuple[int, ...] | None = None) -> int:
        """The sum of the parts; with none it is 0, one alone stays itself."""
        if not parts:
            return self.const(0.0)
        signs = signs or (1,) * len(parts)
        if len(parts) == 1 and signs[0] == 1:
            return parts[0]
        return self.add("sum", parts, signs)

    def product(self, parts: list[int], powers: tuple[int, ...] | None = None) -> int:
        """The product of the parts, those with power -1 below the line; factors 1 are dropped."""
        powers = powers or (1,) * len(parts)
        one = self.intern.get(("const", (), 1.0))
        kept = [(part, power) for part, power in zip(parts, powers, strict=True) if part != one]
        if not kept:
            return self.const(1.0)
        if len(kept) == 1 and kept[0][1] == 1:
            return kept[0][0]
        return self.add("product", [part for part, _ in kept], tuple(power for _, power in kept))

    def ratio(self, above: int, below: int) -> int:
        return self.product([above, below], (1, -1))

    def most(self, parts: list[int], terms: tuple[Term, ...], op: str = "max") -> int:
        return parts[0] if len(parts) == 1 else self.add(op, parts, terms)

    def needed(self, roots: Iterable[int], known: Container[int] = ()) -> list[int]:
        """The roots and all that they are made of, in ascending order; nothing known or below."""
        nodes = self.nodes
        seen: set[int] = set()
        todo = list(roots)
        while todo:
            number = todo.pop()
            if number not in seen and number not in known:
                seen.add(number)
                todo.extend(nodes[number].args)
        return sorted(seen)

    def cone(self, root: int) -> tuple[int, ...]:
        """What a node is made of, itself included, in ascending order: worked out once."""
        found = self.cones.get(root)
        if found is None:
            found = tuple(self.needed((root,)))
            self._make_room(self.cones)
            self.cones[root] = found
        return found

    def cones_of(self, roots: Iterable[int]) -> list[int]:
        """What several nodes are made of, in ascending order."""
        return sorted({number for root in roots for number in self.cone(root)})

    def pinned(self, roots: Iterable[int]) -> set[int]:
        """All that settles which cases were measured below some nodes: tokens, cores, parameters.

        A formula may hold them beside the measured time, but who moves them has another case, and
        no measurement of it.
        """
        if not self.cases:
            return set()
        times = self.cases.keys() & set(self.cones_of(roots))
        return set(self.cones_of(node for time in times for node in self.settling[time]))

    def dependents(self, root: int) -> set[int]:
        """All that is made of a node, itself included; for nodes that were added since as well."""
        nodes = self.nodes
        if root not in self.above:
            self._make_room(self.above)
            self.above[root] = {root}, root + 1
        found, done = self.above[root]
        if done < len(nodes):
            for number in range(done, len(nodes)):
                if not found.isdisjoint(nodes[number].args):
                    found.add(number)
            self.above[root] = found, len(nodes)
        return found

    def dependents_of(self, roots: Iterable[int]) -> set[int]:
        """All that is made of any of several nodes."""
        found = [self.dependents(root) for root in roots]
        return found[0] if len(found) == 1 else set().union(*found)

    def vague(self, root: int) -> tuple[int, ...]:
        """The uncertain inputs, unknowns and answers of a node, ascending: worked out once."""
        found = self.vagues.get(root)
        if found is None:
            self._make_room(self.vagues)
            found = self.vagues[root] = tuple(self.vague_beside(root, ()))
        return found

    def vague_beside(self, root: int, given: Container[int]) -> list[int]:
        """The same, but nothing given or below. Nor is what an answer, or the end of what a value
        can be, is made of: it stands for that."""
        found: list[int] = []
        seen: set[int] = set()
        todo = [root]
        while todo:
            number = todo.pop()
            if number in seen or number in given:
                continue
            seen.add(number)
            item = self.nodes[number]
            if item.op == "answer" or (item.op == "input" and not item.data.sure):
                found.append(number)
            elif item.op not in {"low", "high"}:
                todo.extend(item.args)
        return sorted(found)

    def _make_room(self, kept: dict[int, Any]) -> None:
        """What is kept to save time must not fill the memory."""
        if len(kept) * len(self.nodes) > MOST_KEPT:
            kept.clear()

    def number(self, root: int) -> float | None:
        """The value of a node with every input as written; None where something is unknown, or
        where there is none."""
        if self.asked is not None:
            self.asked.add(root)
        value = self._number(root)
        return None if value is None or math.isnan(value) else value

    def _number(self, root: int) -> float | None:
        """The same, but nan where there is no value."""
        known = self.numbers
        if root not in known:
            if all(arg in known for arg in self.nodes[root].args):  # most often: half the time
                known[root] = self._of_parts(self.nodes[root])
            else:
                for number in self.needed([root], known):
                    known[number] = self._of_parts(self.nodes[number])
        return known[root]

    def ends(self, root: int) -> tuple[float, float] | None:
        """The lowest and highest value of a number as written; None where it is computed."""
        data = self.nodes[root].data
        return (data.low, data.high) if self.nodes[root].op == "input" else None

    def _of_parts(self, node: Node) -> float | None:
        if node.op == "input":
            return None if math.isnan(node.data.value) else float(node.data.value)
        parts = [self.numbers[arg] for arg in node.args]
        if node.op == "select" and parts[0] is not None:
            return parts[1] if parts[0] else parts[2]
        if node.op == "first":
            # What stands behind the first that holds is not asked.
            held = next((i for i, part in enumerate(parts) if part), len(parts))
            parts = parts[: held + 1]
        values = [part for part in parts if part is not None]
        if node.op == "answer" or len(values) < len(parts):
            return None
        if node.op == "first":
            return node.data[len(parts) - 1] if values and values[-1] else math.nan
        found = apply(node.op, values, node.data)
        return math.nan if found is None else found

    def inputs(self, roots: Iterable[int]) -> list[Input]:
        """The inputs that the roots depend on, in the order in which they were met."""
        nodes = (self.nodes[number] for number in self.needed(roots))
        return [node.data for node in nodes if node.op == "input"]
