"""Prints what was found in files, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from engine.checking import Finding
from engine.importing.guarded import Verdict
from models.language import gettext as _
from models.language import lazy, reading

SEVERITY = {
    "error": lazy("خطا"),
    "fill_in": lazy("باید پر شود"),
    "changed": lazy("تغییر داده شد"),
    "picture": lazy("تنها در تصویر"),
    "warning": lazy("توجه"),
}


def lines(verdict: Verdict, languages: tuple[str, ...]) -> Iterator[str]:
    """One file: its verdict, then each finding once for each language."""
    for language in languages:
        with reading(language):
            said = _("پذیرفتنی") if verdict.deployable else _("رد شد")
            yield f"{verdict.file}: {said}"
    for row in zip(*(verdict.findings[language] for language in languages), strict=True):
        yield from (_line(finding, language) for finding, language in zip(row, languages, strict=True))


def _line(finding: Finding, language: str) -> str:
    with reading(language):
        place = [finding.file, str(finding.line)] if finding.line else [finding.file]
        who = " ".join(filter(None, (finding.element, f"({finding.name})" if finding.name else "")))
        parts = [":".join(place), str(SEVERITY[finding.severity]), " ".join(who.split()), finding.message]
        return "  " + ": ".join(filter(None, parts))


def as_json(verdicts: Iterable[Verdict]) -> str:
    """All verdicts as a JSON list; a finding's ``message`` is an object with a text for each language."""
    return json.dumps([_plain(verdict) for verdict in verdicts], ensure_ascii=False, indent=2)


def _plain(verdict: Verdict) -> dict[str, object]:
    rows = zip(*verdict.findings.values(), strict=True)
    findings = [
        {**asdict(row[0]), "message": dict(zip(verdict.findings, (one.message for one in row), strict=True))}
        for row in rows
    ]
    return {"file": verdict.file, "deployable": verdict.deployable, "findings": findings}
