"""The two products that begin the feed-forward network, and GeGLU on what they leave in the cache.

gate and up multiply the same tokens. Their panels of 32 columns make one block of 32 values of the
next product's activations, quantised where they are: neither product ever exists as a whole.
"""

from __future__ import annotations

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.geglu import geglu_tiles
from perfdsl.runner.kernels.product import BLOCK, PANEL, TILES_AT_ONCE, panel_rows
from perfdsl.runner.tiling import TOKENS, first_row

# Tiles that meet one panel, then the other: a panel of each (26 KB at 768 values) together is more
# than an L1 holds, and the results of so many are little beside one.
GROUP = 8
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
    `scratch`: SCRATCH bytes of this thread's own. All else is as for `product_rows`.
    """
    of_panel, of_scales = PANEL * BLOCK * blocks, PANEL * 2 * blocks
    for start in range(first_tile, last_tile, TILES_AT_ONCE):
        stop = min(start + TILES_AT_ONCE, last_tile)
        for panel in range(first, last):
            here, here_scales = panel * of_panel, panel * of_scales
            ahead, ahead_scales = gate + here + of_panel, gate_scales + here_scales + of_scales
            if panel + 1 == last:
                ahead, ahead_scales = next_weights, next_scales
                if stop < last_tile:  # the next block of tiles
                    ahead = gate + first * of_panel
                    ahead_scales = gate_scales + first * of_scales
            for group in range(start, stop, GROUP):
                end = min(group + GROUP, stop)
                ups = scratch + SCRATCH // 2
                above = first_row(rows, group) * ROW  # a product places its rows from row 0 on
                panel_rows(
                    gate + here, gate_scales + here_scales, blocks, x, rows, group, end,
                    scratch - above, ROW,
                    up + here if group == start else 0, up_scales + here_scales, tally,
                )  # fmt: skip
                panel_rows(
                    up + here, up_scales + here_scales, blocks, x, rows, group, end,
                    ups - above, ROW,
                    ahead if end == stop else 0, ahead_scales, tally,
                )  # fmt: skip
                geglu_tiles(scratch, ups, rows, group, end, panel, out_blocks, out)
