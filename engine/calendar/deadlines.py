"""Deadlines in working days: each with its basis, the time and the calendar it was counted from (CAL-1).

An expression passes a deadline on as plain text, ``2026-11-23T09:00:00+00:00``. During a step of a case its
``Deadlines`` map such a text to its basis, whether this step or an earlier one counted it.
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

DEADLINES_KEY = "deadlines"  # in the workflow's data: {text: [start, days, revision]} of deadlines in use


@dataclass(frozen=True)
class Counted:
    """Basis of a deadline: ``days`` working days after ``start``, by the calendar of ``revision``."""

    start: datetime  # aware, in UTC
    days: int
    revision: int

    def stored(self) -> list[Any]:
        """As a JSON list ``[start, days, revision]`` with ``start`` in ISO 8601; the inverse of ``read``."""
        return [self.start.isoformat(), self.days, self.revision]

    @staticmethod
    def columns(counted: Counted | None) -> dict[str, Any]:
        """Values of the columns that rows of timers and tasks share; ``None`` gives empty columns."""
        return {
            "counted_from": counted.start if counted else None,
            "working_days": counted.days if counted else None,
            "calendar_revision": counted.revision if counted else None,
        }

    @classmethod
    def read(cls, stored: list[Any] | None) -> Counted | None:
        """The basis from its JSON list; ``None`` for an empty one."""
        return cls(datetime.fromisoformat(stored[0]), stored[1], stored[2]) if stored else None

    def due(self, calendar: WorkingCalendar) -> datetime:
        """Due time by this calendar, aware, in UTC."""
        return calendar.add_working_days(self.start, self.days)


@dataclass(frozen=True)
class Current:
    """The working calendar and its revision."""

    calendar: WorkingCalendar
    revision: int


class Source(Protocol):
    """Source of the working calendar of a step. ``engine.calendar.office_calendar.OfficeCalendar`` implements it."""

    def read(self, session: Session) -> Current: ...


class Deadlines:
    """Deadlines of one case during a step: the text of each due time with its basis."""

    def __init__(self, session: Session, source: Source) -> None:
        self._session = session
        self._source = source
        self._known: dict[str, Counted] = {}

    @cached_property
    def current(self) -> Current:
        """The calendar of the whole step, read once."""
        return self._source.read(self._session)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Block in which expressions count their deadlines with this object."""
        token = _step.set(self)
        try:
            yield
        finally:
            _step.reset(token)

    def count(self, days: int) -> str:
        """ISO 8601 time, in UTC, that is ``days`` working days after the step."""
        counted = Counted(clock.now(), days, self.current.revision)
        text = counted.due(self.current.calendar).isoformat()
        self._known[text] = counted
        return text

    def read(self, value: Any) -> tuple[Any, Counted | None]:
        """A due time and its basis, recomputed if the calendar has changed since; other values with ``None``."""
        counted = self._known.get(value) if isinstance(value, str) else None
        if counted is None or counted.revision == self.current.revision:
            return value, counted
        return self.due(counted).isoformat(), replace(counted, revision=self.current.revision)

    def due(self, counted: Counted) -> datetime:
        """Due time of a basis by the calendar of this step, aware, in UTC."""
        return counted.due(self.current.calendar)

    def load(self, stored: Mapping[str, list[Any]]) -> None:
        """Load the result of an earlier step's ``in_use``."""
        for text, basis in stored.items():
            counted = Counted.read(basis)
            if counted is not None:
                self._known[text] = counted

    def in_use(self, data: Iterable[Any]) -> dict[str, list[Any]]:
        """Bases of the deadlines that occur as values in the case's ``data``: text → JSON list, for ``load``."""
        if not self._known:
            return {}
        used = {text for values in data for text in _texts(values)}
        return {text: counted.stored() for text, counted in self._known.items() if text in used}


_step: ContextVar[Deadlines | None] = ContextVar("kartabl_deadlines", default=None)


def of_step() -> Deadlines | None:
    """The deadlines of the current step; ``None`` outside a step."""
    return _step.get()


def read(value: Any) -> tuple[Any, Counted | None]:
    """``Deadlines.read`` of the current step. Outside a step every value comes back with ``None``."""
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
