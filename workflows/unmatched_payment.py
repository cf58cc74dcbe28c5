"""Operations of ``bpmn_diagrams/unmatched_payment.bpmn``: review of a payment after its own process.

Money for an invoice that is still open is counted for it; finance gives back or credits all other money (PAY-2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.contributions.briefings import Block, Briefing, BriefingContext
from engine.contributions.operations import OperationContext, OutsideContext
from models.billing import Payment, PaymentState
from models.language import gettext as _
from workflows.formatting import localized, rials
from workflows.payment.briefings import review_blocks
from workflows.payment.operations import ask_gateway
from workflows.payment.records import lock, tell_payer, write_answer
from workflows.registry import briefings, operations


@operations.register("unmatched_payment.verify_again", outside=True, attempts=12)
def verify_again(context: OutsideContext, *, payment: int) -> dict[str, Any]:
    """Verify until the gateway answers: about three hours, then an incident opens."""
    return ask_gateway(context, payment)


@operations.register("unmatched_payment.settle_late")
def settle_late(context: OperationContext, *, payment: int, verification: Mapping[str, Any]) -> str:
    """Record the gateway's verification. Returns settled, unmatched (a task for finance) or not_paid."""
    locked = lock(context.session, payment)
    before = locked.state
    write_answer(context.session, locked, verification, now=context.now)
    if locked.state is PaymentState.STARTED:
        locked.state = PaymentState.EXPIRED
    context.session.flush()
    if locked.state is PaymentState.SETTLED:
        if before is not PaymentState.SETTLED:
            _tell_settled(context, locked)
        return "settled"
    if locked.state is PaymentState.UNMATCHED:
        _tell_unmatched(context, locked)
        return "unmatched"
    return "not_paid"


def _tell_settled(context: OperationContext, payment: Payment) -> None:
    invoice = payment.invoice

    def text() -> tuple[str, str]:
        return _("پرداخت شما رسید"), _(
            "درگاه پرداخت صورت‌حساب %(number)s را تایید کرد و مبلغ %(amount)s ثبت شد. پرونده را باز کنید و ادامه دهید؛"
            " مبلغ دیگری از شما خواسته نمی‌شود.",
            number=localized(invoice.number),
            amount=rials(payment.amount),
        )

    tell_payer(context, invoice, text)


def _tell_unmatched(context: OperationContext, payment: Payment) -> None:
    invoice = payment.invoice

    def text() -> tuple[str, str]:
        return _("پرداختی بدون صورت‌حساب باز"), _(
            "مبلغی بابت صورت‌حساب %(number)s پرداخت شد که صورت‌حساب بازی برای آن نیست. امور مالی آن را بررسی می‌کند و"
            " به شما اطلاع می‌دهد.",
            number=localized(invoice.number),
        )

    tell_payer(context, invoice, text)


@operations.register("unmatched_payment.record_decision")
def record_decision(context: OperationContext, *, payment: int, submission: Mapping[str, Any]) -> None:
    """Send finance's decision to the payer; the case's history holds it."""
    locked = lock(context.session, payment)

    def text() -> tuple[str, str]:
        number, reference = localized(locked.invoice.number), localized(submission.get("reference") or "—")
        if submission["decision"] == "refunded":
            return _("استرداد وجه"), _(
                "مبلغ پرداختی شما بابت صورت‌حساب %(number)s برگردانده شد. شمارهٔ پیگیری: %(reference)s",
                number=number,
                reference=reference,
            )
        return _("بستانکار شدن"), _("مبلغ پرداختی شما بابت صورت‌حساب %(number)s به حساب شما بستانکار شد.", number=number)

    tell_payer(context, locked.invoice, text)


@briefings.register("unmatched_payment", "settle_unmatched")
def settle_unmatched(context: BriefingContext) -> Briefing:
    """The payment, its invoice, and all other payments of that invoice's case."""
    return Briefing(blocks=review_blocks(context))


@briefings.register_case("unmatched_payment")
def case(context: BriefingContext) -> list[Block]:
    return review_blocks(context)
