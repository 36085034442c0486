"""Fits against NumPy, SciPy, exact fractions, and leaving out each row by hand."""

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize

from perfdsl.numeric.least_squares import (
    bounded,
    determined,
    factored,
    leverages,
    residuals,
    solve,
    variances,
)
from perfdsl.numeric.levenberg import minimum
from perfdsl.present.json_form import document
from perfdsl.present.markdown import page as markdown_page
from perfdsl.present.style import Theme
from perfdsl.present.text import page
from tests.answers import answers, claim, codes, shown, solution, value

# --------------------------------------------------------------------- linear least squares

cells = st.integers(-50, 50).map(float)
scales = st.integers(-40, 40).map(lambda power: 2.0**power)  # exact, so that no rank changes


@st.composite
def designs(draw, *, most=4):
    """Columns of very different sizes, and a right side; not always of full rank."""
    width = draw(st.integers(1, most))
    rows = draw(st.integers(width, 12))
    columns = [
        [x * scale for x in draw(st.lists(cells, min_size=rows, max_size=rows))]
        for scale in draw(st.lists(scales, min_size=width, max_size=width))
    ]
    return columns, draw(st.lists(cells, min_size=rows, max_size=rows))


def dot(left, right):
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))


def exact(columns, right):
    """The normal equations in fractions: no rounding at all."""
    rows = [list(map(Fraction, column)) for column in columns]
    target = list(map(Fraction, right))
    size = len(rows)
    system: list[list[Fraction]] = [
        [
            sum((a * b for a, b in zip(rows[i], rows[j], strict=True)), Fraction(0))
            for j in range(size)
        ]
        + [sum((a * b for a, b in zip(rows[i], target, strict=True)), Fraction(0))]
        for i in range(size)
    ]
    for i in range(size):
        pivot = next((k for k in range(i, size) if system[k][i]), None)
        if pivot is None:
            return None
        system[i], system[pivot] = system[pivot], system[i]
        system[i] = [x / system[i][i] for x in system[i]]
        for k in range(size):
            if k != i:
                system[k] = [
                    a - system[k][i] * b for a, b in zip(system[k], system[i], strict=True)
                ]
    return [row[-1] for row in system]


def scaled(columns):
    matrix = np.array(columns, dtype=float).T
    lengths = np.linalg.norm(matrix, axis=0)
    return matrix, np.where(lengths, lengths, 1.0)


@given(designs())
def test_the_solution_is_the_exact_one(design):
    """Columns of sizes from 2^-40 to 2^40 against fractions, and against NumPy."""
    columns, right = design
    matrix, lengths = scaled(columns)
    expected = exact(columns, right)
    found = factored(columns)
    if expected is None:
        assert found.rank < len(columns)
        return
    assert found.rank == len(columns)
    x = np.array(solve(found, right)) * lengths
    reference = np.array([float(e) for e in expected]) * lengths
    condition = np.linalg.cond(matrix / lengths)
    size = max(np.abs(reference).max(), np.linalg.norm(right))
    assert np.abs(x - reference).max() <= 1e-13 * condition * size + 1e-12
    numpy = np.linalg.lstsq(matrix / lengths, np.array(right), rcond=None)[0]
    assert x == pytest.approx(numpy, rel=1e-9, abs=1e-9 * size)


@given(designs())
def test_variances_and_leverages(design):
    """The diagonals of (A'A)^-1 and of the hat matrix, against NumPy's pseudo-inverse."""
    columns, _ = design
    matrix, lengths = scaled(columns)
    assume(np.linalg.matrix_rank(matrix / lengths) == len(columns))
    assume(np.linalg.cond(matrix / lengths) < 1e4)
    found = factored(columns)
    inverse = np.linalg.pinv(matrix / lengths)
    assert variances(found) == pytest.approx(np.diag(inverse @ inverse.T) / lengths**2, rel=1e-8)
    assert leverages(found) == pytest.approx(np.diag(matrix / lengths @ inverse), abs=1e-10)


ends = st.tuples(st.integers(-5, 5), st.integers(0, 4)).map(lambda p: (p[0], p[0] + p[1]))


@given(designs(), st.lists(ends, min_size=4, max_size=4))
def test_within_bounds(design, limits):
    """No worse than SciPy's bounded solver, inside the bounds, and nothing left to gain."""
    columns, right = design
    matrix, lengths = scaled(columns)
    assume(np.linalg.matrix_rank(matrix / lengths) == len(columns))
    assume(np.linalg.cond(matrix / lengths) < 1e5)
    low = [a / s for (a, _), s in zip(limits, lengths, strict=False)]
    high = [b / s for (_, b), s in zip(limits, lengths, strict=False)]
    x, free = bounded(columns, right, low, high)
    assert all(lo <= v <= hi for lo, v, hi in zip(low, x, high, strict=True))
    assert free == tuple(at for at in range(len(x)) if low[at] < x[at] < high[at])
    loose = [(lo - 1e-12 * (lo == hi), hi + 1e-12 * (lo == hi)) for lo, hi in
             zip(np.array(low) * lengths, np.array(high) * lengths, strict=True)]  # fmt: skip
    expected = optimize.lsq_linear(matrix / lengths, right, tuple(zip(*loose, strict=True)),
                                   method="bvls", tol=1e-14)  # fmt: skip
    ours = math.fsum(r**2 for r in residuals(columns, x, right))
    assert ours <= 2 * expected.cost * (1 + 1e-9) + 1e-9
    # A convex problem: where no unknown gains by a step inside its bounds, nothing is better.
    gains = matrix.T @ np.array(residuals(columns, x, right)) / lengths
    slack = 1e-8 * (np.linalg.norm(right) + 1)
    for at, gain in enumerate(gains):
        assert gain <= slack or x[at] == high[at]
        assert gain >= -slack or x[at] == low[at]


def test_what_is_determined():
    """The row space in the unknowns' own names."""
    assert determined(factored([[1, 1, 1], [2, 2, 2]])) == [{0: 1.0, 1: 2.0}]
    assert determined(factored([[1, 1, 1], [0, 0, 0]])) == [{0: 1.0}]
    (one, other) = determined(factored([[1, 1, 1], [2, 2, 2], [1, 2, 4]]))
    assert one == pytest.approx({0: 1.0, 1: 2.0})
    assert other == pytest.approx({2: 1.0})


@given(designs(most=3), st.integers(0, 2), st.integers(-3, 3).filter(bool))
def test_a_dependent_column_is_found(design, at, times):
    """Twice the same column in other units: what is determined is their sum."""
    columns, _ = design
    matrix, lengths = scaled(columns)
    assume(np.linalg.matrix_rank(matrix / lengths) == len(columns) and at < len(columns))
    assume(np.linalg.cond(matrix / lengths) < 1e4)
    double = [*columns, [times * 1e6 * x for x in columns[at]]]
    found = determined(factored(double))
    assert len(found) == len(columns)
    (both,) = [each for each in found if len(each) == 2]
    assert both == pytest.approx({at: 1.0, len(columns): times * 1e6}, rel=1e-9)


# ------------------------------------------------------------------------------------ curves

CURVES: dict[str, tuple[Any, ...]] = {
    "power": (lambda x, a, b: a * x**b, [(0.1, 10), (0.2, 4)], [2.0, 1.5]),
    "saturating": (lambda x, a, b: a * x / (b + x), [(1, 100), (1, 50)], [30.0, 12.0]),
    "decay": (lambda x, a, b: a * np.exp(-b * x), [(0.1, 100), (0.001, 2)], [50.0, 0.1]),
    "maximum": (lambda x, a, b: np.maximum(a, b * x), [(1, 100), (0.1, 10)], [20.0, 2.0]),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("seed", range(4))
def test_curves_against_scipy(name, seed):
    """Bounded, from the middle of the ranges: never worse than SciPy's trust region."""
    curve, limits, true = CURVES[name]
    noise = np.random.default_rng(seed)
    x = np.linspace(1, 40, 25)
    y = curve(x, *true) * (1 + 0.02 * noise.normal(size=25))

    def gaps(point):
        return [float(g) for g in curve(x, *point) - y]

    def columns(point):
        return [
            optimize.approx_fprime(point, lambda p, i=i: curve(x, *p)[i], 1e-7 * np.abs(point))
            for i in range(25)
        ]

    def jacobian(point):
        return [list(map(float, column)) for column in np.array(columns(np.array(point))).T]

    low, high = zip(*limits, strict=True)
    start = [math.sqrt(a * b) for a, b in limits]
    found = minimum(gaps, jacobian, start, low, high)
    assert found is not None
    expected = optimize.least_squares(gaps, start, bounds=(low, high), xtol=1e-14, ftol=1e-14)
    assert found.cost <= 2 * expected.cost * (1 + 1e-6)


# ---------------------------------------------------------------------------------- programs

HEAD = """
analysis a() {{
  data runs(n: Count, took: ms) {{
{rows}
  }}
  unknown c0: ms{first}
  unknown c1: us{second}
  fit line = c0, c1 from {formula} for r in runs{tail}
  show line.c0 as "c0"
  show line.c1 as "c1"
  show line.c0.error as "e0"
  show line.c1.error as "e1"
  show line.rss as "rss"
  show line.r2 as "r2"
  show line.loo_rss as "loo"
}}
"""


def fitted(rows, formula="r.took ~= c0 + c1 * r.n", first="", second="", tail=""):
    lines = "\n".join(f"    {n}, {took!r}" for n, took in rows)
    text = HEAD.format(rows=lines, formula=formula, first=first, second=second, tail=tail)
    found = answers(text)
    names = ("c0", "c1", "e0", "e1", "rss", "r2", "loo")
    return {name: value(found, name).value for name in names}


@st.composite
def runs(draw):
    ns = draw(st.lists(st.integers(1, 10_000), min_size=4, max_size=12, unique=True))
    times = st.floats(0.01, 1000).map(lambda x: float(f"{x:.6g}"))
    return [(n, draw(times)) for n in ns]


@given(runs())
def test_a_line_against_scipy(rows):
    """Values, standard errors, sums, and each row left out by hand."""
    n, y = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows]) * 1e-3
    found = fitted(rows)
    matrix = np.vstack([np.ones_like(n), n]).T
    best, rss, _, _ = np.linalg.lstsq(matrix, y, rcond=None)
    size = np.abs(y).max()
    assert (found["c0"], found["c1"] * n.max()) == pytest.approx(
        (best[0], best[1] * n.max()), rel=1e-9, abs=1e-9 * size
    )
    assert found["rss"] == pytest.approx(rss[0], rel=1e-7, abs=1e-15 * size**2)
    spread = np.linalg.inv(matrix.T @ matrix) * rss[0] / (len(rows) - 2)
    errors = np.sqrt(np.diag(spread))
    assert (found["e0"], found["e1"]) == pytest.approx(tuple(errors), rel=1e-4, abs=1e-9 * size)
    total = ((y - y.mean()) ** 2).sum()
    if total > 1e-18 * size**2:
        assert found["r2"] == pytest.approx(1 - rss[0] / total, rel=1e-6, abs=1e-6)
    else:
        assert math.isnan(found["r2"])
    by_hand = 0.0
    for at in range(len(rows)):
        rest = np.arange(len(rows)) != at
        without = np.linalg.lstsq(matrix[rest], y[rest], rcond=None)[0]
        by_hand += (y[at] - matrix[at] @ without) ** 2
    assert found["loo"] == pytest.approx(by_hand, rel=1e-6, abs=1e-15 * size**2)


@given(runs())
def test_a_bounded_line_against_scipy(rows):
    """Declared ranges hold, each row left out included; an unknown at its end has no error."""
    n, y = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows]) * 1e-3
    found = fitted(rows, first=" in 0 ms .. 50 ms", second=" in 0 us .. 30 us")
    matrix = np.vstack([np.ones_like(n), n]).T
    low, high = np.array([0, 0]), np.array([0.05, 3e-5])
    scale = np.linalg.norm(matrix, axis=0)

    def solved(which):
        done = optimize.lsq_linear(matrix[which] / scale, y[which], (low * scale, high * scale),
                                   method="bvls", tol=1e-15)  # fmt: skip
        return done.x / scale

    best = solved(np.full(len(rows), True))
    size = np.abs(y).max()
    assert (found["c0"], found["c1"] * n.max()) == pytest.approx(
        (best[0], best[1] * n.max()), rel=1e-6, abs=1e-8 * size
    )
    for name, error, (lo, hi) in (("c0", "e0", (0, 50 * 1e-3)), ("c1", "e1", (0, 30 * 1e-6))):
        assert lo <= found[name] <= hi
        assert not math.isnan(found[error]) or found[name] in {lo, hi}, found
    by_hand = 0.0
    for at in range(len(rows)):
        by_hand += (y[at] - matrix[at] @ solved(np.arange(len(rows)) != at)) ** 2
    assert found["loo"] == pytest.approx(by_hand, rel=1e-5, abs=1e-9 * size**2)


def test_relative_errors_against_scipy():
    """The logarithms of both sides are fitted, and everything is left out by hand once."""
    rows = [(1, 2.1), (10, 4.2), (100, 19.0), (1000, 190.0), (3000, 640.0)]
    n, y = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows]) * 1e-3
    limits = " in 0 ms .. 50 ms", " in 0 us .. 900 us"
    found = fitted(rows, first=limits[0], second=limits[1], tail=" by relative")

    def gaps(x, which=slice(None)):
        return np.log(x[0] * 1e-3 + x[1] * 1e-6 * n[which]) - np.log(y[which])

    def solved(which):
        return optimize.least_squares(lambda x: gaps(x, which), [2, 200], xtol=1e-15, ftol=1e-15,
                                      bounds=([0, 0], [50, 900]))  # fmt: skip

    whole = solved(slice(None))
    assert (found["c0"] * 1e3, found["c1"] * 1e6) == pytest.approx(tuple(whole.x), rel=1e-7)
    assert found["rss"] == pytest.approx(2 * whole.cost, rel=1e-9)
    spread = np.linalg.inv(whole.jac.T @ whole.jac) * 2 * whole.cost / 3
    errors = np.sqrt(np.diag(spread)) * (1e-3, 1e-6)
    assert (found["e0"], found["e1"]) == pytest.approx(tuple(errors), rel=1e-5)
    logs = np.log(y)
    assert found["r2"] == pytest.approx(1 - 2 * whole.cost / ((logs - logs.mean()) ** 2).sum())
    by_hand = 0.0
    for at in range(len(rows)):
        rest = np.arange(len(rows)) != at
        by_hand += gaps(solved(rest).x, [at])[0] ** 2
    assert found["loo"] == pytest.approx(by_hand, rel=1e-6)


def test_a_curve_against_curve_fit():
    """`c1 * n^p`: values, errors and sums as SciPy has them."""
    rows = [(1, 0.5), (2, 1.1), (5, 3.4), (10, 8.3), (20, 19.0), (50, 55.0)]
    text = "\n".join(f"{n}, {t}" for n, t in rows)
    found = answers(f"""
        analysis a() {{
          data runs(n: Count, took: ms) {{\n{text}\n}}
          unknown c: ms in 0.01 ms .. 100 ms
          unknown p: Ratio in 0.5 .. 3
          fit curve = c, p from c * r.n^p ~= r.took for r in runs
          show curve.c as "c"; show curve.p as "p"; show curve.p.error as "e"
          show curve.rss as "rss"
        }}""")
    n, y = np.array(rows, float).T
    (c, p), spread = optimize.curve_fit(lambda x, c, p: c * x**p, n, y, p0=[1, 1], xtol=1e-15)
    assert value(found, "c").value == pytest.approx(c * 1e-3, rel=1e-7)
    assert value(found, "p").value == pytest.approx(p, rel=1e-7)
    assert value(found, "e").value == pytest.approx(math.sqrt(spread[1, 1]), rel=1e-4)
    assert value(found, "rss").value == pytest.approx(((c * n**p - y) ** 2).sum() * 1e-6, rel=1e-8)


MACHINE = """
hardware box {
  port fma { serves fp32; peak = 100 GFLOP/s }
  memory dram { bandwidth = 50 GB/s }
}
operator triad(n: Count) { work fp32 = n * 2 FLOP; read arrays = n * 12 B }
model net() { use triad(n: load.rows * 1000) }
workload sized(n: Count<token>) { tokens = n }
data runs(n: Count<token>, took: us) {
  100, 30.2
  200, 59.8
  400, 120.5
}
"""


def test_an_efficiency_is_fitted_through_the_model():
    """The fitted side may be a prediction, read for each row under the row's own workload."""
    found = answers(
        MACHINE
        + """
        analysis a(cpu = box, n = net, load = sized(n: 1 token)) {
          unknown e: Ratio in 10 % .. 100 %
          let t = predict(n, on: cpu with { dram.efficiency = e }).time
          fit eff = e from r.took ~= t[sized(n: r.n)] for r in runs
          show eff.e as "e"
          let fitted = predict(n, on: cpu with { dram.efficiency = eff.e }).time
          claim "each" fitted[sized(n: r.n)] ~= r.took within 2 % for r in runs
        }"""
    )
    n, y = np.array([100, 200, 400]) * 12_000 / 50e9, np.array([30.2, 59.8, 120.5]) * 1e-6
    inverse = (n @ y) / (n @ n)  # time is n / e: linear in 1 / e
    assert value(found, "e").value == pytest.approx(1 / inverse, rel=1e-9)
    assert claim(found, "each").verdict == "holds"


def test_a_fit_feeds_other_fits_solves_and_claims():
    """Its values are numbers of the program like any other."""
    found = answers(
        MACHINE
        + """
        analysis a() {
          unknown c: us in 0 us .. 10 us
          unknown d: Ratio in 0 .. 10
          unknown n: Count in 1 .. 100_000
          fit line = c from r.took ~= c * count(r.n) for r in runs
          fit again = d from r.took ~= d * line.c * count(r.n) for r in runs
          solve enough = n from line.c * n <= 1 ms
          show again.d as "d"; show enough.max as "n"; show line.c as "c"
          claim "own" line.c * 400 ~= 120 us
        }"""
    )
    n, y = np.array([100, 200, 400]), np.array([30.2, 59.8, 120.5]) * 1e-6
    slope = (n @ y) / (n @ n)
    assert value(found, "c").value == pytest.approx(slope, rel=1e-12)
    assert value(found, "d").value == pytest.approx(1, rel=1e-12)
    assert value(found, "n").value == math.floor(1e-3 / slope)
    assert claim(found, "own").verdict == "holds"


def test_a_fit_moves_with_what_it_rests_on():
    """An uncertain input gives a range, a scenario another fit, --set another one again."""
    text = (
        MACHINE.replace("peak", "size = 2 kB +- 1 kB; peak")
        + """
        scenario big(cpu = box) { cpu.fma.size = 4 kB }
        analysis a(cpu = box) {
          unknown c: us in 0 us .. 10 us
          fit line = c from r.took ~= c * count(r.n) * (cpu.fma.size / (1 kB)) for r in runs
          show line.c in us as "c"
          show line.c[big] in us as "big"
        }"""
    )
    n, y = np.array([100, 200, 400]), np.array([30.2, 59.8, 120.5])
    slope = (n @ y) / (n @ n)
    found = value(answers(text), "c")
    assert (found.low * 1e6, found.shown, found.high * 1e6) == pytest.approx(
        (slope / 3, slope / 2, slope), rel=1e-9
    )
    assert value(answers(text), "big").shown == pytest.approx(slope / 4, rel=1e-9)
    assert value(answers(text, "size=8 kB"), "c").shown == pytest.approx(slope / 8, rel=1e-9)


def test_a_perfect_fit_and_one_without_a_row_to_spare():
    """Nothing is left, and where there is no row to spare there is no error."""
    found = fitted([(1, 2.0), (2, 3.0), (4, 5.0)])
    assert (found["c0"], found["c1"]) == pytest.approx((1e-3, 1e-3), rel=1e-12)
    assert found["rss"] == pytest.approx(0, abs=1e-30)
    two = fitted([(1, 2.0), (2, 3.0)])
    assert (two["c0"], two["c1"]) == pytest.approx((1e-3, 1e-3), rel=1e-12)
    assert math.isnan(two["e0"])
    assert math.isnan(two["loo"])


# ----------------------------------------------------------------------------- undetermined


def problem_of(rows, formula):
    lines = "\n".join(f"    {n}, {took}" for n, took in rows)
    text = HEAD.format(rows=lines, formula=formula, first="", second="", tail="")
    (problem,) = solution(text).problems
    return problem


def test_what_the_rows_cannot_see_is_said_in_the_authors_names():
    """Equal rows, too few rows, an unknown that a factor of zero hides."""
    same = problem_of([(10, 1), (10, 2), (10, 3)], "r.took ~= c0 + 2 * c1 * r.n")
    assert (same.code, same.title) == (
        "P510",
        "the rows do not determine `c0` and `c1` one by one",
    )
    assert same.notes == ("only c0 + 20 * c1 is determined",)
    few = problem_of([(10, 1)], "r.took ~= c0 - c1 * r.n")
    assert few.notes == ("only c0 - 10 * c1 is determined",)
    assert "2 unknowns need at least 2 rows" in few.help
    hidden = problem_of([(10, 1), (20, 2)], "r.took ~= c0 * r.n + c1 * (r.n - r.n)")
    assert hidden.title == "the rows do not determine `c1`"
    assert hidden.notes == ("only c0 is determined",)


def test_fits_that_need_each_other_are_a_message():
    """As for definitions and solves."""
    text = (
        MACHINE
        + """
        analysis a() {
          unknown c: us in 0 us .. 10 us
          unknown d: us in 0 us .. 10 us
          fit one = c from r.took ~= c * count(r.n) + two.d for r in runs
          fit two = d from r.took ~= d * count(r.n) + one.c for r in runs
        }"""
    )
    assert codes(text) == ["P401"]


# ------------------------------------------------------------------------------------- pages


def test_a_fit_on_every_page():
    """Values, errors and sums in text, Markdown and JSON; the rows on demand."""
    found = answers(HEAD.format(rows="    1, 2.1\n    2, 3.0\n    4, 5.0", first="", second="",
                                formula="r.took ~= c0 + c1 * r.n", tail=""))  # fmt: skip
    text = page([found], Theme(100))
    assert "Fit line" in text
    assert "standard error" in text
    assert "fitted - observed" not in text
    assert "fitted - observed" in page([found], Theme(100), verbose=True)
    assert "### Fit line" in markdown_page([found])
    text = document([found], (), file="x", tool="t", exit_code=0)
    (fit,) = json.loads(text)["analyses"][0]["fits"]
    assert [each["name"] for each in fit["parameters"]] == ["c0", "c1"]
    assert len(fit["residuals"]["rows"]) == 3
    assert fit["r2"] == pytest.approx(0.99935163, abs=1e-8)


def test_a_whole_fit_is_shown_as_a_table():
    """`show line`: a row for each unknown."""
    found = answers(
        MACHINE
        + """
        analysis a() {
          unknown c: us
          fit line = c from r.took ~= c * count(r.n) for r in runs
          show line; show line.c in ns as "c"
        }"""
    )
    assert [row[0] for row in shown(found, "line").value.rows] == ["c"]
    assert value(found, "c").unit == "ns"


def test_a_fit_that_many_rows_ask_for_is_solved_once(monkeypatch):
    """A thousand claims over a fit do not fit a thousand times."""
    from perfdsl.solve import fit as module

    counted = []
    whole = module._fit

    def counting(problem):
        counted.append(1)
        return whole(problem)

    monkeypatch.setattr(module, "_fit", counting)
    rows = "\n".join(f"{n}, {n + n % 3}" for n in range(1, 301))
    found = answers(f"""
        data runs(n: Count, took: ms) {{\n{rows}\n}}
        analysis a() {{
          unknown c: ms in 0 ms .. 10 ms
          fit line = c from r.took ~= c * r.n for r in runs
          claim "each" line.c * r.n ~= r.took within 5 % for r in runs
        }}""")
    assert 0 < len([row for _, row in claim(found, "each").rows if row.verdict == "fails"]) < 300
    assert counted == [1]
