"""Blocks on payments: for the tasks of paying, for cases' pages, and for finance."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.contributions.briefings import Block, BriefingContext, Facts, Link, Notice, Table
from models.account import Person
from models.billing import Invoice, InvoiceStatus, Payment, PaymentState
from models.case import Case
from models.jalali import format_moment
from models.language import gettext as _
from models.language import lazy
from workflows.formatting import label, localized, number, rials
from workflows.invoicing import INVOICE_STATUSES
from workflows.payment.records import NO_ANSWER
from workflows.providers.registry import payment_gateways
from workflows.registry import line_texts

STATES = {
    "started": lazy("در انتظار نتیجهٔ درگاه"),
    "settled": lazy("انجام شد"),
    "failed": lazy("ناموفق"),
    "expired": lazy("بدون نتیجه"),
    "unmatched": lazy("بدون صورت‌حساب باز"),
}


def blocks(context: BriefingContext) -> list[Block]:
    """Blocks of the task of paying: the invoice, the gateway's last answer, and the link to the gateway."""
    payment = _newest(context.session, context.case.id)
    if payment is None:
        return []
    parts: list[Block] = [_invoice_facts(payment.invoice), lines_table(payment.invoice)]
    if payment.answer == NO_ANSWER:
        text = _("درگاه پرداخت در این لحظه پاسخ نمی‌دهد. هر دقیقه دوباره از آن می‌پرسیم؛ دوباره نپردازید.")
        parts.append(Notice("warning", text))
    else:
        text = _("پس از پرداخت به همین صفحه برگردید. پرداخت فقط پس از تایید درگاه ثبت می‌شود.")
        parts.append(Notice("info", text))
    parts.append(Link(_("رفتن به درگاه پرداخت"), payment.pay_url, primary=True, external=True))
    return parts


def warning(context: BriefingContext) -> list[Block]:
    """Blocks of the task in which the payer gives up."""
    text = _("پیش از لغو، یک بار دیگر از درگاه می‌پرسیم. اگر پرداخت کرده باشید، ثبت می‌شود.")
    return [Notice("info", text)]


def _newest(session: Session, case_id: int) -> Payment | None:
    return session.scalars(
        select(Payment)
        .join(Payment.invoice)
        .where(Invoice.case_id == case_id, Payment.state == PaymentState.STARTED)
        .order_by(Payment.id.desc())
        .limit(1)
    ).first()


def _invoice_facts(invoice: Invoice) -> Facts:
    return Facts(
        _("صورت‌حساب"),
        [
            (_("شمارهٔ صورت‌حساب"), localized(invoice.number)),
            (_("مبلغ"), rials(invoice.total)),
            (_("وضعیت"), label(INVOICE_STATUSES, invoice.status.value)),
        ],
    )


def lines_table(invoice: Invoice) -> Table:
    """The lines of an invoice with their sum, in whole Rials."""
    columns = [_("کنتور"), _("شرح"), _("تعداد"), _("مبلغ واحد (ریال)"), _("مبلغ (ریال)")]
    rows = [
        [
            localized(line.meter_number) if line.meter_number else "—",
            f"{line_texts.of(invoice.reason, line)} {line.meter_class}".strip(),
            number(line.quantity),
            number(line.unit_amount),
            number(line.amount),
        ]
        for line in invoice.lines
    ]
    return Table(_("ریز صورت‌حساب"), columns, rows, [_("جمع"), "", "", "", number(invoice.total)], numeric=(2, 3, 4))


def payments_table(session: Session, case_id: int) -> Table | None:
    """All payments of a case, for its page; ``None`` if there are none."""
    payments = session.scalars(
        select(Payment).join(Payment.invoice).where(Invoice.case_id == case_id).order_by(Payment.id)
    ).all()
    if not payments:
        return None
    columns = [_("صورت‌حساب"), _("مبلغ (ریال)"), _("درگاه"), _("شروع"), _("وضعیت"), _("شمارهٔ پیگیری")]
    return Table(_("پرداخت‌ها"), columns, [_row(payment) for payment in payments], numeric=(1,))


def _row(payment: Payment) -> list[str]:
    return [
        localized(payment.invoice.number),
        number(payment.amount),
        label(payment_gateways.labels(), payment.gateway),
        format_moment(payment.started_at),
        label(STATES, payment.state.value),
        localized(payment.reference) if payment.reference else "—",
    ]


def review_blocks(context: BriefingContext) -> list[Block]:
    """Blocks for finance: the payment, the reason of its review, the payer, and the other payments of the same case."""
    payment = context.session.scalars(select(Payment).where(Payment.review_case_id == context.case.id)).one_or_none()
    if payment is None:
        return []
    invoice = payment.invoice
    payer = context.session.get(Person, invoice.payer_id) if invoice.payer_id is not None else None
    origin = context.session.get_one(Case, invoice.case_id)
    paid = rials(payment.paid_amount) if payment.paid_amount else _("درگاه مبلغ را اعلام نکرده است")
    facts = Facts(
        _("پرداخت"),
        [
            (_("وضعیت"), label(STATES, payment.state.value)),
            (_("مبلغ پرداخت‌شده"), paid if payment.verified_at else _("هنوز تایید نشده")),
            (_("مبلغ خواسته‌شده"), rials(payment.amount)),
            (_("درگاه"), label(payment_gateways.labels(), payment.gateway)),
            (_("شناسهٔ درگاه"), payment.authority),
            (_("شمارهٔ پیگیری بانک"), localized(payment.reference) if payment.reference else "—"),
            (_("زمان شروع"), format_moment(payment.started_at)),
            (_("پرداخت‌کننده"), payer.name if payer else "—"),
            (_("پرونده"), localized(origin.number)),
        ],
    )
    others = payments_table(context.session, invoice.case_id)
    return [facts, *_why(payment), _invoice_facts(invoice), *([others] if others else [])]


def _why(payment: Payment) -> list[Block]:
    if payment.state is not PaymentState.UNMATCHED:
        return []
    if payment.paid_amount != payment.amount:
        return [Notice("warning", _("مبلغ پرداخت‌شده با مبلغ خواسته‌شده برابر نیست."))]
    if payment.invoice.status is InvoiceStatus.CANCELLED:
        return [Notice("warning", _("صورت‌حساب پیش از رسیدن این پول باطل شده است."))]
    if payment.invoice.status is InvoiceStatus.OPEN:
        return [Notice("warning", _("پروندهٔ این صورت‌حساب پیش از رسیدن این پول بسته شده است."))]
    return [Notice("warning", _("این صورت‌حساب قبلاً با پرداخت دیگری تسویه شده است."))]
