"""Model files that are slightly wrong: the tiny one with fields replaced, cut, moved or flipped.

`mutants(n)` yields the same n files every time. Two thirds are wrong by structure: a field of the
header (a count, a length, a type, a dimension, an offset, a value) gets a number that is likely to
hurt, or the value of another field of its kind. The rest are cut short, lose or gain bytes, or have
bits flipped anywhere. Where the fields are is found here, without the reader that is tested.
`damaged(n)` are n files with a sound header and weights that are hard on the arithmetic.
"""

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from perfdsl.runner.gguf import TensorInfo, open_gguf
from perfdsl.runner.gguf_types import TensorType
from tests.runner.tiny_file import TINY

SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
TEXT, ARRAY = 8, 9
NAMES = {"key", "text", "tensor"}


class Mutant(NamedTuple):
    """A file, and what was done to it."""

    what: str
    data: bytes


class Field(NamedTuple):
    """A stretch of the header. sort: what it says, so that fields of one sort can be exchanged."""

    sort: str
    at: int
    size: int


def mutants(count: int, seed: int = 0) -> Iterator[Mutant]:
    """The files, each from a generator of its own: mutant 17 is the same in any selection."""
    whole = TINY.read_bytes()
    for number in range(count):
        yield mutant(whole, seed, number)


def mutant(whole: bytes, seed: int, number: int) -> Mutant:
    """One of them."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311  the same files every time
    return chance.choice(KINDS)(whole, chance)


# -- where the fields are


@cache
def fields(whole: bytes) -> tuple[Field, ...]:
    """Every field of the header, in order; of long arrays the first items."""
    found = [Field("magic", 0, 4), Field("version", 4, 4), Field("tensors", 8, 8)]
    found.append(Field("keys", 16, 8))
    tensors, keys = struct.unpack_from("<QQ", whole, 8)
    at = 24
    for _ in range(keys):
        at = _text(whole, at, "key", found)
        (kind,) = struct.unpack_from("<I", whole, at)
        found.append(Field("type", at, 4))
        at = _value(whole, at + 4, kind, found)
    for _ in range(tensors):
        at = _text(whole, at, "tensor", found)
        (dimensions,) = struct.unpack_from("<I", whole, at)
        found.append(Field("dimensions", at, 4))
        found += [Field("dimension", at + 4 + 8 * i, 8) for i in range(dimensions)]
        at += 4 + 8 * dimensions
        found += [Field("tensor type", at, 4), Field("offset", at + 4, 8)]
        at += 12
    return tuple(found)


def _text(whole: bytes, at: int, sort: str, found: list[Field]) -> int:
    (length,) = struct.unpack_from("<Q", whole, at)
    found += [Field(f"length of a {sort}", at, 8), Field(sort, at + 8, length)]
    return at + 8 + length


def _value(whole: bytes, at: int, kind: int, found: list[Field]) -> int:
    if kind == TEXT:
        return _text(whole, at, "text", found)
    if kind != ARRAY:
        found.append(Field(f"value of {SCALARS[kind]} bytes", at, SCALARS[kind]))
        return at + SCALARS[kind]
    inner, count = struct.unpack_from("<IQ", whole, at)
    found += [Field("type", at, 4), Field("items", at + 4, 8)]
    at += 12
    for i in range(count):
        # Of five hundred items a few are as good as all.
        at = _value(whole, at, inner, found if i < 6 else [])
    return at


# -- what is done to them


def replaced(whole: bytes, chance: random.Random) -> Mutant:
    """A number of the header is another one."""
    field = chance.choice(numbers(whole))
    old = int.from_bytes(whole[field.at : field.at + field.size], "little")
    return _with(whole, field, chance.choice(_hurtful(old, len(whole), chance)), "replaced")


@cache
def numbers(whole: bytes) -> tuple[Field, ...]:
    """The fields that hold a number."""
    return tuple(each for each in fields(whole) if each.sort not in {*NAMES, "magic"})


def _hurtful(old: int, size: int, chance: random.Random) -> Sequence[int]:
    near = [old + 1, old - 1, old * 2, old // 2, old ^ 32, old + 32, -old]
    limits = [0, 1, 2**7, 2**8, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**61, 2**63 - 1, 2**63, -1]
    small = list(range(14))
    floats = [0x7FC00000, 0x7F800000, 0xFF800000, 0x80000000, 1]  # NaN, infinities, -0, tiny
    return [*near, *limits, *small, *floats, size, size - 1, chance.randrange(size)]


def _with(whole: bytes, field: Field, value: int, what: str) -> Mutant:
    data = (value % 256**field.size).to_bytes(field.size, "little")
    text = f"{field.sort} at {field.at} {what}: {value}"
    return Mutant(text, whole[: field.at] + data + whole[field.at + field.size :])


def exchanged(whole: bytes, chance: random.Random) -> Mutant:
    """A field has the value of another one of its sort: a key twice, tensors on top of others."""
    one = chance.choice(fields(whole)[4:])
    other = chance.choice(alike(whole)[one.sort, one.size])
    value = int.from_bytes(whole[other.at : other.at + other.size], "little")
    return _with(whole, one, value, f"as that at {other.at}")


@cache
def alike(whole: bytes) -> dict[tuple[str, int], list[Field]]:
    """The fields by sort and size."""
    found: dict[tuple[str, int], list[Field]] = {}
    for each in fields(whole):
        found.setdefault((each.sort, each.size), []).append(each)
    return found


def misspelt(whole: bytes, chance: random.Random) -> Mutant:
    """Bytes of a key, a text or a tensor's name are others: bad UTF-8, NUL, another letter."""
    field = chance.choice(named(whole))
    data = bytearray(whole)
    place = field.at + chance.randrange(max(1, field.size))
    data[place] = chance.choice([0, 0xFF, 0x80, 0xC3, 0x1B, 0x41, data[place] ^ 1])
    return Mutant(f"{field.sort} at {place} misspelt", bytes(data))


@cache
def named(whole: bytes) -> tuple[Field, ...]:
    """The fields that hold letters."""
    return tuple(each for each in fields(whole) if each.sort in NAMES)


def cut(whole: bytes, chance: random.Random) -> Mutant:
    """The file ends too early, most often within the header or at the border of a field."""
    last = fields(whole)[-1]
    place = chance.choice(
        [
            chance.choice(fields(whole)).at,
            chance.randrange(last.at),
            chance.randrange(len(whole)),
            len(whole) - chance.randrange(40),
        ]
    )
    return Mutant(f"cut at {place}", whole[:place])


def shifted(whole: bytes, chance: random.Random) -> Mutant:
    """Some bytes are missing, or there twice."""
    place = chance.randrange(fields(whole)[-1].at)
    length = chance.choice([1, 2, 4, 8, 32, 100])
    if chance.random() < 0.5:
        return Mutant(f"{length} bytes missing at {place}", whole[:place] + whole[place + length :])
    return Mutant(f"{length} bytes twice at {place}", whole[: place + length] + whole[place:])


def flipped(whole: bytes, chance: random.Random) -> Mutant:
    """Some bits are others, in the header or anywhere."""
    data = bytearray(whole)
    last = chance.choice([fields(whole)[-1].at, len(whole)])
    for _ in range(chance.choice([1, 1, 2, 8])):
        data[chance.randrange(last)] ^= 1 << chance.randrange(8)
    return Mutant("flipped bits", bytes(data))


KINDS: Sequence[Callable[[bytes, random.Random], Mutant]] = (
    replaced, replaced, replaced, exchanged, exchanged, misspelt, cut, shifted, flipped,
)  # fmt: skip


# -- damaged weights: the header is as it was, so that the reader has nothing against it

# Bits of fp16 scales: NaN, infinities, the largest, zeros, the smallest, one, minus one.
HALVES = (0x7E00, 0xFC01, 0x7C00, 0xFC00, 0x7BFF, 0xFBFF, 0, 0x8000, 1, 0x03FF, 0x3C00, 0xBC00)
# Values of norms: the same in fp32, and some that overflow when they are squared or summed.
SINGLES = (float("nan"), float("inf"), -3.4e38, 3.4e38, 1e20, -1e20, 0.0, -0.0, 1e-45, 1e-38)


def damaged(count: int, seed: int = 0) -> Iterator[Mutant]:
    """Files with scales, bytes or norms that strain the arithmetic; the same ones every time."""
    whole = TINY.read_bytes()
    for number in range(count):
        chance = random.Random(f"weights {seed} {number}")  # noqa: S311  the same files every time
        yield chance.choice((scaled, scaled, saturated, stretched))(whole, chance)


@cache
def stretches() -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]:
    """Matrices and norms, where they lie."""
    found = open_gguf(TINY).tensors.values()
    quantised = tuple(each for each in found if each.type is TensorType.Q8_0)
    return quantised, tuple(each for each in found if each.type is TensorType.F32)


def scaled(whole: bytes, chance: random.Random) -> Mutant:
    """Scales of one matrix are others: one, a few, or all of them."""
    info = chance.choice(stretches()[0])
    blocks = info.nbytes // 34
    half = chance.choice(HALVES)
    data = bytearray(whole)
    some = chance.choice([1, 1, 5, blocks])
    for block in range(blocks) if some == blocks else chance.choices(range(blocks), k=some):
        struct.pack_into("<H", data, info.offset + 34 * block, half)
    return Mutant(f"{some} scales of {info.name} are {half:#06x}", bytes(data))


def saturated(whole: bytes, chance: random.Random) -> Mutant:
    """All bytes of some blocks are as large as a byte can be, with whatever sign."""
    info = chance.choice(stretches()[0])
    blocks = info.nbytes // 34
    byte = chance.choice([0x80, 0x7F, 0x81, 0])
    data = bytearray(whole)
    for block in chance.choices(range(blocks), k=chance.choice([1, 20, blocks])):
        place = info.offset + 34 * block + 2
        data[place : place + 32] = bytes([byte]) * 32
    return Mutant(f"blocks of {info.name} are {byte:#04x}", bytes(data))


def stretched(whole: bytes, chance: random.Random) -> Mutant:
    """Values of one norm are others."""
    info = chance.choice(stretches()[1])
    count = info.nbytes // 4
    value = chance.choice(SINGLES)
    data = bytearray(whole)
    some = chance.choice([1, 3, count])
    for place in range(count) if some == count else chance.choices(range(count), k=some):
        struct.pack_into("<f", data, info.offset + 4 * place, value)
    return Mutant(f"{some} values of {info.name} are {value}", bytes(data))
