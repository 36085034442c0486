"""Every phase of the runner has operators, every operator a phase; what has neither is told."""

from collections import Counter

import pytest

from perfdsl.compare.phases import OPERATORS, Group, groups, operators_of, plain
from perfdsl.runner.forward import FIRST_PHASES, LAST_PHASES
from perfdsl.runner.job import COUNTED
from perfdsl.runner.layer import PHASES
from tests.compare.programs import SPECS, operators

TIMED = (*FIRST_PHASES, *PHASES, *(name for name, _ in LAST_PHASES))


def test_the_phases_are_those_of_the_runner_in_its_order():
    assert tuple(OPERATORS) == TIMED


@pytest.mark.parametrize("spec", SPECS)
def test_each_operator_and_phase_of_the_shipped_models_is_in_one_group(spec):
    """Nothing is left over on either side, and nothing counts twice."""
    names = operators(spec)
    found = groups(TIMED, names)
    assert all(group.matched for group in found)
    assert Counter(phase for group in found for phase in group.phases) == Counter(TIMED)
    assert Counter(name for group in found for name in group.operators) == Counter(set(names))


@pytest.mark.parametrize("spec", SPECS)
def test_what_the_oracle_counts_has_the_name_of_an_operator(spec):
    assert set(COUNTED) <= set(operators(spec))


def test_the_first_norm_shares_an_operator_with_the_others_where_it_has_none_of_its_own():
    """One run of attn_norm is the first layer's; the fused program calls it first_norm."""
    unfused = ["attn_norm", "attn_quantise", "post_ffw_norm", "ffn_residual", "output_norm"]
    assert groups(["first_norm", "qkv", "attn_norm"], [*unfused, "attn_q"]) == (
        Group(("first_norm", "attn_norm"), tuple(unfused)),
        Group(("qkv",), ("attn_q",)),
    )
    fused = ["first_norm", "attn_norm", "output_norm"]
    assert groups(["first_norm", "attn_norm"], fused) == (
        Group(("first_norm",), ("first_norm",)),
        Group(("attn_norm",), ("attn_norm", "output_norm")),
    )


def test_what_has_no_counterpart_is_a_group_of_its_own():
    """An operator that nothing times, a phase that nothing predicts: neither is dropped."""
    found = groups(["qkv", "warp"], ["attn_q", "mystery"])
    assert found == (
        Group(("qkv",), ("attn_q",)),
        Group(("warp",), ()),
        Group((), ("mystery",)),
    )
    assert [group.matched for group in found] == [True, False, False]
    assert [group.name for group in found] == ["qkv", "warp", "mystery"]


def test_rows_of_one_operator_are_one():
    """`run.ops` has a row for each class of turns."""
    rows = ["attn (l mod 6 = 5)", "attn (l mod 6 = 0, 1, 2, 3, 4)", "attn #7"]
    assert {plain(row) for row in rows} == {"attn"}
    assert groups(["attention"], rows) == (Group(("attention",), ("attn",)),)


def test_a_phase_that_nobody_knows_has_no_operators():
    assert operators_of("warp", ["attn"]) == ()
