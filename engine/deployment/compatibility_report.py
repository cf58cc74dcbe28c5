"""Prints what running cases miss in this version of the code, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from engine.deployment.compatibility import Incompatible
from engine.deployment.importing.printing import running_cases
from models.language import reading


def lines(findings: Iterable[Incompatible], languages: tuple[str, ...]) -> Iterator[str]:
    """Each finding: where it is and how many cases it concerns, then its text once for each language."""
    for finding in findings:
        who = f"{finding.element} ({finding.name})" if finding.name else finding.element
        cases = running_cases(finding.cases, languages)
        yield f"{finding.severity} | {finding.process} v{finding.version} | {who} | {cases}"
        yield from (f"    {_in_language(finding, language, _message)}" for language in languages)


def as_json(findings: Iterable[Incompatible], languages: tuple[str, ...]) -> str:
    """All findings as a JSON list; ``message`` is an object with a text for each language."""
    return json.dumps([_plain(finding, languages) for finding in findings], ensure_ascii=False, indent=2)


def _plain(finding: Incompatible, languages: tuple[str, ...]) -> dict[str, object]:
    return {
        "process": finding.process,
        "version": finding.version,
        "element": finding.element,
        "name": finding.name,
        "kind": finding.kind,
        "missing": finding.missing,
        "cases": finding.cases,
        "severity": finding.severity,
        "message": {language: _in_language(finding, language, _message) for language in languages},
    }


def _in_language(finding: Incompatible, language: str, say: Callable[[Incompatible], str]) -> str:
    with reading(language):
        return say(finding)


def _message(finding: Incompatible) -> str:
    return " ".join(finding.message.split())
