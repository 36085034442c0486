"""A layer, phase by phase: what each one reads and writes, and which kernel does it.

Tiles of the normed input go in, those of the next layer come out; x, the residual stream, is
carried along. `forward` has the shapes, and says where threads wait for each other.
"""

from __future__ import annotations

from perfdsl.runner.jit import kernel
from perfdsl.runner.job import (
    ATTN,
    ATTN_NORM,
    ATTN_OUTPUT,
    ATTN_Q,
    D_FF,
    D_HEAD,
    D_KV,
    D_MODEL,
    D_Q,
    DOWN,
    DOWN_SCALES,
    EPS,
    FFN_DOWN,
    FFN_GATE,
    FFN_NORM,
    FLOAT,
    GATE,
    GATE_SCALES,
    HEADS,
    K_NORM,
    KV_HEADS,
    LAYER_BYTES,
    LAYER_TABLE,
    LAYERS,
    OUTPUT,
    OUTPUT_NORM,
    OUTPUT_SCALES,
    PART_ROWS,
    PARTS,
    POST_ATTENTION_NORM,
    POST_FFW_NORM,
    Q_NORM,
    QKV,
    QKV_SCALES,
    REACH,
    SLOTS,
    STARTS,
    TALLY_BYTES,
    TEXTS,
    TILES,
    TURNS,
    UP,
    UP_SCALES,
    WIDE,
    K,
    Q,
    Share,
    V,
    blocks_of,
    own_inner,
    own_range,
    own_scratch,
    own_tiles,
    own_wide,
    own_x,
    tallies_of,
    tile_pitch,
)
from perfdsl.runner.kernels.attention import attend
from perfdsl.runner.kernels.gate_up import gate_up
from perfdsl.runner.kernels.heads import pack_heads
from perfdsl.runner.kernels.norms import add_norm_last, add_norm_rows
from perfdsl.runner.kernels.product import BLOCK, PANEL, product_rows
from perfdsl.runner.kernels.words import ask, number, word, words
from perfdsl.runner.products import begins, cut, product

# In order of execution; each is timed up to the barrier behind it.
PHASES = (
    "qkv", "heads", "attention", "attn_output", "ffn_norm", "gate_up", "ffn_down", "attn_norm",
)  # fmt: skip
(
    QKV_PHASE, HEADS_PHASE, ATTENTION_PHASE, OUTPUT_PHASE, FFN_NORM_PHASE, GATE_UP_PHASE,
    DOWN_PHASE, NORM_PHASE,
) = range(len(PHASES))  # fmt: skip


@kernel
def run_phase(job: int, index: int, phase: int, own: Share, thread: int, threads: int) -> None:
    """A thread's work in a phase of layer `index`, in one step."""
    layer = word(job, LAYER_TABLE) + index * LAYER_BYTES
    ends = index + 1 == word(job, LAYERS)
    following = layer if ends else layer + LAYER_BYTES
    tally = tallies_of(job, index, thread)
    if phase == QKV_PHASE:
        _qkv(job, layer, own, tally)
    elif phase == HEADS_PHASE:
        _heads(job, layer, own, thread, threads)
    elif phase == ATTENTION_PHASE:
        _attention(job, layer, own, thread, threads, tally)
    elif phase == OUTPUT_PHASE:
        _output(job, layer, own, tally)
    elif phase == FFN_NORM_PHASE:
        _ffn_norm(job, layer, own, thread)
    elif phase == GATE_UP_PHASE:
        _gate_up(job, layer, own, thread, tally)
    elif phase == DOWN_PHASE:
        _down(job, layer, following, own, tally)
    elif ends:
        _last_norm(job, layer, own)
    else:
        _next_norm(job, layer, following, own, thread)


@kernel
def of_all_rows(job: int, index: int, phase: int) -> bool:
    """Whether all rows must be through a phase before any goes on: attention and the head are of
    all rows."""
    return phase <= ATTENTION_PHASE or (phase == NORM_PHASE and index + 1 == word(job, LAYERS))


@kernel
def _qkv(job: int, layer: int, own: Share, tally: int) -> None:
    """[n, D] -> q | k | v [n, d_q + 2 d_kv]: one product, in three parts with a tally each."""
    blocks, q_panels, kv_panels = blocks_of(job, D_MODEL), blocks_of(job, D_Q), blocks_of(job, D_KV)
    x, out = own_tiles(job, own), own_wide(job, own)
    weights, scales = word(layer, QKV), word(layer, QKV_SCALES)
    of_panel, of_scales = PANEL * BLOCK * blocks, PANEL * 2 * blocks
    panels = q_panels + 2 * kv_panels
    first, last, tile, end_tile = cut(own, panels)
    _ask_norms(job, layer)
    for part in range(3):
        begin = max(first, 0 if part == 0 else q_panels + (part - 1) * kv_panels)
        end = min(last, q_panels + part * kv_panels)
        if begin < end:
            ahead, ahead_scales = weights + end * of_panel, scales + end * of_scales
            if end == last:
                ahead = begins(own, word(layer, OUTPUT), blocks, q_panels, BLOCK)
                ahead_scales = begins(own, word(layer, OUTPUT_SCALES), blocks, q_panels, 2)
            product_rows(
                weights, scales, begin, end, blocks, x, own.rows, tile, end_tile,
                out, panels * PANEL * FLOAT, ahead, ahead_scales,
                tally + (ATTN_Q + part) * TALLY_BYTES,
            )  # fmt: skip


@kernel
def _ask_norms(job: int, layer: int) -> None:
    """Have the weights of norms brought near that follow soon: nothing else would fetch them in
    time. (12 tokens on one core of Zen 5: 0.7 % of a call, with those that `_down` asks for.)"""
    head, wide = word(job, D_HEAD) * FLOAT, word(job, D_MODEL) * FLOAT
    ask(word(layer, Q_NORM), head)
    ask(word(layer, K_NORM), head)
    ask(word(layer, POST_ATTENTION_NORM), wide)
    ask(word(layer, FFN_NORM), wide)


@kernel
def _heads(job: int, layer: int, own: Share, thread: int, threads: int) -> None:
    """Of all rows: q, k and v normed, turned by their positions, packed."""
    starts = words(word(job, STARTS), word(job, TEXTS) + 1)
    slots = words(word(job, SLOTS), word(job, TEXTS) + 1)
    pack_heads(
        thread * own.pieces + own.piece, threads * own.pieces, word(job, WIDE), starts, slots,
        word(job, HEADS), word(job, KV_HEADS), word(job, D_HEAD), word(layer, Q_NORM),
        word(layer, K_NORM), number(job, EPS), word(layer, TURNS), word(job, Q), word(job, K),
        word(job, V), own_scratch(job, thread),
    )  # fmt: skip


@kernel
def _attention(job: int, layer: int, own: Share, thread: int, threads: int, tally: int) -> None:
    """Of all rows: softmax(q k) v -> tiles [n, d_q]."""
    starts = words(word(job, STARTS), word(job, TEXTS) + 1)
    slots = words(word(job, SLOTS), word(job, TEXTS) + 1)
    attend(
        thread * own.pieces + own.piece, threads * own.pieces, word(job, Q), word(job, K),
        word(job, V), starts, slots, word(job, HEADS), word(job, KV_HEADS), word(job, D_HEAD),
        word(layer, REACH), words(word(job, PART_ROWS), word(job, PARTS) + 1), word(job, TILES),
        tile_pitch(job), own_scratch(job, thread), tally + ATTN * TALLY_BYTES,
    )  # fmt: skip


@kernel
def _output(job: int, layer: int, own: Share, tally: int) -> None:
    """[n, d_q] -> [n, D]."""
    blocks, q_blocks, ff_blocks = blocks_of(job, D_MODEL), blocks_of(job, D_Q), blocks_of(job, D_FF)
    product(
        own, word(layer, OUTPUT), word(layer, OUTPUT_SCALES), blocks, q_blocks,
        own_tiles(job, own), own_wide(job, own),
        begins(own, word(layer, GATE), ff_blocks, blocks, BLOCK),
        begins(own, word(layer, GATE_SCALES), ff_blocks, blocks, 2),
        tally + ATTN_OUTPUT * TALLY_BYTES,
    )  # fmt: skip


@kernel
def _ffn_norm(job: int, layer: int, own: Share, thread: int) -> None:
    """X += norm(branch); tiles = norm(x)."""
    first, last = own_range(own)
    add_norm_rows(
        own_wide(job, own), word(layer, POST_ATTENTION_NORM), own_x(job, own),
        word(layer, FFN_NORM), blocks_of(job, D_MODEL), number(job, EPS), own.rows, first, last,
        own_tiles(job, own), own_scratch(job, thread),
    )  # fmt: skip


@kernel
def _gate_up(job: int, layer: int, own: Share, thread: int, tally: int) -> None:
    """gelu(gate [n, D] -> [n, F]) * up -> inner [n, F]."""
    blocks, ff_blocks = blocks_of(job, D_MODEL), blocks_of(job, D_FF)
    panel, end, tile, end_tile = cut(own, ff_blocks)
    gate_up(
        word(layer, GATE), word(layer, GATE_SCALES), word(layer, UP), word(layer, UP_SCALES),
        panel, end, blocks, own_tiles(job, own), own.rows, tile, end_tile, own_inner(job, own),
        ff_blocks, own_scratch(job, thread),
        begins(own, word(layer, DOWN), blocks, ff_blocks, BLOCK),
        begins(own, word(layer, DOWN_SCALES), blocks, ff_blocks, 2),
        tally + FFN_GATE * TALLY_BYTES,
    )  # fmt: skip


@kernel
def _down(job: int, layer: int, following: int, own: Share, tally: int) -> None:
    """[n, F] -> [n, D]."""
    blocks, ff_blocks = blocks_of(job, D_MODEL), blocks_of(job, D_FF)
    across = blocks_of(job, D_Q) + 2 * blocks_of(job, D_KV)
    wide = word(job, D_MODEL) * FLOAT
    ask(word(layer, POST_FFW_NORM), wide)
    ask(word(following, ATTN_NORM), wide)
    product(
        own, word(layer, DOWN), word(layer, DOWN_SCALES), blocks, ff_blocks,
        own_inner(job, own), own_wide(job, own),
        begins(own, word(following, QKV), across, blocks, BLOCK),
        begins(own, word(following, QKV_SCALES), across, blocks, 2),
        tally + FFN_DOWN * TALLY_BYTES,
    )  # fmt: skip


@kernel
def _next_norm(job: int, layer: int, following: int, own: Share, thread: int) -> None:
    """X += norm(branch); tiles = the next layer's norm(x)."""
    first, last = own_range(own)
    add_norm_rows(
        own_wide(job, own), word(layer, POST_FFW_NORM), own_x(job, own),
        word(following, ATTN_NORM), blocks_of(job, D_MODEL), number(job, EPS), own.rows, first,
        last, own_tiles(job, own), own_scratch(job, thread),
    )  # fmt: skip


@kernel
def _last_norm(job: int, layer: int, own: Share) -> None:
    """X = the last norm of x + norm(branch)."""
    first, last = own_range(own)
    x = own_x(job, own)
    add_norm_last(
        own_wide(job, own), word(layer, POST_FFW_NORM), x, word(job, OUTPUT_NORM),
        blocks_of(job, D_MODEL), number(job, EPS), first, last, x,
    )  # fmt: skip
