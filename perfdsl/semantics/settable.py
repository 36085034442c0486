"""What `--set name=value` may name: the fields and parameters that an analysis reaches."""

from __future__ import annotations

from perfdsl.semantics.program import AnalysisProgram, Settable
from perfdsl.semantics.scope import Binding, Frame, Module
from perfdsl.semantics.values import Declared, Instance
from perfdsl.syntax import tree


def settables(analysis: AnalysisProgram, entry: Module) -> tuple[Settable, ...]:
    """Every definition that --set may replace, by its full path, such as `cpu.dram.channels`.

    First what the parameters hold, then the other workloads and hardware of the file.
    """
    found: dict[object, Settable] = {}
    for name, binding in analysis.frame.bindings.items():
        if binding.sort in {"let", "parameter"}:
            _add(name, binding, analysis.frame, found, True)
    for name, value in analysis.frame.world.slots.items():
        if isinstance(value, Instance):
            _inside(name, value, found, True)
    for name, value in entry.top().values.items():
        if isinstance(value, Instance) and isinstance(value.origin, Declared):
            _inside(name, value, found, False)
    return tuple(found.values())


def _inside(path: str, value: Instance, found: dict[object, Settable], held: bool) -> None:
    for name, binding in value.frame.bindings.items():
        _add(f"{path}.{name}", binding, value.frame, found, held)
    for name, inner in value.frame.values.items():
        if isinstance(inner, Instance) and inner.parent is value:
            _inside(f"{path}.{name}", inner, found, held)


def _add(
    path: str, binding: Binding, frame: Frame, found: dict[object, Settable], held: bool
) -> None:
    if binding.make is None and not isinstance(binding.expr, tree.Name | tree.Field):
        found.setdefault(binding.span, Settable(path, binding.span, binding.expr, frame, held))
