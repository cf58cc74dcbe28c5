"""The commands on cases. Every entry point (pages, API, worker, commands, tests) calls them.

Each method works in the caller's transaction: lock → refuse → act → record. Nothing here commits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, sessionmaker
from sqlalchemy.orm.attributes import set_committed_value

from engine import case_numbers
from engine.actor import SYSTEM, Actor
from engine.contributions.briefings import Briefing, BriefingContext, Briefings
from engine.contributions.handovers import Handovers
from engine.contributions.office_rules import CASE_MEGABYTES, FILE_MEGABYTES, PERSON_MEGABYTES, value_of
from engine.contributions.operations import Json, OperationContext, Operations, Services
from engine.contributions.printouts import Printouts
from engine.contributions.renames import Renames
from engine.deployment.definitions import Definitions, Deployed
from engine.deployment.offers import Offers
from engine.dmn.tables import DecisionTables
from engine.errors import (
    Conflict,
    EngineError,
    FormMissing,
    NotAllowed,
    NotFound,
    OperationFailed,
    ProcessNotOffered,
    Taken,
    TaskLocked,
    TaskNotOpen,
)
from engine.file_quotas import FileQuota
from engine.identity import permissions
from engine.persistence import history, participants, statements, upsert, write_behind
from engine.persistence.search import set_subject
from engine.runtime import case_lock, incidents
from engine.runtime.outcomes import StartView, StepResult, TaskView
from engine.runtime.run import Run
from engine.runtime.submission import SubmittedForm, accepted
from engine.runtime.supervision import Supervision
from engine.spiff.script_engine import SafeEnvironment
from models.case import Case, CaseStatus, Task, TaskDraft, TaskKind, TaskStatus
from models.database_errors import in_a_line, is_overtaken
from models.office_rule import MEGABYTE

log = logging.getLogger(__name__)

T = TypeVar("T")
MAX_TRIES = 4  # attempts of a step while other steps of its case are quicker


class Engine:
    """Runs cases. One object for each process of the operating system; safe to share between threads."""

    def __init__(
        self,
        *,
        sessions: sessionmaker[Session],
        operations: Operations,
        briefings: Briefings,
        printouts: Printouts,
        services: Services,
        environment: SafeEnvironment,
        clock: Callable[[], datetime],
        form_for: Callable[[str, str], object | None] | None = None,
        offers: Offers | None = None,
        renames: Renames | None = None,
        handovers: Handovers | None = None,
    ) -> None:
        """``form_for``: the form of a task by process and task key, ``None`` where there is none.

        A task without one and without fields in its diagram cannot be done. Without ``form_for`` every task has one;
        without ``offers`` every process is offered; without ``renames`` nothing ever had another name.
        """
        self.sessions = sessions
        self.operations = operations
        self.briefings = briefings
        self.printouts = printouts
        self.services = services
        self.clock = clock
        self.definitions = Definitions()
        self.decisions = DecisionTables()
        self._environment = environment
        self._form_for = form_for
        self.offers = offers or Offers()
        self.renames = renames or Renames()
        self.handovers = handovers or Handovers(self.renames)
        self.supervision = Supervision(clock)

    # Transactions

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction of an entry point: commits when left normally, rolls back on an exception.

        A failed operation opens an incident after the rollback, in a transaction of its own. Raises ``Taken`` where
        another transaction wrote the same row.
        """
        with self.sessions() as session:
            try:
                yield session
                session.commit()
            except OperationFailed as failure:
                session.rollback()
                with self.sessions.begin() as own:
                    failure.incident_id = incidents.raise_for_step(own, failure, at=self.clock())
                raise
            except EngineError as error:
                if error.keeps_changes:
                    session.commit()
                raise
            except IntegrityError as error:
                session.rollback()
                if not is_overtaken(error):
                    raise
                log.warning("overtaken: %s", in_a_line(error))
                raise Taken() from error
            except BaseException:
                session.rollback()
                raise

    def in_transaction(self, work: Callable[[Session], T]) -> T:
        """Run ``work`` in one transaction, again if another step of its case was quicker (SQLite locks late).

        Returns the result of ``work``. Raises ``Conflict`` if other steps were quicker ``MAX_TRIES`` times.
        """
        for _again in range(MAX_TRIES - 1):
            with suppress(Conflict), self.transaction() as session:
                return work(session)
        with self.transaction() as session:
            return work(session)

    # Cases

    def may_start(self, session: Session, process_key: str, by: Actor) -> bool:
        """Returns True if the process is offered and the person holds a role of its first lane. Raises ``NotFound``."""
        role = self._starting_role(self.definitions.newest(session, process_key), by)
        return role is not None and self.offers.is_offered(session, process_key)

    def started_by(self, session: Session, kind: str, name: str) -> list[str]:
        """Keys of the offered processes that a message or signal starts, in order."""
        keys = self.definitions.started_by(session, kind, name)
        offered = self.offers.offered(session, keys)
        return [key for key in keys if key in offered]

    def start_view(self, session: Session, process_key: str, *, by: Actor) -> StartView:
        """Data of the page on which the person starts a case. Raises ``NotFound`` like ``start_case``."""
        deployed = self._startable(session, process_key, by)
        diagram = deployed.diagrams[deployed.key]
        return StartView(deployed.key, diagram.name, diagram.start.id, diagram.start.fields)

    def start_case(
        self,
        session: Session,
        process_key: str,
        *,
        by: Actor,
        data: Mapping[str, Json] | None = None,
        form: SubmittedForm | None = None,
    ) -> StepResult:
        """Start a case of the newest version of a process; the starter's lane is bound to the starter.

        ``form``: the form of the start event; the operations of the first step see its values as ``submission``.
        ``data``: further initial data, JSON values by name.

        Raises
            NotFound: no such process, or the person lacks a role of its first lane.
            ProcessNotOffered: the organisation does not offer the process.
            InvalidSubmission: the form or an operation refuses the values; there is no case then.
            OperationFailed: a service task of the first step failed; there is no case then.
            Conflict: an operation wrote the same row as another transaction; a retry is safe.
        """
        deployed = self._startable(session, process_key, by)
        start = deployed.diagrams[deployed.key].start
        values = accepted(form, deployed.key, start.id) if form else None
        role = self._starting_role(deployed, by)
        bindings = {role: by.person_id} if role is not None and by.person_id is not None else {}
        return self._start(session, deployed, by=by, data=data or {}, bindings=bindings, values=values)

    def _startable(self, session: Session, process_key: str, by: Actor) -> Deployed:
        deployed = self.definitions.newest(session, process_key)
        if self._starting_role(deployed, by) is None:
            raise NotFound("process", process_key)
        if not self.offers.is_offered(session, process_key):
            raise ProcessNotOffered(process_key)
        return deployed

    def start_referring(
        self, context: OperationContext, process_key: str, *, data: Mapping[str, Json], bindings: Mapping[str, int]
    ) -> Case:
        """Start a case from an operation of another one (REG-14) and let it refer to that one.

        ``bindings``: role → person id. Raises ``NotFound``, ``OperationFailed``.
        """
        deployed = self.definitions.newest(context.session, process_key)
        started = self._start(
            context.session, deployed, by=context.actor, data=data, bindings=bindings, refers_to=context.case
        )
        return started.case

    def start_by_system(
        self, session: Session, process_key: str, *, data: Mapping[str, Json], refers_to: Case | None = None
    ) -> Case:
        """Start a case by the system: an unmatched payment, a scheduled process.

        Raises ``NotFound``, ``OperationFailed``.
        """
        deployed = self.definitions.newest(session, process_key)
        return self._start(session, deployed, by=SYSTEM, data=data, bindings={}, refers_to=refers_to).case

    def _start(
        self,
        session: Session,
        deployed: Deployed,
        *,
        by: Actor,
        data: Mapping[str, Json],
        bindings: Mapping[str, int | None],
        refers_to: Case | None = None,
        values: Mapping[str, Json] | None = None,
    ) -> StepResult:
        now = self.clock()
        case = Case(
            number=case_numbers.placeholder(),
            process_key=deployed.key,
            definition_id=deployed.definition_id,
            status=CaseStatus.RUNNING,
            state=b"",
            revision=1,
            started_at=now,
            started_by_id=by.person_id,
            refers_to_id=refers_to.id if refers_to else None,
        )
        session.add(case)
        session.flush()
        case.number = case_numbers.case_number(case.id, now)
        set_subject(session, case, "", [])
        session.flush()
        for role, person_id in bindings.items():
            participants.bind(session, case, role, person_id, at=now)
        context = self._context(session, case, by)
        run = Run(context, deployed, self._environment, self.operations)
        submitted = history.submission_details(values or {}) or {}
        run.start({"case": case.id, **data}, values)
        history.record(
            session,
            case,
            what="case_started",
            by=by,
            at=now,
            details={"version": deployed.version, **submitted},
            task_key=deployed.diagrams[deployed.key].start.id if submitted else "",
        )
        return self.finish(run)

    def _starting_role(self, deployed: Deployed, by: Actor) -> str | None:
        """The first role of the person in which they may start a case; ``None``: they may not."""
        start = deployed.diagrams[deployed.key].start
        roles = () if start.starts_case else start.roles  # a message or a signal starts it
        return next((role for role in roles if role in by.roles), None)

    # Tasks

    def open_task(
        self, session: Session, task_id: int, *, by: Actor, typed: Mapping[str, Any] | None = None
    ) -> TaskView:
        """An open task with the person's draft, and a briefing for the values ``typed``, else for the draft.

        Raises ``NotFound`` for what the person may not do, ``TaskNotOpen`` when somebody was quicker,
        ``FormMissing`` when this version of the code has no form for it.
        """
        task = self._task(session, task_id, by)
        case_lock.refuse_closed(task)
        self._refuse_formless(session, task)
        draft = session.get(TaskDraft, (task.id, by.person_id)) if by.person_id is not None else None
        deployed = self.definitions.get(session, task.case.definition_id)
        fields = deployed.diagrams[task.process_key].elements[task.key].fields
        view = TaskView(task, task.case, Briefing(), dict(draft.values) if draft else None, fields)
        return self.brief(session, view, by=by, typed=(view.draft or {}) if typed is None else typed)

    def brief(self, session: Session, view: TaskView, *, by: Actor, typed: Mapping[str, Any]) -> TaskView:
        """The same task with a new briefing for the values ``typed`` since it was opened."""
        context = self.briefing_context(session, view.case, by, typed=typed)
        return replace(view, briefing=self.briefings.for_task(view.task.process_key, view.task.key, context))

    def upload_limit(self, session: Session, case: Case) -> int:
        """How large a file of this case may be, in bytes."""
        own = self.definitions.get(session, case.definition_id).upload_limit
        return own or value_of(session, FILE_MEGABYTES) * MEGABYTE

    @property
    def holds_uploads(self) -> bool:
        """Whether a file is held until the virus scanner has looked at it: where there is a scanner."""
        return bool(self.services.settings.virus_scanner)

    def file_quota(self, session: Session) -> FileQuota:
        """How much file space a case has, and a person in a day."""
        megabytes = {"case": CASE_MEGABYTES, "person": PERSON_MEGABYTES}
        return FileQuota(**{name: value_of(session, rule) * MEGABYTE for name, rule in megabytes.items()})

    def briefing_context(
        self, session: Session, case: Case, by: Actor, *, typed: Mapping[str, Any] | None = None, left: bool = False
    ) -> BriefingContext:
        """Context of briefings and printouts of a case. ``left``: for somebody who left it."""
        return BriefingContext(
            session=session,
            case=case,
            actor=by,
            now=self.clock(),
            services=self.services,
            left=left,
            typed=dict(typed or {}),
            evaluate=lambda decision, inputs: self.decisions.evaluate(session, decision, inputs),
            key_in_diagram=lambda task_key: self.key_in_diagram(session, case, task_key),
            renames=self.renames,
        )

    def key_in_diagram(self, session: Session, case: Case, task_key: str) -> str:
        """The key that the case's own version has for the task whose present key is ``task_key``.

        Returns ``task_key`` where the version has no such task.
        """
        deployed = self.definitions.get(session, case.definition_id)
        own_first = sorted(deployed.diagrams.items(), key=lambda item: item[0] != deployed.key)
        elements = ((key, element) for key, diagram in own_first for element in diagram.elements)
        return next((element for key, element in elements if self.renames.task(key, element)[1] == task_key), task_key)

    def complete_task(self, session: Session, task_id: int, *, by: Actor, form: SubmittedForm) -> StepResult:
        """Complete a task and run the case on to its next wait, in the caller's transaction.

        The case's row is locked first, so two completions of one case run one after the other. ``form`` is
        validated here, under the lock. Due timers fire first: a task that they end cannot be completed.

        Raises
            NotFound: there is no such task for this person.
            TaskNotOpen: somebody was quicker, or the case does not run.
            TaskClaimed: another person of the group has claimed it.
            TaskLocked: another activity of the case locks the task.
            FormMissing: this version of the code has no form for the task.
            InvalidSubmission: the form or an operation does not accept the values; ``errors`` says why.
            OperationFailed: a service task on the way failed; this call changes nothing.
            Conflict: another transaction changed the case meanwhile; a retry is safe.
        """
        case, task = case_lock.lock_with_task(session, task_id, optimistic=True)
        self._refuse_foreign(session, task, permissions.as_of_now(session, by))
        case_lock.refuse_closed(task)
        case_lock.refuse_claimed(task, by)
        if task.locked:
            raise TaskLocked(task.id, task.locked)
        self._refuse_formless(session, task)
        values = accepted(form, task.process_key, task.key)
        run = self.restore(session, case, by)
        return self._complete(run, task, values, by)

    def _complete(self, run: Run, task: Task, values: Mapping[str, Json], by: Actor) -> StepResult:
        session, now = run.context.session, run.context.now
        if fired := self.fire_due(run):
            if not run.waits_at(task.token):
                raise TaskNotOpen(task.id, "cancelled", case=run.case.number, at=now, because=fired)
            if shut := run.lock_at(task.token):
                raise TaskLocked(task.id, shut)
        if not run.submit(task.token, values):
            raise TaskNotOpen(task.id, "cancelled", case=run.case.number)
        ended = {"status": TaskStatus.COMPLETED, "ended_at": now, "ended_by_id": by.person_id}
        write_behind.put(session, statements.END_TASK, {"this_task": task.id, **ended})
        for name, value in ended.items():
            set_committed_value(task, name, value)
        history.record(
            session,
            run.case,
            what="task_completed",
            by=by,
            at=now,
            role=task.role,
            task_key=task.key,
            task_name=task.name,
            details=history.submission_details(values),
        )
        return self.finish(run)

    def save_draft(self, session: Session, task_id: int, *, by: Actor, values: Mapping[str, Any]) -> None:
        """Store a person's draft of an open task: unchecked values by field name, visible to nobody else.

        Raises ``NotFound``, ``TaskNotOpen``; ``NotAllowed`` for the system.
        """
        task = self._task(session, task_id, by)
        case_lock.refuse_closed(task)
        if by.person_id is None:
            raise NotAllowed(by.username, "save a draft")
        upsert.put(
            session,
            TaskDraft,
            key={"task_id": task.id, "person_id": by.person_id},
            values=dict(values),
            saved_at=self.clock(),
        )

    def claim(self, session: Session, task_id: int, *, by: Actor) -> Task:
        """Claim a task of the group.

        Raises ``NotFound``, ``TaskNotOpen``; ``TaskClaimed`` if somebody else was quicker.
        """
        case_lock.one_at_a_time_for(session, by.person_id)
        case, task = case_lock.lock_with_task(session, task_id)
        self._refuse_foreign(session, task, permissions.as_of_now(session, by))
        case_lock.refuse_closed(task)
        case_lock.refuse_claimed(task, by)
        if task.assignee_id is None:
            task.assignee_id, task.claimed = by.person_id, True
            case.revision += 1  # whoever completes it at the moment has been overtaken
            history.record_task(session, case, task, what="task_claimed", by=by, at=self.clock())
        return task

    def release(self, session: Session, task_id: int, *, by: Actor) -> Task:
        """Return a claimed task to the group.

        Raises ``NotFound``, ``TaskNotOpen``; ``NotAllowed`` for a task that the person has not claimed.
        """
        case, task = case_lock.lock_with_task(session, task_id)
        self._refuse_foreign(session, task, permissions.as_of_now(session, by))
        case_lock.refuse_closed(task)
        if task.assignee_id != by.person_id or not task.claimed:
            raise NotAllowed(by.username, "release")
        task.assignee_id, task.claimed = None, False
        case.revision += 1
        history.record_task(session, case, task, what="task_released", by=by, at=self.clock())
        return task

    # Messages, timers, outside operations

    def deliver(
        self, session: Session, case_id: int, message: str, *, by: Actor, values: Mapping[str, Json] | None = None
    ) -> StepResult | None:
        """Deliver a message to a case. ``message``: present id of its element; ``values``: JSON values by name.

        Returns ``None`` if the case does not wait for it. Raises ``NotFound``, ``OperationFailed``, ``Conflict``.
        """
        case = case_lock.lock(session, case_id, optimistic=True)
        if case.status is not CaseStatus.RUNNING:
            return None
        waiting = session.scalars(
            select(Task).where(
                Task.case_id == case.id,
                Task.key == self.key_in_diagram(session, case, message),
                Task.status == TaskStatus.OPEN,
                Task.kind != TaskKind.USER_TASK,
            )
        ).first()
        if waiting is None:
            return None
        run = self.restore(session, case, by)
        if self.fire_due(run) and not run.waits_at(waiting.token):
            self.finish(run)  # a due timer ended the wait: that is kept
            return None
        return self._complete(run, waiting, values or {}, by)

    def fire_timer(self, session: Session, case_id: int, token: str) -> bool:
        """Fire the due timers of a case. Returns False if none is due or the case does not run.

        Raises ``NotFound``, ``OperationFailed``, ``Conflict``.
        """
        case = case_lock.lock(session, case_id, optimistic=True)
        if case.status is not CaseStatus.RUNNING:
            return False
        run = self.restore(session, case, SYSTEM)
        if not self.fire_due(run):
            return False
        self.finish(run)
        return True

    def finish_operation(self, session: Session, case_id: int, token: str, result: Json) -> bool:
        """Continue a case with the result of its outside operation at ``token``. Returns False if the token is gone.

        Raises ``NotFound``, ``OperationFailed``, ``Conflict``.
        """
        case = case_lock.lock(session, case_id, optimistic=True)
        if case.status is not CaseStatus.RUNNING:
            return False
        run = self.restore(session, case, SYSTEM)
        if not run.finish_operation(token, result):
            return False
        self.finish(run)
        return True

    def fire_due(self, run: Run) -> str:
        """Fire all due timers of the case, oldest first; each may start or end others. Returns the last one's name.

        Returns "" if none was due. Raises ``OperationFailed``.
        """
        fired = ""
        for _ in range(100):
            due = run.next_due()
            if due is None:
                break
            element = run.fire_timer(due)
            run.advance()
            history.record(
                run.context.session,
                run.case,
                what="timer_fired",
                by=SYSTEM,
                at=run.context.now,
                task_key=due.element,
                task_name=element.name,
            )
            fired = element.name or element.id
        return fired

    # Shared parts

    def _task(self, session: Session, task_id: int, by: Actor) -> Task:
        """The task, if it is or was the person's to do. Raises ``NotFound``."""
        task = session.get(Task, task_id, options=[joinedload(Task.case)])
        if task is None:
            raise NotFound("task", task_id)
        self._refuse_foreign(session, task, by)
        return task

    def has_form(self, session: Session, task: Task) -> bool:
        """Whether the code or the task's own version of the diagram has a form for it."""
        if self._form_for is None or self._form_for(task.process_key, task.key) is not None:
            return True
        diagram = self.definitions.get(session, task.case.definition_id).diagrams[task.process_key]
        return bool(diagram.elements[task.key].fields)

    def _refuse_formless(self, session: Session, task: Task) -> None:
        if not self.has_form(session, task):
            raise FormMissing(task.process_key, task.key, case=task.case.number)

    def _refuse_foreign(self, session: Session, task: Task, by: Actor) -> None:
        if not permissions.may_do(session, by, task):
            raise NotFound("task", task.id)

    def _context(self, session: Session, case: Case, by: Actor) -> OperationContext:
        return OperationContext(
            session=session, case=case, actor=by, now=self.clock(), services=self.services, engine=self
        )

    def restore(self, session: Session, case: Case, by: Actor) -> Run:
        """Restore the workflow of a locked case for a step. Raises ``OperationFailed`` for an unreadable state."""
        deployed = self.definitions.get(session, case.definition_id)
        run = Run(self._context(session, case, by), deployed, self._environment, self.operations)
        run.restore()
        return run

    def finish(self, run: Run) -> StepResult:
        """Advance a case to its next waits and save it. Raises ``OperationFailed``, ``Conflict``, refusals."""
        run.advance()
        run.save()
        session, case = run.context.session, run.case
        if case.ended_at is not None:
            history.record(
                session, case, what="case_completed", by=SYSTEM, at=run.context.now, details={"outcome": case.outcome}
            )
        session.flush()
        return StepResult(case, run.context.flashes)
