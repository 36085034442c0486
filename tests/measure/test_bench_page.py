"""What the pages of a benchmark say, as files; `make golden` writes them anew."""

from pathlib import Path

import pytest

from perfdsl.present import bench_markdown, bench_page
from perfdsl.present.style import Theme
from tests.measure.records import SLOW, a_result, a_round, a_series, a_start

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "bench"

PEERS = {"llama.cpp": 50.0, "torch": 35.5}
EVERYTHING = a_result(
    a_series(threads=1, rounds=[a_round(20.5, slow=s, peers=PEERS) for s in SLOW]),
    a_series(rounds=[a_round(slow=s, peers=PEERS) for s in SLOW]),
    a_series(tokens=512, rounds=[a_round(112.25, peers={"llama.cpp": 470.0})] * 7),
    a_series(texts=64, beside=512, rounds=[a_round(168.0, beside=110.0)] * 7, stolen=0.02),
    startup=(a_start(compiled=31, first=9_000_000_000), a_start()),
)
ALONE = a_result(a_series(rounds=[a_round(rates={})] * 7), small_pages=None)

PAGES = {
    "page.txt": lambda: bench_page.page(EVERYTHING, Theme(width=100)),
    "narrow_ascii.txt": lambda: bench_page.page(EVERYTHING, Theme(width=60, unicode=False)),
    "alone.txt": lambda: bench_page.page(ALONE, Theme()),
    "table.md": lambda: bench_markdown.table(EVERYTHING),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_it_was_read(name, update_golden):
    """Every character of it."""
    file, found = GOLDEN / name, PAGES[name]() + "\n"
    if update_golden:
        file.parent.mkdir(exist_ok=True)
        file.write_text(found, "utf-8")
    assert found == file.read_text("utf-8")


def test_colour_is_only_added():
    """Without its codes the coloured page is the plain one."""
    plain = bench_page.page(EVERYTHING, Theme())
    colored = bench_page.page(EVERYTHING, Theme(color=True))
    assert colored != plain
    stripped = colored
    for code in ("\x1b[1m", "\x1b[2m", "\x1b[36m", "\x1b[0m"):
        stripped = stripped.replace(code, "")
    assert stripped == plain


def test_every_row_of_the_table_has_a_cell_for_each_heading():
    lines = bench_markdown.table(EVERYTHING).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 2 + len(EVERYTHING.series)
