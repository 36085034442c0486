"""Ids against llama.cpp's, and the time of a first text: `make bench BENCH=...` with this file.

Texts are compared one by one, on a given file or on a full model that is made for it. The peer,
llama-cpp-python, is no part of the environment; without it only times are told. `--record` writes
what the peer says of the small vocabulary, and of odd ones, to where the tests read it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from odd_vocabularies import odd_texts, odd_vocabulary, write_vocabulary
from token_texts import texts

from perfdsl.runner.gguf import Array, open_gguf
from perfdsl.runner.synth import save_model
from perfdsl.runner.tokenizer import Tokenizer, open_tokenizer

RECORDED = Path(__file__).resolve().parent.parent / "tests" / "data" / "runner"
SECONDS = 0.35  # what a first text may take
TIMES = 5
RECORDED_TEXTS, RECORDED_PARTS = 2000, 6
ODD_VOCABULARIES, ODD_TEXTS = 24, 24

Ids = Callable[[str], list[int]]


def peer(path: str) -> Ids | None:
    """llama.cpp's tokenizer of a file, as an embedding is made: control tokens are not parsed."""
    try:
        import llama_cpp
    except ImportError:
        return None
    model = llama_cpp.Llama(path, vocab_only=True, verbose=False)

    def ids(text: str) -> list[int]:
        vocabulary = llama_cpp.llama_model_get_vocab(model.model)
        data = text.encode()
        found = (llama_cpp.llama_token * (6 * len(data) + 64))()
        count = llama_cpp.llama_tokenize(
            vocabulary, data, len(data), found, len(found), True, False
        )
        assert count >= 0
        return list(found[:count])

    return ids


def tokens_of(path: str) -> list[str]:
    found = open_gguf(path).keys["tokenizer.ggml.tokens"]
    assert isinstance(found, Array)
    return [token.decode() for _, token in found.texts()]


def timed(path: str) -> Tokenizer:
    """The file's tokenizer, with the least time that one took to be made and give first ids."""
    took = []
    file = open_gguf(path)
    for _ in range(TIMES):
        start = time.perf_counter()
        tokenizer = open_tokenizer(file)
        tokenizer.ids("the first text")
        took.append(time.perf_counter() - start)
    print(f"{path}: a first text in {took[0]:.3f} s, at best of {TIMES} {min(took):.3f} s")
    if min(took) > SECONDS:
        print(f"  OVER the {SECONDS} s that it may take")
    return tokenizer


def compare(path: str, number: int, seed: int) -> int:
    """How many of so many texts have other ids; the first of them are shown."""
    tokenizer = timed(path)
    theirs = peer(path)
    if theirs is None:
        print("  no ids are compared: llama-cpp-python is not installed")
        return 0
    different = total = 0
    for text in texts(number, tokens_of(path), seed, longest=40):
        ours, wanted = tokenizer.ids(text), theirs(text)
        total += len(wanted)
        if ours != wanted:
            different += 1
            if different <= 5:
                print(f"  {text!a}\n    ours   {ours}\n    theirs {wanted}")
    print(f"  {number:,} texts, {total:,} ids: {different} texts differ")
    return different


# ------------------------------------------------------------------------------------- recording


def record() -> None:
    with tempfile.TemporaryDirectory() as folder:
        small = str(Path(folder) / "small.gguf")
        save_model(small, "tiny", 0, lambda _done, _whole: None)
        ids = _needed(small)
        found = list(texts(RECORDED_TEXTS, tokens_of(small), 0, RECORDED_PARTS))
        _write("token_ids.json", [[text, ids(text)] for text in found])
        _write("odd_vocabularies.json", [_odd(n, folder) for n in range(ODD_VOCABULARIES)])


def _needed(path: str) -> Ids:
    found = peer(path)
    if found is None:
        sys.exit("tokenizer: --record needs llama-cpp-python")
    return found


def _write(name: str, rows: Sequence[object]) -> None:
    lines = [json.dumps(row, separators=(",", ":")) for row in rows]
    (RECORDED / name).write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="ascii")


def _odd(seed: int, folder: str) -> dict[str, Any]:
    path = str(Path(folder) / f"odd{seed}.gguf")
    made = odd_vocabulary(seed)
    write_vocabulary(path, made)
    ids = _needed(path)
    return asdict(made) | {"texts": [[text, ids(text)] for text in odd_texts(made, ODD_TEXTS)]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", help="a model file; else a full one is made")
    parser.add_argument("--texts", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", action="store_true", help="write what the tests compare with")
    asked = parser.parse_args()
    if asked.record:
        record()
    elif asked.model:
        sys.exit(bool(compare(asked.model, asked.texts, asked.seed)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            full = str(Path(folder) / "full.gguf")
            save_model(full, "full", 0, lambda _done, _whole: None)
            sys.exit(bool(compare(full, asked.texts, asked.seed)))


if __name__ == "__main__":
    main()
