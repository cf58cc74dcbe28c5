"""Briefings of the steps of ``project_registration``: saved values, search hits, progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.contributions.briefings import Block, Briefing, BriefingContext, Facts, Notice, Table
from models.building import OWNER_FIELDS, PROPERTY_FIELDS
from models.choice import Choice
from models.gas import BUILDING_FIELDS, METER_FIELDS, GasProject
from models.jalali import format_moment
from models.language import gettext as _
from models.language import listed
from workflows import roles
from workflows.assignment.labels import why_table
from workflows.certificates.records import way_to_certificate
from workflows.formatting import label, localized, number
from workflows.gas import districts
from workflows.gas.labels import USAGES, document_title
from workflows.gas.projects import (
    METER_NUMBERS,
    building_facts,
    invoice_table,
    invoices,
    meter_class,
    meter_columns,
    meters_table,
    owner_facts,
    plates,
    project_of,
    property_facts,
    required_documents,
)
from workflows.project_registration.invoice import documents_of
from workflows.project_registration.property_search import EmptySearch, search
from workflows.project_registration.saved_fields import form_values
from workflows.project_registration.steps import progress, step_choices
from workflows.registry import briefings

PROCESS = "project_registration"


def _steps(context: BriefingContext, current: str) -> list[Block]:
    blocks: list[Block] = [progress(context.completed, current)]
    return blocks


@briefings.register(PROCESS, "choose_property")
def choose_property(context: BriefingContext) -> Briefing:
    estate = project_of(context.session, context.case).property
    blocks = _steps(context, "choose_property")
    if estate is not None:
        blocks.append(property_facts(context.session, estate))
    return Briefing(blocks=blocks)


@briefings.register(PROCESS, "register_property")
def register_property(context: BriefingContext) -> Briefing:
    estate = project_of(context.session, context.case).property
    values: dict[str, Any] = {}
    saved: list[int] = []
    if estate is not None and "register_property" in context.completed:
        values = form_values(estate, PROPERTY_FIELDS)
        saved = [estate.region]
    offered = {"region": districts.choices(context.session, saved=saved)}
    return Briefing(values=values, choices=offered, blocks=_steps(context, "register_property"))


@briefings.register(PROCESS, "find_property")
def find_property(context: BriefingContext) -> Briefing:
    """Search by the typed values; the hits are choices and a table below the search (REG-3)."""
    session = context.session
    blocks, offered = _steps(context, "find_property"), {"region": districts.choices(session)}
    try:
        hits = search(session, context.typed)
    except EmptySearch:
        text = _("کد ثبتی، یا منطقه و پلاک ثبتی، یا کد نوسازی ملک را وارد و جستجو کنید.")
        return Briefing(choices=offered, blocks=[*blocks, Notice("info", text)])
    except ValueError as error:
        return Briefing(choices=offered, blocks=[*blocks, Notice("warning", str(error))])
    if not hits.hits:
        text = _(
            "ملکی با این مشخصات پیدا نشد. آنچه نوشته‌اید مانده است؛ آن را بررسی کنید، یا اگر ملک در سازمان کد ندارد با"
            " «ویرایش گام» به «ثبت ملک جدید» بروید."
        )
        return Briefing(choices=offered, blocks=[*blocks, Notice("warning", text)])
    columns = [_("کد ثبتی سازمان"), _("منطقهٔ شهرداری"), _("پلاک ثبتی"), _("کد نوسازی"), _("نشانی")]
    rows = [
        [
            localized(hit.code),
            districts.name(session, hit.region),
            plates(hit),
            localized(hit.renovation_code),
            localized(hit.address),
        ]
        for hit in hits.hits
    ]
    blocks.append(Table(_("ملک‌های پیداشده"), columns, rows))
    if hits.more:
        text = _("فقط %(count)s ملک اول نشان داده شده است. جستجو را دقیق‌تر کنید.", count=number(len(hits.hits)))
        blocks.append(Notice("info", text))
    choices = [
        Choice(hit.id, localized(hit.code), listed([districts.name(session, hit.region), localized(hit.address)]))
        for hit in hits.hits
    ]
    return Briefing(choices=offered | {"property": choices}, blocks=blocks)


@briefings.register(PROCESS, "register_owner")
def register_owner(context: BriefingContext) -> Briefing:
    owner = project_of(context.session, context.case).owner
    values: dict[str, Any] = {}
    if owner is not None:
        saved = form_values(owner, OWNER_FIELDS[owner.kind])
        values = {"owner_kind": owner.kind} | {name: value for name, value in saved.items() if value}
    return Briefing(values=values, blocks=_steps(context, "register_owner"))


@briefings.register(PROCESS, "register_building")
def register_building(context: BriefingContext) -> Briefing:
    project = project_of(context.session, context.case)
    values: dict[str, Any] = {}
    if project.registered_at is not None:
        values = form_values(project, BUILDING_FIELDS)
    return Briefing(values=values, blocks=_steps(context, "register_building"))


@briefings.register(PROCESS, "register_meters")
def register_meters(context: BriefingContext) -> Briefing:
    """The classes of the typed meters, else of the saved ones (REG-6, REG-7)."""
    project = project_of(context.session, context.case)
    number_fact = Facts(_("پروژه"), [(_("شمارهٔ پروژه"), localized(context.case.number))])
    blocks: list[Block] = [*_steps(context, "register_meters"), number_fact]
    saved = [form_values(meter, METER_FIELDS) for meter in project.meters]
    typed = context.typed.get("meters") or saved
    rows = [_meter_row(context, index, row) for index, row in enumerate(typed) if isinstance(row, dict)]
    rows = [row for row in rows if row]
    if rows:
        blocks.append(Table(_("کنتورها و کلاس آن‌ها"), [*meter_columns(), _("بررسی")], rows, numeric=METER_NUMBERS))
    text = _("همهٔ کنتورهای یک پروژه به یک بازرس ارجاع می‌شود. برای چند بازرس، چند پروژه ثبت کنید.")
    blocks.append(Notice("info", text))
    return Briefing(values={"meters": saved} if saved else {}, blocks=blocks)


def _meter_row(context: BriefingContext, index: int, row: Mapping[str, Any]) -> list[str]:
    """A row of the table of classes; empty unless area (m²) and consumption (m³/h) are both numbers."""
    try:
        area, consumption = float(row["floor_area"]), float(row["consumption"])
    except (KeyError, TypeError, ValueError):
        return []
    classified = meter_class(context.decide, floor_area=area, consumption=consumption)
    return [
        number(index + 1),
        localized(row.get("units") or ""),
        label(USAGES, str(row.get("usage") or "")),
        number(area),
        number(consumption),
        classified.meter_class or "—",
        classified.problem or _("درست"),
    ]


@briefings.register(PROCESS, "upload_documents")
def upload_documents(context: BriefingContext) -> Briefing:
    """The document titles, with marks for mandatory titles and for uploaded files (REG-9)."""
    project = project_of(context.session, context.case)
    required = required_documents(context.decide, project.work_type)
    keys = {entry["title"]: entry["document"] for entry in required}
    saved = [
        {"title": keys[document.title], "document": document.id}
        for document in documents_of(context.session, context.case.id)
        if document.title in keys
    ]
    typed = context.typed.get("documents")
    rows = typed if isinstance(typed, list) else saved
    uploaded = {row.get("title") for row in rows if isinstance(row, dict) and row.get("document")}
    choices = [
        Choice(entry["document"], document_title(entry), _("اجباری") if entry["mandatory"] else _("اختیاری"))
        for entry in required
    ]
    table = Table(
        _("مدارک این پروژه"),
        [_("عنوان مدرک"), _("لزوم"), _("وضعیت")],
        [
            [
                document_title(entry),
                _("اجباری") if entry["mandatory"] else _("اختیاری"),
                _("فایل دارد") if entry["document"] in uploaded else _("بدون فایل"),
            ]
            for entry in required
        ],
    )
    return Briefing(
        values={"documents": saved} if saved else {},
        choices={"documents.title": choices},
        blocks=[*_steps(context, "upload_documents"), table],
    )


@briefings.register(PROCESS, "review_invoice")
def review_invoice(context: BriefingContext) -> Briefing:
    project = project_of(context.session, context.case)
    blocks: list[Block] = [*_steps(context, "review_invoice"), meters_table(project.meters)]
    blocks += [invoice_table(invoice) for invoice in invoices(context.session, context.case.id)[:1]]
    return Briefing(blocks=blocks)


@briefings.register(PROCESS, "change_step")
def change_step(context: BriefingContext) -> Briefing:
    return Briefing(choices={"step": step_choices(context.completed, context.key_in_diagram)})


def case_blocks(context: BriefingContext) -> list[Block]:
    """Everything registered so far; the reasons of the assignment for supervisors and the gas office (ASG-4)."""
    project = project_of(context.session, context.case)
    blocks: list[Block] = [*way_to_certificate(context, project), _project_facts(project)]
    if project.property is not None:
        blocks.append(property_facts(context.session, project.property))
    if project.owner is not None:
        blocks.append(owner_facts(project.owner))
    if project.registered_at is not None:
        blocks.append(building_facts(project))
    if project.meters:
        blocks.append(meters_table(project.meters))
    newest = invoices(context.session, project.case_id)[:1]
    blocks += [invoice_table(invoice) for invoice in newest]
    if context.actor.roles & {roles.SUPERVISOR, roles.GAS_OFFICE}:
        blocks += why_table(context.session, project)
    return blocks


def _project_facts(project: GasProject) -> Facts:
    inspector = project.inspector.name if project.inspector else _("هنوز تعیین نشده است")
    items = [
        (_("شمارهٔ پروژه"), localized(project.case.number)),
        (_("مجری گاز"), project.contractor.name),
        (_("بازرس"), inspector),
    ]
    if project.paid_at is not None:
        items.append((_("پرداخت"), format_moment(project.paid_at)))
    return Facts(_("پروژه"), items)
