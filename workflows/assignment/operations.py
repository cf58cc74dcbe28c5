"""Assigns an inspector to a gas project, by the rules or by hand, and ends the assignment (ASG-1 to ASG-5, REG-11).

``workflows/rules/assignment.py`` decides; this module reads and locks what it decides on, and writes the result.
It serves the registration and the inspection alike: ``context.case`` may be the case of either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from engine.contributions.operations import OperationContext
from engine.errors import Refusal
from engine.identity import permissions
from engine.persistence import participants, upsert
from engine.persistence.outbox import language_of
from models.account import Person, RoleGrant
from models.digits import search_key
from models.gas import Assignment, GasProject, Inspector, InspectorQuota, InspectorRegion
from models.inspection import InspectionVisit
from models.jalali import jalali_month, jalali_year, tehran_day
from models.language import gettext as _
from models.language import lazy, reading
from workflows import roles
from workflows.formatting import code, localized
from workflows.gas.projects import project_of
from workflows.registry import operations
from workflows.rules.assignment import REASONS, Candidate, Choice, choose_inspector, costs_quota, quota_left

NO_INSPECTOR = "no_inspector"  # the history's words
ENDED = {"withdrawn": "inspector_withdrew", "dismissed": "inspector_dismissed"}


def period_of(moment: datetime) -> str:
    """The period whose quota an assignment at ``moment`` counts in: a Jalali year."""
    return str(jalali_year(tehran_day(moment)))


def _has_role() -> ColumnElement[bool]:
    """Condition on ``Person``: they are an inspector still."""
    return select(RoleGrant.id).where(RoleGrant.person_id == Person.id, RoleGrant.role == roles.INSPECTOR).exists()


def barred(session: Session, project: GasProject) -> dict[int, str]:
    """Inspectors whose assignment of this project ended: person id → ``withdrawn`` or ``dismissed`` (ASG-1)."""
    ended = session.execute(
        select(Assignment.inspector_id, Assignment.ended).where(
            Assignment.project_id == project.id, Assignment.ended != ""
        )
    )
    return {person_id: how for person_id, how in ended}


def same_firm(inspector: Inspector, contractor: Person) -> bool:
    """Whether the inspector is the contractor or works for the contractor's own firm (ASG-1)."""
    firm = search_key(inspector.firm)
    return inspector.person_id == contractor.id or (firm != "" and firm == search_key(contractor.name))


def candidates(session: Session, project: GasProject, at: datetime, *, lock: bool) -> list[Candidate]:
    """The inspectors whom the project may go to, capacity aside (ASG-1), in the order of their ids.

    With ``lock`` their quota rows stay locked until the transaction ends, so that two assignments at the same
    moment see each other's work (ASG-2). Locked in id order: two of them never wait for one another.
    """
    if project.property is None:
        raise ValueError(f"{project.case} has no property, so no region")
    statement = (
        select(InspectorQuota, Inspector)
        .join(Inspector, Inspector.person_id == InspectorQuota.inspector_id)
        .join(InspectorRegion, InspectorRegion.inspector_id == Inspector.person_id)
        .join(Person, Person.id == Inspector.person_id)
        .where(
            InspectorQuota.period == period_of(at),
            InspectorRegion.region == project.property.region,
            Inspector.active,
            Inspector.ready,
            Person.active,
            _has_role(),
        )
        .order_by(InspectorQuota.inspector_id)
    )
    if lock:
        statement = statement.with_for_update(of=InspectorQuota).execution_options(populate_existing=True)
    excluded = barred(session, project)
    return [
        Candidate(
            person_id=inspector.person_id,
            name=inspector.person.name,
            assigned=quota.assigned,
            quota=quota_left(quota.quota, quota.lost_twelfths),
            last_assigned_at=quota.last_assigned_at,
        )
        for quota, inspector in session.execute(statement)
        if inspector.person_id not in excluded and not same_firm(inspector, project.contractor)
    ]


@operations.register("assignment.assign_inspector")
def assign_inspector(context: OperationContext) -> int | None:
    """Assign the project to the inspector whose turn it is. Returns the person's id, or None if nobody can take it."""
    project = project_of(context.session, context.case)
    choice = _choose(context, project)
    if choice.person_id is None:
        # The history carries no loads: not every participant may see them (ASG-4).
        context.record(NO_INSPECTOR, {"reason": choice.reason, "text": REASONS[choice.reason]})
        if project.case_id == context.case.id:
            context.flash(_("پرداخت ثبت شد. بازرس پروژه را امور گاز تعیین می‌کند و به شما اطلاع داده می‌شود."))
        else:
            context.flash(_("اکنون بازرس دیگری آزاد نیست. بازرس جدید پروژه را امور گاز تعیین می‌کند."))
        return None
    _assign(context, project, choice.person_id, loads=choice.loads, note=choice.reason)
    return choice.person_id


def _choose(context: OperationContext, project: GasProject) -> Choice:
    """Whose turn it is, of those who keep the role until the transaction ends."""
    remaining = candidates(context.session, project, context.now, lock=True)
    while True:
        choice = choose_inspector(remaining, weight=len(project.meters))
        if choice.person_id is None or permissions.keeps_role(context.session, choice.person_id, roles.INSPECTOR):
            return choice
        remaining = [one for one in remaining if one.person_id != choice.person_id]


@operations.register("assignment.appoint_inspector")
def appoint_inspector(context: OperationContext, *, submission: Mapping[str, Any]) -> int:
    """Assign the project to the inspector whom the gas office chose (ASG-3).

    The office may go past region, readiness and quota, with a note that says why; never to an inactive
    inspector, nor to an inspector of the contractor's own firm or with an ended assignment of this project.

    Raises Refusal: at ``inspector`` for those, at ``note`` if the note is missing.
    """
    project = project_of(context.session, context.case)
    person_id, note = int(submission["inspector"]), submission.get("note") or ""
    stood = choice_now(context.session, project, context.now)
    standing = next((s for s in standings(context.session, project, context.now) if s.person_id == person_id), None)
    if standing is None or not permissions.keeps_role(context.session, person_id, roles.INSPECTOR):
        raise Refusal({"inspector": [_inactive()]})
    if standing.forbidden:
        raise Refusal({"inspector": [standing.forbidden]})
    if standing.hindrance and not note:
        message = _("%(hindrance)s دلیل این انتخاب را بنویسید.", hindrance=standing.hindrance)
        raise Refusal({"note": [message]})
    _assign(context, project, person_id, loads=stood.loads, note=note, by_hand=True)
    return person_id


def _assign(
    context: OperationContext,
    project: GasProject,
    person_id: int,
    *,
    loads: list[dict[str, Any]],
    note: str,
    by_hand: bool = False,
) -> None:
    """Count the work in the quota, record the reason (ASG-4), and bind the inspector's lane to the person."""
    quota = _quota(context.session, person_id, period_of(context.now))
    weight = len(project.meters)
    quota.assigned += weight
    quota.last_assigned_at = context.now
    context.session.add(
        Assignment(
            project_id=project.id,
            inspector_id=person_id,
            at=context.now,
            weight=weight,
            loads=loads,
            note=note,
            by_hand_by_id=context.actor.person_id if by_hand else None,
        )
    )
    project.referred_at = context.now
    _give_lane(context, project, person_id)


def _quota(session: Session, person_id: int, period: str) -> InspectorQuota:
    """The locked quota of an inspector who may have none in the period: chosen by hand, or since withdrawn."""
    key = (person_id, period)
    quota = session.get(InspectorQuota, key, with_for_update=True, populate_existing=True)
    if quota is not None:
        return quota
    upsert.add_once(
        session, InspectorQuota, inspector_id=person_id, period=period, quota=0, assigned=0, lost_twelfths=0
    )
    return session.get_one(InspectorQuota, key, with_for_update=True, populate_existing=True)


def _give_lane(context: OperationContext, project: GasProject, person_id: int | None) -> None:
    """Bind the inspector's lane of this case, and of the registration that it refers to, to a person or to nobody."""
    project.inspector_id = person_id
    context.session.flush()
    context.session.refresh(project, ["inspector"])
    context.bind(roles.INSPECTOR, person_id)
    if project.case_id != context.case.id:
        participants.bind(context.session, project.case, roles.INSPECTOR, person_id, at=context.now)


@operations.register("assignment.introduce_inspector")
def introduce_inspector(context: OperationContext) -> None:
    """Tell the contractor and the inspector of one another, each in their own language (REG-11)."""
    project = project_of(context.session, context.case)
    if project.inspector is None or project.property is None:
        raise ValueError(f"Project {project.case.number} has no inspector or no property")
    context.flash(_("بازرس پروژه: %(name)s", name=project.inspector.name))
    facts = {"number": project.case.number, "address": project.property.address}
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "%(number)s: بازرس پروژه %(name)s است، شمارهٔ همراه %(mobile)s. معرفی‌نامه در صفحهٔ پرونده است.",
            number=code(facts["number"]),
            name=project.inspector.name,
            mobile=code(project.inspector.mobile or "—"),
        )
        context.notify(project.contractor_id, _("بازرس پروژه معرفی شد"), body, sms=True)
    with reading(language_of(context.session, project.inspector.id)):
        body = _(
            "%(number)s: بازرسی این پروژه به شما ارجاع شد. مجری: %(name)s. نشانی: %(address)s",
            number=code(facts["number"]),
            name=project.contractor.name,
            address=localized(facts["address"]),
        )
        context.notify(project.inspector.id, _("پروژهٔ جدید برای بازرسی"), body, sms=True)


# How an assignment ends (INS-3, INS-13, ASG-5)


def end_assignment(context: OperationContext, project: GasProject, *, how: str, reason: str = "") -> None:
    """End the project's current assignment: its inspector withdrew (INS-3) or was dismissed (INS-13).

    ``how``: ``withdrawn`` or ``dismissed``. The project is then nobody's, its planned visit is dropped, and the
    whole weight is free again in the quota that it was counted in, since the next inspector is charged with the
    whole of it. A third and each further withdrawal in one Jalali month costs a twelfth of the quota of the period
    of that day (ASG-5).

    Raises Refusal: the project has no inspector (an assignment ends once).
    """
    session = context.session
    current = _current_assignment(session, project)
    _lock_quotas(session, {period_of(current.at), period_of(context.now)})
    _close(context, current, how=how, reason=reason)
    lost = how == "withdrawn" and _lose_quota(context, current.inspector_id)
    _tell_inspector_of_end(context, project, current, lost=lost)
    _tell_contractor_of_end(context, project, current, visit_dropped=_drop_visit(session, project))
    _give_lane(context, project, None)


def hand_over(context: OperationContext, to: int) -> None:
    """Give the project's inspection to the inspector ``to``, because its inspector loses the role or the account.

    The assignment ends as by a dismissal, and the planned visit stays: the successor makes it.

    Raises Refusal: the successor may not inspect this project, whoever decides it (ASG-1), or it has no inspector.
    """
    session, project = context.session, project_of(context.session, context.case)
    successor = session.get(Inspector, to)
    forbidden = (
        _forbidden(successor, project, barred(session, project)) if successor and successor.active else _inactive()
    )
    if forbidden:
        raise Refusal({"": [forbidden]})
    current = _current_assignment(session, project)
    _lock_quotas(session, {period_of(current.at), period_of(context.now)})
    _close(context, current, how="dismissed", reason=_("بازرسی به همکار دیگری واگذار شد."))
    visits = (InspectionVisit.project_id == project.id, InspectionVisit.state == "planned")
    session.execute(update(InspectionVisit).where(*visits).values(inspector_id=to))
    _tell_inspector_of_end(context, project, current, lost=False)
    _tell_contractor_of_end(context, project, current, visit_dropped=False)
    _assign(context, project, to, loads=[], note=_("جانشین بازرس قبلی"), by_hand=True)
    introduce_inspector(context)


def _inactive() -> str:
    return _("این بازرس فعال نیست. بازرس دیگری را انتخاب کنید.")


def _current_assignment(session: Session, project: GasProject) -> Assignment:
    """The project's assignment that has not ended. Raises Refusal: it has no inspector."""
    current = session.scalars(
        select(Assignment)
        .where(Assignment.project_id == project.id, Assignment.ended == "")
        .order_by(Assignment.id.desc())
    ).first()
    if current is None or current.inspector_id != project.inspector_id:
        raise Refusal({"": [_("این پروژه اکنون بازرسی ندارد.")]})
    return current


def _close(context: OperationContext, current: Assignment, *, how: str, reason: str) -> None:
    """Write the end of an assignment and free its weight in the quota that it was counted in."""
    current.ended, current.ended_at, current.ended_why = how, context.now, reason[:500]
    quota = _quota(context.session, current.inspector_id, period_of(current.at))
    quota.assigned = max(0, quota.assigned - current.weight)
    context.session.flush()


def _drop_visit(session: Session, project: GasProject) -> bool:
    """Cancel the planned visit. Returns whether there was one."""
    planned = session.scalars(
        select(InspectionVisit).where(InspectionVisit.project_id == project.id, InspectionVisit.state == "planned")
    ).all()
    for visit in planned:
        visit.state = "dropped"
    return bool(planned)


def _lock_quotas(session: Session, periods: set[str]) -> None:
    """Lock all quotas of the periods, in the order of ids: the assignment that follows in this step locks some too.

    With only the own one locked, it and somebody else's assignment could wait for one another.
    """
    session.execute(
        select(InspectorQuota.inspector_id)
        .where(InspectorQuota.period.in_(sorted(periods)))
        .order_by(InspectorQuota.inspector_id, InspectorQuota.period)
        .with_for_update()
    ).all()


def _lose_quota(context: OperationContext, person_id: int) -> bool:
    """Count the month's withdrawals, the newest included; returns whether it cost a twelfth (ASG-5)."""
    if not costs_quota(withdrawals_of_month(context.session, person_id, context.now)):
        return False
    _quota(context.session, person_id, period_of(context.now)).lost_twelfths += 1
    return True


def withdrawals_of_month(session: Session, person_id: int, at: datetime) -> int:
    """Number of withdrawals of an inspector in the Jalali month of ``at`` (ASG-5)."""
    begin, end = jalali_month(at)
    return session.execute(
        select(func.count()).where(
            Assignment.inspector_id == person_id,
            Assignment.ended == "withdrawn",
            Assignment.ended_at >= begin,
            Assignment.ended_at < end,
        )
    ).scalar_one()


def _tell_inspector_of_end(context: OperationContext, project: GasProject, ended: Assignment, *, lost: bool) -> None:
    """Record the end in the history and send it to the inspector, with the quota that it costs (ASG-5)."""
    name, number, withdrawn = ended.inspector.name, code(project.case.number), ended.ended == "withdrawn"
    if withdrawn:
        text = lazy("%(name)s از بازرسی این پروژه انصراف داد.", name=name)
    else:
        text = lazy("%(name)s از بازرسی این پروژه عزل شد. دلیل: %(reason)s", name=name, reason=ended.ended_why)
    context.record(ENDED[ended.ended], {"text": text})
    with reading(language_of(context.session, ended.inspector_id)):
        if withdrawn:
            body = _("%(number)s: انصراف شما از بازرسی این پروژه ثبت شد.", number=number)
        else:
            reason = localized(ended.ended_why)
            body = _("%(number)s: بازرسی این پروژه از شما گرفته شد. دلیل: %(reason)s", number=number, reason=reason)
        if lost:
            cost = _("در این ماه بیش از دو بار انصراف داده‌اید و یک‌دوازدهم سهمیهٔ دوره کم شد.")
            body = f"{body} {cost}"
        context.notify(ended.inspector_id, _("پایان بازرسی یک پروژه"), body, sms=True)
    context.flash(body if withdrawn else _("بازرس %(name)s از این پروژه کنار گذاشته شد.", name=name))


def _tell_contractor_of_end(
    context: OperationContext, project: GasProject, ended: Assignment, *, visit_dropped: bool
) -> None:
    with reading(language_of(context.session, project.contractor_id)):
        body = _(
            "%(number)s: %(name)s دیگر بازرس این پروژه نیست. بازرس جدید معرفی می‌شود.",
            name=ended.inspector.name,
            number=code(project.case.number),
        )
        if visit_dropped:
            cancelled = _("بازدید او انجام نمی‌شود.")
            body = f"{body} {cancelled}"
        context.notify(project.contractor_id, _("تغییر بازرس پروژه"), body, sms=True)


# Choosing by hand (ASG-3)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An active inspector as the gas office sees them for one project."""

    person_id: int
    name: str
    regions: tuple[int, ...]
    ready: bool
    quota: int
    assigned: int
    preferences: str  # in their own words (INR-5)
    forbidden: str  # why not even by hand; "" when they may be chosen
    hindrance: str  # why not by the system; "" when nothing hinders


def standings(session: Session, project: GasProject, at: datetime) -> list[Standing]:
    """All active inspectors by name, each with the obstacles to an assignment of this project at ``at``."""
    quotas = {
        quota.inspector_id: quota
        for quota in session.scalars(select(InspectorQuota).where(InspectorQuota.period == period_of(at)))
    }
    left = barred(session, project)
    inspectors = session.scalars(
        select(Inspector)
        .join(Person, Person.id == Inspector.person_id)
        .where(Inspector.active, Person.active, _has_role())
        .order_by(Person.last_name, Person.first_name, Person.id)
    )
    return [_standing(inspector, project, quotas.get(inspector.person_id), left) for inspector in inspectors]


def _standing(
    inspector: Inspector, project: GasProject, quota: InspectorQuota | None, left: Mapping[int, str]
) -> Standing:
    regions = tuple(sorted(row.region for row in inspector.regions))
    return Standing(
        person_id=inspector.person_id,
        name=inspector.person.name,
        regions=regions,
        ready=inspector.ready,
        quota=quota_left(quota.quota, quota.lost_twelfths) if quota else 0,
        assigned=quota.assigned if quota else 0,
        preferences=inspector.preferences,
        forbidden=_forbidden(inspector, project, left),
        hindrance=" ".join(_hindrances(inspector, project, quota, regions)),
    )


def _forbidden(inspector: Inspector, project: GasProject, left: Mapping[int, str]) -> str:
    if same_firm(inspector, project.contractor):
        return _("از شرکت خود مجری است.")
    how = left.get(inspector.person_id)
    if how == "withdrawn":
        return _("قبلاً از این پروژه انصراف داده است.")
    return _("قبلاً از این پروژه عزل شده است.") if how else ""


def _hindrances(
    inspector: Inspector, project: GasProject, quota: InspectorQuota | None, regions: tuple[int, ...]
) -> Iterable[str]:
    if not inspector.ready:
        yield _("آمادگی اعلام نکرده است.")
    if project.property is not None and project.property.region not in regions:
        yield _("برای این منطقه آماده نیست.")
    if quota is None:
        yield _("در این دوره سهمیه ندارد.")
    elif quota.assigned + len(project.meters) > quota_left(quota.quota, quota.lost_twelfths):
        yield _("در این دوره ظرفیت خالی کافی ندارد.")


def choice_now(session: Session, project: GasProject, at: datetime) -> Choice:
    """The choice of the rules at ``at``, without locks or writes."""
    return choose_inspector(candidates(session, project, at, lock=False), weight=len(project.meters))
