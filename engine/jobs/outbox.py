"""Sends the SMS of the outbox: each once, and again after a growing pause if the provider is down."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from engine.jobs import leases
from engine.service import Engine
from models.outbox import DeliveryState, Sms

log = logging.getLogger(__name__)

ATTEMPTS = 8
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=60)
BLANKED = "●●●●●●"  # replaces the text of a sent SMS that held a code


def take(session: Session, *, owner: str, now: datetime, limit: int) -> list[int]:
    """Lease due SMS, at most ``limit``. Returns their ids. The caller commits at once."""
    return leases.take(session, Sms, Sms.next_try_at, owner=owner, now=now, limit=limit)


def deliver(engine: Engine, message_id: int, *, owner: str) -> None:
    """Send one leased SMS by the provider, with no transaction open meanwhile, and store the result."""
    with engine.sessions() as session:
        message = session.get(Sms, message_id)
        if message is None or message.lease_owner != owner:
            return
    provider = engine.services.sms
    values: dict[str, object] = {"attempts": message.attempts + 1, "provider": provider.name}
    try:
        sent = provider.send(receiver=message.receiver, text=message.text, message_id=str(message.id))
    except Exception as error:  # whatever a provider does, the worker goes on with the next message
        values |= _after_failure(message, error, engine.clock())
    else:
        values |= {
            "state": DeliveryState.SENT,
            "sent_at": engine.clock(),
            "next_try_at": None,
            "provider_id": str(sent.provider_id)[:60],
            "error": "",
        }
        if message.secret and not provider.shows_text:
            values["text"] = BLANKED
    with engine.transaction() as session:
        session.execute(
            update(Sms)
            .where(Sms.id == message_id, Sms.lease_owner == owner)
            .values(lease_owner=None, lease_until=None, **values)
        )


def _after_failure(message: Sms, error: Exception, now: datetime) -> dict[str, object]:
    """New column values after a failure: permanent and uncertain failures are final, others are retried."""
    log.warning("SMS %s was not delivered: %s", message.id, error)
    text = str(error)[:300]
    if getattr(error, "uncertain", False):
        return {"state": DeliveryState.UNCERTAIN, "next_try_at": None, "error": text}
    if getattr(error, "permanent", False) or message.attempts + 1 >= ATTEMPTS:
        return {"state": DeliveryState.FAILED, "next_try_at": None, "error": text}
    pause = min(FIRST_PAUSE * 2**message.attempts, LONGEST_PAUSE)
    return {"next_try_at": now + pause, "error": text}
