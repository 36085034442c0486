"""A peer in its own process, seen from here: started, asked one thing at a time, stopped.

So its thread pool and its libraries do not disturb ours, and it may belong to another interpreter.
Its variables for thread pools are the libraries' presets, not the user's: a passive wait, say,
would make each of its parallel loops slower. A pool may therefore spin for a while after a call;
`asleep` waits until it does not, before somebody else is timed.
"""

from __future__ import annotations

import os
import select
import subprocess  # a peer is a process
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from perfdsl.measure.candidates import CandidateError
from perfdsl.measure.peers.frames import Frame, FrameError, packed, unpacked
from perfdsl.measure.peers.rival import PEERS, Ids, Vectors
from perfdsl.measure.timing import Stopwatch
from perfdsl.records import dataclass
from perfdsl.runner.errors import MissingLibraryError, RunnerError

LOADING = 300.0  # seconds for a library and a file
EMBEDDING = 300.0  # seconds for one request
CLOSING = 5.0  # seconds until a peer that was told to end is ended
POOLS = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_")  # variables that set up thread pools
# When llama.cpp aborts it would call a debugger, whose pages hide why it did.
NO_DEBUGGER = {"GGML_NO_BACKTRACE": "1"}
TOLD = 1000  # characters of standard error that a message shows

PACKAGE = str(Path(__file__).absolute().parents[2] / "__init__.py")
# The peer's interpreter gets this package alone, not the folder that ours was found in: that may
# hold other versions of the libraries which the peer is there for.
START = """
import sys
from importlib import util
spec = util.spec_from_file_location("perfdsl", sys.argv[1])
sys.modules["perfdsl"] = util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["perfdsl"])
from perfdsl.measure.peers.child import main
main(sys.argv[2], sys.argv[3])
"""


class PeerError(RunnerError, CandidateError):
    """A peer did not start, failed, or took too long."""

    code = "P822"


@dataclass(frozen=True, slots=True)
class Answer:
    """vectors: float32 (texts, d), normalised; nanoseconds: of each call that counted."""

    vectors: Vectors
    nanoseconds: tuple[int, ...]


class Peer:
    """A process with a model loaded; use it in a `with`, or close it.

    Raises MissingLibraryError where the interpreter lacks the peer's library, PeerError otherwise.
    """

    def __init__(
        self, name: str, model: Path, python: str = sys.executable, limit: float = LOADING
    ) -> None:
        self.name = name
        self._python = python
        self._told = tempfile.TemporaryFile()  # noqa: SIM115  as long as the process: see `close`
        self._process = self._started()
        try:
            answer = self._ask(Frame({"do": "load", "path": str(model.absolute())}), limit)
        except BaseException:
            self.close()
            raise
        self.processes = (self._process.pid,)
        self.version = str(answer.head["version"])
        self.setup = str(answer.head["setup"])

    def embed(
        self,
        texts: Sequence[Ids],
        threads: int,
        *,
        warm: int = 0,
        calls: int = 1,
        limit: float = EMBEDDING,
    ) -> Answer:
        """`warm` calls that do not count, then `calls` that do, all for the same texts."""
        lengths = np.array([len(each) for each in texts], np.int32)
        head = {"do": "embed", "threads": threads, "warm": warm, "calls": calls}
        ids = np.concatenate(texts).astype(np.int32)
        answer = self._ask(Frame(head, (ids, lengths)), limit)
        return Answer(answer.arrays[0], tuple(map(int, answer.head["nanoseconds"])))

    def samples(self, texts: Sequence[Ids], threads: int, watch: Stopwatch) -> list[int]:
        """Nanoseconds of calls as the stopwatch has them, timed over there; then its threads sleep.

        How many calls those are is told it after the first one.
        """
        watch.sleep(watch.settle)
        found = [*self.embed(texts, threads, warm=watch.warm).nanoseconds]
        if calls := watch.further(found[0]):
            found += self.embed(texts, threads, calls=calls).nanoseconds
        self.asleep()
        return found

    def asleep(self, limit: float = 1.0) -> bool:
        """Waits until no thread of the peer runs or could run, or the limit (s) is over.

        The pools of llama.cpp and PyTorch spin for 7 ms after a call (2 threads, Zen 5).
        """
        end = time.monotonic() + limit
        while awake := _awake(self._process.pid):
            if time.monotonic() > end:
                break
            time.sleep(0.001)
        return not awake

    def close(self) -> None:
        """The process ends; nothing is raised."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._exit_code()
        self._told.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: object,
    ) -> None:
        if kind is not None:
            self._process.kill()  # it may be in the middle of a long request
        self.close()

    def _started(self) -> subprocess.Popen[bytes]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(POOLS)}
        entry = PEERS[self.name]
        try:
            return subprocess.Popen(  # noqa: S603  the interpreter is the user's choice
                [self._python, "-P", "-c", START, PACKAGE, entry.module, entry.maker],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._told,
                env=kept | NO_DEBUGGER,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for us; closing ends the peer
            )
        except OSError as error:
            self._told.close()
            raise PeerError(
                f"the interpreter of the peer {self.name} does not start", str(error.strerror)
            ) from error

    def _ask(self, request: Frame, limit: float) -> Frame:
        """The answer to a request; whatever goes wrong ends the process."""
        end = time.monotonic() + limit
        try:
            self._send(packed(request))
            answer = unpacked(lambda count: self._read(count, end))
        except (EOFError, BrokenPipeError) as error:
            raise PeerError(f"the peer {self.name} ended", self._last_words()) from error
        except TimeoutError as error:
            self._process.kill()
            raise PeerError(f"the peer {self.name} did not answer in {limit:g} s") from error
        except FrameError as error:
            self._process.kill()
            raise PeerError(f"the peer {self.name} answered nonsense", str(error)) from error
        return self._checked(answer)

    def _send(self, frame: bytes) -> None:
        assert self._process.stdin is not None
        pipe, left = self._process.stdin.fileno(), memoryview(frame)
        while left:
            left = left[os.write(pipe, left) :]

    def _checked(self, answer: Frame) -> Frame:
        match answer.head:
            case {"missing": library}:
                raise MissingLibraryError(
                    f"the peer {self.name} needs {library}, which its interpreter does not have",
                    f"{PEERS[self.name].install}, or name an interpreter that has it",
                )
            case {"failed": text}:
                raise PeerError(f"the peer {self.name} failed", str(text))
            case _:
                return answer

    def _read(self, count: int, end: float) -> bytes:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        got = bytearray()
        while len(got) < count:
            left = end - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise TimeoutError
            piece = os.read(pipe, min(count - len(got), 2**20))
            if not piece:
                raise EOFError
            got += piece
        return bytes(got)

    def _exit_code(self) -> int:
        """Of the process, which ends by itself soon, or is ended."""
        try:
            return self._process.wait(CLOSING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _last_words(self) -> str:
        """Why it ended: its exit code, and the end of its standard error."""
        code = self._exit_code()
        self._told.seek(0, os.SEEK_END)
        self._told.seek(max(0, self._told.tell() - TOLD))
        words = self._told.read().decode("utf-8", "replace").strip()
        return f"exit code {code}; its last words: {words}" if words else f"exit code {code}"


def _awake(process: int) -> bool:
    """Whether a thread of a process runs or could run; False where the system does not tell."""
    return any(_state(task) in "RD" for task in Path(f"/proc/{process}/task").glob("*/stat"))


def _state(task: Path) -> str:
    try:
        return task.read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):  # the thread has ended meanwhile
        return "X"
