"""Deadlines in working days: what each was counted from, kept beside the moment it came to (CAL-1).

An expression hands a deadline on as plain text, ``2026-11-23T09:00:00+00:00``. While a case's step runs, its
``Deadlines`` are in force and know of such a text how it was made: at once, or in an earlier step of the case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy.orm import Session

from engine import clock
from engine.calendar.working_time import WorkingCalendar

DEADLINES_KEY = "deadlines"  # what the case's data still holds, kept beside the tokens: {text: [from, days, revision]}


@dataclass(frozen=True)
class Counted:
    """So many working days after a moment, by the calendar of a revision."""

    start: datetime  # aware, in UTC
    days: int
    revision: int

    def stored(self) -> list[Any]:
        """As JSON; ``read`` gives it back."""
        return [self.start.isoformat(), self.days, self.revision]

    @staticmethod
    def columns(counted: Counted | None) -> dict[str, Any]:
        """What the rows of timers and tasks keep of it."""
        return {
            "counted_from": counted.start if counted else None,
            "working_days": counted.days if counted else None,
            "calendar_revision": counted.revision if counted else None,
        }

    @classmethod
    def read(cls, stored: list[Any] | None) -> Counted | None:
        return cls(datetime.fromisoformat(stored[0]), stored[1], stored[2]) if stored else None

    def due(self, calendar: WorkingCalendar) -> datetime:
        return calendar.add_working_days(self.start, self.days)


@dataclass(frozen=True)
class Current:
    """The calendar as it is at the moment, and which of its revisions that is."""

    calendar: WorkingCalendar
    revision: int


class Source(Protocol):
    """Where a step gets the calendar from; ``engine.calendar.office_calendar.OfficeCalendar`` is one."""

    def read(self, session: Session) -> Current: ...


class Deadlines:
    """The deadlines that a step of one case meets."""

    def __init__(self, session: Session, source: Source) -> None:
        self._session = session
        self._source = source
        self._known: dict[str, Counted] = {}

    @cached_property
    def current(self) -> Current:
        """The calendar that the whole step goes by."""
        return self._source.read(self._session)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        token = _step.set(self)
        try:
            yield
        finally:
            _step.reset(token)

    def count(self, days: int) -> str:
        """The moment so many working days after the step's own, as text."""
        counted = Counted(clock.now(), days, self.current.revision)
        text = counted.due(self.current.calendar).isoformat()
        self._known[text] = counted
        return text

    def read(self, value: Any) -> tuple[Any, Counted | None]:
        """A due time with what it was counted from: reckoned anew where the calendar has changed since."""
        counted = self._known.get(value) if isinstance(value, str) else None
        if counted is None or counted.revision == self.current.revision:
            return value, counted
        return self.due(counted).isoformat(), replace(counted, revision=self.current.revision)

    def due(self, counted: Counted) -> datetime:
        """When that is by the calendar of this step."""
        return counted.due(self.current.calendar)

    def load(self, stored: Mapping[str, list[Any]]) -> None:
        """Know again what ``kept`` gave in an earlier step."""
        for text, made in stored.items():
            counted = Counted.read(made)
            if counted is not None:
                self._known[text] = counted

    def kept(self, data: Iterable[Any]) -> dict[str, list[Any]]:
        """What has to be known in later steps: the deadlines that are values in the case's ``data``."""
        if not self._known:
            return {}
        used = {text for values in data for text in _texts(values)}
        return {text: counted.stored() for text, counted in self._known.items() if text in used}


_step: ContextVar[Deadlines | None] = ContextVar("kartabl_deadlines", default=None)


def of_step() -> Deadlines | None:
    """The deadlines of the step that runs; ``None`` outside of one."""
    return _step.get()


def read(value: Any) -> tuple[Any, Counted | None]:
    """``Deadlines.read`` of the step; outside of one nothing is known of a value."""
    step = _step.get()
    return step.read(value) if step else (value, None)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
