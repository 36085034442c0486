"""The generated files: grammar.lark -> table.json, library/std/*.perf -> library/parsed.json.

Run by `make generate`; a test runs it again and compares. Lark compiles the grammar into a table of
plain data: for each state the action of each symbol, for each rule what to keep. Parsing then needs
no Lark at run time, whose import alone (90 ms) would cost more than checking a file of 500 lines.
The library is parsed with that table, so it comes second.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from lark import Lark
from lark.parsers.lalr_analysis import Shift

HERE = Path(__file__).parent
GRAMMAR = HERE / "grammar.lark"
TABLE = HERE / "table.json"
PARSED = HERE.parent / "library" / "parsed.json"

Json = dict[str, Any]


def compile_grammar(text: str) -> Json:
    """The parse table of a grammar, as data: see `perfdsl.syntax.parser` for how it is driven."""
    lark = Lark(text, parser="lalr", lexer="basic", maybe_placeholders=True, strict=False)
    table = lark.parser.parser._parse_table  # noqa: SLF001  Lark has no public door to its table
    order = _in_order(table)
    names = {str(symbol) for actions in table.states.values() for symbol in actions}
    symbols = {symbol: number for number, symbol in enumerate(sorted(names))}
    ordered_rules = sorted(lark.rules, key=lambda rule: (str(rule), str(rule.alias)))
    rules = {rule: number for number, rule in enumerate(ordered_rules)}
    return {
        "symbols": list(symbols),
        "literals": {t.pattern.value: t.name for t in lark.terminals if t.pattern.type == "str"},
        "patterns": {
            t.name: t.pattern.to_regexp() for t in lark.terminals if t.pattern.type == "re"
        },
        "rules": [_rule(rule, symbols) for rule in ordered_rules],
        "start": order[table.start_states["start"]],
        "states": [_row(table.states[state], symbols, order, rules) for state in order],
    }


def _in_order(table: Any) -> dict[Any, int]:
    """The states in the order in which they are reached: Lark's own changes from run to run."""
    order = {table.start_states["start"]: 0}
    for state in _growing(order):
        for symbol in sorted(table.states[state]):
            action, argument = table.states[state][symbol]
            if action is Shift:
                order.setdefault(argument, len(order))
    return order


def _growing(order: dict[Any, int]) -> Iterator[Any]:
    """The keys of a dictionary that grows while it is read."""
    done = 0
    while done < len(order):
        yield next(islice(order, done, None))
        done += 1


def _row(
    actions: Json, symbols: dict[str, int], order: dict[Any, int], rules: dict[Any, int]
) -> list[int]:
    """A state as numbers in pairs: a symbol, and the state to go to or -1 - the rule to reduce."""
    row: list[int] = []
    for symbol in sorted(actions):
        action, argument = actions[symbol]
        row += symbols[symbol], order[argument] if action is Shift else -1 - rules[argument]
    return row


def _rule(rule: Any, symbols: dict[str, int]) -> list[Any]:
    """[left side, length, callback or "" (pass on) or "_" (splice), kept children]."""
    origin = str(rule.origin.name)
    name = "_" if origin.startswith("_") else str(rule.alias or origin)
    if rule.options.expand1 and not rule.alias:
        name = "?" + name
    return [symbols.get(origin, -1), len(rule.expansion), name, _kept(rule)]


def _kept(rule: Any) -> list[int]:
    """Which children a rule keeps, in order; -1 stands for an optional part that is absent."""
    holes = rule.options.empty_indices or [False] * len(rule.expansion)
    kept: list[int] = []
    position = 0
    for absent in holes:
        if absent:
            kept.append(-1)
            continue
        symbol = rule.expansion[position]
        if rule.options.keep_all_tokens or not (symbol.is_term and symbol.filter_out):
            kept.append(position)
        position += 1
    return kept


def table_text(grammar: str) -> str:
    """The content of table.json, one state a line so that a change shows as a small difference."""
    table = compile_grammar(grammar)
    lines = []
    for key, value in table.items():
        if key in {"rules", "states"}:
            rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in value)
            lines.append(f'"{key}": [\n{rows}\n]')
        else:
            lines.append(f'"{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def parsed_text() -> str:
    """The content of parsed.json, one file of the library a line."""
    from perfdsl.syntax.codec import encode  # the parser reads the table when it is imported
    from perfdsl.syntax.parser import parse
    from perfdsl.syntax.standard import library_names, library_source

    lines = []
    for name in library_names():
        source = library_source(name)
        parsed = parse(source)
        if parsed.problems:
            problem = parsed.problems[0]
            line = problem.span.line if problem.span else 0
            raise ValueError(f"{source.name}:{line}: {problem.title}")
        entry = {"sha256": hashlib.sha256(source.text.encode()).hexdigest(), **encode(parsed.file)}
        text = json.dumps(entry, separators=(",", ":"), ensure_ascii=False)
        lines.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments: list[str]) -> None:
    if arguments == ["library"]:
        PARSED.write_text(parsed_text(), "utf-8")
        return
    TABLE.write_text(table_text(GRAMMAR.read_text("utf-8")), "utf-8")
    # In a process of its own: this one may have loaded the old table.
    subprocess.run([sys.executable, "-m", "perfdsl.syntax.generate", "library"], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
