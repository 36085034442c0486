"""How near the runner's vectors are to Hugging Face's in float32, and how near llama.cpp's are.

    python benchmarks/accuracy.py MODEL.gguf --python INTERPRETER

Two tables, in 1 - cos of the angle to Hugging Face's Gemma3TextModel, float32 on the dequantised
weights. The first is of the float32 reference (`runner/reference.py`), which should be nearer than
REFERENCE at each length. The second is of the int8 kernels and of llama.cpp, over random ids: the
mean over the texts of a length, and how many times llama.cpp's the runner's is: at most INT8.
The exit code is 1 where one of them is missed.

Both quantise activations to int8, each in its own order, so that a ratio of means over 32 texts
scatters by some 4 % around what it is over very many: its standard error stands beside it. The
interpreter has torch, transformers and llama-cpp-python; see `perfdsl explain P822`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perfdsl.measure.peers.process import Peer
from perfdsl.runner.config import Config, read_config
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.layout import check
from perfdsl.runner.reference import embed_reference
from perfdsl.runner.tensors import Tensors

REFERENCE = 1e-6
INT8 = 1.1

# Around the edge of a window of 512, which reaches 256 to either side, and up to the longest text.
REFERENCE_TOKENS = (1, 12, 65, 256, 257, 258, 600, 2048)
INT8_TOKENS = (1, 12, 65, 256, 600, 2048)
LONG = 1000  # of texts with more tokens than this, an eighth as many are taken
PATIENCE = 3600.0  # seconds for one request: nothing is timed here
TOGETHER = 4096  # tokens that Hugging Face gets at once: its scores are tokens^2

Vectors = NDArray[np.float32]  # (texts, d_model)
Errors = NDArray[np.float64]  # (texts,): 1 - cos
Embed = Callable[[Sequence[NDArray[np.int32]]], Vectors]


@dataclass(frozen=True)
class Candidates:
    exact: Embed  # Hugging Face in float32
    llama: Embed
    ours: Embed
    reference: Embed


def main() -> int:
    options = arguments()
    from perfdsl.runner.model import EmbeddingModel  # with Numba: not for `--help`

    file = open_gguf(options.model)
    config = read_config(file)
    check(file, config)
    with ExitStack() as stack:
        exact = stack.enter_context(Peer("torch-fp32", options.model, options.python))
        llama = stack.enter_context(Peer("llama.cpp", options.model, options.python))
        model = EmbeddingModel.open(options.model, threads=options.threads)
        tensors = Tensors(file)
        candidates = Candidates(
            exact=lambda texts: exact.embed(texts, options.threads, limit=PATIENCE).vectors,
            llama=lambda texts: one_by_one(texts, llama, options.threads),
            ours=model.embed_ids,
            reference=lambda texts: embed_reference(config, tensors, texts),
        )
        for each in (exact, llama):
            print(f"{each.name} {each.version}: {each.setup}")
        near = reference_table(candidates, config, options)
        return 0 if int8_table(candidates, config, options) and near else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="a GGUF file")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of the peers")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--texts", type=int, default=32, help="of each length")
    parser.add_argument("--tokens", type=int, nargs="*", default=INT8_TOKENS, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def reference_table(all_: Candidates, config: Config, options: argparse.Namespace) -> bool:
    """One text a length; whether each is near enough."""
    print(f"\nreference against Hugging Face, float32; at most {REFERENCE:g}")
    print(f"{'tokens':>7} {'1 - cos':>9} {'max abs':>9}")
    worst = 0.0
    for tokens in (n for n in REFERENCE_TOKENS if n <= config.context):
        texts = random_ids(1, tokens, config, options.seed)
        exact, found = all_.exact(texts), all_.reference(texts)
        error = float(errors(exact, found)[0])
        worst = max(worst, error)
        print(f"{tokens:7} {error:9.1e} {np.abs(exact - found).max():9.1e}", flush=True)
    return worst <= REFERENCE


def int8_table(all_: Candidates, config: Config, options: argparse.Namespace) -> bool:
    """The mean over the texts of a length; whether each ratio is small enough."""
    print(f"\nint8 against Hugging Face, float32: mean of 1 - cos; ratio at most {INT8:g}")
    print(f"{'tokens':>7} {'texts':>6} {'llama.cpp':>10} {'runner':>10} {'ratio':>7} {'+-':>6}")
    worst = 0.0
    for tokens in (n for n in options.tokens if n <= config.context):
        number = max(1, options.texts // 8) if tokens > LONG else options.texts
        texts = random_ids(number, tokens, config, options.seed)
        exact = np.concatenate([all_.exact(part) for part in pieces(texts)])
        llama, ours = errors(exact, all_.llama(texts)), errors(exact, all_.ours(texts))
        ratio = ours.mean() / llama.mean()
        worst = max(worst, ratio)
        row = f"{tokens:7} {number:6} {llama.mean():10.3e} {ours.mean():10.3e} {ratio:7.3f}"
        print(f"{row} {standard_error(ours, llama):6.3f}", flush=True)
    return worst <= INT8


def random_ids(number: int, tokens: int, config: Config, seed: int) -> list[NDArray[np.int32]]:
    """Uniform over the vocabulary."""
    source = np.random.default_rng((seed, tokens))
    return list(source.integers(0, config.vocab, (number, tokens), dtype=np.int32))


def pieces(texts: Sequence[NDArray[np.int32]]) -> Iterator[Sequence[NDArray[np.int32]]]:
    """Texts of one length, so many at once that memory is no concern."""
    size = max(1, TOGETHER // len(texts[0]))
    return (texts[first : first + size] for first in range(0, len(texts), size))


def one_by_one(texts: Sequence[NDArray[np.int32]], peer: Peer, threads: int) -> Vectors:
    """As it is timed; in company its vectors may be others by a rounding."""
    found = [peer.embed([text], threads, limit=PATIENCE).vectors for text in texts]
    return np.concatenate(found)


def errors(exact: Vectors, found: Vectors) -> Errors:
    """1 - cos of the angle between rows, in float64."""
    one, other = exact.astype(np.float64), found.astype(np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return 1 - np.einsum("ij,ij->i", one, other) / lengths


def standard_error(ours: Errors, theirs: Errors) -> float:
    """Of the ratio of the means over the same texts: the linear part of its scatter."""
    ratio = ours.mean() / theirs.mean()
    left = ours - ratio * theirs
    return float(left.std() / np.sqrt(len(left)) / theirs.mean())


if __name__ == "__main__":
    sys.exit(main())
