"""The README's table of speed says what the record beside it says; `make golden` writes it anew."""

import re

from perfdsl.measure.results import Result
from perfdsl.measure.summary import rows
from perfdsl.present.bench_markdown import table
from tests.answers import ROOT

README = ROOT / "README.md"
RECORD = ROOT / "benchmarks" / "results" / "embeddinggemma_q8_0.json"
TABLE = re.compile(r"^\| tokens \| threads \| perfdsl .*\n(?:\|.*\n)+", re.MULTILINE)


def record():
    return Result.model_validate_json(RECORD.read_bytes())


def test_the_table_is_that_of_the_record(update_golden):
    """Every figure of it."""
    text, expected = README.read_text("utf-8"), table(record()) + "\n"
    assert TABLE.search(text) is not None
    if update_golden:
        text = TABLE.sub(lambda _: expected, text)
        README.write_text(text, "utf-8")
    assert TABLE.findall(text) == [expected]


def test_each_case_of_the_record_has_both_bounds():
    """Limits were measured in every round that times ours; peers were timed in some."""
    found = rows(record())
    for row in found:
        assert row.hard is not None
        assert row.structural is not None
        assert row.ours.count == row.rounds == row.hard.count
    assert {name for row in found for name in row.ratios} == {"llama.cpp", "torch"}
