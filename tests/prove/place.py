"""A place of work for the proofs: a real application with a small process that meets everything a step can meet.

The process ``errand`` has a form, an action, a due timer, two branches that join, an SMS, an outside operation and a
way back for corrections; ``paid_service`` pays at the built-in gateway. What the outside world saw is kept in files,
one line for each call, so that it outlives a process that dies.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session

import kartabl
import workflows
from engine.actor import Actor, actor_for
from engine.bpmn.diagram import read_diagrams
from engine.contributions.operations import Operations
from engine.deployment import definitions
from engine.jobs.worker import Worker
from engine.runtime.outcomes import StepResult
from engine.service import Engine
from engine.settings import Settings
from models.account import Person, RoleGrant
from models.billing import Invoice, InvoiceLine, InvoiceStatus
from models.case import Case, Task, TaskStatus
from models.job import Job, JobKind
from tests.databases import create_tables
from tests.engine.small import AnyForm, chain, end, flow, process, properties, service, start, user_task
from tests.prove.naive import save_state_first
from tests.secret import SECRET_KEY
from tests.standing import StandingClock
from workflows import registry

NOON = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
PAYING = (
    ROOT / "bpmn_diagrams" / "payment.bpmn",
    ROOT / "bpmn_diagrams" / "unmatched_payment.bpmn",
    ROOT / "tests" / "scenarios" / "paid_service.bpmn",
)
PEOPLE = dict.fromkeys(("ali", "sara"), "citizen") | dict.fromkeys(("reza", "omid", "nima", "tara"), "finance")
PEOPLE |= {"boss": "supervisor", "mina": "contractor"}
MOBILE = "09120000000"
assert workflows.__path__  # importing the package registers all operations


def _write() -> str:
    fields = '<spiffworkflow:formFields><spiffworkflow:formField id="note" label="یادداشت" type="text"/>'
    fields += '<spiffworkflow:formField id="paper" label="سند" type="file"/></spiffworkflow:formFields>'
    plain = user_task("write")
    return plain.replace("<bpmn:extensionElements>", f"<bpmn:extensionElements>{fields}")


def errand() -> bytes:
    """The diagram ``errand``."""
    late = '<bpmn:timerEventDefinition><bpmn:timeDuration>"PT1H"</bpmn:timeDuration></bpmn:timerEventDefinition>'
    message = '<bpmn:messageEventDefinition messageRef="withdrawn"/>'
    body = (
        start()
        + '<bpmn:exclusiveGateway id="again"/>'
        + _write()
        + f'<bpmn:boundaryEvent id="late" attachedToRef="write">{late}</bpmn:boundaryEvent>'
        + service("remind", "prove.tell", mobile=f"'{MOBILE}'", text="'late'")
        + user_task("explain")
        + end("too_late")
        + f'<bpmn:boundaryEvent id="withdraw" attachedToRef="write">{properties(role="citizen", kind="action")}'
        + f"{message}</bpmn:boundaryEvent>"
        + end("given_up")
        + '<bpmn:parallelGateway id="both"/>'
        + user_task("check", role="finance")
        + user_task("sign")
        + '<bpmn:parallelGateway id="joined"/>'
        + service("tell", "prove.tell", mobile=f"'{MOBILE}'", text="'signed'")
        + service("ask", "prove.ask", question="'well?'")
        + user_task("close")
        + '<bpmn:exclusiveGateway id="well" default="well_done"/>'
        + end()
        + chain("begin", "again", "write", "both", "check", "joined", "tell", "ask", "close", "well", "done")
        + chain("both", "sign", "joined")
        + flow("well", "again", "answer == 'again'")
        + chain("late", "remind", "explain", "too_late")
        + flow("withdraw", "given_up")
    )
    return process(body, key="errand", messages="withdrawn")


@dataclass
class Sent:
    provider_id: str


class OutsideWorld:
    """What the SMS provider and the asked office saw: lines of a file, written before the answer is given."""

    name = "paper"
    shows_text = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def send(self, *, receiver: str, text: str, message_id: str) -> Sent:
        self.note("sms", message_id)
        return Sent(message_id)

    def note(self, what: str, key: str) -> None:
        with (self._folder / what).open("a") as file:
            file.write(f"{key}\n")

    def saw(self, what: str) -> list[str]:
        """The keys of all calls, a repeated one as often as it came."""
        path = self._folder / what
        return path.read_text().split() if path.exists() else []

    def forget(self) -> None:
        for path in self._folder.iterdir():
            path.unlink()


def _operations(world: OutsideWorld) -> Operations:
    """The real operations, and two of this process: an SMS and an outside question."""
    operations = Operations()
    for one in registry.operations:
        operations._operations[one.name] = one

    def tell(context: Any, *, mobile: str, text: str) -> None:
        context.sms(mobile, text)

    def ask(context: Any, *, question: str) -> str:
        world.note("asked", context.idempotency_key)
        return f"answer to {question}"

    operations.register("prove.tell")(tell)
    operations.register("prove.ask", outside=True)(ask)
    return operations


class Place:
    """One process at work: an application over a database and a folder. Make it after a fork, never before."""

    def __init__(self, url: str, folder: Path, *, naive: bool = False, now: datetime = NOON) -> None:
        self.clock = StandingClock(now)
        self.folder = folder
        self.world = OutsideWorld(folder / "world")
        settings = Settings(
            secret_key=SECRET_KEY,
            database_url=url,
            files_path=folder / "files",
            mode="demo",
            public_url="http://localhost",
        )
        built = kartabl.build(settings, now=self.clock)
        if built.database.dialect.name == "sqlite":
            event.listen(built.database, "connect", _without_waiting_for_the_disk)
        if naive:
            save_state_first(built.database)
        services = built.engine.services
        services.sms = self.world
        self.engine = Engine(
            sessions=built.sessions,
            operations=_operations(self.world),
            briefings=registry.briefings,
            printouts=registry.printouts,
            services=services,
            environment=built.engine._environment,
            clock=self.clock,
        )
        self.worker = Worker(self.engine)
        self.application = dataclasses.replace(built, engine=self.engine, worker=self.worker)
        self.database = built.database

    def close(self) -> None:
        self.database.dispose()

    def warm_up(self) -> None:
        """Read the diagrams now: that takes longer than a step, and happens once in a process' life."""
        with self.engine.transaction() as session:
            for key in ("errand", "paid_service"):
                self.engine.definitions.newest(session, key)

    # What people and workers do

    def actor(self, username: str) -> Actor:
        with self.engine.transaction() as session:
            return actor_for(session.scalars(select(Person).where(Person.username == username)).one())

    def start(self, key: str = "errand", *, by: str = "ali") -> int:
        with self.engine.transaction() as session:
            return self.engine.start_case(session, key, by=self.actor(by)).case.id

    def complete(self, task_id: int, *, by: str = "ali", **values: Any) -> StepResult:
        actor = self.actor(by)

        def work(session: Session) -> StepResult:
            task = session.get_one(Task, task_id)
            return self.engine.complete_task(
                session, task_id, by=actor, form=AnyForm((task.process_key, task.key), values)
            )

        return self.engine.in_transaction(work)

    def does(self, case_id: int, key: str, *, by: str = "ali", **values: Any) -> StepResult:
        return self.complete(self.task(case_id, key), by=by, **values)

    def task(self, case_id: int, key: str) -> int:
        """The id of the newest task of the case with this key, open or not."""
        with self.engine.transaction() as session:
            return session.scalars(
                select(Task.id).where(Task.case_id == case_id, Task.key == key).order_by(Task.id.desc()).limit(1)
            ).one()

    def open(self, case_id: int) -> dict[str, int]:
        with self.engine.transaction() as session:
            rows = session.execute(
                select(Task.key, Task.id).where(Task.case_id == case_id, Task.status == TaskStatus.OPEN)
            )
            return {row.key: row.id for row in rows}

    def later(self, length: timedelta) -> None:
        self.clock.advance(length)

    def settle(self) -> None:
        """Let everything that is on its way arrive: leases run out, what was put off is tried again."""
        for _ in range(3):
            self.later(timedelta(seconds=90))
            while self.worker.work():
                pass

    def invoiced(self, *, total: int = 690_000) -> tuple[int, int]:
        """A case of the paid service with an open invoice: (case, invoice)."""
        case_id = self.start("paid_service", by="mina")
        with self.engine.transaction() as session:
            line = InvoiceLine(item="x", stage="final_inspection", quantity=1, unit_amount=total, amount=total)
            made = Invoice(
                number=f"{case_id}/1",
                case_id=case_id,
                reason="registration",
                payer_id=self.actor("mina").person_id,
                status=InvoiceStatus.OPEN,
                total=total,
                created_at=self.clock(),
                lines=[line],
            )
            session.add(made)
            session.flush()
            return case_id, made.id


def _without_waiting_for_the_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def furnish(url: str) -> None:
    """Give an empty database its tables, diagrams and people: what ``fresh_database`` takes as ``prepare``."""
    create_tables(url)
    with tempfile.TemporaryDirectory() as folder:
        _furnish(Place(url, Path(folder)))


def _furnish(place: Place) -> None:
    with place.engine.transaction() as session:
        deploy(session, {"errand": errand()})
        for name, role in PEOPLE.items():
            session.add(
                Person(
                    username=name,
                    first_name=name,
                    last_name="",
                    password_hash="-",
                    created_at=NOON,
                    mobile=MOBILE,
                    mobile_verified=True,
                    roles=[RoleGrant(role=role)],
                )
            )
    place.close()


def deploy(session: Session, more: Mapping[str, bytes]) -> None:
    """Deploy the paying diagrams and ``more``."""
    sources = [path.read_bytes() for path in PAYING] + list(more.values())
    definitions.deploy(session, {one.key: one for xml in sources for one in read_diagrams(xml)}, now=NOON)


def frozen(session: Session) -> list[str]:
    """Cases that nothing will ever move: they run, and there is neither an open task nor a job of theirs."""
    waits = select(Task.case_id).where(Task.status == TaskStatus.OPEN)
    works = select(Job.case_id)
    running = select(Case.number).where(Case.ended_at.is_(None), Case.id.not_in(waits), Case.id.not_in(works))
    return list(session.scalars(running))


def due_job(session: Session, case_id: int, kind: JobKind) -> int:
    return session.scalars(select(Job.id).where(Job.case_id == case_id, Job.kind == kind)).one()
