"""The process of a peer: loads a file, then embeds what it is given and times it from inside.

It answers on what was its standard output; what a library prints there goes to standard error. When
its input ends it ends, so that it does not outlive whoever started it.

    {do: load, path}                            -> {version, setup}
    {do: embed, threads, warm, calls}, ids, lengths -> {nanoseconds}, vectors of the last call
    anything that fails                         -> {missing: library} or {failed: text}
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

import numpy as np

from perfdsl.measure.peers.frames import Frame, packed, unpacked
from perfdsl.measure.peers.rival import Load, Rival


def main(module: str, maker: str) -> None:
    """Serve until the input ends. maker: the function of the module that loads a file."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), "rb")
    rival: Rival | None = None
    while True:
        try:
            request = unpacked(lambda count: _exactly(requests, count))
        except EOFError:
            return
        try:
            if rival is None:
                rival = _load(module, maker, request.head)
                answer = Frame({"version": rival.version, "setup": rival.setup})
            else:
                answer = _embed(rival, request)
        except ModuleNotFoundError as error:
            answer = Frame({"missing": str(error.name)})
        except Exception as error:  # noqa: BLE001  a library may raise anything; it is told
            answer = Frame({"failed": f"{type(error).__name__}: {error}"[:2000]})
        answers.write(packed(answer))
        answers.flush()


def _load(module: str, maker: str, head: Mapping[str, Any]) -> Rival:
    load = cast("Load", getattr(importlib.import_module(module), maker))
    return load(str(head["path"]))


def _embed(rival: Rival, request: Frame) -> Frame:
    """Vectors (texts, d) of the last of the calls, and how long each took that counts."""
    ids, lengths = request.arrays
    texts = np.split(ids, np.cumsum(lengths)[:-1])
    call = rival.ready([int(each) for each in lengths], int(request.head["threads"]))
    for _ in range(int(request.head["warm"])):
        call(texts)
    nanoseconds = []
    for _ in range(int(request.head["calls"])):
        started = time.perf_counter_ns()
        vectors = call(texts)
        nanoseconds.append(time.perf_counter_ns() - started)
    return Frame({"nanoseconds": nanoseconds}, (vectors,))


def _exactly(stream: BinaryIO, count: int) -> bytes:
    got = stream.read(count)
    if len(got) < count:
        raise EOFError
    return got
