"""Pages of a list in the order of an index, and conditions on days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, tuple_

from engine.contributions.listings import Filter, ListingContext, ListPage, ListQuery, Row
from engine.paging import page_of, read_cursor
from models.language import lazy

FROM = Filter("from", lazy("از روز"), "date_from")


TO = Filter("to", lazy("تا روز"), "date_to")


Ordering = tuple[tuple[ColumnElement[Any], type], ...]


Statement = Select[*tuple[Any, ...]]  # of whatever columns


@dataclass(frozen=True)
class Order:
    """The columns by which a list is ordered, all in one direction, the last one unique: an index has them so.

    Cursors carry ``name``: a cursor of another list is refused.
    """

    name: str
    columns: Ordering
    newest_first: bool = True

    def clauses(self) -> list[ColumnElement[Any]]:
        return [column.desc() if self.newest_first else column for column, _kind in self.columns]

    def behind(self, cursor: str) -> ColumnElement[bool]:
        """The condition on the rows after the cursor's row.

        Raises InvalidSubmission: the cursor is damaged or of another list.
        """
        values = read_cursor(cursor, self.name, [kind for _column, kind in self.columns])
        pairs = zip(values, self.columns, strict=True)
        seen = tuple_(*(literal(value, column.type) for value, (column, _kind) in pairs))
        place = tuple_(*(column for column, _kind in self.columns))
        return place < seen if self.newest_first else place > seen


def rows_of(
    context: ListingContext,
    statement: Statement,
    query: ListQuery,
    order: Order,
    *,
    key: Callable[[Any], Sequence[Any]],
    to_rows: Callable[[Sequence[Any]], list[Row]],
) -> ListPage:
    """A page of the statement's results in an order.

    ``key`` gives a result's values of the order's columns; ``to_rows`` turns the results of the page into rows.
    """
    if query.cursor:
        statement = statement.where(order.behind(query.cursor))
    results = context.session.execute(statement.order_by(*order.clauses()).limit(query.most + 1)).all()
    page = page_of(results, query.most, key, sort=order.name)
    return ListPage(to_rows(page.items), page.next)


def between(context: ListingContext, column: Any, query: ListQuery) -> list[ColumnElement[bool]]:
    """Conditions that the column (UTC) lies between the query's first and last office day, both inclusive."""
    conditions = []
    if query.date_from:
        conditions.append(column >= midnight(context, query.date_from))
    if query.date_to:
        conditions.append(column < midnight(context, query.date_to + timedelta(days=1)))
    return conditions


def midnight(context: ListingContext, day: date) -> datetime:
    """The beginning of a day in the office's time zone, aware."""
    return datetime.combine(day, time(), context.calendar.zone)


def office_day(context: ListingContext, moment: datetime | None) -> date | None:
    """The day of an aware moment in the office's time zone; ``None`` for ``None``."""
    return moment.astimezone(context.calendar.zone).date() if moment else None
