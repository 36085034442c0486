"""A model among threads, processes and signals: its vectors are right whatever happens."""

import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from perfdsl.runner.pool import PoolBusyError, PoolClosedError
from tests.runner.model_processes import CASES, opened, texts_of

GUARD = 120  # seconds after which a test that hangs fails
ROOT = Path(__file__).resolve().parents[2]


def helpers():
    return [t for t in threading.enumerate() if t.name.startswith("perfdsl-helper")]


@pytest.fixture
def model():
    with opened(3) as made:
        yield made


def test_ctrl_c_comes_back_and_the_model_works_on(model):
    """SIGINT while thousands of texts are embedded is raised at once; the next call is right."""
    texts, many = texts_of(model, 12, 65), texts_of(model, 256) * 100_000
    expected = model.embed_ids(texts)
    for _ in range(3):
        begun = threading.Event()

        def interrupt(begun=begun):
            begun.wait()
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            model.embed_ids(many, told=lambda *_, begun=begun: begun.set())
        thread.join(GUARD)
        assert np.array_equal(model.embed_ids(texts), expected)


def test_python_threads_may_call_at_once(model):
    """Eight threads embed texts of their own; each gets the vectors that it gets alone."""
    texts = [texts_of(model, *[3 + n] * (n + 1)) for n in range(8)]
    expected = [model.embed_ids(each) for each in texts]
    right: list[bool] = []

    def use(n):
        right.extend(np.array_equal(model.embed_ids(texts[n]), expected[n]) for _ in range(10))

    threads = [threading.Thread(target=use, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GUARD)
    assert right == [True] * 80


def test_a_signal_handler_that_embeds_is_told_that_the_model_is_busy(model):
    """It runs in the thread whose call it interrupts, and would wait for itself."""
    text = texts_of(model, 12)
    raised: list[type[BaseException]] = []

    def handle(*_):
        try:
            model.embed_ids(text)  # between two passes nobody has a turn: then it simply runs
        except PoolBusyError as error:
            signal.setitimer(signal.ITIMER_REAL, 0)  # or another one comes while this is raised
            raised.append(type(error))
            raise TimeoutError from None

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.01)
    try:
        with pytest.raises(TimeoutError):
            model.embed_ids(texts_of(model, 256) * 100_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert raised[0] is PoolBusyError


def test_threads_end_with_their_model():
    """Closed, or forgotten by everybody."""
    model = opened(4)
    texts = texts_of(model, 12)
    model.embed_ids(texts)
    assert len(helpers()) == 3
    model.close()
    assert helpers() == []
    with pytest.raises(PoolClosedError):
        model.embed_ids(texts)
    model = opened(4)
    model.embed_ids(texts)
    ending = helpers()
    del model
    gc.collect()
    for thread in ending:
        thread.join(GUARD)
    assert [thread.is_alive() for thread in ending] == [False] * 3


@pytest.mark.parametrize("name", CASES)
def test_in_a_process_of_its_own(name):
    """Forks, the end of the interpreter, one core: `model_processes` says what is to be true."""
    command = [sys.executable, "-W", "error", "-m", "tests.runner.model_processes", name]
    done = subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=GUARD
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "right\n", "")
