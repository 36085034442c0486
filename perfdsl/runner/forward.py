"""The forward pass: one program of steps for all threads.

    step 0                 ids -> x, and attention's input of the first layer
    the steps between      a layer each, or pieces of its phases (`layer`)
    the last step          the head: mean over each text, two products, length 1

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

Between steps the caller may be asked for by Ctrl-C. In a long pass a layer would keep it waiting
(0.4 s for 2,048 tokens in portable code), so there a step is a piece of one phase of a layer.
"""

from __future__ import annotations

from perfdsl.runner.barrier import leaves, look_up, wait
from perfdsl.runner.jit import kernel
from perfdsl.runner.job import (
    ATTN_NORM,
    D_MODEL,
    DENSE,
    DENSE_2,
    DENSE_2_SCALES,
    DENSE_2_TALLY,
    DENSE_3,
    DENSE_3_SCALES,
    DENSE_3_TALLY,
    EPS,
    IDS,
    INNER,
    KEPT,
    LAYER_TABLE,
    LAYERS,
    MARKS,
    OVERFLOWED,
    PIECES,
    POOLED,
    STAMPS,
    STARTS,
    TALLY_BYTES,
    TEXTS,
    TILES,
    VECTORS,
    VOCAB_TABLE,
    WIDE,
    WRONG,
    Share,
    X,
    blocks_of,
    own_range,
    own_tiles,
    own_x,
    share_of,
    tallies_of,
)
from perfdsl.runner.kernels.embedding import embed_rows
from perfdsl.runner.kernels.norms import norm_rows
from perfdsl.runner.kernels.pooling import pool_rows, unit_rows
from perfdsl.runner.kernels.product import BLOCK
from perfdsl.runner.kernels.quantise import quantise_rows
from perfdsl.runner.kernels.system import nanoseconds
from perfdsl.runner.kernels.words import number, set_word, word
from perfdsl.runner.layer import PHASES, of_all_rows, run_phase
from perfdsl.runner.products import begins, product
from perfdsl.runner.shares import share

# Phases outside of the layers, timed like theirs.
FIRST_PHASES = ("embed", "first_norm")
LAST_PHASES = (  # and whether a model without a head leaves it out
    ("pool", False), ("quantise_pooled", True), ("dense_2", True), ("quantise_dense", True),
    ("dense_3", True), ("normalise", False),
)  # fmt: skip


@kernel
def forward(job: int, first: int, last: int, thread: int, threads: int, barrier: int) -> None:
    """Steps first ..< last of a job, as one of its threads; left early when it is cancelled, or
    when it is time to be back."""
    pieces = word(job, PIECES)
    a_layer = 1 if pieces == 1 else len(PHASES) * pieces
    end = 1 + a_layer * word(job, LAYERS)
    for step in range(first, last):
        if step == 0:
            going = _begin(job, share_of(job, thread, threads, 0, 1), thread, threads, barrier)
        elif step == end:
            going = _end(job, thread, threads, barrier)
        else:
            look_up(barrier, thread, step)
            layer, rest = (step - 1) // a_layer, (step - 1) % a_layer
            own = share_of(job, thread, threads, rest % pieces, pieces)
            phase = rest // pieces
            behind = len(PHASES) if a_layer == 1 else phase + 1
            going = _layer(job, layer, phase, behind, own, thread, threads, barrier)
        if not going or leaves(barrier, step):
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
    blocks = blocks_of(job, D_MODEL)
    stamps = word(job, STAMPS)
    if stamps != 0 and thread == 0:
        set_word(stamps, 0, nanoseconds())
    x, tiles = own_x(job, own), own_tiles(job, own)
    first, last = own_range(own)
    ids = word(job, IDS) + 4 * own.first
    wrong = embed_rows(word(job, VOCAB_TABLE), blocks, ids, first, last, x, word(job, MARKS))
    set_word(word(job, WRONG), thread, wrong)
    if not _met(job, 1, thread, threads, barrier, own.together):
        return False
    before, eps = word(word(job, LAYER_TABLE), ATTN_NORM), number(job, EPS)
    norm_rows(x, before, blocks, eps, own.rows, first, last, tiles)
    return _met(job, 2, thread, threads, barrier, own.together)


@kernel
def _layer(
    job: int, index: int, begin: int, end: int, own: Share, thread: int, threads: int, barrier: int
) -> bool:
    """Phases begin ..< end of a layer."""
    for phase in range(begin, end):
        run_phase(job, index, phase, own, thread, threads)
        needed = own.together or of_all_rows(job, index, phase)
        stamp = 3 + len(PHASES) * index + phase
        if not _met(job, stamp, thread, threads, barrier, needed):
            return False
    return True


@kernel
def _end(job: int, thread: int, threads: int, barrier: int) -> bool:
    """The last step: means of texts [T, D] -> [T, dense] -> [T, D] -> length 1."""
    texts, blocks, inside = word(job, TEXTS), blocks_of(job, D_MODEL), blocks_of(job, DENSE)
    pooled, wide, tiles = word(job, POOLED), word(job, WIDE), word(job, TILES)
    own = Share(0, texts, thread, threads, 0, 1, True)
    stamp = 3 + len(PHASES) * word(job, LAYERS)
    tally = tallies_of(job, word(job, LAYERS), thread)
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
        product(
            own, word(job, DENSE_2), word(job, DENSE_2_SCALES), inside, blocks, tiles, wide,
            begins(own, weights, blocks, inside, BLOCK),
            begins(own, scales, blocks, inside, 2),
            tally + DENSE_2_TALLY * TALLY_BYTES,
        )  # fmt: skip
        if not _met(job, stamp + 2, thread, threads, barrier, True):
            return False
        quantise_rows(wide, inside, texts, first, last, dense)
        if not _met(job, stamp + 3, thread, threads, barrier, True):
            return False
        product(
            own, weights, scales, blocks, inside, dense, pooled, 0, 0,
            tally + DENSE_3_TALLY * TALLY_BYTES,
        )  # fmt: skip
        if not _met(job, stamp + 4, thread, threads, barrier, True):
            return False
    first, last = share(texts, thread, threads)
    lost = unit_rows(pooled, blocks, word(job, KEPT), first, last, word(job, VECTORS))
    set_word(word(job, OVERFLOWED), thread, lost)
    return _met(job, stamp + 5, thread, threads, barrier, True)
