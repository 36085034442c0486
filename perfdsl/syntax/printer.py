"""Tree -> canonical text: as few brackets as the precedence allows, blocks indented by two.

Parsing the text gives the same tree again. Comments are not in the tree, hence not in the text.
`print_expr` is also how results show a formula "as written".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perfdsl.syntax import tree

WIDTH = 100

# How tightly a form binds: a part that binds less than its place asks for goes into brackets.
BARE, EXPR, OR, AND, NOT, COMPARISON, UNCERTAIN, SUM, PRODUCT, SIGNED, POWER, POSTFIX = range(12)

LEVELS: dict[type[tree.Expr], int] = {
    tree.Skew: BARE,
    tree.Range: BARE,
    tree.If: EXPR,
    tree.Not: NOT,
    tree.Compare: COMPARISON,
    tree.BoundBy: COMPARISON,
    tree.PlusMinus: UNCERTAIN,
    tree.Sum: SUM,
    tree.Product: PRODUCT,
    tree.Negative: SIGNED,
    tree.Power: POWER,
}


def print_file(file: tree.File) -> str:
    """The whole file, with empty lines around its blocks."""
    pieces = [f"perf {file.edition}\n"] if file.edition > 0 else []
    if pieces and file.body:
        pieces.append("\n")
    for number, statement in enumerate(file.body):
        if number and _stand_apart(file.body[number - 1], statement):
            pieces.append("\n")
        pieces.append(print_statement(statement) + "\n")
    return "".join(pieces)


def _stand_apart(above: tree.Statement, below: tree.Statement) -> bool:
    blocks = isinstance(above, tree.Declaration) or isinstance(below, tree.Declaration)
    return blocks or bool(below.doc) or above.word != below.word


def print_statement(statement: tree.Statement, indent: int = 0) -> str:
    """A statement's lines, its `##` lines in front, without the last line end."""
    margin = " " * indent
    return "\n".join(margin + line if line else "" for line in _lines(statement))


def print_expr(expr: tree.Expr) -> str:
    """An expression on one line, as its author would write it."""
    return _at(expr, BARE)


# -------------------------------------------------------------------------------- expressions


def _level(expr: tree.Expr) -> int:
    match expr:
        case tree.Logic(op="or"):
            return OR
        case tree.Logic():
            return AND
        case _:
            return LEVELS.get(type(expr), POSTFIX)


def _at(expr: tree.Expr, least: int) -> str:
    """The text of an expression at a place that takes forms of at least this level."""
    text = _text(expr)
    return text if _level(expr) >= least else f"({text})"


def _text(expr: tree.Expr) -> str:
    match expr:
        case tree.Number(digits, unit):
            return f"{digits} {unit}" if unit else digits
        case tree.Text(value):
            return f'"{value}"'
        case tree.Name(id_):
            return id_
        case tree.Sum(parts, ops):
            return _chain(parts, ops, PRODUCT)
        case tree.Product(parts, ops):
            return _chain(parts, ops, SIGNED)
        case tree.Negative(part):
            return "-" + _at(part, SIGNED)
        case tree.Power(base, exponent):
            return f"{_base(base)}^{_exponent(exponent)}"
        case tree.Field(base, name):
            return f"{_base(base)}.{name}"
        case tree.Call(func, args):
            return f"{_base(func)}({_arguments(args)})"
        case tree.Indexed(base, items):
            return f"{_at(base, POSTFIX)}[{_arguments(items)}]"
        case tree.With(base, changes):
            return f"{_at(base, POSTFIX)} with {_overlay(changes)}"
        case _:
            return _rarer(expr)


def _rarer(expr: tree.Expr) -> str:
    match expr:
        case tree.If(cond, yes, no):
            return f"if {_at(cond, OR)} then {_at(yes, OR)} else {_at(no, EXPR)}"
        case tree.Logic(op, parts):
            least = AND if op == "or" else NOT
            return f" {op} ".join([_at(part, least) for part in parts])
        case tree.Not(part):
            return f"not {_at(part, NOT)}"
        case tree.Compare(op, left, right):
            return f"{_at(left, UNCERTAIN)} {op} {_at(right, UNCERTAIN)}"
        case tree.BoundBy(left, name):
            return f"{_at(left, UNCERTAIN)} bound by {name}"
        case tree.PlusMinus(centre, spread):
            return f"{_at(centre, SUM)} +- {_at(spread, SUM)}"
        case tree.Range(low, high, is_open):
            return f"{_at(low, SUM)} {'..<' if is_open else '..'} {_at(high, SUM)}"
        case tree.Skew(best, within):
            return f"{_at(best, EXPR)} in {_text(within)}"
        case tree.Noted(value, notes):
            return f"({_at(value, EXPR)}{_notes(notes)})"
        case tree.Gather(func, body, var, over, cond):
            return f"{_base(func)}({_at(body, EXPR)}{_for(var, over, cond)})"
        case tree.Fold(acc, start, var, over, step):
            head = f"{acc} = {_at(start, EXPR)}{_for(var, over)}"
            return f"fold({head}: {_at(step, EXPR)})"
        case tree.Case(arms, other):
            shown = [f"{_at(arm.cond, EXPR)}: {_at(arm.value, EXPR)}" for arm in arms]
            return "case { " + ", ".join([*shown, f"else: {_at(other, EXPR)}"]) + " }"
        case _:
            raise TypeError(f"no text for {type(expr).__name__}")


def _chain(parts: Sequence[tree.Expr], ops: Sequence[str], least: int) -> str:
    rest = [f" {op} {_at(part, least)}" for op, part in zip(ops, parts[1:], strict=True)]
    return _at(parts[0], least) + "".join(rest)


def _base(expr: tree.Expr) -> str:
    """What `^`, `.` or `(` may follow: behind a unit they would be read as its part, or look so."""
    if isinstance(expr, tree.Number) and expr.unit:
        return f"({_text(expr)})"
    return _at(expr, POSTFIX)


def _exponent(expr: tree.Expr) -> str:
    """Directly behind `^` a number takes no unit."""
    return f"({_text(expr)})" if _starts_with_unit(expr) else _at(expr, SIGNED)


def _starts_with_unit(expr: tree.Expr) -> bool:
    match expr:
        case tree.Number(unit=unit):
            return bool(unit)
        case tree.Negative(part) | tree.Indexed(base=part) | tree.With(base=part):
            return _starts_with_unit(part)
        case tree.Field(base=part) | tree.Call(func=part) | tree.Gather(func=part):
            return not isinstance(part, tree.Number) and _starts_with_unit(part)
        case tree.Power(base=part):
            return not isinstance(part, tree.Number) and _starts_with_unit(part)
        case _:
            return False


def _arguments(items: Iterable[tree.Argument]) -> str:
    return ", ".join(
        [f"{i.name}: {_at(i.value, EXPR)}" if i.name else _at(i.value, EXPR) for i in items]
    )


def _for(var: str, over: tree.Expr, cond: tree.Expr | None = None) -> str:
    rest = f" if {_at(cond, EXPR)}" if cond else ""
    return f" for {var} in {_text(over) if isinstance(over, tree.Range) else _at(over, SUM)}{rest}"


def _overlay(changes: Sequence[tree.Statement]) -> str:
    if any(change.doc for change in changes):
        return "{\n" + "\n".join([print_statement(change, 2) for change in changes]) + "\n}"
    inside = "; ".join([print_statement(change) for change in changes])
    return f"{{ {inside} }}" if inside else "{}"


# ------------------------------------------------------------------------- parts of statements


def _notes(notes: Iterable[tree.Note]) -> str:
    return "".join([f" @{note.name}{_note_arguments(note.args)}" for note in notes])


def _note_arguments(args: Sequence[tree.Expr]) -> str:
    return f"({', '.join([_at(arg, EXPR) for arg in args])})" if args else ""


def _type(type_: tree.Type | None, within: tree.Range | None = None) -> str:
    if type_ is None:
        return ""
    argument = f"<{type_.argument}>" if type_.argument else ""
    return f": {type_.name}{argument}" + (f" in {_text(within)}" if within else "")


def _params(params: Iterable[tree.Param], *, optional: bool = False) -> str:
    text = ", ".join([_param(param) for param in params])
    return f"({text})" if text or not optional else ""


def _param(param: tree.Param) -> str:
    default = f" = {_text(param.default)}" if param.default else ""
    return param.name + _type(param.type, param.within) + default + _notes(param.notes)


def _column(column: tree.Column) -> str:
    return ".".join(column.path) + _worded("in", column.unit)


def _worded(word: str, text: str) -> str:
    return f" {word} {text}" if text else ""


def _quoted(word: str, text: str) -> str:
    return f' {word} "{text}"' if text else ""


# --------------------------------------------------------------------------------- statements


def _lines(statement: tree.Statement) -> list[str]:
    doc = [f"## {line}".rstrip() for line in statement.doc.split("\n")] if statement.doc else []
    match statement:
        case tree.Declaration():
            return doc + _block(_head(statement), statement.body)
        case tree.Repeat(var=var, over=over, body=body):
            return doc + _block(f"repeat{_for(var, over)[4:]}", body)
        case tree.Use(what=tree.Inline(body), source=source, name=name):
            return doc + _block("use", body, _worded("of", source) + _worded("as", name))
        case tree.DataRows(name=name, params=params, rows=rows):
            cells = [", ".join([_text(cell) for cell in row]) for row in rows]
            return [*doc, f"data {name}{_params(params)} {{", *_indented(cells), "}"]
        case tree.Table():
            return doc + _table(statement)
        case _:
            return [*doc, *_line(statement).split("\n")]


def _block(head: str, body: Sequence[tree.Statement], tail: str = "") -> list[str]:
    inner = [line for statement in body for line in _lines(statement)]
    return [f"{head} {{", *_indented(inner), "}" + tail] if inner else [f"{head} {{}}{tail}"]


def _indented(lines: Iterable[str]) -> list[str]:
    return ["  " + line for line in lines]


def _head(block: tree.Declaration) -> str:
    word = block.sort if isinstance(block, tree.Block) else block.word
    params = block.params if isinstance(block, tree.Parametrised) else ()
    head = f"{word} {block.name}{_params(params, optional=True)}"
    if isinstance(block, tree.Scenario) and block.base:
        head += f" is {'.'.join(block.base.names)}"
    return head


def _table(table: tree.Table) -> list[str]:
    mode = "".join(f" {word}" for word in (table.mode, table.clamp) if word)
    head = f"table {table.name}({_param(table.param)}){_type(table.type)}{mode} {{"
    entries = [f"{_at(e.key, SUM)}: {_at(e.value, UNCERTAIN)}" for e in table.entries]
    line = f"{head} {', '.join(entries)} }}"
    lines = [line] if len(line) <= WIDTH else [head, *_indented([f"{e}," for e in entries]), "}"]
    return [*lines[:-1], lines[-1] + _notes(table.notes)]


def _line(statement: tree.Statement) -> str:
    match statement:
        case tree.Import(path=path, name=name):
            return f'import "{path}"{_worded("as", name)}'
        case tree.FromImport(path=path, names=names):
            return f'from "{path}" import {", ".join([_imported(name) for name in names])}'
        case tree.DataFile(name=name, params=params, path=path, renamed=renamed):
            pairs = ", ".join([f'{each.name} = "{each.header}"' for each in renamed])
            return f'data {name}{_params(params)} from "{path}"' + (f"({pairs})" if pairs else "")
        case tree.Serves(kinds=kinds):
            return f"serves {', '.join(kinds)}"
        case tree.Shared(by=None):
            return "private"
        case tree.Use(what=tree.Applied(path, args), source=source, name=name):
            given = f"({_arguments(args)})" if args else ""
            return f"use {'.'.join(path)}{given}{_worded('of', source)}{_worded('as', name)}"
        case _:
            return _noted_line(statement) + _notes(getattr(statement, "notes", ()))


def _imported(name: tree.Imported) -> str:
    return name.name if name.alias == name.name else f"{name.name} as {name.alias}"


def _noted_line(statement: tree.Statement) -> str:
    match statement:
        case tree.Let(name=name, type=type_, value=value):
            return f"let {name}{_type(type_)} = {_text(value)}"
        case tree.Assign(path=path, type=type_, within=within, value=value):
            return f"{'.'.join(path)}{_type(type_, within)} = {_text(value)}"
        case tree.Function(name=name, params=params, type=type_, value=value):
            return f"fn {name}{_params(params)}{_type(type_)} = {_text(value)}"
        case tree.Policy(name=name, per=per, value=value):
            return f"policy {name} per {per} = {_text(value)}"
        case tree.Unit(name=name, value=value):
            return f"unit {name} = {_text(value)}"
        case tree.Dimension(name=name) | tree.Label(name=name):
            return f"{statement.word} {name}"
        case tree.Shared(by=by):
            return f"shared by {_text(by)}" if by else "private"
        case tree.Work(kind=kind, value=value):
            return f"work {kind} = {_text(value)}"
        case tree.Flow(direction=direction, role=role, supplier=supplier, value=value):
            law = f"({supplier})" if supplier else ""
            return f"{direction} {role}{law} = {_text(value)}"
        case tree.Send(link=link, value=value):
            return f"send {'.'.join(link)} = {_text(value)}"
        case tree.Unknown(name=name, type=type_, within=within):
            return f"unknown {name}{_type(type_, within)}"
        case tree.Resident(role=role, level=level):
            return f"resident {role} in {'.'.join(level)}"
        case _:
            return _question(statement)


def _question(statement: tree.Statement) -> str:
    match statement:
        case tree.Observe(subject=subject, target=target, value=value, name=name):
            named = _worded("as", name)
            return f'observe "{subject}" {_text(target)} = {_text(value)}{named}'
        case tree.Solve(name=name, unknowns=unknowns, source=source, subject=subject):
            answer = f"{name} = " if name else ""
            by = _quoted("by", subject)
            return f"solve {answer}{', '.join(unknowns)} from {_text(source)}{by}"
        case tree.Claim(expects=expects, title=title, value=value, within=within):
            word = "claim" if expects else "refute"
            near = f" within {_at(within, SUM)}" if within else ""
            rows = _for(statement.var, statement.over, statement.cond) if statement.over else ""
            return f'{word} "{title}" {_text(value)}{near}{rows}'
        case tree.Refuse(code=code, title=title, value=value):
            return f'refuse {code} "{title}" {_text(value)}'
        case tree.Show(value=value, unit=unit, columns=columns, title=title):
            shown = ", ".join([_column(column) for column in columns])
            text = _text(value) + _worded("in", unit)
            return f"show {text}{_worded('columns', shown)}{_quoted('as', title)}"
        case tree.Fit(name=name, unknowns=unknowns, source=source, by=by):
            fitted = f"{', '.join(unknowns)} from {_text(source)}"
            rows = _for(statement.var, statement.over, statement.cond)
            return f"fit {name} = {fitted}{rows}{_worded('by', by)}"
        case _:
            raise TypeError(f"no text for {type(statement).__name__}")
