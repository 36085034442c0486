"""Grammar rules -> nodes: one small function for each rule that makes something.

A builder gets the rule's span and its parts: tokens and nodes in order, None for an optional part
that is absent, the parts of `_rules` spliced in.
"""

# ruff: noqa: ARG001  the builders are rows of one table, so all have the same two parameters

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from perfdsl.diagnostics import Span
from perfdsl.records import replace
from perfdsl.syntax import tree

Parts = list[Any]
Builder = Callable[[Span, Parts], Any]

NUMBER = re.compile(r"[0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9]+)?")


def _word(token: Any) -> str:
    return token.text if token is not None else ""


def _string(token: Any) -> str:
    return token.text[1:-1] if token is not None else ""


def _some(parts: Parts) -> tuple[Any, ...]:
    return tuple(part for part in parts if part is not None)


def _token_span(span: Span, token: Any) -> Span:
    return Span(span.source, token.start, token.end)


def _statement(span: Span, parts: Parts) -> tree.Statement:
    doc = parts[0]
    node: tree.Statement = parts[1]
    if doc is None:
        return node
    return replace(node, doc="\n".join(line.strip()[2:].strip() for line in doc.text.split("\n")))


def _edited(span: Span, parts: Parts) -> tree.File:
    _, edition, *body = parts
    statements = tuple(part for part in body if isinstance(part, tree.Statement))
    return tree.File(edition, statements, span=span)


def _unedited(span: Span, parts: Parts) -> tree.File:
    return tree.File(0, _some(parts), span=span)


def _edition(span: Span, parts: Parts) -> int:
    return int(parts[0].text) if parts[0].text.isdigit() else -1


def _import(span: Span, parts: Parts) -> tree.Import:
    path, name = parts
    return tree.Import(_string(path), _word(name), span=span)


def _from_import(span: Span, parts: Parts) -> tree.FromImport:
    return tree.FromImport(_string(parts[0]), _some(parts[1:]), span=span)


def _imported(span: Span, parts: Parts) -> tree.Imported:
    return tree.Imported(parts[0].text, _word(parts[1]) or parts[0].text, span=span)


def _declared(node: Callable[..., Any]) -> Builder:
    def build(span: Span, parts: Parts) -> Any:
        name, body = parts
        return node(name=name.text, head=_token_span(span, name), body=body, span=span)

    return build


def _parametrised(node: Callable[..., Any]) -> Builder:
    def build(span: Span, parts: Parts) -> Any:
        name, params, body = parts
        head = _token_span(span, name)
        return node(name=name.text, head=head, params=params or (), body=body, span=span)

    return build


def _scenario(span: Span, parts: Parts) -> tree.Scenario:
    name, params, base, body = parts
    head = _token_span(span, name)
    return tree.Scenario(base, name=name.text, head=head, params=params or (), body=body, span=span)


def _block(span: Span, parts: Parts) -> tree.Block:
    sort, name, body = parts
    return tree.Block(sort, name=name.text, head=_token_span(span, name), body=body, span=span)


def _policy(span: Span, parts: Parts) -> tree.Policy:
    name, per, value, notes = parts
    return tree.Policy(name.text, per.text, value, notes, span=span)


def _unit(span: Span, parts: Parts) -> tree.Unit:
    name, value, notes = parts
    return tree.Unit(name.text, value, notes, span=span)


def _dimension(span: Span, parts: Parts) -> tree.Dimension:
    return tree.Dimension(parts[0].text, parts[1], span=span)


def _label(span: Span, parts: Parts) -> tree.Label:
    return tree.Label(parts[0].text, parts[1], span=span)


def _let(span: Span, parts: Parts) -> tree.Let:
    name, type_, value, notes = parts
    return tree.Let(name.text, type_, value, notes, span=span)


def _function(span: Span, parts: Parts) -> tree.Function:
    name, params, type_, value, notes = parts
    return tree.Function(name.text, params, type_, value, notes, span=span)


def _assign(span: Span, parts: Parts) -> tree.Assign:
    path, *typed, value, notes = parts
    type_, within = (*typed, None, None)[:2]
    return tree.Assign(path.names, type_, within, value, notes, span=span)


def _serves(span: Span, parts: Parts) -> tree.Serves:
    return tree.Serves(tuple(token.text for token in parts), span=span)


def _shared(span: Span, parts: Parts) -> tree.Shared:
    return tree.Shared(*parts, span=span)


def _private(span: Span, parts: Parts) -> tree.Shared:
    return tree.Shared(None, (), span=span)


def _work(span: Span, parts: Parts) -> tree.Work:
    kind, value, notes = parts
    return tree.Work(kind.text, value, notes, span=span)


def _flow(span: Span, parts: Parts) -> tree.Flow:
    direction, role, supplier, value, notes = parts
    return tree.Flow(direction, role.text, _word(supplier), value, notes, span=span)


def _send(span: Span, parts: Parts) -> tree.Send:
    path, value, notes = parts
    return tree.Send(path.names, value, notes, span=span)


def _use(span: Span, parts: Parts) -> tree.Use:
    what, source, name = parts
    return tree.Use(what, _word(source), _word(name), span=span)


def _applied(span: Span, parts: Parts) -> tree.Applied:
    return tree.Applied(parts[0].names, _some(parts[1:]), span=span)


def _inline(span: Span, parts: Parts) -> tree.Inline:
    return tree.Inline(parts[0], span=span)


def _repeat(span: Span, parts: Parts) -> tree.Repeat:
    var, over, body = parts
    return tree.Repeat(var.text, over, body, span=span)


def _unknown(span: Span, parts: Parts) -> tree.Unknown:
    name, type_, within, notes = (*parts[:2], parts[2] if len(parts) > 3 else None, parts[-1])
    return tree.Unknown(name.text, type_, within, notes, span=span)


def _observe(span: Span, parts: Parts) -> tree.Observe:
    subject, target, value, name, notes = parts
    return tree.Observe(_string(subject), target, value, _word(name), notes, span=span)


def _solve(span: Span, parts: Parts) -> tree.Solve:
    name, unknowns, source, subject, notes = parts
    return tree.Solve(_word(name), unknowns, source, _string(subject), notes, span=span)


def _claim(span: Span, parts: Parts) -> tree.Claim:
    word, title, value, within, var, over, cond, notes = parts
    return tree.Claim(
        word == "claim", _string(title), value, within, _word(var), over, cond, notes, span=span
    )


def _refuse(span: Span, parts: Parts) -> tree.Refuse:
    code, title, value, notes = parts
    return tree.Refuse(code.text, _string(title), value, notes, span=span)


def _show(span: Span, parts: Parts) -> tree.Show:
    value, unit, *columns, title, notes = parts
    return tree.Show(value, unit or "", _some(columns), _string(title), notes, span=span)


def _column(span: Span, parts: Parts) -> tree.Column:
    return tree.Column(parts[0].names, parts[1] or "", span=span)


def _resident(span: Span, parts: Parts) -> tree.Resident:
    role, level, notes = parts
    return tree.Resident(role.text, level.names, notes, span=span)


def _fit(span: Span, parts: Parts) -> tree.Fit:
    name, unknowns, source, var, over, cond, by, notes = parts
    by = _word(by)
    return tree.Fit(name.text, unknowns, source, var.text, over, cond, by, notes, span=span)


def _names(span: Span, parts: Parts) -> tuple[str, ...]:
    return tuple(token.text for token in parts)


def _table(span: Span, parts: Parts) -> tree.Table:
    name, param, type_, mode, clamp, *entries, notes = parts
    return tree.Table(
        name.text, param, type_, _word(mode), _word(clamp), _some(entries), notes, span=span
    )


def _entry(span: Span, parts: Parts) -> tree.Entry:
    key, value, notes = parts
    return tree.Entry(key, tree.Noted(value, notes, span=value.span) if notes else value, span=span)


def _data_rows(span: Span, parts: Parts) -> tree.DataRows:
    name, params, *rows = parts
    return tree.DataRows(name.text, params, _some(rows), span=span)


def _data_file(span: Span, parts: Parts) -> tree.DataFile:
    name, params, path, *renamed = parts
    return tree.DataFile(name.text, params, _string(path), _some(renamed), span=span)


def _row(span: Span, parts: Parts) -> tuple[tree.Expr, ...]:
    return tuple(parts)


def _renamed(span: Span, parts: Parts) -> tree.Renamed:
    return tree.Renamed(parts[0].text, _string(parts[1]), span=span)


def _cell(span: Span, parts: Parts) -> tree.Expr:
    token = parts[-1]
    if token.kind == "STRING":
        return tree.Text(_string(token), span=span)
    number = _number(_token_span(span, token), [token])
    minus = span.text.startswith("-")
    return tree.Negative(number, span=span) if minus else number


def _params(span: Span, parts: Parts) -> tuple[tree.Param, ...]:
    return _some(parts)


def _param(span: Span, parts: Parts) -> tree.Param:
    name, *typed, default, notes = parts
    type_, within = (*typed, None, None)[:2]
    return tree.Param(name.text, type_, within, default, notes, span=span)


def _range(span: Span, parts: Parts) -> tree.Range:
    low, sign, high = parts
    return tree.Range(low, high, sign == "..<", span=span)


def _type(span: Span, parts: Parts) -> tree.Type:
    return tree.Type(parts[0], _word(parts[1]), span=span)


def _unit_text(span: Span, parts: Parts) -> str:
    return re.sub(r"\s", "", span.text)


def _notes(span: Span, parts: Parts) -> tuple[tree.Note, ...]:
    return tuple(parts)


def _note(span: Span, parts: Parts) -> tree.Note:
    return tree.Note(parts[0].text, _some(parts[1:]), span=span)


def _path(span: Span, parts: Parts) -> tree.Path:
    return tree.Path(tuple(token.text for token in parts), span=span)


def _body(span: Span, parts: Parts) -> tuple[tree.Statement, ...]:
    return _some(parts)


def _token_text(span: Span, parts: Parts) -> str:
    return str(parts[0].text)


def _value(span: Span, parts: Parts) -> tree.Expr:
    best, within = (*parts, None)[:2]
    return best if within is None else tree.Skew(best, within, span=span)


def _if_else(span: Span, parts: Parts) -> tree.If:
    return tree.If(*parts, span=span)


def _either(span: Span, parts: Parts) -> tree.Logic:
    return tree.Logic("or", tuple(parts), span=span)


def _both(span: Span, parts: Parts) -> tree.Logic:
    return tree.Logic("and", tuple(parts), span=span)


def _negation(span: Span, parts: Parts) -> tree.Not:
    return tree.Not(parts[0], span=span)


def _compare(span: Span, parts: Parts) -> tree.Compare:
    left, op, right = parts
    return tree.Compare(op, left, right, span=span)


def _bound_by(span: Span, parts: Parts) -> tree.BoundBy:
    return tree.BoundBy(parts[0], parts[1].text, span=span)


def _plus_minus(span: Span, parts: Parts) -> tree.PlusMinus:
    return tree.PlusMinus(*parts, span=span)


def _chain(node: Callable[..., Any]) -> Builder:
    def build(span: Span, parts: Parts) -> Any:
        return node(tuple(parts[::2]), tuple(token.text for token in parts[1::2]), span=span)

    return build


def _negative(span: Span, parts: Parts) -> tree.Negative:
    return tree.Negative(parts[0], span=span)


def _power(span: Span, parts: Parts) -> tree.Power:
    return tree.Power(*parts, span=span)


def _field(span: Span, parts: Parts) -> tree.Field:
    return tree.Field(parts[0], parts[1].text, span=span)


def _indexed(span: Span, parts: Parts) -> tree.Indexed:
    return tree.Indexed(parts[0], _some(parts[1:]), span=span)


def _call(span: Span, parts: Parts) -> tree.Call:
    return tree.Call(parts[0], _some(parts[1:]), span=span)


def _gather(span: Span, parts: Parts) -> tree.Gather:
    func, body, var, over, cond = parts
    return tree.Gather(func, body, var.text, over, cond, span=span)


def _fold(span: Span, parts: Parts) -> tree.Fold:
    acc, start, var, over, step = parts
    return tree.Fold(acc.text, start, var.text, over, step, span=span)


def _with_overlay(span: Span, parts: Parts) -> tree.With:
    return tree.With(parts[0], parts[1], span=span)


def _argument(span: Span, parts: Parts) -> tree.Argument:
    return tree.Argument(_word(parts[0]), parts[1], span=span)


def _number(span: Span, parts: Parts) -> tree.Number:
    text = parts[0].text
    digits = NUMBER.findall(text)[0]
    return tree.Number(digits, text[len(digits) :].strip(), span=span)


def _text(span: Span, parts: Parts) -> tree.Text:
    return tree.Text(_string(parts[0]), span=span)


def _name(span: Span, parts: Parts) -> tree.Name:
    return tree.Name(parts[0].text, span=span)


def _noted(span: Span, parts: Parts) -> tree.Expr:
    value: tree.Expr = parts[0]
    notes = parts[1]
    return tree.Noted(value, notes, span=span) if notes else replace(value, span=span)


def _arm(span: Span, parts: Parts) -> tree.Arm:
    return tree.Arm(*parts, span=span)


def _case(span: Span, parts: Parts) -> tree.Case:
    return tree.Case(tuple(parts[:-1]), parts[-1], span=span)


BUILD: dict[str, Builder] = {
    "edited": _edited,
    "unedited": _unedited,
    "edition": _edition,
    "statement": _statement,
    "import": _import,
    "from_import": _from_import,
    "imported": _imported,
    "hardware": _declared(tree.Hardware),
    "block": _block,
    "block_sort": _token_text,
    "model": _parametrised(tree.Model),
    "operator": _parametrised(tree.Operator),
    "format": _declared(tree.Format),
    "workload": _parametrised(tree.Workload),
    "scenario": _scenario,
    "policy": _policy,
    "analysis": _parametrised(tree.Analysis),
    "unit": _unit,
    "dimension": _dimension,
    "label": _label,
    "body": _body,
    "overlay": _body,
    "let": _let,
    "function": _function,
    "assign": _assign,
    "serves": _serves,
    "shared": _shared,
    "private": _private,
    "work": _work,
    "flow": _flow,
    "direction": _token_text,
    "send": _send,
    "use": _use,
    "applied": _applied,
    "inline": _inline,
    "repeat": _repeat,
    "unknown": _unknown,
    "observe": _observe,
    "solve": _solve,
    "claim": _claim,
    "claim_word": _token_text,
    "refuse": _refuse,
    "show": _show,
    "column": _column,
    "resident": _resident,
    "fit": _fit,
    "names": _names,
    "table": _table,
    "entry": _entry,
    "data_rows": _data_rows,
    "data_file": _data_file,
    "row": _row,
    "cell": _cell,
    "renamed": _renamed,
    "params": _params,
    "param": _param,
    "range": _range,
    "range_sign": _token_text,
    "type": _type,
    "unit_text": _unit_text,
    "notes": _notes,
    "note": _note,
    "path": _path,
    "value": _value,
    "if_else": _if_else,
    "either": _either,
    "both": _both,
    "negation": _negation,
    "compare": _compare,
    "comparator": _token_text,
    "bound_by": _bound_by,
    "plus_minus": _plus_minus,
    "additive": _chain(tree.Sum),
    "product": _chain(tree.Product),
    "negative": _negative,
    "power": _power,
    "field": _field,
    "indexed": _indexed,
    "call": _call,
    "gather": _gather,
    "fold": _fold,
    "with_overlay": _with_overlay,
    "argument": _argument,
    "index": _argument,
    "number": _number,
    "text": _text,
    "name": _name,
    "noted": _noted,
    "arm": _arm,
    "case": _case,
}
