"""Lists of tickets: a requester's own with their states, and the overdue ones for those who answer for them (TKT)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import joinedload

from engine.case_numbers import read_number
from engine.contributions.listings import Column, Filter, ListingContext, ListPage, ListQuery, Row
from engine.identity.permissions import allowed
from engine.persistence import search
from models.case import Case
from models.choice import Choice
from models.language import gettext as _
from models.language import lazy
from models.ticket import Ticket
from workflows import roles
from workflows.formatting import label
from workflows.list_pages import FROM, TO, Order, Statement, between, rows_of
from workflows.registry import listings
from workflows.ticket.labels import PRIORITIES, REQUESTERS, STATES, WAITING, unit_choices, unit_name

GROUP = lazy("مکاتبات")
AT_HOME = 5

NUMBER = Column("number", lazy("شمارهٔ رهگیری"))
TITLE = Column("title", lazy("عنوان"))
UNIT = Column("unit", lazy("واحد"))
REQUESTER = Column("requester", lazy("متقاضی"))
PRIORITY = Column("priority", lazy("اولویت"))
STATE = Column("state", lazy("وضعیت"))
SENT = Column("sent", lazy("زمان ارسال"), "moment")
SEARCH = Filter("q", lazy("شمارهٔ رهگیری یا عنوان"), "search")
BY_STATE = Filter("state", lazy("وضعیت"), "choice", [Choice(key, text) for key, text in STATES.items()])
BY_UNIT = Filter("unit", lazy("واحد"), "choice", lambda context: unit_choices(context.session))

NEWEST = Order("tickets", ((Ticket.id.expression, int),))
LONGEST_OVERDUE = Order(
    "overdue_tickets", ((Ticket.overdue_at.expression, datetime), (Ticket.id.expression, int)), newest_first=False
)


@listings.register(
    key="tickets",
    label=lazy("درخواست‌های من"),
    role=REQUESTERS,
    processes=("ticket",),
    columns=[NUMBER, TITLE, UNIT, PRIORITY, STATE, SENT, Column("answered", lazy("آخرین پاسخ"), "moment")],
    filters=[SEARCH, BY_STATE, FROM, TO],
    home=AT_HOME,
    group=GROUP,
)
def tickets(context: ListingContext, query: ListQuery) -> ListPage:
    """The person's own requests, newest first (TKT-2)."""
    statement = select(Ticket).where(
        Ticket.requester_id == context.actor.person_id, *between(context, Ticket.submitted_at, query)
    )
    if "state" in query.choices:
        statement = statement.where(Ticket.state == query.choices["state"])
    return rows_of(
        context,
        _matching_words(statement, query),
        query,
        NEWEST,
        key=lambda result: [result[0].id],
        to_rows=lambda results: _own_rows(context, results),
    )


def _own_rows(context: ListingContext, results: Sequence[Any]) -> list[Row]:
    return [
        Row(
            _column_values(context, ticket) | {"state": state_text(ticket), "answered": ticket.answered_at},
            url=f"/cases/{ticket.case.number}",
            mark="warning" if is_overdue(ticket) else "",
        )
        for (ticket,) in results
    ]


@listings.register(
    key="unit_tickets",
    label=lazy("درخواست‌های واحد"),
    role=roles.DEPARTMENT_STAFF,
    processes=("ticket",),
    columns=[NUMBER, TITLE, UNIT, REQUESTER, PRIORITY, STATE, SENT],
    filters=[SEARCH, BY_STATE, FROM, TO],
    group=GROUP,
)
def unit_tickets(context: ListingContext, query: ListQuery) -> ListPage:
    """Tickets of the person's units, newest first; overdue tickets are marked."""
    statement = (
        select(Ticket)
        .where(_of_units(context), *between(context, Ticket.submitted_at, query))
        .options(joinedload(Ticket.requester))
    )
    if "state" in query.choices:
        statement = statement.where(Ticket.state == query.choices["state"])
    return rows_of(
        context,
        _matching_words(statement, query),
        query,
        NEWEST,
        key=lambda result: [result[0].id],
        to_rows=lambda results: _unit_rows(context, results),
    )


def _of_units(context: ListingContext) -> ColumnElement[bool]:
    """Condition: tickets of the person's units; of every unit while the role is not divided."""
    scopes = sorted(scope for role, scope in context.actor.scopes if role == roles.DEPARTMENT_STAFF)
    return true() if "" in scopes else Ticket.unit.in_(scopes)


def _unit_rows(context: ListingContext, results: Sequence[Any]) -> list[Row]:
    return [
        Row(
            _column_values(context, ticket) | {"state": state_text(ticket), "requester": ticket.requester.name},
            url=f"/cases/{ticket.case.number}",
            mark="danger" if is_overdue(ticket) else "",
        )
        for (ticket,) in results
    ]


@listings.register(
    key="overdue_tickets",
    label=lazy("درخواست‌های گذشته از مهلت"),
    role=(roles.PRESIDENT, roles.SUPERVISOR),
    processes=("ticket",),
    columns=[
        NUMBER,
        TITLE,
        UNIT,
        REQUESTER,
        Column("overdue", lazy("پایان مهلت"), "moment"),
        Column("escalated", lazy("ارسال به رئیس"), "moment"),
    ],
    filters=[SEARCH, BY_UNIT],
    home=AT_HOME,
    group=GROUP,
)
def overdue_tickets(context: ListingContext, query: ListQuery) -> ListPage:
    """Unanswered tickets after their deadline, the longest overdue first (TKT-5)."""
    statement = (
        select(Ticket)
        .where(Ticket.overdue_at.is_not(None), Ticket.state == WAITING)
        .options(joinedload(Ticket.requester))
    )
    if "unit" in query.choices:
        statement = statement.where(Ticket.unit == query.choices["unit"])
    return rows_of(
        context,
        _matching_words(statement, query),
        query,
        LONGEST_OVERDUE,
        key=lambda result: [result[0].overdue_at, result[0].id],
        to_rows=lambda results: _overdue_rows(context, results),
    )


def _overdue_rows(context: ListingContext, results: Sequence[Any]) -> list[Row]:
    return [
        Row(
            _column_values(context, ticket)
            | {"overdue": ticket.overdue_at, "escalated": ticket.escalated_at, "requester": ticket.requester.name},
            url=f"/cases/{ticket.case.number}" if _may_open(context, ticket) else "",
            mark="danger",
        )
        for (ticket,) in results
    ]


def _may_open(context: ListingContext, ticket: Ticket) -> bool:
    """Whether the reader may open the ticket: without the right to see all cases only after an escalation."""
    return ticket.escalated_at is not None or allowed(context.actor, "see_all_cases")


def is_overdue(ticket: Ticket) -> bool:
    return ticket.state == WAITING and ticket.overdue_at is not None


def state_text(ticket: Ticket) -> str:
    """The label of the state, with overdue and escalation."""
    state = label(STATES, ticket.state)
    if not is_overdue(ticket):
        return state
    if ticket.escalated_at is not None:
        return _("%(state)s، نزد رئیس سازمان", state=state)
    return _("%(state)s، گذشته از مهلت", state=state)


def _column_values(context: ListingContext, ticket: Ticket) -> dict[str, Any]:
    """The values of the columns that both lists have."""
    return {
        "number": ticket.case.number,
        "title": ticket.title,
        "unit": unit_name(context.session, ticket.unit),
        "priority": label(PRIORITIES, ticket.priority),
        "sent": ticket.submitted_at,
    }


def _matching_words(statement: Statement, query: ListQuery) -> Statement:
    """Restrict to tickets whose case has all typed words, or the typed number; loads the case."""
    words = search.typed_words(query.q)
    statement = statement.options(joinedload(Ticket.case))
    if not words:
        return statement
    number = read_number(query.q)
    by = Case.number == number if number is not None else search.all_having(words)
    return statement.join(Case, Case.id == Ticket.case_id).where(by)
