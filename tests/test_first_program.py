"""The published analysis, redone: every row of the table, and what moves when an input moves."""

import csv
import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from perfdsl.solve.answers import Number, Observed, Verdict
from tests.answers import ROOT, claim, file_answers, member, names, value

PROGRAM = ROOT / "specs" / "analyses" / "theoretical_ceiling.perf"
TABLE = Path(__file__).parent / "data" / "published_figures.csv"
ROWS = {row["id"]: row for row in csv.DictReader(TABLE.read_text("utf-8").splitlines())}
NUMBERS = [i for i, row in ROWS.items() if row["computed"] and row["unit"]]
WORDS = ["verdict.cold", "verdict.warm"]
EXPECTED = {
    "holds": "holds",
    "unit error": "fails",
    "wrong": "fails",
    "unphysical": "fails",
    "contradiction": "fails",
    "observation": "observed",
}
MIB = 2**20


@cache
def page(*settings):
    """The answers of the ceiling analysis, with some inputs set."""
    first, *_ = file_answers(PROGRAM, *settings)
    return first


def statement(row_id, *settings):
    found = page(*settings)
    (item,) = (s for s in (*found.claims, *found.observations) if s.id == row_id)
    return item


def computed(row_id, *settings):
    """What the program computes for a row, in the table's unit."""
    item = statement(row_id, *settings)
    assert isinstance(item, Verdict)
    return item.computed.shown if isinstance(item.computed, Number) else item.computed


# ----------------------------------------------------------------------- the independent script


def q8_0(columns, length):
    """Bytes of a matrix in Q8_0: each column is padded to blocks of 32 values and 34 bytes."""
    return columns * math.ceil(length / 32) * 34


def script(d_model=768, layers=24, channels=2, clock=4.5, cores=12):
    """Every computed row, by plain arithmetic from the table's column `how`."""
    d_ff, d_q, d_kv, vocab, boost = 1152, 768, 256, 262_144, 5.4
    short, long = 12, 65
    fp32, int8 = 2 * 8 * 2, 2 * 32 * 2
    core, chip = int8 * clock, int8 * clock * cores  # Gop/s
    bandwidth = channels * 8 * 5.2  # GB/s

    q, k, gate, down = d_model * d_q, d_model * d_kv, d_model * d_ff, d_ff * d_model
    attention, ffn = 2 * q + 2 * k, 2 * gate + down  # MAC
    token = layers * (attention + ffn) * 2  # op

    def bytes_(matrix):
        return (
            matrix(d_q, d_model) + 2 * matrix(d_kv, d_model) + matrix(d_model, d_q),
            2 * matrix(d_ff, d_model) + matrix(d_model, d_ff),
        )

    plain = bytes_(lambda n, k: n * k)
    packed = sum(bytes_(q8_0))
    weights, rows = layers * packed, q8_0(short, d_model)
    one_pass = weights + rows
    room = 2 * 32 * MIB if cores > 6 else 32 * MIB
    warm = 0 if one_pass <= room else one_pass
    arithmetic, streaming = short * token / chip / 1e9, warm / bandwidth / 1e9
    llama_short, llama_long, go_short, go_long = 6e-3, 18e-3, 51.1e-3, 304.3e-3
    rate = short * token / llama_short / 1e9
    return {
        "hw.fp32.flop_per_cycle": fp32,
        "hw.fp32.core_peak": fp32 * boost,
        "hw.fp32.chip_peak": fp32 * cores * clock,
        "hw.int8.lanes": 256 / 8,
        "hw.int8.mac_per_cycle": 2 * 32,
        "hw.int8.op_per_cycle": int8,
        "hw.int8.core_peak": core,
        "hw.int8.chip_peak": chip,
        "hw.int8.avx2_core": core / 2,
        "hw.l3.size": 32,
        "hw.dram.bandwidth": bandwidth,
        "wl.q": 2 * q,
        "wl.k": 2 * k,
        "wl.v": 2 * k,
        "wl.o": 2 * q,
        "wl.attention": 2 * attention,
        "wl.gate": 2 * gate,
        "wl.up": 2 * gate,
        "wl.down": 2 * down,
        "wl.ffn": 2 * ffn,
        "wl.layer": 2 * (attention + ffn),
        "wl.layers24": token,
        "wl.token": token,
        "wl.short": short * token,
        "wl.attention_fp32": 2 * 768 * 2,
        "mem.activations": short * d_model * 4 / 1e6,
        "mem.attention_weights": plain[0] / 1024,
        "mem.ffn_weights": plain[1] / 1024,
        "mem.layer_weights": packed / 1e6,
        "mem.weights24": weights / 1e6,
        "mem.embedding_table": vocab * d_model / 1e6,
        "mem.embedding_rows": rows / 1e3,
        "mem.model_size": (weights + vocab * d_model * 34 / 32) / 1e6,
        "mem.cold": one_pass / 1e6,
        "mem.warm": warm / 1e6,
        "ai.warm": short * token / warm if warm else math.nan,
        "ai.cold": short * token / one_pass,
        "roof.ridge": chip / bandwidth,
        "verdict.cold": "memory-bound"
        if one_pass / bandwidth / 1e9 > arithmetic
        else "compute-bound",
        "verdict.warm": "memory-bound" if streaming > arithmetic else "compute-bound",
        "cmp.short": go_short / llama_short,
        "cmp.long": go_long / llama_long,
        "eff.llamacpp.throughput": rate,
        "eff.llamacpp.chip": rate / chip * 100,
        "eff.llamacpp.core": rate / core * 100,
        "eff.llamacpp.long_core": long * token / llama_long / 1e9 / core * 100,
        "eff.purego.short": short * token / go_short / 1e9,
        "eff.purego.long_work": long * token / 1e6,
        "eff.purego.long": long * token / go_long / 1e9,
        "eff.purego.core": short * token / go_short / 1e9 / core * 100,
        "eff.gap": go_short / llama_short,
        "opt.target_throughput": rate,
        "opt.target_latency": llama_short * 1e3,
        "opt.speedup": go_short / llama_short,
        "opt.near_latency": go_short / 4 * 1e3,
        "opt.near_efficiency": short * token / 13e-3 / 1e9 / core * 100,
        "opt.headroom": core / rate,
        "opt.ceiling_latency": short * token / core / 1e9 * 1e3,
    }


def same(left, right):
    if isinstance(left, str) or isinstance(right, str):
        return left == right
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return left == right or math.isclose(left, right, rel_tol=1e-9)


# --------------------------------------------------------------------------------------- rows


def test_the_table_is_the_published_one():
    """The copy of the table has the 62 rows that were published, each once."""
    assert len(ROWS) == 62
    assert len(TABLE.read_text("utf-8").splitlines()) == 63


@pytest.mark.parametrize("row_id", ROWS)
def test_a_row_has_its_published_value_and_unit(row_id):
    """Each row is one statement of the program, with its figure in the unit that was printed."""
    item, row = statement(row_id), ROWS[row_id]
    if isinstance(item, Observed):
        assert (item.observed.shown, item.observed.unit) == (float(row["published"]), row["unit"])
    elif row_id in WORDS:
        assert item.published == row["published"]
    elif not row["published"]:
        assert (item.published.shown, item.published.unit) == (100, row["unit"])
    else:
        assert isinstance(item.published, Number)
        assert math.isclose(item.published.shown, float(row["published"]), rel_tol=1e-12)
        assert (item.published.unit or "1") == row["unit"]
        assert item.computed.unit == item.published.unit


@pytest.mark.parametrize("row_id", [i for i, row in ROWS.items() if row["computed"]])
def test_a_row_is_computed_as_in_the_table(row_id):
    """What the program computes is the table's corrected figure to 0.1 %."""
    found, wanted = computed(row_id), ROWS[row_id]["computed"]
    if row_id in WORDS:
        assert found == wanted
    else:
        assert math.isclose(found, float(wanted), rel_tol=1e-3)


@pytest.mark.parametrize("row_id", ROWS)
def test_a_row_has_its_verdict(row_id):
    """Rows that hold hold, the others fail, measurements are observed; every word is kept."""
    item, wanted = statement(row_id), EXPECTED[ROWS[row_id]["verdict"]]
    assert isinstance(item, Observed) == (wanted == "observed")
    if isinstance(item, Verdict):
        assert item.verdict == wanted
        assert item.kept
        assert item.expects == (wanted == "holds")


@pytest.mark.parametrize("row_id", [i for i, r in ROWS.items() if r["verdict"] == "unit error"])
def test_a_unit_error_is_explained_by_the_bridge(row_id):
    """A figure in multiply-adds is explained by the bridge left out, up to 6 %."""
    why = statement(row_id).explanation
    assert "2 op/MAC" in why.edit
    assert abs(why.left) <= 0.06
    published = float(ROWS[row_id]["published"])
    assert math.isclose(why.value.shown / published - 1, why.left, abs_tol=1e-12)
    halved = computed(row_id) * (2 if row_id == "opt.headroom" else 0.5)
    assert math.isclose(why.value.shown, halved, rel_tol=1e-12)


@pytest.mark.parametrize("row_id", [i for i, r in ROWS.items() if r["verdict"] != "unit error"])
def test_no_other_row_is_called_a_unit_error(row_id):
    """The bridge explains the unit errors and nothing else."""
    why = getattr(statement(row_id), "explanation", None)
    assert why is None or "op/MAC" not in why.edit


def test_tolerances():
    """Rows that hold do so within rounding, but for three that say what they allow."""
    found = {
        i: statement(i).tolerance for i, r in ROWS.items() if r["verdict"] == "holds" and r["unit"]
    }
    wider = {i: t for i, t in found.items() if t != "within rounding"}
    assert wider == {
        "mem.embedding_table": "within 1 %",
        "eff.gap": "within 1 %",
        "opt.near_latency": "within 2 %",
    }


def test_the_model_size_is_explained_by_block_scales():
    """300 MB counts a byte a weight: the scales of Q8_0 account for it, no prefix does."""
    why = statement("mem.model_size").explanation
    assert "block scales of q8_0" in why.edit
    assert "34/32" in why.edit
    assert math.isclose(why.value.shown, (101_449_728 * 24 / 24 + 201_326_592) / 1e6, rel_tol=1e-9)


@pytest.mark.parametrize("row_id", ["mem.warm", "ai.warm", "verdict.warm", "claim.resident"])
def test_what_rests_on_the_weights_staying_is_refuted_with_numbers(row_id):
    """The notes say how large the weights are, how large the caches, and what must be read."""
    notes = " ".join(statement(row_id).explanation.notes)
    for figure in ("107.8 MB", "64 MiB", "2 x 32 MiB", "40.7 MB"):
        assert figure in notes


def test_what_does_not_rest_on_it_has_no_such_note():
    """A first pass reads everything whatever stays: no residency decides it."""
    for row_id in ("mem.cold", "ai.cold", "hw.l3.size", "wl.q", "mem.weights24"):
        assert statement(row_id).explanation.notes == ()


def test_every_word_is_kept():
    """All claims of both analyses keep their word, and nothing is undecided."""
    for analysis in file_answers(PROGRAM):
        assert analysis.broken == 0
        assert analysis.undecided == 0


# --------------------------------------------------------------------------------- conclusions


def test_the_conclusion():
    """12 tokens on 12 cores wait for memory; one core computes; the ridges."""
    found = page()
    one_pass = 107_790_336 + 9_792
    wanted = {
        "12 tokens, 12 cores: arithmetic": 0.35225,
        "12 tokens, 12 cores: weights from DRAM, streamed": one_pass / 83.2e9 * 1e3,
        "12 tokens, 12 cores: at the very least, what L3 cannot hold": (one_pass - 64 * MIB)
        / 83.2e6,
        "12 tokens, one core": 4.22707,
        "ridge, 12 cores": 44.138,
        "ridge, one core": 3.678,
    }
    for title, number in wanted.items():
        assert math.isclose(value(found, title).shown, number, rel_tol=1e-4), title
    assert claim(found, "verdict.warm").computed == "memory-bound"
    assert value(found, "ridge, 12 cores").unit == "token"


def test_the_conflict():
    """What 65 tokens in 18 ms on one core contradicts, and how far each would have to move."""
    (conflict,) = page().conflicts
    work, peak = 65 * 202_899_456, 576e9
    assert conflict.subject == "llama.cpp"
    assert conflict.scenarios == ("one_core",)
    assert names(conflict) == {"llama_long", "tokens", "cores", "int8_peak"}
    wanted = {
        "llama_long": ("at least", work / peak * 1e3),
        "tokens": ("at most", 65 * 18e-3 / (work / peak)),
        "cores": ("at least", work / peak / 18e-3),
        "int8_peak": ("at least", work / 18e-3 / 1e9),
    }
    for name, (direction, number) in wanted.items():
        found = member(conflict, name)
        assert found.allowed
        assert found.direction == direction
        assert math.isclose(found.needed.shown, number, rel_tol=2e-9)
    assert [round(member(conflict, n).needed.shown, 2) for n in wanted] == [
        22.9,
        51.1,
        1.27,
        732.69,
    ]


def test_the_clock_alone_cannot_make_peace():
    """5.72 GHz is out of 3.7 .. 5.4; at 5.4 GHz, 61 tokens would do."""
    (conflict,) = page().conflicts
    (clock,) = conflict.others
    assert clock.name.endswith("clock")
    assert not clock.allowed
    assert [r.shown for r in clock.range] == [3.7, 5.4]
    assert math.isclose(clock.needed.shown, 4.5 * 13188.46464 / 18 / 576, rel_tol=2e-9)
    pairs = {p.second.rsplit(".", 1)[-1]: p for p in conflict.pairs}
    assert pairs["tokens"].first.endswith("clock")
    assert pairs["tokens"].first_value.shown == 5.4
    assert pairs["tokens"].direction == "at most"
    assert math.isclose(
        pairs["tokens"].second_value.shown, 65 * 18 * 576 * 5.4 / 4.5 / 13188.46464, rel_tol=2e-9
    )


# ------------------------------------------------------------------------------ what is set moves

CHANGES: dict[str, dict[str, Any]] = {
    "d_model=512": {"d_model": 512},
    "layers=12": {"layers": 12},
    "channels=1": {"channels": 1},
    "clock=4 GHz": {"clock": 4.0},
    "cores=6": {"cores": 6},
}


def test_the_script_computes_the_rows():
    """As published, the script and the program agree in every row."""
    wanted = script()
    assert set(wanted) == {i for i, row in ROWS.items() if row["computed"]}
    assert {i for i, number in wanted.items() if not same(computed(i), number)} == set()


@pytest.mark.parametrize("setting", CHANGES)
def test_what_is_set_moves_exactly_what_depends_on_it(setting):
    """The rows that the script says depend on an input move, to its values; the others stay."""
    before, after = script(), script(**CHANGES[setting])
    wrong = {
        i: (computed(i, setting), v) for i, v in after.items() if not same(computed(i, setting), v)
    }
    assert wrong == {}
    moved = {i for i in before if not same(computed(i), computed(i, setting))}
    assert moved == {i for i in before if not same(before[i], after[i])}
    assert moved


@pytest.mark.parametrize("setting", CHANGES)
def test_observations_stay_what_was_measured(setting):
    """No input of the model moves a measurement or a published figure."""
    for item in page(setting).observations:
        assert item.observed.shown == float(ROWS[item.id]["published"])
    for row_id in NUMBERS:
        assert statement(row_id, setting).published == statement(row_id).published
