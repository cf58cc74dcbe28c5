"""Gas projects for every process: the project of a case, meter classes, fees, invoices, descriptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.contributions.briefings import Facts, Table
from engine.contributions.operations import OperationContext
from models.billing import Invoice, InvoiceLine, InvoiceStatus
from models.building import Owner, Property
from models.case import Case
from models.gas import GasProject, Meter
from models.language import gettext as _
from workflows.formatting import code, label, localized, number, rials, yes_no
from workflows.gas import districts
from workflows.gas.labels import ITEMS, RISERS, STAGES, USAGES, WORK_TYPES
from workflows.invoicing import INVOICE_STATUSES
from workflows.registry import questions
from workflows.rules.fees import FeeLine, MeterForFee, PrepaidStage, Tariff, total

REGISTRATION = "registration"  # the reason of the invoice that is prepaid

Decide = Callable[..., Any]  # OperationContext.decide or BriefingContext.decide

FLOOR_AREA_LIMIT = questions.declare(
    "floor_area_limit", inputs=["floor_area"], outputs=["max_class", "max_consumption"], by=__name__
)
METER_CLASS = questions.declare(
    "meter_class", inputs=["floor_area", "consumption"], outputs=["meter_class"], by=__name__
)
PREPAID_STAGES = questions.declare("prepaid_stages", inputs=["work_type"], outputs=["stage", "quantity"], by=__name__)
REQUIRED_DOCUMENTS = questions.declare(
    "required_documents", inputs=["work_type"], outputs=["document", "title", "mandatory"], by=__name__
)
# More than today's table uses: by these an office may price in the table alone.
OF_METER = ["meter_class", "usage", "units"]
OF_PROJECT = ["region", "work_type", "riser_status", "is_block", "meters"]
TARIFF = questions.declare("tariff", inputs=["item", *OF_METER, *OF_PROJECT], outputs=["amount"], by=__name__)


def project_of(session: Session, case: Case) -> GasProject:
    """The gas project of a case: its own, else the project of the case that it refers to."""
    own = session.scalars(select(GasProject).where(GasProject.case_id == case.id)).one_or_none()
    if own is not None or case.refers_to_id is None:
        return own or _missing(case)
    return session.scalars(select(GasProject).where(GasProject.case_id == case.refers_to_id)).one()


def give_to_contractor(context: OperationContext, to: int) -> None:
    """The project's contractor is another one from now on: who is told, and who pays what is due."""
    case = context.case
    of_case = GasProject.case_id.in_([one for one in (case.id, case.refers_to_id) if one is not None])
    for project in context.session.scalars(select(GasProject).where(of_case)):  # none before the first step is done
        project.contractor_id = to
    unpaid = (Invoice.case_id == case.id, Invoice.status == InvoiceStatus.OPEN)
    for invoice in context.session.scalars(select(Invoice).where(*unpaid)):
        invoice.payer_id = to
    context.session.flush()


def _missing(case: Case) -> GasProject:
    raise LookupError(f"Case {case.number} has no gas project")


@dataclass(frozen=True)
class MeterClass:
    """The class of a meter, or the error text and its field."""

    meter_class: str = ""
    field: str = ""
    problem: str = ""


def meter_class(decide: Decide, *, floor_area: float, consumption: float) -> MeterClass:
    """Decide a meter's class (REG-7). ``floor_area`` in m², ``consumption`` in m³/h."""
    limit = FLOOR_AREA_LIMIT.ask(decide, floor_area=floor_area)
    if limit is None:
        return MeterClass(field="floor_area", problem=_("برای این زیربنا کنتوری تعریف نشده است. زیربنا را بررسی کنید."))
    if consumption > limit["max_consumption"]:
        problem = _(
            "مصرف این کنتور بیش از حد مجاز است. برای زیربنای %(area)s مترمربع حداکثر %(most)s مترمکعب در ساعت"
            " (%(meter_class)s) پذیرفته می‌شود.",
            area=number(floor_area),
            most=number(limit["max_consumption"]),
            meter_class=limit["max_class"],
        )
        return MeterClass(field="consumption", problem=problem)
    decision = METER_CLASS.ask(decide, floor_area=floor_area, consumption=consumption)
    if decision is None:
        return MeterClass(field="consumption", problem=_("این مصرف از بزرگ‌ترین کلاس کنتور بیشتر است."))
    return MeterClass(meter_class=decision["meter_class"])


def meters_for_fee(project: GasProject) -> list[MeterForFee]:
    return [meter_for_fee(meter) for meter in project.meters]


def meter_for_fee(meter: Meter) -> MeterForFee:
    return MeterForFee(meter.number, meter.meter_class, usage=meter.usage, units=meter.units)


def tariff(decide: Decide, project: GasProject) -> Tariff:
    """The tariff of a project as a function for the fee rules: (meter, work type, item) → whole Rials.

    The table also gets the project's region (the number of its district), riser, block and number of meters.
    """

    def fee(meter: MeterForFee, work_type: str, item: str) -> int:
        decision = TARIFF.ask(
            decide,
            item=item,
            meter_class=meter.meter_class,
            usage=meter.usage,
            units=meter.units,
            region=project.property.region if project.property else None,
            work_type=work_type,
            riser_status=project.riser_status,
            is_block=project.is_block,
            meters=len(project.meters),
        )
        if decision is None:
            raise ValueError(f"The tariff has no fee for {meter.meter_class}, {work_type}, {item}")
        amount: int = decision["amount"]
        return amount

    return fee


def prepaid_stages(decide: Decide, work_type: str) -> list[PrepaidStage]:
    """The stages prepaid at registration, in order: (stage, number of inspections) (FEE-1, FEE-2)."""
    return [(row["stage"], row["quantity"]) for row in PREPAID_STAGES.ask(decide, work_type=work_type) or []]


def required_documents(decide: Decide, work_type: str) -> list[Mapping[str, Any]]:
    """The document titles of a work type, in order: ``{"document", "title", "mandatory"}`` each (REG-9)."""
    return list(REQUIRED_DOCUMENTS.ask(decide, work_type=work_type) or [])


def invoices(
    session: Session, case_id: int, *, status: InvoiceStatus | None = None, lock: bool = False
) -> Sequence[Invoice]:
    """The registration's invoices of a case, newest first; with ``lock`` read anew and locked."""
    statement = select(Invoice).where(Invoice.case_id == case_id, Invoice.reason == REGISTRATION)
    if status is not None:
        statement = statement.where(Invoice.status == status)
    if lock:  # a late payment may settle an invoice at this very moment
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalars(statement.order_by(Invoice.id.desc())).all()


def add_invoice(
    session: Session, case: Case, *, payer_id: int, reason: str, lines: Sequence[FeeLine], at: datetime
) -> Invoice:
    """Add an open invoice to the case, numbered after the case's last. Amounts in whole Rials."""
    count = session.scalar(select(func.count()).select_from(Invoice).where(Invoice.case_id == case.id))
    invoice = Invoice(
        number=f"{case.number}/{(count or 0) + 1}",
        case_id=case.id,
        payer_id=payer_id,
        reason=reason,
        status=InvoiceStatus.OPEN,
        total=total(lines),
        created_at=at,
        lines=[invoice_line(line) for line in lines],
    )
    session.add(invoice)
    session.flush()
    return invoice


def invoice_line(line: FeeLine) -> InvoiceLine:
    return InvoiceLine(
        meter_number=line.meter_number,
        meter_class=line.meter_class,
        item=line.item,
        stage=line.stage,
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        amount=line.amount,
    )


def property_facts(session: Session, estate: Property) -> Facts:
    return Facts(
        _("ملک"),
        [
            (_("کد ثبتی سازمان"), localized(estate.code)),
            (_("منطقهٔ شهرداری"), districts.name(session, estate.region)),
            (_("پلاک ثبتی"), plates(estate)),
            (_("کد نوسازی"), localized(estate.renovation_code)),
            (_("کد پستی"), localized(estate.postal_code)),
            (_("نشانی"), localized(estate.address)),
            (_("مساحت زمین"), _("%(area)s مترمربع", area=number(estate.land_area))),
            (_("تعداد طبقات"), number(estate.floors)),
        ],
    )


def plates(estate: Property) -> str:
    """The registry plate as people read it: main, then sub."""
    return _("اصلی %(main)s، فرعی %(sub)s", main=code(estate.main_plate), sub=code(estate.sub_plate))


def owner_facts(owner: Owner) -> Facts:
    if owner.kind == "company":
        items = [
            (_("نام شرکت"), owner.company_name),
            (_("شناسهٔ ملی"), localized(owner.national_id)),
            (_("شمارهٔ ثبت"), localized(owner.registration_number)),
            (_("نام نماینده"), owner.agent_name),
        ]
    else:
        items = [
            (_("نام"), owner.name),
            (_("نام پدر"), owner.father_name),
            (_("کد ملی"), localized(owner.national_code)),
        ]
    return Facts(_("مالک"), [*items, (_("شمارهٔ همراه"), localized(owner.mobile))])


def building_facts(project: GasProject) -> Facts:
    return Facts(
        _("ساختمان"),
        [
            (_("نام ساختمان"), project.building_name or "—"),
            (_("وضعیت علمک"), label(RISERS, project.riser_status)),
            (_("نوع کار"), label(WORK_TYPES, project.work_type)),
            (_("بلوک"), yes_no(project.is_block)),
        ],
    )


METER_NUMBERS = (1, 3, 4)  # of these columns those that are aligned as amounts


def meter_columns() -> list[str]:
    return [
        _("ردیف"),
        _("تعداد واحدها"),
        _("کاربری"),
        _("زیربنا (مترمربع)"),
        _("مصرف (مترمکعب در ساعت)"),
        _("کلاس"),
    ]


def meters_table(meters: Sequence[Meter]) -> Table:
    rows = [
        [
            number(meter.number),
            number(meter.units),
            label(USAGES, meter.usage),
            number(meter.floor_area),
            number(meter.consumption),
            meter.meter_class,
        ]
        for meter in meters
    ]
    return Table(_("کنتورها"), meter_columns(), rows, numeric=METER_NUMBERS)


def invoice_table(invoice: Invoice) -> Table:
    """The lines of an invoice with their sum (REG-10)."""
    rows = [
        [
            number(line.meter_number or 0),
            line.meter_class,
            label(ITEMS, line.item),
            label(STAGES, line.stage),
            number(line.quantity),
            number(line.unit_amount),
            number(line.amount),
        ]
        for line in invoice.lines
    ]
    title = _(
        "صورت‌حساب %(number)s (%(status)s)",
        number=code(invoice.number),
        status=label(INVOICE_STATUSES, invoice.status.value),
    )
    columns = [_("کنتور"), _("کلاس"), _("شرح"), _("مرحله"), _("تعداد"), _("مبلغ واحد (ریال)"), _("مبلغ (ریال)")]
    return Table(title, columns, rows, footer=["", "", "", "", "", _("جمع"), rials(invoice.total)], numeric=(4, 5, 6))
