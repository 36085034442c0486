"""The native half of the pool: what helpers do between jobs, and how a job is given to them.

A job is a range of steps of a program, told through words in shared memory (a control block). The
caller works as thread 0; helpers wait for the job's number to change, first awake, then asleep.
Of each pair of words, one says that something is to be done and the other that somebody sleeps:
each side writes its own before it reads the other's, so that at least one sees the other (seq_cst).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from perfdsl.runner.barrier import (
    BARRIER_BYTES,
    CANCELLED,
    COUNT,
    LEAVE,
    LINE,
    PAUSES,
    UNTIL,
    relax,
)
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.atomics import exchange, fetch_add, load
from perfdsl.runner.kernels.system import (
    MASK_BYTES,
    condition_broadcast,
    condition_init,
    condition_wait,
    core,
    cores_allowed,
    mutex_init,
    mutex_lock,
    mutex_unlock,
    nanoseconds,
)
from perfdsl.runner.places import step_aside

# The control block, in bytes from its address, which is a multiple of LINE.
JOB, STOP, CALLS = 0, 8, 16  # what idle helpers look at: a job's number, the end, "be awake"
PROGRAM, ARGUMENTS, FIRST, LAST = LINE, LINE + 8, LINE + 16, LINE + 24  # the job
CORE = LINE + 32  # where its caller runs
CORES = 2 * LINE  # where its caller may run: a mask
FAILED = 2 * LINE + MASK_BYTES  # threads whose program raised an exception in this job
ASLEEP = FAILED + LINE  # helpers that sleep or are about to
MUTEX, CONDITION = ASLEEP + LINE, ASLEEP + 2 * LINE  # what they sleep on
BARRIER = ASLEEP + 3 * LINE
DESKS = BARRIER + BARRIER_BYTES  # for each thread its progress, and a mask
PLACE, DESK_BYTES = LINE, LINE + MASK_BYTES

# Progress is one number that only grows: 2 * job - 1 in a job, 2 * job after it, then this.
LEFT = 1 << 62
CLOSED = -1  # instead of a step: the pool was stopped; -2, -3 ...: 1, 2 ... parts failed


def control_bytes(threads: int) -> int:
    """The size of a control block; all of it is zero at first."""
    return DESKS + threads * DESK_BYTES


# A program's parameters: the address of its arguments, its first step and the one after its last,
# its number among the threads, their number, and the address of the barrier.
PROGRAM_TYPE: Any = types.none(*[types.int64] * 6)


def _call(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
    convention, taken = context.call_conv, PROGRAM_TYPE.args
    kind = convention.get_function_type(types.none, taken)
    function = builder.inttoptr(args[0], kind.as_pointer())
    status, _ = convention.call_function(builder, function, types.none, taken, args[1:])
    return builder.zext(status.is_error, ir.IntType(64))


def _typed(_: Any, _at: Any, _args: Any, _first: Any, _last: Any, _i: Any, _n: Any, _b: Any) -> Any:
    return types.int64(types.int64, *PROGRAM_TYPE.args), _call


call: Any = intrinsic(_typed)  # run the program at an address; 1 if it raised an exception, else 0


@kernel
def prepare(control: int) -> None:
    """Make the lock and the condition of a control block; all else of it is zero."""
    mutex_init(control + MUTEX, 0)
    condition_init(control + CONDITION, 0)


@kernel
def serve(control: int, thread: int, threads: int, patience: int) -> None:
    """A helper's life: take part in one job after the other, until the pool stops.

    `patience` is the time in nanoseconds that it stays awake without a job.
    """
    job, desk = 0, control + DESKS + thread * DESK_BYTES
    while await_job(control, job, desk + PLACE, patience):
        job += 1
        step_aside(load(control + CORE), control + CORES, desk + PLACE)
        exchange(desk, 2 * job - 1)
        take_part(control, thread, threads)
        exchange(desk, 2 * job)
    exchange(desk, LEFT)


@kernel
def take_part(control: int, thread: int, threads: int) -> None:
    """Run this thread's part of the job. A part that fails frees those who wait at a barrier."""
    failed = call(
        load(control + PROGRAM),
        load(control + ARGUMENTS),
        load(control + FIRST),
        load(control + LAST),
        thread,
        threads,
        control + BARRIER,
    )
    if failed:
        fetch_add(control + FAILED, 1)
        exchange(control + BARRIER + CANCELLED, 1)


@kernel
def await_job(control: int, job: int, place: int, patience: int) -> bool:
    """Wait, first awake and then asleep, for a job after this one; False: the pool stops.

    A job that was told before the stop is taken: its caller waits until nobody uses its memory.
    """
    while True:
        calls = load(control + CALLS)
        until = nanoseconds() + patience
        spins = 0
        while spins < PAUSES or nanoseconds() < until:
            if load(control + JOB) != job:
                return True
            if load(control + STOP) != 0:
                return False
            relax(spins)
            spins += 1
        sleep(control, job, calls)
        step_aside(load(control + CORE), control + CORES, place)


@kernel
def sleep(control: int, job: int, calls: int) -> None:
    """Sleep until there is a job after this one, a call after these, or the end."""
    mutex_lock(control + MUTEX)
    fetch_add(control + ASLEEP, 1)
    while (
        load(control + JOB) == job and load(control + CALLS) == calls and load(control + STOP) == 0
    ):
        condition_wait(control + CONDITION, control + MUTEX)
    fetch_add(control + ASLEEP, -1)
    mutex_unlock(control + MUTEX)


@kernel
def wake(control: int) -> bool:
    """Wake who sleeps, after a word that they look at was changed; whether there was anybody."""
    if fetch_add(control + ASLEEP, 0) == 0:
        return False
    mutex_lock(control + MUTEX)
    condition_broadcast(control + CONDITION)
    mutex_unlock(control + MUTEX)
    return True


@kernel
def rouse(control: int) -> None:
    """Have the helpers awake soon: a job will follow."""
    if load(control + ASLEEP) != 0:
        tell_place(control)
        fetch_add(control + CALLS, 1)
        wake(control)


@kernel
def tell_place(control: int) -> None:
    """Say where the caller runs and may run: helpers leave that core, for another of these."""
    if cores_allowed(control + CORES) >= 0:
        exchange(control + CORE, core())


@kernel
def dismiss(control: int) -> None:
    """Have the helpers leave: their program at its next barrier, and then the pool."""
    exchange(control + STOP, 1)
    exchange(control + BARRIER + CANCELLED, 1)
    wake(control)


@kernel
def lead(
    control: int, threads: int, program: int, arguments: int, first: int, last: int, duration: int
) -> int:
    """Give the job to the helpers, take part as thread 0, wait for all; the step to go on with.

    duration: after so many nanoseconds a program that looks at the clock leaves; see `barrier`.
    """
    exchange(control + PROGRAM, program)
    exchange(control + ARGUMENTS, arguments)
    exchange(control + FIRST, first)
    exchange(control + LAST, last)
    tell_place(control)
    exchange(control + BARRIER + COUNT, 0)
    exchange(control + BARRIER + UNTIL, nanoseconds() + duration)
    exchange(control + BARRIER + LEAVE, 0)
    job = fetch_add(control + JOB, 1) + 1
    if wake(control):  # on this core, it may be, which they leave once they get it for a moment
        await_progress(control, threads, 2 * job - 1)
    take_part(control, 0, threads)
    await_progress(control, threads, 2 * job)
    failures: int = exchange(control + FAILED, 0)
    if failures != 0:
        exchange(control + BARRIER + CANCELLED, 0)
    if load(control + STOP) != 0:
        exchange(control + BARRIER + CANCELLED, 1)
        return CLOSED
    if failures != 0:
        return CLOSED - failures
    reached: int = load(control + BARRIER + LEAVE)
    return reached if reached != 0 else last


@kernel
def await_progress(control: int, threads: int, progress: int) -> None:
    """Wait until each helper has come so far."""
    for thread in range(1, threads):
        spins = 0
        while load(control + DESKS + thread * DESK_BYTES) < progress:
            relax(spins)
            spins += 1


# What Python calls, and with how many words: compiled before there is a thread.
ENTRIES: Any = ((prepare, 1), (serve, 4), (lead, 7), (rouse, 1), (dismiss, 1))


def compile_entries() -> None:
    """Compile or load all that Python calls: the end may come where nothing can be compiled."""
    for entry, words in ENTRIES:
        entry.compile((types.int64,) * words)
