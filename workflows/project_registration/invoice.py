"""Operations of ``bpmn_diagrams/project_registration.bpmn`` from the documents to the paid invoice (REG-9 … REG-11)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from engine.contributions.operations import OperationContext
from engine.errors import Refusal
from models.billing import Invoice, InvoiceLine, InvoiceStatus
from models.document import Document
from models.gas import GasProject
from models.language import gettext as _
from models.language import listed, quoted
from workflows.formatting import code
from workflows.gas.labels import document_title, service
from workflows.gas.projects import (
    REGISTRATION,
    add_invoice,
    invoices,
    meters_for_fee,
    prepaid_stages,
    project_of,
    required_documents,
    tariff,
)
from workflows.registry import line_texts, operations
from workflows.rules.fees import FeeLine, registration_lines

REVIEW_INVOICE = "review_invoice"

line_texts.register(REGISTRATION)(service)


@operations.register("project_registration.upload_documents", formerly=["registration_invoice.upload_documents"])
def upload_documents(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Store the titles of the uploaded files (REG-9).

    Raises Refusal: at ``documents.N.document`` if the file is not of this case; at ``documents``, naming the mandatory
    titles without a file.
    """
    project = project_of(context.session, context.case)
    titles = {entry["document"]: entry for entry in required_documents(context.decide, project.work_type)}
    rows = submission["documents"]
    own = {document.id: document for document in documents_of(context.session, context.case.id)}
    errors = {
        f"documents.{index}.document": [_("این فایل پیدا نشد. آن را دوباره بارگذاری کنید.")]
        for index, row in enumerate(rows)
        if row["document"] not in own
    }
    if errors:
        raise Refusal(errors)
    uploaded = {row["title"] for row in rows}
    refuse_missing({key: entry for key, entry in titles.items() if key not in uploaded}, field="documents")
    for document in own.values():
        document.title = ""
    for row in rows:
        own[row["document"]].title = titles[row["title"]]["title"] if row["title"] in titles else row["title"]
    context.flash(_("مدارک ذخیره شدند."))


def documents_of(session: Any, case_id: int) -> list[Document]:
    return list(session.scalars(select(Document).where(Document.case_id == case_id).order_by(Document.id)))


def refuse_missing(absent: Mapping[str, Mapping[str, Any]], *, field: str) -> None:
    """Refuse if a mandatory title is among the ``absent`` ones (title's key → row of ``required_documents``).

    Raises Refusal: at ``field``, naming each of these titles.
    """
    names = [quoted(document_title(document)) for document in absent.values() if document["mandatory"]]
    if names:
        raise Refusal({field: [_("این مدارک اجباری هنوز فایل ندارند: %(titles)s", titles=listed(names))]})


@operations.register("project_registration.prepare_invoice", formerly=["registration_invoice.prepare_invoice"])
def prepare_invoice(context: OperationContext) -> int:
    """Create the registration's invoice, or take the existing one. Returns its id.

    A paid invoice always stays; an open one stays while its lines are right, else it is cancelled and replaced.

    Raises Refusal: an earlier step is not complete.
    """
    paid = invoices(context.session, context.case.id, status=InvoiceStatus.PAID, lock=True)
    if paid:
        return paid[0].id
    project = project_of(context.session, context.case)
    _refuse_incomplete(context, project)
    stages = prepaid_stages(context.decide, project.work_type)
    prices = tariff(context.decide, project)
    lines = registration_lines(meters_for_fee(project), project.work_type, stages=stages, tariff=prices)
    for invoice in invoices(context.session, context.case.id, status=InvoiceStatus.OPEN):
        if [_facts(line) for line in invoice.lines] == [_facts(line) for line in lines]:
            return invoice.id
    drop_open_invoice(context)
    return add_invoice(
        context.session, context.case, payer_id=project.contractor_id, reason=REGISTRATION, lines=lines, at=context.now
    ).id


def _facts(line: FeeLine | InvoiceLine) -> tuple[object, ...]:
    names = ("meter_number", "meter_class", "item", "stage", "quantity", "unit_amount", "amount")
    return tuple(getattr(line, name) for name in names)


def _refuse_incomplete(context: OperationContext, project: GasProject) -> None:
    """Refuse an invoice if a changed step made meters or documents incomplete."""
    if project.property is None or project.owner is None or project.registered_at is None or not project.meters:
        raise Refusal({"": [_("پیش از صورت‌حساب باید ملک، مالک، ساختمان و کنتورها ثبت شده باشند.")]})
    uploaded = {document.title for document in documents_of(context.session, context.case.id)}
    required = required_documents(context.decide, project.work_type)
    refuse_missing({row["document"]: row for row in required if row["title"] not in uploaded}, field="")


def drop_open_invoice(context: OperationContext) -> None:
    """Cancel the registration's open invoice after a change of its grounds; a paid invoice stays."""
    for invoice in invoices(context.session, context.case.id, status=InvoiceStatus.OPEN, lock=True):
        invoice.status = InvoiceStatus.CANCELLED


@operations.register("project_registration.confirm_invoice", formerly=["registration_invoice.confirm_invoice"])
def confirm_invoice(context: OperationContext, *, invoice: int) -> str:
    """Confirm that the contractor pays ``invoice``. Returns the step to return to if it stays unpaid.

    Raises Refusal: the invoice is cancelled.
    """
    record = context.session.get_one(Invoice, invoice)
    if record.status is InvoiceStatus.CANCELLED:
        message = _(
            "صورت‌حساب %(number)s باطل شده است. با «ویرایش گام» به «صورت‌حساب» بروید تا صورت‌حساب جدید صادر شود.",
            number=code(record.number),
        )
        raise Refusal({"": [message]})
    return context.key_in_diagram(REVIEW_INVOICE)


@operations.register("project_registration.record_payment", formerly=["registration_invoice.record_payment"])
def record_payment(context: OperationContext, *, invoice: int) -> None:
    """Record the payment of the invoice: from now on meters and region are fixed (REG-11)."""
    record = context.session.get_one(Invoice, invoice)
    if record.status is not InvoiceStatus.PAID:
        raise ValueError(f"Invoice {record.number} is {record.status}, not paid")
    project_of(context.session, context.case).paid_at = record.paid_at or context.now
