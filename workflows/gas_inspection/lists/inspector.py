"""The inspector's lists: what is in hand in both stages (INS-1), what was approved or left, the week of visits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from engine.contributions.listings import Asked, Column, Found, ListingContext, Row, WeekEntry
from models.gas import Assignment, GasProject
from models.inspection import InspectionReport, InspectionVisit
from models.language import gettext as _
from models.language import lazy
from workflows import roles
from workflows.formatting import code, label, rials, shown
from workflows.gas.inspections import APPROVED, FINAL_INSPECTION, PRE_INSPECTION
from workflows.gas.labels import STAGES, WORK_TYPES
from workflows.gas.list_columns import (
    ADDRESS,
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
    searched,
    shown_of,
    shown_with,
)
from workflows.list_pages import FROM, TO, Order, between, midnight, rows_of
from workflows.registry import listings

AT_HOME = 5  # rows of each stage on the worklist page
IN_HAND = (
    NUMBER,
    CONTRACTOR,
    ADDRESS,
    METERS,
    Column("referred", lazy("تاریخ ارجاع"), "date"),
    Column("visit", lazy("زمان بازدید"), "moment"),
    Column("debt", lazy("بدهی")),
)
LEFT = (
    NUMBER,
    CONTRACTOR,
    ADDRESS,
    METERS,
    Column("assigned", lazy("تاریخ ارجاع"), "date"),
    Column("ended", lazy("تاریخ پایان"), "moment"),
)

BY_REFERRAL = Order(
    "in_hand", ((GasProject.referred_at.expression, datetime), (GasProject.id.expression, int)), newest_first=False
)
BY_REPORT = Order("approved", ((InspectionReport.at.expression, datetime), (InspectionReport.id.expression, int)))
BY_END = Order("left", ((Assignment.ended_at.expression, datetime), (Assignment.id.expression, int)))


# In hand (INS-1)


@listings.register(
    key="pre_inspections",
    label=lazy("پیش‌بازرسی‌های من"),
    role=roles.INSPECTOR,
    processes=PROCESSES,
    columns=IN_HAND,
    filters=[SEARCH],
    home=AT_HOME,
    group=GROUP,
)
def pre_inspections(context: ListingContext, asked: Asked) -> Found:
    """Projects in pre-inspection, the one that waits longest first."""
    return _in_hand(context, asked, PRE_INSPECTION)


@listings.register(
    key="final_inspections",
    label=lazy("بازرسی‌های نهایی من"),
    role=roles.INSPECTOR,
    processes=PROCESSES,
    columns=IN_HAND,
    filters=[SEARCH],
    home=AT_HOME,
    group=GROUP,
)
def final_inspections(context: ListingContext, asked: Asked) -> Found:
    """Projects in final inspection, in the order in which they were referred."""
    return _in_hand(context, asked, FINAL_INSPECTION)


def _in_hand(context: ListingContext, asked: Asked, stage: str) -> Found:
    wanted = (
        select(GasProject, METER_COUNT)
        .where(
            GasProject.inspector_id == context.actor.person_id,
            GasProject.stage == stage,
            GasProject.referred_at.is_not(None),
        )
        .options(*shown_with())
    )
    return rows_of(
        context,
        searched(wanted, asked),
        asked,
        BY_REFERRAL,
        key=lambda one: [one[0].referred_at, one[0].id],
        drawn=lambda found: _rows_in_hand(context, found),
    )


def _rows_in_hand(context: ListingContext, found: Sequence[Any]) -> list[Row]:
    projects = [project for project, _meters in found]
    urls = addresses(context.session, projects)
    planned = select(InspectionVisit.project_id, InspectionVisit.at).where(
        InspectionVisit.project_id.in_([project.id for project in projects]), InspectionVisit.state == "planned"
    )
    visits = dict(context.session.execute(planned).all())
    return [
        Row(
            shown_of(project)
            | {"meters": meters, "referred": _day(context, project.referred_at), "visit": visits.get(project.id)}
            | {"debt": debt_text(project)},
            url=urls[project.id],
            mark="danger" if project.debt else "",
        )
        for project, meters in found
    ]


def debt_text(project: GasProject) -> str | None:
    """``بدهکار`` with the amount, as lists show a project in debt (INS-1)."""
    return _("بدهکار: %(amount)s", amount=rials(project.debt)) if project.debt else None


def _day(context: ListingContext, moment: datetime | None) -> date | None:
    return moment.astimezone(context.calendar.zone).date() if moment else None


# Approved, withdrawn, dismissed (INR-1 to INR-3)


@listings.register(
    key="approved_inspections",
    label=lazy("پروژه‌های تاییدشده"),
    role=roles.INSPECTOR,
    processes=PROCESSES,
    columns=[
        NUMBER,
        STAGE,
        Column("at", lazy("زمان تایید"), "moment"),
        CONTRACTOR,
        ADDRESS,
        Column("work_type", lazy("نوع کار")),
        METERS,
    ],
    filters=[SEARCH, BY_STAGE, FROM, TO],
    group=GROUP,
)
def approved_inspections(context: ListingContext, asked: Asked) -> Found:
    """What the inspector approved, newest first: a project appears once for each stage that was approved."""
    wanted = (
        select(InspectionReport, METER_COUNT)
        .join(GasProject, GasProject.id == InspectionReport.project_id)
        .where(
            InspectionReport.inspector_id == context.actor.person_id,
            InspectionReport.outcome == APPROVED,
            *between(context, InspectionReport.at, asked),
        )
        .options(*shown_with(InspectionReport.project))
    )
    if "stage" in asked.choices:
        wanted = wanted.where(InspectionReport.stage == asked.choices["stage"])
    return rows_of(
        context,
        searched(wanted, asked),
        asked,
        BY_REPORT,
        key=lambda one: [one[0].at, one[0].id],
        drawn=lambda found: _rows_approved(context, found),
    )


def _rows_approved(context: ListingContext, found: Sequence[Any]) -> list[Row]:
    urls = addresses(context.session, [report.project for report, _meters in found])
    return [
        Row(
            shown_of(report.project)
            | {"stage": label(STAGES, report.stage), "at": report.at, "meters": meters}
            | {"work_type": label(WORK_TYPES, report.project.work_type)},
            url=urls[report.project_id],
        )
        for report, meters in found
    ]


@listings.register(
    key="withdrawn_inspections",
    label=lazy("انصراف‌های من"),
    role=roles.INSPECTOR,
    processes=PROCESSES,
    columns=LEFT,
    filters=[SEARCH, FROM, TO],
    group=GROUP,
)
def withdrawn_inspections(context: ListingContext, asked: Asked) -> Found:
    """Projects that the inspector withdrew from, newest first (INS-3)."""
    return _left(context, asked, "withdrawn")


@listings.register(
    key="dismissed_inspections",
    label=lazy("عزل‌های من"),
    role=roles.INSPECTOR,
    processes=PROCESSES,
    columns=[*LEFT, Column("reason", lazy("دلیل"))],
    filters=[SEARCH, FROM, TO],
    group=GROUP,
)
def dismissed_inspections(context: ListingContext, asked: Asked) -> Found:
    """Projects that the gas office took from the inspector, with its reasons, newest first (INS-13)."""
    return _left(context, asked, "dismissed")


def _left(context: ListingContext, asked: Asked, how: str) -> Found:
    wanted = (
        select(Assignment)
        .join(GasProject, GasProject.id == Assignment.project_id)
        .where(
            Assignment.inspector_id == context.actor.person_id,
            Assignment.ended == how,
            *between(context, Assignment.ended_at, asked),
        )
        .options(*shown_with(Assignment.project))
    )
    return rows_of(
        context,
        searched(wanted, asked),
        asked,
        BY_END,
        key=lambda one: [one[0].ended_at, one[0].id],
        drawn=lambda found: _rows_left(context, [assignment for (assignment,) in found]),
    )


def _rows_left(context: ListingContext, found: Sequence[Assignment]) -> list[Row]:
    urls = addresses(context.session, [one.project for one in found])
    return [
        Row(
            shown_of(one.project)
            | {"meters": one.weight, "assigned": _day(context, one.at), "ended": one.ended_at}
            | {"reason": one.ended_why},
            url=urls[one.project_id],
        )
        for one in found
    ]


# The week of visits


@listings.register_week(
    key="visits", label=lazy("تقویم بازدیدها"), role=roles.INSPECTOR, group=GROUP, processes=PROCESSES
)
def visits(context: ListingContext, first: date, last: date) -> list[WeekEntry]:
    """The inspector's own visits; marked is one whose time is over and which has no report yet."""
    wanted = (
        select(InspectionVisit)
        .where(
            InspectionVisit.inspector_id == context.actor.person_id,
            InspectionVisit.state != "dropped",
            InspectionVisit.at >= midnight(context, first),
            InspectionVisit.at < midnight(context, last + timedelta(days=1)),
        )
        .order_by(InspectionVisit.at, InspectionVisit.id)
        .options(*shown_with(InspectionVisit.project))
    )
    found = context.session.scalars(wanted).all()
    urls = addresses(context.session, [visit.project for visit in found])
    return [
        WeekEntry(visit.at, _visit_text(visit), urls[visit.project_id], _visit_mark(visit, context.now))
        for visit in found
    ]


def _visit_text(visit: InspectionVisit) -> str:
    place = visit.project.property
    return _(
        "%(stage)s، %(address)s، %(contractor)s، پروژهٔ %(number)s",
        stage=label(STAGES, visit.stage),
        number=code(visit.project.case.number),
        contractor=visit.project.contractor.name,
        address=shown(place.address) if place else "—",
    )


def _visit_mark(visit: InspectionVisit, now: datetime) -> str:
    return "warning" if visit.state == "planned" and visit.at <= now else ""
