"""What stands before a text, by what the vector is for: the eight prompts of the model card.

The model was trained with them; a query and the documents that answer it get different ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from perfdsl.runner.errors import InputError

PROMPTS: Mapping[str, str] = {
    "query": "task: search result | query: ",
    "document": "title: none | text: ",
    "question-answering": "task: question answering | query: ",
    "fact-verification": "task: fact checking | query: ",
    "classification": "task: classification | query: ",
    "clustering": "task: clustering | query: ",
    "sentence-similarity": "task: sentence similarity | query: ",
    "code-retrieval": "task: code retrieval | query: ",
}
TITLED = "document"
NO_TITLE = "none"


def prompted(text: str, name: str, title: str = "") -> str:
    """A text with its prompt before it. title: a document's; "" where it has none."""
    if name not in PROMPTS:
        raise InputError(f"there is no prompt `{name}`", f"there are {', '.join(PROMPTS)}")
    if title and name != TITLED:
        raise InputError(f"the prompt `{name}` has no title", f"`{TITLED}` has one")
    if name == TITLED:
        return f"title: {title or NO_TITLE} | text: {text}"
    return PROMPTS[name] + text
