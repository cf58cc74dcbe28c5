"""Six-digit codes sent to a mobile (ACC-2): valid for two minutes and five attempts, stored as hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from engine.errors import Refusal, TooMany
from engine.identity.rate_limits import seconds_until, subscriber
from engine.persistence import outbox
from models.account import VerificationCode
from models.digits import ascii_digits, clean
from models.language import gettext as _

CODE_LIVES = timedelta(minutes=2)  # ACC-2
CODE_TRIES = 5
CODE_AGAIN = timedelta(seconds=60)
CODES_PER_DAY = 5  # for one mobile
CODES_PER_HOUR = 20  # for one address


class CodeRefused(Refusal):
    """A code is wrong; the attempt stays counted."""

    keeps_changes = True


class Codes:
    """Sends and checks codes, in the caller's transaction. ``now`` is aware."""

    def __init__(self, secret_key: str) -> None:
        self._secret_key = secret_key.encode()

    def demand(self, session: Session, mobile: str, *, address: str, now: datetime) -> None:
        """Check the limits of a mobile and a network address. Raises ``TooMany``."""
        last = session.scalar(select(func.max(VerificationCode.sent_at)).where(VerificationCode.mobile == mobile))
        if last is not None and last + CODE_AGAIN > now:
            raise TooMany(seconds_until(last + CODE_AGAIN, now))
        self._limit(session, VerificationCode.mobile == mobile, CODES_PER_DAY, timedelta(days=1), now)
        self._limit(session, VerificationCode.address == subscriber(address), CODES_PER_HOUR, timedelta(hours=1), now)

    def _limit(self, session: Session, whose: object, most: int, window: timedelta, now: datetime) -> None:
        sent = session.scalars(
            select(VerificationCode.sent_at)
            .where(whose, VerificationCode.sent_at > now - window)  # type: ignore[arg-type]
            .order_by(VerificationCode.sent_at.desc())
            .limit(most)
        ).all()
        if len(sent) >= most:
            raise TooMany(seconds_until(sent[-1] + window, now))

    def send(self, session: Session, mobile: str, purpose: str, *, address: str, now: datetime) -> None:
        """Send a new code; the previous one becomes invalid."""
        code = f"{secrets.randbelow(1_000_000):06d}"
        session.execute(
            update(VerificationCode)
            .where(
                VerificationCode.mobile == mobile,
                VerificationCode.purpose == purpose,
                VerificationCode.used_at.is_(None),
            )
            .values(used_at=now)
        )
        self._add(session, mobile, purpose, self._hash(mobile, purpose, code), address=address, now=now)
        text = _("کد تایید کارتابل: %(code)s\nاین کد را به کسی ندهید.", code=code)
        outbox.put_sms(session, None, mobile, text, at=now, secret=True)

    def count(self, session: Session, mobile: str, purpose: str, *, address: str, now: datetime) -> None:
        """Count a requested code that is not sent, so that the limits do not disclose which accounts exist."""
        self._add(session, mobile, purpose, "", address=address, now=now)

    def use(self, session: Session, mobile: str, purpose: str, typed: str, *, now: datetime) -> None:
        """Use the newest code. Raises ``CodeRefused`` (wrong, counted), ``Refusal`` (expired or too many attempts).

        The row is locked, so of many simultaneous submissions of the right code exactly one succeeds.
        """
        row = session.scalars(
            select(VerificationCode)
            .where(
                VerificationCode.mobile == mobile,
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
        if not hmac.compare_digest(row.code_hash, self._hash(mobile, purpose, folded)):
            row.tries += 1
            session.flush()
            raise CodeRefused({"code": [wrong_code()]})
        row.used_at = now
        session.flush()

    def _add(self, session: Session, mobile: str, purpose: str, code_hash: str, *, address: str, now: datetime) -> None:
        session.add(
            VerificationCode(
                mobile=mobile,
                purpose=purpose,
                code_hash=code_hash,
                sent_at=now,
                expires_at=now + CODE_LIVES,
                address=subscriber(address)[:45],
                tries=0,
                used_at=None if code_hash else now,
            )
        )
        session.flush()

    def _hash(self, mobile: str, purpose: str, code: str) -> str:
        message = f"{purpose}|{mobile}|{code}".encode()
        return hmac.new(self._secret_key, message, hashlib.sha256).hexdigest()


def wrong_code() -> str:
    return _("کد درست نیست یا زمان آن گذشته است. آن را از روی پیامک دوباره وارد کنید یا کد جدید بخواهید.")
