"""Operations and briefings of ``bpmn_diagrams/payment.bpmn``: payment of an invoice at a gateway (PAY-1 to PAY-3).

A browser's return only triggers the verification; the gateway's answer to the verification counts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from engine.contributions.briefings import Briefing, BriefingContext
from engine.contributions.operations import OperationContext, OutsideContext
from models.account import Person
from models.billing import Invoice, InvoiceStatus, Payment, PaymentState
from models.language import gettext as _
from models.language import reading
from workflows.formatting import localized, rials
from workflows.payment.briefings import blocks, warning
from workflows.payment.gateways import gateway_of
from workflows.payment.records import NO_ANSWER, lock, review, tell_payer, waiting_time, write_answer
from workflows.providers.errors import ProviderError
from workflows.registry import briefings, operations

log = logging.getLogger(__name__)

PAYER = "payer"
RETURN_PATH = "/payments/return/"
LONGEST_AUTHORITY = 60  # characters, as the table of payments has them


@operations.register("payment.request", outside=True, attempts=4)
def request(context: OutsideContext, *, invoice: int) -> dict[str, Any]:
    """Announce an open invoice to the chosen gateway.

    Returns ``{"opened": True, "gateway", "authority", "pay_url", "amount"}``, the amount in whole Rials, or
    ``{"opened": False}``, also for a silent gateway: the payer gets a message and may try again. Another attempt
    announces anew: an unused authority costs nothing.
    """
    with context.reading() as session:
        record = session.get_one(Invoice, invoice)
        payer = session.get(Person, record.payer_id) if record.payer_id is not None else None
        status, number, total, mobile = record.status, record.number, record.total, payer.mobile if payer else None
    if status is not InvoiceStatus.OPEN:
        return {"opened": False}
    gateway = context.services.payment_gateway
    with reading("fa"):
        description = _("پرداخت صورت‌حساب %(number)s", number=localized(number))
    try:
        started = gateway.request(
            amount=total,
            invoice_number=number,
            description=description,
            mobile=mobile,
            callback_url=f"{context.services.public_url.rstrip('/')}{RETURN_PATH}{gateway.name}",
        )
    except ProviderError as error:
        log.warning("invoice %s was not announced to %s: %s", number, gateway.name, error)
        if error.permanent or context.last_attempt:
            return {"opened": False}
        raise
    if len(started.authority) > LONGEST_AUTHORITY:
        log.error("%s gave an id of %s characters, more than we store", gateway.name, len(started.authority))
        return {"opened": False}
    return {
        "opened": True,
        "gateway": gateway.name,
        "authority": started.authority,
        "pay_url": started.pay_url,
        "amount": total,
    }


@operations.register("payment.record_started")
def record_started(context: OperationContext, *, invoice: int, started: Mapping[str, Any]) -> int:
    """Record the payment that the gateway opened, before anyone sees its address. Returns its id."""
    known = context.session.execute(select(Payment.id).where(Payment.authority == started["authority"])).first()
    if known is not None:
        raise ValueError(f"the gateway gave an authority twice, payment {known.id} has it")
    context.session.execute(  # an abandoned earlier attempt: from now on only its return is verified
        update(Payment)
        .where(Payment.invoice_id == invoice, Payment.state == PaymentState.STARTED)
        .values(state=PaymentState.EXPIRED)
        .execution_options(synchronize_session="fetch")
    )
    payment = Payment(
        invoice_id=invoice,
        gateway=started["gateway"],
        authority=started["authority"],
        pay_url=started["pay_url"],
        amount=started["amount"],
        state=PaymentState.STARTED,
        started_at=context.now,
    )
    context.session.add(payment)
    context.session.flush()
    payer = context.session.get_one(Invoice, invoice).payer_id
    if payer is not None and context.bound(PAYER) != payer:
        context.bind(PAYER, payer)
    return payment.id


@operations.register("payment.record_unopened", formerly=["payment.not_opened"])
def record_unopened(context: OperationContext, *, invoice: int) -> str:
    """Record that no payment was opened. Returns ``paid`` or ``cancelled`` (the invoice's), or ``failed`` (silence)."""
    record = context.session.get_one(Invoice, invoice)
    if record.status is InvoiceStatus.PAID:
        return "paid"
    if record.status is InvoiceStatus.CANCELLED:
        return "cancelled"

    def text() -> tuple[str, str]:
        return _("درگاه پرداخت پاسخ نداد"), _(
            "پرداخت صورت‌حساب %(number)s شروع نشد، چون درگاه پرداخت پاسخ نداد. چند دقیقهٔ دیگر دوباره بپردازید.",
            number=localized(record.number),
        )

    tell_payer(context, record, text)
    return "failed"


@operations.register("payment.verify", outside=True)
def verify(context: OutsideContext, *, payment: int) -> dict[str, Any]:
    """Verify a payment at the gateway, with the amount of our own records.

    Returns ``{"state", "amount", "reference", "reason"}``, the amount in whole Rials. A silent gateway leaves the
    payment waiting: the timer verifies again.
    """
    try:
        return ask_gateway(context, payment)
    except ProviderError as error:
        log.warning("payment %s is not verified: %s", payment, error)
        return {"state": "waiting", "amount": 0, "reference": None, "reason": NO_ANSWER}


def ask_gateway(context: OutsideContext, payment_id: int) -> dict[str, Any]:
    """The gateway's verification of a payment, as plain data (``verify``).

    Raises ProviderError: the gateway failed, or the settings of the payment's gateway are missing.
    """
    with context.reading() as session:
        payment = session.get_one(Payment, payment_id)
        name, authority, amount = payment.gateway, payment.authority, payment.amount
    gateway = gateway_of(context.services, name)
    if gateway is None:
        raise ProviderError(f"the payment is at {name}, whose settings are missing", permanent=True)
    answer = gateway.verify(authority=authority, amount=amount)
    return {"state": answer.state, "amount": answer.amount, "reference": answer.reference, "reason": answer.reason}


@operations.register("payment.close_unpaid", formerly=["payment.give_up"])
def close_unpaid(context: OperationContext, *, payment: int) -> None:
    """Give up a payment for the payer. A last verification follows: money that came counts."""
    locked = lock(context.session, payment)
    if locked.state is PaymentState.STARTED:
        locked.state = PaymentState.EXPIRED


@operations.register("payment.settle")
def settle(context: OperationContext, *, payment: int, verification: Mapping[str, Any]) -> str:
    """Record the gateway's verification. Returns paid, failed, cancelled, expired, or waiting (verify again later).

    ``paid``: the invoice is paid, by this payment or another. Surplus money of this payment goes to finance; an end
    without the gateway's answer starts a review that lasts until the gateway answers.
    """
    locked = lock(context.session, payment)
    given_up = locked.state is PaymentState.EXPIRED
    if write_answer(context.session, locked, verification, now=context.now):
        review(context.engine, context.session, locked, now=context.now)
    result = _result(context, locked, given_up=given_up)
    if locked.state is PaymentState.STARTED and result != "waiting":
        locked.state = PaymentState.EXPIRED
    if locked.state is PaymentState.EXPIRED and locked.answer == NO_ANSWER:
        review(context.engine, context.session, locked, now=context.now)
    context.session.flush()
    if result in ("paid", "expired"):
        _tell_result(context, locked, result)
    return result


def _result(context: OperationContext, payment: Payment, *, given_up: bool) -> str:
    if payment.invoice.status is InvoiceStatus.PAID:
        return "paid"
    if given_up or payment.invoice.status is InvoiceStatus.CANCELLED:
        return "cancelled"
    if payment.state in (PaymentState.FAILED, PaymentState.UNMATCHED):
        return "failed"
    limit = waiting_time(context.session)
    return "expired" if context.now >= payment.started_at + limit else "waiting"


def _tell_result(context: OperationContext, payment: Payment, result: str) -> None:
    invoice = payment.invoice

    def text() -> tuple[str, str]:
        number = localized(invoice.number)
        if result == "paid":
            return _("پرداخت انجام شد"), _(
                "صورت‌حساب %(number)s به مبلغ %(amount)s پرداخت شد.", number=number, amount=rials(invoice.total)
            )
        return _("نتیجهٔ پرداخت مشخص نشد"), _(
            "درگاه تا پایان مهلت، پرداخت صورت‌حساب %(number)s را تایید نکرد. اگر مبلغی از حساب شما کم شده است، با"
            " رسیدن تایید درگاه خودبه‌خود ثبت می‌شود؛ دوباره نپردازید.",
            number=number,
        )

    tell_payer(context, invoice, text)


@briefings.register("payment", "payment_returned")
def payment_returned(context: BriefingContext) -> Briefing:
    """The invoice, the link to the gateway, and the gateway's last answer."""
    return Briefing(blocks=blocks(context))


@briefings.register("payment", "cancel_payment")
def cancel_payment(context: BriefingContext) -> Briefing:
    return Briefing(blocks=warning(context))
