"""Correspondence tickets: a request to a unit, with its answers and transfers (TKT)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.account import Person
from models.base import Base, BigId
from models.case import Case

_OVERDUE = text("overdue_at IS NOT NULL AND state = 'waiting'")


class Ticket(Base):
    """A request that was sent; its case's number is the tracking number."""

    __tablename__ = "tickets"
    __table_args__ = (
        Index("ix_tickets_requester_id_id", "requester_id", "id"),
        Index("ix_tickets_unit_id", "unit", "id"),
        Index("ix_tickets_overdue", "overdue_at", "id", postgresql_where=_OVERDUE, sqlite_where=_OVERDUE),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), unique=True)
    requester_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    unit: Mapped[str] = mapped_column(String(40))  # present unit, after transfers
    priority: Mapped[str] = mapped_column(String(20))  # very_urgent | urgent | normal | low
    title: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20))  # waiting | answered | closed
    submitted_at: Mapped[datetime]
    overdue_at: Mapped[datetime | None]  # time at which the expected answer became overdue (TKT-5)
    answered_at: Mapped[datetime | None]  # the newest answer
    escalated_at: Mapped[datetime | None]  # time of the escalation to the president
    closed_at: Mapped[datetime | None]

    case: Mapped[Case] = relationship()
    requester: Mapped[Person] = relationship()
    messages: Mapped[list[TicketMessage]] = relationship(back_populates="ticket", order_by="TicketMessage.id")

    def __repr__(self) -> str:
        return f"<Ticket {self.id} {self.unit} {self.state}>"


class TicketMessage(Base):
    """A contribution to a ticket: request, answer, reply, transfer … Never changed."""

    __tablename__ = "ticket_messages"
    __table_args__ = (Index("ix_ticket_messages_ticket_id_id", "ticket_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"))
    kind: Mapped[str] = mapped_column(String(20))  # request | answer | reply | transfer | escalation | decision
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    unit: Mapped[str] = mapped_column(String(40))  # unit of the author; "" for the requester
    at: Mapped[datetime]
    text: Mapped[str]
    documents: Mapped[list[Any]]  # ids
    to_unit: Mapped[str] = mapped_column(String(40), default="")  # of a transfer: where it went

    ticket: Mapped[Ticket] = relationship(back_populates="messages")
    person: Mapped[Person | None] = relationship()
