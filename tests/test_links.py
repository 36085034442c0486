"""Links: what `send` states, what it takes, what policies make of it, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.answers import answers, claim, codes, shown, solution, solved, told, value

MACHINE = """perf 1
hardware box {{
  devices = 4 device
  port fma {{ serves fp32; peak = 1 TMAC/s }}
  cache l2 {{ size = 1 KiB; bandwidth = 500 GB/s }}
  memory dram {{ bandwidth = 100 GB/s }}
  {links}
}}
"""
RING = "link ring { bandwidth = 10 GB/s; latency = 3 us }"


def program(model, statements, links=RING, before=""):
    """One machine with these links, one model of that body, and an analysis."""
    return f"""{MACHINE.format(links=links)}
{before}
model net(n = 1_000_000) {{ {model} }}
analysis a(cpu = box, m = net) {{
  let run = predict(m, on: cpu)
  let limit = ceiling(m, on: cpu)
  show limit.time in s as "limit"
{statements}
}}
"""


def times(model, *formulas, links=RING, before=""):
    """The values of these formulas, in base units."""
    found = answers(program(model, "\n".join(f"  show {f}" for f in formulas), links, before))
    return [value(found, formula).value for formula in formulas]


# ----------------------------------------------------------------------------------------- time

RULES = {
    "": lambda s, r, m: m * 3e-6 + (s + r) / 10e9,
    "time = bytes / bandwidth": lambda s, r, m: (s + r) / 10e9,
    "time = max(sent, received) / bandwidth": lambda s, r, m: max(s, r) / 10e9,
    "time = messages * latency + max(sent, received) / bandwidth": lambda s, r, m: (
        m * 3e-6 + max(s, r) / 10e9
    ),
    "time = max(sent / up, received / down)": lambda s, r, m: max(s / 5e9, r / 20e9),
    "time = ceil(bytes / (4096 B)) * 1 us": lambda s, r, m: -(-(s + r) // 4096) * 1e-6,
}


@pytest.mark.parametrize("rule", RULES)
@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 100))
def test_a_links_time_is_its_rule_over_what_is_sent(rule, sent, received, messages):
    """Latency for each message, half and full duplex, a rate for each way, packets."""
    fields = "bandwidth = 10 GB/s; latency = 3 us; up = 5 GB/s; down = 20 GB/s"
    link = f"link ring {{ {fields}; {rule} }}"
    model = f"""use {{ send ring = {sent} B; send ring.received = {received} B
      send ring.messages = {messages} }} as x"""
    found = times(model, "run.ring.time", "run.ring.bytes", links=link)
    assert found == [
        pytest.approx(RULES[rule](sent, received, messages), rel=1e-12), sent + received,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "statements, messages",
    [
        ("send ring = 1 B", 1),
        ("send ring = 1 B; send ring = 2 B", 2),
        ("send ring = 1 B; send ring.received = 2 B", 1),
        ("send ring.received = 2 B", 1),
        ("send ring = 1 B; send ring.messages = 14", 14),
        ("send ring = 1 B; send ring.messages = 14; send ring.messages = 2", 16),
        ("send ring.messages = 14", 0),
        ("send ring = 0", 0),
    ],
)
def test_each_send_is_a_message_unless_it_says_how_many(statements, messages):
    """Nothing that is sent is no message, whatever is said of messages."""
    assert times(f"use {{ {statements} }} as x", "run.ring.messages") == [messages]


def test_without_anything_to_send_a_link_takes_no_time():
    """Even where its rule has a latency of its own, and in every row of the table."""
    link = "link ring { bandwidth = 10 GB/s; time = 1 s + bytes / bandwidth }"
    assert times("use { work fp32 = 1 MAC } as x", "run.ring.time", links=link) == [0]
    model = "use { work fp32 = 1 MAC } as x; use { send ring = 10 GB } as y"
    formulas = ("run.ring.time", 'run.ops["x"].ring.time', 'run.ops["y"].ring.time')
    assert times(model, *formulas, links=link) == [2, 0, 2]


def test_what_is_sent_adds_up_by_how_often_operators_run():
    """Bytes and messages are totals, so that latency counts once for each message."""
    model = """repeat l in 0 ..< 12 { use { send ring = n * 1 B; send ring.messages = 2 } as x }
      use { send ring = 5 B } as y"""
    found = times(model, "run.ring.sent", "run.ring.messages", "run.ring.time")
    assert found == [12e6 + 5, 25, pytest.approx(25 * 3e-6 + (12e6 + 5) / 10e9, rel=1e-12)]


def test_turns_that_send_otherwise_are_other_steps():
    """Equal turns of a repeat are one row; others are told apart by what they send."""
    sent = "if mod(l, 6) == {} then 2 B else 1 B"
    model = f"repeat l in 0 ..< 12 {{{{ use {{{{ send ring = {sent} }}}} as x }}}}"
    for cut, rows in ((7, 1), (5, 2)):
        text = program(model.format(cut), "  show run.ops columns name, sent, messages")
        table = shown(answers(text), "run.ops").value
        assert len(table.rows) == rows


def test_a_ceiling_has_no_efficiency_on_a_link():
    """`predict` takes it into account, in the default and in a rule; `ceiling` does not."""
    for rule in ("", "; time = bytes / bandwidth"):
        link = f"link ring {{ bandwidth = 10 GB/s; efficiency = 50 %{rule} }}"
        model = "use { send ring = 10 GB } as x"
        assert times(model, "run.ring.time", "limit.ring.time", links=link) == [2, 1]


def test_bytes_that_are_sent_are_no_bytes_of_memory():
    """`bytes`, `intensity` and the levels are as they were; `sent` tells of links."""
    model = "use { work fp32 = 1e6 MAC; read weights = 1e6 B; send ring = 5e6 B } as x"
    formulas = ("run.bytes", "run.dram.bytes", "run.intensity", "run.sent[ring]")
    assert times(model, *formulas) == [1e6, 1e6, 1, 5e6]


def test_an_operator_alone_tells_what_it_sends():
    """Bytes and messages by link, without a hardware."""
    before = "operator o(n: Count, over: Link) { send over = n * 2 B; send over.messages = 3 }"
    formulas = ("o(n: 4, over: any_name).sent[any_name]", "o(n: 4, over: x).messages[x]")
    found = times("use o(n: 1, over: ring) as x", *formulas, before=before)
    assert found == [8, 3]


def test_a_link_is_named_through_operators_or_by_its_hardware():
    """A parameter passes the name on; `box.ring` names a link where there is one."""
    before = """operator o(n: Count, over: Link) { send over = n * 2 B }
      model inner(over: Link, n = 5) { use o(n: n, over: over) as x }"""
    assert times("use o(n: 4, over: box.ring) as x", "run.ring.sent", before=before) == [8]
    show = "  show predict(inner(over: ring), on: cpu).ring.sent"
    text = program("use o(n: 1, over: ring) as x", show, before=before)
    assert value(answers(text), "predict(inner(over: ring), on: cpu).ring.sent").value == 10


def test_several_links_are_listed_and_asked_for_by_name():
    """`links` of a run: by name, and one behind the other."""
    links = "link a { bandwidth = 1 GB/s }\n  link b { bandwidth = 2 GB/s }"
    model = "use { send a = 3 GB; send b = 2 GB } as x"
    formulas = ("run.links.a.time", "run.links.b.time", "sum(l.time for l in run.links)",
                "max(l.time for l in run.links)")  # fmt: skip
    assert times(model, *formulas, links=links) == [3, 1, 4, 3]


# ------------------------------------------------------------------------------------- policies

loads = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))


@given(st.lists(loads, min_size=1, max_size=3))
def test_policies_of_the_library_against_their_definition(operators):
    """roofline: all overlap, on the totals; ecm: transfers do not with each other; serial: none."""
    model = "; ".join(
        f"use {{ work fp32 = {w}e9 MAC; read weights = {b}e8 B; "
        f"send ring = {s}e7 B; send back = {t}e7 B }} as x{i}"
        for i, (w, b, s, t) in enumerate(operators)
    )
    links = "link ring { bandwidth = 10 GB/s }\n  link back { bandwidth = 5 GB/s }"
    formulas = ("run.time", "run.time[ecm]", "run.time[serial]")
    found = times(model, *formulas, links=links)
    total_bytes = sum(b for _, b, _, _ in operators) * 1e8
    parts = []
    for w, b, s, t in operators:
        crossing = b * 1e8
        beyond = crossing if total_bytes > 1024 else 0.0
        parts.append((w * 1e-3, crossing / 500e9, beyond / 100e9, s * 1e-3, t * 2e-3))
    sums = [sum(column) for column in zip(*parts, strict=True)]
    expected = (max(sums), sum(max(p[0], sum(p[1:])) for p in parts), sum(sums))
    assert found == [pytest.approx(each, rel=1e-12) for each in expected]


@pytest.mark.parametrize(
    "sent, policy, holds",
    [
        ("10 GB", "roofline", {"ring", "link"}),
        ("1 B", "roofline", {"compute"}),
        ("10 GB", "ecm", {"ring", "link"}),
        ("10 GB", "serial", {"ring", "link"}),
        ("1 B", "serial", {"compute"}),
    ],
)
def test_a_link_binds_by_its_name_and_by_family(sent, policy, holds):
    """`bound by ring`, `bound by link`, `bound by memory`, `bound by compute`."""
    model = f"use {{ work fp32 = 1e11 MAC; read weights = 1 GB; send ring = {sent} }} as x"
    names = ("ring", "link", "memory", "compute")
    body = "\n".join(f'  claim "{name}" run.time[{policy}] bound by {name}' for name in names)
    found = answers(program(model, body))
    assert {name for name in names if claim(found, name).verdict == "holds"} == holds


def test_a_link_that_nothing_uses_changes_no_number():
    """The same times with and without links, under every policy of the library."""
    model = "repeat l in 0 ..< 3 { use { work fp32 = 1e9 MAC; read weights = 1 GB } as x }"
    formulas = ("run.time", "run.time[ecm]", "run.time[serial]", "limit.time")
    assert times(model, *formulas) == times(model, *formulas, links="")


def test_a_hardware_without_links_has_none_in_its_formulas():
    """The largest over no links has no say, nor has a sum of them: terms are as ever."""
    body = '  refute "c" run.time bound by compute'
    model = "use { work fp32 = 1 MAC; read weights = 1 GB } as x"
    assert claim(answers(program(model, body, links="")), "c").verdict == "fails"
    wrong = program(model, '  claim "c" run.time bound by ring', links="")
    assert codes(wrong) == ["P603"]
    assert "its terms: compute, l2, dram" in told(solution(wrong))


def test_a_policy_filters_links_by_a_field_of_ones_own():
    """What hides behind arithmetic, and what does not."""
    links = "\n".join(
        f"link {name} {{ bandwidth = 1 GB/s; hidden = {hidden} }}"
        for name, hidden in (("a", "true"), ("b", "false"))
    )
    before = """policy own per model = (
      max(compute, sum(l.time for l in links if l.hidden))
      + sum(l.time for l in links if not l.hidden) + links.b.time)"""
    model = "use { work fp32 = 5e12 MAC; send a = 3 GB; send b = 2 GB } as x"
    assert times(model, "run.time[own]", links=links, before=before) == [9]


def test_bytes_are_solved_from_the_time_of_a_link():
    """What a deadline allows: an inverse through latency and bandwidth."""
    body = """  unknown size: B in 0 B .. 10 GB
  let t = predict(o(size: size, over: ring), on: cpu).time
  solve most = size from t <= 1 s + 3 us"""
    before = "operator o(size: B, over: Link) { send over = size }"
    found = answers(program("use o(size: 1 B, over: ring) as x", body, before=before))
    assert solved(found, "most").answer.max == pytest.approx(10e9, rel=1e-9)
    body = body.replace("1 s + 3 us", "0.5 s + 3 us")
    found = answers(program("use o(size: 1 B, over: ring) as x", body, before=before))
    assert solved(found, "most").answer.max == pytest.approx(5e9, rel=1e-9)


def test_an_uncertain_bandwidth_and_a_scenario_reach_a_link():
    """10 +- 2 GB/s is an interval of times; an overlay is read again."""
    text = program("use { send ring = 12 GB } as x", """  show run.ring.time
  show run.ring.time[slow] as "slow\"""", "link ring { bandwidth = 10 GB/s +- 2 GB/s }",
        "scenario slow(cpu = box) { cpu.ring.bandwidth = 1 GB/s }")  # fmt: skip
    found = answers(text)
    number = value(found, "run.ring.time")
    assert (number.value, number.low, number.high) == pytest.approx((1.2, 1, 1.5))
    assert value(found, "slow").value == 12


# ---------------------------------------------------------------------------- each device, all


def test_a_link_of_each_device_carries_what_each_sends():
    """B/device over B/(s*device): the devices do not come into it."""
    link = "link ring { bandwidth = 10 GB/(s*device); latency = 1 us }"
    model = "use { send ring = 20 GB/device; send ring.messages = 2 } as x"
    found = times(model, "run.ring.time", "run.ring.sent * cpu.devices", links=link)
    assert found == [pytest.approx(2 + 2e-6, rel=1e-12), 80e9]


@pytest.mark.parametrize(
    "link, statement, code",
    [
        ("bandwidth = 10 GB/s", "send ring = 1 GB", ""),
        ("bandwidth = 10 GB/(s*device)", "send ring = 1 GB/device", ""),
        ("bandwidth = cores * 1 GB/(s*core)", "send ring = 1 GB", "P101"),
        ("bandwidth = 10 GB/(s*core)", "send ring = 1 GB", "P207"),
        ("bandwidth = 10 GB/s", "send ring = 1 GB/device", "P207"),
        ("bandwidth = 10 GB/(s*device)", "send ring = 1 GB", "P207"),
        ("bandwidth = 10 GB/s", "send ring = 1 GB; send ring.received = 1 GB/device", "P207"),
        ("bandwidth = 10 GB/s", "send rin = 1 GB", "P106"),
        ("bandwidth = 10 GB/s", "send dram = 1 GB", "P106"),
        ("bandwidth = 10 GB/s", "send ring = 12", "P202"),
        ("bandwidth = 10 GB/s", "send ring = 12 GB/s", "P202"),
        ("bandwidth = 10 GB/s", "send ring = 12 Gb", "P206"),
        ("bandwidth = 10 GB/s", "send ring = 1 GB; send ring.messages = 2 B", "P202"),
        ("bandwidth = 10 GB/s", "send ring = 1 GB; send ring.message = 2", "P106"),
        ("bandwidth = 10 GB/s; time = messages / bandwidth", "send ring = 1 GB", "P202"),
        ("latency = 1 us", "send ring = 1 GB", "P406"),
        ("bandwidth = 0 GB/s", "send ring = 1 GB", "P306"),
        ("bandwidth = 10 GB/s", "send ring = 1 GB - 2 GB", "P306"),
        ("bandwidth = 10 GB/s", "send ring = 1 GB; send ring.messages = 1 - 2", "P306"),
        ("bandwidth = 10 GB/s; latency = 5", "send ring = 1 GB", "P210"),
    ],
)
def test_a_mistake_with_a_link_is_one_message(link, statement, code):
    """Of each device beside all, names, units: one message each, and none where there is none."""
    model = f"use {{ {statement}; work fp32 = n * 1 MAC }} as x"
    text = program(model, "  show run.time", f"link ring {{ {link} }}")
    assert codes(text) == ([code] if code else []), told(solution(text))


def test_a_link_that_the_hardware_lacks_is_reported_where_it_is_named():
    """At the argument of the use, with the links that there are; `run.NAME` says nothing more."""
    before = "operator o(n: Count, over: Link) { send over = n * 2 B }"
    text = program("use o(n: 1, over: rimg) as x", "  show run.rimg.time", before=before)
    message = told(solution(text))
    assert codes(text) == ["P106"]
    assert "the hardware `box` has no link `rimg`" in message
    assert "over: rimg)" in message
    assert "did you mean `ring`?" in message
