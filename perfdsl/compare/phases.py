"""Phases: which operators of a model's program each phase of the runner computes.

What can be timed is a phase of the forward pass, up to the barrier behind it; what can be
predicted is an operator of the program. Phases and operators that share some are one group: the
smallest part of a pass for which a time can be held against a prediction. In the unfused program
the first layer's norm is one run of `attn_norm`, so that `first_norm` and `attn_norm` are one group
there; the fused program tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from perfdsl.records import dataclass

# In order of execution. The names are those of `specs/models/embeddinggemma_300m.perf` and of
# `embeddinggemma_300m_fused.perf`, where one operator does what the other has several for.
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "embed": ("token_embd", "embd_scale"),
    "first_norm": ("first_norm", "attn_norm", "attn_quantise"),
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "heads": ("heads", "attn_q_norm", "attn_k_norm", "rope_q", "rope_k"),
    "attention": ("attn", "attn_softmax", "output_quantise"),
    "attn_output": ("attn_output",),
    "ffn_norm": ("post_attention_norm", "attn_residual", "ffn_norm", "ffn_quantise"),
    "gate_up": ("ffn_gate", "ffn_up", "ffn_geglu", "down_quantise"),
    "ffn_down": ("ffn_down",),
    "attn_norm": ("post_ffw_norm", "ffn_residual", "attn_norm", "attn_quantise", "output_norm"),
    "pool": ("pool",),
    "quantise_pooled": ("dense_2_quantise",),
    "dense_2": ("dense_2",),
    "quantise_dense": ("dense_3_quantise",),
    "dense_3": ("dense_3",),
    "normalise": ("l2",),
}
# Where the fused program has an operator for the phase alone, the phase has no part of these.
ALONE: Mapping[str, tuple[str, ...]] = {"first_norm": ("attn_norm", "attn_quantise")}


@dataclass(frozen=True, slots=True)
class Group:
    """Phases and operators that share some, in order of execution.

    Without phases it holds an operator that nothing times; without operators a phase that nothing
    predicts: `matched` is False then, and whoever adds up groups has to say so.
    """

    phases: tuple[str, ...]
    operators: tuple[str, ...]

    @property
    def name(self) -> str:
        """For a line of a table."""
        return " + ".join(self.phases or self.operators)

    @property
    def matched(self) -> bool:
        return bool(self.phases and self.operators)


def plain(row: str) -> str:
    """The operator of a row of `run.ops`: `attn (l mod 6 = 5)` is a class of turns of `attn`."""
    return row.partition(" (")[0].partition(" #")[0]


def operators_of(phase: str, operators: Iterable[str]) -> tuple[str, ...]:
    """Those of these operators (names as in `plain`) that a phase computes."""
    known = set(operators)
    listed = OPERATORS.get(phase, ())
    if phase in known:
        shared = ALONE.get(phase, ())
        listed = tuple(name for name in listed if name not in shared)
    return tuple(name for name in listed if name in known)


def groups(phases: Iterable[str], operators: Iterable[str]) -> tuple[Group, ...]:
    """All of these phases and operators, each in exactly one group.

    phases: the names that were timed, in order. operators: the names of a program's operators, or
    of the rows of `run.ops`, in order; several rows of one operator are one.
    """
    names = tuple(dict.fromkeys(plain(row) for row in operators))
    timed = tuple(dict.fromkeys(phases))
    found: list[Group] = []
    for phase in timed:
        own = operators_of(phase, names)
        sharing = [group for group in found if set(group.operators) & set(own)]
        together = {name for group in sharing for name in group.operators} | set(own)
        joined = tuple(each for group in sharing for each in group.phases)
        group = Group((*joined, phase), tuple(name for name in names if name in together))
        place = found.index(sharing[0]) if sharing else len(found)
        found = [each for each in found if each not in sharing]
        found.insert(place, group)
    computed = {name for group in found for name in group.operators}
    return (*found, *(Group((), (name,)) for name in names if name not in computed))
