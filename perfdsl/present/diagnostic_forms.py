"""Diagnostics for other programs: JSON, SARIF 2.1.0, and the workflow commands of GitHub.

All three say the same as the terminal's form. Lines and columns start at 1 and count characters;
an end is the place just behind the last character.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

from perfdsl.diagnostics import Diagnostic, Edit, Fix, Label, Severity, Source, Span
from perfdsl.excerpt import visible

JsonObject: TypeAlias = dict[str, Any]

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_GITHUB_COMMANDS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "notice",
}
_GITHUB_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_GITHUB_PROPERTY = _GITHUB_MESSAGE | {":": "%3A", ",": "%2C"}


# JSON: our own names.


def to_json(diagnostic: Diagnostic) -> JsonObject:
    """What `json.dumps` takes; the place is null where a diagnostic has none."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "title": diagnostic.title,
        **_json_place(diagnostic.span),
        "label": diagnostic.label,
        "secondary": [
            {**_json_place(each.span), "label": each.text} for each in diagnostic.secondary
        ],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fix": _json_fix(diagnostic.fix) if diagnostic.fix else None,
    }


def _json_place(span: Span | None) -> JsonObject:
    if span is None:
        return dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    end_line, end_column = span.end_position
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": end_line,
        "end_column": end_column,
    }


def _json_fix(fix: Fix) -> JsonObject:
    return {
        "title": fix.title,
        "safe": fix.safe,
        "edits": [_json_edit(edit) for edit in fix.edits],
    }


def _json_edit(edit: Edit) -> JsonObject:
    span = edit.span
    return {
        "file": span.source.name,
        "start": span.start,
        "end": span.end,
        "line": span.line,
        "column": span.column,
        "text": edit.text,
    }


# SARIF: for code scanning services and editors.


def to_sarif(diagnostics: Sequence[Diagnostic]) -> JsonObject:
    """One SARIF log with one run; each code is a rule."""
    rules = [{"id": code} for code in sorted({each.code for each in diagnostics})]
    run = {
        "tool": {"driver": {"name": "perfdsl", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(each) for each in diagnostics],
    }
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_result(diagnostic: Diagnostic) -> JsonObject:
    result: JsonObject = {
        "ruleId": diagnostic.code,
        "level": diagnostic.severity.value,
        "message": {"text": _message(diagnostic)},
    }
    if diagnostic.span:
        result["locations"] = [_sarif_location(Label(diagnostic.span, diagnostic.label))]
    if diagnostic.secondary:
        result["relatedLocations"] = [_sarif_location(each) for each in diagnostic.secondary]
    if diagnostic.fix and diagnostic.fix.edits:
        result["fixes"] = [_sarif_fix(diagnostic.fix)]
    return result


def _sarif_location(label: Label) -> JsonObject:
    physical = {
        "artifactLocation": _sarif_artifact(label.span.source),
        "region": _sarif_region(label.span),
    }
    return {"physicalLocation": physical} | (
        {"message": {"text": label.text}} if label.text else {}
    )


def _sarif_artifact(source: Source) -> JsonObject:
    # A name such as "<stdin>" is no URI as it stands, and half a surrogate pair is no UTF-8.
    return {"uri": quote(source.name, errors="replace")}


def _sarif_region(span: Span) -> JsonObject:
    end_line, end_column = span.end_position
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": end_line,
        "endColumn": end_column,
    }


def _sarif_fix(fix: Fix) -> JsonObject:
    sources = dict.fromkeys(edit.span.source for edit in fix.edits)
    changes = [
        {
            "artifactLocation": _sarif_artifact(source),
            "replacements": [
                {
                    "deletedRegion": _sarif_region(edit.span),
                    "insertedContent": {"text": edit.text},
                }
                for edit in fix.edits
                if edit.span.source is source
            ],
        }
        for source in sources
    ]
    return {"description": {"text": fix.title}, "artifactChanges": changes}


# GitHub: a line in the log of a workflow, which GitHub shows beside the line of the file.


def to_github(diagnostic: Diagnostic) -> str:
    """One `::error file=...::message` line, whatever the texts hold."""
    properties = {**_github_place(diagnostic.span), "title": diagnostic.code}
    listed = ",".join(
        f"{name}={_escaped(text, _GITHUB_PROPERTY)}" for name, text in properties.items()
    )
    message = _escaped(_message(diagnostic, _github_labels(diagnostic)), _GITHUB_MESSAGE)
    return f"::{_GITHUB_COMMANDS[diagnostic.severity]} {listed}::{message}"


def _escaped(text: str, table: Mapping[str, str]) -> str:
    """By GitHub's rules; what else the reader of a log would obey is spelled out."""
    return "".join(table.get(char) or visible(char) for char in text)


def _github_place(span: Span | None) -> dict[str, str]:
    """GitHub refuses columns for a place of several lines."""
    if span is None:
        return {}
    line, (end_line, end_column) = span.line, span.end_position
    place = {"file": span.source.name, "line": str(line), "endLine": str(end_line)}
    if line == end_line:
        place |= {"col": str(span.column), "endColumn": str(end_column)}
    return place


def _github_labels(diagnostic: Diagnostic) -> list[str]:
    return [diagnostic.label] + [
        f"{each.span.source.name}:{each.span.line}:{each.span.column}: {each.text}"
        for each in diagnostic.secondary
    ]


def _message(diagnostic: Diagnostic, labels: Iterable[str] = ()) -> str:
    """What the terminal's form says in words."""
    advice = f"help: {diagnostic.advice}" if diagnostic.advice else ""
    return "\n".join(filter(None, (diagnostic.title, *labels, *diagnostic.notes, advice)))
