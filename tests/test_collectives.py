"""The collectives of the library, against devices that are simulated here, message by message."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfdsl.syntax import tree
from perfdsl.syntax.standard import load_library
from tests.answers import answers, codes, value

ELEMENT = 4

Array = list[int]


class Devices:
    """Devices with data, which notes what each sends, in bytes, and in how many steps all do."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.sent = [0] * count
        self.steps = 0
        self.waited = 0

    def exchange(self, messages: dict[int, tuple[int, Array]]) -> dict[int, Array]:
        """One step: sender -> (receiver, elements); what each receiver gets. All send at once."""
        self.steps += 1
        self.waited += max(len(data) for _, data in messages.values()) * ELEMENT
        for sender, (_, data) in messages.items():
            self.sent[sender] += len(data) * ELEMENT
        return {receiver: list(data) for receiver, data in messages.values()}


def parts(array: Array, count: int) -> list[Array]:
    size = len(array) // count
    return [array[i * size : (i + 1) * size] for i in range(count)]


def joined(pieces: list[Array]) -> Array:
    return [element for piece in pieces for element in piece]


def scattered(of: Devices, arrays: list[Array]) -> list[list[Array]]:
    """Ring: in p - 1 steps device i gets the sum of part i + 1."""
    p = of.count
    held = [parts(array, p) for array in arrays]
    for step in range(p - 1):
        messages = {i: ((i + 1) % p, held[i][(i - step) % p]) for i in range(p)}
        for receiver, data in of.exchange(messages).items():
            at = (receiver - 1 - step) % p
            held[receiver][at] = [a + b for a, b in zip(held[receiver][at], data, strict=True)]
    return held


def gathered(of: Devices, held: list[list[Array]], first: int) -> None:
    """Ring: in p - 1 steps each device gets all parts; device i begins with part i + first."""
    p = of.count
    for step in range(p - 1):
        messages = {i: ((i + 1) % p, held[i][(i + first - step) % p]) for i in range(p)}
        for receiver, data in of.exchange(messages).items():
            held[receiver][(receiver - 1 + first - step) % p] = data


def all_reduce(of: Devices, whole: list[Array]) -> None:
    held = scattered(of, whole)
    gathered(of, held, 1)
    total = [sum(column) for column in zip(*whole, strict=True)]
    assert all(joined(each) == total for each in held)


def reduce_scatter(of: Devices, whole: list[Array]) -> None:
    held = scattered(of, whole)
    total = parts([sum(column) for column in zip(*whole, strict=True)], of.count)
    assert all(held[i][(i + 1) % of.count] == total[(i + 1) % of.count] for i in range(of.count))


def all_gather(of: Devices, whole: list[Array]) -> None:
    pieces = parts(whole[0], of.count)
    held: list[list[Array]] = [
        [pieces[i] if i == at else [] for at in range(of.count)] for i in range(of.count)
    ]
    gathered(of, held, 0)
    assert all(joined(each) == whole[0] for each in held)


def all_to_all(of: Devices, whole: list[Array]) -> None:
    """Device i holds part i of the array, in p blocks; block j is meant for device j."""
    p = of.count
    blocks = [parts(piece, p) for piece in parts(whole[0], p)]
    got = [[blocks[i][i] if i == at else [] for at in range(p)] for i in range(p)]
    for step in range(1, p):
        messages = {i: ((i + step) % p, blocks[i][(i + step) % p]) for i in range(p)}
        for receiver, data in of.exchange(messages).items():
            got[receiver][(receiver - step) % p] = data
    assert all(got[j][i] == blocks[i][j] for i in range(p) for j in range(p))


def broadcast(of: Devices, whole: list[Array]) -> None:
    """Halves along a tree, then a ring: van de Geijn's, as in MPICH for long messages."""
    p = of.count
    pieces = parts(whole[0], p)
    owns: dict[int, list[int]] = {0: list(range(p))}
    while any(len(mine) > 1 for mine in owns.values()):
        messages = {}
        for device, mine in list(owns.items()):
            half = len(mine) // 2
            owns[device], owns[mine[half]] = mine[:half], mine[half:]
            messages[device] = (mine[half], joined([pieces[at] for at in owns[mine[half]]]))
        of.exchange(messages)
    held = [[pieces[i] if i == at else [] for at in range(p)] for i in range(p)]
    gathered(of, held, 0)
    assert all(joined(each) == whole[0] for each in held)


def send_recv(of: Devices, whole: list[Array]) -> None:
    got = of.exchange({i: ((i + 1) % of.count, whole[i]) for i in range(of.count)})
    assert all(got[(i + 1) % of.count] == whole[i] for i in range(of.count))


SIMULATED: dict[str, Callable[[Devices, list[Array]], None]] = {
    "all_reduce": all_reduce,
    "reduce_scatter": reduce_scatter,
    "all_gather": all_gather,
    "all_to_all": all_to_all,
    "broadcast": broadcast,
    "send_recv": send_recv,
}

PROGRAM = """perf 1
from "std/collectives" import {name}
hardware node {{
  devices = {devices} device
  link ring {{ bandwidth = 1 GB/(s*device); latency = 3 us }}
}}
analysis a(cpu = node) {{
  let run = predict({name}({arguments}over: ring), on: cpu)
  show run.ring.sent in B/device
  show run.ring.messages
  show run.time in s
}}
"""


def test_every_collective_has_a_simulation():
    """No operator of std/collectives is without one."""
    body = load_library()["std/collectives"].body
    assert {each.name for each in body if isinstance(each, tree.Operator)} == set(SIMULATED)


@pytest.mark.parametrize("name", SIMULATED)
@given(exponent=st.integers(1, 4), odd=st.integers(2, 11), size=st.integers(1, 20))
def test_bytes_and_messages_are_those_of_the_simulated_algorithm(name, exponent, odd, size):
    """What the busiest device sends, in how many steps, and the time as steps and bytes say."""
    count = 2**exponent if name == "broadcast" else odd
    elements = size * count * count
    of = Devices(count)
    SIMULATED[name](of, [[31 * i + at for at in range(elements)] for i in range(count)])
    devices = "" if name == "send_recv" else f"devices: {count} device, "
    unit = "B/device" if name == "send_recv" else "B"
    arguments = f"bytes: {elements * ELEMENT} {unit}, {devices}"
    found = answers(PROGRAM.format(name=name, devices=count, arguments=arguments))
    assert value(found, "run.ring.sent").value == max(of.sent)
    assert value(found, "run.ring.messages").value == of.steps
    expected = of.steps * 3e-6 + of.waited / 1e9
    assert value(found, "run.time").value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", sorted(set(SIMULATED) - {"send_recv"}))
def test_one_device_has_nobody_to_send_to(name):
    """No bytes, no message, no time."""
    arguments = "bytes: 1 GB, devices: 1 device, "
    found = answers(PROGRAM.format(name=name, devices=1, arguments=arguments))
    assert value(found, "run.ring.sent").value == 0
    assert value(found, "run.ring.messages").value == 0
    assert value(found, "run.time").value == 0


@pytest.mark.parametrize(
    "name, factor",
    [("all_reduce", 2), ("reduce_scatter", 1), ("all_gather", 1)],
)
@given(count=st.integers(2, 1024))
def test_bus_bandwidth_is_the_links(name, factor, count):
    """Of nccl-tests: size / time * factor * (p - 1) / p is the link's rate, without latency."""
    text = PROGRAM.format(
        name=name, devices=count, arguments=f"bytes: 1 GB, devices: {count} device, "
    ).replace("; latency = 3 us", "")
    time = value(answers(text), "run.time").value
    assert 1e9 / time * factor * (count - 1) / count == pytest.approx(1e9, rel=1e-12)


@pytest.mark.parametrize(
    "arguments, link, code",
    [
        ("bytes: 1 GB / (8 device), devices: 8 device, ", "1 GB/(s*device)", "P207"),
        ("bytes: 1 GB, devices: 8, ", "1 GB/(s*device)", "P210"),
        ("bytes: 1 GB, devices: 8 device, ", "8 GB/s", "P207"),
        ("bytes: 1 GB, devices: 7.5 device, ", "1 GB/(s*device)", "P305"),
    ],
)
def test_what_is_of_one_device_is_not_taken_for_all(arguments, link, code):
    """A part for the whole, a bare number for devices, the rate of all for that of each."""
    text = PROGRAM.format(name="all_reduce", devices=8, arguments=arguments)
    assert codes(text.replace("1 GB/(s*device)", link)) == [code]
