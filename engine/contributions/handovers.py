"""Handovers: what a process does when a lane of its case leaves the person it is bound to, because a role is taken.

The engine moves the lane and its tasks by itself. A process registers a handover where more hangs on the person:
records that name them, or a way to find somebody else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.contributions.operations import OperationContext
from engine.contributions.renames import Renames

HandOver = Callable[[OperationContext, int], None]
End = Callable[[OperationContext, str], None]


@dataclass(frozen=True)
class Handover:
    """``to_colleague`` gives the case to another person; ``end`` takes it away and lets the process find another.

    Without ``end`` the case waits for its person, or for a supervisor. Both may raise ``Refusal``, at "".
    """

    to_colleague: HandOver | None = None
    end: End | None = None


class Handovers:
    """The registry of handovers, by process and role of the lane."""

    def __init__(self, renames: Renames | None = None) -> None:
        self._handovers: dict[tuple[str, str], Handover] = {}
        self._renames = renames or Renames()

    def register(
        self, process: str, role: str, *, to_colleague: HandOver | None = None, end: End | None = None
    ) -> None:
        """Say what happens to a lane of cases of ``process``. Raises ``ValueError`` for a second registration."""
        if (process, role) in self._handovers:
            raise ValueError(f"Two handovers of {process}.{role}")
        self._handovers[process, role] = Handover(to_colleague, end)

    def get(self, process: str, role: str) -> Handover:
        """The handover of a lane, maybe of a process under its former key; one that adds nothing without one."""
        return self._handovers.get((self._renames.process(process), role), Handover())
