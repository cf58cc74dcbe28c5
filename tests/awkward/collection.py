"""More than two hundred files that go wrong somewhere, each with what has to become of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.awkward import drawn, files
from tests.awkward.expected import Awkward

DIALECTS = Path(__file__).parent / "dialects"
REFUSED_DIALECTS = {
    "signavio_choice_into_join": ("sid-j", "بن‌بست"),
}  # file → element and a part of what is said of it
PARTS = (
    files.broken,
    files.encodings,
    files.giants,
    files.hostile,
    files.identifiers,
    drawn.flows,
    drawn.pictures,
    drawn.constructs,
    drawn.events,
    drawn.references,
    drawn.expressions,
    drawn.deadlocks,
)


def collection() -> Iterator[Awkward]:
    for part in PARTS:
        yield from part()
    for path in sorted(DIALECTS.glob("*.bpmn")):
        refused = REFUSED_DIALECTS.get(path.stem)
        yield Awkward(path.stem, path.read_bytes(), refused is None, *(refused or ()))
