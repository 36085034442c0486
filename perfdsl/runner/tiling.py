"""Tiles of tokens: rows cut into runs of nearly equal length, as the int8 product takes them.

A product keeps a tile of TOKENS rows in registers, so a run must not be longer; the runs are as
equal as they can be, because a tile of one row costs nearly as much as a full one (13 rows are
5 + 4 + 4, not 6 + 6 + 1). Nothing is stored: where a tile lies follows from the number of rows.

`rows` is at least 1 in all of these; the longer tiles come first.
"""

from typing import Any

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.target import HOST

TOKENS = HOST.tokens


@kernel
def tile_count(rows: int) -> int:
    """How many tiles these rows make."""
    return (rows + TOKENS - 1) // TOKENS


@kernel
def first_row(rows: int, tile: int) -> int:
    """The row with which a tile begins; for the tile after the last one: rows."""
    count = tile_count(rows)
    shorter = rows // count
    return tile * shorter + min(tile, rows - count * shorter)


@kernel
def tile_tokens(rows: int, tile: int) -> int:
    """How many rows a tile has: one of two neighbouring numbers, at most TOKENS."""
    count = tile_count(rows)
    shorter = rows // count
    return shorter + (1 if tile < rows - count * shorter else 0)


@kernel
def tile_of(rows: int, row: int) -> int:
    """The tile in which a row lies."""
    count = tile_count(rows)
    shorter = rows // count
    longer = rows - count * shorter  # tiles of one row more
    if row < longer * (shorter + 1):
        return row // (shorter + 1)
    return longer + (row - longer * (shorter + 1)) // shorter


@kernel
def tile_around(rows: int, row: int) -> tuple[int, int]:
    """The first row of the tile in which a row lies, and how many rows the tile has."""
    tile = tile_of(rows, row)
    return first_row(rows, tile), tile_tokens(rows, tile)


@kernel
def part_around(parts: Any, row: int) -> tuple[int, int]:
    """The part in which a row lies: its first row, and how many rows it has.

    Where rows are cut into parts, each part has tiles of its own. parts: int64, the first row of
    each part, and the number of all rows behind them.
    """
    part = 0
    while parts[part + 1] <= row:
        part += 1
    return parts[part], parts[part + 1] - parts[part]
