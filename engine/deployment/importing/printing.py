"""Prints verdicts on files: as text for people, as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from engine.deployment.importing.guarded import Verdict
from engine.findings import Finding
from models.language import LazyText, lazy, ngettext, reading

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
        yield from _finding_lines(row, languages)


def bundle_lines(findings: Mapping[str, Iterable[Finding]], running: Mapping[str, int]) -> Iterator[str]:
    """The lines of a bundle's findings: errors, then warnings, each with the running cases of its file's process.

    ``findings``: language → the same findings in that language; ``running``: process key → number of running cases.
    """
    languages = tuple(findings)
    rows = list(zip(*findings.values(), strict=True))
    for severity in ("error", "warning"):
        of_severity = [row for row in rows if row[0].severity == severity]
        if of_severity:
            yield f"{_each(SEVERITY[severity], languages)} × {len(of_severity)}"
        for row in of_severity:
            count = running.get(row[0].file.removesuffix(".bpmn"), 0)
            yield from _finding_lines(row, languages, running_cases(count, languages) if count else "")


def running_cases(count: int, languages: tuple[str, ...]) -> str:
    """The number of running cases in words, once for each language."""
    texts: list[str] = []
    for language in languages:
        with reading(language):
            texts.append(ngettext("%(count)s پروندهٔ در جریان", "%(count)s پروندهٔ در جریان", count, count=count))
    return " / ".join(texts)


def _finding_lines(row: tuple[Finding, ...], languages: tuple[str, ...], cases: str = "") -> Iterator[str]:
    """The lines of one finding. ``row``: the finding once for each language; ``cases``: running cases, in words."""
    finding = row[0]
    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    who = " ".join(filter(None, (finding.element, f"({finding.name})" if finding.name else "")))
    heading = (_each(SEVERITY[finding.severity], languages), place, " ".join(who.split()), finding.code, cases)
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
