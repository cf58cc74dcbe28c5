"""Operations of ``bpmn_diagrams/gas_inspection.bpmn``: from the assigned inspector to final approval (INS).

Fees and payment are in ``debt``, the report itself in ``report``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from engine.contributions.briefings import Block, BriefingContext
from engine.contributions.operations import OperationContext
from engine.errors import Refusal
from engine.persistence.outbox import language_of
from models.gas import GasProject
from models.inspection import InspectionVisit
from models.jalali import format_date, format_moment, months_after
from models.language import gettext as _
from models.language import lazy, reading
from workflows import roles
from workflows.assignment.operations import end_assignment, hand_over
from workflows.formatting import code, localized
from workflows.gas.inspections import (
    APPROVED,
    EXPIRED,
    FINAL_INSPECTION,
    PRE_INSPECTION,
    is_stage_approved,
    meter_to_correct,
    planned_visit,
)
from workflows.gas.labels import STAGES
from workflows.gas.projects import give_to_contractor, project_of
from workflows.gas_inspection import report
from workflows.gas_inspection.briefings import case_blocks, own_report_blocks
from workflows.gas_inspection.debt import cancel_debt, lock_text, write_debt
from workflows.registry import briefings, handovers, operations, questions

VISIT_SCHEDULED = "visit_scheduled"  # kinds of history lines
STAGE_APPROVED = "stage_approved"
EXPIRY_WARNED = "expiry_warned"
INSPECTION_EXPIRED = "inspection_expired"

INSPECTION_LIMITS = questions.declare(
    "inspection_limits", inputs=["work_type"], outputs=["months", "warning_days"], by=__name__
)


@operations.register("gas_inspection.open_inspection")
def open_inspection(context: OperationContext) -> dict[str, str]:
    """Begin with the pre-inspection. Returns the ISO 8601 times of the warning and of the expiry (INS-16)."""
    project = project_of(context.session, context.case)
    words = [project.case.number, *([project.property.code] if project.property else [])]
    context.set_subject(project.case.subject, words)
    project.stage, project.referred_at = PRE_INSPECTION, context.now
    limits = INSPECTION_LIMITS.ask(context.decide, work_type=project.work_type)
    deadline = months_after(context.now, limits["months"])
    warning = deadline - timedelta(days=limits["warning_days"])
    return {"warning_at": warning.isoformat(), "deadline_at": deadline.isoformat()}


@operations.register("gas_inspection.find_open_work", formerly=["gas_inspection.what_is_open"])
def find_open_work(context: OperationContext) -> dict[str, Any]:
    """Decide the next step: ``correct_meter``, ``pay_debt``, ``close_stage`` or ``schedule_visit``.

    Returns it with the stage and the text of the lock. Reads the records only: a change of inspector loses nothing.
    """
    project = project_of(context.session, context.case)
    write_debt(context.session, project)
    if meter_to_correct(context.session, project) is not None:
        then = "correct_meter"
    elif project.debt:
        then = "pay_debt"
    elif is_stage_approved(context.session, project):
        then = "close_stage"
    else:
        then = "schedule_visit"
    return {"next": then, "stage": project.stage, "lock_text": lock_text(context.session, project)}


# The visit (INS-2)


@operations.register("gas_inspection.announce_visit")
def announce_visit(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Plan the visit and send its time to the contractor.

    Raises Refusal: at ``visit_date`` or ``visit_time`` if it is past, a holiday, or outside working hours.
    """
    calendar = context.services.calendar
    moment = datetime.combine(
        date.fromisoformat(submission["visit_date"]), time.fromisoformat(submission["visit_time"]), calendar.zone
    )
    if moment <= context.now:
        raise Refusal({_wrong_part(moment, context.now): [_("زمان بازدید گذشته است. زمانی در آینده انتخاب کنید.")]})
    if not calendar.is_working_day(moment.date()):
        raise Refusal({"visit_date": [_("این روز تعطیل است. یک روز کاری انتخاب کنید.")]})
    if not calendar.is_working_time(moment):
        raise Refusal({"visit_time": [_hours(calendar)]})
    project = project_of(context.session, context.case)
    if project.inspector_id is None:
        raise ValueError(f"Project {project.case.number} has no inspector")
    context.session.add(
        InspectionVisit(
            project_id=project.id, inspector_id=project.inspector_id, stage=project.stage, at=moment, set_at=context.now
        )
    )
    text = lazy("زمان بازدید: %(moment)s", moment=moment)
    context.record(VISIT_SCHEDULED, {"at": moment.isoformat(), "text": text})
    _tell_visit(context, project, moment)


def _wrong_part(moment: datetime, now: datetime) -> str:
    return "visit_time" if moment.date() == now.astimezone(moment.tzinfo).date() else "visit_date"


def _hours(calendar: Any) -> str:
    return _(
        "بازدید باید در ساعت اداری باشد: از %(opens)s تا %(closes)s.",
        opens=localized(f"{calendar.opens:%H:%M}"),
        closes=localized(f"{calendar.closes:%H:%M}"),
    )


def _tell_visit(context: OperationContext, project: GasProject, moment: datetime) -> None:
    inspector = project.inspector.name if project.inspector else context.actor.name
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "%(number)s: زمان بازدید این پروژه %(moment)s است. بازرس: %(name)s",
            number=code(project.case.number),
            moment=format_moment(moment),
            name=inspector,
        )
        context.notify(project.contractor_id, _("زمان بازدید بازرس"), body, sms=True)
    context.flash(_("زمان بازدید ثبت شد و به مجری اطلاع داده شد."))


@operations.register("gas_inspection.cancel_visit", formerly=["gas_inspection.drop_visit"])
def cancel_visit(context: OperationContext) -> None:
    """Cancel the planned visit, before the inspector plans another."""
    project = project_of(context.session, context.case)
    visit = planned_visit(context.session, project)
    if visit is not None:
        visit.state = "dropped"
    context.flash(_("زمان جدید بازدید را تعیین کنید. این زمان به مجری اطلاع داده می‌شود."))


# The report (INS-4)


@operations.register("gas_inspection.record_report")
def record_report(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Record the report of the visit (see ``report.record``)."""
    report.record(context, submission)


@operations.register("gas_inspection.correct_report")
def correct_report(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Record a correction of an own report (see ``report.correct``)."""
    report.correct(context, submission)


# The stages (INS-1, INS-12)


@operations.register("gas_inspection.close_stage")
def close_stage(context: OperationContext) -> str:
    """Close an approved stage without debt. Returns the next stage, ``approved`` after the last."""
    project = project_of(context.session, context.case)
    text = lazy("%(stage)s تایید شد", stage=STAGES[project.stage])
    context.record(STAGE_APPROVED, {"stage": project.stage, "text": text})
    if project.stage == PRE_INSPECTION:
        project.stage, project.referred_at = FINAL_INSPECTION, context.now
    else:
        project.stage, project.approved_at = APPROVED, context.now
    _tell_stage(context, project)
    return project.stage


def _tell_stage(context: OperationContext, project: GasProject) -> None:
    number = code(project.case.number)
    with reading(language_of(context.session, project.contractor_id)):
        if project.stage == APPROVED:
            title = _("تایید نهایی پروژه")
            body = _("%(number)s: بازرسی نهایی این پروژه تایید شد. اکنون می‌توانید تاییدیه درخواست کنید.", number=number)
        else:
            title = _("تایید پیش‌بازرسی")
            body = _("%(number)s: پیش‌بازرسی این پروژه تایید شد. مرحلهٔ بعد بازرسی نهایی است.", number=number)
        context.notify(project.contractor_id, title, body, sms=True)


# The inspector leaves (INS-3, INS-13)


@operations.register("gas_inspection.withdraw_inspector")
def withdraw_inspector(context: OperationContext) -> dict[str, str]:
    """Withdraw the inspector from the project. Returns that the project is to be assigned anew."""
    end_assignment(context, project_of(context.session, context.case), how="withdrawn")
    return {"next": "assign"}


@operations.register("gas_inspection.dismiss_inspector")
def dismiss_inspector(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """The gas office takes the project from its inspector; reports recorded so far stay."""
    project = project_of(context.session, context.case)
    end_assignment(context, project, how="dismissed", reason=submission["reason"])


def end_inspection(context: OperationContext, reason: str) -> None:
    """End the inspector's part because the role or the account was taken: as by a dismissal, and assigned anew."""
    context.engine.deliver(
        context.session, context.case.id, "dismiss_inspector", by=context.actor, values={"reason": reason}
    )


handovers.register("gas_inspection", roles.INSPECTOR, to_colleague=hand_over, end=end_inspection)
handovers.register("gas_inspection", roles.CONTRACTOR, to_colleague=give_to_contractor)


# Work that is not presented in time (INS-16)


@operations.register("gas_inspection.warn_contractor")
def warn_contractor(context: OperationContext) -> bool:
    """Warn the contractor of the expiry, unless the work was presented. Returns whether a warning was sent."""
    project = project_of(context.session, context.case)
    if project.presented_at is not None:
        return False
    limits = INSPECTION_LIMITS.ask(context.decide, work_type=project.work_type)
    expires = context.now + timedelta(days=limits["warning_days"])
    context.record(EXPIRY_WARNED, {"text": lazy("به مجری هشدار داده شد: مهلت ارائهٔ کار رو به پایان است")})
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "%(number)s: کار این پروژه هنوز ارائه نشده است. اگر تا %(day)s ارائه نشود، پرونده بسته می‌شود و باید"
            " دوباره ثبت شود.",
            number=code(project.case.number),
            day=format_date(expires.date()),
        )
        context.notify(project.contractor_id, _("پایان مهلت ارائهٔ کار"), body, sms=True)
    return True


@operations.register("gas_inspection.check_presented", formerly=["gas_inspection.was_presented"])
def check_presented(context: OperationContext) -> bool:
    """Whether the work was presented: a report other than an absence exists."""
    return project_of(context.session, context.case).presented_at is not None


@operations.register("gas_inspection.close_expired")
def close_expired(context: OperationContext) -> None:
    """Close the project as expired and cancel its open invoice. A new registration is needed."""
    project = project_of(context.session, context.case)
    visit = planned_visit(context.session, project)
    if visit is not None:
        visit.state = "dropped"
    cancel_debt(context, project)
    project.stage = EXPIRED
    context.record(INSPECTION_EXPIRED, {"text": lazy("مهلت ارائهٔ کار گذشت و پرونده منقضی شد")})
    _tell_expiry(context, project, project.contractor_id, sms=True)
    if project.inspector_id is not None:
        _tell_expiry(context, project, project.inspector_id, sms=False)


def _tell_expiry(context: OperationContext, project: GasProject, person_id: int, *, sms: bool) -> None:
    with reading(language_of(context.session, person_id)):
        body = _(
            "%(number)s: مهلت ارائهٔ کار این پروژه گذشت و پرونده بسته شد. برای ادامه باید پروژه دوباره ثبت شود.",
            number=code(project.case.number),
        )
        context.notify(person_id, _("پرونده منقضی شد"), body, sms=sms)


@briefings.register_case("gas_inspection")
def case(context: BriefingContext) -> list[Block]:
    return case_blocks(context)


@briefings.register_left("gas_inspection")
def left_case(context: BriefingContext) -> list[Block]:
    """An inspector who withdrew or was dismissed reads the own reports (INS-17)."""
    return own_report_blocks(context)
