"""The standard library: every count against loops that do the work, every file without a problem.

The oracles below are kernels in plain Python: they walk over rows, heads, positions and values, and
note each multiply-add, each other operation, and each byte that they touch. No closed formula of
std/layers is repeated here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from perfdsl.diagnostics import Source
from perfdsl.semantics.check import check
from perfdsl.semantics.files import FileLimits, decode, load, read_text
from perfdsl.semantics.program import Program
from perfdsl.semantics.values import Instance, Quantity, Record, Value
from perfdsl.syntax import tree
from perfdsl.syntax.standard import library_names, library_source, load_library

SPECS = Path(__file__).parent.parent / "specs"
OPERATORS = (
    "embed", "matmul", "matmul_fp32", "matmul_bf16", "rms_norm", "layer_norm", "rope", "attention",
    "softmax", "gelu", "geglu", "swiglu", "add", "scale", "mean_pool", "quantise", "dequantise",
    "l2_normalise",
)  # fmt: skip


def checked(source: object, folder: Path = SPECS) -> Program:
    """The program of a source, which has no problem."""
    assert isinstance(source, Source), source
    program = check(load(source, folder, FileLimits()))
    problems = [f"{problem.code} {problem.title}" for problem in program.problems]
    assert problems == []
    return program


def shown(text: str) -> tuple[Program, dict[str, Value]]:
    """What the shows of a program are, by their formulas."""
    program = checked(decode(text.encode(), "test.perf", FileLimits()))
    return program, {show.formula: show.value for a in program.analyses for show in a.shows}


def number(program: Program, value: Value) -> float:
    """The number of a quantity, or of the one that a record stands for."""
    quantity = value.default if isinstance(value, Record) else value
    assert isinstance(quantity, Quantity)
    found = program.graph.number(quantity.node)
    assert found is not None
    return found


def by_role(program: Program, value: Value) -> dict[str, float]:
    assert isinstance(value, Record)
    numbers = {role: number(program, row) for role, row in value.rows.items()}
    return {role: bytes_ for role, bytes_ in numbers.items() if bytes_}


# ------------------------------------------------------------------------------------- the oracle


class Format(NamedTuple):
    block: int
    bytes: int


F32, BF16, Q8_0 = Format(1, 4), Format(1, 2), Format(32, 34)
FORMATS = {"f32": F32, "bf16": BF16, "q8_0": Q8_0}
ACTS = "activations"


class Machine:
    """Notes what is done: multiply-adds, other operations, and which blocks are touched."""

    def __init__(self) -> None:
        self.macs = 0
        self.ops = 0
        self.touched: dict[tuple[str, str], dict[tuple[object, ...], int]] = defaultdict(dict)

    def _touch(self, way: str, role: str, place: tuple[object, ...], at: int, of: Format) -> None:
        self.touched[way, role][(*place, at // of.block)] = of.bytes

    def read(self, role: str, *place: object, at: int, of: Format = F32) -> None:
        self._touch("read", role, place, at, of)

    def write(self, role: str, *place: object, at: int, of: Format = F32) -> None:
        self._touch("write", role, place, at, of)

    def bytes(self, way: str) -> dict[str, int]:
        return {r: sum(found.values()) for (w, r), found in self.touched.items() if w == way}


def embed(m: Machine, d: int, rows: int, of: Format) -> None:
    for row in range(rows):
        for i in range(d):
            m.read("weights", row, at=i, of=of)
            m.write(ACTS, row, at=i)


def matmul(
    m: Machine, k: int, n: int, rows: int, of: Format, taken: Format = F32, into: str = ACTS
) -> None:
    for row in range(rows):
        for column in range(n):
            for i in range(k):
                m.read(ACTS, row, at=i, of=taken)
                m.read("weights", column, at=i, of=of)
                m.macs += 1
            m.write(into, row, at=column)


def quantise(m: Machine, k: int, rows: int, of: Format) -> None:
    for row in range(rows):
        for start in range(0, k, of.block):
            for i in range(start, min(start + of.block, k)):
                m.read(ACTS, "x", row, at=i)
                m.ops += 2  # abs, max
            m.ops += 2  # scale, its reciprocal
            for i in range(start, min(start + of.block, k)):
                m.ops += 2  # product, rounding
                m.write(ACTS, "y", row, at=i, of=of)


def dequantise(m: Machine, k: int, rows: int, of: Format, given: str = ACTS) -> None:
    for row in range(rows):
        for i in range(k):
            m.read(given, "x", row, at=i, of=of)
            m.ops += 2  # conversion, product with the scale
            m.write(ACTS, "y", row, at=i)


def rms_norm(m: Machine, d: int, rows: int) -> None:
    for row in range(rows):
        for i in range(d):
            m.read(ACTS, "x", row, at=i)
            m.macs += 1
        m.ops += 4  # / d, + eps, sqrt, reciprocal
        for i in range(d):
            m.read("weights", at=i)
            m.ops += 2  # times the reciprocal, times the weight
            m.write(ACTS, "y", row, at=i)


def layer_norm(m: Machine, d: int, rows: int) -> None:
    for row in range(rows):
        for i in range(d):
            m.read(ACTS, "x", row, at=i)
            m.ops += 1  # sum
        m.ops += 1  # / d
        for _ in range(d):
            m.ops += 1  # difference
            m.macs += 1
        m.ops += 4  # / d, + eps, sqrt, reciprocal
        for i in range(d):
            m.read("weights", "weight", at=i)
            m.read("weights", "bias", at=i)
            m.ops += 3  # times the reciprocal, times the weight, plus the bias
            m.write(ACTS, "y", row, at=i)


def l2_normalise(m: Machine, d: int, rows: int) -> None:
    for row in range(rows):
        for i in range(d):
            m.read(ACTS, "x", row, at=i)
            m.macs += 1
        m.ops += 2  # sqrt, max with eps
        for i in range(d):
            m.ops += 1
            m.write(ACTS, "y", row, at=i)


def rope(m: Machine, d: int, rows: int) -> None:
    for row in range(rows):
        for i in range(d // 2):
            for half in (i, i + d // 2):
                m.read(ACTS, "x", row, at=half)
                m.write(ACTS, "y", row, at=half)
            m.ops += 3  # a cos - b sin
            m.ops += 3  # a sin + b cos


def softmax(m: Machine, n: int, rows: int, *, fused: bool = False) -> None:
    for row in range(rows):
        for i in range(n):
            m.ops += 5  # max, difference, exp, sum, quotient
            if not fused:
                m.read(ACTS, "x", row, at=i)
                m.write(ACTS, "y", row, at=i)


def element_wise(m: Machine, d: int, rows: int, inputs: int, ops: int) -> None:
    for row in range(rows):
        for i in range(d):
            for name in range(inputs):
                m.read(ACTS, name, row, at=i)
            m.ops += ops
            m.write(ACTS, "y", row, at=i)


def mean_pool(m: Machine, d: int, texts: int, tokens: int) -> None:
    for text in range(texts):
        for token in range(tokens):
            for i in range(d):
                m.read(ACTS, "x", text, token, at=i)
                m.ops += 1
        for i in range(d):
            m.ops += 1
            m.write(ACTS, "y", text, at=i)


def sees(query: int, key: int, window: int | None, *, causal: bool) -> bool:
    """Whether a query sees a key, straight from the definition of the mask."""
    if causal:
        return key <= query and (window is None or query - key <= window - 1)
    return window is None or 2 * abs(query - key) <= window - 1


def pairs(tokens: int, context: int, window: int | None, *, causal: bool) -> int:
    queries, keys = range(context - tokens, context), range(context)
    return sum(sees(i, j, window, causal=causal) for i in queries for j in keys)


def attention(
    m: Machine,
    heads: int,
    kv_heads: int,
    d_head: int,
    batch: int,
    tokens: int,
    context: int,
    window: int | None = None,
    *,
    causal: bool = False,
    of: Format = F32,
    keys: str = "kv",
) -> None:
    for text in range(batch):
        for head in range(heads):
            group = head * kv_heads // heads
            for query in range(context - tokens, context):
                for i in range(d_head):
                    m.read(ACTS, "q", text, head, query, at=i)
                    m.write(ACTS, "o", text, head, query, at=i)
                for key in range(context):
                    if not sees(query, key, window, causal=causal):
                        continue
                    for i in range(d_head):
                        m.read(keys, "k", text, group, key, at=i, of=of)
                        m.macs += 1
                    for i in range(d_head):
                        m.read(keys, "v", text, group, key, at=i, of=of)
                        m.macs += 1


# ------------------------------------------------------------------------------ the operators

W5 = "tokens = 5 token"
B3 = "tokens = 4 token; batch = 3 sequence"
D9 = "tokens = 1 token; context = 9 token; batch = 2 sequence"
P9 = "tokens = 3 token; context = 9 token"

Kernel = Callable[[Machine], None]

# (what is applied, the workload, the kinds of its work, the same in loops)
CASES: list[tuple[str, str, str, Kernel]] = [
    ("embed(vocab: 50, d: 33, format: q8_0)", W5, "", lambda m: embed(m, 33, 5, Q8_0)),
    ("embed(vocab: 50, d: 7)", B3, "", lambda m: embed(m, 7, 12, F32)),
    ("matmul(k: 64, n: 3, format: q8_0)", W5, "int8", lambda m: matmul(m, 64, 3, 5, Q8_0)),
    ("matmul(k: 33, n: 5, format: q8_0)", B3, "int8", lambda m: matmul(m, 33, 5, 12, Q8_0)),
    (
        "matmul(k: 40, n: 2, rows: 3, format: q8_0, taken: q8_0, into: kv)",
        W5,
        "int8",
        lambda m: matmul(m, 40, 2, 3, Q8_0, Q8_0, "kv"),
    ),
    ("matmul_fp32(k: 6, n: 4)", W5, "fp32", lambda m: matmul(m, 6, 4, 5, F32)),
    ("matmul_fp32(k: 33, n: 2, format: q8_0)", W5, "fp32", lambda m: matmul(m, 33, 2, 5, Q8_0)),
    ("matmul_bf16(k: 6, n: 4)", B3, "bf16", lambda m: matmul(m, 6, 4, 12, BF16, BF16)),
    ("quantise(k: 64)", W5, "fp32", lambda m: quantise(m, 64, 5, Q8_0)),
    ("quantise(k: 50, rows: 2)", W5, "fp32", lambda m: quantise(m, 50, 2, Q8_0)),
    ("dequantise(k: 50)", W5, "fp32", lambda m: dequantise(m, 50, 5, Q8_0)),
    (
        "dequantise(k: 32, rows: 2, given: weights)",
        W5,
        "fp32",
        lambda m: dequantise(m, 32, 2, Q8_0, "weights"),
    ),
    ("rms_norm(d: 7)", W5, "fp32", lambda m: rms_norm(m, 7, 5)),
    ("rms_norm(d: 4, rows: load.rows * 3)", B3, "fp32", lambda m: rms_norm(m, 4, 36)),
    ("layer_norm(d: 7)", W5, "fp32", lambda m: layer_norm(m, 7, 5)),
    ("layer_norm(d: 2, rows: 1)", W5, "fp32", lambda m: layer_norm(m, 2, 1)),
    ("l2_normalise(d: 9)", W5, "fp32", lambda m: l2_normalise(m, 9, 1)),
    ("l2_normalise(d: 9)", B3, "fp32", lambda m: l2_normalise(m, 9, 3)),
    ("rope(d: 8)", W5, "fp32", lambda m: rope(m, 8, 5)),
    ("rope(d: 6, rows: load.rows * 3)", B3, "fp32", lambda m: rope(m, 6, 36)),
    ("softmax(n: 11)", W5, "fp32", lambda m: softmax(m, 11, 5)),
    ("softmax(n: 11, rows: 3, fused: true)", W5, "fp32", lambda m: softmax(m, 11, 3, fused=True)),
    ("gelu(d: 6)", W5, "fp32", lambda m: element_wise(m, 6, 5, 1, 9)),
    ("geglu(d: 6)", B3, "fp32", lambda m: element_wise(m, 6, 12, 2, 10)),
    ("swiglu(d: 6)", W5, "fp32", lambda m: element_wise(m, 6, 5, 2, 5)),
    ("add(d: 6)", W5, "fp32", lambda m: element_wise(m, 6, 5, 2, 1)),
    ("scale(d: 6)", B3, "fp32", lambda m: element_wise(m, 6, 12, 1, 1)),
    ("mean_pool(d: 6)", W5, "fp32", lambda m: mean_pool(m, 6, 1, 5)),
    ("mean_pool(d: 6)", B3, "fp32", lambda m: mean_pool(m, 6, 3, 4)),
    (
        "attention(heads: 3, kv_heads: 1, d_head: 8)",
        W5,
        "fp32",
        lambda m: attention(m, 3, 1, 8, 1, 5, 5),
    ),
    (
        "attention(heads: 3, kv_heads: 1, d_head: 8, products: bf16)",
        W5,
        "bf16",
        lambda m: attention(m, 3, 1, 8, 1, 5, 5),
    ),
    (
        "attention(heads: 4, kv_heads: 2, d_head: 6, window: 3, keys: activations)",
        B3,
        "fp32",
        lambda m: attention(m, 4, 2, 6, 3, 4, 4, 3, keys=ACTS),
    ),
    (
        "attention(heads: 4, kv_heads: 2, d_head: 40, causal: true, format: q8_0)",
        D9,
        "fp32",
        lambda m: attention(m, 4, 2, 40, 2, 1, 9, causal=True, of=Q8_0),
    ),
    (
        "attention(heads: 2, kv_heads: 2, d_head: 4, window: 4, causal: true)",
        D9,
        "fp32",
        lambda m: attention(m, 2, 2, 4, 2, 1, 9, 4, causal=True),
    ),
    (
        "attention(heads: 2, kv_heads: 1, d_head: 4, window: 5, causal: true)",
        P9,
        "fp32",
        lambda m: attention(m, 2, 1, 4, 1, 3, 9, 5, causal=True),
    ),
    (
        "attention(heads: 2, kv_heads: 1, d_head: 4, window: 5)",
        P9,
        "fp32",
        lambda m: attention(m, 2, 1, 4, 1, 3, 9, 5),
    ),
]


@pytest.mark.parametrize("call, workload, kind, kernel", CASES)
def test_an_operator_counts_what_its_loops_do(
    call: str, workload: str, kind: str, kernel: Kernel
) -> None:
    """Work by kind and unit, and bytes by role and direction, equal those of the loops exactly."""
    operator = call.partition("(")[0]
    program, shows = shown(f"""perf 1
from "std/layers" import {operator}
workload w {{ {workload} }}
analysis a(load = w) {{
  let x = {call}
  show x.work
  show x.read
  show x.write
}}
""")
    machine = Machine()
    kernel(machine)
    work = shows["x.work"]
    assert isinstance(work, Record)
    counts = {str(unit): program.graph.number(node) for unit, node in work.parts}
    expected = {"MAC": machine.macs, "op": machine.ops}
    assert counts == {unit: count for unit, count in expected.items() if count}
    kinds = set(work.rows)
    assert kinds == ({kind} if kind else set())
    read, written = by_role(program, shows["x.read"]), by_role(program, shows["x.write"])
    in_loops = (machine.bytes("read"), machine.bytes("write"))
    assert (read, written) == in_loops


def counted_pairs(cases: list[tuple[int, int, int | None, bool]]) -> list[float]:
    """What std/layers says of each (tokens, context, window, causal)."""
    lines = [
        f"  show attention_pairs(tokens: {t}, context: {c}, window: {w or 'none'},"
        f" causal: {str(causal).lower()})"
        for t, c, w, causal in cases
    ]
    text = 'perf 1\nfrom "std/layers" import attention_pairs\nanalysis a() {\n'
    program = checked(Source("test.perf", text + "\n".join(lines) + "\n}\n"))
    return [number(program, show.value) for show in program.analyses[0].shows]


def test_pairs_are_exact_for_every_small_mask() -> None:
    """Every window, odd or even, centred or causal, whole texts and later parts of them."""
    cases = [
        (tokens, context, window, causal)
        for context in range(1, 9)
        for tokens in range(1, context + 1)
        for window in (None, *range(1, 19))
        for causal in (False, True)
    ]
    expected = [pairs(t, c, w, causal=causal) for t, c, w, causal in cases]
    assert counted_pairs(cases) == expected


def test_pairs_are_exact_for_the_windows_of_real_models() -> None:
    """EmbeddingGemma's window around the length at which it first hides a pair; decoding."""
    cases: list[tuple[int, int, int | None, bool]] = [
        (257, 257, 513, False),
        (258, 258, 513, False),
        (600, 600, 513, False),
        (600, 600, 512, True),
        (1, 1000, 512, True),
        (1, 1000, None, True),
        (64, 700, 512, True),
        (64, 700, 513, False),
    ]
    found = counted_pairs(cases)
    assert found == [pairs(t, c, w, causal=causal) for t, c, w, causal in cases]
    assert found[:2] == [257**2, 258**2 - 2]
    assert found[4:6] == [512, 1000]


def test_a_shape_that_does_not_fit_is_found() -> None:
    """`of` holds what one operator gives a row against what the next one takes."""
    text = """perf 1
from "std/layers" import matmul
model m(d = 8) {
  use matmul(k: d, n: 12, format: q8_0) as up
  use matmul(k: 16, n: d, format: q8_0) of up as down
}
"""
    program = check(load(Source("test.perf", text), SPECS, FileLimits()))
    assert [problem.code for problem in program.problems] == ["P407"]


# ------------------------------------------------------------------------------------ formats

# ggml/src/ggml-common.h of llama.cpp: QK, and the members of each block's struct; IEEE 754 sizes.
BLOCKS = {
    "f32": (1, 4),
    "f16": (1, 2),
    "bf16": (1, 2),
    "int8": (1, 1),
    "q8_0": (32, 2 + 32),
    "q4_0": (32, 2 + 32 // 2),
    "q4_k": (256, 2 * 2 + 12 + 256 // 2),
    "q6_k": (256, 256 // 2 + 256 // 4 + 256 // 16 + 2),
}


def library_formats() -> dict[str, tuple[float, float]]:
    """Block and bytes of every format of the library."""
    program = checked(Source("test.perf", "perf 1\n"))
    found = {}
    for name, value in program.modules["std/formats"].top().values.items():
        if isinstance(value, Instance) and value.sort == "format":
            block, bytes_ = value.frame.own("block"), value.frame.own("bytes")
            assert block is not None
            assert bytes_ is not None
            found[name] = number(program, block), number(program, bytes_)
    return found


def test_formats_have_the_published_blocks() -> None:
    """Each format of the library, and no other, with the sizes of its struct."""
    assert library_formats() == BLOCKS


def test_formats_agree_with_the_gguf_package() -> None:
    """Where llama.cpp's own Python package is installed, its constants say the same."""
    gguf = pytest.importorskip("gguf")
    sizes = {kind.name.lower(): size for kind, size in gguf.GGML_QUANT_SIZES.items()}
    for name, size in library_formats().items():
        assert size == sizes[{"int8": "i8"}.get(name, name)]


# ------------------------------------------------------------------------------- the library

# A file of units cannot be read beside the units themselves; any program reads it first.
READ_FIRST = {"std/units"}


@pytest.mark.parametrize("name", library_names())
def test_a_file_of_the_library_has_no_problem(name: str) -> None:
    """Each file checks as the file of the command line, every declaration on its own."""
    checked(library_source(name) if name not in READ_FIRST else Source("test.perf", "perf 1\n"))


@pytest.mark.parametrize("path", sorted(SPECS.glob("models/*.perf")), ids=lambda path: path.stem)
def test_a_model_has_no_problem(path: Path) -> None:
    """Each model of the shipped specs checks on its own."""
    checked(read_text(path, str(path), FileLimits()), path.parent)


def test_the_library_has_its_operators_and_each_is_explained() -> None:
    """Every operator is there, and each says in a doc comment what it counts."""
    found = [item for item in load_library()["std/layers"].body if isinstance(item, tree.Operator)]
    assert {operator.name for operator in found} == set(OPERATORS)
    for operator in found:
        assert len(operator.doc) > 30, operator.name


# ----------------------------------------------------------------------------- EmbeddingGemma

BOX = """
hardware box {
  port dot { serves int8; peak = 1 TMAC/s }
  port fma { serves fp32; peak = 1 TMAC/s }
  port alu { serves fp32; peak = 1 Top/s }
  memory dram { bandwidth = 1 GB/s }
}
"""

# The tensors of embeddinggemma-300M-Q8_0.gguf: how often, and the bytes of each. Q8_0 has 34 bytes
# for 32 values, norms have 4 bytes a value. Token embeddings: the rows that 12 tokens touch.
TENSORS = {
    "token_embd": (1, 12 * 816),
    "output_norm": (1, 3_072),
    "attn_norm": (24, 3_072),
    "post_attention_norm": (24, 3_072),
    "ffn_norm": (24, 3_072),
    "post_ffw_norm": (24, 3_072),
    "attn_q_norm": (24, 1_024),
    "attn_k_norm": (24, 1_024),
    "attn_q": (24, 626_688),
    "attn_k": (24, 208_896),
    "attn_v": (24, 208_896),
    "attn_output": (24, 626_688),
    "ffn_gate": (24, 940_032),
    "ffn_up": (24, 940_032),
    "ffn_down": (24, 940_032),
    "dense_2": (1, 2_506_752),
    "dense_3": (1, 2_506_752),
}
TOKEN_EMBD = 213_909_504


def embeddinggemma(shows: str, workload: str = "tokens = 12 token") -> str:
    return f"""perf 1
import "models/embeddinggemma_300m" as m
{BOX}
workload w {{ {workload} }}
analysis a(net = m.embeddinggemma, load = w) {{
  let run = predict(net, on: box)
{shows}
}}
"""


def test_embeddinggemma_reads_the_tensors_of_its_file() -> None:
    """Every operator with weights is a tensor of the GGUF file, as often and with its bytes."""
    program, shows = shown(embeddinggemma("  show run.ops\n  show run.bytes[weights]"))
    table = shows["run.ops"]
    assert isinstance(table, Record)
    found = {}
    for name, row in table.rows.items():
        assert isinstance(row, Record)
        size = by_role(program, row.fields["bytes"]).get("weights")
        if size is not None:
            found[name] = (number(program, row.fields["count"]), size)
    assert found == TENSORS
    total = sum(count * bytes_ for count, bytes_ in TENSORS.values())
    weights = number(program, shows["run.bytes[weights]"])
    assert weights == total == 113_150_976 + 12 * 816


def test_embeddinggemma_has_the_size_of_its_file() -> None:
    """Parameters as mteb lists and llama.cpp prints them; bytes as the tensor table adds up."""
    program, shows = shown(
        embeddinggemma("  show net.parameters\n  show net.tensor_bytes\n  show run.time")
    )
    touched = dict(TENSORS, token_embd=(1, TOKEN_EMBD))
    parameters = number(program, shows["net.parameters"])
    assert parameters == 307_581_696
    size = number(program, shows["net.tensor_bytes"])
    assert size == sum(count * bytes_ for count, bytes_ in touched.values()) == 327_060_480


@pytest.mark.parametrize("tokens, matrices", [(12, 1_217_396_736), (65, 6_594_232_320)])
@pytest.mark.parametrize("texts", [1, 3])
def test_embeddinggemma_works_as_counted_by_hand(tokens: int, matrices: int, texts: int) -> None:
    """int8 work: the matrices of every token and the dense head of every text."""
    workload = f"tokens = {tokens} token; batch = {texts} sequence"
    program, shows = shown(embeddinggemma("  show run.work[int8]", workload))
    work = number(program, shows["run.work[int8]"])
    assert work == texts * (matrices + 4_718_592)


@pytest.mark.parametrize("tokens", [12, 300])
def test_embeddinggemma_attends_in_full_in_every_sixth_layer(tokens: int) -> None:
    """Four layers see all pairs, twenty those inside the window; softmax follows the same pairs."""
    program, shows = shown(embeddinggemma("  show run.ops", f"tokens = {tokens} token"))
    table = shows["run.ops"]
    assert isinstance(table, Record)
    found: dict[str, float] = defaultdict(float)
    for name, row in table.rows.items():
        assert isinstance(row, Record)
        count = number(program, row.fields["count"])
        if name.startswith(("attn (", "attn_softmax")):
            found[name.split(" (")[0]] += count * number(program, row.fields["work"])
    windows = [None if layer in {5, 11, 17, 23} else 513 for layer in range(24)]
    every = sum(pairs(tokens, tokens, window, causal=False) for window in windows)
    assert found == {"attn": every * 2 * 768, "attn_softmax": every * 3 * 5}


def test_the_oracle_of_masks_agrees_with_known_numbers() -> None:
    """Without a window a mask sees tokens * context pairs; a causal one a triangle."""
    assert pairs(3, 9, None, causal=False) == 27
    assert pairs(9, 9, None, causal=True) == math.comb(10, 2)
