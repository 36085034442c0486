"""Memory: aligned, zero, handed out without overlap, and never more than there is."""

from itertools import pairwise

import numpy as np
import pytest

from perfdsl.runner.memory import HUGE, LINE, Arena, pages, room


@pytest.mark.parametrize("size", [1, 64, 100_000, HUGE, 3 * HUGE + 5])
def test_pages_are_zero_writable_and_aligned(size):
    memory = pages(size)
    assert memory.size == size
    assert memory.ctypes.data % (HUGE if size >= HUGE else LINE) == 0
    assert not memory.any()
    memory[:] = 7
    assert memory[-1] == 7


def test_an_arena_hands_out_pieces_on_lines_of_their_own():
    arena = Arena(room(4 * 5, 100, 64))
    pieces = [
        arena.take((5,), np.float32),
        arena.take((100,), np.uint8),
        arena.take((8,), np.int64),
    ]
    spans = [(piece.ctypes.data, piece.ctypes.data + piece.nbytes) for piece in pieces]
    assert all(first % LINE == 0 for first, _ in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    with pytest.raises(ValueError, match="holds 256 bytes"):
        arena.take((1,), np.uint8)


def test_memory_lives_as_long_as_its_pieces():
    piece = Arena(HUGE).take((10,), np.float64)
    piece[:] = 1.5
    assert piece.sum() == 15
