"""Operations and briefings of ``bpmn_diagrams/confirmation_issuance.bpmn``: request, review, issue (CNF-1 to 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.case_numbers import read_number
from engine.contributions.briefings import Block, Briefing, BriefingContext, Facts, Link, Notice
from engine.contributions.operations import OperationContext
from engine.errors import Refusal
from engine.persistence.outbox import language_of
from models.account import Person
from models.case import Case, HistoryEntry
from models.gas import GasProject
from models.jalali import format_moment
from models.language import gettext as _
from models.language import lazy, reading
from workflows import roles
from workflows.certificates import records
from workflows.formatting import code, localized
from workflows.gas.inspections import latest_inspector, reports_of
from workflows.gas.projects import building_facts, give_to_contractor, meters_table, project_of, property_facts
from workflows.registry import briefings, handovers, operations

CONFIRMATION_REQUESTED = "confirmation_asked"  # kinds of history lines
CONFIRMATION_REVIEWED = "confirmation_reviewed"
CERTIFICATE_ISSUED = "certificate_signed"


@operations.register("confirmation_issuance.open_request")
def open_request(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Take the request of a project's contractor and give it to its inspector (CNF-1, CNF-4, INS-15).

    Raises Refusal: at ``project`` if it is unknown, of another contractor, or not ready for a certificate.
    """
    project = _own_project(context, str(submission["project"]))
    why_not = records.refusal(context.session, project, own_case=context.case.id)
    if why_not is not None:
        raise Refusal({"project": [why_not]})
    inspector = latest_inspector(context.session, project)
    if inspector is None:
        raise ValueError(f"Project {project.case.number} was approved and has no inspector")
    context.refer_to(project.case)
    context.bind(roles.INSPECTOR, inspector.id)
    context.set_subject(project.case.subject, [project.case.number])
    text = lazy("مجری برای پروژهٔ %(number)s تاییدیه خواست", number=code(project.case.number))
    context.record(CONFIRMATION_REQUESTED, {"remarks": submission.get("remarks") or "", "text": text})
    _tell_inspector(context, project, inspector)
    context.flash(
        _(
            "درخواست تاییدیهٔ پروژهٔ %(number)s ثبت شد و نزد %(inspector)s است. شمارهٔ درخواست: %(case)s",
            number=code(project.case.number),
            inspector=inspector.name,
            case=code(context.case.number),
        )
    )


def _own_project(context: OperationContext, typed: str) -> GasProject:
    number = read_number(typed)
    case = None
    if number is not None:
        case = context.session.scalars(select(Case).where(Case.number == number)).one_or_none()
    project = records.locked_project(context.session, case.id) if case is not None else None
    if project is None or project.contractor_id != context.bound(roles.CONTRACTOR):
        raise Refusal({"project": [_("پروژه‌ای با این شماره ندارید. شماره را با فهرست پروژه‌های خود مقایسه کنید.")]})
    return project


def _tell_inspector(context: OperationContext, project: GasProject, inspector: Person) -> None:
    with reading(language_of(context.session, inspector.id)):
        body = _(
            "مجری پروژهٔ %(number)s تاییدیه خواسته است. درخواست در کارتابل شماست.", number=code(project.case.number)
        )
        context.notify(inspector.id, _("درخواست تاییدیه"), body)


@operations.register("confirmation_issuance.record_review")
def record_review(context: OperationContext, *, submission: Mapping[str, Any]) -> None:
    """Record the inspector's decision; a rejection is sent to the contractor with its reason (CNF-2)."""
    rejected = submission["decision"] == "reject"
    reason = submission.get("reason") or ""
    text = lazy("بازرس درخواست تاییدیه را رد کرد") if rejected else lazy("بازرس درخواست تاییدیه را تایید کرد")
    context.record(CONFIRMATION_REVIEWED, {"decision": submission["decision"], "reason": reason, "text": text})
    if not rejected:
        return
    project = project_of(context.session, context.case)
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "%(number)s: درخواست تاییدیهٔ این پروژه رد شد. دلیل: %(reason)s",
            number=code(project.case.number),
            reason=reason,
        )
        context.notify(project.contractor_id, _("رد درخواست تاییدیه"), body, sms=True)
    context.flash(_("درخواست رد شد و دلیل آن به مجری گفته شد."))


@operations.register("confirmation_issuance.issue_certificate")
def issue_certificate(context: OperationContext) -> str:
    """Sign the certificate and send its number to the contractor (CNF-3). Returns the number.

    Raises Refusal: a debt arose or the approval was lost since the request.
    """
    own = project_of(context.session, context.case)
    project = records.locked_project(context.session, own.case_id) or own
    why_not = records.refusal(context.session, project, own_case=context.case.id)
    if why_not is not None:
        raise Refusal({"decision": [why_not]})
    inspector_id = context.bound(roles.INSPECTOR)
    certificate = records.issue(context, project, context.session.get_one(Person, inspector_id))
    text = lazy("تاییدیهٔ شمارهٔ %(number)s صادر شد", number=code(certificate.number))
    context.record(CERTIFICATE_ISSUED, {"number": certificate.number, "text": text})
    context.set_subject(context.case.subject, [project.case.number, certificate.number])
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "%(project)s: تاییدیهٔ این پروژه صادر شد.\n%(number)s: شمارهٔ تاییدیه\n%(case)s: پرونده برای چاپ تاییدیه",
            project=code(project.case.number),
            number=code(certificate.number),
            case=code(context.case.number),
        )
        context.notify(project.contractor_id, _("صدور تاییدیه"), body, sms=True)
    context.flash(_("تاییدیهٔ شمارهٔ %(number)s صادر شد و به مجری اطلاع داده شد.", number=code(certificate.number)))
    return certificate.number


# For readers


@briefings.register("confirmation_issuance", "review_confirmation")
def review_confirmation(context: BriefingContext) -> Briefing:
    """The project, its last reports, the contractor's note, and the present obstacle to a certificate, if any."""
    project = project_of(context.session, context.case)
    why_not = records.refusal(context.session, project, own_case=context.case.id)
    blocks: list[Block] = [Notice("warning", why_not)] if why_not else []
    return Briefing(
        blocks=[*blocks, _request(context, project), *_reports(context, project), *_place(context.session, project)]
    )


@briefings.register_case("confirmation_issuance")
def case(context: BriefingContext) -> list[Block]:
    project = project_of(context.session, context.case)
    certificate = records.of_case(context.session, context.case)
    blocks: list[Block] = [_request(context, project)]
    if certificate is not None:
        blocks.insert(0, records.certificate_facts(certificate))
        address = records.address_of(certificate, "")
        blocks.insert(1, Link(_("صفحهٔ عمومی این تاییدیه"), address))
    return [*blocks, *_place(context.session, project)]


def _request(context: BriefingContext, project: GasProject) -> Facts:
    """The request and the inspector's decision."""
    requested, reviewed = _entry(context, CONFIRMATION_REQUESTED), _entry(context, CONFIRMATION_REVIEWED)
    items = [
        (_("شمارهٔ پروژه"), localized(project.case.number)),
        (_("مجری گاز"), project.contractor.name),
        (_("بازرس"), project.inspector.name if project.inspector else "—"),
        (_("تایید نهایی"), format_moment(project.approved_at) if project.approved_at else "—"),
    ]
    if requested is not None:
        items.append((_("توضیحات مجری"), (requested.details or {}).get("remarks") or "—"))
    if reviewed is not None:
        rejected = (reviewed.details or {}).get("decision") == "reject"
        items.append((_("نظر بازرس"), _("رد") if rejected else _("تایید")))
        items += [(_("دلیل رد"), (reviewed.details or {})["reason"])] if rejected else []
    return Facts(_("درخواست تاییدیه"), items)


def _entry(context: BriefingContext, what: str) -> HistoryEntry | None:
    return context.session.scalars(
        select(HistoryEntry)
        .where(HistoryEntry.case_id == context.case.id, HistoryEntry.what == what)
        .order_by(HistoryEntry.id.desc())
    ).first()


def _reports(context: BriefingContext, project: GasProject) -> list[Block]:
    """The last reports, newest first, as the ground of the approval."""
    return [
        Facts(
            _("گزارش بازدید شمارهٔ %(number)s", number=localized(report.number)),
            [
                (_("زمان ثبت"), format_moment(report.at)),
                (_("بازرس"), report.inspector.name),
                (_("متن گزارش"), report.text),
            ],
        )
        for report in reversed(reports_of(context.session, project, newest=2))
    ]


def _place(session: Session, project: GasProject) -> list[Block]:
    place: list[Block] = [property_facts(session, project.property)] if project.property else []
    return [*place, building_facts(project), meters_table(project.meters)]


handovers.register("confirmation_issuance", roles.CONTRACTOR, to_colleague=give_to_contractor)
