"""What the lists of inspections have in common: their columns, their conditions, pages in the order of an index."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, literal, select, tuple_
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.interfaces import ORMOption

from engine.case_numbers import read_number
from engine.contributions.listings import Asked, Column, Filter, Found, ListingContext, Row
from engine.paging import page_of, read_cursor
from engine.persistence import search
from models.case import Case
from models.choice import Choice
from models.gas import GasProject, Meter
from models.language import lazy
from workflows.gas_words import STAGES
from workflows.inspection_records import FINAL_INSPECTION, PRE_INSPECTION, PROCESS

GROUP = lazy("بازرسی گاز")

NUMBER = Column("number", lazy("شمارهٔ پروژه"))
CONTRACTOR = Column("contractor", lazy("مجری گاز"))
ADDRESS = Column("address", lazy("نشانی"))
METERS = Column("meters", lazy("کنتورها"), "number")
STAGE = Column("stage", lazy("مرحله"))
SEARCH = Filter("q", lazy("شماره، مالک، نشانی یا کد ملک"), "search")
FROM = Filter("from", lazy("از روز"), "date_from")
TO = Filter("to", lazy("تا روز"), "date_to")
STAGE_CHOICES = [Choice(key, STAGES[key]) for key in (PRE_INSPECTION, FINAL_INSPECTION)]
BY_STAGE = Filter("stage", lazy("مرحله"), "choice", STAGE_CHOICES)

# How many meters a project has, to be selected beside the project.
METER_COUNT: ScalarSelect[int] = (
    select(func.count(Meter.id)).where(Meter.project_id == GasProject.id).correlate(GasProject).scalar_subquery()
)

Ordering = tuple[tuple[ColumnElement[Any], type], ...]
Statement = Select[*tuple[Any, ...]]  # of whatever columns


@dataclass(frozen=True)
class Order:
    """The columns by which a list is ordered, all in one direction, the last one unique: an index has them so.

    ``name`` is kept in cursors, so that a cursor of another list is not taken for one of this.
    """

    name: str
    columns: Ordering
    newest_first: bool = True

    def clauses(self) -> list[ColumnElement[Any]]:
        return [column.desc() if self.newest_first else column for column, _kind in self.columns]

    def behind(self, cursor: str) -> ColumnElement[bool]:
        """The condition on what follows the row that the cursor names. Raises ``InvalidSubmission``."""
        values = read_cursor(cursor, self.name, [kind for _column, kind in self.columns])
        pairs = zip(values, self.columns, strict=True)
        seen = tuple_(*(literal(value, column.type) for value, (column, _kind) in pairs))
        place = tuple_(*(column for column, _kind in self.columns))
        return place < seen if self.newest_first else place > seen


def rows_of(
    context: ListingContext,
    wanted: Statement,
    asked: Asked,
    order: Order,
    *,
    key: Callable[[Any], Sequence[Any]],
    drawn: Callable[[Sequence[Any]], list[Row]],
) -> Found:
    """A page of ``wanted`` in an order; ``key`` says where a result stands in it, ``drawn`` makes rows of them."""
    if asked.cursor:
        wanted = wanted.where(order.behind(asked.cursor))
    found = context.session.execute(wanted.order_by(*order.clauses()).limit(asked.most + 1)).all()
    page = page_of(found, asked.most, key, sort=order.name)
    return Found(drawn(page.items), page.next)


def shown_with(*path: Any) -> list[ORMOption]:
    """The options by which projects (reached by ``path``) come with what rows show of them, in one statement."""
    beside = (GasProject.case, GasProject.contractor, GasProject.property, GasProject.inspector)
    return [joinedload(*path, one) if not path else joinedload(*path).joinedload(one) for one in beside]


def searched(wanted: Statement, asked: Asked) -> Statement:
    """Only projects whose registration has all the words, or the number, that were typed. Joins that case."""
    words = search.typed_words(asked.q)
    if not words:
        return wanted
    number = read_number(asked.q)
    return wanted.join(Case, Case.id == GasProject.case_id).where(
        Case.number == number if number is not None else search.all_having(words)
    )


def between(context: ListingContext, column: Any, asked: Asked) -> list[ColumnElement[bool]]:
    """The conditions that a moment lies in the days that were asked for, both inclusive."""
    conditions = []
    if asked.date_from:
        conditions.append(column >= midnight(context, asked.date_from))
    if asked.date_to:
        conditions.append(column < midnight(context, asked.date_to + timedelta(days=1)))
    return conditions


def midnight(context: ListingContext, day: date) -> datetime:
    """The beginning of a day where the office is."""
    return datetime.combine(day, time(), context.calendar.zone)


def addresses(session: Session, projects: Iterable[GasProject]) -> dict[int, str]:
    """Where the projects' inspections are read (before there is one, their registrations), by project id."""
    known = {project.id: project for project in projects}
    of_project = select(func.max(Case.id)).where(
        Case.refers_to_id.in_({project.case_id for project in known.values()}), Case.process_key == PROCESS
    )
    newest = of_project.group_by(Case.refers_to_id)
    found = dict(session.execute(select(Case.refers_to_id, Case.number).where(Case.id.in_(newest))).all())
    return {key: f"/cases/{found.get(project.case_id, project.case.number)}" for key, project in known.items()}


def shown_of(project: GasProject) -> dict[str, Any]:
    """The values of the columns that every list has of a project."""
    return {
        "number": project.case.number,
        "contractor": project.contractor.name,
        "address": project.property.address if project.property else None,
    }
