"""A small office with a calendar: what is asked is answered within two working days, else somebody is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import jdatetime
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.actor import Actor, actor_for
from engine.calendar import holiday_import
from engine.calendar.deadlines import Current
from engine.jobs import calendar_changes, reschedule_deadlines
from engine.jobs.calendar_changes import Decided, Preview, Proposal
from models.account import Message, Person, RoleGrant
from models.case import Case, HistoryEntry, Task
from models.job import Job, JobKind
from models.working_calendar import DayKind
from tests.engine.small import AnyForm, Small, chain, end, flow, process, start, user_task

TEHRAN = ZoneInfo("Asia/Tehran")
HOLIDAY = DayKind.HOLIDAY


def timer(identifier: str, when: str, *, attached_to: str = "", interrupting: bool = False) -> str:
    """A timer: a boundary event where it is attached to something, else in the flow."""
    definition = f"<bpmn:timerEventDefinition><bpmn:timeDate>{when}</bpmn:timeDate></bpmn:timerEventDefinition>"
    tag = "boundaryEvent" if attached_to else "intermediateCatchEvent"
    more = f' attachedToRef="{attached_to}" cancelActivity="{str(interrupting).lower()}"' if attached_to else ""
    return f'<bpmn:{tag} id="{identifier}" name="{identifier}"{more}>{definition}</bpmn:{tag}>'


QUESTION = process(
    start()
    + user_task("answer", role="finance", due="working_days(2)")
    + timer("late", "working_days(2)", attached_to="answer")
    + user_task("escalate")
    + end()
    + end("told")
    + chain("begin", "answer", "done")
    + chain("late", "escalate", "told")
)
CHOICE = process(
    start()
    + '<bpmn:eventBasedGateway id="first"/>'
    + timer("soon", "working_days(1)")
    + timer("later", "'PT90H'")
    + user_task("soon_done")
    + user_task("later_done")
    + end()
    + end("ended")
    + chain("begin", "first", "soon", "soon_done", "done")
    + flow("first", "later")
    + chain("later", "later_done", "ended"),
    key="choice",
)


def day(year: int, month: int, number: int) -> date:
    found: date = jdatetime.date(year, month, number).togregorian()
    return found


def at(year: int, month: int, number: int, hour: int = 10, minute: int = 0) -> datetime:
    return (
        datetime.combine(day(year, month, number), datetime.min.time(), TEHRAN)
        .replace(hour=hour, minute=minute)
        .astimezone(UTC)
    )


SUNDAY = day(1405, 9, 1)  # the day after the cases of these tests begin, on Saturday at 10:00
MONDAY, TUESDAY = at(1405, 9, 2), at(1405, 9, 3)


class CalendarOffice(Small):
    """``Small`` with a filled calendar and the admin ``mina``."""

    def __init__(self, server: str, *diagrams: bytes, **more: Any) -> None:
        super().__init__(server, *(diagrams or (QUESTION,)), **more)
        with self.engine.transaction() as session:
            holiday_import.fill(session, now=self.clock())
            session.add(
                Person(
                    username="mina",
                    first_name="mina",
                    last_name="",
                    password_hash="",
                    created_at=self.clock(),
                    roles=[RoleGrant(role="admin")],
                )
            )

    def admin(self) -> Actor:
        with self.engine.transaction() as session:
            return actor_for(session.scalars(select(Person).where(Person.username == "mina")).one())

    def preview(self, proposal: Proposal) -> Preview:
        return self.look(lambda session: calendar_changes.preview(session, proposal, by=self.admin(), now=self.clock()))

    def change(self, proposal: Proposal, *, reason: str = "تصمیم هیئت وزیران", seen: int | None = None) -> int:
        """Save a change; the deadlines have not moved yet."""
        revision = self.preview(proposal).revision if seen is None else seen
        with self.engine.transaction() as session:
            return calendar_changes.apply(
                session, proposal, by=self.admin(), reason=reason, now=self.clock(), seen=revision
            )

    def close_day(self, which: date = SUNDAY, name: str = "تعطیلی ناگهانی") -> int:
        """A holiday at short notice; returns how many deadlines moved."""
        self.change(Proposal({which: Decided(HOLIDAY, name)}))
        return self.move()

    def move(self) -> int:
        return reschedule_deadlines.move_deadlines(self.engine)

    def until(self, moment: datetime) -> None:
        """Time passes; the worker does what is due."""
        self.clock.now = moment
        while self.worker.work():
            pass

    def timers(self, case_id: int) -> dict[str, datetime]:
        return self.look(
            lambda session: {
                job.element_id: job.due_at
                for job in session.scalars(select(Job).where(Job.case_id == case_id, Job.kind == JobKind.TIMER))
            }
        )

    def history(self, case_id: int, what: str) -> list[HistoryEntry]:
        return self.look(
            lambda session: list(
                session.scalars(select(HistoryEntry).where(HistoryEntry.case_id == case_id, HistoryEntry.what == what))
            )
        )

    def notices(self, username: str) -> list[Message]:
        return self.look(
            lambda session: list(
                session.scalars(
                    select(Message).join(Person, Person.id == Message.person_id).where(Person.username == username)
                )
            )
        )

    def answered(self, session: Session, case_id: int) -> None:
        task = self.task(case_id, "answer")
        form = AnyForm((task.process_key, task.key), {})
        self.engine.complete_task(session, task.id, by=self.actor("reza"), form=form)

    def task(self, case_id: int, key: str) -> Task:
        found: Task = self.open(case_id)[key]
        return found

    def start_of(self, case_id: int) -> Case:
        found: Case = self.look(lambda session: session.get_one(Case, case_id))
        return found

    def current(self) -> Current:
        found: Current = self.engine.services.calendar.current()
        return found

    def left(self) -> int:
        """How many deadlines still have to be looked at."""
        return int(self.look(lambda session: reschedule_deadlines.left_to_move(session, self.current())))
