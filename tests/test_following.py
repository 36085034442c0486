"""Parameters computed from others follow them: under scenarios, indices and observations."""

import pytest

from perfdsl.diagnostics import Source
from perfdsl.pipeline import Options, solve_file
from tests.answers import ROOT, answers, claim, codes

MACHINE = """
workload decode(at: Count<token>) { tokens = 1 token; context = at }
hardware chip { longest = 4000 token; memory dram { bandwidth = 1 GB/s } }
hardware small { longest = 500 token; memory dram { bandwidth = 1 GB/s } }
operator cached() { read kv = count(load.context) * 1 MB }
model net(at: Count<token> = 1 token) { use cached(); use { read kv = count(at) * 1 MB } as more }
scenario short(cpu = chip) { cpu.longest = 1000 token }
"""
WORKLOAD = "analysis a(cpu = chip, n = net, load = decode(at: cpu.longest))"

CHAIN = "analysis a(load = decode(at: far), far = cpu.longest / 2, cpu = chip, n = net)"
MODEL = "analysis a(cpu = chip, n = net(at: cpu.longest), load = decode(at: 1 token))"


@pytest.mark.parametrize(
    "head, index, seconds",
    [
        (WORKLOAD, "", 4.001),
        (WORKLOAD, "[short]", 1.001),
        (WORKLOAD, "[cpu: small]", 0.501),
        (WORKLOAD, "[short, load: decode(at: 10 token)]", 0.011),
        (CHAIN, "[short]", 0.501),
        (MODEL, "[short]", 1.001),
    ],
)  # fmt: skip
def test_a_parameter_computed_from_another_follows_it(head, index, seconds):
    """A workload or a model, through a chain and in any order; what an index names stays."""
    text = f'{MACHINE} {head} {{ claim "t" predict(n, on: cpu).time{index} == {seconds} s }}'
    assert claim(answers(text), "t").verdict == "holds"


def test_an_observation_is_predicted_for_what_follows():
    """The scenario that an observation names changes the workload that rests on it."""
    found = answers(
        MACHINE
        + WORKLOAD
        + """ {
          unknown share: Ratio in 1 % .. 100 %
          let t = predict(n, on: cpu with { dram.efficiency = share }).time
          observe "x" t[short] = 2.002 s
          solve half = share from t[short]
          claim "half" half.value == 50 %
        }"""
    )
    assert claim(found, "half").verdict == "holds"


def test_a_scenario_for_everything_moves_what_follows():
    """`--scenario` is such a scenario, too."""
    text = f'perf 1\n{MACHINE}{WORKLOAD} {{ claim "t" predict(n, on: cpu).time == 1.001 s }}'
    found = solve_file(Source("t.perf", text), ROOT, Options(scenarios=("short",)))
    assert claim(found.answers[0], "t").verdict == "holds"


def test_an_index_that_moves_nothing_is_still_a_mistake():
    """What follows counts as moved only where it is read."""
    text = MACHINE + WORKLOAD + ' { claim "t" n.layers[short] == 1 }'
    assert codes(text.replace("model net(", "model net(layers = 1, ")) == ["P307"]
