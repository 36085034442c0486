"""Parameters computed from others: read again when those change.

`analysis a(cpu = chip, load = decode(at: cpu.longest))`: under a scenario that sets `cpu.longest`,
`load` is another workload. A quantity is read in the frame that asks for it, and follows by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from perfdsl.records import replace
from perfdsl.semantics.params import binding_of
from perfdsl.semantics.scope import Frame, World, mentioned
from perfdsl.semantics.values import Instance
from perfdsl.syntax import tree

Causes = Mapping[str, frozenset[str]]


def followers(node: tree.Analysis, changed: Collection[str]) -> Causes:
    """The parameters whose defaults are computed from changed ones, each with these; chains too."""
    found: dict[str, frozenset[str]] = {name: frozenset({name}) for name in changed}
    todo = True
    while todo:
        todo = False
        for param in node.params:
            if param.default is not None and param.name not in changed:
                near = mentioned([param.default]) & found.keys() - {param.name}
                causes = frozenset[str]().union(*(found[name] for name in near))
                todo = todo or causes != found.get(param.name, frozenset())
                if causes:
                    found[param.name] = causes
    return {name: causes for name, causes in found.items() if name not in changed}


def caught_up(world: World, changed: Collection[str], home: Frame) -> World:
    """The world after some parameters changed, those that follow them read again."""
    assert home.analysis is not None
    return followed(world, followers(home.analysis, changed), home)


def followed(world: World, causes: Causes, home: Frame) -> World:
    """The world with the parameters that follow read again. home: a frame of the analysis."""
    node, top = home.analysis, home.module.top()
    assert node is not None
    again = [name for name in causes if isinstance(world.slots.get(name), Instance)]
    if not again:
        return world
    kept = {name: value for name, value in world.slots.items() if name not in again}
    late = {
        param.name: binding_of(param.name, param, param.default)
        for param in node.params
        if param.default is not None and param.name not in kept
    }
    first = Frame(
        home.context, home.module, World(), top, "", "parameter", late, kept, analysis=node
    )
    for name in again:
        value = first.own(name)
        if isinstance(value, Instance):
            forced = name == world.load_slot and value.sort == "workload"
            load = value if forced else world.load
            world = replace(world, slots={**world.slots, name: value}, load=load)
    return world
