"""Accounts: who a person is. Registration with a code, sign-in, sessions, passwords (ACC-1, ACC-2, ACC-3).

Knows no web: addresses and moments are handed in; codes leave through the outbox.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from engine import effects
from engine.errors import EngineError, Refusal, TooMany
from engine.settings import Settings
from models.account import Attempt, Person, RoleGrant, SignInSession, VerificationCode
from models.digits import ascii_digits, clean
from models.language import gettext as _

CODE_LIVES = timedelta(minutes=2)  # ACC-2
CODE_TRIES = 5
CODE_AGAIN = timedelta(seconds=60)
CODES_PER_DAY = 5  # for one mobile
CODES_PER_HOUR = 20  # for one address
SIGN_IN_TRIES = 5
SIGN_IN_WINDOW = timedelta(minutes=15)
PASSWORD_LENGTH = 8
API_TOKEN_LIVES = timedelta(hours=12)

_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# Checked for an unknown user too, so that an answer takes as long whether or not the account exists.
_nobody = _hasher.hash(secrets.token_urlsafe(16))


class SignInRefused(EngineError):
    """User name and password do not fit, or the account is not active: which of them is not told."""

    code = "not_signed_in"
    keeps_changes = True  # the try stays counted

    def __init__(self) -> None:
        super().__init__("Sign-in refused")


class CodeRefused(Refusal):
    """A code does not fit; the try stays counted, or tries would be free."""

    keeps_changes = True


@dataclass(frozen=True)
class Registration:
    """What a citizen registers with (ACC-1)."""

    first_name: str
    last_name: str
    mobile: str  # 09…
    password: str
    kind: str  # kind of user: citizen


def fold_username(typed: str) -> str:
    """A user name in the one form it is stored in: Latin digits, lower case, no spaces (ACC-5)."""
    return ascii_digits(clean(typed)).strip().lower()


class Accounts:
    """The verbs of accounts, in the caller's transaction."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    # Passwords

    def set_password(self, person: Person, password: str, *, must_change: bool = False) -> None:
        """Give a person a password. Raises ``Refusal`` at ``password`` when it is too weak."""
        problem = weakness(password, person)
        if problem:
            raise Refusal({"password": [problem]})
        person.password_hash = _hasher.hash(_normal(password))
        person.must_change_password = must_change

    def change_password(self, session: Session, person: Person, *, old: str, new: str, keep: str | None) -> None:
        """Change one's own password; every other session of the account ends. ``keep``: the token that stays."""
        if not _fits(person.password_hash, old):
            raise Refusal({"old_password": [_("رمز کنونی درست نیست.")]})
        if _normal(old) == _normal(new):
            raise Refusal({"password": [_("رمز تازه باید با رمز کنونی فرق داشته باشد.")]})
        self.set_password(person, new)
        self.end_sessions(session, person.id, keep=keep)

    # Signing in

    def sign_in(
        self, session: Session, username: str, password: str, *, address: str, now: datetime, kind: str = "browser"
    ) -> tuple[Person, str]:
        """A person and a new session's token. Raises ``SignInRefused``, ``TooMany``.

        Tries are counted for the account from this address, so nobody can lock another one out.
        """
        name = fold_username(username)[:60]
        key = f"{name}|{address}"[:100]
        self._limit(session, "sign_in", key, limit=SIGN_IN_TRIES, window=SIGN_IN_WINDOW, now=now)
        person = session.scalars(select(Person).where(Person.username == name)).first()
        fits = _fits(person.password_hash if person else _nobody, password)
        if person is None or not fits or not person.active:
            session.add(Attempt(kind="sign_in", key=key, at=now))
            raise SignInRefused
        session.execute(delete(Attempt).where(Attempt.kind == "sign_in", Attempt.key == key))
        return person, self.open_session(session, person, now=now, kind=kind)

    def open_session(self, session: Session, person: Person, *, now: datetime, kind: str) -> str:
        """A new session of a person; the token is handed out once and kept only as a hash."""
        token = secrets.token_urlsafe(32)
        lives = API_TOKEN_LIVES if kind == "api" else timedelta(hours=self._settings.session_hours)
        session.add(
            SignInSession(
                token_hash=_digest(token), person_id=person.id, kind=kind, created_at=now, seen_at=now,
                expires_at=now + lives,
            )
        )  # fmt: skip
        return token

    def person_of_session(self, session: Session, token: str, *, now: datetime, kind: str = "browser") -> Person | None:
        """The person whose session this is; ``None`` when it ended, idled out, or the account was locked."""
        row = session.scalars(
            select(SignInSession).where(SignInSession.token_hash == _digest(token), SignInSession.kind == kind)
        ).first()
        if row is None or row.expires_at <= now or not row.person.active:
            return None
        idle = timedelta(minutes=self._settings.session_idle_minutes)
        if kind == "browser" and row.seen_at + idle <= now:
            return None
        if now - row.seen_at > timedelta(minutes=1):  # one write a minute is enough to know
            session.execute(update(SignInSession).where(SignInSession.id == row.id).values(seen_at=now))
        return row.person

    def end_session(self, session: Session, token: str) -> None:
        session.execute(delete(SignInSession).where(SignInSession.token_hash == _digest(token)))

    def end_sessions(self, session: Session, person_id: int, *, keep: str | None = None) -> None:
        """End every session of an account, but the one whose token is ``keep``."""
        ended = delete(SignInSession).where(SignInSession.person_id == person_id)
        if keep is not None:
            ended = ended.where(SignInSession.token_hash != _digest(keep))
        session.execute(ended)

    # Codes

    def register(self, session: Session, registration: Registration, *, address: str, now: datetime) -> None:
        """Make an account that works only after its code was typed (ACC-1), and send the code.

        A mobile that has an account already gets a word about that instead of a code; the page says the same
        either way, so nobody finds out who is registered.
        """
        self._limit_codes(session, registration.mobile, address=address, now=now)
        person = session.scalars(select(Person).where(Person.username == registration.mobile)).first()
        if person is not None and person.mobile_verified:
            text = _("برای این شماره پیش‌تر حساب ساخته شده است. اگر رمز را فراموش کرده‌اید، آن را بازیابی کنید.")
            self._count_code(session, registration.mobile, "register", "", address=address, now=now)
            effects.put_sms(session, None, registration.mobile, text, at=now, person_id=person.id)
            return
        if person is None:
            person = Person(username=registration.mobile, kind=registration.kind, created_at=now, password_hash="")
            session.add(person)
        person.first_name, person.last_name = registration.first_name, registration.last_name
        person.mobile, person.active, person.mobile_verified = registration.mobile, False, False
        self.set_password(person, registration.password)
        session.flush()
        self._send_code(session, registration.mobile, "register", address=address, now=now)

    def confirm_registration(self, session: Session, mobile: str, code: str, *, now: datetime) -> Person:
        """Open the account with its code; it becomes a citizen's. Raises ``Refusal`` at ``code``."""
        self._use_code(session, mobile, "register", code, now=now)
        person = session.scalars(select(Person).where(Person.username == mobile)).one()
        person.active = person.mobile_verified = True
        if not person.roles:
            person.roles.append(RoleGrant(role="citizen"))
        return person

    def send_recovery(self, session: Session, username: str, *, address: str, now: datetime) -> str:
        """Send a recovery code to an account's mobile (ACC-3). Returns the user name to go on with.

        For an unknown account nothing is sent, and nothing tells so.
        """
        name = fold_username(username)[:60]
        self._limit(session, "recover", name, limit=CODES_PER_DAY, window=timedelta(days=1), now=now)
        self._limit(session, "recover_address", address, limit=CODES_PER_HOUR, window=timedelta(hours=1), now=now)
        session.add_all([Attempt(kind="recover", key=name, at=now), Attempt(kind="recover_address", key=address, at=now)])
        person = session.scalars(select(Person).where(Person.username == name)).first()
        if person is not None and person.mobile and person.active:
            self._limit_codes(session, person.mobile, address=address, now=now)
            self._send_code(session, person.mobile, "recover", address=address, now=now)
        return name

    def recover(self, session: Session, username: str, code: str, password: str, *, now: datetime) -> Person:
        """Set a new password by code; every session of the account ends. Raises ``Refusal``."""
        person = session.scalars(select(Person).where(Person.username == fold_username(username))).first()
        if person is None or not person.mobile:
            raise Refusal({"code": [_wrong_code()]})
        problem = weakness(password, person)
        if problem:
            raise Refusal({"password": [problem]})
        self._use_code(session, person.mobile, "recover", code, now=now)
        self.set_password(person, password)
        self.end_sessions(session, person.id)
        return person

    def resend(self, session: Session, mobile: str, purpose: str, *, address: str, now: datetime) -> None:
        """Send a new code in place of the old one, at the earliest after 60 seconds. Raises ``TooMany``."""
        self._limit_codes(session, mobile, address=address, now=now)
        pending = session.scalars(select(Person).where(Person.mobile == mobile)).first()
        if pending is not None:
            self._send_code(session, mobile, purpose, address=address, now=now)

    def _send_code(self, session: Session, mobile: str, purpose: str, *, address: str, now: datetime) -> None:
        code = f"{secrets.randbelow(1_000_000):06d}"
        session.execute(  # a new code ends the old one
            update(VerificationCode)
            .where(VerificationCode.mobile == mobile, VerificationCode.purpose == purpose)
            .values(used_at=now)
        )
        self._count_code(session, mobile, purpose, self._code_hash(mobile, purpose, code), address=address, now=now)
        text = _("کد تایید کارتابل: %(code)s\nاین کد را به کسی ندهید.", code=code)
        effects.put_sms(session, None, mobile, text, at=now, secret=True)

    def _count_code(
        self, session: Session, mobile: str, purpose: str, code_hash: str, *, address: str, now: datetime
    ) -> None:
        session.add(
            VerificationCode(
                mobile=mobile, purpose=purpose, code_hash=code_hash, sent_at=now, expires_at=now + CODE_LIVES,
                address=address, tries=0, used_at=None if code_hash else now,
            )
        )  # fmt: skip
        session.flush()

    def _limit_codes(self, session: Session, mobile: str, *, address: str, now: datetime) -> None:
        last = session.scalar(select(func.max(VerificationCode.sent_at)).where(VerificationCode.mobile == mobile))
        if last is not None and last + CODE_AGAIN > now:
            raise TooMany(int((last + CODE_AGAIN - now).total_seconds()) + 1)
        day, hour = now - timedelta(days=1), now - timedelta(hours=1)
        sent = select(func.count()).select_from(VerificationCode)
        if session.scalar(sent.where(VerificationCode.mobile == mobile, VerificationCode.sent_at > day)) >= CODES_PER_DAY:
            raise TooMany(24 * 3600)
        by_address = sent.where(VerificationCode.address == address, VerificationCode.sent_at > hour)
        if session.scalar(by_address) >= CODES_PER_HOUR:
            raise TooMany(3600)

    def _use_code(self, session: Session, mobile: str, purpose: str, typed: str, *, now: datetime) -> None:
        """Use up the newest code. Raises ``CodeRefused`` for a wrong one, which is counted, else ``Refusal``."""
        row = session.scalars(
            select(VerificationCode)
            .where(
                VerificationCode.mobile == mobile, VerificationCode.purpose == purpose,
                VerificationCode.used_at.is_(None),
            )
            .order_by(VerificationCode.id.desc())
            .limit(1)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).first()  # fmt: skip
        if row is None or row.expires_at <= now:
            raise Refusal({"code": [_("این کد دیگر کار نمی‌کند. کد تازه بخواهید.")]})
        if row.tries >= CODE_TRIES:
            raise Refusal({"code": [_("این کد پنج بار نادرست وارد شد. کد تازه بخواهید.")]})
        folded = ascii_digits(clean(typed)).strip()
        if not hmac.compare_digest(row.code_hash, self._code_hash(mobile, purpose, folded)):
            row.tries += 1
            raise CodeRefused({"code": [_wrong_code()]})
        row.used_at = now

    def _code_hash(self, mobile: str, purpose: str, code: str) -> str:
        message = f"{purpose}|{mobile}|{code}".encode()
        return hmac.new(self._settings.secret_key.encode(), message, hashlib.sha256).hexdigest()

    def _limit(
        self, session: Session, kind: str, key: str, *, limit: int, window: timedelta, now: datetime
    ) -> None:
        seen = session.scalars(
            select(Attempt.at).where(Attempt.kind == kind, Attempt.key == key, Attempt.at > now - window)
            .order_by(Attempt.at)
        ).all()  # fmt: skip
        if len(seen) >= limit:
            raise TooMany(int((seen[0] + window - now).total_seconds()) + 1)


def weakness(password: str, person: Person | None = None) -> str | None:
    """Why a password cannot be used, in the reader's language; ``None`` when it can."""
    plain = _normal(password)
    if len(plain) < PASSWORD_LENGTH:
        return _("رمز باید دست‌کم %(count)s نویسه باشد.", count=PASSWORD_LENGTH)
    if len(plain) > 200:
        return _("رمز نباید بیش از ۲۰۰ نویسه باشد.")
    known = {person.username, person.mobile} if person else set()
    if plain in COMMON or plain.lower() in known or len(set(plain)) < 4:
        return _("این رمز را به‌آسانی می‌توان حدس زد؛ رمز دیگری بگذارید.")
    return None


COMMON = frozenset(
    ["12345678", "123456789", "1234567890", "12345679", "password", "password1", "qwertyui", "qwerty123", "iloveyou", "11223344", "abcd1234", "1q2w3e4r", "87654321", "asdfghjk", "zxcvbnm1", "00112233", "98765432", "123123123", "passw0rd"]
)


def _normal(password: str) -> str:
    return ascii_digits(unicodedata.normalize("NFC", password))


def _fits(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, _normal(password)[:1000])
    except (VerifyMismatchError, InvalidHashError):
        return False


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _wrong_code() -> str:
    return _("کد درست نیست. آن را از روی پیامک دوباره بنویسید.")
