"""Prompts are those of the model card, under names for a command line."""

import re

import pytest

from perfdsl.runner.errors import InputError
from perfdsl.runner.prompts import PROMPTS, prompted


@pytest.mark.parametrize(
    "name, before",
    [
        ("query", "task: search result | query: "),
        ("document", "title: none | text: "),
        ("question-answering", "task: question answering | query: "),
        ("fact-verification", "task: fact checking | query: "),
        ("classification", "task: classification | query: "),
        ("clustering", "task: clustering | query: "),
        ("sentence-similarity", "task: sentence similarity | query: "),
        ("code-retrieval", "task: code retrieval | query: "),
    ],
)
def test_a_prompt_stands_before_the_text(name, before):
    """As the model card has them, letter by letter."""
    assert prompted("which way?", name) == f"{before}which way?"


def test_there_are_eight_prompts():
    assert len(PROMPTS) == 8
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)?", name) for name in PROMPTS)


def test_a_document_may_have_a_title():
    assert prompted("It was cold.", "document", "Winter") == "title: Winter | text: It was cold."


def test_other_prompts_have_no_title():
    with pytest.raises(InputError, match="`query` has no title"):
        prompted("cold", "query", "Winter")


def test_an_unknown_prompt_names_the_known_ones():
    with pytest.raises(InputError, match="no prompt `Query`") as found:
        prompted("cold", "Query")
    assert all(name in found.value.mend for name in PROMPTS)
