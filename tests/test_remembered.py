"""What is read once and used again: calls of functions and operators with the same arguments."""

from tests.answers import answers, codes, value

PROGRAM = """perf 1
hardware box { port fma { serves fp32; peak = 1e9 FLOP/s }; memory ram { bandwidth = 1 GB/s } }
workload short { tokens = 10 token }
workload long { tokens = 30 token }
fn double(n: Count): Count = n * 2
operator twice(n: Count = count(load.tokens)) {
  input = double(n)
  work fp32 = double(n) * 1 FLOP
  read arrays = double(n) * 1 B
}
analysis again(cpu = box, load = short) {
  let first = twice().work + twice(n: 5).work
  let second = twice().work + twice(n: 5).work
  let third = twice(n: 5).input
"""


def test_what_was_read_again_depends_on_the_same():
    """The second use of a call reads the workload as the first one does: an index changes both."""
    found = answers(PROGRAM + "show first[long]\nshow second[long]\nshow second\n}")
    assert [value(found, title).value for title in ("first[long]", "second[long]", "second")] == [
        70.0,
        70.0,
        30.0,
    ]


def test_what_reads_nothing_depends_on_nothing():
    """A call that does not ask for the workload does not depend on it at its second use either."""
    assert codes(PROGRAM + "show third[long]\n}") == ["P307"]
    assert codes(PROGRAM + "show third + twice(n: 5).input\nshow third[long]\n}") == ["P307"]


def test_each_argument_counts():
    """Values that differ in unit, tag or number are different arguments."""
    text = PROGRAM.replace("(n: Count): Count = n * 2", "(n: Any) = n * 2")
    shown = "show double(3)\nshow double(3 B)\nshow double(4 B)\nshow double(3 token)\n}"
    found = answers(text + shown)
    numbers = [value(found, each.title) for each in found.shows]
    assert [(each.value, each.unit) for each in numbers] == [
        (6.0, ""),
        (6.0, "B"),
        (8.0, "B"),
        (6.0, "token"),
    ]


def test_a_mistake_in_a_call_is_told_once():
    """A body that cannot be read is read again for each call, and reported once."""
    text = PROGRAM.replace("n * 2", "n * nothing")
    assert codes(text + "show first\nshow second\n}") == ["P101"]
