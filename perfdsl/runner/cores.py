"""How many threads a process should use: the cores it may run on, and the time it is given.

Two threads on one physical core share its multipliers, so a core counts once however many siblings
it shows. A container's quota is time, not cores: more threads than it pays for are put to sleep for
the rest of each period, all of them, while those at a barrier wait.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SYSTEM, GROUPS, OWN_GROUPS = "sys/devices/system/cpu", "sys/fs/cgroup", "proc/self/cgroup"


def default_threads(root: Path = Path("/")) -> int:
    """Physical cores that this process may use, and no more than its quota of time, rounded up."""
    allowed = allowed_cores()
    limits = [len({siblings(root / SYSTEM, core) for core in allowed}), *quotas(root)]
    return max(1, min(limits))


def allowed_cores() -> frozenset[int]:
    """The cores that this process may run on; all, where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def siblings(system: Path, core: int) -> str:
    """What is the same for cores that are one physical core; its own number where untold."""
    with suppress(OSError):
        return (system / f"cpu{core}/topology/thread_siblings_list").read_text().strip()
    return str(core)


def quotas(root: Path) -> Iterator[int]:
    """The quotas, in cores rounded up, of the groups that this process is in, and those above.

    Version 2 has one tree of groups and both numbers in a file, version 1 a tree a controller.
    """
    with suppress(OSError, ValueError):
        for line in (root / OWN_GROUPS).read_text().splitlines():
            controllers, path = line.split(":", 2)[1:]
            tree = root / GROUPS / controllers
            for group in (path, *Path(path).parents):
                place = tree / str(group).lstrip("/")
                yield from _quota(place / "cpu.max")
                yield from _quota(place / "cpu.cfs_quota_us", place / "cpu.cfs_period_us")


def _quota(*files: Path) -> Iterator[int]:
    """The quota that is stated as microseconds of a period, if it is: `max` and -1 are none."""
    with suppress(OSError, ValueError):
        time, period = (int(word) for file in files for word in file.read_text().split())
        if time > 0 and period > 0:
            yield -(-time // period)
