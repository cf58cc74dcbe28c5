"""The office that is measured: a loop process with 2 kB of case data, its people, and one completion of its task."""

from __future__ import annotations

import random
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import kartabl
from engine.actor import SYSTEM, Actor, actor_for
from engine.bpmn.diagram import read_diagrams
from engine.contributions.operations import OperationContext
from engine.deployment import checking, definitions
from engine.identity import passwords
from engine.runtime.outcomes import StepResult
from engine.service import Engine
from engine.settings import Settings
from forms.base import TaskForm
from forms.declared import declared_form
from models.account import Person, RoleGrant
from models.case import Case, Task, TaskStatus
from workflows.registry import operations

PEOPLE = {"inspector": ("inspector", "contractor"), "supervisor": ("supervisor",)}  # user name → roles
SECRET = "for-measuring-only-9fK2xPq7Lw4ZtR8cVb"  # noqa: S105 - of the databases measured
PASSWORD = "Kartabl-1405"  # noqa: S105 - of the people measured
_words = random.Random(1405)
# With names and quotes 2 kB of JSON, which compresses as little as what people write.
FIELDS = {f"field_{number:02}": "".join(_words.choices("abcdefghijklmnopqrstuvw   ", k=84)) for number in range(1, 21)}
REPORT = {"report": "all is as it was at the last visit"}
VISITS, QUIET, REMINDED = "bench_visits", "bench_quiet", "bench_reminded"
NAMES = {VISITS: "visits, one SMS each", QUIET: "visits without SMS", REMINDED: "visits with a reminder"}

HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="benchmarks"'
    ' xmlns:s="http://spiffworkflow.org/bpmn/schema/1.0/core">'
)
SMS = (
    '<serviceTask id="tell" name="tell"><extensionElements><s:serviceTaskOperator id="office.tell" resultVariable="">'
    "<s:parameters><s:parameter id='text' type='any' value='submission[&quot;report&quot;]'/></s:parameters>"
    "</s:serviceTaskOperator></extensionElements></serviceTask>"
)
REMINDER = (
    '<boundaryEvent id="remind" attachedToRef="visit" cancelActivity="false"><timerEventDefinition>'
    '<timeDuration>"P30D"</timeDuration></timerEventDefinition></boundaryEvent>'
    '<endEvent id="reminded"/><sequenceFlow id="r" sourceRef="remind" targetRef="reminded"/>'
)


def tell(context: OperationContext, text: str) -> None:
    """Write one SMS into the outbox."""
    context.sms("09130000001", str(text))


def diagram(key: str) -> bytes:
    """register → visit → (SMS) → enough? → visit again, or the end. The condition reads every field: all are kept."""
    read = " or ".join(f"{name} == ''" for name in FIELDS)
    chain = ["begin", "register", "visit", *(["tell"] if key == VISITS else []), "good"]
    fields = "".join(f'<s:formField id="{name}" label="{name}" type="string"/>' for name in FIELDS)
    inspected = "".join(f"<flowNodeRef>{node}</flowNodeRef>" for node in [*chain[2:], "done"])
    flows = "".join(
        f'<sequenceFlow id="{one}_{other}" sourceRef="{one}" targetRef="{other}"/>' for one, other in pairwise(chain)
    )
    return f"""{HEAD}<process id="{key}" name="{NAMES[key]}" isExecutable="true"><laneSet id="lanes">
<lane id="Lane_contractor" name="پیمانکار"><flowNodeRef>begin</flowNodeRef><flowNodeRef>register</flowNodeRef></lane>
<lane id="Lane_inspector" name="بازرس">{inspected}</lane>
</laneSet><startEvent id="begin"/><userTask id="register" name="ثبت"><extensionElements><s:formFields>{fields}
</s:formFields></extensionElements></userTask><userTask id="visit" name="بازدید"><extensionElements><s:formFields>
<s:formField id="report" label="گزارش" type="string" required="true"/>
<s:formField id="finished" label="پایان" type="boolean"/></s:formFields></extensionElements></userTask>
{SMS if key == VISITS else ""}{REMINDER if key == REMINDED else ""}<exclusiveGateway id="good" default="again"/>
<endEvent id="done"/>{flows}<sequenceFlow id="again" sourceRef="good" targetRef="visit"/>
<sequenceFlow id="enough" sourceRef="good" targetRef="done">
<conditionExpression>finished or {read}</conditionExpression></sequenceFlow></process></definitions>""".encode()


@dataclass
class Office:
    """An application over one database, and who works in it."""

    application: kartabl.Application
    inspector: Actor
    supervisor: Actor

    @property
    def engine(self) -> Engine:
        return self.application.engine

    def start(self, key: str = VISITS, *, by: Actor | None = None) -> int:
        """A new case, registered and at its first visit: its id."""
        by = by or self.inspector
        with self.engine.transaction() as session:
            case_id = self.engine.start_case(session, key, by=by).case.id
        form = form_class(key, "register").from_values(FIELDS)
        self.complete(self.open_tasks([case_id])[case_id], form, by=by)
        return case_id

    def open_tasks(self, case_ids: Collection[int]) -> dict[int, int]:
        """The open task of each case that has one: case id → task id."""
        with self.application.database.connect() as connection:
            rows = connection.execute(
                select(Task.case_id, Task.id).where(Task.case_id.in_(case_ids), Task.status == TaskStatus.OPEN)
            )
            return {case_id: task_id for case_id, task_id in rows}

    def complete(self, task_id: int, form: TaskForm, *, by: Actor | None = None) -> StepResult:
        """Complete a task as pages and API do, from the form on."""

        def work(session: Session) -> StepResult:
            return self.engine.complete_task(session, task_id, by=by or self.inspector, form=form)

        return self.engine.in_transaction(work)

    def turn(self, key: str, task_id: int, *, finished: bool = False, by: Actor | None = None) -> float:
        """Complete one visit: the milliseconds from the bound form to the commit."""
        form = form_class(key, "visit").from_values(REPORT | {"finished": finished})
        began = time.perf_counter()
        self.complete(task_id, form, by=by)
        return (time.perf_counter() - began) * 1000

    def state_bytes(self, case_id: int) -> int:
        with self.engine.transaction() as session:
            return session.execute(select(func.length(Case.state)).where(Case.id == case_id)).scalar_one()

    def close(self) -> None:
        self.application.database.dispose()


@lru_cache
def form_class(key: str, task_key: str) -> type[TaskForm]:
    """The form that the diagram declares for a task."""
    return declared_form(key, task_key, read_diagrams(diagram(key))[0].elements[task_key].fields)


def settings_for(url: str) -> Settings:
    return Settings(secret_key=SECRET, database_url=url, files_path=Path("var/benchmark-files"))


def open_office(url: str, *, now: kartabl.Clock = kartabl.utc_now) -> Office:
    """The office of a database; the first to come deploys its diagrams and hires its people."""
    if operations.get("office.tell") is None:
        operations.register("office.tell")(tell)
    application = kartabl.build(settings_for(url), now=now)
    with application.engine.transaction() as session:
        people = {person.username: actor_for(person) for person in session.scalars(select(Person).limit(2))}
    if not people:
        _furnish(application)
        application.database.dispose()
        return open_office(url, now=now)
    return Office(application, people["inspector"], people["supervisor"])


def _furnish(application: kartabl.Application) -> None:
    bundle = checking.check({f"{key}.bpmn": diagram(key) for key in NAMES}, kartabl.seam())
    if not bundle.sound:
        raise ValueError("\n".join(map(str, bundle.findings)))
    with application.engine.transaction() as session:
        definitions.deploy(session, bundle.diagrams, now=application.clock())
        engine = application.engine
        engine.offers.offer_all(session, engine.definitions, by=SYSTEM, now=application.clock())
        for name, roles in PEOPLE.items():
            person = Person(
                username=name,
                first_name="نام",
                last_name=name,
                password_hash=passwords.hashed(PASSWORD),
                created_at=application.clock(),
                mobile_verified=True,
                roles=[RoleGrant(role=one) for one in roles],
            )
            session.add(person)
            session.flush()
