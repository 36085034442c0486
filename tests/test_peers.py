"""Other people's results: each figure of `data/peer_cases.json` is claimed by a program, and holds.

The table of LLM-Viewer is computed here a second time, straight from the tool's formulas, and held
against what the program answers when its parameters are set to other values.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perfdsl.present.json_form import document
from tests.answers import file_answers

ROOT = Path(__file__).parent.parent
CASES: dict[str, dict[str, Any]] = {
    case["program"]: case
    for case in json.loads((ROOT / "tests" / "data" / "peer_cases.json").read_text("utf-8"))
}
PREFIXES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
BASES = {*"op op/B B B/s s cycle FLOP/B FLOP/s token/s bit 1".split(), ""}

# Where each expected figure is claimed, and the figure's unit in the base units of the answers.
FIGURES: dict[str, dict[str, tuple[str, float]]] = {
    "williams_opteron_x2": {
        "ridge": ("ridge point", 1),
        "attainable_GFLOPs.spmv_before": ("SpMV", 1e9),
        "attainable_GFLOPs.spmv_after": ("SpMV in blocks", 1e9),
        "attainable_GFLOPs.lbmhd_wa": ("LBMHD, stores allocate", 1e9),
        "attainable_GFLOPs.lbmhd_nt": ("LBMHD, stores go around", 1e9),
    },
    "q8_0_head": {
        "head_MB": ("head", 1e6),
        "head_share_pct": ("share of the head", 0.01),
        "ceiling_tok_s": ("ceiling", 1),
        "bits_per_weight": ("bits of a weight", 1),
    },
    "aspen_latency": {
        "T_flops_s": ("operations", 1),
        "T_mem_s": ("loads", 1),
        "T_s": ("the two overlap", 1),
        "bound": ("memory binds", 1),
    },
    "calculon_efficiency": {
        **{
            f"flops.{at}": (f"{size} GFLOP", 1)
            for at, size in enumerate(("200", "128", "20", "5", "0.5"))
        },
        **{f"Bps.{at}": (size, 1) for at, size in enumerate(("200 MB", "50 MB", "2 MB", "0.5 MB"))},
    },
    "kerncraft_ecm_triad": {
        "T_L1L2": ("L1 and L2", 1),
        "T_L2L3": ("L2 and L3", 1),
        "T_MEM": ("L3 and memory", 1),
        "BW_mem_GBps": ("memory bandwidth", 1e9),
        "T_ECM": ("all in all", 1),
        "saturation_cores": ("saturation", 1),
        "scaling_cy_per_CL.0": ("1 core", 1),
        **{f"scaling_cy_per_CL.{n - 1}": (f"{n} cores", 1) for n in range(2, 9)},
    },
    "kerncraft_layer_conditions": {
        **{f"N_max.{level}": (f"N of {level}", 1) for level in ("L1", "L2", "L3")},
        **{
            f"holds_at_10000.{level}": (f"{level} holds at N = 10000", 1)
            for level in ("L1", "L2", "L3")
        },
        **{
            f"{what}.{case}": (f"{what}, {words}", 1)
            for what in ("misses", "hits")
            for case, words in {
                "full_cache": "all stays", "layer": "rows stay", "none": "nothing does",
            }.items()
        },
    },
    "llama2_7b_decode": {
        **{
            f"per_layer.{row}.{key}": (f"{name}: {row}", 1)
            for row in CASES["llama2_7b_decode"]["expected"]["per_layer"]
            for key, name in {
                "ops": "operations", "bytes": "bytes", "ai": "intensity", "time_s": "time",
                "bound": "memory binds each",
            }.items()
        },
        "total.ops": ("operations in all", 1),
        "total.bytes": ("bytes in all", 1),
        "total.time_s": ("time in all", 1),
        "total.memory_consumption_bytes": ("memory", 1),
    },
}  # fmt: skip


def analysis(program: str, *settings: str) -> dict[str, Any]:
    """The one analysis of a program, as `solve --format json` has it."""
    found = file_answers(ROOT / "examples" / "peers" / f"{program}.perf", *settings)
    told = document(found, (), file="", tool="perfdsl", exit_code=0)
    (answered,) = json.loads(told)["analyses"]
    assert isinstance(answered, dict)
    return answered


def in_base(value: float, unit: str) -> float:
    """A number in its unit without the prefix."""
    if unit == "%":
        return value * 0.01
    return value if unit in BASES else value * PREFIXES[unit[0]]


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure below a JSON value, with the names that lead to it."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for name, value in inner:
        here = f"{path}.{name}".lstrip(".")
        if isinstance(value, dict | list):
            yield from leaves(value, here)
        else:
            yield here, value


def each_claim(program: str) -> Iterator[dict[str, Any]]:
    """The claims of a program; one over rows is one for each of them, named `title: row`."""
    for claim in analysis(program)["statements"]:
        yield claim
        for row in claim.get("rows") or ():
            yield {**claim, **row, "statement": f"{claim['statement']}: {row['row']}"}


@pytest.mark.parametrize("program", FIGURES)
def test_a_peer_is_reproduced(program):
    """Each expected figure is what a claim states, and what the program computes."""
    claims = {claim["statement"]: claim for claim in each_claim(program)}
    case = CASES[program]
    for path, expected in leaves(case["expected"]):
        title, unit = FIGURES[program][path]
        claim = claims[title]
        holds = ("refute", "fails", True) if expected is False else ("claim", "holds", True)
        assert (claim["sort"], claim["verdict"], claim["kept"]) == holds, path
        if isinstance(expected, str | bool):
            continue
        stated = in_base(claim["published"], claim["unit"])
        computed = in_base(claim["computed"], claim["unit"])
        assert stated == pytest.approx(expected * unit, rel=1e-9), path
        # Figures of the scaling are printed with one decimal, which is coarser than the tolerance.
        printed = 0.05 if path.startswith("scaling") else 0.0
        near = pytest.approx(expected * unit, rel=case["tolerance_rel"], abs=printed)
        assert computed == near, path


def test_every_peer_has_its_program():
    """Each case is one of the programs, and each program reproduces a case."""
    programs = {path.stem for path in (ROOT / "examples" / "peers").glob("*.perf")}
    assert CASES.keys() == FIGURES.keys() == programs


# ------------------------------------------------------------ LLM-Viewer's formulas, once more

LLAMA = CASES["llama2_7b_decode"]["inputs"]


def linear(p: dict[str, float], ic: float, oc: float, stored: float) -> tuple[float, float]:
    """(operations, bytes) of a matrix, with the bytes of each value that it writes."""
    rows = p["batch"]
    moved = ic * oc * p["weight_bytes"] + rows * ic * p["act_bytes"] + rows * oc * stored
    return 2 * rows * ic * oc, moved


def table(p: dict[str, float]) -> dict[str, tuple[float, float]]:
    """(operations, bytes) of each operator of one decoding step, as the tool computes them."""
    h, ff, b, s, a = p["hidden"], p["intermediate"], p["batch"], p["seqlen"], p["act_bytes"]
    nh, d = p["heads"], p["hidden"] / p["heads"]
    d_kv = d * p["kv_heads"]
    scores, products = b * nh * s, 2 * b * nh * s * d
    both = b * h * a + scores * a + b * s * d_kv * p["kv_bytes"]
    return {
        "q_proj": linear(p, h, h, a),
        "k_proj": linear(p, h, d_kv, p["kv_bytes"]),
        "v_proj": linear(p, h, d_kv, p["kv_bytes"]),
        "out_proj": linear(p, h, h, a),
        "gate_proj": linear(p, h, ff, a),
        "up_proj": linear(p, h, ff, a),
        "down_proj": linear(p, ff, h, a),
        "qk_matmul": (products, both),
        "sv_matmul": (products, both),
        "softmax": (5 * scores, 2 * scores * a),
        "attn_norm": (7 * b * h, 2 * b * h * a),
        "mlp_norm": (7 * b * h, 2 * b * h * a),
        "attn_add": (b * h, 2 * b * h * a),
        "mlp_add": (b * h, 2 * b * h * a),
        "mlp_act": (2 * b * h, 3 * b * h * a),
        "lm_head": (b * h * p["vocab"], h * p["vocab"] * p["weight_bytes"] + (h + p["vocab"]) * a),
    }


def memory(p: dict[str, float]) -> float:
    """The tool's memory: weights and cache of all layers, what one layer's operators write."""
    h, ff, b, s, a = p["hidden"], p["intermediate"], p["batch"], p["seqlen"], p["act_bytes"]
    d_kv = p["kv_heads"] * h / p["heads"]
    weights = (2 * h * h + 2 * h * d_kv + 3 * h * ff) * p["weight_bytes"]
    cache = 2 * b * s * d_kv * p["kv_bytes"]
    written = (9 * h + 2 * ff + 2 * p["heads"] * s) * b * a
    return p["layers"] * (weights + cache) + written


SETTINGS: tuple[dict[str, float], ...] = (
    {},
    {"hidden": 5120},
    {"hidden": 8192, "heads": 64, "kv_heads": 8, "intermediate": 28672, "layers": 80},
    {"intermediate": 14336},
    {"layers": 40},
    {"heads": 16},
    {"kv_heads": 4},
    {"vocab": 128256},
    {"batch": 64},
    {"seqlen": 100_000},
    {"weight_bytes": 0.5},
    {"act_bytes": 1},
    {"kv_bytes": 1},
    {"bandwidth_Bps": 2e12, "peak_ops": 1e12},
)
NAMES = {"bandwidth_Bps": "bandwidth", "peak_ops": "peak"}
UNITS = {"bandwidth_Bps": " B/s", "peak_ops": " op/s"} | dict.fromkeys(
    ("weight_bytes", "act_bytes", "kv_bytes"), " B"
)


@pytest.mark.parametrize("changed", SETTINGS, ids=lambda c: " ".join(c) or "as published")
def test_the_table_follows_its_parameters(changed):
    """Set from outside, each row, the total and the memory are those of the tool's formulas."""
    p = {**LLAMA, **changed}
    given = [f"{NAMES.get(n, n)}={value}{UNITS.get(n, '')}" for n, value in changed.items()]
    shows = {show["name"]: show for show in analysis("llama2_7b_decode", *given)["shows"]}
    rows = {row[0]: row for row in shows["run.ops"]["table"]["rows"]}
    expected = table(p)
    assert rows.keys() == expected.keys()
    total = 0.0
    for name, (ops, moved) in expected.items():
        _, count, work, bytes_, intensity, time, bound = rows[name]
        assert (work["unit"], bytes_["unit"], time["unit"]) == ("op", "B", "us")
        times = 1 if name == "lm_head" else p["layers"]
        seconds = max(ops / p["peak_ops"], moved / p["bandwidth_Bps"])
        total += times * seconds
        assert (count["value"], work["value"], bytes_["value"]) == (times, ops, moved), name
        assert intensity["value"] == pytest.approx(ops / moved, rel=1e-12)
        assert time["value"] * 1e-6 == pytest.approx(seconds, rel=1e-12)
        assert bound == ("compute" if ops / p["peak_ops"] >= seconds else "dram"), name
    whole = {name: in_base(show["value"]["value"], show["value"]["unit"])
             for name, show in shows.items() if show["kind"] == "number"}  # fmt: skip
    assert whole["time of a token"] == pytest.approx(total, rel=1e-12)
    assert whole["memory"] == pytest.approx(memory(p), rel=1e-12)


def test_hidden_changes_each_row_that_depends_on_it():
    """All but softmax, whose values are pairs of positions."""
    before, after = (
        {row[0]: row[2:4] for row in found["shows"][0]["table"]["rows"]}
        for found in (analysis("llama2_7b_decode"), analysis("llama2_7b_decode", "hidden=5120"))
    )
    assert {name for name in before if before[name] == after[name]} == {"softmax"}


def test_the_head_that_counts_a_multiply_add_once_is_found():
    """One finding, at the head, and none at the layers that count two."""
    (finding,) = analysis("llama2_7b_decode")["findings"]
    lines = (ROOT / "examples" / "peers" / "llama2_7b_decode.perf").read_text("utf-8").splitlines()
    assert "1 op/MAC" in finding["title"]
    assert "1 op/MAC * count(load.batch) * hidden * vocab" in lines[finding["location"]["line"] - 1]
