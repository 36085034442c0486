"""The forward pass: one program of steps for all threads.

    step 0                 ids -> x, and attention's input of the first layer
    steps 1 ..= layers     one layer each
    step layers + 1        the head: mean over each text, two products, length 1

A pass is shared in one of two ways (`Share`). With few rows all threads work on all of them: a
product is shared by panels of its matrix, so that each weight is read by one thread, and a barrier
stands behind each phase. With many, each thread has rows of its own and takes them through all
phases; only attention needs other rows, so three barriers a layer do. (512 tokens on two cores of
Zen 5: 91 instead of 100 ms. What a thread writes it reads again, from its own cache.)

Shapes, with n rows of all texts of a pass, D = d_model, F = d_ff, T texts:

    x       float32  [n, D]                   the residual stream
    tiles   q8 tiles [n, max(D, d_q)]         a product's input
    inner   q8 tiles [n, F]                   gelu(gate) * up
    wide    float32  [n, max(D, d_q + 2 d_kv)]  a product's result
    q, k, v           packed for attention    see kernels/heads.py

A job is a block of int64 words (JOB), each layer another one (LAYER): what is where, how large.
"""

from __future__ import annotations

from typing import NamedTuple

from perfdsl.runner.barrier import wait
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.attention import attend
from perfdsl.runner.kernels.embedding import embed_rows
from perfdsl.runner.kernels.gate_up import gate_up
from perfdsl.runner.kernels.heads import pack_heads
from perfdsl.runner.kernels.norms import add_norm_last, add_norm_rows, norm_rows
from perfdsl.runner.kernels.pooling import pool_rows, unit_rows
from perfdsl.runner.kernels.product import BLOCK, PANEL, product_rows
from perfdsl.runner.kernels.quantise import quantise_rows
from perfdsl.runner.kernels.system import nanoseconds
from perfdsl.runner.kernels.tally import WORDS
from perfdsl.runner.kernels.words import WORD, number, set_word, word, words
from perfdsl.runner.shares import product_share, share
from perfdsl.runner.tiling import tile_count

# fmt: off
JOB = (
    "layers", "layer_table",
    "d_model", "d_q", "d_kv", "d_ff", "dense", "heads", "kv_heads", "d_head", "eps",
    "vocab_table", "output_norm", "dense_2", "dense_2_scales", "dense_3", "dense_3_scales",
    "rows", "texts", "starts", "slots", "ids",
    "x", "wide", "tiles", "inner", "q", "k", "v", "pooled", "vectors", "kept",
    "scratch", "scratch_bytes", "wrong", "stamps", "tallies", "marks", "parts", "part_rows",
)
LAYER = (
    "qkv", "qkv_scales", "output", "output_scales", "gate", "gate_scales", "up", "up_scales",
    "down", "down_scales",
    "attn_norm", "q_norm", "k_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm",
    "turns", "reach",
)
(
    LAYERS, LAYER_TABLE, D_MODEL, D_Q, D_KV, D_FF, DENSE, HEADS, KV_HEADS, D_HEAD,
    EPS, VOCAB_TABLE, OUTPUT_NORM, DENSE_2, DENSE_2_SCALES, DENSE_3, DENSE_3_SCALES,
    ROWS, TEXTS, STARTS, SLOTS, IDS,
    X, WIDE, TILES, INNER, Q, K, V, POOLED, VECTORS, KEPT,
    SCRATCH, SCRATCH_BYTES, WRONG, STAMPS, TALLIES, MARKS, PARTS, PART_ROWS,
) = range(len(JOB))
(
    QKV, QKV_SCALES, OUTPUT, OUTPUT_SCALES, GATE, GATE_SCALES, UP, UP_SCALES,
    DOWN, DOWN_SCALES,
    ATTN_NORM, Q_NORM, K_NORM, POST_ATTENTION_NORM, FFN_NORM, POST_FFW_NORM,
    TURNS, REACH,
) = range(len(LAYER))
# fmt: on
LAYER_BYTES = len(LAYER) * WORD
FLOAT = 4  # bytes
TILE_BYTES = 40  # of 32 values of a row in q8 tiles

# What the oracle counts apart: one tally for each operator, layer and thread. The head counts as
# one more layer.
COUNTED = (
    "attn_q", "attn_k", "attn_v", "attn", "attn_output",
    "ffn_gate", "ffn_up", "ffn_down", "dense_2", "dense_3",
)  # fmt: skip
ATTN_Q, ATTN, ATTN_OUTPUT, FFN_GATE, FFN_DOWN, DENSE_2_TALLY, DENSE_3_TALLY = 0, 3, 4, 5, 7, 8, 9
TALLY_BYTES = WORDS * WORD

# Phases of a step, each timed up to the barrier behind it.
FIRST_PHASES = ("embed", "first_norm")
PHASES = (
    "qkv", "heads", "attention", "attn_output", "ffn_norm", "gate_up", "ffn_down", "attn_norm",
)  # fmt: skip
LAST_PHASES = (  # and whether a model without a head leaves it out
    ("pool", False), ("quantise_pooled", True), ("dense_2", True), ("quantise_dense", True),
    ("dense_3", True), ("normalise", False),
)  # fmt: skip


class Share(NamedTuple):
    """What of a pass a thread works on outside of attention: its rows, and which part of them.

    rows: from row `first` on; part of parts: of the work on these rows, (0, 1) where they are the
    thread's alone. together: whether others work on them too, so that phases end at a barrier.
    """

    first: int
    rows: int
    part: int
    parts: int
    together: bool


@kernel
def forward(job: int, first: int, last: int, thread: int, threads: int, barrier: int) -> None:
    """Steps first ..< last of a job, as one of its threads; left early when it is cancelled."""
    rows = words(word(job, PART_ROWS), word(job, PARTS) + 1)
    if word(job, PARTS) == 1:
        own = Share(0, rows[1], thread, threads, True)
    else:
        own = Share(rows[thread], rows[thread + 1] - rows[thread], 0, 1, False)
    for step in range(first, last):
        if step == 0:
            going = _begin(job, own, thread, threads, barrier)
        elif step <= word(job, LAYERS):
            going = _layer(job, step - 1, own, thread, threads, barrier)
        else:
            going = _end(job, thread, threads, barrier)
        if not going:
            return


@kernel
def _met(job: int, stamp: int, thread: int, threads: int, barrier: int, needed: bool) -> bool:
    """The end of a phase: a barrier where one is needed; thread 0 notes the time, if asked to."""
    going = wait(barrier, threads) if needed else True
    stamps = word(job, STAMPS)
    if stamps != 0 and thread == 0:
        set_word(stamps, stamp, nanoseconds())
    return going


# ------------------------------------------------------------------------------------ the steps


@kernel
def _begin(job: int, own: Share, thread: int, threads: int, barrier: int) -> bool:
    """Step 0: x = embedding rows; tiles = the first layer's norm of x."""
    blocks = _blocks(job, D_MODEL)
    stamps = word(job, STAMPS)
    if stamps != 0 and thread == 0:
        set_word(stamps, 0, nanoseconds())
    x, tiles = _own_x(job, own), _own_tiles(job, own)
    first, last = share(own.rows, own.part, own.parts)
    ids = word(job, IDS) + 4 * own.first
    wrong = embed_rows(word(job, VOCAB_TABLE), blocks, ids, first, last, x, word(job, MARKS))
    set_word(word(job, WRONG), thread, wrong)
    if not _met(job, 1, thread, threads, barrier, own.together):
        return False
    before, eps = word(word(job, LAYER_TABLE), ATTN_NORM), number(job, EPS)
    norm_rows(x, before, blocks, eps, own.rows, first, last, tiles)
    return _met(job, 2, thread, threads, barrier, own.together)


@kernel
def _layer(job: int, index: int, own: Share, thread: int, threads: int, barrier: int) -> bool:
    """A layer: tiles -> tiles of the next one (at the end: wide, normed), x carried along."""
    layer = word(job, LAYER_TABLE) + index * LAYER_BYTES
    tally = _tallies(job, index, thread)
    stamp = 3 + len(PHASES) * index
    rows, eps = own.rows, number(job, EPS)
    blocks, q_blocks, ff_blocks = _blocks(job, D_MODEL), _blocks(job, D_Q), _blocks(job, D_FF)
    across = q_blocks + 2 * _blocks(job, D_KV)
    x, tiles, wide = _own_x(job, own), _own_tiles(job, own), _own_wide(job, own)
    inner = word(job, INNER) + own.first * ff_blocks * TILE_BYTES
    scratch = word(job, SCRATCH) + thread * word(job, SCRATCH_BYTES)
    first, last = share(rows, own.part, own.parts)
    ends = index + 1 == word(job, LAYERS)
    following = layer if ends else layer + LAYER_BYTES

    # [n, D] -> q | k | v [n, d_q + 2 d_kv]
    _qkv(job, layer, own, tiles, wide, tally)
    if not _met(job, stamp, thread, threads, barrier, True):
        return False

    # of all rows: normed, turned by their positions, packed
    starts = words(word(job, STARTS), word(job, TEXTS) + 1)
    slots = words(word(job, SLOTS), word(job, TEXTS) + 1)
    heads, kv_heads, d_head = word(job, HEADS), word(job, KV_HEADS), word(job, D_HEAD)
    q, k, v = word(job, Q), word(job, K), word(job, V)
    pack_heads(
        thread, threads, word(job, WIDE), starts, slots, heads, kv_heads, d_head,
        word(layer, Q_NORM), word(layer, K_NORM), eps, word(layer, TURNS), q, k, v, scratch,
    )  # fmt: skip
    if not _met(job, stamp + 1, thread, threads, barrier, True):
        return False

    # of all rows: softmax(q k) v -> tiles [n, d_q]
    attend(
        thread, threads, q, k, v, starts, slots, heads, kv_heads, d_head, word(layer, REACH),
        words(word(job, PART_ROWS), word(job, PARTS) + 1), word(job, TILES), _tile_pitch(job),
        scratch, tally + ATTN * TALLY_BYTES,
    )  # fmt: skip
    if not _met(job, stamp + 2, thread, threads, barrier, True):
        return False

    # [n, d_q] -> [n, D]
    _product(
        own, word(layer, OUTPUT), word(layer, OUTPUT_SCALES), blocks, q_blocks, tiles, wide,
        _begins(own, word(layer, GATE), ff_blocks, blocks, BLOCK),
        _begins(own, word(layer, GATE_SCALES), ff_blocks, blocks, 2),
        tally + ATTN_OUTPUT * TALLY_BYTES,
    )  # fmt: skip
    if not _met(job, stamp + 3, thread, threads, barrier, own.together):
        return False

    # x += norm(branch); tiles = norm(x)
    add_norm_rows(
        wide, word(layer, POST_ATTENTION_NORM), x, word(layer, FFN_NORM),
        blocks, eps, rows, first, last, tiles,
    )  # fmt: skip
    if not _met(job, stamp + 4, thread, threads, barrier, own.together):
        return False

    # gelu(gate [n, D] -> [n, F]) * up -> inner [n, F]
    panel, end, tile, end_tile = product_share(ff_blocks, tile_count(rows), own.part, own.parts)
    gate_up(
        word(layer, GATE), word(layer, GATE_SCALES), word(layer, UP), word(layer, UP_SCALES),
        panel, end, blocks, tiles, rows, tile, end_tile, inner, ff_blocks, scratch,
        _begins(own, word(layer, DOWN), blocks, ff_blocks, BLOCK),
        _begins(own, word(layer, DOWN_SCALES), blocks, ff_blocks, 2),
        tally + FFN_GATE * TALLY_BYTES,
    )  # fmt: skip
    if not _met(job, stamp + 5, thread, threads, barrier, own.together):
        return False

    # [n, F] -> [n, D]
    _product(
        own, word(layer, DOWN), word(layer, DOWN_SCALES), blocks, ff_blocks, inner, wide,
        _begins(own, word(following, QKV), across, blocks, BLOCK),
        _begins(own, word(following, QKV_SCALES), across, blocks, 2),
        tally + FFN_DOWN * TALLY_BYTES,
    )  # fmt: skip
    if not _met(job, stamp + 6, thread, threads, barrier, own.together):
        return False

    # x += norm(branch); tiles = the next layer's norm(x), or the last norm(x) in x
    after = word(layer, POST_FFW_NORM)
    if ends:
        add_norm_last(wide, after, x, word(job, OUTPUT_NORM), blocks, eps, first, last, x)
    else:
        before = word(following, ATTN_NORM)
        add_norm_rows(wide, after, x, before, blocks, eps, rows, first, last, tiles)
    return _met(job, stamp + 7, thread, threads, barrier, own.together or ends)


@kernel
def _end(job: int, thread: int, threads: int, barrier: int) -> bool:
    """The last step: means of texts [T, D] -> [T, dense] -> [T, D] -> length 1."""
    texts, blocks, inside = word(job, TEXTS), _blocks(job, D_MODEL), _blocks(job, DENSE)
    pooled, wide, tiles = word(job, POOLED), word(job, WIDE), word(job, TILES)
    own = Share(0, texts, thread, threads, True)
    stamp = 3 + len(PHASES) * word(job, LAYERS)
    tally = _tallies(job, word(job, LAYERS), thread)
    first, last = share(texts * blocks, thread, threads)
    pool_rows(word(job, X), blocks, word(job, STARTS), first, last, pooled)
    if not _met(job, stamp, thread, threads, barrier, True):
        return False
    if inside > 0:
        first, last = share(texts, thread, threads)
        quantise_rows(pooled, blocks, texts, first, last, tiles)
        if not _met(job, stamp + 1, thread, threads, barrier, True):
            return False
        dense, weights, scales = word(job, INNER), word(job, DENSE_3), word(job, DENSE_3_SCALES)
        _product(
            own, word(job, DENSE_2), word(job, DENSE_2_SCALES), inside, blocks, tiles, wide,
            _begins(own, weights, blocks, inside, BLOCK),
            _begins(own, scales, blocks, inside, 2),
            tally + DENSE_2_TALLY * TALLY_BYTES,
        )  # fmt: skip
        if not _met(job, stamp + 2, thread, threads, barrier, True):
            return False
        quantise_rows(wide, inside, texts, first, last, dense)
        if not _met(job, stamp + 3, thread, threads, barrier, True):
            return False
        _product(
            own, weights, scales, blocks, inside, dense, pooled, 0, 0,
            tally + DENSE_3_TALLY * TALLY_BYTES,
        )  # fmt: skip
        if not _met(job, stamp + 4, thread, threads, barrier, True):
            return False
    first, last = share(texts, thread, threads)
    unit_rows(pooled, blocks, word(job, KEPT), first, last, word(job, VECTORS))
    return _met(job, stamp + 5, thread, threads, barrier, True)


# ---------------------------------------------------------------------------- what lies where


@kernel
def _blocks(job: int, width: int) -> int:
    """How many blocks of 32 a width of the job's has."""
    return word(job, width) // BLOCK


@kernel
def _own_x(job: int, own: Share) -> int:
    """A thread's rows of x."""
    return word(job, X) + own.first * word(job, D_MODEL) * FLOAT


@kernel
def _own_wide(job: int, own: Share) -> int:
    """Its results of products: from where its rows of q | k | v begin, which are the widest."""
    return word(job, WIDE) + own.first * (word(job, D_Q) + 2 * word(job, D_KV)) * FLOAT


@kernel
def _tile_pitch(job: int) -> int:
    """Bytes that each row before a part takes in `tiles`, which has inputs of two widths."""
    return max(_blocks(job, D_MODEL), _blocks(job, D_Q)) * TILE_BYTES


@kernel
def _own_tiles(job: int, own: Share) -> int:
    """Its q8 tiles: rows of its own are cut into tiles by themselves."""
    return word(job, TILES) + own.first * _tile_pitch(job)


@kernel
def _tallies(job: int, layer: int, thread: int) -> int:
    """The first tally of a layer (layers: the head) and thread."""
    number_of = thread * (word(job, LAYERS) + 1) + layer
    return word(job, TALLIES) + number_of * len(COUNTED) * TALLY_BYTES


# ----------------------------------------------------------------------------------- products


@kernel
def _begins(own: Share, matrix: int, panels: int, blocks: int, of_block: int) -> int:
    """Where a thread begins to read a matrix (32 bytes a block and row) or its scales (2 bytes)."""
    first, _, _, _ = product_share(panels, tile_count(own.rows), own.part, own.parts)
    return matrix + first * PANEL * blocks * of_block


@kernel
def _product(
    own: Share,
    weights: int,
    scales: int,
    panels: int,
    blocks: int,
    x: int,
    out: int,
    next_weights: int,
    next_scales: int,
    tally: int,
) -> None:
    """Out [rows, 32 panels] = x [rows, 32 blocks] times the matrix, this thread's share."""
    tiles = tile_count(own.rows)
    first, last, tile, end_tile = product_share(panels, tiles, own.part, own.parts)
    product_rows(
        weights, scales, first, last, blocks, x, own.rows, tile, end_tile,
        out, panels * PANEL * FLOAT, next_weights, next_scales, tally,
    )  # fmt: skip


@kernel
def _qkv(job: int, layer: int, own: Share, x: int, out: int, tally: int) -> None:
    """One product for q, k and v, in three parts so that each has a tally of its own."""
    blocks, q_panels, kv_panels = _blocks(job, D_MODEL), _blocks(job, D_Q), _blocks(job, D_KV)
    weights, scales = word(layer, QKV), word(layer, QKV_SCALES)
    of_panel, of_scales = PANEL * BLOCK * blocks, PANEL * 2 * blocks
    panels, tiles = q_panels + 2 * kv_panels, tile_count(own.rows)
    first, last, tile, end_tile = product_share(panels, tiles, own.part, own.parts)
    for part in range(3):
        begin = max(first, 0 if part == 0 else q_panels + (part - 1) * kv_panels)
        end = min(last, q_panels + part * kv_panels)
        if begin < end:
            ahead, ahead_scales = weights + end * of_panel, scales + end * of_scales
            if end == last:
                ahead = _begins(own, word(layer, OUTPUT), blocks, q_panels, BLOCK)
                ahead_scales = _begins(own, word(layer, OUTPUT_SCALES), blocks, q_panels, 2)
            product_rows(
                weights, scales, begin, end, blocks, x, own.rows, tile, end_tile,
                out, panels * PANEL * FLOAT, ahead, ahead_scales,
                tally + (ATTN_Q + part) * TALLY_BYTES,
            )  # fmt: skip
