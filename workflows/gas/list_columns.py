"""Columns and conditions that lists of gas projects share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.interfaces import ORMOption

from engine.case_numbers import read_number
from engine.contributions.listings import Column, Filter, ListQuery
from engine.persistence import search
from models.case import Case
from models.choice import Choice
from models.gas import GasProject, Meter
from models.language import lazy
from workflows.gas.inspections import FINAL_INSPECTION, PRE_INSPECTION, PROCESS
from workflows.gas.labels import STAGES
from workflows.list_pages import Statement
from workflows.registry import renames

GROUP = lazy("بازرسی گاز")
PROCESSES = ("project_registration", "gas_inspection")  # those that these lists belong to

NUMBER = Column("number", lazy("شمارهٔ پروژه"))
CONTRACTOR = Column("contractor", lazy("مجری گاز"))
ADDRESS = Column("address", lazy("نشانی"))
METERS = Column("meters", lazy("کنتورها"), "number")
STAGE = Column("stage", lazy("مرحله"))
SEARCH = Filter("q", lazy("شماره، مالک، نشانی یا کد ملک"), "search")
STAGE_CHOICES = [Choice(key, STAGES[key]) for key in (PRE_INSPECTION, FINAL_INSPECTION)]
BY_STAGE = Filter("stage", lazy("مرحله"), "choice", STAGE_CHOICES)

# Number of meters of a project, to select beside the project.
METER_COUNT: ScalarSelect[int] = (
    select(func.count(Meter.id)).where(Meter.project_id == GasProject.id).correlate(GasProject).scalar_subquery()
)


def eager_loads(*path: Any) -> list[ORMOption]:
    """Loader options for the relations that rows of projects display. ``path`` leads to the project."""
    beside = (GasProject.case, GasProject.contractor, GasProject.property, GasProject.inspector)
    return [joinedload(*path, relation) if not path else joinedload(*path).joinedload(relation) for relation in beside]


def matching_words(statement: Statement, query: ListQuery) -> Statement:
    """Restrict to projects whose registration has all typed words, or the typed case number. Joins that case."""
    words = search.typed_words(query.q)
    if not words:
        return statement
    number = read_number(query.q)
    return statement.join(Case, Case.id == GasProject.case_id).where(
        Case.number == number if number is not None else search.all_having(words)
    )


def addresses(session: Session, projects: Iterable[GasProject]) -> dict[int, str]:
    """Addresses of the projects' newest inspections (before the first, of the registrations), by project id."""
    known = {project.id: project for project in projects}
    of_project = select(func.max(Case.id)).where(
        Case.refers_to_id.in_({project.case_id for project in known.values()}),
        Case.process_key.in_(renames.process_keys(PROCESS)),
    )
    newest = of_project.group_by(Case.refers_to_id)
    numbers = dict(session.execute(select(Case.refers_to_id, Case.number).where(Case.id.in_(newest))).all())
    return {key: f"/cases/{numbers.get(project.case_id, project.case.number)}" for key, project in known.items()}


def project_values(project: GasProject) -> dict[str, Any]:
    """The values of the columns that every list has of a project."""
    return {
        "number": project.case.number,
        "contractor": project.contractor.name,
        "address": project.property.address if project.property else None,
    }
