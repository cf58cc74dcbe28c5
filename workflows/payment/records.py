"""Records of payments, under locks: the only code that counts money for an invoice (PAY-1, PAY-2).

Locks are taken in one order everywhere: the review's case, the invoice's case, the
invoice, the payment; so no two steps wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.contributions.office_rules import value_of
from engine.contributions.operations import OperationContext
from engine.persistence import outbox
from engine.persistence.search import set_subject
from engine.service import Engine
from models.billing import Invoice, InvoiceStatus, Payment, PaymentState
from models.case import Case, CaseStatus, Task, TaskStatus
from models.job import Job
from models.language import gettext as _
from models.language import lazy, reading
from models.office_rule import OfficeRule, Unit
from workflows.formatting import localized, rials
from workflows.registry import office_rules, renames

PROCESS = "payment"
REVIEW = "unmatched_payment"
NO_ANSWER = "no_answer"  # the gateway did not answer, and may have counted the payment
AMOUNT_DIFFERS = "amount_differs"
REVIEW_PAUSE = timedelta(minutes=1)  # between two reviews of a payment that was not paid the first time

WAITING_MINUTES = office_rules.declare(
    OfficeRule(
        key="payment_minutes",
        label=lazy("مهلت تایید پرداخت"),
        meaning=lazy("پرداختی که درگاه هنوز تایید نکرده است، تا این مدت از درگاه پرسیده می‌شود."),
        unit=Unit.MINUTE,
        default=30,
        least=5,
        most=1440,
    )
)

COUNTED = frozenset({PaymentState.SETTLED, PaymentState.UNMATCHED})  # final: the money is counted or with finance
GOES_ON = frozenset({CaseStatus.RUNNING, CaseStatus.SUSPENDED})


def waiting_time(session: Session) -> timedelta:
    """Time after the start of a payment during which it is verified again (PAY-3)."""
    return timedelta(minutes=value_of(session, WAITING_MINUTES))


def lock(session: Session, payment_id: int) -> Payment:
    """Lock a payment with its invoice and that invoice's case, and read them anew."""
    case_id, invoice_id = session.execute(
        select(Invoice.case_id, Invoice.id).join(Invoice.payments).where(Payment.id == payment_id)
    ).one()
    session.execute(select(Case.id).where(Case.id == case_id).with_for_update()).one()
    fresh = {"populate_existing": True}
    session.scalars(select(Invoice).where(Invoice.id == invoice_id).with_for_update().execution_options(**fresh)).one()
    return session.scalars(
        select(Payment).where(Payment.id == payment_id).with_for_update().execution_options(**fresh)
    ).one()


def write_answer(session: Session, payment: Payment, verification: Mapping[str, Any], *, now: datetime) -> bool:
    """Write the gateway's verification into a locked payment, and into its invoice if that is paid now.

    ``verification``: ``{"state", "amount", "reference", "reason"}``, amounts in Rials. Money counts once, and for
    an open invoice of exactly its amount in a case that is not over; any other money makes the payment unmatched.
    Returns whether this answer made the payment unmatched.
    """
    if payment.state in COUNTED:
        return False
    state, reason, amount = verification["state"], verification["reason"], verification["amount"]
    payment.answer = reason or state
    if state != "paid" and reason != AMOUNT_DIFFERS:
        if state == "failed":
            payment.state = PaymentState.FAILED
        return False
    payment.verified_at, payment.paid_amount = now, amount
    payment.reference = verification["reference"] or ""
    invoice = payment.invoice
    if state == "paid" and amount == payment.amount == invoice.total and _is_payable(session, invoice):
        payment.state = PaymentState.SETTLED
        invoice.status, invoice.paid_at = InvoiceStatus.PAID, now
        return False
    payment.state = PaymentState.UNMATCHED
    return True


def _is_payable(session: Session, invoice: Invoice) -> bool:
    status = session.execute(select(Case.status).where(Case.id == invoice.case_id)).scalar_one()
    return invoice.status is InvoiceStatus.OPEN and status in GOES_ON


def review(engine: Engine, session: Session, payment: Payment, *, now: datetime) -> Case | None:
    """Start the review case of a locked payment; ``None`` while a review is running."""
    earlier = _review_of(session, payment)
    if earlier is not None and earlier.status in GOES_ON:
        return None
    case = session.get_one(Case, payment.invoice.case_id)
    started = engine.start_by_system(session, REVIEW, data={"payment": payment.id}, refers_to=case)
    with reading("fa"):
        subject = _(
            "پرداخت %(amount)s بابت صورت‌حساب %(number)s",
            amount=rials(payment.amount),
            number=localized(payment.invoice.number),
        )
    set_subject(session, started, subject, [payment.authority, payment.invoice.number, case.number])
    payment.review_case_id = started.id
    session.flush()
    return started


def review_again(engine: Engine, session: Session, payment_id: int, *, now: datetime) -> Case | None:
    """Review a payment without a waiting process, unless its money is final or a review ended just now."""
    payment = lock(session, payment_id)
    if payment.state in COUNTED:
        return None
    earlier = _review_of(session, payment)
    if earlier is not None and earlier.ended_at is not None and earlier.ended_at > now - REVIEW_PAUSE:
        return None
    return review(engine, session, payment, now=now)


def _review_of(session: Session, payment: Payment) -> Case | None:
    if payment.review_case_id is None:
        return None
    return session.scalars(
        select(Case).where(Case.id == payment.review_case_id).execution_options(populate_existing=True)
    ).one()


def is_awaited(session: Session, payment: Payment) -> bool:
    """Whether the payment's own process still verifies it, by its timer or after the payer's return."""
    if payment.state is not PaymentState.STARTED:
        return False
    case_id = payment.invoice.case_id
    waits = select(Task.id).where(
        Task.case_id == case_id, Task.process_key.in_(renames.process_keys(PROCESS)), Task.status == TaskStatus.OPEN
    )
    works = select(Job.id).where(Job.case_id == case_id, Job.process_key.in_(renames.process_keys(PROCESS)))
    return any(session.execute(statement.limit(1)).first() is not None for statement in (waits, works))


def tell_payer(context: OperationContext, invoice: Invoice, compose: Callable[[], tuple[str, str]]) -> None:
    """Send the payer a message linked to the invoice's case; ``compose`` runs in the payer's language."""
    if invoice.payer_id is None:
        return
    with reading(outbox.language_of(context.session, invoice.payer_id)):
        title, body = compose()
    case = context.session.get_one(Case, invoice.case_id)
    outbox.notify(context.session, case, invoice.payer_id, title, body, at=context.now)
