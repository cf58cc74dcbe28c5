"""Prints verdicts on files: as text for people, as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from engine.deployment.importing.guarded import Verdict
from engine.findings import Finding
from models.language import LazyText, lazy, reading

SEVERITY = {
    "error": lazy("خطا"),
    "fill_in": lazy("باید پر شود"),
    "changed": lazy("تغییر داده شد"),
    "picture": lazy("فقط در تصویر"),
    "warning": lazy("توجه"),
}


def lines(verdict: Verdict, languages: tuple[str, ...]) -> Iterator[str]:
    """The lines of one file: verdict with the number of findings by severity, then each finding in each language."""
    counts = Counter(finding.severity for finding in verdict.findings[languages[0]])
    summary = "; ".join(
        f"{_each(SEVERITY[severity], languages)} × {counts[severity]}" for severity in SEVERITY if counts[severity]
    )
    verdict_text = _each(lazy("پذیرفته شد") if verdict.deployable else lazy("رد شد"), languages)
    yield f"{verdict.file}: {verdict_text}" + (f" ({summary})" if summary else "")
    for row in zip(*(verdict.findings[language] for language in languages), strict=True):
        finding = row[0]
        place = f"{finding.file}:{finding.line}" if finding.line else finding.file
        who = " ".join(filter(None, (finding.element, f"({finding.name})" if finding.name else "")))
        heading = (_each(SEVERITY[finding.severity], languages), place, " ".join(who.split()), finding.code)
        yield "  " + " | ".join(filter(None, heading))
        yield from (f"    {' '.join(each.text.split())}" for each in row)


def _each(text: LazyText, languages: tuple[str, ...]) -> str:
    texts: list[str] = []
    for language in languages:
        with reading(language):
            texts.append(str(text))
    return " / ".join(texts)


def as_json(verdicts: Iterable[Verdict]) -> str:
    """All verdicts as a JSON list; a finding's ``message`` is an object with a text for each language."""
    return json.dumps([_plain(verdict) for verdict in verdicts], ensure_ascii=False, indent=2)


def _plain(verdict: Verdict) -> dict[str, object]:
    rows = zip(*verdict.findings.values(), strict=True)
    findings = [_finding(dict(zip(verdict.findings, row, strict=True))) for row in rows]
    return {"file": verdict.file, "deployable": verdict.deployable, "findings": findings}


def _finding(by_language: dict[str, Finding]) -> dict[str, object]:
    first, *_others = by_language.values()
    plain = asdict(first)
    del plain["text"]
    return {**plain, "message": {language: finding.text for language, finding in by_language.items()}}
