"""A count's formula as text, in the program's own names: `batch * tokens * d_model * d_q * 1 MAC`.

It is read off the graph, so that all functions and operators are written out. Equal terms of a sum
are one with a factor, and terms that are 0 at the given numbers are left out: the formula is that
of a case, in which the reader looks for the factor that is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

from perfdsl.records import dataclass
from perfdsl.semantics.graph import Graph, Node

SUM, PRODUCT, ATOM = range(3)
LONGEST = 2_000  # characters: what is longer is read by nobody
Shown = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Formula:
    """text: of one run. values: what has a name in it, as name and number, in order."""

    text: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Names:
    """values: of all nodes; names: of some; shown: the text of each so far."""

    values: Mapping[int, Fraction]
    names: Mapping[int, str]
    shown: dict[int, Shown]

    def text(self, node: int, level: int = SUM) -> str:
        """In brackets where it binds less."""
        text, own = self.shown[node]
        return text if own >= level else f"({text})"


def formula(
    graph: Graph, root: int, values: Mapping[int, Fraction], names: Mapping[int, str]
) -> Formula:
    """values: of all that the root is made of (`whole.values_of`). names: of the nodes with one."""
    known = _Names(values, names, {})
    cone = graph.cone(root)
    for number in cone:
        text, level = _shown(number, graph.nodes[number], known)
        known.shown[number] = (text if len(text) <= LONGEST else "...", level)
    text = known.text(root)
    met = [(names[n], _number(values[n])) for n in cone if n in names and names[n] in text]
    return Formula(text, tuple(met))


def _number(value: Fraction) -> str:
    return f"{value.numerator:,}" if value.denominator == 1 else str(float(value))


def _shown(number: int, node: Node, known: _Names) -> Shown:
    if number in known.names:
        return known.names[number], ATOM
    match node.op:
        case "input":
            return node.data.name, ATOM
        case "const":
            return f"{known.values[number]}", ATOM
        case "named":
            return known.shown[node.args[0]]
        case "sum":
            return _sum(node, known)
        case "product":
            factors = [(arg, power > 0) for arg, power in zip(node.args, node.data, strict=True)]
            above = [known.text(arg, PRODUCT) for arg, over in factors if over]
            below = [known.text(arg, ATOM) for arg, over in factors if not over]
            return " / ".join([" * ".join(above) or "1", *below]), PRODUCT
        case "pow":
            return f"{known.text(node.args[0], ATOM)}^{known.text(node.args[1], ATOM)}", ATOM
        case "select":
            chosen = node.args[1] if known.values[node.args[0]] else node.args[2]
            return known.shown[chosen]
        case "compare":
            left, right = (known.text(arg) for arg in node.args)
            return f"({left} {node.data} {right})", ATOM
        case _:
            return f"{node.op}({', '.join(known.text(arg) for arg in node.args)})", ATOM


def _sum(node: Node, known: _Names) -> Shown:
    times: Counter[int] = Counter()
    for arg, sign in zip(node.args, node.data, strict=True):
        times[arg] += sign
    text, terms = "", 0
    for arg, factor in times.items():
        if not factor or not known.values[arg]:
            continue
        part = known.text(arg, PRODUCT)
        if abs(factor) > 1:
            part = f"{abs(factor)} * {part}"
        sign = (" + " if factor > 0 else " - ") if text else ("" if factor > 0 else "-")
        text, terms = text + sign + part, terms + 1
    if not terms:
        return "0", ATOM
    alone = terms == 1 and not text.startswith("-")
    return text, PRODUCT if alone else SUM
