"""The numbers of a program for one case, operator by operator: what is held against a measurement.

A case is so many texts of so many tokens on so many threads: the analysis is read with its workload
and its hardware's `cores` replaced, by an index as anyone could write it. `predict` is what the
policy says; `ceiling` the least that the hardware allows, which a measurement can contradict.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Sized

from perfdsl.compare.phases import plain
from perfdsl.compare.substitution import Problems, Substituted
from perfdsl.diagnostics import Diagnostic, Source, has_errors
from perfdsl.measure.results import Case
from perfdsl.records import dataclass
from perfdsl.semantics.unmet import report_unmet
from perfdsl.semantics.values import Instance, Quantity, Record, Sequence, Value
from perfdsl.solve.binding import binding_term
from perfdsl.solve.extent import extent
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value
from perfdsl.syntax import tree
from perfdsl.syntax.parser import parse

LEVELS = frozenset({"cache", "memory"})


@dataclass(frozen=True, slots=True)
class WorkDone:
    """Work of one kind, counted in one unit, such as 7,077,888 MAC of int8."""

    kind: str
    unit: str
    amount: float


@dataclass(frozen=True, slots=True)
class LevelUse:
    """What crosses one cache or memory, and how long that takes."""

    name: str
    bytes: float
    seconds: float


@dataclass(frozen=True, slots=True)
class OperatorForecast:
    """All runs of one operator in one pass: `count` of them, over layers of all sorts.

    reads, writes: bytes by role. compute: seconds by port. levels: inner to outer. bound: the port,
    level or link that takes longest, "" where nothing takes any time.
    """

    name: str
    count: float
    work: tuple[WorkDone, ...]
    reads: Mapping[str, float]
    writes: Mapping[str, float]
    compute: Mapping[str, float]
    levels: tuple[LevelUse, ...]
    seconds: float
    bound: str

    def macs(self, kind: str) -> float:
        """Multiply-adds of one kind."""
        return sum(each.amount for each in self.work if (each.kind, each.unit) == (kind, "MAC"))


@dataclass(frozen=True, slots=True)
class Forecast:
    """One call. policy: its name; least: a ceiling. seconds: best; low, high: what it may be while
    the inputs run over their ranges. The operators' times need not add up to it (see policies)."""

    case: Case
    policy: str
    hardware: str
    operators: tuple[OperatorForecast, ...]
    seconds: float
    low: float
    high: float
    bound: str
    least: bool

    def operator(self, name: str) -> OperatorForecast | None:
        return next((each for each in self.operators if each.name == name), None)


def forecasts(
    held: Substituted, cases: Iterable[Case], policy: str = "", *, least: bool = False
) -> tuple[Forecast, ...] | Problems:
    """One for each case. policy: its name, "" for the one in force in the analysis."""
    reading = Reading(held.program.graph, answer_value, extent, answer_range)
    found: list[Forecast] = []
    for case in cases:
        run = evaluated(held, text_of(held, case, policy, least=least))
        if isinstance(run, tuple):
            return run
        found.append(_forecast(run, case, held, policy, reading, least=least))
    return tuple(found)


def text_of(held: Substituted, case: Case, policy: str, *, least: bool) -> str:
    """The expression that is asked for."""
    under = f", under: {policy}" if policy else ""
    call = f"{'ceiling' if least else 'predict'}({held.net}, on: {held.cpu}{under})"
    load = f"tokens = {case.tokens} token; batch = {case.texts} sequence"
    cores = f"cores = {case.threads} core"
    return (
        f"{call}[{held.load}: {held.load} with {{ {load} }},"
        f" {held.cpu}: {held.cpu} with {{ {cores} }}]"
    )


def evaluated(held: Substituted, text: str) -> Record | Problems:
    """The run that an expression stands for, read in the analysis; or what is wrong with it."""
    context = held.analysis.frame.context
    before = len(context.problems)
    statement = parse(Source(f"what is asked of `{held.analysis.name}`", f"let run = {text}"))
    value: Value | None = None
    for each in statement.file.body:
        if isinstance(each, tree.Let):
            value = context.evaluate(each.value, held.analysis.frame.local())
            time = value.fields["time"] if isinstance(value, Record) else None
            # Of all that a run tells only its time: each operator's share is a sum of all of them.
            report_unmet([time.node] if isinstance(time, Quantity) else [], context)
    found = (*statement.problems, *context.problems[before:])
    if has_errors(found) or not isinstance(value, Record):
        return found or (Diagnostic("P863", f"`{text}` has no value", None),)
    return value


# ---------------------------------------------------------------------------------- the numbers


@dataclass(frozen=True, slots=True, eq=False)
class _Numbers:
    """What of a run's values becomes a number."""

    reading: Reading

    def of(self, value: Value | None) -> float:
        return self.reading.value(value.node) if isinstance(value, Quantity) else 0.0

    def by_name(self, value: Value | None) -> dict[str, float]:
        rows = value.rows if isinstance(value, Record) else {}
        return {name: self.of(each) for name, each in rows.items()}


def _forecast(
    run: Record, case: Case, held: Substituted, policy: str, reading: Reading, *, least: bool
) -> Forecast:
    numbers = _Numbers(reading)
    hardware, ops, time = run.fields["hardware"], run.fields["ops"], run.fields["time"]
    assert isinstance(hardware, Instance)
    assert isinstance(ops, Record)
    assert isinstance(time, Quantity)
    parts: dict[str, list[OperatorForecast]] = {}
    for name, row in ops.rows.items():
        if isinstance(row, Record):
            operator = plain(name)
            parts.setdefault(operator, []).append(_operator(operator, row, hardware, numbers))
    operators = tuple(map(_added, parts.values()))
    bounds = reading.bounds(time.node)
    return Forecast(
        case=case,
        policy=policy or held.policy,
        hardware=held.hardware,
        operators=operators,
        seconds=reading.value(time.node),
        low=bounds.low,
        high=bounds.high,
        bound=_bound(time.node, _sums(each.compute for each in operators), reading),
        least=least,
    )


def _operator(name: str, row: Record, hardware: Instance, numbers: _Numbers) -> OperatorForecast:
    """One row of the table: one run of it, times its count."""
    count = numbers.of(row.fields["count"])
    blocks = hardware.frame.values.values()
    levels = [each.name for each in blocks if isinstance(each, Instance) and each.sort in LEVELS]
    time = row.fields["time"]
    assert isinstance(time, Quantity)
    compute = _times(_ports(row.fields["ports"], numbers), count)
    return OperatorForecast(
        name=name,
        count=count,
        work=tuple(_work(row.fields["work"], count, numbers)),
        reads=_times(numbers.by_name(row.fields["read"]), count),
        writes=_times(numbers.by_name(row.fields["write"]), count),
        compute=compute,
        levels=tuple(_level(level, row.fields[level], count, numbers) for level in levels),
        seconds=count * numbers.of(time),
        bound=_bound(time.node, compute, numbers.reading),
    )


def _times(amounts: Mapping[str, float], count: float) -> dict[str, float]:
    return {name: count * amount for name, amount in amounts.items()}


def _work(value: Value, count: float, numbers: _Numbers) -> Iterator[WorkDone]:
    """Of each kind, in each unit in which it is counted."""
    for kind, of_kind in value.rows.items() if isinstance(value, Record) else ():
        parts = of_kind.rows.values() if isinstance(of_kind, Record) else (of_kind,)
        for each in parts:
            if isinstance(each, Quantity):
                yield WorkDone(kind, str(each.dimension), count * numbers.of(each))


def _ports(value: Value, numbers: _Numbers) -> dict[str, float]:
    """Seconds by the port that does the work."""
    if not isinstance(value, Sequence):
        return {}
    records = zip(value.names, value.items, strict=True)
    found = {n: numbers.of(r.fields["time"]) for n, r in records if isinstance(r, Record)}
    return {name: seconds for name, seconds in found.items() if seconds}


def _level(name: str, value: Value, count: float, numbers: _Numbers) -> LevelUse:
    assert isinstance(value, Record)
    fields = value.fields
    return LevelUse(name, count * numbers.of(fields["bytes"]), count * numbers.of(fields["time"]))


def _bound(node: int, compute: Mapping[str, float], reading: Reading) -> str:
    """The level or link that binds; where compute does, the port with most of it."""
    term = binding_term(reading, node)
    if term.family == "compute" and compute:
        return max(compute, key=lambda name: compute[name])
    return term.name


def _added(parts: Sized[OperatorForecast]) -> OperatorForecast:
    """An operator that differs between layers, as one: what binds most of its time binds it."""
    if len(parts) == 1:
        return parts[0]
    work: dict[tuple[str, str], float] = {}
    for done in (done for part in parts for done in part.work):
        key = done.kind, done.unit
        work[key] = work.get(key, 0.0) + done.amount
    levels = zip(*(part.levels for part in parts), strict=True)
    return OperatorForecast(
        name=parts[0].name,
        count=sum(part.count for part in parts),
        work=tuple(WorkDone(*key, amount) for key, amount in work.items()),
        reads=_sums(part.reads for part in parts),
        writes=_sums(part.writes for part in parts),
        compute=_sums(part.compute for part in parts),
        levels=tuple(
            LevelUse(uses[0].name, sum(u.bytes for u in uses), sum(u.seconds for u in uses))
            for uses in levels
        ),
        seconds=sum(part.seconds for part in parts),
        bound=max(parts, key=lambda part: part.seconds).bound,
    )


def _sums(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in parts:
        for name, amount in part.items():
            found[name] = found.get(name, 0.0) + amount
    return found
