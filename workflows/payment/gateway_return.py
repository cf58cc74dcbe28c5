"""Triggers of a payment's verification besides its timer: the payer's browser and the reconcile job (PAY-2)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from engine.actor import SYSTEM, Actor
from engine.service import Engine
from models.billing import Invoice, Payment, PaymentState
from models.case import Case, CaseStatus
from workflows.payment.gateways import gateways_of
from workflows.payment.records import COUNTED, is_awaited, review_again, waiting_time
from workflows.providers.errors import ProviderError
from workflows.providers.payment_gateway import PaymentGateway

log = logging.getLogger(__name__)

RETURN_EVENT = "payment_returned"
SLACK = timedelta(minutes=10)  # after the waiting time; a payment undecided then has lost its process


def returned(engine: Engine, session: Session, *, gateway: str, authority: str, by: Actor = SYSTEM) -> Case | None:
    """Verify a payment when the payer's browser returns from the gateway. Returns the invoice's case.

    Reads nothing else of the request. ``None``, without a change, for an unknown authority. A case that waits for
    this payment verifies at once; for a case that has gone on, a review of the payment starts.
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
        engine.deliver(session, case.id, RETURN_EVENT, by=actor)  # else the verification runs already
    else:
        review_again(engine, session, payment.id, now=engine.clock())
    return case


def reconcile(engine: Engine, now: datetime) -> int:
    """Start reviews of payments whose return got lost and that no process verifies. Returns the number of reviews.

    The worker calls it every few minutes; concurrent workers are safe.
    """
    with engine.transaction() as session:
        lost = [*_paid_at_gateway(engine, session), *_left_behind(engine, session, now)]
    started = 0
    for payment_id in dict.fromkeys(lost):
        with engine.transaction() as session:
            started += review_again(engine, session, payment_id, now=now) is not None
    return started


def _paid_at_gateway(engine: Engine, session: Session) -> list[int]:
    """Ids of payments that a gateway lists as paid and unverified, and that no process waits for."""
    return [payment for gateway in gateways_of(engine.services) for payment in _listed(gateway, session)]


def _listed(gateway: PaymentGateway, session: Session) -> list[int]:
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
    """Ids of undecided payments whose process was ended from outside."""
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
