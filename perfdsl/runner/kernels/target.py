"""Instruction sets: what a kernel may use, how wide it computes, and which one this host has.

A kernel is written once, over a `Target`: lanes, the tile that fits its registers, and the
instruction that multiplies bytes. `HOST` is chosen when this module is imported; the environment
variable PERFDSL_ISA forces another that the host has, for the whole process: code is compiled.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import Enum

import llvmlite.binding as llvm
from numba.core import config

from perfdsl.records import dataclass, replace

FORCE = "PERFDSL_ISA"
COUNT = "PERFDSL_COUNT"


class Dot(Enum):
    """How four bytes times four bytes are added to a 32-bit lane, and who may be unsigned."""

    VPDPBUSD = "unsigned weights x signed activations, in one instruction"
    MADDUBS = "signed bytes by way of |w| and a sign: vpmaddubsw, vpmaddwd, vpaddd"
    SDOT = "signed bytes, in one instruction"
    PLAIN = "signed bytes, taken apart by shifts"


@dataclass(frozen=True, slots=True)
class Target:
    """One way to compute: `lanes` float32 values a vector, tiles of `tokens` x `vectors` vectors.

    `cpu` and `features` are LLVM's, for a build that stands for this path: to compile it on a host
    of another kind, and to keep a forced path from using what the host has besides.
    """

    name: str
    triple: str
    cpu: str
    features: str
    needs: tuple[str, ...]  # features of the host without which this path does not run
    lanes: int
    registers: int
    tokens: int  # most tokens of a tile of the int8 product
    vectors: int  # vectors of weight rows of that tile
    dot: Dot
    bf16: bool = False  # a dot product of bf16 pairs: vdpbf16ps
    fma: bool = True
    half: bool = True  # converts fp16
    counting: bool = False  # the oracle's build: kernels count what they execute

    @property
    def unsigned_weights(self) -> bool:
        """Whether weights are packed as w + 128, and activations carry a correction."""
        return self.dot is Dot.VPDPBUSD

    @property
    def pairs(self) -> int:
        """Values along the inner dimension that one lane of an attention operand holds."""
        return 2 if self.bf16 else 1


X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
VNNI512 = ("avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni")

# Fastest first. Tiles: 6 x 2 zmm leave 12 integer and 12 float accumulators, 2 weights and 6 others
# in 32 registers; with 16 registers 3 x 2 and 4 x 1 do (12 and 8 accumulators).
TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target("avx512-vnni", X86, "znver4", "", VNNI512, 16, 32, 6, 2, Dot.VPDPBUSD, bf16=True),
        Target("avx-vnni", X86, "alderlake", "", ("avxvnni", "avx2"), 8, 16, 3, 2, Dot.VPDPBUSD),
        Target("avx2", X86, "haswell", "", ("avx2", "fma", "f16c"), 8, 16, 4, 1, Dot.MADDUBS),
        Target("neon", ARM, "neoverse-n1", "", ("dotprod",), 4, 32, 6, 2, Dot.SDOT),
        Target("portable", X86, "generic", "", (), 4, 16, 4, 2, Dot.PLAIN, fma=False, half=False),
    )
}


class UnknownTargetError(ValueError):
    """A forced instruction set that does not exist, or that this host does not have."""


def host_features() -> frozenset[str]:
    """The features of this host's processor, in LLVM's names; none where LLVM cannot tell."""
    try:
        found = llvm.get_host_cpu_features()
    except RuntimeError:
        return frozenset()
    return frozenset(name for name, has in found.items() if has)


def runs_on(target: Target, features: frozenset[str]) -> bool:
    return all(name in features for name in target.needs)


def choose(forced: str, features: frozenset[str]) -> Target:
    """The target of this name, or the fastest that these features allow.

    Without `avx512bf16` the 512-bit path computes attention in float32.
    Raises UnknownTargetError for a name that is none, and for a path that cannot run here.
    """
    if forced and forced not in TARGETS:
        raise UnknownTargetError(
            f"there is no instruction set {forced!r}; there are {', '.join(TARGETS)}"
        )
    for target in TARGETS.values():
        if forced in ("", target.name) and runs_on(target, features):
            return replace(target, bf16=target.bf16 and "avx512bf16" in features)
    missing = ", ".join(name for name in TARGETS[forced].needs if name not in features)
    raise UnknownTargetError(f"this processor cannot run {forced}: it lacks {missing}")


def _host() -> Target:
    """The target of this process. A forced one also keeps the compiler to its instructions."""
    forced = os.environ.get(FORCE, "")
    target = choose(forced, host_features())
    if forced:
        vars(config).update(CPU_NAME=target.cpu, CPU_FEATURES=target.features)
    return replace(target, counting=os.environ.get(COUNT, "") == "1")


HOST = _host()
