"""What a parameter, field or unknown may be: a sort of thing, or a dimension; and the check."""

from __future__ import annotations

from perfdsl.diagnostics import Edit, Fix, Label, Span
from perfdsl.records import dataclass
from perfdsl.semantics.arithmetic import BRIDGES, NAMES, shown
from perfdsl.semantics.dimensions import PURE, WORK, Dimension, base
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.units import UnitError
from perfdsl.semantics.values import (
    POISON,
    Condition,
    Instance,
    Kind,
    LinkName,
    Nothing,
    Quantity,
    Record,
    Role,
    Value,
    Words,
    describe,
)
from perfdsl.syntax import tree

SORTS = {"Format", "Workload", "Hardware", "Model"}
WORDS = {"Ratio", "Count", "Dim", "Role", "Kind", "Link", "Label", "Policy", "Bool", "Any", *SORTS}

# Types as other languages call them.
FOREIGN = {"int": "Count", "integer": "Count", "float": "Ratio", "number": "Ratio",
           "str": "Label", "string": "Label", "bool": "Bool"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Type:
    """sort: Quantity, or the word of a declared thing. whole: only whole numbers make sense."""

    sort: str
    dim: Dimension = PURE
    tag: str = ""
    whole: bool = False
    text: str = ""


def read_type(node: tree.Type, frame: Frame) -> Type | None:
    """The meaning of a written type; None: reported. Each is read once: calls ask for it often."""
    known = frame.context.types
    if id(node) not in known:
        found = _read_type(node, frame)
        if found is None:
            return None
        known[id(node)] = found
    read: Type = known[id(node)]
    return read


def _read_type(node: tree.Type, frame: Frame) -> Type | None:
    name = node.name
    if name in {"Count", "Dim"}:
        unit = frame.module.units.parse(node.argument)
        if isinstance(unit, UnitError):
            frame.context.report(unit.code, unit.title, node.span)
            return None
        return Type("Quantity", unit.dim, unit.tag, whole=True, text=f"a {name.lower()}")
    if name == "Ratio":
        return Type("Quantity", text="a ratio")
    if name in WORDS:
        return Type(name, text=f"a {name.lower()}")
    unit = frame.module.units.parse(name)
    if isinstance(unit, UnitError):
        if not unit.code:
            return None
        if name in FOREIGN:
            title = f"there is no type `{name}`"
            near = f"did you mean `{FOREIGN[name]}`?"
            frame.context.report("P201", title, node.span, help_=near)
            return None
        near = f"did you mean `{unit.instead}`?" if unit.instead else "types: a unit, Count, Ratio"
        frame.context.report(unit.code, unit.title, node.span, help_=near)
        return None
    return Type("Quantity", unit.dim, unit.tag, text=f"a quantity in {name}")


def fits(value: Value, wanted: Type) -> bool:
    """Whether a value is of the type, without a word."""
    match value:
        case Quantity():
            if wanted.sort != "Quantity":
                return wanted.sort == "Any"
            if value.dim is not None and value.dim != wanted.dim:
                return False
            return not (value.tag and wanted.tag and value.tag != wanted.tag)
        case Instance(sort=sort):
            return wanted.sort in {"Any", sort.capitalize()}
        case Role() | LinkName():
            return wanted.sort in {"Any", "Link" if isinstance(value, LinkName) else "Role"}
        case Kind():
            return wanted.sort in {"Any", "Kind"}
        case Words():
            return wanted.sort in {"Any", "Label"}
        case Condition():
            return wanted.sort in {"Any", "Bool"}
        case Nothing():
            return wanted.sort == "Quantity"
        case Record(fields=fields) if wanted.sort == "Format":
            return {"block", "bytes"} <= set(fields)
        case _:
            return wanted.sort in {"Any", "Policy"}


def require(
    value: Value, wanted: Type | None, span: Span, frame: Frame, what: str, at: Span | None = None
) -> Value:
    """The value, if it is of the type; else one message that says what was expected where.

    what: the thing that has the type, as in "`peak` of a port". at: where the type is written.
    """
    if wanted is None or value == POISON or fits(value, wanted):
        return value
    why = () if at is None else (Label(at, "declared here"),)
    report = frame.context.report
    if not isinstance(value, Quantity) or wanted.sort != "Quantity":
        expected = wanted.text if wanted.sort != "Quantity" else _dim_text(wanted)
        title = f"{what} is {expected}, not {describe(value)}"
        missing = value.name if isinstance(value, Role) else ""
        if isinstance(value, Words) and frame.find(value.text) is not None:
            bare = Fix(f"write `{value.text}`", (Edit(span, value.text),), safe=True)
            help_ = f"write `{value.text}`, without quotes"
            return report("P302", title, span, why=why, help_=help_, fix=bare)
        return report("P302", title, span, why=why, missing=missing)
    if value.dim == wanted.dim:
        title = f"{what} counts {wanted.tag}s, and this counts {value.tag}s"
        return report("P205", title, span, value.tag, why=why)
    found, expected_dim = value.dimension, wanted.dim
    notes = (f"expected {expected_dim}, found {shown(value)}",)
    code, title, help_ = _mismatch(found, expected_dim, what, value.literal)
    fix = None
    if code == "P210" and wanted.dim.exponents and len(wanted.dim.exponents) == 1:
        unit = str(wanted.dim)
        if unit in frame.module.units.counted:
            fix = Fix(
                f"write `{span.text} {unit}`", (Edit(span, f"{span.text} {unit}"),), safe=True
            )
            help_ = ""
    return report(code, title, span, shown(value), why=why, notes=notes, help_=help_, fix=fix)


def _dim_text(wanted: Type) -> str:
    if wanted.tag:
        return f"a count of {wanted.tag}s"
    return "a number" if wanted.dim == PURE else f"a quantity in {wanted.dim}"


def _mismatch(
    found: Dimension, expected: Dimension, what: str, literal: bool
) -> tuple[str, str, str]:
    """Code, title and help for a value of the wrong dimension."""
    ratio = found / expected
    for part in ("core", "device"):
        if ratio == base(part) ** -1 and found.exponent(part) < 0:
            title = f"{what} is a total, and this is the value of one {part}"
            return "P207", title, f"multiply by `{part}s`"
    for pair, text in BRIDGES.items():
        left, right = sorted(pair)
        if ratio in {base(left) / base(right), base(right) / base(left)}:
            have = next(iter(found.names & WORK & pair), left)
            title = f"{what} is counted in {expected}, and this counts {NAMES[have]}"
            return "P203", title, f"the bridge is `{text}`"
    if found == PURE and literal:
        return "P210", f"{what} needs a unit", f"write it in {expected}"
    return "P202", f"{what} is not of this dimension", ""
