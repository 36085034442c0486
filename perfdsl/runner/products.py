"""Products of a pass: which panels and tiles are a thread's in a step, and the call itself."""

from __future__ import annotations

from perfdsl.runner.jit import kernel
from perfdsl.runner.job import FLOAT, Share
from perfdsl.runner.kernels.product import PANEL, product_rows
from perfdsl.runner.shares import product_share, share
from perfdsl.runner.tiling import tile_count


@kernel
def cut(own: Share, panels: int) -> tuple[int, int, int, int]:
    """The panels and tiles of a product that are a thread's in this step; see `product_share`."""
    first, last, tile, end_tile = product_share(panels, tile_count(own.rows), own.part, own.parts)
    begin, end = share(end_tile - tile, own.piece, own.pieces)
    return first, last, tile + begin, tile + end


@kernel
def begins(own: Share, matrix: int, panels: int, blocks: int, of_block: int) -> int:
    """Where a thread begins to read a matrix (32 bytes a block and row) or its scales (2 bytes)."""
    first, _, _, _ = product_share(panels, tile_count(own.rows), own.part, own.parts)
    return matrix + first * PANEL * blocks * of_block


@kernel
def product(
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
    first, last, tile, end_tile = cut(own, panels)
    product_rows(
        weights, scales, first, last, blocks, x, own.rows, tile, end_tile,
        out, panels * PANEL * FLOAT, next_weights, next_scales, tally,
    )  # fmt: skip
