"""Shares of attention: which queries a thread computes, so that threads see equally many keys.

The queries of all texts form one line: text after text, in it kv head after kv head, in it token
after token. A query costs the keys that it sees and what a query costs without any; a thread takes
the stretch between two sums of cost. A share begins and ends at any token: results do not depend on
which queries are computed together.
"""

from __future__ import annotations

from typing import Any

from perfdsl.runner.jit import kernel

FIXED = 16  # a query's own cost, in keys: the division of its sums, and their quantisation


@kernel(inline=True)
def first_seen(token: int, reach: int) -> int:
    """The first position that a token sees."""
    return max(0, token - reach)


@kernel(inline=True)
def after_seen(token: int, tokens: int, reach: int) -> int:
    """The position behind the last one that a token sees."""
    return min(tokens, token + reach + 1)


@kernel(inline=True)
def cost_before(token: int, tokens: int, reach: int) -> int:
    """What the queries 0 ..< token of a text cost together: a sum of `after_seen - first_seen`."""
    cut = max(0, token - reach - 1)  # queries whose window begins behind position 0: 1 + 2 + ...
    inside = min(token, max(0, tokens - reach - 1))  # queries whose window ends in the text
    ends = inside * (inside - 1) // 2 + inside * (reach + 1) + (token - inside) * tokens
    return ends - cut * (cut + 1) // 2 + token * FIXED


@kernel
def token_at(cost: int, tokens: int, reach: int) -> int:
    """The first query of a text before which at least this cost lies: 0 ..= tokens."""
    low, high = 0, tokens
    while low < high:
        middle = (low + high) // 2
        if cost_before(middle, tokens, reach) >= cost:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def cost_of(starts: Any, kv_heads: int, reach: int) -> int:
    """What all queries of all texts cost."""
    total = 0
    for text in range(len(starts) - 1):
        tokens = starts[text + 1] - starts[text]
        total += kv_heads * cost_before(tokens, tokens, reach)
    return total
