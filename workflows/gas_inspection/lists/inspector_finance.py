"""The inspector's financial report of a range of days: each visit with its meters and its fee, and the sums (INR-4).

The fee of a report is the contractor's cost of its visit in Rials, by the invoiced lines and so by the tariff of
that day:

- a report that caused a debt (a sub-work beyond the prepaid ones, defects, an absence with a fee): the lines of its
  invoice for that inspection or repeated visit. What a corrected meter costs more (INS-11) is not for the visit;
- a prepaid sub-work, and an approval: one inspection of that stage for all meters, as the registration's paid
  invoice has it. The approval of the pre-inspection of concealed work is not invoiced, for its sub-works are;
- everything else: nothing.

``paid`` is the paid part of the fee. So the sums of all reports of a project never exceed its paid invoices.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from engine.contributions.listings import Column, Filter, ListingContext, ListPage, ListQuery, Row
from models.billing import Invoice, InvoiceLine, InvoiceStatus
from models.choice import Choice
from models.gas import GasProject
from models.inspection import InspectionReport
from models.language import lazy
from workflows import roles
from workflows.formatting import label, yes_no
from workflows.gas.inspections import APPROVED, CORRECTION
from workflows.gas.labels import STAGES
from workflows.gas.list_columns import (
    BY_STAGE,
    CONTRACTOR,
    GROUP,
    METER_COUNT,
    METERS,
    NUMBER,
    PROCESSES,
    SEARCH,
    STAGE,
    addresses,
    eager_loads,
    matching_words,
    project_values,
)
from workflows.gas.projects import REGISTRATION
from workflows.gas_inspection.labels import outcome_name
from workflows.list_pages import FROM, TO, Order, Statement, between, rows_of
from workflows.registry import listings
from workflows.rules.fees import INSPECTION

NEWEST = Order("finance", ((InspectionReport.at.expression, datetime), (InspectionReport.id.expression, int)))
BY_BLOCK = Filter("block", lazy("بلوک"), "choice", [Choice("yes", lazy("بلوک")), Choice("no", lazy("غیر بلوک"))])

SUB_WORK = "sub_work"  # the outcome and its item on invoices
VISIT_ITEMS = (INSPECTION, "repeated_visit")  # items of a visit; a corrected meter's difference is none

_INVOICED = (
    select(func.coalesce(func.sum(InvoiceLine.amount), 0))
    .where(InvoiceLine.invoice_id == InspectionReport.invoice_id, InvoiceLine.item.in_(VISIT_ITEMS))
    .correlate(InspectionReport)
    .scalar_subquery()
)
_PAID = (
    select(func.count())
    .where(Invoice.id == InspectionReport.invoice_id, Invoice.status == InvoiceStatus.PAID)
    .correlate(InspectionReport)
    .scalar_subquery()
)
_PREPAID = (
    select(func.coalesce(func.sum(InvoiceLine.unit_amount), 0))
    .join(Invoice, Invoice.id == InvoiceLine.invoice_id)
    .where(
        Invoice.case_id == GasProject.case_id,
        Invoice.reason == REGISTRATION,
        Invoice.status == InvoiceStatus.PAID,
        InvoiceLine.item == INSPECTION,
        InvoiceLine.stage == case((InspectionReport.outcome == SUB_WORK, SUB_WORK), else_=InspectionReport.stage),
    )
    .correlate(InspectionReport, GasProject)
    .scalar_subquery()
)
_WAS_PREPAID = InspectionReport.outcome.in_([APPROVED, SUB_WORK])

FEE: ColumnElement[int] = case((InspectionReport.invoice_id.is_not(None), _INVOICED), (_WAS_PREPAID, _PREPAID), else_=0)
PAID: ColumnElement[int] = case((or_(InspectionReport.invoice_id.is_(None), _PAID > 0), FEE), else_=0)
_MARKED = func.json_array_length(InspectionReport.meters)
METERS_MEANT: ColumnElement[int] = case((_MARKED > 0, _MARKED), else_=METER_COUNT)


@listings.register(
    key="financial_report",
    label=lazy("گزارش مالی"),
    role=roles.INSPECTOR,
    processes=PROCESSES,
    columns=[
        NUMBER,
        Column("at", lazy("زمان گزارش"), "moment"),
        CONTRACTOR,
        STAGE,
        Column("outcome", lazy("نتیجه")),
        Column("block", lazy("بلوک")),
        METERS,
        Column("fee", lazy("هزینه"), "rials"),
        Column("paid", lazy("پرداخت‌شده"), "rials"),
    ],
    filters=[FROM, TO, BY_STAGE, BY_BLOCK, SEARCH],
    exports=("csv", "xlsx", "pdf"),
    group=GROUP,
)
def financial_report(context: ListingContext, query: ListQuery) -> ListPage:
    """Each report of the inspector in the range, newest first, with the sums of all of them (INR-4)."""
    page = select(InspectionReport, METERS_MEANT, FEE, PAID).options(*eager_loads(InspectionReport.project))
    result = rows_of(
        context,
        _filtered(page, context, query),
        query,
        NEWEST,
        key=lambda entry: [entry[0].at, entry[0].id],
        to_rows=lambda rows: _rows(context, rows),
    )
    return ListPage(result.rows, result.next, _sums(context, query))


def _sums(context: ListingContext, query: ListQuery) -> dict[str, int]:
    sums = select(*(func.coalesce(func.sum(column), 0) for column in (METERS_MEANT, FEE, PAID)))
    meters, fee, paid = context.session.execute(_filtered(sums, context, query)).one()
    return {"meters": int(meters), "fee": int(fee), "paid": int(paid)}


def _filtered(statement: Statement, context: ListingContext, query: ListQuery) -> Statement:
    statement = (
        statement.select_from(InspectionReport)
        .join(GasProject, GasProject.id == InspectionReport.project_id)
        .where(
            and_(
                InspectionReport.inspector_id == context.actor.person_id,
                InspectionReport.outcome != CORRECTION,
                *between(context, InspectionReport.at, query),
            )
        )
    )
    if "stage" in query.choices:
        statement = statement.where(InspectionReport.stage == query.choices["stage"])
    if "block" in query.choices:
        statement = statement.where(GasProject.is_block == (query.choices["block"] == "yes"))
    return matching_words(statement, query)


def _rows(context: ListingContext, results: Sequence[Any]) -> list[Row]:
    urls = addresses(context.session, [report.project for report, *_sums in results])
    return [
        Row(
            project_values(report.project)
            | {"at": report.at, "stage": label(STAGES, report.stage), "outcome": outcome_name(report)}
            | {"block": yes_no(report.project.is_block), "meters": meters, "fee": int(fee), "paid": int(paid)},
            url=urls[report.project_id],
            mark="" if fee == paid else "warning",
        )
        for report, meters, fee, paid in results
    ]
