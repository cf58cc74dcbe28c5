"""Labels of tickets, ranks of priorities, names of units."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.identity import organisation
from models.case import Case
from models.choice import Choice
from models.language import BilingualText, lazy
from models.organisation import DivisionKind
from models.ticket import Ticket
from workflows import roles

WAITING, ANSWERED, CLOSED = "waiting", "answered", "closed"
STATES: dict[str, Any] = {
    WAITING: lazy("در انتظار پاسخ"),
    ANSWERED: lazy("پاسخ داده شد"),
    CLOSED: lazy("بسته شد"),
}
PRIORITIES: dict[str, Any] = {
    "very_urgent": lazy("خیلی فوری"),
    "urgent": lazy("فوری"),
    "normal": lazy("عادی"),
    "low": lazy("ضعیف"),
}
RANKS = {"very_urgent": 10, "urgent": 20, "normal": 50, "low": 70}  # in the worklist; 0 would be the most urgent
KINDS: dict[str, Any] = {
    "request": lazy("درخواست"),
    "answer": lazy("پاسخ"),
    "reply": lazy("پاسخ متقاضی"),
    "transfer": lazy("ارجاع"),
    "escalation": lazy("درخواست از رئیس سازمان"),
    "decision": lazy("پاسخ رئیس سازمان"),
}
REQUESTERS = (roles.CITIZEN, roles.CONTRACTOR, roles.INSPECTOR, roles.SUPERVISING_ENGINEER)
PRESIDENT = "president"  # the unit in whose name the president answers


def ticket_of(session: Session, case: Case) -> Ticket:
    """The ticket of a case whose request was sent."""
    return session.scalars(select(Ticket).where(Ticket.case_id == case.id)).one()


def sent_ticket(session: Session, case: Case) -> Ticket | None:
    """The ticket of a case; ``None`` while the request is still written."""
    return session.scalars(select(Ticket).where(Ticket.case_id == case.id)).one_or_none()


def unit_text(session: Session, unit: str) -> BilingualText:
    """The unit's name in all languages, for the history."""
    return organisation.of(session).division_name(roles.DEPARTMENT_STAFF, unit)


def unit_name(session: Session, unit: str) -> str:
    """The unit's name in the reader's language."""
    return str(unit_text(session, unit)) if unit else ""


def unit_choices(session: Session) -> list[Choice]:
    """The units in use, as options of a field."""
    return organisation.of(session).choices_of(DivisionKind.UNIT)
