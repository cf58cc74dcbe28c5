"""Operations of ``bpmn_diagrams/gas_inspection.bpmn``: the visit's time and its report (INS-2, INS-4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select

from engine.briefing import Block, Briefing, BriefingContext, Facts
from engine.effects import language_of
from engine.errors import Refusal
from engine.operations import OperationContext
from models.case import HistoryEntry
from models.gas import GasProject
from models.jalali import format_moment
from models.language import gettext as _
from models.language import lazy, reading
from workflows.gas_projects import building_facts, meters_table, owner_facts, project_of, property_facts
from workflows.gas_words import code, label, shown
from workflows.registry import briefings, operations

OUTCOMES = {"approved": lazy("تایید"), "absent_without_fee": lazy("عدم حضور بدون هزینه")}
VISIT_SCHEDULED = "visit_scheduled"  # the history's words
REPORT_RECORDED = "report_recorded"


@operations.register
def open_inspection(context: OperationContext) -> None:
    """Name the inspection after its project, so that lists and searches show which one it is."""
    project = project_of(context.session, context.case)
    words = [project.case.number, *([project.property.code] if project.property else [])]
    context.set_subject(project.case.subject, words)


@operations.register
def announce_visit(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Fix the visit's time and tell the contractor (INS-2). Raises ``Refusal`` for a time that cannot be."""
    calendar = context.services.calendar
    moment = datetime.combine(
        date.fromisoformat(submission["visit_date"]), time.fromisoformat(submission["visit_time"]), calendar.zone
    )
    if moment <= context.now:
        raise Refusal({_wrong_part(moment, context.now): [_("زمان بازدید گذشته است. زمانی در آینده برگزینید.")]})
    if not calendar.is_working_day(moment.date()):
        raise Refusal({"visit_date": [_("این روز تعطیل است. یک روز کاری برگزینید.")]})
    if not calendar.is_working_time(moment):
        raise Refusal({"visit_time": [_hours(calendar)]})
    text = lazy("زمان بازدید: %(moment)s", moment=moment)
    context.record(VISIT_SCHEDULED, {"at": moment.isoformat(), "text": text})
    _tell_contractor(context, project_of(context.session, context.case), moment)


def _wrong_part(moment: datetime, now: datetime) -> str:
    return "visit_time" if moment.date() == now.astimezone(moment.tzinfo).date() else "visit_date"


def _hours(calendar: Any) -> str:
    return _(
        "بازدید باید در ساعت کاری باشد: از %(opens)s تا %(closes)s.",
        opens=shown(f"{calendar.opens:%H:%M}"), closes=shown(f"{calendar.closes:%H:%M}"),
    )  # fmt: skip


def _tell_contractor(context: OperationContext, project: GasProject, moment: datetime) -> None:
    inspector = project.inspector.name if project.inspector else context.actor.name
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "بازدید پروژهٔ %(number)s: %(moment)s، بازرس: %(name)s.",
            number=code(project.case.number), moment=format_moment(moment), name=inspector,
        )  # fmt: skip
        context.notify(project.contractor_id, _("زمان بازدید بازرس"), body, sms=True)
    context.tell(_("زمان بازدید ثبت شد و به مجری خبر داده شد."))


@operations.register
def record_report(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Keep the report for good and tell the contractor; what follows from its outcome the diagram says."""
    text = lazy("گزارش بازدید ثبت شد: %(outcome)s", outcome=OUTCOMES[submission["outcome"]])
    details = {"outcome": submission["outcome"], "report": submission["report_text"], "text": text}
    context.record(REPORT_RECORDED, details)
    project = project_of(context.session, context.case)
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "گزارش بازدید پروژهٔ %(number)s ثبت شد. نتیجه: %(outcome)s.",
            number=code(project.case.number), outcome=label(OUTCOMES, submission["outcome"]),
        )  # fmt: skip
        context.notify(project.contractor_id, _("گزارش بازرسی"), body)
    context.tell(_("گزارش ثبت شد."))


# What people see


def _project_blocks(context: BriefingContext) -> list[Block]:
    project = project_of(context.session, context.case)
    blocks: list[Block] = [
        Facts(
            _("پروژه"),
            [
                (_("شمارهٔ پروژه"), shown(project.case.number)),
                (_("مجری گاز"), project.contractor.name),
                (_("تلفن همراه"), shown(project.contractor.mobile or "—")),
                (_("بازرس"), project.inspector.name if project.inspector else "—"),
            ],
        )
    ]
    blocks += [property_facts(project.property)] if project.property else []
    blocks += [owner_facts(project.owner)] if project.owner else []
    return [*blocks, building_facts(project), meters_table(project.meters)]


def _reports(context: BriefingContext) -> list[Block]:
    """Every report in full, oldest first (INS-14)."""
    entries = context.session.scalars(
        select(HistoryEntry)
        .where(HistoryEntry.case_id == context.case.id, HistoryEntry.what == REPORT_RECORDED)
        .order_by(HistoryEntry.id)
    )
    return [
        Facts(
            _("گزارش بازدید"),
            [
                (_("زمان ثبت"), format_moment(entry.at)),
                (_("بازرس"), entry.actor_name),
                (_("نتیجه"), label(OUTCOMES, entry.details["outcome"])),
                (_("متن گزارش"), entry.details["report"]),
            ],
        )
        for entry in entries
        if entry.details
    ]


def _visit(context: BriefingContext) -> list[Block]:
    entry = context.session.scalars(
        select(HistoryEntry)
        .where(HistoryEntry.case_id == context.case.id, HistoryEntry.what == VISIT_SCHEDULED)
        .order_by(HistoryEntry.id.desc())
    ).first()
    if entry is None or not entry.details:
        return []
    return [Facts(_("بازدید"), [(_("زمان بازدید"), format_moment(datetime.fromisoformat(entry.details["at"])))])]


@briefings.register
def schedule_visit(context: BriefingContext) -> Briefing:
    return Briefing(blocks=[*_reports(context), *_project_blocks(context)])


@briefings.register_for("gas_inspection", "record_report")
def record_report_briefing(context: BriefingContext) -> Briefing:
    return Briefing(blocks=[*_visit(context), *_reports(context), *_project_blocks(context)])


@briefings.register_case
def case(context: BriefingContext) -> list[Block]:
    return [*_visit(context), *_reports(context), *_project_blocks(context)]
