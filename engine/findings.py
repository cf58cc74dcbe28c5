"""The one form in which every check of diagrams and decision tables reports what it finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SEVERITIES = ("error", "fill_in", "changed", "picture", "warning")


@dataclass(frozen=True)
class Finding:
    """A problem of a file, or a change made to it, at one element.

    ``severity``: error (the file is not deployed) or warning; of an imported file also fill_in (deployable, to be
    completed before it does real work), changed (normalised) and picture (kept in the drawing, never run).
    """

    code: str  # of the check, for programs; never translated and never reused for another check
    element: str  # the element's id; "" for the whole file
    severity: str
    text: str  # what is wrong and what to do, in the reader's language
    file: str = ""  # filled in by whoever checks a bundle of files
    name: str = ""  # the element's name in the diagram
    line: int = 0  # of the element in the file; 0: unknown

    def __str__(self) -> str:
        place = f"{self.file}: {self.element}" if self.element else self.file
        return f"{place}: {self.text}"


def error(code: str, element: str, text: str) -> Finding:
    """A finding that keeps the file from being deployed."""
    return Finding(code, element, "error", text)


def warning(code: str, element: str, text: str) -> Finding:
    """A finding that is shown and keeps nothing from being deployed."""
    return Finding(code, element, "warning", text)


def is_sound(findings: Iterable[Finding]) -> bool:
    """Whether none of the findings is an error."""
    return all(finding.severity != "error" for finding in findings)
