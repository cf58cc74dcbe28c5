"""What has to become of an awkward file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Awkward:
    """``element`` and ``phrase``: where something is found and a part of what it says; an error, if not deployable."""

    name: str
    content: bytes
    deployable: bool
    element: str = ""
    phrase: str = ""

    def __repr__(self) -> str:
        return self.name


def fine(name: str, content: str | bytes) -> Awkward:
    return Awkward(name, content if isinstance(content, bytes) else content.encode(), True)


def refused(name: str, content: str | bytes, phrase: str, element: str = "") -> Awkward:
    return Awkward(name, content if isinstance(content, bytes) else content.encode(), False, element, phrase)


def filled_in(name: str, content: str, element: str) -> Awkward:
    """Deployable, with something that a person has to see or to add at an element."""
    return Awkward(name, content.encode(), True, element)
