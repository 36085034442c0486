"""What `perfdsl model inspect` prints of a model file: its shape, tensors, bytes and vocabulary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perfdsl.present.style import Row, Theme, hanging, padded, paint, width_of

if TYPE_CHECKING:
    from perfdsl.runner.config import Config
    from perfdsl.runner.describe import Description

MOST_LISTED = 20

# What the fields of the shape are called on the page.
NAMES = {
    "layers": "layers",
    "d_model": "width",
    "d_ff": "feed-forward width",
    "heads": "heads",
    "kv_heads": "heads of keys and values",
    "d_head": "width of a head",
    "vocab": "tokens",
    "context": "longest text",
    "window": "window",
    "full": "layers without a window",
    "eps": "epsilon of the norms",
    "theta_full": "base of the rope",
    "theta_window": "the same with a window",
    "dense": "width inside the head",
}


def page(found: Description, theme: Theme) -> str:
    """The whole page."""
    rows: list[Row] = [*_heading(found, theme)]
    sections = {
        "Model": _model(found, theme),
        "Tensors": _tensors(found, theme),
        "Bytes": _bytes(found, theme),
        "Vocabulary": _vocabulary(found, theme),
        "Against EmbeddingGemma 300M as published": _differences(found, theme),
    }
    for title, section in sections.items():
        rows += [(), ((title, "bold"),), *section]
    return paint(rows, theme)


def _heading(found: Description, theme: Theme) -> Iterator[Row]:
    file = found.file
    facts = f"{file.file.size:,} B, GGUF {file.version}, aligned to {file.alignment} B"
    yield from hanging(((f"{Path(file.path).name}", "bold"), ("  ", "")), facts, theme)
    if found.title:
        title = found.title if len(found.title) <= 200 else found.title[:200] + "..."
        yield from hanging((), title, theme)


# -- the shape


def _model(found: Description, theme: Theme) -> Iterator[Row]:
    facts = list(_facts(found))
    columns = max(width_of(name) for name, _ in facts)
    for name, text in facts:
        yield from hanging((("  ", ""), (padded(name, columns), ""), ("  ", "")), text, theme)


def _facts(found: Description) -> Iterator[tuple[str, str]]:
    config = found.config
    whole = sum(config.full)
    yield "layers", f"{config.layers:,}: {_seen(config)}"
    yield "without a window", _numbers(config.full) if whole else "none"
    yield "width", f"{config.d_model:,}, feed-forward {config.d_ff:,}"
    shared = f"keys and values of {config.kv_heads:,}"
    yield "heads", f"{config.heads:,} of {config.d_head:,}, {shared}"
    head = f"{config.d_model:,} to {config.dense:,} to {config.d_model:,}"
    yield "dense head", head if config.dense else "none: the mean of the tokens is the vector"
    yield "tokens", f"{config.vocab:,}, at most {config.context:,} in a text"
    bases = f"base {config.theta_full:,.9g}, with a window {config.theta_window:,.9g}"
    yield "rope", bases
    yield "norms", f"epsilon {config.eps:.3g}"
    yield "parameters", f"{found.parameters:,}"


def _seen(config: Config) -> str:
    """How far the tokens of each layer see."""
    whole = sum(config.full)
    parts = [f"{config.layers - whole:,} with a window of {config.reach:,} tokens to each side"]
    parts += [f"{whole:,} without"] if whole else []
    return ", ".join(parts if whole < config.layers else ["none has a window"])


def _numbers(full: Sequence[bool]) -> str:
    layers = [str(layer) for layer, each in enumerate(full) if each]
    if len(layers) > MOST_LISTED:
        layers[MOST_LISTED - 1 : -1] = ["..."]
    return ", ".join(layers)


# -- tables


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], theme: Theme, last: str = ""
) -> Iterator[Row]:
    """The first column to the left, the others to the right; the last ones go where room ends.

    last: the style of the last row, which may be a sum.
    """
    widths = [max(width_of(row[i]) for row in (head, *rows)) for i in range(len(head))]
    while len(widths) > 2 and 2 + sum(widths) + 2 * (len(widths) - 1) > theme.width:
        widths.pop()
    styles = ["dim", *[""] * (len(rows) - 1), last]
    for row, style in zip((head, *rows), styles, strict=True):
        cells = [padded(row[0], widths[0])]
        cells += [padded(row[i], widths[i], right=True) for i in range(1, len(widths))]
        yield (("  " + "  ".join(cells), style),)


def _tensors(found: Description, theme: Theme) -> Iterator[Row]:
    head = ("name (.weight)", "rows x columns", "type", "bytes", "layers", "in all")
    rows = [
        (
            line.name.removesuffix(".weight"),
            " x ".join(f"{size:,}" for size in line.shape),
            line.type.name,
            f"{line.nbytes:,}",
            f"{line.times:,}" if line.times else "",
            f"{line.all_bytes:,}",
        )
        for line in found.lines
    ]
    yield from _table(head, rows, theme)
    if found.extra:
        names = [
            f"{each.name} ({' x '.join(f'{size:,}' for size in each.shape)} {each.type.name})"
            for each in found.extra[:MOST_LISTED]
        ]
        more = len(found.extra) - len(names)
        names += [f"{more:,} more"] if more else []
        text = f"without a part in the model: {', '.join(names)}"
        yield from hanging((("  ", ""),), text, theme, "doubt")


def _bytes(found: Description, theme: Theme) -> Iterator[Row]:
    types = sorted({kind for share in found.shares for kind in share.by_type}, reverse=True)
    head = ("group", "tensors", "bytes", "share", "in a layer", *(kind.name for kind in types))
    rows = [
        (
            share.group.value,
            f"{share.tensors:,}",
            f"{share.nbytes:,}",
            _percent(share.nbytes, found.nbytes),
            f"{share.layer_bytes:,}" if share.layer_bytes else "",
            *(f"{share.by_type[kind]:,}" if kind in share.by_type else "" for kind in types),
        )
        for share in found.shares
    ]
    whole = sum(share.tensors for share in found.shares)
    sums = [sum(share.by_type.get(kind, 0) for share in found.shares) for kind in types]
    each = (f"{number:,}" for number in (whole, found.nbytes))
    total = ("all", *each, "100 %", f"{found.layer_bytes:,}", *(f"{each:,}" for each in sums))
    yield from _table(head, [*rows, total], theme, "bold")
    call = f"{found.call_bytes:,} B, and {found.row_bytes:,} B of the embedding for each token"
    yield from hanging((("  ", ""),), f"one call reads {call}", theme)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


# -- the vocabulary, and what is special about the file


def _vocabulary(found: Description, theme: Theme) -> Iterator[Row]:
    words = found.words
    kinds = ", ".join(f"{many:,} {kind}" for kind, many in words.kinds.items())
    text = f"{words.count:,} tokens in {words.nbytes:,} B: {kinds or 'of types that are not told'}"
    yield from hanging((("  ", ""),), text, theme)
    for special in words.specials:
        said = f"token {special.number}"
        said += f", `{_short(special.text)}`" if special.text is not None else ": there is none"
        yield from hanging((("  ", ""), (padded(special.name, 9), "")), said, theme)
    added = {"add_bos_token": "bos", "add_eos_token": "eos", "add_space_prefix": "a space"}
    put = [name for key, name in added.items() if words.added[key] is True]
    said = ", ".join(put) if put else "nothing"
    yield from hanging((("  ", ""), (padded("added", 9), "")), said, theme)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "..."


def _differences(found: Description, theme: Theme) -> Iterator[Row]:
    rows = [
        (NAMES[each.name], _value(each.here), _value(each.published)) for each in found.differences
    ]
    if rows:
        yield from _table(("", "here", "published"), rows, theme)
    else:
        yield from hanging((("  ", ""),), "the same shape", theme)


def _value(value: object) -> str:
    match value:
        case tuple():
            return f"{sum(value):,} of {len(value):,}"
        case float():
            return f"{value:.9g}"
        case int():
            return f"{value:,}" if value else "none"
        case _:
            return str(value)
