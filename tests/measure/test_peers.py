"""Peers in their own processes: asked, timed, stopped, and told about when they fail.

The peer is one made up for the tests. llama.cpp and transformers are not in the environment;
`benchmarks/accuracy.py` runs them.
"""

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from perfdsl.measure.candidates import Timed
from perfdsl.measure.peers import process, rival
from perfdsl.measure.peers.frames import MOST_BYTES, Frame, FrameError, packed, unpacked
from perfdsl.measure.peers.process import Peer, PeerError
from perfdsl.measure.timing import Stopwatch
from perfdsl.runner.errors import MissingLibraryError
from tests.measure.made_up_peer import HANGS

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    """A peer by the name of `made up`, which its process finds beside this file."""
    entry = rival.Entry("made_up_peer", "load", "pip install it")
    monkeypatch.setattr(process, "PEERS", {**rival.PEERS, "made up": entry})
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")


def texts(*lengths):
    return [np.arange(n, dtype=np.int32) for n in lengths]


def test_a_peer_answers():
    """Vectors of each text, a time for each call that counts, and its own thread pools."""
    with Peer("made up", HERE / "works") as peer:
        assert (peer.version, peer.setup) == ("1.0", "presets")
        first = peer.embed(texts(3, 5), threads=2, warm=1, calls=4)
        second = peer.embed(texts(7), threads=1)
    assert first.vectors.tolist() == [[5, 2, 3, 3], [5, 2, 5, 10]]
    assert second.vectors.tolist() == [[6, 1, 7, 21]]
    assert [len(each.nanoseconds) for each in (first, second)] == [4, 1]
    assert all(each > 0 for each in first.nanoseconds)


def test_a_peer_that_failed_once_answers_again():
    with Peer("made up", HERE / "works") as peer:
        with pytest.raises(PeerError, match="ValueError: a negative id"):
            peer.embed([np.array([-1], np.int32)], threads=1)
        assert peer.embed(texts(3), threads=1).vectors.shape == (1, 4)


def test_a_peer_is_timed_by_the_stopwatch():
    """It is a candidate of the benchmark: so many calls as the stopwatch wants, none twice."""
    silence: list[float] = []
    watch = Stopwatch(sleep=silence.append, settle=0.5, warm=2, least=5, most=5)
    with Peer("made up", HERE / "works") as peer:
        timed: Timed = peer
        assert len(timed.samples(texts(3), 2, watch)) == 5
        assert timed.processes == (peer._process.pid,)
        assert peer.embed(texts(3), 2).vectors[0, 0] == 2 + 5 + 1
    assert silence == [0.5]


def test_an_idle_peer_sleeps():
    """Between requests none of its threads runs, which is waited for."""
    with Peer("made up", HERE / "works") as peer:
        peer.embed(texts(3), threads=2)
        assert peer.asleep(limit=60)


def test_a_closed_peer_is_gone():
    """Its process has ended, and been waited for."""
    peer = Peer("made up", HERE / "works")
    number = peer._process.pid
    peer.close()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_a_crash_is_told_with_its_last_words():
    with pytest.raises(PeerError) as told:
        Peer("made up", HERE / "crash")
    assert str(told.value) == (
        "the peer made up ended: exit code -9; its last words: the library says why"
    )


def test_a_peer_that_hangs_is_ended():
    """After the time that the request was given: it would take ten minutes."""
    with Peer("made up", HERE / "works") as peer:
        with pytest.raises(PeerError, match=re.escape("did not answer in 0.2 s")):
            peer.embed(texts(HANGS), threads=1, limit=0.2)
        assert peer._process.wait() == -signal.SIGKILL
        with pytest.raises(PeerError, match="the peer made up ended: exit code -9"):
            peer.embed(texts(3), threads=1)


def test_nonsense_is_told():
    with pytest.raises(PeerError, match=r"answered nonsense: 4,294,967,295 bytes of JSON"):
        Peer("made up", HERE / "garbage")


def test_a_missing_library_is_told_with_how_to_install_it():
    with pytest.raises(MissingLibraryError) as told:
        Peer("made up", HERE / "missing")
    assert str(told.value) == (
        "the peer made up needs some_library, which its interpreter does not have:"
        " pip install it, or name an interpreter that has it"
    )


@pytest.mark.parametrize("python", ["/nonexistent/python", "/"])
def test_an_interpreter_that_does_not_start_is_told(python):
    with pytest.raises(PeerError, match="interpreter of the peer made up does not start"):
        Peer("made up", HERE / "works", python)


def test_an_interpreter_that_is_none_is_told():
    with pytest.raises(PeerError, match="the peer made up ended: exit code"):
        Peer("made up", HERE / "works", "/bin/cat")


@pytest.mark.parametrize("name", rival.PEERS)
def test_each_peer_is_where_its_entry_says(name):
    """The module has what loads a file; to import it takes its library."""
    entry = rival.PEERS[name]
    text = (Path(process.__file__).parent / f"{entry.module.rpartition('.')[2]}.py").read_text(
        "utf-8"
    )
    assert f"\ndef {entry.maker}(" in text or f"\nclass {entry.maker}:" in text


# -- frames


def reader(data):
    """`read` over bytes."""
    left = bytearray(data)

    def read(count):
        if count > len(left):
            raise EOFError
        piece = bytes(left[:count])
        del left[:count]
        return piece

    return read


PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
ARRAYS = arrays(
    st.sampled_from([np.int32, np.float32]), st.lists(st.integers(0, 5), max_size=4).map(tuple)
)


@given(st.dictionaries(st.text(), PLAIN), st.lists(ARRAYS, max_size=3))
def test_frames_come_back(head, values):
    """With any text and shape, bit by bit."""
    found = unpacked(reader(packed(Frame(head, tuple(values)))))
    assert found.head == head
    for ours, theirs in zip(found.arrays, values, strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert ours.tobytes() == theirs.tobytes()


@given(st.binary(max_size=200))
def test_other_bytes_are_no_frame(data):
    """Whatever they are, the answer is one of two errors."""
    with pytest.raises((FrameError, EOFError)):
        unpacked(reader(data))


def headed(arrays):
    """The bytes of a head with this list of arrays, and none of their bytes."""
    bytes_ = packed(Frame({"x": 1}))
    body = bytes_[4:].replace(b'"arrays": []', b'"arrays": ' + arrays)
    return len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize(
    "told",
    [
        b'[["f4", [-1]]]',
        b'[["f4", [1.5]]]',
        b'[["f4", [true]]]',
        b'[["f4", 3]]',
        b'[["O", [1]]]',
        b'[["f4", [1, 1, 1, 1, 1]]]',
        b'[["f4", [%d]]]' % (MOST_BYTES // 4 + 1),
        b'[["f4", [0, 18446744073709551616]]]',
        b"7",
    ],
)
def test_an_array_that_is_none_is_refused(told):
    """Before anything of its size is allocated."""
    with pytest.raises(FrameError):
        unpacked(reader(headed(told)))


def test_arrays_of_other_types_are_not_sent():
    with pytest.raises(FrameError, match="an array of float64"):
        packed(Frame({}, (np.zeros(3),)))
