"""A kind of work may be a parameter: of an operator, of a model, with a default or without."""

from pathlib import Path

import pytest

import perfdsl

PROGRAM = """perf 1
hardware any {
  port dot { serves bf16; peak = 1 TMAC/s }
  port fma { serves fp32; peak = 2 TMAC/s }
  memory dram { bandwidth = 1 GB/s }
}
operator product(n: Count, of: Kind = fp32) { work of = n * 1 MAC }
model net(inside: Kind = bf16, n = 5) {
  use product(n: n, of: inside)
  use product(n: 2 * n)
  use { work inside = 3 * n * 1 MAC }
}
workload one { tokens = 1 token }
scenario plain(base = net) { base.inside = fp32 }
analysis a(cpu = any, base = net, load = one) {
  show predict(net, on: cpu).work[bf16] in MAC as "as declared"
  show predict(net(inside: fp32), on: cpu).work[fp32] in MAC as "as given"
  show predict(net(inside: fp32), on: cpu).time / 1 s as "time"
  show predict(net with { inside = fp32 }, on: cpu).work[fp32] in MAC as "overlaid"
  show predict(base, on: cpu)[plain].work[fp32] in MAC as "under a scenario"
  let alone = product(n: 7, of: bf16).work[bf16]
  show alone in MAC
}
"""


def answers(folder: Path, text: str = PROGRAM):
    file = folder / "kinds.perf"
    file.write_text(text, "utf-8")
    return perfdsl.load(str(file)).analysis("a").solve()


def test_a_kind_is_passed_on_by_its_parameter(tmp_path):
    """To an operator, and to work that a model states itself; each port has its own rate."""
    told = answers(tmp_path).values
    assert told["as declared"].value == 5 + 15
    assert told["as given"].value == 5 + 10 + 15
    assert told["overlaid"].value == told["under a scenario"].value == 5 + 10 + 15
    assert told["time"].value == pytest.approx(30 / 2e12)
    assert told["alone"].value == 7


def test_a_parameter_that_only_names_a_kind_is_used(tmp_path):
    """There is no warning that nothing uses it."""
    file = tmp_path / "kinds.perf"
    file.write_text(PROGRAM, "utf-8")
    assert perfdsl.load(str(file)).warnings == ()


def test_the_kind_that_nothing_serves_is_told_where_it_runs(tmp_path):
    """int8 is given, and no port serves it."""
    text = PROGRAM.replace("net(inside: fp32), on: cpu).time", "net(inside: int8), on: cpu).time")
    file = tmp_path / "kinds.perf"
    file.write_text(text, "utf-8")
    with pytest.raises(perfdsl.PerfError) as found:
        perfdsl.load(str(file)).analysis("a").solve()
    assert "serves int8 work" in str(found.value)
