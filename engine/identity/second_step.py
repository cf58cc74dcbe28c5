"""Signing in with a second factor: between the password and the code there is only half a session.

A half session is found by nobody but this module, so it opens no page and no call.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from engine.audit import events, trail
from engine.errors import EngineError, TooMany
from engine.identity import second_factor
from engine.identity.accounts import Accounts, SignInRefused, session_of
from engine.identity.second_factor import ProofRefused, SecondFactors
from models.account import Person, SessionKind, SignInSession
from models.second_factor import FactorKind


class SecondFactorRequired(EngineError):
    """The password is right, and the account has a second factor whose code was not given."""

    code = "second_factor_required"
    keeps_changes = True  # a code that was sent stays sent

    def __init__(self, kind: FactorKind) -> None:
        super().__init__(f"A code is required: {kind}")
        self.kind = kind


class SecondStep:
    """Commands of the second step, in the caller's transaction. ``now`` is aware."""

    def __init__(self, accounts: Accounts, factors: SecondFactors) -> None:
        self._accounts = accounts
        self._factors = factors

    def waiting(self, session: Session, token: str, *, now: datetime) -> tuple[Person, FactorKind] | None:
        """Whose code a half session waits for, and how it is proved; ``None`` if there is no such session."""
        found = session.execute(
            select(SignInSession, Person)
            .join(Person, Person.id == SignInSession.person_id)
            .where(session_of(token), SignInSession.kind == SessionKind.HALF)
        ).first()
        if found is None or found[0].expires_at <= now or not found[1].active:
            return None
        factor = second_factor.of(session, found[1].id)
        return (found[1], FactorKind(factor.kind)) if factor is not None else None

    def begin(
        self, session: Session, token: str, *, address: str, now: datetime, kind: str = SessionKind.BROWSER
    ) -> FactorKind | None:
        """After the password: send the code if it goes by SMS. Returns how to prove; ``None`` for a whole session.

        That somebody came so far is recorded: who has a stolen password goes no further. ``kind``: browser or api.
        """
        found = self.waiting(session, token, now=now)
        if found is None:
            return None
        person, factor = found
        by_provider = session.scalar(select(SignInSession.by_provider).where(session_of(token)))
        event, about = events.PROVIDER_ONLY if by_provider else events.PASSWORD_ONLY, ("person", person.username)
        by = {"by": str(kind), "step": factor.value}
        trail.record(session, event, trail.stranger(address), subject=about, after=by)
        if factor is FactorKind.SMS and person.mobile:
            with suppress(TooMany):  # one was sent just now
                self._factors.send_code(session, person, address=address, now=now)
        return factor

    def send_code(self, session: Session, token: str, *, address: str, now: datetime) -> None:
        """Send a new SMS code. Raises ``SignInRefused`` without a half session, ``TooMany``, ``Refusal``."""
        found = self.waiting(session, token, now=now)
        if found is None:
            raise SignInRefused
        self._factors.send_code(session, found[0], address=address, now=now)

    def finish(
        self,
        session: Session,
        token: str,
        code: str,
        *,
        address: str,
        now: datetime,
        kind: str = SessionKind.BROWSER,
        device: str | None = None,
        agent: str = "",
    ) -> tuple[Person, str]:
        """Prove the second factor. Returns the person and the token of a whole session, a new one.

        The ``device`` of a browser, its token, is remembered as one of the account.

        Raises ``SignInRefused`` without a half session, ``ProofRefused`` at ``code``, ``TooMany``.
        """
        found = self.waiting(session, token, now=now)
        if found is None:
            raise SignInRefused
        person, factor = found
        about, by = ("person", person.username), {"by": str(kind), "step": factor.value}
        try:
            self._factors.prove(session, person, code, address=address, now=now)
        except ProofRefused:
            trail.record(session, events.SIGN_IN_FAILED, trail.stranger(address), subject=about, after=by)
            raise
        by_provider = session.scalar(select(SignInSession.by_provider).where(session_of(token)))
        if by_provider is None:  # finished in another window meanwhile
            raise SignInRefused
        session.execute(delete(SignInSession).where(session_of(token)))
        trail.record(session, events.SIGNED_IN, trail.person(person, address), subject=about, after=by)
        whole = self._accounts.open_session(
            session,
            person,
            now=now,
            kind=kind,
            proved=True,
            by_provider=by_provider,
            device=device,
            address=address,
            agent=agent,
        )
        return person, whole
