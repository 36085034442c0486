"""The job of a pass: the words that tell native code what is where, and what a thread works on.

A job is a block of int64 words (JOB), each layer another one (LAYER): addresses and shapes.
"""

from __future__ import annotations

from typing import NamedTuple

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.product import BLOCK
from perfdsl.runner.kernels.tally import WORDS
from perfdsl.runner.kernels.words import WORD, word, words
from perfdsl.runner.shares import share

# fmt: off
JOB = (
    "layers", "layer_table",
    "d_model", "d_q", "d_kv", "d_ff", "dense", "heads", "kv_heads", "d_head", "eps",
    "vocab_table", "output_norm", "dense_2", "dense_2_scales", "dense_3", "dense_3_scales",
    "rows", "texts", "starts", "slots", "ids",
    "x", "wide", "tiles", "inner", "q", "k", "v", "pooled", "vectors", "kept",
    "scratch", "scratch_bytes", "wrong", "overflowed", "stamps", "tallies", "marks",
    "parts", "part_rows", "pieces",
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
    SCRATCH, SCRATCH_BYTES, WRONG, OVERFLOWED, STAMPS, TALLIES, MARKS,
    PARTS, PART_ROWS, PIECES,
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


class Share(NamedTuple):
    """What of a phase a thread works on in a step, outside of attention: rows, and a part of them.

    rows: from row `first` on; part of parts: of the work on these rows, (0, 1) where they are the
    thread's alone; piece of pieces: of that part. together: whether others work on them too, so
    that phases end at a barrier.
    """

    first: int
    rows: int
    part: int
    parts: int
    piece: int
    pieces: int
    together: bool


@kernel
def share_of(job: int, thread: int, threads: int, piece: int, pieces: int) -> Share:
    """A thread's share in this pass."""
    rows = words(word(job, PART_ROWS), word(job, PARTS) + 1)
    if word(job, PARTS) == 1:
        return Share(0, rows[1], thread, threads, piece, pieces, True)
    first = rows[thread]
    # a step is left by all together, so with pieces each phase ends at a barrier
    return Share(first, rows[thread + 1] - first, 0, 1, piece, pieces, pieces > 1)


# ---------------------------------------------------------------------------- what lies where


@kernel
def blocks_of(job: int, width: int) -> int:
    """How many blocks of 32 a width of the job's has."""
    return word(job, width) // BLOCK


@kernel
def own_range(own: Share) -> tuple[int, int]:
    """Which of its rows a thread works on, where all rows cost the same."""
    return share(own.rows, own.part * own.pieces + own.piece, own.parts * own.pieces)


@kernel
def own_x(job: int, own: Share) -> int:
    """A thread's rows of x."""
    return word(job, X) + own.first * word(job, D_MODEL) * FLOAT


@kernel
def own_wide(job: int, own: Share) -> int:
    """Its results of products: from where its rows of q | k | v begin, which are the widest."""
    return word(job, WIDE) + own.first * (word(job, D_Q) + 2 * word(job, D_KV)) * FLOAT


@kernel
def tile_pitch(job: int) -> int:
    """Bytes that each row before a part takes in `tiles`, which has inputs of two widths."""
    return max(blocks_of(job, D_MODEL), blocks_of(job, D_Q)) * TILE_BYTES


@kernel
def own_inner(job: int, own: Share) -> int:
    """Its rows of what is between the two halves of the feed-forward network."""
    return word(job, INNER) + own.first * blocks_of(job, D_FF) * TILE_BYTES


@kernel
def own_scratch(job: int, thread: int) -> int:
    """Its scratch."""
    return word(job, SCRATCH) + thread * word(job, SCRATCH_BYTES)


@kernel
def own_tiles(job: int, own: Share) -> int:
    """Its q8 tiles: rows of its own are cut into tiles by themselves."""
    return word(job, TILES) + own.first * tile_pitch(job)


@kernel
def tallies_of(job: int, layer: int, thread: int) -> int:
    """The first tally of a layer (layers: the head) and thread."""
    number_of = thread * (word(job, LAYERS) + 1) + layer
    return word(job, TALLIES) + number_of * len(COUNTED) * TALLY_BYTES
