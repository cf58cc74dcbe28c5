"""A clock for tests: it stands still until it is moved."""

from __future__ import annotations

from datetime import datetime, timedelta


class StandingClock:
    """Gives the same moment (aware, UTC) until somebody moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, length: timedelta) -> None:
        self.now += length
