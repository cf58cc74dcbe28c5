"""Plays a process as people would: start it, do a task, let time pass, pay, look what it waits for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.orm import Session

import kartabl
from engine.actor import Actor, actor_for
from engine.errors import InvalidSubmission
from engine.jobs.worker import Worker
from models.account import Person, RoleGrant
from models.billing import Invoice, Payment
from models.case import Case, Task, TaskKind, TaskStatus
from models.outbox import Sms
from tests.standing import StandingClock

PASSWORD = "Kartabl-1405"


@lru_cache
def _hash_of(password: str) -> str:
    """A password hash for all people of all tests: hashing takes longer than most stories."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


class People:
    """Makes people with roles, each once by user name."""

    def __init__(self, application: kartabl.Application) -> None:
        self._application = application

    def add(self, username: str, *roles: str, scope: str = "", **values: Any) -> Person:
        """A person with these roles; their password is ``PASSWORD``."""
        with self._application.engine.transaction() as session:
            known = session.scalars(select(Person).where(Person.username == username)).first()
            if known is not None:
                return known
            given = {"first_name": "نام", "last_name": username, "mobile": None} | values
            person = Person(username=username, created_at=self._application.clock(), mobile_verified=True, **given)
            person.roles = [RoleGrant(role=role, scope=scope) for role in roles]
            person.password_hash = _hash_of(PASSWORD)
            session.add(person)
            session.flush()
            return person

    def actor(self, username: str) -> Actor:
        with self._application.engine.transaction() as session:
            return actor_for(session.scalars(select(Person).where(Person.username == username)).one())


class Play:
    """A story. People are called by their user name; a role's name makes a person of that role."""

    def __init__(self, application: kartabl.Application, clock: StandingClock) -> None:
        self.application = application
        self.engine = application.engine
        self.clock = clock
        self.people = People(application)
        self.case_id = 0
        self.messages: list[str] = []
        self._worker = Worker(self.engine)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.engine.transaction() as session:
            yield session

    def actor(self, who: str) -> Actor:
        """The actor called ``who``; a role key makes its person when there is none yet."""
        self.people.add(who, *([who] if "-" not in who and who != "admin" else [who.partition("-")[0]]))
        return self.people.actor(who)

    def start(self, process: str, *, by: str, **data: Any) -> Play:
        """Start a case and let the worker do what needs nobody."""
        with self.engine.transaction() as session:
            result = self.engine.start_case(session, process, by=self.actor(by), data=data)
        self.case_id = result.case.id
        self.work()
        return self

    def does(self, who: str, task: str, **values: Any) -> Play:
        """``who`` completes the open task (or triggers the action) ``task`` with these values."""
        actor = self.actor(who)
        with self.engine.transaction() as session:
            result = kartabl.submit(self.engine, session, self.task(task).id, actor, values)
        self.messages = result.flashes
        self.work()
        return self

    def refuses(self, who: str, task: str, **values: Any) -> dict[str, list[str]]:
        """The errors with which ``task`` refuses these values; nothing may have changed by the attempt."""
        before = self.waits_for(), self.case.revision
        try:
            self.does(who, task, **values)
        except InvalidSubmission as refused:
            assert (self.waits_for(), self.case.revision) == before
            return refused.errors
        raise AssertionError(f"{task} accepted {values}")

    def pays(self, decision: str = "pay") -> Play:
        """The payer decides at the built-in gateway's page and comes back."""
        payment = self.payment()
        gateway = self.application.test_gateway
        assert gateway is not None
        with self.engine.transaction() as session:
            gateway.decide(session, payment.authority, decision=decision, now=self.clock.now)
        return self.returns(payment.authority)

    def returns(self, authority: str) -> Play:
        """The payer's browser comes back from the gateway."""
        with self.engine.transaction() as session:
            self.application.payment_returned(self.engine, session, gateway="test", authority=authority)
        self.work()
        return self

    def payment(self) -> Payment:
        """The newest payment of the case."""
        with self.engine.transaction() as session:
            payment = session.scalars(
                select(Payment).join(Invoice).where(Invoice.case_id == self.case_id).order_by(Payment.id.desc())
            ).first()
            assert payment is not None, "the case has no payment"
            return payment

    def at(self, moment: datetime) -> Play:
        """Time passes until ``moment``; the worker does what becomes due."""
        self.clock.now = moment.astimezone(UTC)
        self.work()
        return self

    def after(self, length: timedelta) -> Play:
        return self.at(self.clock.now + length)

    def work(self) -> None:
        """Let the worker do everything that is due now."""
        for _ in range(10):
            if not self._worker.work():
                return

    def waits_for(self) -> dict[str, str]:
        """Open tasks and waiting events of the case: key → role. Actions that may be triggered are not waits."""
        return {task.key: task.role for task in self._open() if task.kind is not TaskKind.ACTION}

    def actions(self) -> dict[str, str]:
        """The actions that may be triggered: key → role."""
        return {task.key: task.role for task in self._open() if task.kind is TaskKind.ACTION}

    def task(self, key: str) -> Task:
        """The newest task with this key, open or not."""
        with self.engine.transaction() as session:
            task = session.scalars(
                select(Task)
                .where(Task.case_id == self.case_id, Task.key == key)
                .order_by((Task.status == TaskStatus.OPEN).desc(), Task.id.desc())
            ).first()
            assert task is not None, f"{key} never was a task of this case; it waits for {self.waits_for()}"
            return task

    def _open(self) -> list[Task]:
        with self.engine.transaction() as session:
            tasks = session.scalars(
                select(Task).where(Task.case_id == self.case_id, Task.status == TaskStatus.OPEN).order_by(Task.id)
            )
            return list(tasks)

    @property
    def case(self) -> Case:
        with self.engine.transaction() as session:
            case = session.get_one(Case, self.case_id)
            return case

    def sms(self) -> list[Sms]:
        """The outbox, oldest first."""
        with self.engine.transaction() as session:
            return list(session.scalars(select(Sms).order_by(Sms.id)))

    def follow(self, process: str) -> Play:
        """Go on with the case of ``process`` that refers to this one."""
        with self.engine.transaction() as session:
            self.case_id = session.scalars(
                select(Case.id).where(Case.refers_to_id == self.case_id, Case.process_key == process)
            ).one()
        return self
