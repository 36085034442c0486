"""Modules: the top-level names of each file, its units, and what it imports."""

from __future__ import annotations

from perfdsl.diagnostics import Edit, Fix, Label, Severity, Span, did_you_mean
from perfdsl.semantics.data import bind_data
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.exact import exact
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.fields import from_function, instantiate
from perfdsl.semantics.files import Loaded
from perfdsl.semantics.notes import text_of
from perfdsl.semantics.params import binding_of
from perfdsl.semantics.places import misplaced, without_let, wrong_word
from perfdsl.semantics.scope import Context, Frame, Module, World
from perfdsl.semantics.tables import bind_table, head_of
from perfdsl.semantics.units import Unit, UnitTable
from perfdsl.semantics.values import POISON, Declared, ModuleValue, Quantity, Value
from perfdsl.syntax import tree

EDITION = 1
INSTANCES = (tree.Hardware, tree.Model, tree.Workload, tree.Format)


def open_module(loaded: Loaded, context: Context, units: UnitTable) -> Module:
    """A module with its names bound, imports excepted."""
    name = loaded.source.name
    module = Module(name, loaded.source, loaded.parsed.file, units, loaded.parsed.doubtful,
                    loaded.shipped, data=loaded.data)  # fmt: skip
    sort = "library" if loaded.shipped else "file"
    module.frame = Frame(context, module, World(), None, "", sort)
    units.broken.update(loaded.parsed.doubtful)
    return module


def edition_of(loaded: Loaded, context: Context) -> None:
    """The first line says which edition of the language the file is written in."""
    edition = loaded.parsed.file.edition
    start = Span(loaded.source, 0, 0)
    first = Span(loaded.source, 0, len(loaded.source.line_text(1)))
    if edition == 0 and not loaded.parsed.problems:
        fix = Fix("write `perf 1` first", (Edit(start, "perf 1\n"),), safe=True)
        context.report(
            "P014",
            "the file does not say which edition it is written in",
            first,
            help_="make `perf 1` the first line",
            fix=fix,
            severity=Severity.WARNING,
        )
    elif edition not in {0, EDITION}:
        title = f"this is edition {edition}, and only edition {EDITION} is known"
        context.report("P013", title if edition > 0 else "the edition is a whole number", first)


def declare(module: Module) -> None:
    """Bind what a file declares. Units first: everything else may use them."""
    frame = module.top()
    first: dict[str, Span] = {}
    for statement in module.file.body:
        if isinstance(statement, tree.Dimension | tree.Label | tree.Unit):
            _declare_unit(statement, module)
    for statement in module.file.body:
        for name, span in names_of(statement):
            if name in first:
                why = (Label(first[name], "the first one"),)
                frame.context.report("P102", f"`{name}` is defined twice", span, why=why)
                continue
            first[name] = span
            _bind(statement, name, frame)
        if not names_of(statement):
            _other(statement, frame)


def names_of(statement: tree.Statement) -> list[tuple[str, Span]]:
    """The top-level names that a statement brings, except imported ones and units."""
    match statement:
        case tree.Declaration(name=name, head=head) if not isinstance(statement, tree.Block):
            return [(name, head)]
        case tree.Let(name=name) | tree.Function(name=name) | tree.Policy(name=name):
            return [(name, statement.span)]
        case tree.DataRows(name=name) | tree.DataFile(name=name):
            return [(name, statement.span)]
        case tree.Table(name=name):
            return [(name, head_of(statement))]
        case _:
            return []


def _bind(statement: tree.Statement, name: str, frame: Frame) -> None:
    match statement:
        case tree.Declaration() if wrong_word(statement, frame):
            frame.values[name] = POISON
        case tree.Let():
            frame.bindings[name] = binding_of(name, statement, statement.value)
        case tree.Function():
            from_function(statement, frame)
        case tree.DataRows() | tree.DataFile():
            bind_data(statement, frame)
        case tree.Table():
            bind_table(statement, frame)
        case tree.Analysis():
            pass  # An analysis is asked for by name, and is nothing inside an expression.
        case _:
            frame.values[name] = Declared(statement, frame.module)


def _other(statement: tree.Statement, frame: Frame) -> None:
    match statement:
        case tree.Import() | tree.FromImport() | tree.Unit() | tree.Dimension() | tree.Label():
            pass
        case tree.Assign(path=(_,)):
            without_let(statement, "at the top of a file", frame)
        case _:
            misplaced(statement, "file", frame)


def make_instances(module: Module) -> None:
    """Hardware, models, workloads and formats stand for themselves with their defaults."""
    frame = module.top()
    for name, value in list(frame.values.items()):
        if isinstance(value, Declared) and isinstance(value.node, INSTANCES):
            node = value.node
            needs = isinstance(node, tree.Parametrised) and any(
                param.default is None for param in node.params
            )
            if not needs:
                frame.values[name] = instantiate(value)


# ---------------------------------------------------------------------------------------- units


def _declare_unit(statement: tree.Dimension | tree.Label | tree.Unit, module: Module) -> None:
    name, units = statement.name, module.units
    families = frozenset(
        arg.value
        for note in statement.notes
        if note.name == "prefixes"
        for arg in note.args
        if isinstance(arg, tree.Text)
    )
    if units.single(name) is not None:
        title = f"`{name}` is a unit already"
        same = (other for other in module.file.body if isinstance(other, type(statement)))
        first = next((other for other in same if other.name == name), statement)
        why = () if first is statement else (Label(first.span, "the first one"),)
        help_ = "choose another name"
        module.top().context.report("P211", title, statement.span, why=why, help_=help_)
        return
    match statement:
        case tree.Dimension():
            units.add(name, Unit(name, 1.0, base(name)), families, statement.doc)
            if any(note.name == "counted" for note in statement.notes) or not module.shipped:
                units.counted.add(name)
        case tree.Label():
            units.add(name, Unit(name, 1.0, base(name) / base(name), name), families, statement.doc)
        case tree.Unit():
            _named_unit(statement, families, module)


def _named_unit(statement: tree.Unit, families: frozenset[str], module: Module) -> None:
    frame = module.top()
    value = evaluate(statement.value, frame)
    if value == POISON:
        module.units.broken.add(statement.name)
        return
    number = frame.context.graph.number(value.node) if isinstance(value, Quantity) else None
    if not isinstance(value, Quantity) or number is None or number <= 0:
        module.units.broken.add(statement.name)
        title = "a unit is a positive number of other units"
        frame.context.report("P302", title, statement.value.span)
        return
    whole = exact(frame.context.graph, value.node)
    parts = ((whole, 1),) if whole is not None else ()
    unit = Unit(statement.name, number, value.dimension, value.tag, parts=parts)
    module.units.add(statement.name, unit, families, statement.doc)


def library_units(file: tree.File, module: Module) -> None:
    """The prefixes of std/units: `let kilo = 1e3 @prefix("k", "decimal")`."""
    frame = module.top()
    for statement in file.body:
        if not isinstance(statement, tree.Let):
            continue
        value = evaluate(statement.value, frame)
        number = frame.context.graph.number(value.node) if isinstance(value, Quantity) else None
        for note in statement.notes:
            if number is None:
                continue
            if note.name == "prefix":
                text, family = text_of(note).split(", ")
                module.units.prefixes[text] = (number, family)
            elif note.name == "unit":
                pure = base(text_of(note)) / base(text_of(note))
                module.units.add(text_of(note), Unit(text_of(note), number, pure), frozenset(),
                                 statement.doc)  # fmt: skip
    module.units.read.clear()


# -------------------------------------------------------------------------------------- imports


def bind_imports(module: Module, loaded: Loaded, modules: dict[str, Module]) -> None:
    """Bind the names that a file imports; an import that failed leaves poison, not silence."""
    for statement in module.file.body:
        match statement:
            case tree.Import(path=path):
                name = statement.name or _short(path)
                value: Value = POISON
                if path in loaded.imports:
                    value = ModuleValue(modules[loaded.imports[path]])
                _imported(name, value, statement.span, module)
            case tree.FromImport(path=path):
                source = modules.get(loaded.imports.get(path, "\0"))
                for item in statement.names:
                    value = _from(item, source, path, module)
                    _imported(item.alias, value, item.span, module)
            case _:
                pass


def _short(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(".perf")


def _from(item: tree.Imported, source: Module | None, path: str, module: Module) -> Value:
    if source is None:
        return POISON
    found = source.top().own(item.name)
    if found is not None:
        return found
    if item.name in source.doubtful:
        return POISON
    names = [*source.top().values, *source.top().bindings]
    near = did_you_mean(item.name, names)
    place = Span(item.span.source, item.span.start, item.span.start + len(item.name))
    fix = Fix(f"write `{near}`", (Edit(place, near),), safe=True) if near else None
    help_ = f"did you mean `{near}`?" if near else f"it has: {', '.join(names[:10])}"
    title = f'"{path}" has no `{item.name}`'
    if near is not None:
        module.doubtful |= {near}  # That it is used says nothing new.
    return module.top().context.report("P106", title, place, help_=help_, fix=fix)


def _imported(name: str, value: Value, span: Span, module: Module) -> None:
    frame = module.top()
    if name in frame.values or name in frame.bindings:
        twice = name in frame.imported
        title = f"`{name}` is imported {'twice' if twice else 'and defined here too'}"
        places = (at for other in module.file.body for own, at in names_of(other) if own == name)
        first = frame.imported.get(name) or next(places, None)
        why = (Label(first, "the first one" if twice else "defined here"),) if first else ()
        help_ = f"import it under another name: `{name} as ...`"
        frame.context.report("P102", title, span, why=why, help_=help_)
        return
    frame.values[name] = value
    frame.imported[name] = span
