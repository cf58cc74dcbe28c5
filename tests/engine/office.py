"""A small office in plain rows: people, cases and tasks for tests of the read side."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from engine import case_numbers
from engine.actor import Actor, actor_for
from engine.administration import organisation as changes
from engine.identity.organisation import RoleEntry
from engine.persistence.search import set_subject
from models.account import Person, RoleGrant
from models.base import Base
from models.case import Case, CaseStatus, Participant, Task, TaskKind, TaskStatus
from models.database import open_database, session_factory
from models.definition import ProcessDefinition
from models.language import BilingualText
from workflows import roles

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

DIAGRAM = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t">
  <bpmn:process id="errand" name="کار نمونه" isExecutable="true">
    <bpmn:laneSet id="lanes">
      <bpmn:lane id="Lane_clerk" name="کارمند"><bpmn:flowNodeRef>decide</bpmn:flowNodeRef></bpmn:lane>
    </bpmn:laneSet>
    <bpmn:startEvent id="asked"/>
    <bpmn:userTask id="decide" name="تصمیم"/>
    <bpmn:serviceTask id="call_bank" name="پرسش از بانک"/>
    <bpmn:intermediateCatchEvent id="a_week" name="یک هفته درنگ"/>
    <bpmn:callActivity id="pay" name="پرداخت" calledElement="payment"/>
  </bpmn:process>
</bpmn:definitions>
""".encode()


class Office:
    """Makes rows with as little said as a test needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        database = open_database(f"sqlite:///{folder / 'office.db'}")
        Base.metadata.create_all(database)
        self.session: Session = session_factory(database)()
        self._count = itertools.count(1)
        self.definition = ProcessDefinition(
            key="errand", version=1, name="کار نمونه", xml=DIAGRAM, sha256="0" * 64, calls={}, deployed_at=NOW
        )
        self.session.add(self.definition)
        delivered = roles.organisation()
        clerk = RoleEntry(key="clerk", name=BilingualText("کارمند", "Clerk"))
        changes.fill(self.session, [*delivered.roles.values(), clerk], delivered.divisions.values(), now=NOW)
        self.session.commit()

    def person(self, *roles: str, scope: str = "", name: str = "رها") -> Person:
        number = next(self._count)
        person = Person(
            username=f"p{number}",
            password_hash="",
            first_name=name,
            last_name=f"نمونه {number}",
            created_at=NOW,
            kind="staff",
            roles=[RoleGrant(role=role, scope=scope) for role in roles],
        )
        self.session.add(person)
        self.session.flush()
        return person

    def actor(self, *roles: str, scope: str = "") -> Actor:
        return actor_for(self.person(*roles, scope=scope))

    def case(
        self,
        *,
        by: Actor | None = None,
        subject: str = "",
        search: tuple[str, ...] = (),
        status: CaseStatus = CaseStatus.RUNNING,
        process: str = "errand",
    ) -> Case:
        case = Case(
            number=case_numbers.placeholder(),
            process_key=process,
            definition_id=self.definition.id,
            status=status,
            state=b"",
            started_at=NOW,
            started_by_id=by.person_id if by else None,
        )
        self.session.add(case)
        self.session.flush()
        case.number = case_numbers.case_number(case.id, NOW)
        if by is not None:  # as the engine binds the starter's lane
            self.session.add(Participant(case_id=case.id, role="requester", person_id=by.person_id, since=NOW))
        set_subject(self.session, case, subject, list(search))
        self.session.flush()
        return case

    def task(
        self,
        case: Case,
        role: str = "clerk",
        *,
        scope: str = "",
        to: Actor | None = None,
        claimed: bool = False,
        name: str = "تصمیم",
        key: str = "decide",
        priority: int = 50,
        due: datetime | None = None,
        since: datetime = NOW,
        status: TaskStatus = TaskStatus.OPEN,
        kind: TaskKind = TaskKind.USER_TASK,
    ) -> Task:
        task = Task(
            case_id=case.id,
            kind=kind,
            key=key,
            process_key=case.process_key,
            name=name,
            token=str(next(self._count)),
            role=role,
            scope=scope,
            assignee_id=to.person_id if to else None,
            claimed=claimed,
            since=since,
            due_at=due,
            priority=priority,
            status=status,
        )
        self.session.add(task)
        if to is None or claimed:
            self.session.add(Participant(case_id=case.id, role=role, since=NOW))
        else:
            self.session.add(Participant(case_id=case.id, role=role, person_id=to.person_id, since=NOW))
        self.session.flush()
        return task

    @staticmethod
    def after(**duration: float) -> datetime:
        return NOW + timedelta(**duration)
