"""Notes behind a value: where a number comes from, a claim's id."""

from __future__ import annotations

from perfdsl.syntax import tree

# From the most to the least doubtful: the first one written decides.
PROVENANCE = ("assumed", "measured", "spec", "source")


def provenance(notes: tuple[tree.Note, ...]) -> tuple[str, str]:
    """(`assumed`, why): the kind of source of a number and its text; empty where none is given."""
    for kind in PROVENANCE:
        for note in notes:
            if note.name == kind:
                return kind, text_of(note)
    return "", ""


def text_of(note: tree.Note) -> str:
    """The texts of a note, joined."""
    return ", ".join(arg.value for arg in note.args if isinstance(arg, tree.Text))


def find(notes: tuple[tree.Note, ...], name: str) -> str:
    """The text of the note of that name; empty where there is none."""
    return next((text_of(note) for note in notes if note.name == name), "")
