"""What a process does with a model that no process of pytest's could do: fork, end, have one core.

`python -m tests.runner.model_processes NAME` prints `right` if what the case says is so.
"""

import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np

from perfdsl.runner.model import EmbeddingModel
from perfdsl.runner.pool import PoolClosedError
from tests.runner.spmd_processes import in_child

TINY = Path(__file__).resolve().parents[1] / "data/runner/embeddinggemma-random-tiny-Q8_0.gguf"


def opened(threads):
    return EmbeddingModel.open(TINY, threads=threads)


def texts_of(model, *lengths):
    random = np.random.default_rng(len(lengths))
    return [random.integers(0, model.config.vocab, length) for length in lengths]


def works_before_and_after_a_fork():
    """Parent and child get the same vectors from a model opened before, used by then or not."""
    used, unused = opened(3), opened(3)
    texts = texts_of(used, 12, 200, 1)
    expected = used.embed_ids(texts)

    def right():
        return all(np.array_equal(each.embed_ids(texts), expected) for each in (used, unused))

    return in_child(right) and right()


def forks_while_another_thread_embeds():
    """The child does not wait for a thread that it does not have."""
    model = opened(3)
    texts = texts_of(model, 12)
    expected = model.embed_ids(texts)
    start_embedding(model)
    return in_child(lambda: np.array_equal(model.embed_ids(texts), expected))


def ends_while_a_thread_embeds():
    """The interpreter ends in the middle of a call."""
    start_embedding(opened(3))
    return True


def has_one_core():
    """Eight threads on one core give what one thread gives."""
    one = opened(1)
    texts = texts_of(one, 200, 3, 65)
    expected = one.embed_ids(texts)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return np.array_equal(opened(8).embed_ids(texts), expected)


CASES = {
    case.__name__: case
    for case in (
        works_before_and_after_a_fork,
        forks_while_another_thread_embeds,
        ends_while_a_thread_embeds,
        has_one_core,
    )
}


def start_embedding(model):
    """A daemon thread embeds without end; it has begun."""
    begun = threading.Event()
    texts = texts_of(model, 200)

    def embed():
        with suppress(PoolClosedError):
            while True:
                model.embed_ids(texts * 100, told=lambda *_: begun.set())

    threading.Thread(target=embed, daemon=True).start()
    begun.wait()


if __name__ == "__main__":
    sys.stdout.write("right\n" if CASES[sys.argv[1]]() else "wrong\n")
