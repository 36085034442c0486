"""Where a measurement was made: processor, caches, memory, system, versions, as the OS tells them.

Nothing here tells who or where: no names of hosts or users, no paths. What a system does not tell
(a virtual machine has no governor, Arm no model name) is empty or zero, never guessed.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import llvmlite.binding as llvm

from perfdsl.measure.recorded import Recorded

ROOT = Path("/")
# What a measurement may depend on: whatever of these is installed stands in the record.
PACKAGES = ("perfdsl", "numpy", "numba", "llvmlite")
# Instruction sets that arithmetic may use, in the kernel's words for x86 and for Arm.
ARITHMETIC = ("amx", "asimd", "avx", "bf16", "f16c", "fma", "i8mm", "sse4", "sve")
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


class Cache(Recorded):
    """A cache as one core sees it: `size` in bytes, shared by `shared` logical processors."""

    level: int
    kind: str  # Data, Instruction, Unified
    size: int
    line: int
    shared: int


class Processor(Recorded):
    """`logical` processors may be used by this process, of `cores` cores that the machine has.

    megahertz: nominal (what the OS says now, or at most); the clock of a run is measured.
    """

    model: str
    vendor: str
    family: str
    stepping: str
    microcode: str
    isa: str
    features: tuple[str, ...]
    logical: int
    cores: int
    megahertz: float
    governor: str
    hypervisor: bool
    caches: tuple[Cache, ...]


class System(Recorded):
    """The kernel's number, memory and pages in bytes, and the state of transparent huge pages."""

    kernel: str
    distribution: str
    memory: int
    huge_pages: str
    page: int
    load: float  # average of the last minute, when it was asked


class Environment(Recorded):
    processor: Processor
    system: System
    versions: dict[str, str]


def environment(root: Path = ROOT) -> Environment:
    """What there is now. root: where proc, sys and etc are, for tests."""
    return Environment(processor=processor(root), system=system(root), versions=versions())


def processor(root: Path = ROOT) -> Processor:
    told = _pairs(_text(root / "proc/cpuinfo").partition("\n\n")[0])
    features = told.get("flags", told.get("Features", ""))
    folder = root / "sys/devices/system/cpu"
    return Processor(
        model=told.get("model name", ""),
        vendor=told.get("vendor_id", told.get("CPU implementer", "")),
        family=" ".join(
            told[key]
            for key in ("cpu family", "model", "CPU architecture", "CPU part")
            if key in told
        ),
        stepping=told.get("stepping", told.get("CPU revision", "")),
        microcode=told.get("microcode", ""),
        isa=platform.machine(),
        features=tuple(sorted(f for f in features.split() if f.startswith(ARITHMETIC))),
        logical=usable_processors(),
        cores=_cores(folder),
        megahertz=_megahertz(folder / "cpu0", told),
        governor=_text(folder / "cpu0/cpufreq/scaling_governor"),
        hypervisor="hypervisor" in features.split(),
        caches=tuple(_caches(folder / "cpu0/cache")),
    )


def usable_processors() -> int:
    """Logical processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def system(root: Path = ROOT) -> System:
    memory = _pairs(_text(root / "proc/meminfo")).get("MemTotal", "0 kB")
    release = dict(line.partition("=")[::2] for line in _text(root / "etc/os-release").splitlines())
    pages = _text(root / "sys/kernel/mm/transparent_hugepage/enabled")
    return System(
        kernel=platform.release().partition("-")[0],  # its number: the rest names who built it
        distribution=release.get("PRETTY_NAME", "").strip('"'),
        memory=_bytes(memory.removesuffix("B").replace(" k", "K")),
        huge_pages=pages.partition("[")[2].partition("]")[0],
        page=os.sysconf("SC_PAGE_SIZE"),
        load=float((_text(root / "proc/loadavg") or "0").split()[0]),
    )


def versions() -> dict[str, str]:
    """Of the interpreter, LLVM, and the packages that are there."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    found["llvm"] = ".".join(map(str, llvm.llvm_version_info))
    return found


def same_machine(one: Environment, other: Environment) -> bool:
    """Whether rounds of both may stand in one table: the same processor and versions."""
    changing = {"megahertz": 0.0, "governor": ""}
    first, second = (each.processor.model_copy(update=changing) for each in (one, other))
    return first == second and one.versions == other.versions


def _cores(folder: Path) -> int:
    """Physical cores: the distinct sets of logical processors that share one."""
    lists = {_text(path) for path in folder.glob("cpu[0-9]*/topology/thread_siblings_list")}
    return len(lists - {""}) or os.cpu_count() or 1


def _megahertz(cpu: Path, told: Mapping[str, str]) -> float:
    most = _text(cpu / "cpufreq/cpuinfo_max_freq")  # in kHz
    return int(most) / 1000 if most.isdigit() else float(told.get("cpu MHz", 0))


def _caches(folder: Path) -> Iterator[Cache]:
    for index in sorted(folder.glob("index[0-9]*"), key=lambda path: int(path.name[5:])):
        yield Cache(
            level=int(_text(index / "level") or 0),
            kind=_text(index / "type"),
            size=_bytes(_text(index / "size")),
            line=int(_text(index / "coherency_line_size") or 0),
            shared=_members(_text(index / "shared_cpu_list")),
        )


def _members(text: str) -> int:
    """How many there are in a list of the kernel's: 3 in `0-1,4`."""
    ranges = [part.partition("-") for part in text.split(",") if part]
    return sum(int(last or first) - int(first) + 1 for first, _, last in ranges)


def _bytes(text: str) -> int:
    """`48K` in bytes; 0 where nothing is told."""
    number, unit = text.rstrip("KMG"), text[-1:]
    return int(number or 0) * UNITS.get(unit, 1)


def _pairs(text: str) -> dict[str, str]:
    lines = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in lines}


def _text(path: Path) -> str:
    """The text of a small file; "" where there is none, or it may not be read."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
