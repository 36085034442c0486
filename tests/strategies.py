"""Hypothesis strategies for trees: every tree that some text could give."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from perfdsl.diagnostics import Source, Span
from perfdsl.syntax import tree

NOWHERE = Span(Source("generated", ""), 0, 0)

# Words of statements are names everywhere else.
NAMES = "a b n x_1 l3 µ time read work let of by as from is per columns bound step perf private"
UNITS = "ms B % GB/s MAC op B/(cycle*core) s^2 m^-1*B/s^2 B/(a^2/b)".split()
DIGITS = "0 1 32 262_144 0.5 36.8 1e-9 1.5e+12 007".split()

names = st.sampled_from(NAMES.split())
paths = st.lists(names, min_size=1, max_size=3).map(tuple)
units = st.sampled_from(UNITS)
optional_name = st.just("") | names
optional_unit = st.just("") | units
characters = st.characters(exclude_characters='"\n', exclude_categories=["Cs"])
texts = st.text(characters, max_size=8)
nonempty_texts = st.text(characters, min_size=1, max_size=8)


def at(strategy_of, **fields):
    """A node with its fields drawn from strategies, and a span that no test looks at."""
    return st.builds(strategy_of, span=st.just(NOWHERE), **fields)


def few(items, least=0, most=2):
    return st.lists(items, min_size=least, max_size=most).map(tuple)


numbers = at(tree.Number, digits=st.sampled_from(DIGITS), unit=optional_unit)
words = at(tree.Text, value=texts)
atoms: SearchStrategy = numbers | words | at(tree.Name, id=names)


def chains(node, parts, ops):
    """`a + b - c`: one sign less than there are parts."""

    def build(drawn):
        values, signs = drawn
        return node(tuple(values), tuple(signs[: len(values) - 1]), span=NOWHERE)

    signs = st.lists(st.sampled_from(ops), min_size=2, max_size=2)
    return st.tuples(st.lists(parts, min_size=2, max_size=3), signs).map(build)


def composed(part: SearchStrategy) -> SearchStrategy:
    """Every form of an expression, over smaller ones."""
    ranges = at(tree.Range, low=part, high=part, open=st.booleans())
    over = part | ranges
    arguments = few(at(tree.Argument, name=optional_name, value=part))
    some_arguments = few(at(tree.Argument, name=optional_name, value=part), least=1)
    signs = st.sampled_from(["==", "~=", "!=", "<=", ">=", "<", ">"])
    notes = few(at(tree.Note, name=names, args=few(part)), least=1)
    change = at(
        tree.Assign, path=paths, type=st.none(), within=st.none(), value=part, notes=st.just(())
    )
    return st.one_of(
        chains(tree.Sum, part, "+-"),
        chains(tree.Product, part, "*/"),
        at(tree.Negative, part=part),
        at(tree.Power, base=part, exponent=part),
        at(tree.Field, base=part, name=names),
        at(tree.Indexed, base=part, items=some_arguments),
        at(tree.Call, func=part, args=arguments),
        at(tree.Gather, func=part, body=part, var=names, over=over, cond=st.none() | part),
        at(tree.Fold, acc=names, start=part, var=names, over=over, step=part),
        at(tree.With, base=part, changes=few(change)),
        at(tree.If, cond=part, yes=part, no=part),
        at(tree.Case, arms=few(at(tree.Arm, cond=part, value=part)), other=part),
        at(tree.Compare, op=signs, left=part, right=part),
        at(tree.BoundBy, left=part, name=names),
        at(tree.Logic, op=st.sampled_from(["and", "or"]), parts=few(part, least=2, most=3)),
        at(tree.Not, part=part),
        at(tree.PlusMinus, centre=part, spread=part),
        at(tree.Noted, value=part, notes=notes),
    )


_expressions: SearchStrategy = st.recursive(atoms, composed, max_leaves=6)


@st.composite
def _an_expression(draw):
    """The same, with a name: Hypothesis warns of strategies whose text is very long."""
    return draw(_expressions)


expressions: SearchStrategy = _an_expression()

ranges = at(tree.Range, low=expressions, high=expressions, open=st.booleans())
values = expressions | at(tree.Skew, best=expressions, within=ranges)
notes = few(at(tree.Note, name=names, args=few(expressions)), most=1)
types = at(tree.Type, name=names | units.filter(lambda unit: unit != "%"), argument=optional_name)
docs = st.just("") | few(texts.map(str.strip), least=1).map("\n".join)
heads = st.just(NOWHERE)


def _typed(node, **fields):
    """A node whose range stands behind a type, hence never without one."""
    bare = at(node, type=st.none(), within=st.none(), **fields)
    return bare | at(node, type=types, within=st.none() | ranges, **fields)


param = _typed(tree.Param, name=names, default=st.none() | values, notes=notes)
params = few(param)
arguments = few(at(tree.Argument, name=optional_name, value=expressions))
cells = numbers | words | at(tree.Negative, part=numbers)
columns = few(at(tree.Column, path=paths, unit=optional_unit))
rows = few(few(cells, least=1), least=1)
applied = at(tree.Applied, path=paths, args=arguments)
noted = {"value": expressions, "notes": notes, "doc": docs}
claimed = {"expects": st.booleans(), "title": texts, "within": st.none() | expressions, **noted}
imported = names.flatmap(
    lambda name: at(tree.Imported, name=st.just(name), alias=st.just(name) | names)
)

lines: SearchStrategy = st.one_of(
    at(tree.Import, path=texts, name=optional_name, doc=docs),
    at(tree.FromImport, path=texts, names=few(imported, least=1), doc=docs),
    at(tree.Policy, name=names, per=names, **noted),
    at(tree.Unit, name=names, **noted),
    at(tree.Dimension, name=names, notes=notes, doc=docs),
    at(tree.Label, name=names, notes=notes, doc=docs),
    at(tree.Let, name=names, type=st.none() | types, value=values, notes=notes, doc=docs),
    at(tree.Function, name=names, params=params, type=st.none() | types, **noted),
    _typed(tree.Assign, path=paths, value=values, notes=notes, doc=docs),
    at(tree.Serves, kinds=few(names, least=1), doc=docs),
    at(tree.Shared, by=expressions, notes=notes, doc=docs),
    at(tree.Shared, by=st.none(), notes=st.just(()), doc=docs),
    at(tree.Work, kind=names, **noted),
    at(
        tree.Flow,
        direction=st.sampled_from(["read", "write"]),
        role=names,
        supplier=optional_name,
        **noted,
    ),
    at(tree.Send, link=paths, **noted),
    at(tree.Use, what=applied, source=optional_name, name=optional_name, doc=docs),
    at(tree.Unknown, name=names, type=types, within=st.none() | ranges, notes=notes, doc=docs),
    at(
        tree.Observe,
        subject=texts,
        target=expressions,
        value=values,
        name=optional_name,
        notes=notes,
        doc=docs,
    ),
    at(
        tree.Solve,
        name=optional_name,
        unknowns=few(names, least=1),
        source=expressions,
        subject=st.just("") | nonempty_texts,
        notes=notes,
        doc=docs,
    ),
    at(tree.Claim, var=st.just(""), over=st.none(), cond=st.none(), **claimed),
    at(
        tree.Claim,
        var=names,
        over=expressions | ranges,
        cond=st.none() | expressions,
        **claimed,
    ),
    at(tree.Refuse, code=names, title=texts, **noted),
    at(
        tree.Show,
        unit=optional_unit.filter(lambda unit: unit != "%"),
        columns=columns,
        title=st.just("") | nonempty_texts,
        **noted,
    ),
    at(tree.Resident, role=names, level=paths, notes=notes, doc=docs),
    at(
        tree.Fit,
        name=names,
        unknowns=few(names, least=1),
        source=expressions,
        var=names,
        over=expressions | ranges,
        cond=st.none() | expressions,
        by=optional_name,
        notes=notes,
        doc=docs,
    ),
    at(
        tree.Table,
        name=names,
        param=param,
        type=types,
        mode=st.sampled_from(["step", "linear", "loglog"]),
        clamp=st.sampled_from(["", "clamp"]),
        entries=few(at(tree.Entry, key=expressions, value=expressions), least=1, most=3),
        notes=notes,
        doc=docs,
    ),
    at(tree.DataRows, name=names, params=params, rows=rows, doc=docs),
    at(
        tree.DataFile,
        name=names,
        params=params,
        path=texts,
        renamed=few(at(tree.Renamed, name=names, header=texts)),
        doc=docs,
    ),
)


def _blocks(statement: SearchStrategy) -> SearchStrategy:
    """Every statement that holds others."""
    shared = {"name": names, "head": heads, "body": few(statement), "doc": docs}
    plain = [tree.Hardware, tree.Format]
    with_params = [tree.Model, tree.Operator, tree.Workload, tree.Analysis]
    inline = at(tree.Inline, body=few(statement))
    return st.one_of(
        *[at(node, **shared) for node in plain],
        *[at(node, params=params, **shared) for node in with_params],
        at(tree.Block, sort=st.sampled_from(["port", "cache", "memory", "link"]), **shared),
        at(tree.Scenario, params=params, base=st.none() | at(tree.Path, names=paths), **shared),
        at(tree.Use, what=inline, source=optional_name, name=optional_name, doc=docs),
        at(tree.Repeat, var=names, over=ranges, body=few(statement), doc=docs),
    )


statements: SearchStrategy = st.recursive(lines, _blocks, max_leaves=4)
_files = at(tree.File, edition=st.integers(0, 3), body=few(statements, most=3))


@st.composite
def _a_file(draw):
    return draw(_files)


files: SearchStrategy = _a_file()
