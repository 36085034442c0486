"""A pass in steps: whatever the steps, the same bits; and between any two of them it can end."""

import os
import signal

import numpy as np
import pytest

from perfdsl.runner import crew, pool, workspace
from perfdsl.runner.layer import PHASES
from tests.runner.model_processes import opened, texts_of


def calls_of_the_crew(monkeypatch):
    """The steps with which each further entry into native code begins."""
    begun: list[int] = []
    lead = crew.lead

    def noted(control, threads, program, arguments, first, last, duration):
        begun.append(first)
        return lead(control, threads, program, arguments, first, last, duration)

    monkeypatch.setattr(crew, "lead", noted)
    return begun


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("rows", [1, 7, 64])
def test_pieces_of_phases_compute_the_same_as_whole_layers(threads, rows, monkeypatch):
    """Pieces of 1, 7 or 64 rows a thread, with shared rows and with rows of one's own."""
    with opened(threads) as model:
        for lengths in ([12], [65], [200], [3, 150, 1, 40]):
            texts = texts_of(model, *lengths)
            monkeypatch.undo()
            whole = model.embed_ids(texts)
            monkeypatch.setattr(workspace, "PIECE_ROWS", rows)
            assert np.array_equal(model.embed_ids(texts), whole)


@pytest.mark.parametrize("threads", [1, 3])
def test_when_time_is_up_a_pass_is_left_behind_each_step_and_gone_on_with(threads, monkeypatch):
    """With slices of no time every layer, or every piece of a phase, is an entry of its own."""
    with opened(threads) as model:
        texts = texts_of(model, 200)
        whole = model.embed_ids(texts)
        layers = model.config.layers
        monkeypatch.setattr(pool, "SLICE_NS", 0)
        begun = calls_of_the_crew(monkeypatch)
        assert np.array_equal(model.embed_ids(texts), whole)
        assert begun == [0, *range(2, layers + 2)]  # there is no barrier in step 0 to tell it at
        begun.clear()
        monkeypatch.setattr(workspace, "PIECE_ROWS", 100 // threads)
        assert np.array_equal(model.embed_ids(texts), whole)
        pieces = -(-200 // (100 // threads * threads))
        assert begun == [0, *range(2, len(PHASES) * pieces * layers + 2)]


@pytest.mark.parametrize("threads", [1, 3])
def test_ctrl_c_ends_a_long_pass_behind_the_step_under_way(threads, monkeypatch):
    """SIGINT that came during the fifth entry: there is no sixth, and the model works on."""
    with opened(threads) as model:
        texts = texts_of(model, 200)
        whole = model.embed_ids(texts)
        monkeypatch.setattr(pool, "SLICE_NS", 0)
        monkeypatch.setattr(workspace, "PIECE_ROWS", 16)
        begun: list[int] = []
        lead = crew.lead

        def interrupted(control, *arguments):
            begun.append(arguments[3])
            reached = lead(control, *arguments)
            if len(begun) == 5:
                os.kill(os.getpid(), signal.SIGINT)
            return reached

        monkeypatch.setattr(crew, "lead", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.embed_ids(texts)
        assert len(begun) == 5
        monkeypatch.undo()
        assert np.array_equal(model.embed_ids(texts), whole)
