"""Printouts of a case: named, with the reason why one cannot be had yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.contributions.briefings import BriefingContext
from engine.errors import NotFound


@dataclass(frozen=True)
class Report:
    """``render`` makes the PDF; ``unavailable`` says in the reader's language why it cannot be had, or ``None``."""

    key: str
    label: Any  # a lazy text
    process: str
    render: Callable[[BriefingContext], bytes]
    unavailable: Callable[[BriefingContext], str | None]


class Reports:
    """The registry of printouts, by process."""

    def __init__(self) -> None:
        self._reports: dict[tuple[str, str], Report] = {}
        self._former_processes: Mapping[str, str] = {}

    def rename(self, *, processes: Mapping[str, str]) -> None:
        """Find the printouts of cases that run on under a process's former key. ``processes``: former → present."""
        self._former_processes = processes

    def register(
        self, *, key: str, label: Any, process: str, unavailable: Callable[[BriefingContext], str | None]
    ) -> Callable[[Callable[[BriefingContext], bytes]], Callable[[BriefingContext], bytes]]:
        """Decorator: the function makes the PDF of the printout ``key`` of cases of ``process``."""

        def add(render: Callable[[BriefingContext], bytes]) -> Callable[[BriefingContext], bytes]:
            if (process, key) in self._reports:
                raise ValueError(f"Report {process}.{key} is registered twice")
            self._reports[process, key] = Report(key, label, process, render, unavailable)
            return render

        return add

    def of_process(self, process: str) -> list[Report]:
        """The printouts of a process, maybe under its former key."""
        present = self._former_processes.get(process, process)
        return [report for report in self._reports.values() if report.process == present]

    def get(self, process: str, key: str) -> Report:
        """Raises ``NotFound`` when the process has no such printout."""
        try:
            return self._reports[self._former_processes.get(process, process), key]
        except KeyError:
            raise NotFound("report", key) from None
