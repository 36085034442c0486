"""Questions that may have no answer while uncertain inputs run: keys that can leave their table."""

from __future__ import annotations

import math
from collections.abc import Iterator

from perfdsl.semantics.graph import Lookup, Search
from perfdsl.semantics.program import AnalysisProgram
from perfdsl.semantics.unmet import asked, keys_of, nodes_of, shown_key
from perfdsl.solve.answers import Finding
from perfdsl.solve.reading import Reading

NO_VALUE = "where it is outside them, nothing is known: bounds that include it are infinite"


def gaps(program: AnalysisProgram, reading: Reading) -> Iterator[Finding]:
    """One finding for each question of a show or claim that cannot be answered everywhere."""
    graph = reading.graph
    if not graph.lookups and not graph.searches:
        return
    roots = [node for show in program.shows for node in nodes_of(show.value)]
    claims = [part for claim in program.claims for part in claim.each]
    roots += [n for claim in claims for n in (claim.left, claim.right) if n >= 0]
    for node in asked(graph, roots):
        if reading.missing(node):
            continue
        if node in graph.lookups:
            yield from _outside(graph.lookups[node], reading)
        if node in graph.searches:
            yield from _never(graph.searches[node], node, reading)


def _outside(lookup: Lookup, reading: Reading) -> Iterator[Finding]:
    low, high = reading.bounds(lookup.at)
    if math.isnan(low) or math.isnan(high) or (lookup.low <= low and high <= lookup.high):
        return
    ends = " .. ".join(dict.fromkeys(shown_key(lookup, end) for end in (low, high)))
    yield Finding(
        f"`{lookup.name}` is asked for {ends}, {keys_of(lookup)}", (NO_VALUE,), lookup.span
    )


def _never(search: Search, node: int, reading: Reading) -> Iterator[Finding]:
    bounds = reading.bounds(node)
    if math.isfinite(bounds.low) and math.isfinite(bounds.high):
        return
    if any(reading.bounds(test).low > 0 for test in search.tests):
        return  # one of them always holds; the value itself has no bounds
    title = f"`{search.condition}` may hold for none of {search.over}"
    yield Finding(title, ("then there is no value",), search.span)
