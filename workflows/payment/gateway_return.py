"""How a payment comes back to us besides its own timer: by the payer's browser and by the reconcile job (PAY-2)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from engine.actor import SYSTEM, Actor
from engine.service import Engine
from models.billing import Invoice, Payment, PaymentState
from models.case import Case, CaseStatus
from workflows.payment.records import COUNTED, is_awaited, review_again, waiting_time
from workflows.providers.errors import ProviderError

log = logging.getLogger(__name__)

RETURN_EVENT = "payment_returned"
SLACK = timedelta(minutes=10)  # after the waiting time a payment still not decided has lost its process


def returned(engine: Engine, session: Session, *, gateway: str, authority: str, by: Actor = SYSTEM) -> Case | None:
    """The payer's browser came back from the gateway: have the gateway asked. Returns the invoice's case.

    Nothing else of the request is looked at. ``None`` for an authority that is not ours, where nothing changes.
    A case that waits for this payment asks at once; for one that has gone on, a review of the payment starts.
    """
    payment = session.scalars(
        select(Payment).where(Payment.authority == authority, Payment.gateway == gateway)
    ).one_or_none()
    if payment is None:
        return None
    case = session.get_one(Case, payment.invoice.case_id)
    if payment.state in COUNTED:
        return case
    actor = by if by.person_id is not None and by.person_id == payment.invoice.payer_id else SYSTEM
    if is_awaited(session, payment):
        engine.deliver(session, case.id, RETURN_EVENT, by=actor)  # else the gateway is being asked already
    else:
        review_again(engine, session, payment.id, now=engine.clock())
    return case


def reconcile(engine: Engine, now: datetime) -> int:
    """Look for money whose return got lost and that no process asks about; returns how many reviews were started.

    Called by the worker every few minutes; any number of workers may do so at the same moment.
    """
    with engine.transaction() as session:
        lost = [*_paid_at_gateway(engine, session), *_left_behind(engine, session, now)]
    started = 0
    for payment_id in dict.fromkeys(lost):
        with engine.transaction() as session:
            started += review_again(engine, session, payment_id, now=now) is not None
    return started


def _paid_at_gateway(engine: Engine, session: Session) -> list[int]:
    """Payments that the gateway lists as paid and never asked about, and that nobody is going to ask about."""
    gateway = engine.services.payment_gateway
    try:
        listed = gateway.unverified()
    except ProviderError as error:
        log.warning("%s does not list its unverified payments: %s", gateway.name, error)
        return []
    if not listed:
        return []
    payments = session.scalars(
        select(Payment).where(
            Payment.gateway == gateway.name,
            Payment.authority.in_([payment.authority for payment in listed]),
            Payment.state.not_in(COUNTED),
        )
    )
    return [payment.id for payment in payments if not is_awaited(session, payment)]


def _left_behind(engine: Engine, session: Session, now: datetime) -> list[int]:
    """Payments never decided, for the process that asked about them was ended from outside."""
    limit = waiting_time(session) + SLACK
    ended = Case.status.in_([CaseStatus.CANCELLED, CaseStatus.COMPLETED])
    return list(
        session.scalars(
            select(Payment.id)
            .join(Payment.invoice)
            .join(Case, Case.id == Invoice.case_id)
            .where(Payment.state == PaymentState.STARTED, or_(ended, Payment.started_at < now - limit))
            .order_by(Payment.id)
            .limit(100)
        )
    )
