"""Numbers with a range: one input is one variable; exact where monotone; what moves a result."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.answers import answers, claim, codes, value


def bounds(formula, before, unit=""):
    """Best value, lowest and highest of a formula over uncertain inputs."""
    asked = f'show {formula} {"in " + unit if unit else ""} as "x"'
    number = value(answers(f"perf 1\nanalysis a() {{\n{before}\n{asked}\n}}\n"), "x")
    return number.value, number.low, number.high


def near(found, wanted, tolerance=1e-9):
    for a, b in zip(found, wanted, strict=True):
        assert math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance), (found, wanted)


@pytest.mark.parametrize(
    "formula, wanted",
    [
        ("x", (4, 3, 5)),
        ("x - x", (0, 0, 0)),
        ("x * x", (16, 9, 25)),
        ("2 * x - x", (4, 3, 5)),
        ("x^2 / x", (4, 3, 5)),
        ("x + y", (6, 4.5, 8)),
        ("x - y", (2, 0, 3.5)),
        ("x * y", (8, 4.5, 15)),
        ("x / y", (2, 1, 10 / 3)),
        ("(x + y) / y", (3, 2, 13 / 3)),
        ("x / (x + y)", (4 / 6, 3 / 6, 5 / 6.5)),
        ("max(x, 4.5)", (4.5, 4.5, 5)),
        ("min(x, y)", (2, 1.5, 3)),
        ("max(x, y) - min(x, y)", (2, 0, 3.5)),
        ("floor(x)", (4, 3, 5)),
        ("abs(x - 4)", (0, 0, 1)),
        ("(x - 4)^2", (0, 0, 1)),
        ("x * (10 - x)", (24, 21, 25)),
        ("(x - y) * (x - y)", (4, 0, 12.25)),
        ("sqrt(x)", (2, 3**0.5, 5**0.5)),
        ("exp(-x)", (math.exp(-4), math.exp(-5), math.exp(-3))),
        ("if x > 4.5 then 1 else 0", (0, 0, 1)),
        ("low(x)", (3, 3, 3)),
        ("high(x)", (5, 5, 5)),
        ("high(x) - low(x)", (2, 2, 2)),
        ("low(x - y)", (0, 0, 0)),
        ("high(x * y)", (15, 15, 15)),
        ("low(x) + x", (7, 6, 8)),
        ("low(x * y) * x", (18, 13.5, 22.5)),
        ("low(low(x) + x)", (6, 6, 6)),
        ("high(x - low(x))", (2, 2, 2)),
        ("z", (0.58, 0.5, 0.7)),
        ("100 * z", (58, 50, 70)),
        ("1 / z", (1 / 0.58, 1 / 0.7, 2)),
    ],
)
def test_what_a_formula_can_be(formula, wanted):
    """Best, lowest and highest are exact; an input that occurs twice is one variable."""
    before = "let x = 4 +- 1\nlet y = 2 in 1.5 .. 3\nlet z = 58 % in 50 % .. 70 %"
    # Where a formula is not monotone, 5 % of its width may be added to what it can be.
    best, low, high = bounds(formula, before)
    assert math.isclose(best, wanted[0], rel_tol=1e-12, abs_tol=1e-12)
    slack = 1e-9 + 0.05 * (wanted[2] - wanted[1])
    assert wanted[1] - slack <= low <= wanted[1] + 1e-9
    assert wanted[2] - 1e-9 <= high <= wanted[2] + slack


def test_a_quotient_of_one_variable():
    """A variable over itself is 1 to half a percent: nothing cancels, ranges are halved."""
    best, low, high = bounds("x / x", "let x = 4 +- 1")
    assert best == 1
    assert 0.995 <= low <= 1 <= high <= 1.005


MONOTONE = {
    "x": lambda x, _y, _z: x,
    "2 * x - x": lambda x, _y, _z: x,
    "x + y": lambda x, y, _z: x + y,
    "x - y": lambda x, y, _z: x - y,
    "x * y": lambda x, y, _z: x * y,
    "x / y": lambda x, y, _z: x / y,
    "sqrt(x)": lambda x, _y, _z: math.sqrt(x),
    "1 / z": lambda _x, _y, z: 1 / z,
    "max(x, 4.5)": lambda x, _y, _z: max(x, 4.5),
}


@pytest.mark.parametrize("formula", MONOTONE)
def test_monotone_formulas_are_exact(formula):
    """At the corners of the ranges, to the last bits."""
    before = "let x = 4 +- 1\nlet y = 2 in 1.5 .. 3\nlet z = 58 % in 50 % .. 70 %"
    _, low, high = bounds(formula, before)
    corners = [
        MONOTONE[formula](x, y, z) for x, y, z in itertools.product((3, 5), (1.5, 3), (0.5, 0.7))
    ]
    near((low, high), (min(corners), max(corners)), 1e-12)


@st.composite
def smooth(draw):
    """A random smooth formula of x and y, as text and as a function."""
    shapes = [
        ("{a} * x + {b} * y", lambda a, b: lambda x, y: a * x + b * y),
        ("{a} * x * y / ({b} + x)", lambda a, b: lambda x, y: a * x * y / (b + x)),
        ("{a} * x - {b} * x * x", lambda a, b: lambda x, y: a * x - b * x * x),
        ("{a} / x + {b} * x / y", lambda a, b: lambda x, y: a / x + b * x / y),
        ("max({a} * x, {b} * y)", lambda a, b: lambda x, y: max(a * x, b * y)),
        ("max({a} / x, {b} * y) + x", lambda a, b: lambda x, y: max(a / x, b * y) + x),
        (
            "sqrt({a} * x) * exp(-y / {b})",
            lambda a, b: lambda x, y: math.sqrt(a * x) * math.exp(-y / b),
        ),
    ]
    text, make = draw(st.sampled_from(shapes))
    a, b = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    return text.format(a=a, b=b), make(a, b)


@settings(max_examples=60, derandomize=True, database=None)
@given(smooth(), st.integers(2, 9), st.integers(2, 9), st.integers(1, 9), st.integers(1, 9))
def test_ranges_against_sampling(case, x, y, dx, dy):
    """All that was sampled lies within the bounds, which are at most 5 % wider on either side."""
    text, f = case
    wide, high_ = x * dx / 10, y * dy / 10
    _, low, high = bounds(text, f"let x = {x} +- {wide}\nlet y = {y} +- {high_}")
    samples = [
        f(x + wide * (2 * i / 24 - 1), y + high_ * (2 * j / 24 - 1))
        for i, j in itertools.product(range(25), repeat=2)
    ]
    least, most = min(samples), max(samples)
    assert low <= least + 1e-9 * abs(least)
    assert high >= most - 1e-9 * abs(most)
    slack = 0.05 * (most - least) + 1e-9
    assert low >= least - slack
    assert high <= most + slack


# ------------------------------------------------------------------------------------ provenance

BOX = """perf 1
hardware box {{
  cores = 4 core  @spec("page")
  clock = 3 GHz   @assumed("boost")
  slow  = 1 ms    @assumed("guess")
  rate  = 5 GB/s  @assumed("guess")
}}
analysis a(cpu = box) {{ show {formula} as "x" }}
"""


@pytest.mark.parametrize(
    "formula, wanted",
    [
        ("cpu.clock", {"clock": 1}),
        ("1 Gcycle / cpu.clock", {"clock": -1}),
        ("cpu.cores * cpu.clock", {"clock": 1}),
        ("3 Gcycle / cpu.clock + cpu.slow", {"clock": -1 / 1.001, "slow": 1e-3 / 1.001}),
        ("max(1 Gcycle / cpu.clock, cpu.slow)", {"clock": -1}),
        ("max(1 kcycle / cpu.clock, cpu.slow)", {"slow": 1}),
        ("(1 Gcycle / cpu.clock)^2", {"clock": -2}),
        ("sqrt(1 GB / cpu.rate / (1 s))", {"rate": -0.5}),
        ("cpu.slow / cpu.slow", {}),
        ("cpu.cores", {}),
    ],
)
def test_elasticities(formula, wanted):
    """By how many percent a result moves for one of an assumed input."""
    found = answers(BOX.format(formula=formula))
    rests = {d.name.rsplit(".", 1)[-1]: d.elasticity for d in found.assumed}
    assert set(rests) == set(wanted)
    for name, number in wanted.items():
        assert math.isclose(rests[name], number, rel_tol=1e-9)


@settings(max_examples=30, derandomize=True, database=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_elasticities_against_finite_differences(a, b, c):
    """The elasticity is what the result does when the input is set a little higher."""
    formula = f"{a} Gcycle / cpu.clock + {b} * cpu.slow + {c} MB / cpu.rate"
    text = BOX.format(formula=formula)
    found = answers(text)
    best = value(found, "x").value
    for item in found.assumed:
        name = item.name.rsplit(".", 1)[-1]
        set_ = f"{name}={item.value.shown * 1.0001!r} {item.value.unit}"
        moved = value(answers(text, set_), "x").value
        assert math.isclose((moved / best - 1) / 1e-4, item.elasticity, rel_tol=1e-3, abs_tol=1e-6)


# ---------------------------------------------------------------------------------------- claims

CLAIMS = """perf 1
hardware box {{ t = {t} }}
analysis a(cpu = box) {{ claim "x" {claim} }}
"""


@pytest.mark.parametrize(
    "t, words, verdict",
    [
        ("5 ms", "cpu.t ~= 5.04 ms", "holds"),
        ("5 ms", "cpu.t ~= 5.06 ms", "fails"),
        ("5 ms", "cpu.t ~= 5.4 ms within 10 %", "holds"),
        ("5 ms", "cpu.t ~= 5 ms within rounding", "holds"),
        ("5.49 ms", "cpu.t ~= 5 ms within rounding", "holds"),
        ("5.51 ms", "cpu.t ~= 5 ms within rounding", "fails"),
        ("5.04 ms", "cpu.t ~= 5.0 ms within rounding", "holds"),
        ("5.06 ms", "cpu.t ~= 5.0 ms within rounding", "fails"),
        ("5.3 ms", "cpu.t ~= 5 ms +- 0.4 ms", "holds"),
        ("5.5 ms", "cpu.t ~= 5 ms +- 0.4 ms", "fails"),
        ("5 ms", "cpu.t == 5 ms", "holds"),
        ("5 ms", "cpu.t == 5.0000001 ms", "fails"),
        ("5 ms +- 1 ms", "cpu.t <= 6 ms", "holds"),
        ("5 ms +- 1 ms", "cpu.t <= 5.5 ms", "undecided"),
        ("5 ms +- 1 ms", "cpu.t <= 3.5 ms", "fails"),
        ("5 ms +- 1 ms", "cpu.t ~= 5 ms within 30 %", "holds"),
        ("5 ms +- 1 ms", "cpu.t ~= 5 ms", "undecided"),
        ("5 ms +- 1 ms", "cpu.t ~= 8 ms", "fails"),
        ("5 ms +- 1 ms", "cpu.t ~= 8 ms +- 2 ms", "undecided"),
        ("5 ms +- 1 ms", "cpu.t - cpu.t <= 0 ms", "holds"),
        ("5 ms +- 1 ms", "2 * cpu.t > cpu.t", "holds"),
        ("5 ms +- 1 ms", "cpu.t < cpu.t", "fails"),
        ("5 ms +- 1 ms", "2 * cpu.t / cpu.t ~= 2", "holds"),
        ("5 ms in 4 ms .. 9 ms", "high(cpu.t) ~= 9 ms", "holds"),
        ("5 ms in 4 ms .. 9 ms", "cpu.t >= 4 ms", "holds"),
        ("5 ms", "cpu.t == 0", "fails"),
        ("5 ms", "cpu.t != 0", "holds"),
        ("0 ms", "cpu.t == 0", "holds"),
        ("0 ms", "cpu.t == 0 ms", "holds"),
        ("0 ms", "2 * cpu.t ~= cpu.t", "holds"),
        ("0 ms", "cpu.t ~= 0 s within 5 %", "holds"),
        ("0 ms +- 1 ms", "cpu.t == 0", "undecided"),
        ("0 ms +- 1 ms", "cpu.t - cpu.t == 0", "holds"),
    ],
)
def test_verdicts_over_ranges(t, words, verdict):
    """A claim holds where all that it can be does, fails where none does, else it is undecided."""
    assert claim(answers(CLAIMS.format(t=t, claim=words)), "x").verdict == verdict


def test_a_refuted_claim_keeps_its_word_by_failing():
    """`refute` keeps its word by failing; what is undecided keeps any word."""
    cases = [("<= 6 ms", True, False), ("<= 3 ms", False, True), ("<= 5 ms", True, True)]
    for words, claimed, refuted in cases:
        text = CLAIMS.format(t="5 ms +- 1 ms", claim=f"cpu.t {words}")
        assert claim(answers(text), "x").kept == claimed
        assert claim(answers(text.replace('claim "x"', 'refute "x"')), "x").kept == refuted


@pytest.mark.parametrize(
    "text", ["5 ms in 6 ms .. 9 ms", "5 ms in 9 ms .. 4 ms", "5 ms in 4 B .. 9 B"]
)
def test_a_best_value_outside_its_range_is_refused(text):
    """The best value lies between the lowest and the highest, of one dimension."""
    assert codes(CLAIMS.format(t=text, claim="cpu.t <= 1 s"))


RIVALS = """perf 1
hardware box {{
  port fma {{ serves fp32; peak = {peak} }}
  memory dram {{ bandwidth = {bandwidth} }}
}}
operator kernel() {{ work fp32 = 14 GFLOP; read x = 1 GB }}
analysis a(cpu = box) {{
  let run = predict(kernel(), on: cpu)
  claim "dram" run.time bound by dram
  claim "memory" run.time bound by memory
  claim "compute" run.time bound by compute
  claim "all" run.compute <= run.dram.time and run.dram.time <= run.time
  claim "none" not (run.compute > run.dram.time)
}}
"""


@given(st.floats(11, 13), st.floats(0, 1), st.floats(0, 1), st.floats(0.9, 1.1), st.floats(0, 1))
@settings(max_examples=60, derandomize=True, database=None)
def test_what_binds_over_ranges(peak, below, above, bandwidth, around):
    """Of two skew ranges: one binds surely where its shortest time is above the other's longest."""
    peaks = (round(peak - below, 3), round(peak, 3), round(peak + above, 3))
    rates = (round(bandwidth - around / 2, 3), round(bandwidth, 3), round(bandwidth + around, 3))
    low, best, high = peaks
    slow, rate, fast = rates
    text = RIVALS.format(
        peak=f"{best} TFLOP/s in {low} TFLOP/s .. {high} TFLOP/s",
        bandwidth=f"{rate} TB/s in {slow} TB/s .. {fast} TB/s",
    )
    found = answers(text)
    ends = (14 / high, 14 / low), (1 / fast, 1 / slow)
    (quick, late), (short, long) = ends
    surely = "holds" if short >= late else "fails" if long < quick else "undecided"
    for name in ("dram", "memory", "all", "none"):
        assert claim(found, name).verdict == surely, (name, ends)
    other = "holds" if quick >= long else "fails" if late < short else "undecided"
    assert claim(found, "compute").verdict == other, ends


def test_an_undecided_rivalry_names_the_rivals():
    """What competes, each with all that it can be; without units of time where it is no time."""
    text = RIVALS.format(peak="15 TFLOP/s +- 2 TFLOP/s", bandwidth="1 TB/s")
    assert claim(answers(text), "dram").partial == "dram 1 ms, compute 933.3 us (823.5 .. 1,077)"
    sizes = 'analysis a(u = 3 B +- 2 B) { claim "x" max(x: u, y: 4 B) bound by x }'
    assert claim(answers(sizes), "x").partial == "y 4 B, x 3 B (1 .. 5)"


def test_a_parameter_may_be_uncertain():
    """Its default is a value like any other: `+-`, or a best value anywhere in a range."""
    text = 'analysis a(hit = 60 % in 40 % .. 75 %) { show 1 / (1 - hit) as "x" }'
    found = value(answers(text), "x")
    near((found.value, found.low, found.high), (2.5, 1 / 0.6, 4))
    found = value(answers(text, "hit=50 % +- 10 %"), "x")
    near((found.value, found.low, found.high), (2, 1 / 0.6, 2.5))
