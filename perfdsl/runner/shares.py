"""Shares: which part of a phase a thread computes; equal for all, and settled without a word.

A phase is a function of (thread, threads). Results never depend on the shares: a share decides who
computes a number, not how.
"""

from __future__ import annotations

from perfdsl.runner.jit import kernel


@kernel
def share(count: int, part: int, parts: int) -> tuple[int, int]:
    """The range of `count` things that is this part's: sizes differ by at most one."""
    return count * part // parts, count * (part + 1) // parts


@kernel
def cuts_of(panels: int, tiles: int, threads: int) -> int:
    """Into how many ranges of panels a product is cut; its tiles into threads // that many.

    The cut with the shortest longest share, in panels times tiles; with equal ones that with the
    most ranges of panels, as each panel is then read by the fewest threads.
    """
    best, least = 1, panels * tiles + 1
    for cuts in range(threads, 0, -1):
        if threads % cuts == 0:
            longest = -(-panels // cuts) * -(-tiles // (threads // cuts))
            if longest < least:
                best, least = cuts, longest
    return best


@kernel
def product_share(panels: int, tiles: int, thread: int, threads: int) -> tuple[int, int, int, int]:
    """This thread's (first panel, last panel, first tile, last tile) of a product; some are empty.

    With as many panels a thread as another all tiles are everybody's: each weight is read once.
    """
    cuts = cuts_of(panels, tiles, threads)
    first, last = share(panels, thread % cuts, cuts)
    first_tile, last_tile = share(tiles, thread // cuts, threads // cuts)
    return first, last, first_tile, last_tile
