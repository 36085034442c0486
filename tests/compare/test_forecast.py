"""A forecast is what the same program says that somebody writes by hand for one case."""

import math
from pathlib import Path

import pytest

from perfdsl.compare.forecast import Forecast, forecasts
from perfdsl.compare.substitution import Substituted, substituted
from perfdsl.diagnostics import Diagnostic
from perfdsl.measure.results import Case
from perfdsl.pipeline import Options
from perfdsl.semantics.settings import Setting
from perfdsl.semantics.values import Instance
from tests.answers import answers, value
from tests.compare.machines import ANALYSIS, MACHINE, PUBLISHED, TINY, asked, held

LONG = Case(texts=1, tokens=600, threads=1)
MANY = Case(texts=8, tokens=12, threads=2)

# The same, written out: machine and model in one file, the case in the workload and the hardware.
WRITTEN = f"""{MACHINE}
import "lib/models/embeddinggemma_300m" as m
workload given {{ tokens = %d token; batch = %d sequence }}
analysis by_hand(cpu = bench with {{ cores = %d core }}, net = m.embeddinggemma, load = given) {{
  let run = %s(net, on: cpu, under: %s)
  show run.time in s as "time"
  show run.dram.bytes in B as "dram"
  show run.work[int8] in MAC as "int8"
  show run.ops["ffn_down"].time in s as "ffn_down"
  show run.ops["ffn_down"].l3.time in s as "ffn_down in l3"
  show run.bytes[weights] in B as "weights"
}}
"""


def one(found: tuple[Forecast, ...] | tuple[Diagnostic, ...]) -> Forecast:
    assert len(found) == 1
    assert isinstance(found[0], Forecast), found
    return found[0]


@pytest.mark.parametrize(
    "case, policy, least",
    [
        (LONG, "roofline", False),
        (LONG, "serial", True),
        (MANY, "roofline", True),
        (MANY, "ecm", False),
    ],
)
def test_a_forecast_has_the_numbers_of_the_program_written_out(tmp_path, case, policy, least):
    """Time, bytes and work of the whole, and of one operator in all layers."""
    found = one(forecasts(held(asked(tmp_path)), [case], policy, least=least))
    word = "ceiling" if least else "predict"
    text = WRITTEN % (case.tokens, case.texts, case.threads, word, policy)
    shown = answers(text)
    assert found.seconds == pytest.approx(value(shown, "time").value, rel=1e-12)
    down = found.operator("ffn_down")
    assert down is not None
    layers = PUBLISHED["layers"]
    assert down.count == layers
    assert down.seconds == pytest.approx(layers * value(shown, "ffn_down").value, rel=1e-12)
    l3 = next(each for each in down.levels if each.name == "l3")
    assert l3.seconds == pytest.approx(layers * value(shown, "ffn_down in l3").value, rel=1e-12)
    dram = sum(use.bytes for each in found.operators for use in each.levels if use.name == "dram")
    assert dram == pytest.approx(value(shown, "dram").value, rel=1e-12)
    assert sum(each.macs("int8") for each in found.operators) == value(shown, "int8").value
    weights = sum(each.reads.get("weights", 0.0) for each in found.operators)
    assert weights == value(shown, "weights").value


def test_layers_of_two_sorts_are_one_operator(tmp_path):
    """Attention with a window and without are two rows of the table, and one operator here."""
    found = one(forecasts(held(asked(tmp_path)), [LONG]))
    names = [each.name for each in found.operators]
    assert len(names) == len(set(names))
    attention = found.operator("attn")
    assert attention is not None
    assert attention.count == PUBLISHED["layers"]


def test_ports_tell_where_the_compute_time_of_an_operator_goes(tmp_path):
    """Products wait for the int8 port; a norm has multiply-adds and other work on two ports."""
    found = one(forecasts(held(asked(tmp_path)), [LONG], "ecm"))
    down, norm = found.operator("ffn_down"), found.operator("ffn_norm")
    assert down is not None
    assert norm is not None
    assert down.bound == "int8_dot"
    assert set(down.compute) == {"int8_dot"}
    assert set(norm.compute) == {"fp32_fma", "fp32_add"}


def test_noise_of_the_machine_is_a_range_of_the_time(tmp_path):
    """A clock of 4 GHz +- 0.1 GHz makes what waits for a port as uncertain."""
    long, short = (one(forecasts(held(asked(tmp_path)), [case])) for case in (LONG, MANY))
    assert long.low == pytest.approx(long.seconds * 4 / 4.1)
    assert long.high == pytest.approx(long.seconds * 4 / 3.9)
    assert short.low <= short.seconds <= short.high


def test_the_shape_is_the_files(tmp_path):
    """All parameters take the file's values; what that changes of the analysis is told."""
    found = held(asked(tmp_path, TINY))
    assert any("`layers` is 2" in note and "24 in the analysis" in note for note in found.notes)
    forecast = one(forecasts(found, [MANY]))
    down = forecast.operator("ffn_down")
    assert down is not None
    assert down.macs("int8") == 2 * 96 * 64 * 96  # layers * rows * d_ff * d_model


def test_parameters_that_the_file_says_nothing_of_are_told(tmp_path):
    """A file whose windows follow no rule has no `every`: the analysis' own value stays."""
    found = held(asked(tmp_path, {**TINY, "every": None, "experts": 8}))
    assert any("nothing of `every`" in note for note in found.notes)
    assert any("experts" in note for note in found.notes)


def test_a_shape_like_the_analysis_needs_no_note(tmp_path):
    assert held(asked(tmp_path)).notes == ()


def test_scenarios_of_the_old_hardware_change_the_machine(tmp_path):
    """`[one_core]` in the analysis is about its hardware parameter, whatever stands there."""
    found = held(asked(tmp_path))
    machine = found.analysis.frame.world.slots[found.cpu]
    assert isinstance(machine, Instance)
    assert machine.name == "bench"
    assert found.problems == ()


def test_settings_and_scenarios_of_the_command_line_apply(tmp_path):
    """`--set dram.bandwidth=...` is a setting of the machine now."""
    options = Options(settings=(Setting("dram.bandwidth", "1 GB/s"),))
    plain, slow = (
        one(forecasts(held(asked(tmp_path, options=each)), [MANY])) for each in (Options(), options)
    )
    assert slow.bound == "dram"
    assert slow.seconds > 10 * plain.seconds


def test_a_machine_beside_the_analysis_may_be_what_it_imports(tmp_path):
    """A file that is imported by the analysis, and named as the machine too, is read once."""
    text = ANALYSIS.replace('"lib/hardware/ryzen_9_7900"', '"./m"').replace("ryzen_9_7900", "bench")
    request = asked(tmp_path, analysis=text)
    beside = tmp_path / "project" / "m.perf"
    beside.write_text(MACHINE)
    found = substituted(request.__class__(request.file, "", beside, PUBLISHED, Options()))
    assert isinstance(found, Substituted)
    assert one(forecasts(found, [MANY])).seconds > 0


# ------------------------------------------------------------------------------------- mistakes

TWO = ANALYSIS.replace("load = short)", "load = short, other = hw.ryzen_9_7900)").replace(
    'show run.time[one_core] as "one core"', "show predict(net, on: other).time"
)
NO_MODEL = ANALYSIS.replace("net = m.embeddinggemma, ", "").replace(
    "predict(net", "predict(m.embeddinggemma"
)
SECOND = "analysis second(net = m.embeddinggemma) { show net.layers }\n"


@pytest.mark.parametrize(
    "changes, code, words",
    [
        ({"analysis": TWO}, "P861", "2 parameters that are a hardware"),
        ({"analysis": NO_MODEL}, "P861", "no parameter that is a model"),
        ({"machine": "perf 1\nlet x = 1\n"}, "P862", "does not describe a machine"),
        (
            {"machine": MACHINE + MACHINE.replace("perf 1", "").replace("bench", "b")},
            "P862",
            "2 hardware",
        ),
        ({"machine": "perf 1\nhardware x { clock = 4 m }\n"}, "P2", ""),
        ({"analysis": ANALYSIS + SECOND}, "P101", "which analysis"),
        ({"analysis": ANALYSIS + SECOND, "name": "secnd"}, "P101", "no analysis `secnd`"),
        ({"analysis": "perf 1\n"}, "P101", "there is no analysis"),
        ({"options": Options(policy="ecmm")}, "P101", "no such policy"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_measured(tmp_path, changes, code, words):
    found = substituted(asked(tmp_path, **changes))
    assert isinstance(found, tuple)
    assert found[0].code.startswith(code)
    assert words in found[0].title


def test_more_threads_than_the_machine_file_knows_are_an_error(tmp_path):
    """A table that ends at two cores has no value for eight: it is not extrapolated."""
    found = forecasts(held(asked(tmp_path)), [Case(texts=1, tokens=12, threads=8)])
    assert isinstance(found[0], Diagnostic)
    assert "8" in found[0].title


def test_missing_files_are_told(tmp_path):
    request = asked(tmp_path)
    for file, machine in ((Path("no.perf"), request.machine), (request.file, Path("no.perf"))):
        found = substituted(request.__class__(file, "", machine, PUBLISHED, Options()))
        assert isinstance(found, tuple)
        assert found[0].code == "P103"
    assert math.isfinite(one(forecasts(held(request), [MANY])).seconds)


def test_work_that_only_the_machine_has_a_port_for_is_no_mistake(tmp_path):
    """The Ryzen of the analysis has no port for bf16; the machine that is measured has one."""
    text = ANALYSIS.replace("embeddinggemma_300m", "embeddinggemma_300m_fused").replace(
        "net = m.embeddinggemma", "net = m.embeddinggemma(products: bf16, operands: bf16)"
    )
    attention = one(forecasts(held(asked(tmp_path, analysis=text)), [LONG])).operator("attn")
    assert attention is not None
    assert attention.macs("bf16") > 0
