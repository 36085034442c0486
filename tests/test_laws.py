"""Laws: what is true of every dimension, unit and program, and not of examples alone."""

import math
import re
from collections.abc import Sequence
from fractions import Fraction

import pint
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perfdsl.diagnostics import Source
from perfdsl.pipeline import Options, check_file
from perfdsl.semantics.dimensions import PURE, Dimension, of
from perfdsl.semantics.text import LARGE, PREFIXES, SMALL, scale
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import Quantity
from perfdsl.solve.answers import AnalysisAnswer, Number
from perfdsl.solve.extent import extent
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value
from tests.answers import ROOT, answers

LIBRARY = check_file(Source("units", "perf 1\n"), ROOT, Options()).entry
assert LIBRARY is not None
UNITS = LIBRARY.units
EVERY_NAME = sorted(set(UNITS.names()))
BASES = sorted(name for name, unit in UNITS.known.items() if str(unit.dim) == name)

powers = st.integers(-4, 4)
fractions = st.fractions(min_value=-3, max_value=3, max_denominator=4)
dimensions = st.dictionaries(st.sampled_from(BASES), fractions, max_size=4).map(
    lambda exponents: of(exponents.items())
)
whole_dimensions = st.dictionaries(st.sampled_from(BASES), powers, max_size=4).map(
    lambda exponents: of(exponents.items())
)


def unit(text: str) -> Unit:
    found = UNITS.parse(text)
    assert isinstance(found, Unit), text
    return found


# ---------------------------------------------------------------------------------- dimensions


@given(dimensions, dimensions, dimensions)
def test_dimensions_form_an_abelian_group(a, b, c):
    """Products are associative and commutative, 1 is neutral, and each has an inverse."""
    assert (a * b) * c == a * (b * c)
    assert a * b == b * a
    assert a * PURE == a
    assert a / a == PURE
    assert a / b == a * b**-1


@given(dimensions, dimensions, fractions, fractions)
def test_powers_of_dimensions_are_exponents(a, b, p, q):
    """Powers distribute over products and multiply with each other: roots undo squares."""
    assert (a * b) ** p == a**p * b**p
    assert a ** (p + q) == a**p * a**q
    assert (a**p) ** q == a ** (p * q)
    assert (a**2) ** Fraction(1, 2) == a
    assert a**1 == a
    assert a**0 == PURE


@given(dimensions)
def test_a_dimension_has_one_form(a):
    """Equal dimensions are one object, whatever the order of what they were made from."""
    assert of(reversed(a.exponents)) is a
    assert of([*a.exponents, ("s", 1), ("s", -1)]) is a
    assert a * PURE is a


# --------------------------------------------------------------------------------------- units


@given(whole_dimensions)
def test_a_printed_dimension_is_read_back(a):
    """The text of a dimension is a unit of that dimension, with factor 1."""
    assume(a != PURE)
    assert (unit(str(a)).dim, unit(str(a)).factor) == (a, 1.0)


factors = st.lists(
    st.tuples(st.sampled_from(EVERY_NAME), st.integers(1, 3)), min_size=1, max_size=3
)


def joined(parts: list[tuple[str, int]]) -> str:
    texts = [name if power == 1 else f"{name}^{power}" for name, power in parts]
    return "*".join(texts)


@given(factors, factors)
def test_a_unit_is_the_product_of_its_parts(above, below):
    """`a*b/(c*d)` has the factor and the dimension that its parts multiply to."""
    under = joined(below) if len(below) == 1 else f"({joined(below)})"
    found = unit(f"{joined(above)}/{under}")
    factor, dim = Fraction(1), PURE
    for parts, sign in ((above, 1), (below, -1)):
        for name, power in parts:
            one = unit(name)
            factor *= Fraction(one.factor) ** (sign * power)
            dim *= one.dim ** (sign * power)
    assert found.dim == dim
    assert found.factor == pytest.approx(float(factor), rel=1e-12)


magnitudes = st.floats(1e-14, 1e17)


@given(magnitudes, whole_dimensions)
def test_a_readable_unit_means_the_same(value, dim):
    """`1.296 ms` is the value that it was made from: scaled number times unit."""
    assume(dim != PURE)
    scaled, text = scale(value, dim)
    assert unit(text).dim == dim
    assert scaled * unit(text).factor == pytest.approx(value, rel=1e-12)


@given(magnitudes, st.sampled_from(sorted(SMALL | LARGE)), st.sampled_from(["", "/s", "/cycle"]))
def test_a_readable_number_has_one_to_three_digits_before_the_point(value, name, under):
    """A prefix is chosen so that the number is in 1 .. 1000, unless there is none left."""
    assume(name != under[1:])
    scaled, text = scale(value, unit(name + under).dim)
    prefix = text.partition("/")[0].removesuffix(name)
    last = {"f" if name in SMALL and not under else "", "E" if name in LARGE else ""}
    assert 1 - 1e-9 <= scaled < 1000 * (1 + 1e-9) or prefix in last


def test_prefixes_of_the_printer_are_those_of_the_library():
    """Each prefix that numbers are shown with has the factor that std/units gives it."""
    for exponent, prefix in PREFIXES.items():
        factor = UNITS.prefixes[prefix][0] if prefix else 1.0
        assert factor == pytest.approx(1000.0**exponent, rel=1e-15)
    for name in SMALL | LARGE:
        assert "decimal" in UNITS.takes[name]
    assert {name for name in SMALL if "small" in UNITS.takes[name]} == SMALL


def test_prefixes_are_powers_of_ten_or_two():
    """Decimal ones are powers of a thousand, binary ones of 1024, in the order of SI and IEC."""
    decimal, small, binary = "kMGTPE", "munpf", "KMGTPE"
    for at, letter in enumerate(decimal, 1):
        assert UNITS.prefixes[letter] == (10.0 ** (3 * at), "decimal")
    for at, letter in enumerate(small, 1):
        assert UNITS.prefixes[letter] == (float(f"1e-{3 * at}"), "small")
    for at, letter in enumerate(binary, 1):
        assert UNITS.prefixes[f"{letter}i"] == (2.0 ** (10 * at), "binary")
    micro = {"µ", "μ"}
    known = {*decimal, *small, *(f"{letter}i" for letter in binary), *micro}
    assert set(UNITS.prefixes) == known
    assert {UNITS.prefixes[sign][0] for sign in micro} == {1e-6}


REGISTRY: pint.UnitRegistry = pint.UnitRegistry()
# What pint means by the name, as one of the base unit behind it. pint counts bytes as 8 pure bits,
# hence the division; its Hz is 1/s and ours cycle/s, with the same factor.
IN_PINT = {"s": "s", "B": "B", "byte": "B", "bit": "B", "J": "J", "W": "W", "Hz": "Hz"}
# Names that pint has for other things: T is tesla there and a transfer here; a cycle is 2 pi rad.
OTHER_MEANING = {"T", "cycle"}


def stem(name: str) -> str:
    """The unit without its prefix."""
    found = UNITS.single(name)
    assert found is not None
    return name.removeprefix(found.prefix)


@pytest.mark.parametrize("name", [n for n in EVERY_NAME if stem(n) in IN_PINT])
def test_a_unit_has_the_factor_that_pint_gives_it(name):
    """Every unit that pint knows too, with every prefix."""
    theirs = REGISTRY.Quantity(1, name) / REGISTRY.Quantity(1, IN_PINT[stem(name)])
    assert theirs.to_base_units().magnitude == pytest.approx(unit(name).factor, rel=1e-12)


def test_every_other_unit_is_unknown_to_pint_or_means_something_else():
    """So that a new unit of the library is compared with pint, or its difference is noted."""
    rest = {stem(name) for name in EVERY_NAME} - set(IN_PINT) - OTHER_MEANING
    for name in rest - {"%"}:
        with pytest.raises(pint.UndefinedUnitError):
            REGISTRY.Quantity(1, name)
    assert REGISTRY.Quantity(1, "%").to_base_units().magnitude == unit("%").factor


# ------------------------------------------------------------------------------ scaling of units

PROGRAM = ROOT / "specs" / "analyses" / "theoretical_ceiling.perf"
# Counted things stay: a count that is not whole means something else to ceil and floor.
SCALED = ["s", "B", "cycle", "MAC", "op", "FLOP"]
PAGE = check_file(Source("page", PROGRAM.read_text("utf-8")), PROGRAM.parent, Options())


def numbers_of(scales: dict[str, float]) -> dict[int, tuple[Dimension, float]]:
    """Every shown value and computed side of the first program, its inputs in other base units."""
    graph = PAGE.graph
    reading = Reading(graph, answer_value, extent, answer_range)
    given_ = {}
    for number, node in enumerate(graph.nodes):
        if node.op == "input" and node.data.dim != PURE and not math.isnan(node.data.value):
            given_[number] = node.data.value * size_of(node.data.dim, scales)
    if scales:
        reading = reading.changed(given_)
    values = [
        value
        for analysis in PAGE.analyses
        for value in (
            *(item.value for item in analysis.shows),
            *(item.value for item in analysis.claims),
            *(item.other for item in analysis.claims),
        )
    ]
    return {
        value.node: (value.dimension, reading.value(value.node))
        for value in values
        if isinstance(value, Quantity)
    }


def size_of(dim: Dimension, scales: dict[str, float]) -> float:
    """How many times larger a number of that dimension is in the other base units."""
    return math.prod(scales.get(name, 1.0) ** float(power) for name, power in dim.exponents)


AS_WRITTEN = numbers_of({})


@settings(max_examples=25)
@given(st.fixed_dictionaries({name: st.floats(0.01, 100) for name in SCALED}))
def test_other_base_units_change_no_ratio(scales):
    """In any other base units the first program gives the same: ratios equal, the rest scaled."""
    assert len(AS_WRITTEN) > 100
    for node, (dim, value) in numbers_of(scales).items():
        expected = AS_WRITTEN[node][1] * size_of(dim, scales)
        assert value == pytest.approx(expected, rel=1e-9)


TEMPLATE = """perf 1
hardware box {{
  clock = {clock}
  port fma {{ serves fp32; peak = clock * 64 MAC/cycle }}
  cache l2 {{ size = {size} }}
  memory dram {{ bandwidth = {bandwidth} }}
}}
operator touch(n: Count) {{ work fp32 = n * {work}; read weights = n * {each} }}
analysis a(cpu = box) {{
  unknown e: Ratio in 0 .. 1
  let run  = predict(touch(n: 3_000_000), on: cpu)
  let real = predict(touch(n: 3_000_000), on: cpu with {{ fma.efficiency = e }}).time
  show run.time / {time} as "share"
  show run.intensity / ({work} / {each}) as "one"
  observe "x" real = {time}
  solve found = e from real
  claim "value" found.value ~= 17.4 %
  claim "arithmetic binds" run.time bound by compute
  claim "fits" fits({size} / 2, cpu.l2)
  claim "fast" run.time <= {time}
}}
"""
QUANTITIES = {
    "clock": (4_500_000_000, "Hz", "kMG"),
    "size": (16 * 2**20, "B", ["Ki", "Mi"]),
    "bandwidth": (83_200_000_000, "B/s", "kMG"),
    "work": (750, "MAC", "kM"),
    "each": (8, "B", "k"),
    "time": (45, "ms", ()),
}


def written(base: int, text: str, prefix: str) -> str:
    """A quantity with a prefix, its digits exact."""
    size = Fraction(UNITS.prefixes[prefix][0]) if prefix else Fraction(1)
    number = Fraction(base) / size
    return f"{float(number):.17g} {prefix}{text}"


def any_prefix(base: int, text: str, prefixes: Sequence[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(["", *prefixes]).map(lambda prefix: written(base, text, prefix))


quantities = st.fixed_dictionaries({name: any_prefix(*each) for name, each in QUANTITIES.items()})


def told(found: AnalysisAnswer) -> dict[str, object]:
    """What an analysis says, by title: numbers in base units, verdicts, and answers."""
    said: dict[str, object] = {}
    for item in found.shows:
        assert isinstance(item.value, Number)
        said[item.title] = item.value.value
    said.update((c.title, (c.verdict, c.kept)) for c in found.claims)
    said.update((s.name, (s.answer.kind, s.answer.min, s.answer.max)) for s in found.solved)
    return said


def same(left: dict[str, object], right: dict[str, object]) -> bool:
    """The same titles, words and, but for the rounding of floats, numbers."""
    return left.keys() == right.keys() and all(
        close(value, right[title]) for title, value in left.items()
    )


def close(left: object, right: object) -> bool:
    match left, right:
        case float(), float():
            both = math.isnan(left) and math.isnan(right)
            return both or math.isclose(left, right, rel_tol=1e-9)
        case tuple(), tuple():
            return all(close(a, b) for a, b in zip(left, right, strict=True))
        case _:
            return left == right


PLAIN = {name: written(base, text, "") for name, (base, text, _) in QUANTITIES.items()}


@given(quantities)
def test_another_prefix_changes_no_answer(texts):
    """Every literal in another prefix of its unit: the same ratios, verdicts and answers."""
    plain = told(answers(TEMPLATE.format(**PLAIN)))
    assert set(plain) >= {"share", "found", "value", "arithmetic binds", "fits", "fast"}
    assert same(plain, told(answers(TEMPLATE.format(**texts))))


# ------------------------------------------------------------------------------- random programs

# Definitions are texts over names v0, v1, ...; each has a dimension, so that every program checks.
LITERALS = {
    "": ["2", "0.5", "7", "30 %", "box.half"],
    "s": ["1 ms", "3 us", "0.25 s", "box.dram.latency"],
    "B": ["1 MiB", "3 kB", "64 B", "box.l2.size"],
    "B/s": ["10 GB/s", "1 MB/s", "box.dram.bandwidth"],
}
MACHINE = """hardware box {
  half = 0.5
  port fma { serves fp32; peak = 1 TMAC/s }
  cache l2 { size = 1 MiB }
  memory dram { bandwidth = 20 GB/s; latency = 80 ns }
}
"""
Definitions = list[tuple[str, str]]  # dimension and text; the name is v and the position


@st.composite
def definitions(draw):
    """Lets of four dimensions, each over literals, the hardware, and earlier lets."""
    found: Definitions = []
    for _ in range(draw(st.integers(2, 9))):
        dim = draw(st.sampled_from(sorted(LITERALS)))
        found.append((dim, draw(expression(dim, tuple(found), 2))))
    return found


@st.composite
def expression(draw, dim, earlier, depth):
    """A text of that dimension."""
    names = [f"v{i}" for i, (other, _) in enumerate(earlier) if other == dim]
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from(names * 3 + LITERALS[dim]))

    def part(of_dim):
        return draw(expression(of_dim, earlier, depth - 1))

    special = {"": ["ratio"], "s": ["took"], "B": ["moved"]}
    forms = ["sum", "product", "max", "if", *special.get(dim, [])]
    match draw(st.sampled_from(forms)):
        case "sum":
            return f"({part(dim)} {draw(st.sampled_from('+-'))} {part(dim)})"
        case "product":
            return f"{part('')} * {part(dim)}"
        case "max":
            return f"{draw(st.sampled_from(['max', 'min']))}({part(dim)}, {part(dim)})"
        case "if":
            return f"(if {part('s')} < {part('s')} then {part(dim)} else {part(dim)})"
        case "ratio":
            return f"({part('B')}) / ({part('B')} + 1 B)"
        case "took":
            return f"({part('B')}) / (abs({part('B/s')}) + 1 B/s)"
        case _:
            return f"({part('B/s')}) * ({part('s')})"


def lines(defined: Definitions) -> list[str]:
    lets = [f"let v{i} = {text}" for i, (_, text) in enumerate(defined)]
    return lets + [f'show v{i} as "v{i}"' for i in range(len(defined))]


def analysis(statements: list[str]) -> str:
    body = "\n".join(f"  {statement}" for statement in statements)
    return f"analysis a() {{\n{body}\n}}\n"


def values(text: str) -> dict[str, object]:
    return told(answers(text))


@given(definitions(), st.randoms(use_true_random=False))
def test_the_order_of_statements_does_not_matter(defined, random):
    """Lets and shows in any order, the hardware before or behind: the same values."""
    statements = lines(defined)
    plain = values(f"perf 1\n{MACHINE}{analysis(statements)}")
    random.shuffle(statements)
    assert values(f"perf 1\n{analysis(statements)}{MACHINE}") == plain


# Words of statements are names like any other, and a name may have letters beyond ASCII.
OTHER_NAMES = ["read", "work", "time", "let", "by", "Größe", "x_1", "box2", "s", "B", "a", "claim"]


@given(definitions(), st.permutations(OTHER_NAMES))
def test_another_name_changes_nothing(defined, names):
    """Each let under another name, also one that begins a statement or is a unit's."""
    text = f"perf 1\n{MACHINE}{analysis(lines(defined))}"
    new = re.sub(r'(?<!")\bv(\d+)\b', lambda match: names[int(match[1])], text)
    assert values(new) == values(text)


@given(definitions(), st.data())
def test_a_let_written_out_by_hand_gives_the_same(defined, data):
    """A name stands for its value: its definition in brackets may stand in its place."""
    at = data.draw(st.integers(0, len(defined) - 1))
    by_hand = [
        (dim, re.sub(rf"\bv{at}\b", lambda _: f"({defined[at][1]})", text)) for dim, text in defined
    ]
    plain = values(f"perf 1\n{MACHINE}{analysis(lines(defined))}")
    assert values(f"perf 1\n{MACHINE}{analysis(lines(by_hand))}") == plain


@given(definitions(), st.floats(0.4, 0.7))
def test_an_uncertain_value_contains_all_that_it_can_be(defined, sample):
    """With one input in a range, every value lies between its low and its high for each choice."""
    text = f"perf 1\n{MACHINE}{analysis(lines(defined))}"
    uncertain = answers(text.replace("half = 0.5", "half = 0.5 in 0.4 .. 0.7"))
    for item, chosen in zip(uncertain.shows, answers(text, f"half={sample}").shows, strict=True):
        assert isinstance(item.value, Number)
        assert isinstance(chosen.value, Number)
        slack = 1e-9 * max(abs(item.value.low), abs(item.value.high))
        assert item.value.low - slack <= chosen.value.value <= item.value.high + slack


@pytest.mark.parametrize("observed", ["0.99", "1", "1.01"])
def test_an_answer_is_a_set_wherever_the_uncertainty_of_what_was_observed_lies(observed):
    """Memory takes 1 ms: measured a little below, at or above it, much of the range fits."""
    body = [
        "unknown e: Ratio in 0 .. 1",
        "let t = max(compute: 0.1 ms / e, dram: 20 MB / box.dram.bandwidth)",
        f'observe "x" t = {observed} ms +- 0.02 ms',
        "solve found = e from t",
    ]
    (found,) = answers(f"perf 1\n{MACHINE}{analysis(body)}").solved
    assert found.answer.kind != "none"
    assert found.answer.min == pytest.approx(0.1 / (float(observed) + 0.02))
    assert found.answer.max == 1


def test_one_input_is_one_variable():
    """`x - x` is nearly nothing and `x / x` nearly 1, however uncertain x is."""
    body = ["let x = 1 ms / box.half", "show (x - x) / (1 ms)", "show x / x", "show x / (1 ms)"]
    text = f"perf 1\n{MACHINE}{analysis(body)}".replace("half = 0.5", "half = 0.5 in 0.4 .. 0.7")
    difference, ratio, alone = (show.value for show in answers(text).shows)
    assert isinstance(difference, Number)
    assert isinstance(ratio, Number)
    assert isinstance(alone, Number)
    assert alone.low == pytest.approx(1 / 0.7)
    assert alone.high == pytest.approx(1 / 0.4)
    assert max(-difference.low, difference.high, 1 - ratio.low, ratio.high - 1) < 0.02


def test_the_order_of_declarations_does_not_matter():
    """The first program with its top-level statements turned round.

    Inside a hardware the order of levels is their order from inner to outer, so that one stays.
    """
    assert PAGE.entry is not None
    texts = [statement.span.text for statement in PAGE.entry.file.body]
    turned = "perf 1\n" + "\n".join(reversed(texts)) + "\n"
    program = check_file(Source("turned", turned), PROGRAM.parent, Options())
    assert program.problems == ()
    assert [a.name for a in program.analyses] == [a.name for a in reversed(PAGE.analyses)]
    reading = Reading(program.graph, answer_value, extent, answer_range)
    by_title = {c.title: c for a in PAGE.analyses for c in a.claims}
    plain = Reading(PAGE.graph, answer_value, extent, answer_range)
    claims = [c for a in program.analyses for c in a.claims]
    assert len(claims) == len(by_title) > 50
    for item in claims:
        assert reading.value(item.left) == plain.value(by_title[item.title].left)
