"""Mistakes of meaning: what can be read, and cannot be meant.

Each is a mistake by its construction, whatever the checker says:
- **unit**: a number's or column's unit becomes one of another dimension;
- **tag**: a count's label becomes another label;
- **name**: a name, field, argument or import becomes a word that stands nowhere in the program;
- **defined**: the same where the name is defined. If it is written once more, nobody can tell which
  of the two is misspelt: both lines count;
- **double**: a definition stands twice, word for word (work and bytes add up, and claims and shows
  may be repeated: these are no definitions);
- **swap**: the values, or the names, of two arguments of different types change places;
- **less**, **more**: a factor with a unit is left out, or one too many is written;
- **place**: a statement's first word becomes one that starts another sort of statement.

Hidden (the text alone does not show them): arguments of one type exchanged, a pure factor or a
summand left out, a role or kind misspelt (both are any word), a label where nothing asks for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from perfdsl.diagnostics import Span
from perfdsl.syntax import tree
from tests.injections import Edit, Injection, Program

# A unit, and one of another dimension that is taken for it.
WRONG_UNIT = {
    "s": "B", "ms": "MB", "us": "kB", "ns": "B", "B": "s", "kB": "ms", "MB": "ms", "GB": "s",
    "KiB": "us", "MiB": "ms", "GiB": "s", "bit": "cycle", "GHz": "GB/s", "MHz": "MB/s", "MAC": "op",
    "op": "MAC", "FLOP": "MAC", "core": "token", "token": "core", "cycle": "s", "instr": "op",
    "transfer": "instr", "GB/s": "GHz", "TB/s": "THz", "MT/s": "MB/s", "Gop": "GMAC",
    "Mop": "MMAC", "GFLOP": "Gop", "TFLOP": "Top", "GMAC": "GFLOP", "TMAC": "TFLOP", "J": "W",
    "W": "J", "device": "core", "%": "ms",
}  # fmt: skip
LABELS = ("layer", "head", "channel", "sequence", "page", "socket")
# Fields that the language reads itself: their units are known without a use.
STANDARD = {
    "cores", "devices", "peak", "bandwidth", "size", "latency", "efficiency", "tokens", "batch",
    "context", "rows", "block", "bytes", "input", "output", "time",
}  # fmt: skip
UNIT_WORD = re.compile(r"[^\W\d]\w*(?:/s)?|%")

# A word of the language that another one is taken for where it does not fit.
CONFUSED = {
    "work": "read", "read": "work", "write": "work", "model": "operator", "operator": "model",
    "hardware": "workload", "workload": "hardware", "port": "cache", "memory": "port",
    "analysis": "model", "show": "let",
}  # fmt: skip


Signatures = Mapping[str, tuple[tree.Param, ...]]


WORK = {"op", "MAC", "FLOP"}


def meant(program: Program, signatures: Signatures) -> Iterator[Injection]:
    """Every mistake of meaning that can be made in a program.

    signatures: the parameters of operators and functions, by name, the program's own among them.
    """
    yield from _units(program)
    yield from _names(program, signatures)
    yield from _definitions(program)
    yield from _doubled(program)
    yield from _swapped(program, signatures)
    yield from _factors(program)
    yield from _places(program)


# ---------------------------------------------------------------------------------------- units


def _base(unit: str) -> str:
    """A unit of work without prefix and `/s`."""
    found = re.fullmatch(r"[kMGTPE]?(op|MAC|FLOP)(/s)?", unit)
    return found[1] if found else unit


def _told_nowhere(program: Program) -> set[int]:
    """Where the units of definitions stand that no other line of the file uses."""
    words = Counter(re.findall(r"\w+", re.sub(r'#[^\n]*|"[^"]*"', "", program.text)))
    found: set[int] = set()
    for node in program.nodes():
        if isinstance(node, tree.Let | tree.Assign | tree.Unit):
            name = node.path[-1] if isinstance(node, tree.Assign) else node.name
            if words[name] == 1 and name not in STANDARD:
                found.update(range(node.value.span.start, node.value.span.end + 1))
    return found


def _units(program: Program) -> Iterator[Injection]:
    told_nowhere = _told_nowhere(program)
    whole = any(isinstance(node, tree.Analysis) for node in program.nodes())
    for start, text in unit_texts(program):
        if text in LABELS:
            other = LABELS[LABELS.index(text) - 1]
            edit = Edit(start, start + len(text), other)
            lines = frozenset({program.line(start)})
            yield program.injected("tag", f"`{other}` for `{text}`", [edit], lines, hidden=True)
            continue
        for found in UNIT_WORD.finditer(text):
            wrong = WRONG_UNIT.get(found[0]) or WRONG_UNIT.get(found[0].removesuffix("/s"))
            if wrong is None:
                continue
            ways = _base(found[0]) in WORK and _base(wrong) in WORK
            hidden = start in told_nowhere or (ways and not whole)
            yield _unit(program, start, found, wrong)._replace(hidden=hidden)
            if found[0].endswith("/s"):
                less = _unit(program, start, found, found[0].removesuffix("/s"))
                yield less._replace(hidden=start in told_nowhere)
            break


def _unit(program: Program, start: int, found: re.Match[str], wrong: str) -> Injection:
    edit = Edit(start + found.start(), start + found.end(), wrong)
    lines = frozenset({program.line(start)})
    return program.injected("unit", f"`{wrong}` for `{found[0]}`", [edit], lines)


def unit_texts(program: Program) -> Iterator[tuple[int, str]]:
    """Where units stand: behind numbers, as types, and where something is shown `in` one."""
    for node in program.nodes():
        match node:
            case tree.Number(unit=unit) if unit:
                yield node.span.end - len(unit), unit
            case tree.Type(name=name) if not name[0].isupper() or "/" in name:
                yield node.span.start, name
            case tree.Show(unit=unit) | tree.Column(unit=unit) if unit:
                at = node.span.text.find(f" in {unit}")
                if at >= 0:
                    yield node.span.start + at + 4, unit
            case _:
                pass


# ---------------------------------------------------------------------------------------- names


def _names(program: Program, signatures: Signatures) -> Iterator[Injection]:
    roles = set(_role_values(program, signatures))
    for span, hidden in names_used(program):
        yield _misspelt(program, "name", span, frozenset({program.line(span.start)}),
                        hidden or span in roles)  # fmt: skip


def _misspelt(
    program: Program, sort: str, span: Span, lines: frozenset[int], hidden: bool = False
) -> Injection:
    wrong = _unknown_word(span.text, program.text)
    edit = Edit(span.start, span.end, wrong)
    return program.injected(sort, f"`{wrong}` for `{span.text}`", [edit], lines, hidden)


def _unknown_word(word: str, text: str) -> str:
    """The word with two letters exchanged, or one doubled, such that it stands nowhere."""
    known = set(re.findall(r"\w+", text)) | {"add", "dad", "min", "max", "fma"}
    tries = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(1, len(word) - 1)]
    for wrong in [*tries, word + word[-1], word + "x"]:
        if wrong not in known and wrong != word and wrong not in {"ms", "us", "ns"}:
            return wrong
    return word + "_x"


def names_used(program: Program) -> Iterator[tuple[Span, bool]]:
    """Where a name stands for something; whether it may be any word (a kind of work, a role)."""
    for node in program.nodes():
        at = node.span
        match node:
            case tree.Name():
                yield at, False
            case tree.Field(name=name) | tree.BoundBy(name=name):
                yield Span(at.source, at.end - len(name), at.end), False
            case tree.Argument(name=name) | tree.Imported(name=name) if name:
                yield Span(at.source, at.start, at.start + len(name)), False
            case tree.Applied(path=path) | tree.Column(path=path) | tree.Path(names=path):
                yield from ((span, False) for span in _dotted(at, path))
            case tree.Assign(path=path) if len(path) > 1:
                yield from ((span, False) for span in _dotted(at, path))
            case tree.FromImport(path=path) | tree.Import(path=path):
                start = at.start + at.text.index('"') + 1
                yield Span(at.source, start, start + len(path)), False
            case tree.Use(source=source) if source:
                start = at.start + at.text.rindex(f" of {source}") + 4
                yield Span(at.source, start, start + len(source)), False
            case tree.Work(kind=word) | tree.Flow(role=word):
                start = at.start + at.text.index(f" {word}") + 1
                yield Span(at.source, start, start + len(word)), True
            case tree.Type(name=name) if name.isalpha() and name[0].isupper() and len(name) > 3:
                yield Span(at.source, at.start, at.start + len(name)), False
            case _:
                pass


def _dotted(at: Span, path: tuple[str, ...]) -> Iterator[Span]:
    start = at.start
    for name in path:
        start = at.source.text.index(name, start)
        yield Span(at.source, start, start + len(name))
        start += len(name)


def _role_values(program: Program, signatures: Signatures) -> Iterator[Span]:
    """Names that are given for a role: any word is one."""
    for _, args, params in _calls(program, signatures):
        for arg, param in zip(args, params, strict=True):
            if param.type is not None and param.type.name in {"Role", "Kind"}:
                yield arg.value.span
    for node in program.nodes():
        if isinstance(node, tree.Call) and isinstance(node.func, tree.Name):
            # The arguments of a max or min may have any name.
            if node.func.id in {"max", "min"}:
                for arg in node.args:
                    yield Span(arg.span.source, arg.span.start, arg.span.start + len(arg.name))
        if (
            isinstance(node, tree.Param)
            and node.type is not None
            and node.type.name in {"Role", "Kind"}
        ):
            if node.default is not None:
                yield node.default.span


# ----------------------------------------------------------------------------------- definitions


def defined(node: tree.Node) -> Span | None:
    """Where the name stands that a node defines."""
    at = node.span
    match node:
        case tree.Declaration(name=name, head=head):
            at = head
        case tree.Let(name=name) | tree.Function(name=name) | tree.Unknown(name=name):
            pass
        case tree.Policy(name=name) | tree.Unit(name=name) | tree.Label(name=name):
            pass
        case tree.Dimension(name=name):
            pass
        case tree.Param(name=name) | tree.Assign(path=(name,)):
            return Span(at.source, at.start, at.start + len(name))
        case tree.Use(name=name) | tree.Observe(name=name) if name and f" as {name}" in at.text:
            start = at.start + at.text.rindex(f" as {name}") + 4
            return Span(at.source, start, start + len(name))
        case _:
            return None
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", at.text)
    return Span(at.source, at.start + found.start(), at.start + found.end()) if found else None


def _definitions(program: Program) -> Iterator[Injection]:
    """Names misspelt where they are defined, if the file uses them."""
    uses: dict[str, list[Span]] = {}
    for use, _ in names_used(program):
        uses.setdefault(use.text, []).append(use)
    names = Counter(at.text for node in program.nodes() if (at := defined(node)) is not None)
    for node in program.nodes():
        span = defined(node)
        if span is None or names[span.text] > 1 or span.text not in uses:
            continue
        lines = frozenset({program.line(span.start)})
        if len(uses[span.text]) == 1:
            lines |= {program.line(uses[span.text][0].start)}
        yield _misspelt(program, "defined", span, lines)


def _doubled(program: Program) -> Iterator[Injection]:
    for node in program.nodes():
        span = defined(node)
        if span is None or isinstance(node, tree.Observe):
            continue
        text = node.span.text
        if isinstance(node, tree.Param):
            edit = Edit(node.span.end, node.span.end, f", {text}")
        else:
            edit = Edit(node.span.end, node.span.end, f"\n{text}")
        first = program.line(span.start)
        copy = first + text.count("\n") + (0 if isinstance(node, tree.Param) else 1)
        lines = frozenset({first, copy})
        yield program.injected("double", f"`{span.text}` twice", [edit], lines)


# ------------------------------------------------------------------------------------- arguments


def _calls(
    program: Program, signatures: Signatures
) -> Iterator[tuple[tree.Node, tuple[tree.Argument, ...], list[tree.Param]]]:
    """The calls of what has declared parameters, with the parameter of each argument."""
    for node in program.nodes():
        match node:
            case tree.Call(func=tree.Name(id=name), args=args):
                pass
            case tree.Applied(path=(name,), args=args):
                pass
            case _:
                continue
        declared = {param.name: param for param in signatures.get(name, ())}
        positions = list(declared.values())
        found = [
            declared.get(arg.name) if arg.name else positions[at] if at < len(positions) else None
            for at, arg in enumerate(args)
        ]
        given = [param for param in found if param is not None]
        if len(given) == len(args):
            yield node, args, given


def _swapped(program: Program, signatures: Signatures) -> Iterator[Injection]:
    """Two neighbours exchanged: the values, and the names where both have one."""
    for _, args, params in _calls(program, signatures):
        for one, two, first, second in zip(args, args[1:], params, params[1:], strict=False):
            hidden = _sort(first) == _sort(second)
            if one.value == two.value:
                continue
            yield _exchanged(program, "values", one.value.span, two.value.span, hidden)
            if one.name and two.name:
                names = [Span(a.span.source, a.span.start, a.span.start + len(a.name))
                         for a in (one, two)]  # fmt: skip
                yield _exchanged(program, "names", names[0], names[1], hidden)
    for node in program.nodes():
        if isinstance(node, tree.Call) and isinstance(node.func, tree.Name):
            if node.func.id in {"predict", "ceiling", "fits"} and len(node.args) == 2:
                left, right = (arg.value.span for arg in node.args)
                yield _exchanged(program, "values", left, right, hidden=False)


def _exchanged(program: Program, what: str, one: Span, two: Span, hidden: bool) -> Injection:
    edits = [Edit(one.start, one.end, two.text), Edit(two.start, two.end, one.text)]
    texts = " and ".join(" ".join(span.text.split())[:30] for span in (one, two))
    return program.injected("swap", f"{what} {texts}", edits, program.lines(one, two), hidden)


def _sort(param: tree.Param) -> str:
    """What a parameter takes: a sort of thing, or a dimension; one without a type takes numbers."""
    if param.type is None:
        unit = param.default.unit if isinstance(param.default, tree.Number) else ""
        return unit if unit not in LABELS else ""
    name = param.type.name
    return param.type.argument if name in {"Count", "Ratio", "Dim"} else name


# --------------------------------------------------------------------------------------- factors


def _factors(program: Program) -> Iterator[Injection]:
    known = dict(_with_units(program))
    nowhere = _told_nowhere(program)
    for node in program.nodes():
        match node:
            case tree.Product(parts=operands, ops=ops):
                for at, operand in enumerate(operands):
                    if at > 0 or ops[0] == "*":
                        hard = _has_unit(operand, known)
                        yield _left_out(program, "less", operands, at, hidden=not hard)
            case tree.Sum(parts=operands, ops=ops):
                for at in range(len(operands)):
                    if at > 0 or ops[0] == "+":
                        yield _left_out(program, "summand", operands, at, hidden=True)
            case tree.Let() | tree.Assign() | tree.Work() | tree.Flow() | tree.Argument():
                yield from _too_much(program, node.value, nowhere)
            case tree.Claim(value=tree.Compare(left=left)):
                yield from _too_much(program, left, set())
            case _:
                pass


def _with_units(program: Program) -> Iterator[tuple[str, bool]]:
    """The names whose definition is one number: whether that has a unit with a dimension."""
    for node in program.nodes():
        match node:
            case tree.Let(name=name, value=tree.Number(unit=unit)):
                yield name, bool(unit) and unit not in {*LABELS, "%"}
            case tree.Assign(path=(name,), value=tree.Number(unit=unit)):
                yield name, bool(unit) and unit not in {*LABELS, "%"}
            case _:
                pass


def _has_unit(operand: tree.Expr, known: Mapping[str, bool]) -> bool:
    match operand:
        case tree.Number(unit=unit):
            return bool(unit) and unit not in {*LABELS, "%"}
        case tree.Name(id=name):
            return known.get(name, False)
        case _:
            return False


def _left_out(
    program: Program, sort: str, operands: tuple[tree.Expr, ...], at: int, hidden: bool
) -> Injection:
    """An operand left out with the sign beside it."""
    span = operands[at].span
    start = operands[at - 1].span.end if at else span.start
    end = span.end if at else operands[1].span.start
    lines = program.lines(operands[0].span, operands[-1].span)
    what = f"without `{' '.join(program.text[start:end].split())[:40]}`"
    return program.injected(sort, what, [Edit(start, end, "")], lines, hidden)


def _too_much(program: Program, value: tree.Expr, nowhere: set[int]) -> Iterator[Injection]:
    if isinstance(value, tree.Product | tree.Name | tree.Field | tree.Call | tree.Number):
        edit = Edit(value.span.end, value.span.end, " * 2 s")
        more = program.injected("more", "`* 2 s` too much", [edit], program.lines(value.span))
        yield more._replace(hidden=value.span.start in nowhere)


# ---------------------------------------------------------------------------------------- places


def _places(program: Program) -> Iterator[Injection]:
    for node in program.nodes():
        if not isinstance(node, tree.Statement):
            continue
        found = re.match(r"\w+", node.span.text)
        if found and found[0] in CONFUSED and not isinstance(node, tree.Assign | tree.Let):
            wrong = CONFUSED[found[0]]
            edit = Edit(node.span.start, node.span.start + len(found[0]), wrong)
            lines = frozenset({program.line(node.span.start)})
            yield program.injected("place", f"`{wrong}` for `{found[0]}`", [edit], lines)
