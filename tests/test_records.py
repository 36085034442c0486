"""The dataclasses of perfdsl against those of the standard library, form by form."""

import dataclasses
from typing import ClassVar

import pytest

from perfdsl import records
from perfdsl.initials import INITIALS

FORMS = {"standard": dataclasses, "own": records}


def classes(origin):
    """The same classes, made by one of the two."""
    made, field = origin.dataclass, origin.field

    @made(frozen=True, slots=True, kw_only=True)
    class Node:
        """Anything with a place."""

        span: "int" = field(compare=False, repr=False)

    @made(frozen=True, slots=True)
    class Name(Node):
        id: "str"
        word: "ClassVar[str]" = "name"
        base: "object" = None

        @property
        def long(self) -> bool:
            return len(self.id) > 3

    @made(frozen=True, slots=True)
    class Nothing:
        pass

    @made(frozen=True, slots=True)
    class One:
        value: "object"

        def __repr__(self) -> str:
            return f"<{self.value}>"

    @made(frozen=True, slots=True, eq=False)
    class Source:
        text: "str" = field(repr=False)
        lines: "int" = field(init=False, compare=False)
        width: "int" = field(init=False, default=80)

        def __post_init__(self) -> None:
            object.__setattr__(self, "lines", self.text.count("\n"))

    @made(slots=True, repr=False)
    class Table:
        name: "str"
        rows: "list[int]" = field(default_factory=list)
        width: "int" = 3

    found = (Node, Name, Nothing, One, Source, Table)
    for each in found:
        each.__qualname__ = each.__name__
    return {each.__name__: each for each in found}


STANDARD, OWN = classes(dataclasses), classes(records)

NAN = float("nan")
MADE = {
    "positional": lambda of: of["Name"]("alpha", 3, span=1),
    "default": lambda of: of["Name"]("x", span=1),
    "keywords": lambda of: of["Name"](base=2, span=4, id="x"),
    "abstract": lambda of: of["Node"](span=2),
    "empty": lambda of: of["Nothing"](),
    "one": lambda of: of["One"]([1]),
    "nan": lambda of: of["One"](NAN),
    "after": lambda of: of["Source"]("a\nb"),
    "factory": lambda of: of["Table"]("a"),
    "given": lambda of: of["Table"]("a", [1], width=4),
}
WRONG = {
    "missing": lambda of: of["Name"](span=1),
    "missing keyword": lambda of: of["Name"]("x"),
    "missing of many": lambda of: of["Table"](width=3),
    "too many": lambda of: of["Name"]("x", 1, 2, span=1),
    "too many of many": lambda of: of["Table"]("x", [], 1, 2),
    "unknown": lambda of: of["Name"]("x", size=3, span=1),
    "unknown of many": lambda of: of["Table"]("x", size=3),
    "twice": lambda of: of["Name"]("x", id="y", span=1),
    "twice of many": lambda of: of["Table"]("x", name="y"),
    "not its own": lambda of: of["Source"]("x", 3),
}


def fields_of(value):
    return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_values_are_the_same(make):
    """Fields, equality, hash, text and what a pattern sees."""
    standard, own = make(STANDARD), make(OWN)
    assert fields_of(own) == fields_of(standard)
    assert tuple(records.fields_of(type(own))) == tuple(fields_of(standard))
    assert type(own).__match_args__ == type(standard).__match_args__
    assert type(own).__slots__ == type(standard).__slots__
    assert (own == make(OWN)) is (standard == make(STANDARD))
    assert own != standard
    if "__repr__" in vars(type(standard)):
        assert repr(own) == repr(standard)
    assert ("__eq__" in vars(type(own))) is ("__eq__" in vars(type(standard)))
    assert (type(own).__hash__ is None) is (type(standard).__hash__ is None)
    with pytest.raises(AttributeError):
        own.other = 1


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_wrong_calls_are_refused_by_both(make):
    """Whatever the standard library refuses is refused, with the same exception."""
    for of in (STANDARD, OWN):
        with pytest.raises(TypeError):
            make(of)


def test_a_pattern_takes_it_apart():
    """Positional and named patterns see the fields."""
    name = OWN["Name"]
    match name("x", 3, span=7):
        case name(word, base, span=span):
            assert (word, base, span) == ("x", 3, 7)
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("count", range(max(INITIALS) + 3))
def test_any_number_of_fields(count):
    """Each written-out `__init__` sets each of its fields, and so does the one for more."""
    names = [f"f{i}" for i in range(count)]
    types = dict.fromkeys(names, "int")
    plain = type("Many", (), {"__annotations__": types})
    made: type = records.dataclass(frozen=True, slots=True)(plain)
    values = dict(zip(names, range(count), strict=True))
    assert fields_of(made(*values.values())) == fields_of(made(**values)) == values
    assert hash(made(*range(count))) == hash(tuple(range(count)))


def test_frozen_values_stay():
    """Neither a field nor a new name can be set or deleted."""
    for of in (STANDARD, OWN):
        one = of["One"](1)
        for change in (lambda it: setattr(it, "value", 2), lambda it: delattr(it, "value")):
            with pytest.raises(dataclasses.FrozenInstanceError):
                change(one)


@pytest.mark.parametrize("origin", FORMS.values(), ids=FORMS)
def test_replace(origin):
    """Both `replace` take values of both kinds, and refuse a name that is no field."""
    for of in (STANDARD, OWN) if origin is dataclasses else (OWN,):
        name = of["Name"]("x", 3, span=7)
        assert origin.replace(name, id="y") == of["Name"]("y", 3, span=0)
        assert origin.replace(name, id="y").span == 7
        assert origin.replace(of["Source"]("a\nb"), text="").lines == 0
        with pytest.raises(TypeError):
            origin.replace(name, size=3)
