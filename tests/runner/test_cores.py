"""How many threads a process should use, as Linux tells it in files."""

import os
import threading

import numpy as np
import pytest

from perfdsl.runner import cores
from perfdsl.runner.cores import OWN_GROUPS, SYSTEM, allowed_cores, default_threads
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.system import MASK_BYTES, core
from perfdsl.runner.places import step_aside


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Writes files below a root, for a process that may run on cores 0 to 7."""
    monkeypatch.setattr(cores, "allowed_cores", lambda: frozenset(range(8)))

    def made(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return default_threads(tmp_path)

    return made


def pairs_of(size):
    """Cores 0 to 7, so many of which are one physical core."""
    files = {}
    for n in range(8):
        first = n - n % size
        files[f"{SYSTEM}/cpu{n}/topology/thread_siblings_list"] = f"{first}-{first + size - 1}\n"
    return files


def test_where_nothing_is_told_each_core_counts(machine):
    """Without files all allowed cores are used."""
    assert machine({}) == 8


@pytest.mark.parametrize("size, threads", [(1, 8), (2, 4), (4, 2), (8, 1)])
def test_a_physical_core_counts_once(machine, size, threads):
    """However many siblings a core has, one thread is for it."""
    assert machine(pairs_of(size)) == threads


V2 = {OWN_GROUPS: "0::/a/b\n"}
V1 = {OWN_GROUPS: "5:cpu,cpuacct:/a\n4:memory:/a\n0::/\n"}
QUOTAS = {
    "none": ({**V2, "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
    "its own": ({**V2, "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 2),
    "of a group above": ({**V2, "sys/fs/cgroup/a/cpu.max": "300000 100000\n"}, 3),
    "of the root": ({**V2, "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
    "the least of several": (
        {
            **V2,
            "sys/fs/cgroup/a/b/cpu.max": "500000 100000\n",
            "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
        },
        2,
    ),
    "more than there are cores": ({**V2, "sys/fs/cgroup/a/cpu.max": "9900000 100000\n"}, 8),
    "of version 1": (
        {
            **V1,
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "250000\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
        },
        3,
    ),
    "none of version 1": (
        {
            **V1,
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
        },
        8,
    ),
    "of somebody else": ({**V2, "sys/fs/cgroup/c/cpu.max": "100000 100000\n"}, 8),
    "that is no number": ({**V2, "sys/fs/cgroup/a/cpu.max": "much 100000\n"}, 8),
    "in no period": ({**V2, "sys/fs/cgroup/a/cpu.max": "100000 0\n"}, 8),
    "cut off": ({**V2, "sys/fs/cgroup/a/cpu.max": ""}, 8),
    "of groups in no form": ({OWN_GROUPS: "nothing\n"}, 8),
}


@pytest.mark.parametrize("name", QUOTAS)
def test_a_quota_limits_the_threads(machine, name):
    """A container's quota counts, rounded up, wherever above the process it is stated."""
    files, threads = QUOTAS[name]
    assert machine(files) == threads


def test_this_machine_has_threads_to_use():
    """At least one, and no more than cores that it may run on."""
    assert 1 <= default_threads() <= len(allowed_cores())


@kernel
def leave_this_core(allowed, own):
    taken = core()
    step_aside(taken, allowed, own)
    return taken


def mask_of(numbers):
    mask = np.zeros(8 * MASK_BYTES, np.uint8)
    mask[list(numbers)] = 1
    return np.packbits(mask, bitorder="little")


def left_and_allowed(cores, times):
    """What a thread left, and where it may run then, when it steps aside among these cores."""
    allowed, own = mask_of(cores), mask_of([])
    found: list[tuple[int, frozenset[int]]] = []

    def leave():
        os.sched_setaffinity(0, cores)
        for _ in range(times):
            left = leave_this_core(allowed.ctypes.data, own.ctypes.data)
            found.append((left, frozenset(os.sched_getaffinity(0))))

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join()
    return found


def test_a_thread_steps_aside_and_stays_away():
    """It may run everywhere but on the core that it left; later, everywhere but on the next one."""
    allowed = allowed_cores()
    found = left_and_allowed(allowed, times=3)
    assert [where for _, where in found] == [allowed - {left} or allowed for left, _ in found]


def test_a_thread_with_one_core_stays_there():
    """Where nothing else is allowed nothing changes."""
    only = frozenset({max(allowed_cores())})
    assert left_and_allowed(only, times=2) == [(max(only), only)] * 2
