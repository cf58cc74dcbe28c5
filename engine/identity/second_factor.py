"""The second factor of an account: an authenticator app's codes or SMS codes, and recovery codes for both.

Whoever comes here has given the password already or is signed in, so a stranger's guesses count against nobody.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from argon2.low_level import Type, hash_secret_raw
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from engine.audit import events, trail
from engine.errors import Refusal, TooMany
from engine.identity import rate_limits, security_messages
from engine.identity.rate_limits import Limit
from engine.identity.sealing import Seal
from engine.identity.security_messages import SecurityEvent
from engine.identity.verification_codes import CODE_AGAIN, Codes
from engine.persistence import advisory_lock, outbox
from models.account import Person, RoleGrant
from models.digits import ascii_digits, clean
from models.language import gettext as _
from models.organisation import Role
from models.second_factor import FactorKind, RecoveryCode, SecondFactor

log = logging.getLogger(__name__)

RECOVERY_CODES = 10
RECOVERY_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # no two that look alike
RECOVERY_LENGTH = 10
OFFER_LIVES = timedelta(minutes=15)
DRIFT = 1  # steps of 30 seconds that a telephone's clock may be off

PROOF = Limit("factor", 5, timedelta(minutes=15))  # for one account from one address
# Six digits can be guessed by many addresses together; a recovery code cannot, and is never stopped by this.
PROOF_PERSON = Limit("factor_person", 50, timedelta(days=1))
PROOF_TOLD = Limit("factor_told", 1, timedelta(days=1))  # messages that somebody has guessed
SMS_AGAIN = Limit("factor_sms", 1, CODE_AGAIN)
SMS_DAY = Limit("factor_sms", 20, timedelta(days=1))


class ProofRefused(Refusal):
    """The code is wrong or was used already; the attempt stays counted."""

    keeps_changes = True


@dataclass(frozen=True)
class State:
    """What a person's second factor is. ``left``: recovery codes that are not used yet."""

    kind: FactorKind
    enrolled_at: datetime
    left: int


def of(session: Session, person_id: int) -> SecondFactor | None:
    """The second factor of a person; ``None``: the password alone signs them in."""
    return session.get(SecondFactor, person_id, populate_existing=True)


def state(session: Session, person_id: int) -> State | None:
    """The second factor of a person for a page."""
    factor = of(session, person_id)
    if factor is None:
        return None
    unused = select(func.count()).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
    return State(FactorKind(factor.kind), factor.enrolled_at, session.scalar(unused) or 0)


def is_compulsory(session: Session, person_id: int) -> bool:
    """Whether a role of the person demands a second factor."""
    demanding = (
        select(Role.key)
        .join(RoleGrant, RoleGrant.role == Role.key)
        .where(RoleGrant.person_id == person_id, Role.second_factor)
        .limit(1)
    )
    return session.scalar(demanding) is not None


def enrolled(session: Session, role: str) -> tuple[int, int]:
    """How many active people hold a role, and how many of them have a second factor."""
    holders = (
        select(func.count(Person.id.distinct()), func.count(SecondFactor.person_id.distinct()))
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .outerjoin(SecondFactor, SecondFactor.person_id == Person.id)
        .where(RoleGrant.role == role, Person.active)
    )
    everybody, with_factor = session.execute(holders).one()
    return everybody, with_factor


def remove(session: Session, person_id: int) -> bool:
    """Remove a person's second factor with its recovery codes. Returns whether there was one."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
    removed = session.execute(delete(SecondFactor).where(SecondFactor.person_id == person_id))
    return bool(getattr(removed, "rowcount", 0))


def app_address(secret: str, username: str) -> str:
    """What the QR code says to an authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name="Kartabl")


class SecondFactors:
    """Commands of second factors, in the caller's transaction. ``now`` is aware.

    ``clock`` is the real time: a telephone knows nothing of a clock that a demo has put ahead.
    """

    def __init__(self, secret_key: str, clock: Callable[[], datetime]) -> None:
        self._seal = Seal(secret_key, "second factors")
        self._offers = Seal(secret_key, "offers of second factors")
        self._codes = Codes(secret_key)
        self._clock = clock

    # Enrolling

    def offer(self, person_id: int) -> str:
        """A new secret for an authenticator app, sealed for this person. It counts once ``enrol_app`` saw its code."""
        until = int((self._clock() + OFFER_LIVES).timestamp())
        return self._offers.sealed(f"{until}|{pyotp.random_base32()}", str(person_id))

    def offered_secret(self, person_id: int, offer: str) -> str | None:
        """The secret of an offer; ``None`` when it is another person's or too old."""
        until, _bar, secret = (self._offers.opened(offer, str(person_id)) or "0|").partition("|")
        return secret if secret and int(until) > self._clock().timestamp() else None

    def enrol_app(
        self, session: Session, person: Person, offer: str, typed: str, *, address: str, now: datetime
    ) -> list[str]:
        """Enrol an authenticator app that shows the offer's codes, in the place of what was enrolled before.

        Returns new recovery codes, which the database has only as hashes. Raises ``Refusal`` at ``code``.
        """
        secret = self.offered_secret(person.id, offer)
        if secret is None:
            raise Refusal({"code": [_("این کد QR دیگر معتبر نیست. کد QR جدید را اسکن کنید.")]})
        step = _step(secret, _digits(typed), self._clock())
        if step is None:
            raise Refusal({"code": [_wrong_app_code()]})
        return self._enrol(session, person, FactorKind.TOTP, address=address, now=now, secret=secret, last_step=step)

    def enrol_sms(self, session: Session, person: Person, typed: str, *, address: str, now: datetime) -> list[str]:
        """Enrol codes by SMS, once one of ``send_code`` was typed. Returns as ``enrol_app``.

        Raises ``Refusal`` at ``code``.
        """
        self._use_sms(session, person, typed, now=now)
        return self._enrol(session, person, FactorKind.SMS, address=address, now=now)

    def send_code(self, session: Session, person: Person, *, address: str, now: datetime) -> None:
        """Send an SMS code for enrolling or for a proof. Raises ``TooMany``; ``Refusal`` without a mobile."""
        if not person.mobile:
            raise Refusal({"": [_("برای حساب شما شمارهٔ همراه ثبت نشده است. به مدیر سامانه اطلاع دهید.")]})
        advisory_lock.acquire(session, _lock(person.id))
        rate_limits.demand(session, SMS_AGAIN, str(person.id), now=now)
        rate_limits.demand(session, SMS_DAY, str(person.id), now=now)
        rate_limits.count(session, SMS_DAY.kind, str(person.id), now=now)
        self._codes.send(session, person.mobile, _purpose(person), now=now)

    def code_was_sent(self, session: Session, person: Person, *, now: datetime) -> bool:
        """Whether a code of ``send_code`` was sent lately and is not used yet; it may be too old to count."""
        return bool(person.mobile) and self._codes.was_sent(session, person.mobile or "", _purpose(person), now=now)

    def new_recovery_codes(self, session: Session, person: Person, *, address: str) -> list[str]:
        """New recovery codes in the place of all former ones. Returns as ``enrol_app``. Raises ``Refusal``."""
        codes, salt, hashes = _recovery_codes()
        advisory_lock.acquire(session, _lock(person.id))
        factor = of(session, person.id)
        if factor is None:
            raise Refusal({"": [_("ورود دومرحله‌ای برای این حساب فعال نیست.")]})
        factor.recovery_salt = salt
        self._write_recovery(session, person.id, hashes)
        _record(session, events.RECOVERY_CODES_MADE, person, address)
        return codes

    def turn_off(self, session: Session, person: Person, *, address: str, now: datetime) -> None:
        """Remove one's own second factor, and tell the person. Raises ``Refusal`` while a role demands it."""
        if is_compulsory(session, person.id):
            raise Refusal({"": [_("نقش شما ورود دومرحله‌ای را الزامی می‌کند و نمی‌توانید آن را غیرفعال کنید.")]})
        advisory_lock.acquire(session, _lock(person.id))
        if remove(session, person.id):
            _record(session, events.SECOND_FACTOR_REMOVED, person, address)
            security_messages.send(session, person.id, SecurityEvent.SECOND_FACTOR_OFF, now=now, address=address)

    def _enrol(
        self,
        session: Session,
        person: Person,
        kind: FactorKind,
        *,
        address: str,
        now: datetime,
        secret: str = "",
        last_step: int = 0,
    ) -> list[str]:
        codes, salt, hashes = _recovery_codes()
        advisory_lock.acquire(session, _lock(person.id))
        known = of(session, person.id)
        if known is not None and kind is FactorKind.TOTP and known.last_step >= last_step:
            raise Refusal({"code": [_wrong_app_code()]})  # the same form, sent twice
        factor = known or SecondFactor(person_id=person.id)
        factor.kind, factor.last_step, factor.recovery_salt, factor.enrolled_at = kind, last_step, salt, now
        factor.secret = self._seal.sealed(secret, str(person.id)) if secret else ""
        session.add(factor)
        session.flush()
        self._write_recovery(session, person.id, hashes)
        _record(session, events.SECOND_FACTOR_ENROLLED, person, address, after={"kind": kind.value})
        security_messages.send(session, person.id, SecurityEvent.SECOND_FACTOR_ON, now=now, address=address)
        return codes

    def _write_recovery(self, session: Session, person_id: int, hashes: list[str]) -> None:
        session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))
        session.add_all(RecoveryCode(person_id=person_id, code_hash=one) for one in hashes)
        session.flush()

    # Proving

    def prove(self, session: Session, person: Person, typed: str, *, address: str, now: datetime) -> None:
        """Prove the second factor with its code or with a recovery code; each works once.

        Raises ``ProofRefused`` at ``code``, ``TooMany``. Guesses are counted for the account and the address; those
        of six digits from all addresses together, too, which leaves the recovery codes open to their owner.
        """
        key = f"{rate_limits.subscriber(address)}|{person.id}"
        factor = of(session, person.id)
        code = _digits(typed)
        short = re.fullmatch("[0-9]{6}", code) is not None
        code_hash = "" if short or factor is None else _recovery_hash(_recovery(typed), factor.recovery_salt)
        advisory_lock.acquire(session, _lock(person.id))  # from here on simultaneous tries run one after the other
        rate_limits.demand(session, PROOF, key, now=now)
        if short:
            rate_limits.demand(session, PROOF_PERSON, str(person.id), now=now)
        factor = of(session, person.id)
        proved = factor is not None and (
            self._proves(session, person, factor, code, now=now)
            if short
            else _uses_recovery(session, person.id, code_hash, now=now)
        )
        if not proved:
            self._count(session, person, key, short=short, now=now)
            raise ProofRefused({"code": [_wrong_proof(factor, short)]})
        rate_limits.forget(session, PROOF.kind, key)

    def _proves(self, session: Session, person: Person, factor: SecondFactor, code: str, *, now: datetime) -> bool:
        if factor.kind == FactorKind.SMS:
            try:
                self._use_sms(session, person, code, now=now)
            except Refusal:
                return False
            return True
        secret = self._seal.opened(factor.secret, str(person.id))
        if secret is None:
            log.error("The second factor of person %s cannot be opened with this installation's secret key", person.id)
            return False
        step = _step(secret, code, self._clock())
        return step is not None and _first_use(session, person.id, step)

    def _use_sms(self, session: Session, person: Person, typed: str, *, now: datetime) -> None:
        self._codes.use(session, person.mobile or "", _purpose(person), typed, now=now)

    def _count(self, session: Session, person: Person, key: str, *, short: bool, now: datetime) -> None:
        """Count a wrong code; tell the person once a day that somebody who knows the password is guessing."""
        rate_limits.count(session, PROOF.kind, key, now=now)
        if short:
            rate_limits.count(session, PROOF_PERSON.kind, str(person.id), now=now)
        try:
            rate_limits.demand(session, PROOF, key, now=now)
        except TooMany:
            with suppress(TooMany):
                rate_limits.demand(session, PROOF_TOLD, str(person.id), now=now)
                rate_limits.count(session, PROOF_TOLD.kind, str(person.id), now=now)
                outbox.notify(session, None, person.id, *_guessed(), at=now)


def _guessed() -> tuple[str, str]:
    """The message to somebody whose password is known to whoever guesses their codes."""
    return (
        _("چند کد نادرست برای ورود به حساب شما"),
        _(
            "کسی رمز عبور حساب شما را درست وارد کرد و سپس چند بار کد ورود دومرحله‌ای را نادرست نوشت. "
            "اگر خودتان نبوده‌اید، رمز عبورتان را تغییر دهید."
        ),
    )


def _wrong_proof(factor: SecondFactor | None, short: bool) -> str:
    if not short:
        return _("کد بازیابی درست نیست یا قبلاً استفاده شده است.")
    if factor is not None and factor.kind == FactorKind.SMS:
        return _("کد درست نیست یا زمان آن گذشته است. کد آخرین پیامک را وارد کنید یا کد جدید بخواهید.")
    return _wrong_app_code()


def _wrong_app_code() -> str:
    return _(
        "کد درست نیست یا قبلاً استفاده شده است. کدی را که اکنون در برنامه می‌بینید وارد کنید؛ "
        "ساعت گوشی شما باید دقیق باشد."
    )


def _step(secret: str, code: str, at: datetime) -> int | None:
    """The step of 30 seconds to which a code belongs, one that is at most ``DRIFT`` off."""
    totp = pyotp.TOTP(secret)
    present = totp.timecode(at)
    steps = range(present - DRIFT, present + DRIFT + 1)
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)), None)


def _first_use(session: Session, person_id: int, step: int) -> bool:
    """Note that the code of a step was used. Returns False if it, or a later one, was used before."""
    used = session.execute(
        update(SecondFactor)
        .where(SecondFactor.person_id == person_id, SecondFactor.last_step < step)
        .values(last_step=step)
    )
    return bool(getattr(used, "rowcount", 0))


def _uses_recovery(session: Session, person_id: int, code_hash: str, *, now: datetime) -> bool:
    used = session.execute(
        update(RecoveryCode)
        .where(RecoveryCode.person_id == person_id, RecoveryCode.code_hash == code_hash, RecoveryCode.used_at.is_(None))
        .values(used_at=now)
    )
    return bool(getattr(used, "rowcount", 0))


def _recovery_codes() -> tuple[list[str], str, list[str]]:
    """New codes as people read them, the salt of their hashes, and the hashes."""
    salt = secrets.token_hex(16)
    plain = [
        "".join(secrets.choice(RECOVERY_ALPHABET) for _n in range(RECOVERY_LENGTH)) for _m in range(RECOVERY_CODES)
    ]
    half = RECOVERY_LENGTH // 2
    return [f"{one[:half]}-{one[half:]}" for one in plain], salt, [_recovery_hash(one, salt) for one in plain]


def _recovery(typed: str) -> str:
    """A recovery code as it was typed, without the dash and in small letters."""
    return re.sub("[^a-z0-9]", "", _digits(typed).lower())


def _recovery_hash(code: str, salt: str) -> str:
    return hash_secret_raw(
        code.encode(), bytes.fromhex(salt), time_cost=2, memory_cost=19456, parallelism=1, hash_len=32, type=Type.ID
    ).hex()


def _digits(typed: str) -> str:
    return "".join(ascii_digits(clean(typed[:50])).split())


def _record(session: Session, event: str, person: Person, address: str, *, after: dict[str, str] | None = None) -> None:
    """Record what a person did with their own account."""
    trail.record(session, event, trail.person(person, address), subject=("person", person.username), after=after)


def _purpose(person: Person) -> str:
    """Whose code it is: several accounts may have one mobile."""
    return f"factor:{person.id}"


def _lock(person_id: int) -> str:
    return f"factor|{person_id}"
