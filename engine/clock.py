"""The time of a step: set once for the whole step, never read from the machine's clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_now: ContextVar[datetime] = ContextVar("kartabl_now")


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Block in which ``now()`` is ``moment``. Raises ``ValueError`` for a naive ``moment``."""
    if moment.tzinfo is None:
        raise ValueError(f"A moment needs a time zone: {moment!r}")
    token = _now.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _now.reset(token)


def now() -> datetime:
    """The time of the step, aware, in UTC. Raises ``RuntimeError`` outside ``at``."""
    try:
        return _now.get()
    except LookupError:
        raise RuntimeError("No moment is set: wrap the step in engine.clock.at(...)") from None
