"""A small engine for tests of the engine itself: diagrams written in the test, forms that accept what they get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import kartabl
from engine import clock
from engine.actor import Actor, actor_for
from engine.contributions.briefings import Briefings
from engine.contributions.operations import Operations, Services
from engine.contributions.printouts import Printouts
from engine.deployment import checking, definitions
from engine.expressions.language import Language
from engine.jobs.worker import Worker
from engine.runtime.outcomes import StepResult
from engine.service import Engine
from engine.settings import Settings
from engine.spiff.script_engine import SafeEnvironment
from models.account import Person, RoleGrant
from models.case import Task, TaskStatus
from models.database import open_database, session_factory
from tests.databases import fresh_database
from tests.secret import SECRET_KEY
from tests.standing import StandingClock

NOW = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core" id="d" targetNamespace="x">'
)


@dataclass
class AnyForm:
    """A form that accepts every value."""

    user_task: tuple[str, str]
    submission: dict[str, Any]
    error_map: dict[str, list[str]] = field(default_factory=dict)

    def validate(self) -> bool:
        return not self.error_map


def process(body: str, *, key: str = "small", messages: str = "", signals: str = "", errors: str = "") -> bytes:
    """A diagram around ``body`` (elements and flows), in one lane of the role ``citizen``."""
    declared = "".join(f'<bpmn:message id="{name}" name="{name}"/>' for name in messages.split())
    declared += "".join(f'<bpmn:signal id="{name}" name="{name}"/>' for name in signals.split())
    declared += "".join(f'<bpmn:error id="{name}" name="{name}" errorCode="{name}"/>' for name in errors.split())
    drawn = f'<bpmn:process id="{key}" isExecutable="true">{body}</bpmn:process>'
    return f"{HEAD}{declared}{drawn}</bpmn:definitions>".encode()


def properties(**values: str) -> str:
    inner = "".join(f'<spiffworkflow:property name="{name}" value="{value}"/>' for name, value in values.items())
    return (
        f"<bpmn:extensionElements><spiffworkflow:properties>{inner}</spiffworkflow:properties></bpmn:extensionElements>"
    )


def start(identifier: str = "begin") -> str:
    return f'<bpmn:startEvent id="{identifier}">{properties(role="citizen")}</bpmn:startEvent>'


def user_task(identifier: str, *, role: str = "citizen", **more: str) -> str:
    return f'<bpmn:userTask id="{identifier}" name="{identifier}">{properties(role=role, **more)}</bpmn:userTask>'


def service(identifier: str, operation: str, result: str = "result", **parameters: str) -> str:
    inner = "".join(
        f'<spiffworkflow:parameter id="{name}" type="any" value="{value}"/>' for name, value in parameters.items()
    )
    return (
        f'<bpmn:serviceTask id="{identifier}"><bpmn:extensionElements>'
        f'<spiffworkflow:serviceTaskOperator id="{operation}" resultVariable="{result}">'
        f"<spiffworkflow:parameters>{inner}</spiffworkflow:parameters></spiffworkflow:serviceTaskOperator>"
        f"</bpmn:extensionElements></bpmn:serviceTask>"
    )


def end(identifier: str = "done") -> str:
    return f'<bpmn:endEvent id="{identifier}"/>'


def event(tag: str, identifier: str, definition: str, *, attributes: str = "", **properties_: str) -> str:
    """An event; ``definition`` is its kind and what it refers to: ``message paid``, ``signal closed``, ``error E``."""
    kind, _, name = definition.partition(" ")
    inner = properties(**properties_) if properties_ else ""
    refers = f' {kind}Ref="{name}"' if name else ""
    return (
        f'<bpmn:{tag} id="{identifier}" name="{identifier}" {attributes}>{inner}'
        f"<bpmn:{kind}EventDefinition{refers}/></bpmn:{tag}>"
    )


def flow(source: str, target: str, condition: str = "", identifier: str = "") -> str:
    name = identifier or f"{source}_{target}"
    inner = f"<bpmn:conditionExpression>{condition}</bpmn:conditionExpression>" if condition else ""
    return f'<bpmn:sequenceFlow id="{name}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'


def chain(*identifiers: str) -> str:
    return "".join(flow(one, other) for one, other in pairwise(identifiers))


@dataclass
class Sent:
    provider_id: str


class Screen:
    """An SMS provider that takes everything."""

    name = "screen"
    shows_text = True

    def send(self, *, receiver: str, text: str, message_id: str) -> Sent:
        return Sent(message_id)


class Small:
    """An engine with the given diagrams: citizens ``ali`` and ``sara``, ``reza`` of finance, supervisor ``boss``."""

    def __init__(
        self, server: str, *diagrams: bytes, operations: Operations | None = None, folder: Path | None = None
    ) -> None:
        self.clock = StandingClock(NOW)
        self.url = fresh_database(server)
        self.database = open_database(self.url)
        settings = Settings(secret_key=SECRET_KEY, database_url=self.url, files_path=folder or Path("var/files"))
        self.operations = operations or Operations()
        sessions = session_factory(self.database)
        calendar = kartabl.office_calendar(sessions)
        language = Language(
            {
                "in_a_day": lambda: (clock.now().replace(hour=23)).isoformat(),
                "working_days": calendar.working_days,
            }
        )
        self.engine = Engine(
            sessions=sessions,
            operations=self.operations,
            briefings=Briefings(),
            printouts=Printouts(),
            services=Services(settings=settings, sms=Screen(), calendar=calendar),
            environment=SafeEnvironment(language),
            clock=self.clock,
        )
        self.worker = Worker(self.engine)
        seam = checking.Seam(
            operations=self.operations,
            roles=frozenset({"citizen", "supervisor", "finance"}),
            form_fields=lambda process_key, task_key: frozenset({"answer"}),
            functions=language.functions,
        )
        files = {f"{key}.bpmn": xml for xml in diagrams for key in [_key(xml)]}
        bundle = checking.check(files, seam)
        assert bundle.sound, "\n".join(map(str, bundle.findings))
        with self.engine.transaction() as session:
            definitions.deploy(session, bundle.diagrams, now=NOW)
        for name, role in (("ali", "citizen"), ("sara", "citizen"), ("reza", "finance"), ("boss", "supervisor")):
            self.add_person(name, role)

    def add_person(self, username: str, *roles: str) -> None:
        """Add a person with these roles."""
        with self.engine.transaction() as session:
            session.add(
                Person(
                    username=username,
                    first_name=username,
                    last_name="",
                    password_hash="",
                    created_at=NOW,
                    roles=[RoleGrant(role=role) for role in roles],
                )
            )

    def actor(self, username: str) -> Actor:
        with self.engine.transaction() as session:
            return actor_for(session.scalars(select(Person).where(Person.username == username)).one())

    def start(self, key: str = "small", *, by: str = "ali", **data: Any) -> StepResult:
        with self.engine.transaction() as session:
            return self.engine.start_case(session, key, by=self.actor(by), data=data)

    def complete(self, case_id: int, key: str, *, by: str = "ali", **values: Any) -> StepResult:
        task = self.open(case_id)[key]
        with self.engine.transaction() as session:
            form = AnyForm((task.process_key, task.key), values)
            return self.engine.complete_task(session, task.id, by=self.actor(by), form=form)

    def open(self, case_id: int) -> dict[str, Task]:
        """The open tasks of a case by key."""
        with self.engine.transaction() as session:
            found = session.scalars(select(Task).where(Task.case_id == case_id, Task.status == TaskStatus.OPEN))
            return {task.key: task for task in found}

    def look(self, read: Callable[[Session], Any]) -> Any:
        with self.engine.transaction() as session:
            return read(session)

    def close(self) -> None:
        self.database.dispose()


def _key(xml: bytes) -> str:
    return xml.partition(b'<bpmn:process id="')[2].partition(b'"')[0].decode()
