"""How tickets speak: labels of what is stored, what follows from a priority, texts at hand."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.account import Role
from models.case import Case
from models.language import lazy
from models.ticket import Ticket
from models.units import UNITS

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
    "reply": lazy("پاسخ درخواست‌کننده"),
    "transfer": lazy("ارجاع"),
    "escalation": lazy("درخواست از رئیس سازمان"),
    "decision": lazy("پاسخ رئیس سازمان"),
}
REQUESTERS = (Role.CITIZEN, Role.CONTRACTOR, Role.INSPECTOR, Role.SUPERVISING_ENGINEER)
PRESIDENT = "president"  # the unit in whose name the president answers


def ticket_of(session: Session, case: Case) -> Ticket:
    """The ticket of a case; it is there once the request was sent."""
    return session.scalars(select(Ticket).where(Ticket.case_id == case.id)).one()


def sent_ticket(session: Session, case: Case) -> Ticket | None:
    """The ticket of a case; ``None`` while the request is still written."""
    return session.scalars(select(Ticket).where(Ticket.case_id == case.id)).one_or_none()


def unit_name(unit: str) -> str:
    """The unit in the reader's language."""
    return str(UNITS.get(unit, unit))
