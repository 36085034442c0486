"""Arguments of `predict`, `ceiling` and `measured`: of what, on which machine, by which policy."""

from __future__ import annotations

from perfdsl.diagnostics import Span
from perfdsl.records import dataclass
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import POISON, Applied, Declared, Instance, Value, describe
from perfdsl.syntax import tree

Given = dict[str, tuple[Value, Span]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for in words: its arguments, how it may look, and what it is."""

    names: tuple[str, ...]
    example: str
    what: str


PREDICTION = Asked(
    ("model", "on", "under"), "predict(net, on: cpu, under: roofline)", "a prediction"
)
MEASUREMENT = Asked(("model", "on"), "measured(net, on: cpu)", "a measurement")


def predicted_of(
    expr: tree.Call, frame: Frame
) -> tuple[Instance | Applied, Instance, Declared] | None:
    """Model or operator, hardware and policy of a prediction; None: reported."""
    given = _given(expr, PREDICTION, frame)
    if given is None:
        return None
    target, where = given["model"]
    good = isinstance(target, Applied) or _is(target, "model")
    if not good:
        title = f"a model or an operator is needed, not {describe(target)}"
        frame.context.report("P302", title, where)
        return None
    hardware = _hardware(given, frame)
    policy = None if hardware is None else _policy(given, expr, frame)
    if hardware is None or policy is None:
        return None
    assert isinstance(target, Instance | Applied)
    return target, hardware, policy


def measured_of(expr: tree.Call, frame: Frame) -> tuple[Instance, Instance] | None:
    """Model and hardware of a measurement; None: reported."""
    given = _given(expr, MEASUREMENT, frame)
    if given is None:
        return None
    target, where = given["model"]
    if not isinstance(target, Instance) or target.sort != "model":
        title = f"a model is what can be measured, not {describe(target)}"
        frame.context.report("P302", title, where)
        return None
    hardware = _hardware(given, frame)
    return None if hardware is None else (target, hardware)


def _given(expr: tree.Call, asked: Asked, frame: Frame) -> Given | None:
    """Each argument by its name, with its place; None: reported."""
    report = frame.context.report
    given: Given = {}
    for position, arg in enumerate(expr.args):
        name = arg.name or asked.names[min(position, len(asked.names) - 1)]
        if name not in asked.names:
            help_ = f"write `{asked.example}`"
            report("P106", f"there is no argument `{name}` here", arg.span, help_=help_)
            return None
        given[name] = (evaluate(arg.value, frame), arg.value.span)
    for name in ("model", "on"):
        if name not in given:
            subject = "a model" if asked is MEASUREMENT else "a model or an operator"
            machine = f"a hardware: `on: {_a_hardware(frame)}`"
            what = subject if name == "model" else machine
            report("P304", f"{asked.what} also needs {what}", expr.span)
            return None
    return None if any(value == POISON for value, _ in given.values()) else given


def _is(value: Value, sort: str) -> bool:
    return isinstance(value, Instance) and value.sort == sort


def _hardware(given: Given, frame: Frame) -> Instance | None:
    value, where = given["on"]
    if isinstance(value, Instance) and value.sort == "hardware":
        return value
    frame.context.report("P302", f"`on` needs a hardware, not {describe(value)}", where)
    return None


def _policy(given: Given, expr: tree.Call, frame: Frame) -> Declared | None:
    """The policy that is named, else the one in force."""
    policy = given["under"][0] if "under" in given else frame.world.policy
    if policy is None:
        policy = frame.find("roofline")
    if isinstance(policy, Declared) and isinstance(policy.node, tree.Policy):
        return policy
    where = given["under"][1] if "under" in given else expr.span
    help_ = "roofline, ecm and serial are known"
    frame.context.report("P302", "`under` needs a policy", where, help_=help_)
    return None


def _a_hardware(frame: Frame) -> str:
    """The name of a hardware that can be written here, the parameters of the analysis first."""
    known = {**frame.world.slots, **frame.module.top().values}
    machines = (n for n, v in known.items() if isinstance(v, Instance) and v.sort == "hardware")
    return next(machines, "cpu")
