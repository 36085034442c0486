"""Tiles of tokens: every row in one tile, tiles as equal as they can be."""

import pytest

from perfdsl.runner.tiling import TOKENS, first_row, tile_count, tile_of, tile_tokens


@pytest.mark.parametrize("rows", [*range(1, 40), 255, 512, 2048])
def test_tiles_follow_one_another_and_hold_every_row_once(rows):
    count = tile_count(rows)
    sizes = [tile_tokens(rows, tile) for tile in range(count)]
    assert sum(sizes) == rows
    assert [first_row(rows, tile) for tile in range(count + 1)] == [
        sum(sizes[:tile]) for tile in range(count + 1)
    ]
    assert [tile_of(rows, row) for row in range(rows)] == [
        tile for tile, size in enumerate(sizes) for _ in range(size)
    ]


@pytest.mark.parametrize("rows", [*range(1, 40), 255, 512, 2048])
def test_there_are_as_few_tiles_as_can_be_of_nearly_equal_size(rows):
    sizes = [tile_tokens(rows, tile) for tile in range(tile_count(rows))]
    assert max(sizes) <= TOKENS
    assert (len(sizes) - 1) * TOKENS < rows
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)
