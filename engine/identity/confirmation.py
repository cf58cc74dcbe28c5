"""Asking again who is there, before an act that would be bad to leave to whoever sits down at an open browser.

A session is confirmed by signing in, and then by the password or the second factor, for some minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from engine.audit import events, trail
from engine.errors import Refusal
from engine.identity import second_factor
from engine.identity.accounts import Accounts, PasswordRefused, session_of
from engine.identity.second_factor import SecondFactors
from models.account import Person, SignInSession
from models.language import gettext as _


class Confirmation:
    """Commands of confirmations, in the caller's transaction. ``now`` is aware."""

    def __init__(self, accounts: Accounts, factors: SecondFactors, minutes: int) -> None:
        self._accounts = accounts
        self._factors = factors
        self._lives = timedelta(minutes=minutes)

    def counts(self, confirmed_at: datetime | None, *, now: datetime) -> bool:
        """Whether a session that was confirmed at that moment still is."""
        return confirmed_at is not None and confirmed_at + self._lives > now

    def confirm(
        self,
        session: Session,
        token: str,
        person: Person,
        *,
        password: str = "",
        code: str = "",
        address: str,
        now: datetime,
    ) -> None:
        """Confirm a session by the ``password``, or by a ``code`` of the person's second factor.

        Raises ``PasswordRefused`` at ``password``, ``ProofRefused`` at ``code``, ``Refusal`` when both are empty,
        ``TooMany``.
        """
        if password:
            self._check(session, person, password, address=address, now=now)
        elif code and second_factor.of(session, person.id) is not None:
            self._factors.prove(session, person, code, address=address, now=now)
        else:
            raise Refusal({"password": [_("رمز عبور خود را وارد کنید.")]})
        session.execute(update(SignInSession).where(session_of(token)).values(confirmed_at=now))

    def _check(self, session: Session, person: Person, password: str, *, address: str, now: datetime) -> None:
        try:
            self._accounts.demand_password(session, person, password, now=now)
        except PasswordRefused:
            by, about = trail.person(person, address), ("person", person.username)
            trail.record(session, events.CONFIRMATION_FAILED, by, subject=about)
            raise
