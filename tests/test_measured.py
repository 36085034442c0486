"""`measured(net, on: cpu)`: not measured without a value, with one an uncertain input."""

import json
import math
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import perfdsl
from perfdsl.diagnostics import Source, has_errors
from perfdsl.pipeline import Options, Solution, check_file, solve_file
from perfdsl.present import markdown, text
from perfdsl.present.json_form import document
from perfdsl.present.latex_page import document as latex
from perfdsl.present.style import Theme
from perfdsl.semantics.cases import MeasuredCase, Measurement
from perfdsl.semantics.settings import Setting
from perfdsl.semantics.values import Quantity
from perfdsl.semantics.wanted import wanted_measurements
from perfdsl.solve.answers import AnalysisAnswer
from perfdsl.symbolic.crossings import crossings
from perfdsl.symbolic.formulas import Formulas
from tests.answers import ROOT, claim, shown, solved, told, value

HEAD = """perf 1
hardware laptop {
  cores = 2 core
  port fma { serves fp32; peak = cores * 20 GFLOP/(s*core) }
  memory dram { bandwidth = 20 GB/s @assumed("a guess") }
}
operator triad(n: Count) { work fp32 = n * 2 FLOP; read arrays = n * 8 B }
model chain(n = 512) { use triad(n: n * count(load.tokens) * count(load.batch)) as only }
workload page { tokens = 500 token @assumed("a page") }
workload same { tokens = 5 * 100 token }
workload pages(many: Count) { tokens = 500 token; batch = many * 1 sequence }
workload line(t: Count) { tokens = t * 1 token }
workload later { tokens = 1 token; context = 500 token }
workload first { tokens = 500 token; start = cold }
scenario one_core(cpu = laptop) { cpu.cores = 1 core }
scenario slow(cpu = laptop) { cpu.dram.bandwidth = 10 GB/s }
scenario longer(net = chain) { net.n = 1024 }
"""


def program(body: str, head: str = HEAD) -> Source:
    """An analysis over the model `chain`, with these statements."""
    start = (
        "analysis a(cpu = laptop, net = chain, load = page) {\n  let run = measured(net, on: cpu)\n"
    )
    return Source("test.perf", f"{head}{start}{body}\n}}\n")


def wanted(body: str, *pairs: str, head: str = HEAD) -> tuple[MeasuredCase, ...]:
    settings_ = tuple(Setting(*pair.split("=", 1)) for pair in pairs)
    found = check_file(program(body, head), ROOT, Options(settings=settings_))
    assert not has_errors(found.problems), [each.title for each in found.problems]
    return wanted_measurements(found)


def measured_as(body: str, best: float, low: float, high: float) -> Solution:
    """The solution where every case took so long."""
    times = tuple(Measurement(case, best, low, high) for case in wanted(body))
    found = solve_file(program(body), ROOT, Options(measurements=times))
    assert not has_errors(found.problems), told(found)
    return found


def answers(body: str, best: float, low: float, high: float) -> AnalysisAnswer:
    return measured_as(body, best, low, high).answers[0]


def unmeasured(body: str) -> AnalysisAnswer:
    return solve_file(program(body), ROOT, Options()).answers[0]


# -------------------------------------------------------------------------------------- values

times = st.lists(st.floats(1e-9, 1e6), min_size=3, max_size=3).map(sorted)


@settings(max_examples=60, deadline=None)
@given(times)
def test_what_is_given_comes_out_to_the_bit(ends):
    """Best, low and high, of the time and of what is computed from it alone."""
    low, best, high = ends
    found = answers('show run.time as "t"\nshow run.throughput as "r"', best, low, high)
    number = value(found, "t")
    assert (number.low, number.value, number.high) == (low, best, high)
    rate = value(found, "r")
    assert (rate.low, rate.value, rate.high) == (500.0 / high, 500.0 / best, 500.0 / low)


def test_each_case_has_its_own_time():
    """Tokens, texts, cores, a cold start, a longer context and the model tell cases apart."""
    names = ["page", "pages(many: 3)", "page, one_core", "first", "later", "line(t: 7)", "longer"]
    body = "\n".join(f'show run.time[{each}] as "{each}"' for each in names)
    cases = wanted(body)
    assert len(set(cases)) == len(names)
    times_ = tuple(Measurement(case, at + 1.0, at + 1.0, at + 1.0) for at, case in enumerate(cases))
    found = solve_file(program(body), ROOT, Options(measurements=times_)).answers[0]
    assert [value(found, each).value for each in names] == [at + 1.0 for at in range(len(names))]
    told_ = [(c.tokens, c.batch, c.cores, c.cold, c.others, dict(c.model.values)) for c in cases]
    chain, context = {"n": 512.0}, (("context", 500.0), ("rows", 1.0))
    assert told_ == [
        (500, 1, 2, False, (), chain),
        (500, 3, 2, False, (), chain),
        (500, 1, 1, False, (), chain),
        (500, 1, 2, True, (), chain),
        (1, 1, 2, False, context[:1], chain),
        (7, 1, 2, False, (), chain),
        (500, 1, 2, False, (), {"n": 1024.0}),
    ]


def test_readings_under_the_same_inputs_are_one_input():
    """However the tokens are written; and a scenario about the machine is only a hypothesis."""
    body = """
      show run.time[same] - run.time as "by another workload"
      show run.time[line(t: 500)] - run.time as "by a parameter"
      show run.time[slow] - measured(net, on: cpu).time as "by another call"
      show run.time - measured(chain(n: 512), on: cpu).time as "by what it has by default"
    """
    assert len(wanted(body)) == 1
    found = answers(body, 2e-3, 1e-3, 5e-3)
    for show in found.shows:
        number = value(found, show.title)
        assert number.value == 0
        assert (number.low, number.high) == pytest.approx((0.0, 0.0), abs=1e-12)


def test_a_page_tells_machines_apart_where_there_are_several():
    """The same case on two machines is two times, each with its machine."""
    other = "hardware server { cores = 2 core; port fma { serves fp32; peak = 1 TFLOP/s }"
    head = f"{HEAD}{other}; memory dram {{ bandwidth = 1 TB/s }} }}\n"
    body = "show run.time\nshow run.time[server]"
    one, two = wanted(body, head=head)
    assert one.shown == two.shown
    given_ = Options(
        measurements=(Measurement(one, 1.0, 1.0, 1.0), Measurement(two, 2.0, 2.0, 2.0))
    )
    found = solve_file(program(body, head), ROOT, given_).answers
    assert [value(found[0], show.title).value for show in found[0].shows] == [1.0, 2.0]
    for page in (text.page(found, Theme()), markdown.page(found)):
        assert "2 cores on laptop" in page.replace("\\", "")
        assert "2 cores on server" in page.replace("\\", "")


def test_the_same_name_in_two_files_is_two_models(tmp_path):
    """What a file declares is told apart from what another one does."""
    for name in ("one", "other"):
        (tmp_path / f"{name}.perf").write_text(HEAD, "utf-8")
    body = 'import "./one" as one\nimport "./other" as other\nworkload page { tokens = 5 token }\n'
    body += "analysis a(cpu = one.laptop, load = page) {\n"
    body += 'show measured(one.chain, on: cpu).time - measured(other.chain, on: cpu).time as "d"\n}'
    found = check_file(Source("test.perf", f"perf 1\n{body}"), tmp_path, Options())
    assert not has_errors(found.problems)
    cases = wanted_measurements(found)
    assert [case.model.declared for case in cases] == ["chain", "chain"]
    assert len({case.model.file for case in cases}) == 2


def test_a_field_that_the_model_asks_for_tells_cases_apart():
    """Any other field of a workload says nothing about what is run."""
    loads = "workload few { tokens = 9 token; words = 3; kept = 3 }\n"
    loads += "workload many { tokens = 9 token; words = 5; kept = 3 }\n"
    body = "show run.time[few]\nshow run.time[many]"
    assert len(wanted(body, head=HEAD + loads)) == 1
    asking = "model words(n = 1) { use triad(n: load.words) as only }\n"
    cases = wanted(body, head=HEAD + loads + asking)
    assert [case.others for case in cases] == [(("words", 3.0),), (("words", 5.0),)]


def test_settings_change_the_case():
    """--set edits a definition before anything is checked: another case is asked for."""
    assert [case.cores for case in wanted("show run.time", "cores=1 core")] == [1]
    assert [case.tokens for case in wanted("show run.time", "load.tokens=12 token")] == [12]
    (case,) = wanted("show run.time", "net.n=7")
    assert case.model.values == (("n", 7.0),)


def test_only_what_statements_ask_for_is_wanted():
    """A definition alone, and a branch that is not taken, ask for nothing."""
    assert wanted("let unused = run.time") == ()
    assert wanted("show if cpu.cores == 2 core then 1 s else run.time") == ()
    assert len(wanted("show if cpu.cores == 1 core then 1 s else run.time")) == 1


def test_a_sum_over_lengths_asks_for_each():
    """No closed form is made of what is only known at single lengths."""
    cases = wanted("show sum(run.time[line(t: i)] for i in 1 .. 70)")
    assert sorted(case.tokens for case in cases) == list(range(1, 71))
    found = answers('show sum(run.time[line(t: i)] for i in 1 .. 70) as "all"', 2.0, 1.0, 3.0)
    number = value(found, "all")
    assert (number.low, number.value, number.high) == (70.0, 140.0, 210.0)


# ------------------------------------------------------------------------------------ verdicts

EVERY = """
  unknown e: Ratio in 0 .. 1
  let limit = ceiling(net, on: cpu).time
  data runs(t: Count) {
    1
    2
  }
  unknown c: s/token
  fit through = c from run.time[line(t: r.t)] ~= c * r.t * 1 token for r in runs
  solve share = e from limit / e == run.time
  show run.time as "time"
  show run.time < 1 s as "condition"
  show share as "answer"
  show through as "fit"
  show if run.time < 1 s then 1 else 2 as "choice"
  show smallest(n for n in 1 .. 3 if run.time[line(t: n)] > 1 ms) as "search"
  claim "order" run.time <= 1.2 * predict(net, on: cpu).time
  claim "near" run.time ~= 3 ms within 5 %
  claim "other side" limit <= run.time
  claim "condition" run.time < 1 s and limit < 1 s
  claim "rows" run.time[line(t: n)] <= n * 1 ms for n in 1 .. 3
  claim "bound" max(seen: run.time, least: limit) bound by seen
  claim "answer" share.min >= 10 %
  claim "end" high(run.time) <= 1 s
  refute "slow" run.time >= 1 s
"""


def test_nothing_is_known_before_it_is_measured():
    """Every claim is not measured and keeps its word; no value and no answer is made up."""
    found = unmeasured(EVERY)
    assert {each.verdict for each in found.claims} == {"not measured"}
    assert all(each.kept for each in found.claims)
    assert (found.broken, found.undecided, found.unmeasured) == (0, 0, 9)
    assert value(found, "time").missing
    assert value(found, "choice").missing
    assert value(found, "search").missing
    assert shown(found, "condition").value == shown(found, "fit").value == "not measured"
    assert solved(found, "share").answer.kind == "not measured"
    assert found.fits == ()
    assert found.problems == ()
    assert all(each.time.missing for each in found.measurements)
    assert not any("no value" in finding.title for finding in found.findings)


def test_every_page_tells_what_is_not_measured():
    """Text, Markdown, LaTeX and JSON say so, and none of them has a number from nowhere."""
    source = program(EVERY)
    found = solve_file(source, ROOT, Options())
    assert found.program is not None
    pages = [
        text.page(found.answers, Theme()),
        markdown.page(found.answers),
        latex(found.program, found.answers, file="test.perf", standalone=True),
    ]
    for page in pages:
        assert "not measured" in page
        assert "nan" not in page.replace("nano", "")
        assert "no value" not in page
    assert all("perfdsl validate" in page for page in pages[:2])
    told_ = document(found.answers, (), file="test.perf", tool="t", exit_code=0)
    (analysis,) = json.loads(told_)["analyses"]
    assert analysis["summary"]["unmeasured"] == 9
    assert {each["verdict"] for each in analysis["statements"]} == {"not measured"}
    assert {each["time"] for each in analysis["measurements"]} == {None}
    assert analysis["shows"][0]["value"]["value"] is None
    assert analysis["shows"][0]["text"] == "not measured"


@pytest.mark.parametrize(
    "interval, verdict",
    [
        ((1.0e-3, 0.9e-3, 1.1e-3), "holds"),
        ((1.0e-3, 0.9e-3, 2.0e-3), "holds"),
        ((1.0e-3, 0.9e-3, 2.1e-3), "undecided"),
        ((2.5e-3, 2.0e-3, 3.0e-3), "undecided"),
        ((2.5e-3, 2.1e-3, 3.0e-3), "fails"),
    ],
)
def test_the_verdict_follows_the_interval(interval, verdict):
    """A claim of at most 2 ms: by all that the time may be, as for any uncertain number."""
    found = answers('claim "fast" run.time <= 2 ms', *interval)
    assert claim(found, "fast").verdict == verdict


def test_a_measured_time_against_a_predicted_one():
    """512 * 500 elements of 8 B at 20 GB/s are 102.4 us: the claim moves with both."""
    body = 'claim "near" run.time <= 1.2 * predict(net, on: cpu).time\n'
    body += 'let efficiency = ceiling(net, on: cpu).time / run.time\nshow efficiency as "e"'
    assert claim(answers(body, 110e-6, 105e-6, 120e-6), "near").verdict == "holds"
    assert claim(answers(body, 120e-6, 105e-6, 125e-6), "near").verdict == "undecided"
    found = answers(body, 204.8e-6, 204.8e-6, 409.6e-6)
    assert claim(found, "near").verdict == "fails"
    number = value(found, "e")
    assert (number.low, number.value, number.high) == pytest.approx((0.25, 0.5, 0.5))


def test_an_equation_is_solved_for_an_unknown_of_the_prediction():
    """102.4 us / e is the measured time: a point, and all that fits within its interval."""
    body = "unknown e: Ratio in 0 .. 1\nsolve e from predict(net, on: cpu).time / e == run.time"
    found = solved(answers(body, 204.8e-6, 128e-6, 256e-6), "e").answer
    assert found.value == pytest.approx(0.5)
    assert (found.min, found.max) == pytest.approx((0.4, 0.8))


def test_rows_that_are_measured_and_rows_that_are_not():
    """The whole is told by its worst row; a row without a time does not hide one that fails."""
    body = 'claim "rows" run.time[line(t: n)] <= n * 1 ms for n in 1 .. 3'
    cases = {case.tokens: case for case in wanted(body)}

    def verdict(**known: float) -> tuple[str, str]:
        given_ = tuple(Measurement(cases[int(n[1:])], t, t, t) for n, t in known.items())
        found = solve_file(program(body), ROOT, Options(measurements=given_)).answers[0]
        item = claim(found, "rows")
        return item.verdict, item.computed

    assert verdict(n1=0.5e-3, n2=1e-3, n3=2e-3) == ("holds", "all 3 rows hold")
    assert verdict(n1=0.5e-3) == ("not measured", "2 of 3 rows not measured, 1 of the others holds")
    assert verdict(n1=5e-3)[0] == "fails"
    assert verdict()[1] == "3 of 3 rows not measured"


# ---------------------------------------------------------- what a measurement cannot be moved by


def test_what_settles_the_case_moves_no_result():
    """At another number of tokens another time is measured: its elasticity is not known."""
    body = """
      show run.throughput as "rate"
      show predict(net, on: cpu).time as "predicted"
      show predict(net, on: cpu).time / run.time as "ratio"
    """
    found = answers(body, 2e-3, 1e-3, 3e-3)
    moved = {show.title: {each.name for each in show.depends} for show in found.shows}
    assert moved == {
        "rate": set(),
        "predicted": {"page.tokens", "laptop.dram.bandwidth"},
        "ratio": {"laptop.dram.bandwidth"},
    }


def test_no_crossover_moves_what_settles_the_case():
    """By the peak or the bandwidth a term takes over, never by the tokens of a measured time."""
    body = "let mixed = max(seen: run.time, least: ceiling(net, on: cpu).time)\nshow mixed"
    found = measured_as(body, 2e-3, 1e-3, 3e-3)
    assert found.program is not None
    formulas = Formulas(found.program.graph)
    made = crossings(found.program.analyses[0], formulas, formulas.best())
    names = {formulas.inputs[each.parameter].name for each in made if each.of == "mixed"}
    assert "laptop.dram.bandwidth" in names
    assert not {"page.tokens", "laptop.cores", "chain.n"} & names


def test_formulas_name_the_measured_time():
    """It is a symbol above zero, with a name of its own, and never a number of the formula."""
    found = measured_as("let rate = run.throughput\nshow rate", 2e-3, 1e-3, 3e-3)
    assert found.program is not None
    formulas = Formulas(found.program.graph)
    (definition,) = (d for d in found.program.analyses[0].definitions if d.name == "rate")
    assert isinstance(definition.value, Quantity)
    expr = formulas.expr(definition.value.node)
    names = {formulas.inputs[symbol].name: symbol for symbol in expr.free_symbols}
    assert names.keys() == {"measured(chain, 500 tokens, 2 cores)", "page.tokens", "standard.batch"}
    assert names["measured(chain, 500 tokens, 2 cores)"].is_positive


# ------------------------------------------------------------------------------- from outside


@pytest.mark.parametrize(
    "best, low, high",
    [
        (math.nan, 1.0, 2.0),
        (1.0, math.nan, 2.0),
        (1e400, 1.0, 1e400),
        (-1.0, -2.0, 1.0),
        (0.0, 0.0, 0.0),
        (3.0, 1.0, 2.0),
        (1.0, 2.0, 1.0),
    ],
)
def test_a_number_that_no_clock_shows_is_refused(best, low, high):
    """The program is not solved with it, and says which case it was given for."""
    (case,) = wanted("show run.time")
    given_ = (Measurement(case, best, low, high),)
    found = solve_file(program("show run.time"), ROOT, Options(measurements=given_))
    assert [problem.code for problem in found.problems] == ["P514"]
    assert case.shown in found.problems[0].title
    assert found.answers == ()


def test_two_measurements_of_one_case_are_refused():
    """Which of them holds is nobody's guess; the same one twice is one."""
    (case,) = wanted("show run.time")
    one, other = Measurement(case, 1.0, 1.0, 1.0), Measurement(case, 2.0, 2.0, 2.0)
    found = solve_file(program("show run.time"), ROOT, Options(measurements=(one, other)))
    assert [problem.code for problem in found.problems] == ["P514"]
    found = solve_file(program("show run.time"), ROOT, Options(measurements=(one, one)))
    assert found.problems == ()


def test_a_measurement_of_another_case_changes_nothing():
    """It lies beside the program, which asks for its own case."""
    (case,) = wanted("show run.time[same]")
    others = wanted("show run.time[line(t: 3)]\nshow run.time[page, one_core]")
    assert case not in others
    given_ = tuple(Measurement(each, 1.0, 1.0, 1.0) for each in others)
    found = solve_file(program('show run.time as "t"'), ROOT, Options(measurements=given_))
    assert value(found.answers[0], "t").missing


def test_from_python(tmp_path):
    """`load` takes times for what an analysis wants; settings apply to both."""
    path = tmp_path / "a.perf"
    path.write_text(
        program('claim "fast" run.time <= 2 ms\nshow run.time in ms as "t"').text, "utf-8"
    )
    plain = perfdsl.load(path, cores=1).analysis()
    assert repr(plain.solve().claim("fast")) == "fast: not measured"
    assert repr(plain.solve().t) == "t = not measured"
    (case,) = plain.wanted
    assert case.cores == 1
    times_ = [perfdsl.Measurement(case, 1.5e-3, 1.4e-3, 1.6e-3)]
    results = perfdsl.load(path, cores=1, measurements=times_).analysis().solve()
    assert results.claim("fast").verdict == "holds"
    assert repr(results.t) == "t = 1.5 ms, 1.4 .. 1.6"
    other = perfdsl.load(path, measurements=times_).analysis().solve()
    assert other.claim("fast").verdict == "not measured"


def test_strict_asks_for_every_measurement(tmp_path):
    """Exit code 0, and 1 with --strict."""
    path = tmp_path / "a.perf"
    path.write_text(program('claim "fast" run.time <= 2 ms').text, "utf-8")
    codes = []
    for options in ([], ["--strict"]):
        command = [sys.executable, "-m", "perfdsl", "solve", str(path), *options]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        codes.append(done.returncode)
    assert codes == [0, 1]


def test_cases_are_wanted_in_the_order_in_which_they_are_met():
    """The same one each time, whatever else the file holds."""
    body = "\n".join(f"show run.time[line(t: {n})]" for n in (9, 3, 7))
    assert [case.tokens for case in wanted(body)] == [9, 3, 7]
    assert all(one == other for one, other in pairwise([wanted(body)] * 3))
