"""Actions of people in stories of tickets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from models.account import Message, Person
from models.ticket import Ticket
from tests.play import Play

SECOND = timedelta(seconds=1)
ASKS: dict[str, Any] = {
    "unit": "information_technology",
    "priority": "urgent",
    "title": "تست سامانه مکاتبات",
    "body": "سلام",
}


def staff(play: Play) -> None:
    """The units' people, a president and a supervisor, each with a mobile."""
    people = {
        "unit-it": ("department_staff", "information_technology"),
        "unit-it-2": ("department_staff", "information_technology"),
        "unit-finance": ("department_staff", "finance"),
        "president": ("president", ""),
        "supervisor": ("supervisor", ""),
        "citizen": ("citizen", ""),
    }
    for count, (username, (role, scope)) in enumerate(people.items()):
        play.people.add(username, role, scope=scope, mobile=f"0913111{count:04d}")


def asks(play: Play, by: str = "citizen", **values: Any) -> Play:
    """A request that was just sent to the unit for information technology."""
    staff(play)
    play.start("ticket", by=by)
    return play.does(by, "submit_ticket", **(ASKS | values))


def answers(play: Play, text: str = "انجام شد.", by: str = "unit-it") -> Play:
    return play.does(by, "answer_ticket", body=text)


def deadline(play: Play) -> Any:
    """When the answer that is waited for is due."""
    return play.task("answer_ticket").due_at


def overdue(play: Play, **values: Any) -> Play:
    """A request whose deadline has just passed."""
    asks(play, **values)
    return play.at(deadline(play) + SECOND)


def escalates(play: Play, by: str = "citizen", text: str = "دو روز است که پاسخ نمی‌دهند.") -> Play:
    return play.does(by, "escalate_ticket", tracking_number=play.case.number, body=text)


def ticket(play: Play) -> Ticket:
    with play.session() as session:
        return session.scalars(select(Ticket).where(Ticket.case_id == play.case_id)).one()


def conversation(play: Play) -> list[tuple[str, str, str]]:
    """Kind, unit and text of each message of the ticket, oldest first."""
    with play.session() as session:
        ticket = session.scalars(select(Ticket).where(Ticket.case_id == play.case_id)).one()
        return [(message.kind, message.unit, message.text) for message in ticket.messages]


def receivers(play: Play, title: str) -> set[str]:
    """User names of the receivers of a message with this title."""
    with play.session() as session:
        usernames = select(Person.username).join(Message, Message.person_id == Person.id).where(Message.title == title)
        return set(session.scalars(usernames))
