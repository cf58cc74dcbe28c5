"""The stage of demo cases: a clock of the past, the people, and their actions through the real engine."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from random import Random
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, selectinload

from engine import documents
from engine.actor import Actor, actor_for
from engine.calendar.working_time import WorkingCalendar
from engine.jobs import outbox, runner
from engine.runtime.outcomes import StepResult
from engine.service import Engine
from models.account import Person
from models.billing import Invoice, Payment
from models.building import Property
from models.case import Case, Task, TaskStatus
from models.gas import GasProject
from models.inspection import Certificate
from models.job import Job
from models.outbox import Sms
from workflows.demo.invention import Invention, paper
from workflows.payment import gateway_return
from workflows.providers import test_gateway

Submit = Callable[[Engine, Session, int, Actor, dict[str, object]], StepResult]
Begin = Callable[[Engine, Session, str, Actor, dict[str, object]], StepResult]

FRIDAY = 4
WORKER = "demo"
PAPERS = 4  # different scans of each title


@dataclass
class PastClock:
    """A clock that is moved by hand."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Stage:
    """The engine at a past moment, with everybody who acts there. ``end`` is the present."""

    engine: Engine
    submit: Submit
    begin: Begin
    clock: PastClock
    end: datetime
    random: Random
    invention: Invention
    actors: dict[str, Actor] = field(default_factory=dict)
    known: list[Property] = field(default_factory=list)
    _papers: dict[tuple[str, int], tuple[str, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.office: WorkingCalendar = self.engine.services.calendar.current().calendar
        self._waking = dataclasses.replace(
            self.office,
            weekend=frozenset({FRIDAY}),
            opens=time(8, 0),
            closes=time(20, 30),
            is_holiday=lambda _day: False,
            worked=frozenset(),
        )

    @property
    def now(self) -> datetime:
        return self.clock.now

    def know(self, session: Session) -> None:
        """Learn who there is."""
        self.actors = {person.username: actor_for(person) for person in session.scalars(select(Person))}

    def _by_id(self, person_id: int | None) -> Actor:
        return next(actor for actor in self.actors.values() if actor.person_id == person_id)

    # Time: each gives how long to wait from now

    def soon(self) -> timedelta:
        """Some minutes, or the next day: somebody goes on with their own work at a waking hour."""
        minutes = self.random.uniform(900, 1800) if self.random.random() < 0.12 else self.random.uniform(3, 55)
        return self._within(self._waking, timedelta(minutes=minutes))

    def in_office(self, *, days: float) -> timedelta:
        """About so many days, at an hour at which offices are open."""
        return self._within(self.office, timedelta(days=days * self.random.uniform(0.5, 1.5)))

    def until(self, moment: datetime) -> timedelta:
        return max(moment - self.now, timedelta(0))

    def awake(self, moment: datetime) -> datetime:
        """The moment, or a while after waking when people sleep then."""
        return self._open_at(self._waking, moment)

    def _within(self, calendar: WorkingCalendar, length: timedelta) -> timedelta:
        return self._open_at(calendar, self.now + length) - self.now

    def _open_at(self, calendar: WorkingCalendar, moment: datetime) -> datetime:
        """Not everybody begins at the very minute of opening."""
        opening = calendar.next_working_moment(moment)
        return moment if opening == moment else opening + timedelta(minutes=self.random.uniform(2, 150))

    # What people do

    def work(self) -> None:
        """Let the worker do what is due: timers, the gateway's answers, SMS. Most of the time nothing is."""
        job = exists().where(Job.run_at <= self.now)
        message = exists().where(Sms.next_try_at <= self.now)
        with self.engine.sessions() as session:
            jobs_due, messages_due = session.execute(select(job, message)).one()
        while jobs_due and (taken := self._takes(runner.take)):
            for job_id in taken:
                runner.run(self.engine, job_id, owner=WORKER)
        for message_id in self._takes(outbox.take) if messages_due else []:
            outbox.deliver(self.engine, message_id, owner=WORKER)

    def _takes(self, take: Callable[..., list[int]]) -> list[int]:
        with self.engine.transaction() as session:
            return take(session, owner=WORKER, now=self.now, limit=100)

    def starts(self, by: Actor, process: str) -> int:
        with self.engine.transaction() as session:
            return self.engine.start_case(session, process, by=by).case.id

    def asks(self, by: Actor, process: str, **values: Any) -> int:
        """Somebody starts a case with the form of its start event."""
        with self.engine.transaction() as session:
            return self.begin(self.engine, session, process, by, values).case.id

    def does(self, by: Actor, case_id: int, key: str, **values: Any) -> None:
        """Somebody completes the open task (or triggers the action) ``key`` of a case."""
        with self.engine.transaction() as session:
            self.submit(self.engine, session, self._open(session, case_id, key), by, values)

    def types(self, by: Actor, case_id: int, key: str, values: dict[str, Any]) -> None:
        """Somebody leaves a half-filled form."""
        with self.engine.transaction() as session:
            self.engine.save_draft(session, self._open(session, case_id, key), by=by, values=values)

    def claims(self, by: Actor, case_id: int, key: str) -> None:
        with self.engine.transaction() as session:
            self.engine.claim(session, self._open(session, case_id, key), by=by)

    def waits_for(self, case_id: int, key: str) -> bool:
        with self.engine.sessions() as session:
            return self._find(session, case_id, key) is not None

    def adds_papers(self, by: Actor, case_id: int, work_type: str) -> list[dict[str, Any]]:
        """Upload what the work type asks for; the rows of ``upload_documents``."""
        with self.engine.transaction() as session:
            case = session.get_one(Case, case_id)
            required: Any = self.engine.decisions.evaluate(session, "required_documents", {"work_type": work_type})
            titles = [row["document"] for row in required if row["mandatory"] or self.random.random() < 0.4]
            return [{"title": title, "document": self._add_paper(session, case, by, title)} for title in titles]

    def adds_photo(self, by: Actor, case_id: int) -> int:
        """Upload a photo of the building; its id."""
        with self.engine.transaction() as session:
            return self._add_paper(session, session.get_one(Case, case_id), by, "photos")

    def _add_paper(self, session: Session, case: Case, by: Actor, title: str) -> int:
        variant = self.random.randrange(PAPERS)
        if (title, variant) not in self._papers:
            self._papers[title, variant] = paper(title, variant=variant)
        name, content = self._papers[title, variant]
        folder = self.engine.services.settings.files_path
        stored = documents.store(session, case, file=io.BytesIO(content), name=name, by=by, now=self.now, folder=folder)
        return stored.id

    def pays(self, by: Actor, case_id: int, decision: str, *, earlier: int = 0) -> None:
        """The bank decides on the newest payment of a case (or one ``earlier``), and the payer comes back."""
        with self.engine.transaction() as session:
            authority = session.scalars(
                select(Payment.authority)
                .join(Invoice)
                .where(Invoice.case_id == case_id)
                .order_by(Payment.id.desc())
                .offset(earlier)
                .limit(1)
            ).one()
            test_gateway.decide(session, authority, decision=decision, now=self.now)
        with self.engine.transaction() as session:
            gateway_return.returned(
                self.engine, session, gateway=self.engine.services.payment_gateway.name, authority=authority, by=by
            )
        self.work()

    def inspection_of(self, case_id: int) -> int | None:
        """The inspection that a registration has led to."""
        with self.engine.sessions() as session:
            return session.scalar(
                select(Case.id).where(Case.refers_to_id == case_id, Case.process_key == "gas_inspection")
            )

    def project_of(self, case_id: int) -> GasProject:
        """The project of a registration, with its meters."""
        with self.engine.sessions() as session:
            statement = select(GasProject).where(GasProject.case_id == case_id)
            return session.scalars(statement.options(selectinload(GasProject.meters))).one()

    def inspector_of(self, case_id: int) -> Actor:
        """The present inspector of a registration's project."""
        return self._by_id(self.project_of(case_id).inspector_id)

    def number_of(self, case_id: int) -> str:
        with self.engine.sessions() as session:
            return session.scalars(select(Case.number).where(Case.id == case_id)).one()

    def certificate_of(self, case_id: int) -> str:
        """The number of the certificate that a request has led to."""
        with self.engine.sessions() as session:
            return session.scalars(select(Certificate.number).where(Certificate.case_id == case_id)).one()

    def _open(self, session: Session, case_id: int, key: str) -> int:
        task = self._find(session, case_id, key)
        if task is None:
            raise LookupError(f"Demo case {case_id} does not wait for {key} at {self.now}")
        return task

    def _find(self, session: Session, case_id: int, key: str) -> int | None:
        return session.scalar(
            select(Task.id).where(Task.case_id == case_id, Task.key == key, Task.status == TaskStatus.OPEN)
        )
