"""Memory: aligned, zero, handed out without overlap, and never more than there is."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from perfdsl.runner.memory import HUGE, LINE, Arena, pages, room

SMAPS = Path("/proc/self/smaps")


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


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux tells how memory is mapped")
def test_large_memory_is_private_and_asks_for_huge_pages():
    """A shared mapping is a file in memory to Linux, and has no huge pages as most are set up."""
    memory = pages(2 * HUGE)
    address = memory.ctypes.data
    for area in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", SMAPS.read_text(), flags=re.MULTILINE):
        span = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", area)
        if span and int(span[1], 16) <= address < int(span[2], 16):
            flags = re.search(r"^VmFlags: (.*)$", area, re.MULTILINE)
            assert flags is not None
            assert "sh" not in flags[1].split()
            assert "hg" in flags[1].split()
            return
    pytest.fail("the memory is not among the process's areas")
