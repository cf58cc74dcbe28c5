"""Briefings of an inspection's steps and blocks of its case's page."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.contributions.briefings import Block, Briefing, BriefingContext, Facts, Link, Notice, Table
from models.billing import Invoice
from models.choice import Choice
from models.document import Document, FileState
from models.gas import GasProject
from models.inspection import InspectionReport
from models.jalali import format_moment
from models.language import gettext as _
from models.language import listed
from workflows.certificates.records import way_to_certificate
from workflows.formatting import code, label, localized, number, plain_number, rials
from workflows.gas.inspections import (
    CORRECTION,
    corrections_of,
    credit_of,
    meter_to_correct,
    open_invoice,
    planned_visit,
    reports_behind,
    reports_of,
    sub_works_of,
)
from workflows.gas.labels import USAGES, WORK_TYPES
from workflows.gas.projects import building_facts, invoice_table, meters_table, owner_facts, project_of, property_facts
from workflows.gas_inspection.debt import fee_of_report, has_prepaid_sub_works, prepaid_of
from workflows.gas_inspection.labels import OUTCOMES, outcome_name, stage_name
from workflows.gas_inspection.printout import ALL_REPORTS, reports_printed
from workflows.gas_inspection.report import own_reports
from workflows.registry import briefings
from workflows.rules.inspection_fees import NONE, NOT_POSSIBLE, SUB_WORK

PROCESS = "gas_inspection"
MAX_BESIDE = 5  # the newest reports beside a step
MAX_IN_FULL = 10  # the newest reports and corrected meters on the case's page; the printout has all of them
MAX_TEXT = 200  # characters of each of them


def _project_blocks(session: Session, project: GasProject) -> list[Block]:
    blocks: list[Block] = [
        Facts(
            _("پروژه"),
            [
                (_("شمارهٔ پروژه"), localized(project.case.number)),
                (_("مجری گاز"), project.contractor.name),
                (_("شمارهٔ همراه"), localized(project.contractor.mobile or "—")),
                (_("بازرس"), project.inspector.name if project.inspector else "—"),
            ],
        )
    ]
    blocks += [property_facts(session, project.property)] if project.property else []
    blocks += [owner_facts(project.owner)] if project.owner else []
    return [*blocks, building_facts(project), meters_table(project.meters)]


def _in_short(project: GasProject) -> list[Block]:
    """The project in short for an inspector: contractor, address, meters. The case's page has the rest."""
    items = [
        (_("شمارهٔ پروژه"), localized(project.case.number)),
        (_("نوع کار"), label(WORK_TYPES, project.work_type)),
        (_("مجری گاز"), project.contractor.name),
        (_("شمارهٔ همراه"), localized(project.contractor.mobile or "—")),
    ]
    if project.property is not None:
        items.append((_("نشانی"), localized(project.property.address)))
    if project.owner is not None:
        items.append((_("مالک"), project.owner.name))
    return [Facts(_("پروژه"), items), meters_table(project.meters)]


def _standing(context: BriefingContext, project: GasProject) -> Facts:
    """State of the inspection: stage, visit, prepaid and used sub-works, debt in Rials (INS-1, INS-7)."""
    session = context.session
    items = [(_("مرحله"), stage_name(project.stage))]
    if project.referred_at is not None:
        items.append((_("ارجاع به بازرس"), format_moment(project.referred_at)))
    visit = planned_visit(session, project)
    if visit is not None:
        items.append((_("زمان بازدید"), format_moment(visit.at)))
    prepaid = prepaid_of(session, project).get(SUB_WORK)
    if prepaid is not None:
        text = _(
            "%(used)s ثبت شده، %(prepaid)s پیش‌پرداخت شده",
            used=number(sub_works_of(session, project)),
            prepaid=number(prepaid),
        )
        items.append((_("زیرکارها"), text))
    items.append((_("بدهی"), rials(project.debt) if project.debt else _("ندارد")))
    credit = credit_of(session, project)
    if credit:
        items.append((_("بستانکاری مجری"), rials(credit)))
    if project.approved_at is not None:
        items.append((_("تایید نهایی"), format_moment(project.approved_at)))
    return Facts(_("بازرسی"), items)


def _reports(context: BriefingContext, project: GasProject) -> list[Block]:
    """The newest reports in full with their photos, and the link to the printout of all (INS-14)."""
    reports = reports_of(context.session, project, newest=MAX_IN_FULL)[::-1]
    blocks = _in_full(context, reports)
    if reports and reports[-1].number > 1:
        text = _(
            "این‌ها جدیدترین گزارش‌ها هستند. %(count)s گزارش قبلی در نسخهٔ چاپی همهٔ گزارش‌هاست.",
            count=number(reports[-1].number - 1),
        )
        blocks += [Notice("info", text), _link_to_all(context)]
    return blocks


def own_report_blocks(context: BriefingContext) -> list[Block]:
    """The reader's own newest reports in full, and the link to the printout of them all (INS-17)."""
    project = project_of(context.session, context.case)
    own = select(InspectionReport).where(*reports_printed(context, project))
    reports = context.session.scalars(own.order_by(InspectionReport.number.desc()).limit(MAX_IN_FULL)).all()
    return [*_in_full(context, reports), _link_to_all(context)] if reports else []


def _in_full(context: BriefingContext, reports: Sequence[InspectionReport]) -> list[Block]:
    blocks: list[Block] = []
    for report in reports:
        blocks.append(_report_facts(report))
        blocks += _photos(context, report)
    return blocks


def _link_to_all(context: BriefingContext) -> Link:
    return Link(_("همهٔ گزارش‌های بازرسی"), f"/cases/{context.case.number}/reports/{ALL_REPORTS}.pdf")


def _newest_reports(context: BriefingContext, project: GasProject) -> list[Block]:
    """The newest reports in short, beside a step; the case's page has more of them, in full."""
    reports = reports_of(context.session, project, newest=MAX_BESIDE)[::-1]
    if not reports:
        return []
    blocks: list[Block] = [_in_rows(_("گزارش‌های قبلی"), reports)]
    if reports[-1].number > 1:
        text = _("%(count)s گزارش قبلی در صفحهٔ پرونده است.", count=number(reports[-1].number - 1))
        blocks.append(Notice("info", text))
    return blocks


def _in_rows(title: str, reports: Sequence[InspectionReport]) -> Table:
    """Table of reports in short."""
    columns = [_("گزارش"), _("زمان ثبت"), _("مرحله"), _("نتیجه"), _("کنتورها"), _("متن گزارش")]
    rows = [
        [
            localized(report.number),
            format_moment(report.at),
            stage_name(report.stage),
            outcome_name(report),
            listed(localized(meter) for meter in report.meters) or "—",
            localized(shorten(report.text, MAX_TEXT, placeholder="…")),
        ]
        for report in reports
    ]
    return Table(title, columns, rows)


def _report_facts(report: InspectionReport) -> Facts:
    items = [
        (_("زمان ثبت"), format_moment(report.at)),
        (_("بازرس"), report.inspector.name),
        (_("مرحله"), stage_name(report.stage)),
        (_("نتیجه"), outcome_name(report)),
        (_("متن گزارش"), localized(report.text)),
    ]
    if report.corrects is not None:
        items.insert(4, (_("گزارش اصلاح‌شده"), localized(report.corrects.number)))
    if report.meters:
        items.append((_("کنتورها"), listed(localized(meter) for meter in report.meters)))
    for row in report.mismatches:
        where = _("مغایرت کنتور %(number)s", number=localized(row["meter"]))
        items.append((where, localized(row["remark"])))
    return Facts(_("گزارش شمارهٔ %(number)s", number=localized(report.number)), items)


def _photos(context: BriefingContext, report: InspectionReport) -> list[Block]:
    if not report.photos:
        return []
    documents = (context.session.get(Document, identity) for identity in report.photos)
    return [Link(one.name, f"/documents/{one.id}") for one in documents if one and one.state is FileState.READY]


def _debt_blocks(context: BriefingContext, project: GasProject) -> list[Block]:
    """The open invoice with its lines."""
    invoice = open_invoice(context.session, context.case)
    return [invoice_table(invoice)] if invoice is not None else []


@briefings.register(PROCESS, "schedule_visit")
def schedule_visit(context: BriefingContext) -> Briefing:
    project = project_of(context.session, context.case)
    blocks = [_standing(context, project), *_debt_blocks(context, project)]
    return Briefing(blocks=[*blocks, *_in_short(project), *_newest_reports(context, project)])


@briefings.register(PROCESS, "withdraw")
def withdraw(context: BriefingContext) -> Briefing:
    text = _("انصراف برگشت ندارد: پروژه به بازرس دیگری ارجاع می‌شود و دیگر به شما ارجاع نخواهد شد.")
    return Briefing(blocks=[Notice("warning", text)])


@briefings.register(PROCESS, "record_report")
def record_report(context: BriefingContext) -> Briefing:
    """The visit, the present cost of each outcome, and the reports so far."""
    project = project_of(context.session, context.case)
    meters = _meter_choices(project)
    prepaid = has_prepaid_sub_works(context.session, project)
    outcomes = [
        Choice(key, OUTCOMES[key], _cost(context, project, key, prepaid)) for key in OUTCOMES if key != CORRECTION
    ]
    return Briefing(
        choices={"outcome": outcomes, "meters": meters, "mismatches.meter": meters},
        blocks=[
            _standing(context, project),
            *_in_short(project),
            *_newest_reports(context, project),
        ],
    )


def _meter_choices(project: GasProject) -> list[Choice]:
    return [
        Choice(
            meter.number,
            _("کنتور %(number)s (%(meter_class)s)", number=localized(meter.number), meter_class=meter.meter_class),
            label(USAGES, meter.usage),
        )
        for meter in project.meters
    ]


def _cost(context: BriefingContext, project: GasProject, outcome: str, prepaid: bool) -> str:
    """Text on the cost of an outcome for the contractor at this moment."""
    fee = fee_of_report(context.decide, project, outcome, prepaid=prepaid)
    if fee.item == NOT_POSSIBLE:
        return _("فقط برای کار زیرکار (توکار) و در پیش‌بازرسی")
    if fee.item == NONE:
        return _("بدون هزینه برای مجری")
    if fee.item == "repeated_visit":
        return _("هزینهٔ بازدید تکراری برای هر کنتور علامت‌خورده")
    return _("هزینهٔ یک مرحله بازرسی برای همهٔ کنتورها")


@briefings.register(PROCESS, "correct_report")
def correct_report(context: BriefingContext) -> Briefing:
    """The inspector's newest own reports, whose numbers are offered; earlier numbers are accepted too."""
    project = project_of(context.session, context.case)
    reports = own_reports(context.session, project, context.actor.person_id, newest=MAX_BESIDE)
    text = _("گزارش ثبت‌شده تغییر نمی‌کند. اصلاح آن گزارش جدیدی است که کنار آن می‌ماند و نتیجه و هزینه را عوض نمی‌کند.")
    blocks: list[Block] = [Notice("info", text)]
    if not reports:
        return Briefing(blocks=blocks)
    return Briefing(values={"report": reports[0].number}, blocks=[*blocks, _in_rows(_("گزارش‌های جدید شما"), reports)])


@briefings.register(PROCESS, "dismiss_inspector")
def dismiss_inspector(context: BriefingContext) -> Briefing:
    project = project_of(context.session, context.case)
    name = project.inspector.name if project.inspector else "—"
    text = _("بازرسی این پروژه از %(name)s گرفته و به بازرس دیگری ارجاع می‌شود. گزارش‌های ثبت‌شده می‌مانند.", name=name)
    return Briefing(blocks=[Notice("warning", text)])


@briefings.register(PROCESS, "pay_debt")
def pay_debt(context: BriefingContext) -> Briefing:
    """The amount, its lines, and the report that caused the debt (INS-10)."""
    project = project_of(context.session, context.case)
    invoice = open_invoice(context.session, context.case)
    if invoice is None:
        text = _("این بدهی پرداخت شده است. برای ادامهٔ بازرسی همین گام را تایید کنید.")
        return Briefing(blocks=[Notice("success", text)])
    text = _(
        "%(amount)s بدهکارید. تا پرداخت آن بازرس نمی‌تواند گزارش جدیدی ثبت کند. پرداخت بخشی از آن ممکن نیست.",
        amount=rials(invoice.total),
    )
    blocks: list[Block] = [Notice("warning", text), invoice_table(invoice), *_why(context, project, invoice)]
    return Briefing(blocks=[*blocks, meters_table(project.meters)])


def _why(context: BriefingContext, project: GasProject, invoice: Invoice) -> Sequence[Block]:
    """The reports that caused this invoice, by their fee or by a meter mismatch."""
    return [_report_facts(report) for report in reports_behind(context.session, project, invoice)[::-1]]


@briefings.register(PROCESS, "correct_meter")
def correct_meter(context: BriefingContext) -> Briefing:
    """The meter to correct, as registered, and the inspector's remark on it (INS-11)."""
    project = project_of(context.session, context.case)
    correction = meter_to_correct(context.session, project)
    if correction is None:
        return Briefing()
    meter = next(meter_row for meter_row in project.meters if meter_row.number == correction.meter_number)
    name = code(meter.number)
    text = _(
        "بازرس مشخصات کنتور %(number)s را با آنچه ثبت شده یکی نمی‌داند: %(remark)s",
        number=name,
        remark=localized(correction.remark),
    )
    blocks: list[Block] = [Notice("warning", text), meters_table([meter])]
    rule = _(
        "کلاس کنتور دوباره تعیین می‌شود. اگر هزینهٔ آن بیشتر شود مابه‌التفاوت را می‌پردازید و اگر کمتر شود"
        " مابه‌التفاوت به حساب شما بستانکار می‌شود."
    )
    values = {
        "units": meter.units,
        "usage": meter.usage,
        "floor_area": plain_number(meter.floor_area),
        "consumption": plain_number(meter.consumption),
    }
    return Briefing(values=values, blocks=[*blocks, Notice("info", rule)])


def case_blocks(context: BriefingContext) -> list[Block]:
    """The whole inspection: its state, the debt, the newest reports and corrected meters, the project."""
    project = project_of(context.session, context.case)
    blocks: list[Block] = [*way_to_certificate(context, project), _standing(context, project)]
    blocks += [*_debt_blocks(context, project), *_reports(context, project)]
    return [*blocks, *_corrections(context, project), *_project_blocks(context.session, project)]


def _corrections(context: BriefingContext, project: GasProject) -> list[Block]:
    corrections = corrections_of(context.session, project, newest=MAX_IN_FULL)
    if not corrections:
        return []
    columns = [_("کنتور"), _("توضیح بازرس"), _("کلاس قبلی"), _("کلاس جدید"), _("مابه‌التفاوت (ریال)"), _("زمان اصلاح")]
    rows = [
        [
            localized(correction.meter_number),
            localized(correction.remark),
            (correction.before or {}).get("meter_class", "—"),
            (correction.after or {}).get("meter_class", "—"),
            number(correction.difference) if correction.corrected_at else "—",
            format_moment(correction.corrected_at) if correction.corrected_at else _("هنوز اصلاح نشده"),
        ]
        for correction in corrections
    ]
    return [Table(_("کنتورهای اصلاح‌شده"), columns, rows, numeric=(4,))]
