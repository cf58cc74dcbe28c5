"""Plays an imported process to its end: everything is completed, every timer fires, every message arrives."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from engine.actor import Actor
from engine.bpmn.diagram import Element
from engine.contributions.operations import Operations
from engine.deployment import checking, definitions
from engine.deployment.importing import Imported
from engine.expressions.language import Language
from forms.declared import declared_form
from models.account import Person
from models.case import Case, CaseStatus, Task, TaskStatus
from models.event import EventSubscription
from models.job import Incident, Job, JobKind
from tests.databases import SQLITE
from tests.engine.small import NOW, AnyForm, Small
from workflows import roles

MAX_STEPS = 300
ROLES = frozenset(roles.organisation().roles) | roles.CASE_ROLES.keys()
ENTERED = {
    "long": "1",
    "string": "x",
    "text": "x",
    "date": "1405/01/15",
    "money": "1000",
    "boolean": "y",
}


class Play:
    """One engine with the processes of one imported file, and somebody who holds every role."""

    def __init__(self, imported: Imported) -> None:
        self.small = Small(SQLITE)
        seam = checking.Seam(
            operations=Operations(),
            roles=ROLES,
            form_fields=lambda process, task: None,
            functions=Language({}).functions,
        )
        bundle = checking.check({f"{key}.bpmn": xml for key, xml in imported.processes.items()}, seam)
        assert bundle.sound, "\n".join(map(str, bundle.findings))
        self.diagrams = bundle.diagrams
        with self.small.engine.transaction() as session:
            definitions.deploy(session, bundle.diagrams, now=NOW)
            person = session.scalars(select(Person).where(Person.username == "boss")).one()
            self.actor = Actor(person_id=person.id, username="boss", name="boss", roles=ROLES)
        self.visits: Counter[str] = Counter()

    def close(self) -> None:
        self.small.close()

    def to_the_end(self, key: str) -> str:
        """Start a case and go on until it is over; "" when it is, else where it stands."""
        with self.small.engine.transaction() as session:
            case_id = self.small.engine.start_case(session, key, by=self.actor).case.id
        for _ in range(MAX_STEPS):
            self.small.worker.work()
            with self.small.engine.transaction() as session:
                status = session.get_one(Case, case_id).status
                failed = [incident.error for incident in session.scalars(select(Incident))]
            if status is CaseStatus.COMPLETED:
                return ""
            if failed:
                return f"failed: {failed}"
            if not (self._complete_something(case_id) or self._let_time_pass() or self._signal(case_id)):
                return f"{status}: nothing to do"
        return "no end in sight"

    def _complete_something(self, case_id: int) -> bool:
        """The open task that was done least often: what only may be done comes after what has to be."""
        with self.small.engine.transaction() as session:
            tasks = list(session.scalars(select(Task).where(Task.case_id == case_id, Task.status == TaskStatus.OPEN)))
            if not tasks:
                return False
            task = min(tasks, key=lambda one: (self._element(one).is_action, self.visits[one.key], one.id))
            self.visits[task.key] += 1
            form = AnyForm((task.process_key, task.key), self._values(self._element(task), self.visits[task.key]))
            self.small.engine.complete_task(session, task.id, by=self.actor, form=form)
        return True

    def _element(self, task: Task) -> Element:
        return self.diagrams[task.process_key].elements[task.key]

    def _values(self, element: Element, visit: int) -> dict[str, Any]:
        """What the task's own form makes of something typed; each visit chooses another branch."""
        form_class = declared_form("any", element.id, element.fields)
        typed = {}
        for number, declared in enumerate(element.fields):
            values = declared.get("values")
            chosen = values[(visit - 1) % len(values)]["id"] if values else ENTERED[declared["type"]]
            if declared["type"] == "boolean" and (visit + number) % 2 == 0:
                chosen = ""
            typed[declared["id"]] = chosen
        form = form_class.from_values(typed)
        assert form.validate(), form.error_map
        return dict(form.submission)

    def _let_time_pass(self) -> bool:
        with self.small.engine.transaction() as session:
            due = session.scalars(select(Job.due_at).where(Job.kind == JobKind.TIMER).order_by(Job.due_at)).first()
        if due is None:
            return False
        self.small.clock.now = max(due, self.small.clock()) + timedelta(seconds=1)
        return True

    def _signal(self, case_id: int) -> bool:
        """A signal of the world outside: as if another case had thrown it."""
        with self.small.engine.transaction() as session:
            waiting = session.scalars(select(EventSubscription).where(EventSubscription.case_id == case_id)).first()
            if waiting is None:
                return False
            session.add(
                Job(
                    case_id=case_id,
                    kind=JobKind.SIGNAL,
                    element_id=waiting.element_id,
                    token=waiting.token,
                    process_key=waiting.process_key,
                    due_at=self.small.clock(),
                    run_at=self.small.clock(),
                    arguments={"name": waiting.name, "key": None, "payload": {}},
                )
            )
        return True
