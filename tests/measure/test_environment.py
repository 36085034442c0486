"""What the system tells, and nothing that it does not; what disturbed a measurement."""

import os
import subprocess

import pytest

from perfdsl.measure.disturbance import between, counters
from perfdsl.measure.environment import Environment, environment, processor, same_machine, system

ARM = """processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm asimddp sve i8mm bf16
CPU implementer\t: 0x41
CPU architecture: 8
CPU part\t: 0xd40
CPU revision\t: 1

processor\t: 1
BogoMIPS\t: 50.00
"""
ZEN = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 26
model\t\t: 2
model name\t: AMD EPYC
stepping\t: 1
microcode\t: 0x1000065
cpu MHz\t\t: 2596.122
flags\t\t: fpu avx2 fma hypervisor avx512_vnni
"""


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def cache(root, index, level, kind, size, shared):
    folder = root / f"sys/devices/system/cpu/cpu0/cache/index{index}"
    folder.mkdir(parents=True)
    told = {"level": level, "type": kind, "size": size, "shared_cpu_list": shared}
    for name, text in {**told, "coherency_line_size": "64"}.items():
        (folder / name).write_text(f"{text}\n", "utf-8")


def test_a_processor_is_told_as_the_system_has_it(tmp_path):
    """Caches with their sharing, features that arithmetic may use, a virtual machine as such."""
    write(tmp_path, proc__cpuinfo=ZEN)
    cache(tmp_path, 0, 1, "Data", "48K", "0")
    cache(tmp_path, 10, 3, "Unified", "32M", "0-2,5")
    for number, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        name = f"sys__devices__system__cpu__cpu{number}__topology__thread_siblings_list"
        write(tmp_path, **{name: siblings})
    found = processor(tmp_path)
    assert (found.model, found.vendor, found.family) == ("AMD EPYC", "AuthenticAMD", "26 2")
    assert (found.cores, found.megahertz, found.governor) == (2, 2596.122, "")
    assert found.features == ("avx2", "avx512_vnni", "fma")
    assert found.hypervisor
    told = [(c.level, c.kind, c.size, c.line, c.shared) for c in found.caches]
    assert told == [(1, "Data", 48 * 2**10, 64, 1), (3, "Unified", 32 * 2**20, 64, 4)]


def test_arm_has_other_words_for_the_same(tmp_path):
    write(tmp_path, proc__cpuinfo=ARM)
    folder = "sys__devices__system__cpu__cpu0__cpufreq__"
    freq = {f"{folder}cpuinfo_max_freq": "2600000\n", f"{folder}scaling_governor": "schedutil\n"}
    write(tmp_path, **freq)
    found = processor(tmp_path)
    assert (found.model, found.vendor, found.family) == ("", "0x41", "8 0xd40")
    assert found.features == ("asimd", "asimddp", "bf16", "i8mm", "sve")
    assert (found.megahertz, found.governor, found.hypervisor) == (2600.0, "schedutil", False)


def test_memory_pages_and_load(tmp_path):
    write(
        tmp_path,
        proc__meminfo="MemTotal:       24684092 kB\nMemFree: 1 kB\n",
        proc__loadavg="1.50 0.74 0.87 3/99 13030\n",
        etc__os_release='NAME="x"\nPRETTY_NAME="Debian 12"\n',
        sys__kernel__mm__transparent_hugepage__enabled="always [madvise] never\n",
    )
    (tmp_path / "etc/os_release").rename(tmp_path / "etc/os-release")
    found = system(tmp_path)
    assert found.memory == 24684092 * 1024
    assert (found.load, found.distribution, found.huge_pages) == (1.5, "Debian 12", "madvise")


def test_a_system_that_tells_nothing_is_no_error(tmp_path):
    """All is empty or zero; what Python itself knows stays."""
    found = environment(tmp_path)
    assert (found.processor.model, found.processor.caches, found.system.memory) == ("", (), 0)
    assert found.processor.logical == len(os.sched_getaffinity(0))
    assert found.versions["numba"]


def test_this_machine_comes_back_from_json_equal():
    found = environment()
    assert Environment.model_validate_json(found.model_dump_json()) == found
    assert found.processor.features
    assert found.system.memory > 2**28


def test_another_clock_is_the_same_machine_and_another_version_is_not():
    here = environment()
    faster = here.processor.model_copy(update={"megahertz": 1.0})
    assert same_machine(here, here.model_copy(update={"processor": faster}))
    assert not same_machine(here, here.model_copy(update={"versions": {"numba": "0.1"}}))
    wider = here.processor.model_copy(update={"model": "another"})
    assert not same_machine(here, here.model_copy(update={"processor": wider}))


def proc(root, cpu, **processes):
    write(root, stat=f"cpu  {cpu}\ncpu0 {cpu}\n")
    for number, (user, kernel) in processes.items():
        told = f"{number[1:]} (a (name) of it) R 1 1 1 0 -1 4194304 0 0 0 0 {user} {kernel} 0 0 20"
        write(root, **{f"{number[1:]}__stat": told})


def test_time_is_split_into_ours_stolen_and_that_of_others(tmp_path):
    """100 ticks a second: 2 s in all, 0.2 s stolen, 0.5 s idle, 1 s ours, the rest others'."""
    per = os.sysconf("SC_CLK_TCK") / 100
    proc(tmp_path, "0 0 0 0 0 0 0 0 0 0", p7=(0, 0), p8=(0, 0))
    before = counters(1.0, [7, 8], tmp_path)
    cpu = [120, 0, 10, 40, 10, 0, 0, 20, 5, 5]
    proc(
        tmp_path,
        " ".join(str(round(each * per)) for each in cpu),
        p7=(round(50 * per), round(10 * per)),
        p8=(round(40 * per), 0),
    )
    found = between(before, counters(3.0, [7, 8], tmp_path))
    assert found.seconds == 2.0
    assert found.stolen == pytest.approx(0.1)
    assert found.others == pytest.approx(0.15)


def test_without_counters_nothing_disturbed_that_is_known(tmp_path):
    found = between(counters(0.0, [1], tmp_path), counters(1.0, [1], tmp_path))
    assert (found.stolen, found.others) == (0.0, 0.0)


def test_the_time_of_a_real_process_is_its_own():
    """A process that computes for a while is not counted as somebody else's."""
    before = counters(0.0, [])
    code = "import time\nwhile time.process_time() < 0.3: pass\ninput()"
    with subprocess.Popen(["python3", "-c", code], stdin=subprocess.PIPE) as child:
        while (seen := counters(1.0, [child.pid]).own) < 0.25:
            assert child.poll() is None
        child.communicate(b"\n")
    assert seen > before.own == 0.0
