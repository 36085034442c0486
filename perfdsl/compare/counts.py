"""Counts first: what the program says of each operator equals what the oracle counted, with `==`.

Multiply-adds by kind and bytes of weights are compared operator by operator and layer by layer;
neither side knows the other's formulas. A finding has the program's formula, and those of its
inputs that one or two steps up or down would make both equal.

What attention executes is no formula of the program's: it is held against what counts as useful,
which it must not fall short of.

The oracle counts neither norms (their multiply-adds and the bytes of their weights) nor
element-wise operations: `uncounted` says of which operators that is so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from perfdsl.compare.count_formulas import Formula, formula
from perfdsl.compare.model_counts import MAC, WEIGHT_BYTES, Key, ModelCounts, Part, model_counts
from perfdsl.compare.phases import OPERATORS
from perfdsl.compare.whole import NoCountError, values_of
from perfdsl.measure.executed import Executed
from perfdsl.records import dataclass, replace
from perfdsl.semantics.program import AnalysisProgram

ATTENTION, EMBEDDING = "attn", "token_embd"
STEPS = (-1, 1, -2, 2)  # how far from what is written an input is tried


@dataclass(frozen=True, slots=True)
class ClassCount:
    """What the program says of layers alike. index: which turns of its `repeat`; each: of one.

    formula: of texts of one length, the longest, to which its numbers belong.
    """

    index: str
    layers: int
    each: int
    formula: Formula


@dataclass(frozen=True, slots=True)
class CountFinding:
    """A count in which program and oracle differ.

    quantity: such as `int8 MAC` or `weight bytes`. predicted, counted: of all layers and texts.
    classes: the program's side; layers: the oracle's, as (count, layers that have it). written: the
    statements that count, each with its place; none where the program has no such operator. edits:
    other values of one number with which both are equal, such as `net.heads = 4`.
    """

    operator: str
    quantity: str
    predicted: int
    counted: int
    classes: tuple[ClassCount, ...]
    layers: tuple[tuple[int, tuple[int | None, ...]], ...]
    written: tuple[tuple[str, str], ...]
    edits: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """What a reader is told, line by line."""
        sides = f"{self.predicted:,} in the program, {self.counted:,} counted in the runner"
        yield f"{self.operator}: {self.quantity}: {sides}"
        for text, place in self.written:
            yield f"  {text}  ({place})"
        for each in self.classes:
            where = f" ({each.index})" if each.index else ""
            times = "once" if each.layers == 1 else f"{each.layers:,} times"
            yield f"  {times}{where}: {each.formula.text} = {each.each:,}"
        for count, layers in self.layers:
            yield f"  counted: {count:,} {_listed(layers)}"
        values = dict.fromkeys(pair for each in self.classes for pair in each.formula.values)
        if values:
            yield "  with " + ", ".join(f"{name} = {value}" for name, value in values)
        if self.edits:
            yield f"  both are equal with {', or with '.join(self.edits)}"


@dataclass(frozen=True, slots=True)
class Padding:
    """Multiply-adds of a phase of the runner: those that count, and all that it executed."""

    phase: str
    useful: int
    executed: int

    @property
    def share(self) -> float:
        """The part of what was executed that is padding."""
        return 1 - self.useful / self.executed if self.executed else 0.0


@dataclass(frozen=True, slots=True)
class Uncounted:
    """What the program says of an operator and the oracle does not count."""

    operator: str
    macs: int
    weight_bytes: int


def count_findings(
    analysis: AnalysisProgram, net: str, executed: Executed
) -> tuple[CountFinding, ...]:
    """Every count that differs, in the model's order. net: the parameter that holds the model.

    The texts are those of `executed`, whatever the workload in force says; all else is as the
    analysis has it. Raises NoCountError where a count rests on an unknown.
    """
    told = model_counts(analysis, net, executed.lengths)
    ran = _counted(executed)
    known = {operator for operator, _ in ran}
    keys = [key for key in told.parts if key[0] in known]
    found = [
        _finding(key, told, ran.get(key, {}))
        for key in dict.fromkeys([*keys, *ran])
        if told.by_layer(key) != Counter(ran.get(key, {}).values())
    ]
    return (*found, *_shortfalls(told, executed))


def uncounted(analysis: AnalysisProgram, net: str, executed: Executed) -> tuple[Uncounted, ...]:
    """The operators of which the oracle counts nothing, with what the program says of them."""
    told = model_counts(analysis, net, executed.lengths)
    known = {operator for operator, _ in _counted(executed)}
    sums: dict[str, list[int]] = {}
    for operator, quantity in told.parts:
        if operator not in known:
            which = 1 if quantity == WEIGHT_BYTES else 0
            sums.setdefault(operator, [0, 0])[which] += _total(told.by_layer((operator, quantity)))
    return tuple(Uncounted(operator, *pair) for operator, pair in sums.items() if any(pair))


def paddings(executed: Executed) -> tuple[Padding, ...]:
    """Of each phase whose multiply-adds were counted, in order of execution."""
    found = []
    for phase, names in OPERATORS.items():
        own = [each for each in executed.operators if each.operator in names]
        if own:
            useful, all_of_them = (sum(getattr(each, what) for each in own) for what in SIDES)
            found.append(Padding(phase, useful, all_of_them))
    return tuple(found)


SIDES = ("useful", "executed")
Layers = Mapping[int | None, int]  # layer (None: outside of the layers) -> count


def _counted(executed: Executed) -> dict[Key, dict[int | None, int]]:
    """The oracle's counts, by operator and quantity; nothing where it counted 0."""
    found: dict[Key, dict[int | None, int]] = {}
    for each in executed.operators:
        kind = executed.attention if each.operator == ATTENTION else "int8"
        found.setdefault((each.operator, f"{kind} {MAC}"), {})[each.layer] = each.useful
        if each.weight_bytes:
            of_bytes = found.setdefault((each.operator, WEIGHT_BYTES), {})
            of_bytes[each.layer] = each.weight_bytes
    found[EMBEDDING, WEIGHT_BYTES] = {None: executed.looked_up_bytes}
    return found


def _shortfalls(told: ModelCounts, executed: Executed) -> Iterator[CountFinding]:
    """Operators that executed less, in some layer, than what counts as useful."""
    for name in dict.fromkeys(each.operator for each in executed.operators):
        own = [each for each in executed.operators if each.operator == name]
        if any(each.executed < each.useful for each in own):
            kind = executed.attention if name == ATTENTION else "int8"
            ran = {each.layer: each.executed for each in own}
            finding = _finding((name, f"{kind} {MAC}"), told, ran)
            yield replace(finding, quantity=f"{kind} {MAC} executed", edits=())


# -------------------------------------------------------------------------------- one of them


def _finding(key: Key, told: ModelCounts, ran: Layers) -> CountFinding:
    operator, quantity = key
    parts = told.parts.get(key, ())
    layers: dict[int, list[int | None]] = {}
    for layer, count in ran.items():
        layers.setdefault(count, []).append(layer)
    spans = parts[0].spans if parts else ()
    return CountFinding(
        operator,
        quantity,
        _total(told.by_layer(key)),
        sum(ran.values()),
        tuple(_class(part, told) for part in parts),
        tuple((count, tuple(own)) for count, own in layers.items()),
        tuple((" ".join(span.text.split()), f"{span.source.name}:{span.line}") for span in spans),
        tuple(_edits(key, told, Counter(ran.values()))),
    )


def _class(part: Part, told: ModelCounts) -> ClassCount:
    values = values_of(told.graph, part.node, told.loads[-1])
    text = formula(told.graph, part.node, values, told.names)
    return ClassCount(part.index, told.turns(part, {}), told.each(part, {}), text)


def _edits(key: Key, told: ModelCounts, wanted: Counter[int]) -> Iterator[str]:
    """Numbers that make both sides equal if one of them has another value."""
    for node, name in told.numbers(key).items():
        written = told.value(node)
        for step in STEPS:
            try:
                same = told.by_layer(key, {node: written + step}) == wanted
            except NoCountError:
                continue
            if same:
                yield f"{name} = {written + step}"


def _total(by_layer: Counter[int]) -> int:
    return sum(each * layers for each, layers in by_layer.items())


def _listed(layers: tuple[int | None, ...]) -> str:
    """`in layers 0-4, 6-10`, or that it is outside of them."""
    numbers = [layer for layer in layers if layer is not None]
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    ends = (f"{low}-{high}" if low < high else f"{low}" for low, high in runs)
    word = "layer" if len(numbers) == 1 else "layers"
    return f"in {word} {', '.join(ends)}" if numbers else "outside of the layers"
