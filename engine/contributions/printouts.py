"""Printouts of a case as PDF: registered by process and key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.contributions.briefings import BriefingContext
from engine.contributions.renames import Renames
from engine.errors import NotFound


@dataclass(frozen=True)
class Printout:
    """``render`` returns the PDF; ``unavailable`` the reason why there is none yet, in the reader's language.

    ``after_leaving``: also for whoever left the case; it then prints what was theirs (``BriefingContext.left``).
    """

    key: str
    label: Any  # a lazy text
    process: str
    render: Callable[[BriefingContext], bytes]
    unavailable: Callable[[BriefingContext], str | None]
    after_leaving: bool = False


class Printouts:
    """The registry of printouts, by process."""

    def __init__(self, renames: Renames | None = None) -> None:
        self._printouts: dict[tuple[str, str], Printout] = {}
        self._renames = renames or Renames()

    def register(
        self,
        *,
        key: str,
        label: Any,
        process: str,
        unavailable: Callable[[BriefingContext], str | None],
        after_leaving: bool = False,
    ) -> Callable[[Callable[[BriefingContext], bytes]], Callable[[BriefingContext], bytes]]:
        """Decorator: the function renders the printout ``key`` of cases of ``process`` as PDF.

        Raises ``ValueError`` for a second registration.
        """

        def add(render: Callable[[BriefingContext], bytes]) -> Callable[[BriefingContext], bytes]:
            if (process, key) in self._printouts:
                raise ValueError(f"Printout {process}.{key} is registered twice")
            self._printouts[process, key] = Printout(key, label, process, render, unavailable, after_leaving)
            return render

        return add

    def of_process(self, process: str) -> list[Printout]:
        """The printouts of a process, maybe under its former key."""
        present = self._renames.process(process)
        return [printout for printout in self._printouts.values() if printout.process == present]

    def get(self, process: str, key: str) -> Printout:
        """A printout of a process by its key. Raises ``NotFound``."""
        try:
            return self._printouts[self._renames.process(process), key]
        except KeyError:
            raise NotFound("report", key) from None
