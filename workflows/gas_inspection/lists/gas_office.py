"""The gas office's list of running inspections: stage, inspector, debt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import aliased

from engine.case_numbers import read_number
from engine.contributions.listings import Column, Filter, ListingContext, ListPage, ListQuery, Row
from engine.persistence import search
from models.case import Case, CaseStatus
from models.choice import Choice
from models.gas import GasProject
from models.language import lazy
from workflows import roles
from workflows.gas.inspections import PROCESS
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
    eager_loads,
    project_values,
)
from workflows.gas_inspection.labels import stage_name
from workflows.gas_inspection.lists.inspector import debt_text
from workflows.list_pages import Order, Statement, rows_of
from workflows.registry import listings, renames

BY_STATE = Filter(
    "state",
    lazy("وضعیت"),
    "choice",
    [Choice("in_debt", lazy("بدهکار")), Choice("no_inspector", lazy("بدون بازرس"))],
)
STATES = {"in_debt": GasProject.debt > 0, "no_inspector": GasProject.inspector_id.is_(None)}

_inspection = aliased(Case)
NEWEST = Order("running", ((_inspection.id.expression, int),))


@listings.register(
    key="running_inspections",
    label=lazy("بازرسی‌های در جریان"),
    role=(roles.GAS_OFFICE, roles.SUPERVISOR),
    processes=PROCESSES,
    columns=[
        NUMBER,
        STAGE,
        Column("inspector", lazy("بازرس")),
        CONTRACTOR,
        ADDRESS,
        METERS,
        Column("referred", lazy("زمان ارجاع"), "moment"),
        Column("debt", lazy("بدهی")),
    ],
    filters=[SEARCH, BY_STAGE, BY_STATE],
    group=GROUP,
)
def running_inspections(context: ListingContext, query: ListQuery) -> ListPage:
    """Inspections that are not finished, the newest first."""
    statement = (
        select(GasProject, METER_COUNT, _inspection)
        .join(_inspection, _inspection.refers_to_id == GasProject.case_id)
        .where(_inspection.process_key.in_(renames.process_keys(PROCESS)), _inspection.status == CaseStatus.RUNNING)
        .options(*eager_loads())
    )
    return rows_of(
        context, _narrowed(statement, context, query), query, NEWEST, key=lambda result: [result[2].id], to_rows=_rows
    )


def _narrowed(statement: Statement, context: ListingContext, query: ListQuery) -> Statement:
    conditions = []
    if "stage" in query.choices:
        conditions.append(GasProject.stage == query.choices["stage"])
    if "state" in query.choices:
        conditions.append(STATES[query.choices["state"]])
    if conditions:  # evaluated row by row in the order of the list, until the page is full
        statement = statement.where(search.row_by_row(and_(*conditions)))
    words = search.typed_words(query.q)
    if not words:
        return statement
    statement = statement.join(Case, Case.id == GasProject.case_id)
    number = read_number(query.q)
    if number is not None:
        return statement.where(Case.number == number)
    matches = search.beginnings(context.session, words)
    few = search.few_cases(context.session, matches)
    matching = search.row_by_row(and_(*(word.of_case(Case.id.expression) for word in matches)))
    return statement.where(matching) if few is None else statement.where(Case.id.in_(few), matching)


def _rows(results: Sequence[Any]) -> list[Row]:
    return [
        Row(
            project_values(project)
            | {"stage": stage_name(project.stage), "meters": meters, "referred": project.referred_at}
            | {"inspector": project.inspector.name if project.inspector else None, "debt": debt_text(project)},
            url=f"/cases/{inspection.number}",
            mark="danger" if project.debt else "" if project.inspector else "warning",
        )
        for project, meters, inspection in results
    ]
