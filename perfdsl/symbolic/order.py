"""The order in which SymPy sorts the parts of a sum or product, as keys that are made once.

SymPy compares two expressions part by part, each time anew; sorting the terms of a large model
takes most of the time that its formulas take. Equal in result to `Basic.compare`.
"""

from __future__ import annotations

from sympy.core import Basic
from sympy.core.basic import ordering_of_classes

Key = tuple[object, ...]
KNOWN = {name: at for at, name in reversed(list(enumerate(ordering_of_classes)))}
UNKNOWN = len(ordering_of_classes) + 1


def key_of(expr: Basic, known: dict[Basic, Key]) -> Key:
    """The place of an expression: that of its class, the length of what it holds, what it holds."""
    key = known.get(expr)
    if key is None:
        name = type(expr).__name__
        place = KNOWN.get(name, UNKNOWN)
        held = expr._hashable_content()  # noqa: SLF001  what SymPy's own comparison reads
        inner = (key_of(part, known) if isinstance(part, Basic) else part for part in held)
        key = known[expr] = (place, name if place == UNKNOWN else "", len(held), *inner)
    return key
