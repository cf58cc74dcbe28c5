"""What a browser brings back from the provider counts once, over all processes, and not too often from one address."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from engine.identity.rate_limits import Limit, count
from engine.persistence import advisory_lock
from models.account import Attempt

RETURNS = Limit("openid_return", 60, timedelta(minutes=15))  # from one address
USED = "openid_used"  # kind of the attempts that remember what was used


class AlreadyUsed(Exception):
    """The answer was brought before."""


def use_once(session: Session, mark: str, *, now: datetime) -> None:
    """Use up an answer by its mark, the hash of its state. Raises ``AlreadyUsed``.

    The mark is kept far longer than a sign-in lives; the hourly purge deletes it.
    """
    advisory_lock.acquire(session, mark)
    if session.scalar(select(exists().where(Attempt.kind == USED, Attempt.key == mark))):
        raise AlreadyUsed
    count(session, USED, mark, now=now)
