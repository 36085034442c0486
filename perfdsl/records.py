"""Dataclasses like the standard library's, in the forms used here, at a tenth of the cost at start.

The standard decorator compiles six methods for each class, needed or not: the 150 classes of
perfdsl took 50 of the 210 ms in which a file was checked. Here nothing is compiled; the methods are
shared. `tests/test_records.py` compares the two, and the functions of `dataclasses` know these too.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from perfdsl.initials import INITIALS

__all__ = ["dataclass", "field", "fields_of", "replace"]

if TYPE_CHECKING:  # to the type checker they are the standard library's
    from dataclasses import dataclass, field, replace
else:

    def dataclass(*, slots, frozen=False, eq=True, repr=True, kw_only=False):  # noqa: A002  dataclasses' names
        """A class with slots for its annotated names, and the methods that it does not write."""
        assert slots, "without slots: the standard library's"
        return lambda plain: _made(plain, _Form(frozen, eq, repr, kw_only))

    def field(**options):
        """What to know of a field: `default_factory`, or where it takes no part."""
        return _Field(**options)

    def replace(value, /, **changes):
        """The same value with some fields replaced."""
        cls = type(value)
        if cls not in _GIVEN:
            _GIVEN[cls] = tuple(name for name, each in fields_of(cls).items() if each.init)
        for name in _GIVEN[cls]:
            if name not in changes:
                changes[name] = getattr(value, name)
        return cls(**changes)


_ABSENT: Any = object()
# The names by which the values of a class are made, for those that `replace` met.
_GIVEN: dict[type, tuple[str, ...]] = {}
_OWN = "__perfdsl_fields__"

Method = Callable[..., Any]


class _Field(NamedTuple):
    default: Any = _ABSENT
    default_factory: Any = _ABSENT
    init: bool = True
    repr: bool = True
    compare: bool = True
    kw_only: bool = False

    @property
    def has_preset(self) -> bool:
        return self.default is not _ABSENT or self.default_factory is not _ABSENT

    def preset(self) -> Any:
        """The value of the field where none is given."""
        return self.default if self.default_factory is _ABSENT else self.default_factory()


class _Form(NamedTuple):
    frozen: bool
    eq: bool
    repr: bool
    kw_only: bool


Fields = dict[str, _Field]


def fields_of(cls: type) -> Fields:
    """The fields of a dataclass by their names, inherited ones first."""
    found: Fields = {}
    for each in reversed(cls.__mro__):
        found |= each.__dict__.get(_OWN, {})
    return found


def _made(plain: type, form: _Form) -> type:
    """The class once more, with slots: they are fixed when a class is made."""
    body = {k: v for k, v in plain.__dict__.items() if k not in {"__dict__", "__weakref__"}}
    types = body.get("__annotations__", {})
    names = tuple(name for name, text in types.items() if not text.startswith("ClassVar"))
    own = {name: _field(body.pop(name, _ABSENT), kw_only=form.kw_only) for name in names}
    fields = fields_of(plain) | own
    fixed = {_OWN: own, "__slots__": names, "__dataclass_fields__": _Standard()}
    cls: Any = type(plain)(plain.__name__, plain.__bases__, _methods(fields, form) | body | fixed)
    cls.__init__ = _initial(cls, fields)
    made: type = cls
    return made


def _field(given: Any, *, kw_only: bool) -> _Field:
    known = given if isinstance(given, _Field) else _Field(given)
    return known._replace(kw_only=True) if kw_only else known


def _methods(fields: Fields, form: _Form) -> dict[str, Any]:
    positional = tuple(name for name, each in fields.items() if each.init and not each.kw_only)
    methods: dict[str, Any] = {"__match_args__": positional}
    if form.repr:
        methods["__repr__"] = _shown(tuple(name for name, each in fields.items() if each.repr))
    if form.eq:
        values = _values(tuple(name for name, each in fields.items() if each.compare))
        methods["__eq__"] = _equal(values)
        methods["__hash__"] = _hash(values) if form.frozen else None
    if form.frozen:
        methods["__setattr__"] = methods["__delattr__"] = _refused
    return methods


# ------------------------------------------------------------------------------ the first values


def _initial(cls: Any, fields: Fields) -> Method:
    """`__init__`, which sets the slots themselves: for a frozen value, too."""
    positional = cls.__match_args__
    named = tuple(name for name, each in fields.items() if each.init and each.kw_only)
    chosen = {name: fields[name] for name in (*positional, *named)}
    puts = tuple(getattr(cls, name).__set__ for name in chosen)
    made = any(each.default_factory is not _ABSENT for each in chosen.values())
    if len(puts) in INITIALS and not made:
        plain = INITIALS[len(puts)](*puts)
        first = _renamed(plain, f"{cls.__qualname__}.__init__", chosen, len(positional))
    else:
        first = _any_number(cls.__qualname__, puts, chosen, len(positional))
    preset = [(getattr(cls, k).__set__, f.default) for k, f in fields.items() if _is_preset(f)]
    if not preset and not hasattr(cls, "__post_init__"):
        return first

    def __init__(self: Any, *args: Any, **given: Any) -> None:  # noqa: N807  the class's own
        first(self, *args, **given)
        for put, value in preset:
            put(self, value)
        if hasattr(cls, "__post_init__"):
            self.__post_init__()

    return __init__


def _is_preset(field_: _Field) -> bool:
    return not field_.init and field_.default is not _ABSENT


def _renamed(plain: Any, title: str, fields: Fields, count: int) -> Method:
    """The same function, its parameters called and preset as the fields are."""
    code = plain.__code__.replace(
        co_name="__init__",
        co_qualname=title,
        co_varnames=("self", *fields),
        co_argcount=1 + count,
        co_kwonlyargcount=len(fields) - count,
    )
    preset = {name: f.default for name, f in fields.items() if f.default is not _ABSENT}
    last = tuple(preset[name] for name in [*fields][:count] if name in preset)
    made = FunctionType(code, plain.__globals__, "__init__", last, plain.__closure__)
    made.__kwdefaults__ = {name: preset[name] for name in [*fields][count:] if name in preset}
    return made


def _any_number(title: str, puts: tuple[Method, ...], fields: Fields, count: int) -> Method:
    """For many fields, or such as are made anew: slower, but of no fixed length."""
    waiting = [
        (name, put, each.default, _maker(title, name, each))
        for (name, each), put in zip(fields.items(), puts, strict=True)
    ]

    def __init__(self: Any, *args: Any, **given: Any) -> None:  # noqa: N807  the class's own
        left = len(given)
        for put, value in zip(puts, args, strict=False):
            put(self, value)
        for name, put, value, maker in waiting[len(args) :]:
            if name in given:
                put(self, given[name])
                left -= 1
            else:
                put(self, maker() if maker is not None else value)
        if left or len(args) > count:
            raise TypeError(f"{title} takes {', '.join(fields)}, each once")

    return __init__


def _maker(title: str, name: str, each: _Field) -> Callable[[], Any] | None:
    """What gives the value of a field that is left out, where it is not the same each time."""

    def missing() -> None:
        raise TypeError(f"{title} needs {name}")

    if each.default_factory is not _ABSENT:
        maker: Callable[[], Any] = each.default_factory
        return maker
    return missing if each.default is _ABSENT else None


# ----------------------------------------------------------------------------- the other methods


def _shown(names: tuple[str, ...]) -> Method:
    def __repr__(self: object) -> str:  # noqa: N807  the class's own
        inside = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({inside})"

    return __repr__


def _values(names: tuple[str, ...]) -> Callable[[Any], Any]:
    """What gives the values of these fields: a tuple, also of a single one, since a tuple holds
    an object that does not equal itself to be equal to itself."""
    match names:
        case ():
            return lambda _: ()
        case (name,):
            get = attrgetter(name)
            return lambda value: (get(value),)
        case _:
            return attrgetter(*names)


def _equal(values: Callable[[Any], Any]) -> Method:
    def __eq__(self: object, other: object) -> Any:  # noqa: N807  the class's own
        if self is other:
            return True
        if self.__class__ is other.__class__:
            return values(self) == values(other)
        return NotImplemented

    return __eq__


def _hash(values: Callable[[Any], Any]) -> Method:
    def __hash__(self: object) -> int:  # noqa: N807  the class's own
        return hash(values(self))

    return __hash__


def _refused(self: object, name: str, *_: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"{type(self).__qualname__} is frozen: {name} stays as it is")


class _Standard:
    """`__dataclass_fields__`, made when it is asked for: the functions of `dataclasses` do."""

    def __get__(self, _: object, cls: type) -> dict[str, Any]:
        import dataclasses

        known = [
            (name, Any, dataclasses.field(**_spoken(each))) for name, each in fields_of(cls).items()
        ]
        twin = dataclasses.make_dataclass(cls.__name__, known, init=False, repr=False, eq=False)
        found: dict[str, Any] = vars(twin)["__dataclass_fields__"]
        return found


def _spoken(options: _Field) -> dict[str, Any]:
    return {key: value for key, value in options._asdict().items() if value is not _ABSENT}
