"""The clock of demonstrations and staging: real time, and as much more as people have put it ahead.

So a deadline of two working days can be watched in a minute. How far it is ahead is a row that all processes share.
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
from engine.calendar.office_calendar import OfficeCalendar
from engine.errors import InvalidSubmission
from engine.identity.permissions import demand
from models.account import Attempt, SignInSession, VerificationCode
from models.digits import ascii_digits
from models.job import Job, JobKind, WorkerBeat
from models.language import gettext as _
from models.outbox import Sms
from models.staging import ONLY, ClockAhead

MAX_AHEAD = timedelta(days=731)
KNOWN_FOR = timedelta(seconds=1)  # of real time: so late does another process learn that the clock was moved
NOTHING = timedelta(0)
UNITS = {"d": "days", "h": "hours", "m": "minutes"}
_PARTS = re.compile(r"(?:\d{1,4}[dhm])+")
_WORKING_DAYS = re.compile(r"(\d{1,3})wd")

Clock = Callable[[], datetime]


class StagingClock:
    """Gives the moment that the application goes by. It only goes forward, but for ``reset``."""

    def __init__(self, real: Clock, sessions: sessionmaker[Session]) -> None:
        self.real = real
        self._sessions = sessions
        self._known: tuple[datetime, timedelta] | None = None  # when it was read, how far ahead

    def __call__(self) -> datetime:
        return self.real() + self.ahead()

    def ahead(self) -> timedelta:
        """How far the clock is ahead of real time; while the database is away, as far as it last was."""
        known, now = self._known, self.real()
        if known is not None and NOTHING <= now - known[0] < KNOWN_FOR:
            return known[1]
        ahead = known[1] if known else NOTHING
        try:
            with self._sessions() as session:
                ahead = _read(session)
        except (OperationalError, ProgrammingError):
            pass  # it is away, or has no tables yet: whoever asked finds out by its own query
        self._known = (self.real(), ahead)
        return ahead

    def advance(self, length: timedelta, *, by: Actor, seen: timedelta | None = None) -> timedelta:
        """Put the clock ahead by so much more; returns how far it is ahead now.

        ``seen``: how far it was ahead when the person decided. Raises ``NotAllowed``, and ``InvalidSubmission``
        for no or too long a time and when somebody else has moved the clock since.
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
            self._write(row, before + length, by)
        self._known = None
        return self.ahead()

    def reset(self, *, by: Actor) -> timedelta:
        """Back to real time; returns how far ahead it was. What happened in between keeps its moment.

        Timers keep the moment for which they were set, and fire when it really comes. Raises ``NotAllowed``.
        """
        demand(by, "advance_clock")
        with self._sessions.begin() as session:
            row = self._locked(session)
            before = timedelta(seconds=row.seconds)
            if before:
                _move_sign_ins(session, -before, valid_at=self.real() + before)
                _let_go(session, self.real())
            self._write(row, NOTHING, by)
        self._known = None
        return before

    def _locked(self, session: Session) -> ClockAhead:
        found = session.get(ClockAhead, ONLY, with_for_update=True)
        if found is None:
            found = ClockAhead(id=ONLY, seconds=0, changed_at=self.real())
            session.add(found)
            session.flush()
        return found

    def _write(self, row: ClockAhead, ahead: timedelta, by: Actor) -> None:
        row.seconds, row.changed_at, row.changed_by = ceil(ahead.total_seconds()), self.real(), by.username


def length_of(text: str, *, now: datetime, calendar: OfficeCalendar) -> timedelta:
    """``3d``, ``4h``, ``90m``, ``1d12h``, or working days after ``now``: ``2wd``. Raises ``InvalidSubmission``."""
    wanted = ascii_digits(text).replace(" ", "").lower()
    if found := _WORKING_DAYS.fullmatch(wanted):
        return calendar.add_working_days(now, int(found[1])) - now
    if not _PARTS.fullmatch(wanted):
        raise InvalidSubmission({"length": [_("مدت را مانند 3d، 4h، 90m یا 2wd (روز کاری) وارد کنید.")]})
    parts = re.findall(r"(\d+)([dhm])", wanted)
    return sum((timedelta(**{UNITS[unit]: int(number)}) for number, unit in parts), NOTHING)


def _read(session: Session) -> timedelta:
    asked = select(ClockAhead.seconds).where(ClockAhead.id == ONLY)
    return timedelta(seconds=session.execute(asked).scalar() or 0)


def _move_sign_ins(session: Session, length: timedelta, *, valid_at: datetime) -> None:
    """Whoever is signed in stays so: nobody was away for as long as the clock was moved."""
    for row in session.scalars(select(SignInSession).where(SignInSession.expires_at > valid_at)):
        row.created_at += length
        row.seen_at += length
        row.expires_at += length


def _let_go(session: Session, now: datetime) -> None:
    """What would wait until its moment really comes, though nobody meant it to: limits, retries, leases, beats."""
    session.execute(delete(Attempt).where(Attempt.at > now))
    session.execute(delete(VerificationCode).where(VerificationCode.sent_at > now))
    session.execute(delete(WorkerBeat).where(WorkerBeat.at > now))
    free = {"lease_owner": None, "lease_until": None}
    session.execute(update(Job).where(Job.run_at > now, Job.kind != JobKind.TIMER).values(run_at=now))
    session.execute(update(Job).where(Job.lease_until > now).values(free))
    session.execute(update(Sms).where(Sms.next_try_at > now).values(next_try_at=now))
    session.execute(update(Sms).where(Sms.lease_until > now).values(free))
