"""What every harness of ``make prove`` gives back, and what its module offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

DATABASES = ("sqlite", "postgresql")


@dataclass(kw_only=True)
class Verdict:
    """The outcome of one harness on one database.

    ``violations``: a sentence for each promise that was broken; none may be. ``twin``: what the naive twin did in
    the same harness, and ``twin_caught`` whether the harness saw it: one that does not proves nothing (G16).
    """

    harness: str
    database: str
    seed: int
    numbers: dict[str, int | float | str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    twin: str = ""
    twin_caught: bool = False
    seconds: float = 0.0  # filled in by the runner

    @property
    def holds(self) -> bool:
        return not self.violations and self.twin_caught


class Harness(Protocol):
    """A module of this package. ``database`` is one of ``DATABASES``; ``short`` is the form for CI, within a minute."""

    NAME: str

    def prove(self, database: str, *, short: bool, seed: int) -> Verdict: ...
