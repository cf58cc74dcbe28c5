"""Recording and correcting the report of a visit (INS-4 to INS-6, INS-11, INS-12, INS-14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.contributions.operations import OperationContext
from engine.errors import Refusal
from engine.persistence.outbox import language_of
from models.billing import Invoice
from models.document import Document
from models.gas import GasProject
from models.inspection import InspectionReport, InspectionVisit, MeterCorrection
from models.language import gettext as _
from models.language import lazy, listed, reading
from workflows.formatting import code, localized, rials
from workflows.gas.inspections import CORRECTION, last_number, planned_visit, stage_of, sub_works_of
from workflows.gas.projects import project_of
from workflows.gas_inspection.debt import charge_report, tell_debt
from workflows.gas_inspection.labels import OUTCOMES, outcome_name
from workflows.rules.inspection_fees import ABSENCES, MARKS_METERS, SUB_WORK

REPORT_RECORDED = "report_recorded"  # kinds of history lines
REPORT_CORRECTED = "report_corrected"


def record(context: OperationContext, submission: Mapping[str, Any]) -> None:
    """Record the report, its invoice and its meter mismatches; send it to the contractor.

    Raises Refusal: at the field if the outcome is not possible, the meters do not fit it, or a debt is open.
    """
    project = project_of(context.session, context.case)
    visit = planned_visit(context.session, project)
    _refuse_wrong(context, project, visit, submission)
    outcome, marked = submission["outcome"], sorted(submission["meters"])
    invoice = charge_report(context, project, outcome=outcome, marked=marked)
    report = InspectionReport(
        project_id=project.id,
        case_id=context.case.id,
        number=last_number(context.session, project) + 1,
        inspector_id=project.inspector_id,
        visit_id=visit.id if visit else None,
        stage=stage_of(project),
        outcome=outcome,
        text=submission["report_text"],
        at=context.now,
        meters=marked,
        mismatches=submission["mismatches"],
        sub_work_number=sub_works_of(context.session, project) + 1 if outcome == SUB_WORK else None,
        photos=submission["photos"],
        invoice_id=invoice.id if invoice else None,
    )
    context.session.add(report)
    if visit is not None:
        visit.state = "reported"
    if outcome not in ABSENCES and project.presented_at is None:
        project.presented_at = context.now
    context.session.flush()
    _note_mismatches(context, project, report)
    text = lazy("گزارش بازدید ثبت شد: %(outcome)s", outcome=OUTCOMES[outcome])
    context.record(REPORT_RECORDED, {"outcome": outcome, "report": report.number, "text": text})
    _tell_report(context, project, report, invoice)


def _refuse_wrong(
    context: OperationContext, project: GasProject, visit: InspectionVisit | None, submission: Mapping[str, Any]
) -> None:
    if visit is None and project.stage:  # a case of the first version of the diagram stored no visits
        raise Refusal({"": [_("هنوز زمان بازدیدی تعیین نشده است. ابتدا زمان بازدید را تعیین کنید.")]})
    if project.debt:
        raise Refusal({"": [_("پروژه بدهکار است و تا پرداخت بدهی گزارش جدیدی ثبت نمی‌شود.")]})
    errors = _wrong_meters(submission["outcome"], submission["meters"])
    errors |= _wrong_mismatches(submission["outcome"], submission["mismatches"])
    errors |= wrong_photos(context, submission["photos"])
    if errors:
        raise Refusal(errors)


def _wrong_meters(outcome: str, marked: Sequence[int]) -> dict[str, list[str]]:
    """Errors at ``meters``: some outcomes name certain meters, the others are about all of them (INS-5, INS-12)."""
    if outcome in MARKS_METERS and not marked:
        return {"meters": [_("حداقل یکی از کنتورهای این نتیجه را علامت بزنید.")]}
    if outcome == "approved" and marked:
        text = _("تایید یعنی همهٔ کنتورها تایید شده‌اند. علامت کنتورها را حذف کنید یا نتیجهٔ دیگری انتخاب کنید.")
        return {"meters": [text]}
    if outcome not in MARKS_METERS and marked:
        return {"meters": [_("این نتیجه برای همهٔ کنتورهاست. علامت کنتورها را حذف کنید.")]}
    return {}


def _wrong_mismatches(outcome: str, mismatches: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    if mismatches and outcome in ABSENCES:
        return {"mismatches": [_("در بازدیدی که انجام نشده است کنتوری دیده نشده است. مغایرت‌ها را حذف کنید.")]}
    seen: set[int] = set()
    errors: dict[str, list[str]] = {}
    for index, row in enumerate(mismatches):
        if row["meter"] in seen:
            errors[f"mismatches.{index}.meter"] = [_("این کنتور قبلاً نوشته شده است.")]
        seen.add(row["meter"])
    return errors


def wrong_photos(context: OperationContext, photos: Sequence[int]) -> dict[str, list[str]]:
    """Errors at ``photos``: a report's photos are documents of its own case."""
    if not photos:
        return {}
    known = set(
        context.session.scalars(select(Document.id).where(Document.case_id == context.case.id, Document.id.in_(photos)))
    )
    if set(photos) <= known:
        return {}
    return {"photos": [_("یکی از فایل‌ها پیدا نشد. آن را دوباره بارگذاری کنید.")]}


def _note_mismatches(context: OperationContext, project: GasProject, report: InspectionReport) -> None:
    """Add a correction task for each meter mismatch of the report (INS-11)."""
    context.session.add_all(
        MeterCorrection(
            project_id=project.id, report_id=report.id, meter_number=row["meter"], remark=row["remark"], difference=0
        )
        for row in report.mismatches
    )
    context.session.flush()


def _tell_report(
    context: OperationContext, project: GasProject, report: InspectionReport, invoice: Invoice | None
) -> None:
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "گزارش بازدید پروژهٔ %(number)s ثبت شد. نتیجه: %(outcome)s.",
            number=code(project.case.number),
            outcome=outcome_name(report),
        )
        if report.mismatches:
            meters = listed(localized(row["meter"]) for row in report.mismatches)
            correction = _(
                "مشخصات کنتور %(meters)s با آنچه ثبت شده یکی نیست؛ آن را در کارتابل خود اصلاح کنید.", meters=meters
            )
            body = f"{body} {correction}"
        context.notify(project.contractor_id, _("گزارش بازرسی"), body)
    context.flash(_("گزارش ثبت شد."))
    if invoice is not None:
        tell_debt(context, project, invoice)
        context.flash(
            _("مجری %(amount)s بدهکار شد و تا پرداخت آن گزارش جدیدی ثبت نمی‌شود.", amount=rials(invoice.total))
        )


def own_reports(
    session: Session,
    project: GasProject,
    person_id: int | None,
    *,
    newest: int | None = None,
    number: int | None = None,
) -> list[InspectionReport]:
    """The reports of a project that a person may correct, newest first: at most ``newest``, or only ``number``."""
    statement = select(InspectionReport).where(
        InspectionReport.project_id == project.id,
        InspectionReport.inspector_id == person_id,
        InspectionReport.outcome != CORRECTION,
    )
    if number is not None:
        statement = statement.where(InspectionReport.number == number)
    return list(session.scalars(statement.order_by(InspectionReport.number.desc()).limit(newest)))


def correct(context: OperationContext, submission: Mapping[str, Any]) -> None:
    """Record a report that corrects an own report of the inspector; the earlier report stays unchanged (INS-14).

    Raises Refusal: at ``report`` if the number is no own report, at ``photos`` if a photo is of another case.
    """
    project = project_of(context.session, context.case)
    own = own_reports(context.session, project, project.inspector_id, number=submission["report"])
    if not own:
        raise Refusal({"report": [_("فقط گزارشی را می‌توانید اصلاح کنید که خودتان برای این پروژه ثبت کرده‌اید.")]})
    wrong = own[0]
    errors = wrong_photos(context, submission["photos"])
    if errors:
        raise Refusal(errors)
    report = InspectionReport(
        project_id=project.id,
        case_id=context.case.id,
        number=last_number(context.session, project) + 1,
        inspector_id=wrong.inspector_id,
        visit_id=wrong.visit_id,
        stage=wrong.stage,
        outcome=CORRECTION,
        text=submission["report_text"],
        at=context.now,
        meters=[],
        mismatches=[],
        photos=submission["photos"],
        corrects_id=wrong.id,
    )
    context.session.add(report)
    context.session.flush()
    text = lazy("گزارش شمارهٔ %(number)s اصلاح شد", number=wrong.number)
    context.record(REPORT_CORRECTED, {"report": report.number, "corrects": wrong.number, "text": text})
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "بازرس گزارش شمارهٔ %(report)s پروژهٔ %(number)s را اصلاح کرد. هر دو در پرونده‌اند.",
            report=localized(wrong.number),
            number=code(project.case.number),
        )
        context.notify(project.contractor_id, _("اصلاح گزارش بازرسی"), body)
    context.flash(_("اصلاح گزارش ثبت شد."))
