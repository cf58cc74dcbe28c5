"""The clock of the demo and staging modes: real time plus an offset that people set.

With it a deadline of two working days can be watched in a minute. All processes share the offset in one row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.orm import Session, sessionmaker

from engine.actor import Actor
from engine.audit import events, trail
from engine.calendar.office_calendar import OfficeCalendar
from engine.errors import InvalidSubmission
from engine.identity.permissions import demand
from engine.persistence import upsert
from models.account import Attempt, SignInSession, VerificationCode
from models.digits import ascii_digits
from models.job import Job, JobKind, WorkerBeat
from models.language import gettext as _
from models.outbox import Sms
from models.staging import ONLY, ClockAhead

MAX_AHEAD = timedelta(days=731)
KNOWN_FOR = timedelta(seconds=1)  # of real time: another process sees a moved clock at most this late
NOTHING = timedelta(0)
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_PARTS = re.compile(r"(?:\d{1,4}[dhm])+")
_WORKING_DAYS = re.compile(r"(\d{1,3})wd")

Clock = Callable[[], datetime]


class StagingClock:
    """Clock of the staging mode: returns aware times in UTC. Never runs backwards, except after ``reset``."""

    def __init__(self, real: Clock, sessions: sessionmaker[Session]) -> None:
        self.real = real
        self._sessions = sessions
        self._known: tuple[datetime, timedelta] | None = None  # time of reading, offset

    def __call__(self) -> datetime:
        return self.real() + self.ahead()

    def ahead(self) -> timedelta:
        """Offset from real time; while the database is unreachable, the last known one."""
        known, now = self._known, self.real()
        if known is not None and NOTHING <= now - known[0] < KNOWN_FOR:
            return known[1]
        ahead = known[1] if known else NOTHING
        try:
            with self._sessions() as session:
                ahead = _read(session)
        except (OperationalError, ProgrammingError):
            pass  # unreachable, or without tables yet: the caller's own query fails with the reason
        self._known = (self.real(), ahead)
        return ahead

    def advance(self, length: timedelta, *, by: Actor, seen: timedelta | None = None) -> timedelta:
        """Increase the clock's offset by ``length``. Returns the new offset.

        ``seen``: the offset when the person decided. Raises ``NotAllowed``, and ``InvalidSubmission`` for a
        length that is not positive or too long, and if somebody else has moved the clock since.
        """
        demand(by, "advance_clock")
        if length <= NOTHING:
            raise InvalidSubmission({"length": [_("ساعت فقط جلو می‌رود: مدتی بیش از صفر وارد کنید.")]})
        with self._sessions.begin() as session:
            row = self._locked(session)
            before = timedelta(seconds=row.seconds)
            if seen is not None and seen != before:
                raise InvalidSubmission({"length": [_("در این فاصله شخص دیگری ساعت را جلو برده است.")]})
            if before + length > MAX_AHEAD:
                raise InvalidSubmission({"length": [_("ساعت را بیش از دو سال نمی‌توان جلو برد.")]})
            _move_sign_ins(session, length, valid_at=self.real() + before)
            self._write(session, row, before + length, by)
        self._known = None
        return self.ahead()

    def reset(self, *, by: Actor) -> timedelta:
        """Set the clock to real time. Returns the former offset. Recorded times stay.

        Timers keep their due times and fire when real time reaches them. Raises ``NotAllowed``.
        """
        demand(by, "advance_clock")
        with self._sessions.begin() as session:
            row = self._locked(session)
            before = timedelta(seconds=row.seconds)
            if before:
                _move_sign_ins(session, -before, valid_at=self.real() + before)
                _release(session, self.real())
            self._write(session, row, NOTHING, by)
        self._known = None
        return before

    def _locked(self, session: Session) -> ClockAhead:
        upsert.add_once(session, ClockAhead, id=ONLY, seconds=0, changed_at=self.real(), changed_by="")
        return session.get_one(ClockAhead, ONLY, with_for_update=True)

    def _write(self, session: Session, row: ClockAhead, ahead: timedelta, by: Actor) -> None:
        before, after = {"seconds": row.seconds}, {"seconds": ceil(ahead.total_seconds())}
        if before != after:
            trail.record(session, events.CLOCK_MOVED, by, subject=("clock", ""), before=before, after=after)
        row.seconds, row.changed_at, row.changed_by = ceil(ahead.total_seconds()), self.real(), by.username


def length_of(text: str, *, now: datetime, calendar: OfficeCalendar) -> timedelta:
    """Parse a length: ``3d``, ``4h``, ``90m``, ``1d12h``, or working days after ``now``, ``2wd``.

    Raises ``InvalidSubmission``.
    """
    folded = ascii_digits(text).replace(" ", "").lower()
    if match := _WORKING_DAYS.fullmatch(folded):
        return calendar.add_working_days(now, int(match[1])) - now
    if not _PARTS.fullmatch(folded):
        raise InvalidSubmission({"length": [_("مدت را مانند 3d، 4h، 90m یا 2wd (روز کاری) وارد کنید.")]})
    parts = re.findall(r"(\d+)([dhm])", folded)
    return sum((timedelta(**{UNITS[unit]: int(number)}) for number, unit in parts), NOTHING)


def _read(session: Session) -> timedelta:
    query = select(ClockAhead.seconds).where(ClockAhead.id == ONLY)
    return timedelta(seconds=session.execute(query).scalar() or 0)


def _move_sign_ins(session: Session, length: timedelta, *, valid_at: datetime) -> None:
    """Shift the times of sign-ins with the clock, so that nobody is signed out by the move."""
    for row in session.scalars(select(SignInSession).where(SignInSession.expires_at > valid_at)):
        row.created_at += length
        row.seen_at += length
        row.expires_at += length
        row.confirmed_at = row.confirmed_at and row.confirmed_at + length


def _release(session: Session, now: datetime) -> None:
    """Release what would wait for a time in the future after the reset: limits, retries, leases, heartbeats."""
    session.execute(delete(Attempt).where(Attempt.at > now))
    session.execute(delete(VerificationCode).where(VerificationCode.sent_at > now))
    session.execute(delete(WorkerBeat).where(WorkerBeat.at > now))
    free = {"lease_owner": None, "lease_until": None}
    session.execute(update(Job).where(Job.run_at > now, Job.kind != JobKind.TIMER).values(run_at=now))
    session.execute(update(Job).where(Job.lease_until > now).values(free))
    session.execute(update(Sms).where(Sms.next_try_at > now).values(next_try_at=now))
    session.execute(update(Sms).where(Sms.lease_until > now).values(free))
