"""Threads that run one program: right with any number of them, whatever happens in between."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from perfdsl.runner import pool as pools
from perfdsl.runner.pool import Pool, PoolBusyError, PoolClosedError, ProgramFailedError
from tests.runner.spmd import AT, DONE, FAILS, Mixing
from tests.runner.spmd_processes import CASES

GUARD = 120  # seconds after which a test that hangs fails; nothing here takes one
FOREVER = 2**40  # steps: years
ROOT = Path(__file__).resolve().parents[2]


def helpers():
    return [t for t in threading.enumerate() if t.name.startswith("perfdsl-helper")]


@pytest.fixture
def pool():
    made = Pool(3)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nobody_stays():
    yield
    assert helpers() == []


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("patience", [0.0, 0.003])
def test_any_number_of_threads_awake_or_asleep_computes_the_same(threads, patience):
    """Turn after turn gives what NumPy gives, with helpers that sleep between jobs too."""
    pool = Pool(threads, patience)
    assert [steps for steps in range(1, 40) if not Mixing(seed=steps).right(pool, steps)] == []
    pool.close()


def test_two_pools_with_more_threads_than_cores():
    """Twice eight threads come through their barriers, side by side."""
    one, other = Pool(8), Pool(8)
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(Mixing(seed=2).right(other, 200)))
    thread.start()
    found.append(Mixing(seed=3).right(one, 200))
    thread.join(GUARD)
    assert found == [True, True]
    one.close()
    other.close()


def test_python_threads_take_turns(pool):
    """Six Python threads use one pool, each with cells of its own."""
    found: list[bool] = []

    def use(seed):
        found.extend(Mixing(seed=10 * seed + turn).right(pool, 50 + turn) for turn in range(10))

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GUARD)
    assert found == [True] * 60


def test_helpers_are_made_on_first_use_and_only_once(pool):
    """A pool that was not used has no threads; used, one less than it was asked for."""
    assert helpers() == []
    for steps in (1, 5):
        assert Mixing().right(pool, steps)
        assert len(helpers()) == 2


def test_roused_helpers_go_back_to_sleep():
    """Waking helpers for a job that does not come does no harm."""
    pool = Pool(3, patience=0.0)
    pool.rouse()
    for _ in range(20):
        assert Mixing().right(pool, 3)
        pool.rouse()
    pool.close()


# -- what goes wrong in between


@pytest.mark.parametrize("thread", [0, 1, 2])
@pytest.mark.parametrize("step", [0, 7])
def test_an_exception_in_one_thread_ends_the_program_in_all(pool, thread, step):
    """Those who wait for the failed thread are let go, the caller is told, the pool works on."""
    mixing = Mixing()
    mixing.arguments[[FAILS // 8, AT // 8]] = thread, step
    with pytest.raises(ProgramFailedError, match="mixed raised an exception in 1 of 3 threads"):
        mixing.right(pool, 40)
    assert mixing.arguments[DONE // 8] in {step, step + 1}
    assert Mixing().right(pool, 40)


@contextmanager
def once_under_way(mixing, act):
    """Within, a thread waits until the program has done a thousand steps, and acts."""

    def wait_and_act():
        while mixing.arguments[DONE // 8] < 1000:
            time.sleep(0.001)
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    yield
    thread.join(GUARD)


@pytest.mark.parametrize("patience", [0.0, 0.003])
def test_ctrl_c_is_raised_between_steps_and_the_pool_works_on(patience):
    """SIGINT in the middle of years of work comes back at once, and comes again."""
    pool = Pool(3, patience)
    for _ in range(3):
        mixing = Mixing()
        with (
            once_under_way(mixing, lambda: os.kill(os.getpid(), signal.SIGINT)),
            pytest.raises(KeyboardInterrupt),
        ):
            mixing.mix(pool, FOREVER)
        assert Mixing().right(pool, 30)
    pool.close()


def test_an_exception_of_a_signal_handler_reaches_the_caller(pool):
    """Any exception that a handler raises passes through; the turn is over then."""

    def handle(*_):
        raise TimeoutError("enough")

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(TimeoutError, match="enough"):
            Mixing().mix(pool, FOREVER)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert Mixing().right(pool, 30)


def test_a_turn_inside_a_turn_is_refused(pool):
    """A callback that would wait for its own thread is told so."""
    with pool.turn(), pytest.raises(PoolBusyError), pool.turn():
        pass
    assert Mixing().right(pool, 3)


def test_threads_that_cannot_be_started_leave_nothing_behind(pool, monkeypatch):
    """Where the second helper cannot be made, the first one ends, and a later turn tries again."""
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def once(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", once)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        Mixing().right(pool, 3)
    started[0].join(GUARD)
    assert (helpers(), pools._alive) == ([], set())
    monkeypatch.undo()
    assert Mixing().right(pool, 3)


# -- the end


@pytest.mark.parametrize("patience", [0.0, 60.0])
def test_a_closed_pool_has_no_threads_and_says_so(patience):
    """Asleep or awake, helpers are gone when `close` returns; closing twice is fine."""
    pool = Pool(3, patience)
    assert Mixing().right(pool, 3)
    pool.close()
    assert helpers() == []
    pool.close()
    with pytest.raises(PoolClosedError):
        Mixing().right(pool, 3)


@pytest.mark.parametrize("patience", [0.0, 60.0])
def test_helpers_end_with_a_pool_that_nobody_has(patience):
    """Nothing of a helper keeps its pool alive."""
    pool = Pool(3, patience)
    assert Mixing().right(pool, 3)
    threads = helpers()
    del pool
    gc.collect()
    for thread in threads:
        thread.join(GUARD)
    assert [t.is_alive() for t in threads] == [False, False]


def test_a_pool_ended_in_the_middle_of_a_turn(pool):
    """At the end of the process threads leave at the next barrier; who has the turn is told."""
    mixing = Mixing()
    with once_under_way(mixing, pool.end_now), pytest.raises(PoolClosedError):
        mixing.mix(pool, FOREVER)


# -- processes


@pytest.mark.parametrize("name", CASES)
def test_in_a_process_of_its_own(name):
    """Forks, the end of the interpreter, one core: `spmd_processes` says what is to be true."""
    command = [sys.executable, "-W", "error", "-m", "tests.runner.spmd_processes", name]
    done = subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=GUARD
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "right\n", "")
