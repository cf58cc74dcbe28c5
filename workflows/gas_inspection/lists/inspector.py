"""The inspector's lists: projects in hand (INS-1), approved, withdrawn, dismissed; and the week of visits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from engine.contributions.listings import Column, ListingContext, ListPage, ListQuery, Row, WeekEntry
from models.gas import Assignment, GasProject
from models.inspection import InspectionReport, InspectionVisit
from models.language import gettext as _
from models.language import lazy
from workflows import roles
from workflows.formatting import code, label, localized, rials
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
    eager_loads,
    matching_words,
    project_values,
)
from workflows.list_pages import FROM, TO, Order, between, midnight, office_day, rows_of
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
def pre_inspections(context: ListingContext, query: ListQuery) -> ListPage:
    """Projects in pre-inspection, the longest wait first."""
    return _in_hand(context, query, PRE_INSPECTION)


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
def final_inspections(context: ListingContext, query: ListQuery) -> ListPage:
    """Projects in final inspection, in the order in which they were referred."""
    return _in_hand(context, query, FINAL_INSPECTION)


def _in_hand(context: ListingContext, query: ListQuery, stage: str) -> ListPage:
    statement = (
        select(GasProject, METER_COUNT)
        .where(
            GasProject.inspector_id == context.actor.person_id,
            GasProject.stage == stage,
            GasProject.referred_at.is_not(None),
        )
        .options(*eager_loads())
    )
    return rows_of(
        context,
        matching_words(statement, query),
        query,
        BY_REFERRAL,
        key=lambda result: [result[0].referred_at, result[0].id],
        to_rows=lambda results: _rows_in_hand(context, results),
    )


def _rows_in_hand(context: ListingContext, results: Sequence[Any]) -> list[Row]:
    projects = [project for project, _meters in results]
    urls = addresses(context.session, projects)
    planned = select(InspectionVisit.project_id, InspectionVisit.at).where(
        InspectionVisit.project_id.in_([project.id for project in projects]), InspectionVisit.state == "planned"
    )
    visits = dict(context.session.execute(planned).all())
    return [
        Row(
            project_values(project)
            | {"meters": meters, "referred": office_day(context, project.referred_at), "visit": visits.get(project.id)}
            | {"debt": debt_text(project)},
            url=urls[project.id],
            mark="danger" if project.debt else "",
        )
        for project, meters in results
    ]


def debt_text(project: GasProject) -> str | None:
    """``بدهکار`` with the amount, as lists show a project in debt (INS-1)."""
    return _("بدهکار: %(amount)s", amount=rials(project.debt)) if project.debt else None


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
def approved_inspections(context: ListingContext, query: ListQuery) -> ListPage:
    """Stages that the inspector approved, newest first: one row for each project and stage."""
    statement = (
        select(InspectionReport, METER_COUNT)
        .join(GasProject, GasProject.id == InspectionReport.project_id)
        .where(
            InspectionReport.inspector_id == context.actor.person_id,
            InspectionReport.outcome == APPROVED,
            *between(context, InspectionReport.at, query),
        )
        .options(*eager_loads(InspectionReport.project))
    )
    if "stage" in query.choices:
        statement = statement.where(InspectionReport.stage == query.choices["stage"])
    return rows_of(
        context,
        matching_words(statement, query),
        query,
        BY_REPORT,
        key=lambda result: [result[0].at, result[0].id],
        to_rows=lambda results: _rows_approved(context, results),
    )


def _rows_approved(context: ListingContext, results: Sequence[Any]) -> list[Row]:
    urls = addresses(context.session, [report.project for report, _meters in results])
    return [
        Row(
            project_values(report.project)
            | {"stage": label(STAGES, report.stage), "at": report.at, "meters": meters}
            | {"work_type": label(WORK_TYPES, report.project.work_type)},
            url=urls[report.project_id],
        )
        for report, meters in results
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
def withdrawn_inspections(context: ListingContext, query: ListQuery) -> ListPage:
    """Projects that the inspector withdrew from, newest first (INS-3)."""
    return _left(context, query, "withdrawn")


@listings.register(
    key="dismissed_inspections",
    label=lazy("عزل‌های من"),
    role=roles.INSPECTOR,
    processes=PROCESSES,
    columns=[*LEFT, Column("reason", lazy("دلیل"))],
    filters=[SEARCH, FROM, TO],
    group=GROUP,
)
def dismissed_inspections(context: ListingContext, query: ListQuery) -> ListPage:
    """Projects that the gas office took from the inspector, with its reasons, newest first (INS-13)."""
    return _left(context, query, "dismissed")


def _left(context: ListingContext, query: ListQuery, how: str) -> ListPage:
    statement = (
        select(Assignment)
        .join(GasProject, GasProject.id == Assignment.project_id)
        .where(
            Assignment.inspector_id == context.actor.person_id,
            Assignment.ended == how,
            *between(context, Assignment.ended_at, query),
        )
        .options(*eager_loads(Assignment.project))
    )
    return rows_of(
        context,
        matching_words(statement, query),
        query,
        BY_END,
        key=lambda result: [result[0].ended_at, result[0].id],
        to_rows=lambda results: _rows_left(context, [assignment for (assignment,) in results]),
    )


def _rows_left(context: ListingContext, assignments: Sequence[Assignment]) -> list[Row]:
    urls = addresses(context.session, [assignment.project for assignment in assignments])
    return [
        Row(
            project_values(assignment.project)
            | {
                "meters": assignment.weight,
                "assigned": office_day(context, assignment.at),
                "ended": assignment.ended_at,
            }
            | {"reason": assignment.ended_why},
            url=urls[assignment.project_id],
        )
        for assignment in assignments
    ]


# The week of visits


@listings.register_week(
    key="visits", label=lazy("تقویم بازدیدها"), role=roles.INSPECTOR, group=GROUP, processes=PROCESSES
)
def visits(context: ListingContext, first: date, last: date) -> list[WeekEntry]:
    """The inspector's visits of the days; a past visit without a report is marked."""
    statement = (
        select(InspectionVisit)
        .where(
            InspectionVisit.inspector_id == context.actor.person_id,
            InspectionVisit.state != "dropped",
            InspectionVisit.at >= midnight(context, first),
            InspectionVisit.at < midnight(context, last + timedelta(days=1)),
        )
        .order_by(InspectionVisit.at, InspectionVisit.id)
        .options(*eager_loads(InspectionVisit.project))
    )
    planned = context.session.scalars(statement).all()
    urls = addresses(context.session, [visit.project for visit in planned])
    return [
        WeekEntry(visit.at, _visit_text(visit), urls[visit.project_id], _visit_mark(visit, context.now))
        for visit in planned
    ]


def _visit_text(visit: InspectionVisit) -> str:
    place = visit.project.property
    return _(
        "%(stage)s، %(address)s، %(contractor)s، پروژهٔ %(number)s",
        stage=label(STAGES, visit.stage),
        number=code(visit.project.case.number),
        contractor=visit.project.contractor.name,
        address=localized(place.address) if place else "—",
    )


def _visit_mark(visit: InspectionVisit, now: datetime) -> str:
    return "warning" if visit.state == "planned" and visit.at <= now else ""
