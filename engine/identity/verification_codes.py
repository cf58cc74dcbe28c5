"""Six-digit codes sent to a mobile (ACC-2): valid for two minutes and five attempts, stored as hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from engine.errors import Refusal
from engine.identity import rate_limits
from engine.identity.rate_limits import Limit
from engine.persistence import outbox
from models.account import VerificationCode
from models.digits import ascii_digits, clean
from models.language import gettext as _

CODE_LIVES = timedelta(minutes=2)  # ACC-2
CODE_TRIES = 5
CODE_AGAIN = timedelta(seconds=60)
PASSWORD_TIME = timedelta(minutes=10)  # for choosing another password once the code was right

CODES_PER_DAY = 5  # for one account, asked for from one place
CODES_PER_HOUR = 20  # for one network address, whatever the account
CODES_OF_STRANGERS = 10  # in a day for one account, whatever the place; after them one an hour


class CodeRefused(Refusal):
    """A code is wrong; the attempt stays counted."""

    keeps_changes = True


def count_request(
    session: Session, purpose: str, account: str, *, address: str, device: str | None = None, now: datetime
) -> None:
    """Count a request for a code, if its limits leave room. The caller holds the lock of the account.

    ``account``: a user name or mobile, of an account or of none: both are counted alike. ``device``: the mark of a
    device on which the account was signed in before. Its requests are counted by themselves, so that nobody else can
    use them up; those of strangers have limits for the account and for their network address besides.
    Raises ``TooMany``.
    """
    here, everywhere, anyone = f"{purpose}_here", f"{purpose}_all", f"{purpose}_address"
    address = rate_limits.subscriber(address)
    place = f"{device or address}|{account}"
    rate_limits.demand(session, Limit(here, 1, CODE_AGAIN), place, now=now)
    rate_limits.demand(session, Limit(here, CODES_PER_DAY, timedelta(days=1)), place, now=now)
    if device is None:
        strangers = [
            Limit(everywhere, CODES_OF_STRANGERS, timedelta(days=1)),
            Limit(everywhere, 1, timedelta(hours=1)),
        ]
        rate_limits.demand_either(session, strangers, account, now=now)
        rate_limits.demand(session, Limit(anyone, CODES_PER_HOUR, timedelta(hours=1)), address, now=now)
        rate_limits.count(session, everywhere, account, now=now)
        rate_limits.count(session, anyone, address, now=now)
    rate_limits.count(session, here, place, now=now)


class Codes:
    """Makes and checks codes, in the caller's transaction. ``now`` is aware.

    ``holder``: whose code it is: a mobile, or the mark of the browser that asked for it. Of one holder and purpose
    one code is valid, and only this holder's attempts are counted against it.
    """

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key.encode()

    def new(self, session: Session, holder: str, purpose: str, *, now: datetime) -> str:
        """Make a new code, six digits; the holder's previous one becomes invalid."""
        code = f"{secrets.randbelow(1_000_000):06d}"
        session.execute(
            update(VerificationCode)
            .where(
                VerificationCode.holder == holder,
                VerificationCode.purpose == purpose,
                VerificationCode.used_at.is_(None),
            )
            .values(used_at=now)
        )
        session.add(
            VerificationCode(
                holder=holder,
                purpose=purpose,
                code_hash=self._hash(holder, purpose, code),
                sent_at=now,
                expires_at=now + CODE_LIVES,
                tries=0,
            )
        )
        session.flush()
        return code

    def send(self, session: Session, mobile: str, purpose: str, *, now: datetime) -> None:
        """Send a new code to the mobile that is its holder."""
        code = self.new(session, mobile, purpose, now=now)
        outbox.put_sms(session, None, mobile, code_text(code), at=now, secret=True)

    def was_sent(self, session: Session, holder: str, purpose: str, *, now: datetime) -> bool:
        """Whether the holder was sent a code lately that is not used yet, valid or too old."""
        unused = select(VerificationCode.id).where(
            VerificationCode.holder == holder,
            VerificationCode.purpose == purpose,
            VerificationCode.used_at.is_(None),
            VerificationCode.sent_at > now - PASSWORD_TIME,
        )
        return session.scalar(unused.limit(1)) is not None

    def check(self, session: Session, holder: str, purpose: str, typed: str, *, now: datetime) -> VerificationCode:
        """Check the newest code, which stays valid until it is used. Returns its row, locked.

        Raises ``CodeRefused`` (wrong, counted), ``Refusal`` (expired or too many attempts). Of many simultaneous
        submissions of the right code exactly one goes on; the next waits for the row.
        """
        row = session.scalars(
            select(VerificationCode)
            .where(
                VerificationCode.holder == holder,
                VerificationCode.purpose == purpose,
                VerificationCode.used_at.is_(None),
            )
            .order_by(VerificationCode.id.desc())
            .limit(1)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).first()
        if row is None or row.expires_at <= now:
            raise Refusal({"code": [_("این کد دیگر کار نمی‌کند. کد جدید بخواهید.")]})
        if row.tries >= CODE_TRIES:
            raise Refusal({"code": [_("این کد پنج بار نادرست وارد شد. کد جدید بخواهید.")]})
        folded = "".join(ascii_digits(clean(typed[:50])).split())
        if not hmac.compare_digest(row.code_hash, self._hash(holder, purpose, folded)):
            row.tries += 1
            session.flush()
            raise CodeRefused({"code": [wrong_code()]})
        return row

    def use(self, session: Session, holder: str, purpose: str, typed: str, *, now: datetime) -> None:
        """Use the newest code: it works once. Raises as ``check``."""
        self.check(session, holder, purpose, typed, now=now).used_at = now
        session.flush()

    def _hash(self, holder: str, purpose: str, code: str) -> str:
        message = f"{purpose}|{holder}|{code}".encode()
        return hmac.new(self._secret_key, message, hashlib.sha256).hexdigest()


def code_text(code: str) -> str:
    return _("کد تایید کارتابل: %(code)s\nاین کد را به کسی ندهید.", code=code)


def wrong_code() -> str:
    return _("کد درست نیست یا زمان آن گذشته است. آن را از روی پیامک دوباره وارد کنید یا کد جدید بخواهید.")
