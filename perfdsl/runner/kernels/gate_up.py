"""The two products that begin the feed-forward network, and GeGLU on what they leave in the cache.

gate and up multiply the same tokens. Their panels of 32 columns make one block of 32 values of the
next product's activations, quantised where they are: neither product ever exists as a whole.
"""

from __future__ import annotations

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.geglu import geglu_tiles
from perfdsl.runner.kernels.product import (
    BLOCK,
    PANEL,
    TILES_AT_ONCE,
    panel_rows,
)
from perfdsl.runner.kernels.tally import WORD, WORDS
from perfdsl.runner.tiling import TOKENS, first_row

# Products of a panel and a tile between two changes of the matrix. Few tiles: many panels, so that
# memory is read in long runs. Many tiles: one panel, and no more results than fit beside it in L1.
GROUP = 16
ROW = PANEL * 4  # bytes of a row of results
SCRATCH = 2 * GROUP * TOKENS * ROW  # bytes that a thread needs for those of both products


@kernel
def gate_up(
    gate: int,
    gate_scales: int,
    up: int,
    up_scales: int,
    first: int,
    last: int,
    blocks: int,
    x: int,
    rows: int,
    first_tile: int,
    last_tile: int,
    out: int,
    out_blocks: int,
    scratch: int,
    next_weights: int,
    next_scales: int,
    tally: int,
) -> None:
    """gelu(gate x) * up x as q8 tiles: panels first ..< last of tiles first_tile ..< last_tile.

    `out`: the q8 tiles of all rows, of `out_blocks` blocks each, of which block p comes of panel p.
    `scratch`: SCRATCH bytes of this thread's own. `tally`: of gate, and behind it of up.
    All else is as for `product_rows`.
    """
    of_panel, of_scales = PANEL * BLOCK * blocks, PANEL * 2 * blocks
    for start in range(first_tile, last_tile, TILES_AT_ONCE):
        stop = min(start + TILES_AT_ONCE, last_tile)
        run = max(1, GROUP // (stop - start))
        for panel in range(first, last, run):
            end = min(panel + run, last)
            here, here_scales = panel * of_panel, panel * of_scales
            ahead, ahead_scales = gate + end * of_panel, gate_scales + end * of_scales
            if end == last:
                ahead, ahead_scales = next_weights, next_scales
                if stop < last_tile:  # the next block of tiles
                    ahead = gate + first * of_panel
                    ahead_scales = gate_scales + first * of_scales
            for group in range(start, stop, GROUP):
                until = min(group + GROUP, stop)
                _panels(
                    gate + here, gate_scales + here_scales, end - panel, blocks, x, rows, group,
                    until, scratch, up + here if group == start else 0, up_scales + here_scales,
                    panel == first, tally,
                )  # fmt: skip
                _panels(
                    up + here, up_scales + here_scales, end - panel, blocks, x, rows, group,
                    until, scratch + SCRATCH // 2, ahead if until == stop else 0, ahead_scales,
                    False, tally + WORDS * WORD,
                )  # fmt: skip
                results = (first_row(rows, until) - first_row(rows, group)) * ROW
                for n in range(end - panel):
                    gates = scratch + n * results
                    geglu_tiles(
                        gates, gates + SCRATCH // 2, rows, group, until, panel + n, out_blocks, out
                    )


@kernel
def _panels(
    weights: int,
    scales: int,
    panels: int,
    blocks: int,
    x: int,
    rows: int,
    first_tile: int,
    last_tile: int,
    out: int,
    ahead: int,
    ahead_scales: int,
    fresh: bool,
    tally: int,
) -> None:
    """Panel by panel float32 (rows of these tiles, 32) at `out`; `ahead` is read after the last.

    fresh: whether the first of them is the first to read these tiles.
    """
    of_panel, of_scales = PANEL * BLOCK * blocks, PANEL * 2 * blocks
    row = first_row(rows, first_tile)
    results = (first_row(rows, last_tile) - row) * ROW
    for n in range(panels):
        w, d = weights + n * of_panel, scales + n * of_scales
        after, after_scales = w + of_panel, d + of_scales
        if n + 1 == panels:
            after, after_scales = ahead, ahead_scales
        panel_rows(
            w, d, blocks, x, rows, first_tile, last_tile, out + n * results - row * ROW, ROW,
            after, after_scales, fresh and n == 0, tally,
        )  # fmt: skip
