"""The moment a step runs at: handed in once for a whole step, never read from the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_now: ContextVar[datetime] = ContextVar("kartabl_now")


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Everything inside happens at ``moment`` (aware): due times are reckoned from it."""
    if moment.tzinfo is None:
        raise ValueError(f"A moment needs a time zone: {moment!r}")
    token = _now.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _now.reset(token)


def now() -> datetime:
    """The moment of the step, aware, in UTC. Outside ``at`` there is none, and asking is a mistake."""
    try:
        return _now.get()
    except LookupError:
        raise RuntimeError("No moment is set: wrap the step in engine.clock.at(...)") from None
