"""What tests of the int8 product share: its operands as a model has them, and its call."""

import numpy as np

from perfdsl.runner.kernels.product import Q8, product_rows
from perfdsl.runner.kernels.product_inputs import q8_tiles
from perfdsl.runner.packing import FILE_BLOCK, pack, packed_bytes
from perfdsl.runner.shares import product_share
from perfdsl.runner.tiling import tile_count


def in_file(w: Q8):
    blocks = np.zeros((w.rows, w.blocks, FILE_BLOCK), np.uint8)
    blocks[:, :, :2] = w.scales.view(np.uint8).reshape(w.rows, w.blocks, 2)
    blocks[:, :, 2:] = w.bytes.view(np.uint8).reshape(w.rows, w.blocks, 32)
    return blocks


def packed(w: Q8):
    """Packed bytes and scales, on a cache line of their own."""
    streams = []
    for size in packed_bytes(w.rows, w.blocks):
        memory = np.zeros(size + 64, np.uint8)
        first = -memory.ctypes.data % 64
        streams.append(memory[first : first + size])
    blocks = in_file(w)
    addresses = [stream.ctypes.data for stream in streams]
    assert pack(blocks.ctypes.data, w.rows, w.blocks, *addresses) == -1
    return streams


def product(x: Q8, w: Q8, threads=1):
    weights, scales = packed(w)
    tiles = q8_tiles(x)
    out = np.full((x.rows, w.rows + 3), np.nan, np.float32)  # rows further apart than they are long
    tally = np.zeros(8, np.int64)
    at = (weights.ctypes.data, scales.ctypes.data)
    for thread in range(threads):
        first, last, first_tile, last_tile = product_share(
            w.rows // 32, tile_count(x.rows), thread, threads
        )
        product_rows(
            *at, first, last, x.blocks, tiles.ctypes.data, x.rows, first_tile, last_tile,
            out.ctypes.data, out.strides[0], *at, tally.ctypes.data,
        )  # fmt: skip
    assert np.isnan(out[:, w.rows :]).all()
    return out[:, : w.rows]
