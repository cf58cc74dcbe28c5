"""Debts of an inspection: invoices of reports, their payment, and corrected meters (INS-7 to INS-11).

One invoice of an inspection is open at a time: reports are refused while there is one, and what a corrected meter
costs more is added to it as long as nobody could pay it yet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.contributions.operations import OperationContext
from engine.errors import Refusal
from engine.persistence.outbox import language_of
from models.billing import Invoice, InvoiceLine, InvoiceStatus
from models.gas import GasProject, Meter
from models.inspection import InspectionReport, MeterCorrection
from models.language import gettext as _
from models.language import lazy, reading
from workflows.formatting import code, localized, rials
from workflows.gas.inspections import (
    DEBT,
    METER_CORRECTION,
    meter_to_correct,
    open_debt,
    open_invoice,
    stage_of,
    sub_works_of,
)
from workflows.gas.labels import service
from workflows.gas.projects import (
    REGISTRATION,
    add_invoice,
    invoice_line,
    meter_class,
    meter_for_fee,
    meters_for_fee,
    project_of,
    tariff,
)
from workflows.registry import line_texts, operations, questions
from workflows.rules.fees import FeeLine
from workflows.rules.inspection_fees import NOT_POSSIBLE, SUB_WORK, Difference, ReportFee, difference, lines_of_report

DEBT_MADE = "debt_made"  # kinds of history lines
DEBT_SETTLED = "debt_settled"
METER_CORRECTED = "meter_corrected"
MAX_OF_A_LOCK = 300  # characters of the reason on a locked task

line_texts.register(DEBT, METER_CORRECTION)(service)

REPORT_FEE = questions.declare(
    "report_fee", inputs=["work_type", "stage", "outcome", "prepaid"], outputs=["item", "meters"], by=__name__
)


def prepaid_of(session: Session, project: GasProject, *, meter: int | None = None) -> dict[str, int]:
    """Prepaid inspections: stage → number, from the lines of the paid invoice (FEE-1, FEE-2)."""
    statement = (
        select(InvoiceLine.stage, func.max(InvoiceLine.quantity))
        .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
        .where(Invoice.case_id == project.case_id, Invoice.reason == REGISTRATION, Invoice.status == InvoiceStatus.PAID)
        .group_by(InvoiceLine.stage)
        .order_by(func.min(InvoiceLine.id))
    )
    if meter is not None:
        statement = statement.where(InvoiceLine.meter_number == meter)
    return {stage: quantity for stage, quantity in session.execute(statement)}


def has_prepaid_sub_works(session: Session, project: GasProject) -> bool:
    """Whether the next sub-work is prepaid (INS-7)."""
    return sub_works_of(session, project) < prepaid_of(session, project).get(SUB_WORK, 0)


def fee_of_report(decide: Callable[..., Any], project: GasProject, outcome: str, *, prepaid: bool) -> ReportFee:
    """Fee item of a report with this outcome (INS-6 to INS-9). ``prepaid``: whether the next sub-work is prepaid."""
    decision = REPORT_FEE.ask(
        decide, work_type=project.work_type, stage=stage_of(project), outcome=outcome, prepaid=prepaid
    )
    return ReportFee(decision["item"], decision["meters"])


def charge_report(
    context: OperationContext, project: GasProject, *, outcome: str, marked: Sequence[int]
) -> Invoice | None:
    """Create the invoice of a report, before the report itself; ``None`` if the report is free of charge.

    Raises Refusal: at ``outcome`` if this work type or stage does not have it (INS-4).
    """
    prepaid = has_prepaid_sub_works(context.session, project)
    fee = fee_of_report(context.decide, project, outcome, prepaid=prepaid)
    if fee.item == NOT_POSSIBLE:
        message = _("زیرکار فقط برای کار زیرکار (توکار) و در پیش‌بازرسی ثبت می‌شود. نتیجهٔ دیگری انتخاب کنید.")
        raise Refusal({"outcome": [message]})
    meters = meters_for_fee(project)
    stage = SUB_WORK if outcome == SUB_WORK else stage_of(project)
    lines = lines_of_report(
        fee, meters, marked=marked, work_type=project.work_type, stage=stage, tariff=tariff(context.decide, project)
    )
    if not lines:
        return None
    invoice = _add(context, project, DEBT, lines)
    text = lazy("بدهی جدید: %(amount)s ریال", amount=grouped(invoice.total))
    context.record(DEBT_MADE, {"invoice": invoice.id, "amount": invoice.total, "text": text})
    return invoice


def _add(context: OperationContext, project: GasProject, reason: str, lines: list[FeeLine]) -> Invoice:
    invoice = add_invoice(
        context.session, context.case, payer_id=project.contractor_id, reason=reason, lines=lines, at=context.now
    )
    write_debt(context.session, project)
    return invoice


def grouped(amount: int) -> str:
    """An amount in Rials for the history, grouped, in Latin digits; pages write the reader's digits."""
    return f"{amount:,}".replace(",", "٬")


def write_debt(session: Session, project: GasProject) -> None:
    """Store the sum of the open invoices (Rials) on the project, for the lists (INS-1)."""
    session.flush()
    project.debt = open_debt(session, project)


def lock_text(session: Session, project: GasProject) -> str:
    """Reason why the inspector's next step is locked, in Persian; "" if it is not."""
    meter = meter_to_correct(session, project)
    with reading("fa"):
        if meter is not None:
            text = _("مجری باید ابتدا مشخصات کنتور %(number)s را اصلاح کند.", number=localized(meter.meter_number))
        elif project.debt:
            text = _("پروژه %(amount)s بدهکار است. تا پرداخت آن گزارش جدیدی ثبت نمی‌شود.", amount=rials(project.debt))
        else:
            text = ""
    return text[:MAX_OF_A_LOCK]


def tell_debt(context: OperationContext, project: GasProject, invoice: Invoice) -> None:
    """Send the amount due to the contractor by message and SMS (INS-10)."""
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "%(number)s: این پروژه %(amount)s بدهکار شد. تا پرداخت آن بازرسی ادامه نمی‌یابد. در کارتابل خود بپردازید.",
            number=code(project.case.number),
            amount=rials(invoice.total),
        )
        context.notify(project.contractor_id, _("بدهی بازرسی"), body, sms=True)


# Paying (INS-10)


@operations.register("gas_inspection.confirm_debt", formerly=["inspection_debt.confirm_debt"])
def confirm_debt(context: OperationContext) -> int:
    """Confirm that the contractor pays the debt. Returns the id of the open invoice, else of the last paid invoice."""
    invoice = open_invoice(context.session, context.case, lock=True)
    if invoice is None:  # a payment that came late has settled it: the payment process says so at once
        invoice = context.session.scalars(
            select(Invoice)
            .where(Invoice.case_id == context.case.id, Invoice.status == InvoiceStatus.PAID)
            .order_by(Invoice.paid_at.desc(), Invoice.id.desc())
            .limit(1)
        ).one()
    return invoice.id


@operations.register("gas_inspection.settle_debt", formerly=["inspection_debt.debt_paid"])
def settle_debt(context: OperationContext, *, invoice: int) -> None:
    """Record the payment of the debt and send word to the inspector (INS-10)."""
    project = project_of(context.session, context.case)
    paid = context.session.get_one(Invoice, invoice)
    write_debt(context.session, project)
    text = lazy("بدهی %(amount)s ریال پرداخت شد", amount=grouped(paid.total))
    context.record(DEBT_SETTLED, {"invoice": paid.id, "amount": paid.total, "text": text})
    context.flash(_("بدهی پرداخت شد و بازرس می‌تواند زمان بازدید را تعیین کند."))
    if project.inspector is not None:
        with reading(language_of(context.session, project.inspector.id)):
            body = _(
                "بدهی پروژهٔ %(number)s پرداخت شد. زمان بازدید بعدی را تعیین کنید.", number=code(project.case.number)
            )
            context.notify(project.inspector.id, _("بدهی پرداخت شد"), body)


def cancel_debt(context: OperationContext, project: GasProject) -> None:
    """Cancel the open invoice of a case that closes; later money goes to finance."""
    invoice = open_invoice(context.session, context.case, lock=True)
    if invoice is not None:
        invoice.status = InvoiceStatus.CANCELLED
    write_debt(context.session, project)


# Correcting a meter (INS-11)


@operations.register("gas_inspection.reclassify_meter", formerly=["inspection_debt.put_meter_right"])
def reclassify_meter(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Correct the meter of the open mismatch, decide its class anew, and record the difference in fee.

    Raises Refusal: at ``consumption`` or ``floor_area`` if no class permits the value (REG-7).
    """
    project = project_of(context.session, context.case)
    correction = meter_to_correct(context.session, project)
    if correction is None:
        raise Refusal({"": [_("کنتوری برای اصلاح نمانده است.")]})
    meter = next(row for row in project.meters if row.number == correction.meter_number)
    area, consumption = submission["floor_area"], submission["consumption"]
    classified = meter_class(context.decide, floor_area=area, consumption=consumption)
    if classified.problem:
        raise Refusal({classified.field: [classified.problem]})
    correction.before = values_of(meter)
    before = meter_for_fee(meter)
    meter.units, meter.usage, meter.meter_class = submission["units"], submission["usage"], classified.meter_class
    meter.floor_area, meter.consumption = Decimal(str(area)), Decimal(str(consumption))
    correction.after, correction.corrected_at = values_of(meter), context.now
    changed = difference(
        meter_for_fee(meter),
        before=before,
        work_type=project.work_type,
        prepaid=prepaid_of(context.session, project, meter=meter.number),
        tariff=tariff(context.decide, project),
    )
    _settle_difference(context, project, correction, changed)
    _tell_correction(context, project, correction)


def values_of(meter: Meter) -> dict[str, Any]:
    """The present values of a meter as plain data."""
    return {
        "units": meter.units,
        "usage": meter.usage,
        "floor_area": float(meter.floor_area),
        "consumption": float(meter.consumption),
        "meter_class": meter.meter_class,
    }


def _settle_difference(
    context: OperationContext, project: GasProject, correction: MeterCorrection, changed: Difference
) -> None:
    correction.difference = changed.amount
    if not changed.lines:
        return
    invoice = open_invoice(context.session, context.case, lock=True)
    if invoice is None:
        invoice = _add(context, project, METER_CORRECTION, changed.lines)
    else:  # of the same report, and not offered for payment yet
        invoice.lines += [invoice_line(line) for line in changed.lines]
        invoice.total += changed.amount
        write_debt(context.session, project)
    correction.invoice_id = invoice.id
    tell_debt(context, project, invoice)


def _tell_correction(context: OperationContext, project: GasProject, correction: MeterCorrection) -> None:
    report = context.session.get_one(InspectionReport, correction.report_id)
    values = {"number": correction.meter_number, "amount": grouped(abs(correction.difference))}
    if correction.difference > 0:
        text = lazy("کنتور %(number)s اصلاح شد؛ %(amount)s ریال مابه‌التفاوت باید پرداخت شود", **values)
    elif correction.difference < 0:
        text = lazy("کنتور %(number)s اصلاح شد؛ %(amount)s ریال به سود مجری ثبت شد", **values)
    else:
        text = lazy("کنتور %(number)s اصلاح شد؛ هزینه تغییری نکرد", number=correction.meter_number)
    context.record(METER_CORRECTED, {"report": report.number, "difference": correction.difference, "text": text})
    context.flash(_("کنتور %(number)s اصلاح شد.", number=localized(correction.meter_number)))
