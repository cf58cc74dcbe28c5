"""Queries about cases: pages, search, the waits of a case, its position on the diagram."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from lxml import etree
from sqlalchemy import ColumnElement, CompoundSelect, Select, false, or_, select, union_all
from sqlalchemy.orm import Session, joinedload, undefer

from engine.actor import Actor
from engine.bpmn.diagram import BPMN, lane_role, roles_in
from engine.case_numbers import read_number
from engine.errors import NotFound
from engine.identity import organisation
from engine.identity.permissions import Departure, departure, may_see_case, visible_cases, ways_to_cases
from engine.paging import Page, capped, page_of, read_cursor
from engine.persistence import search
from engine.persistence.search import Beginning
from engine.xml import parse_xml
from models.case import Case, CaseStatus, FlowPassage, Task, TaskKind, TaskStatus
from models.definition import ProcessDefinition
from models.event import EventSubscription
from models.jalali import format_moment
from models.job import EVENT_JOBS, Incident, Job, JobKind
from models.language import gettext as _
from models.language import stored


@dataclass(frozen=True)
class Wait:
    """One wait of a case (CASE-2). ``kind``: task, timer, operation, message or signal. Times are aware, UTC."""

    task_key: str
    name: str
    role: str
    role_name: str  # the lane's name; empty if the wait is not for a person
    assignee: str | None
    since: datetime
    due: datetime | None
    locked: str | None = None
    kind: str = "task"
    task_id: int | None = None
    event: str = ""  # name of the message or signal
    key: str = ""  # the correlation key a message needs; empty as long as there is none


@dataclass(frozen=True)
class DiagramView:
    """The case's diagram (XML) with the ids of passed and of waiting elements."""

    xml: bytes
    finished: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Drawn:
    """Texts of a deployed diagram: names and tags of elements, names of lanes, called process → call activities."""

    names: dict[str, str]
    tags: dict[str, str]
    lanes: dict[str, str]
    callers: dict[str, list[str]]


def cases_page(
    session: Session,
    actor: Actor,
    *,
    process: str = "",
    status: str = "",
    q: str = "",
    cursor: str | None = None,
    limit: int = 30,
) -> Page[Case]:
    """Cases that the actor may see, newest first. An unknown ``status`` matches nothing.

    Raises ``InvalidSubmission`` for a ``cursor`` of another list.
    """
    limit = capped(limit)
    conditions: list[ColumnElement[bool]] = []
    if process:
        conditions.append(Case.process_key == process)
    if status:
        conditions.append(Case.status.in_([member for member in CaseStatus if member.value == status]))
    number = read_number(q[:60])
    typed = search.typed_words(q) if number is None else []
    if number is not None:
        conditions.append(Case.number == number)
    elif q.strip() and not typed:
        conditions.append(false())
    before = read_cursor(cursor, "cases", [int])[0] if cursor else None
    words = search.beginnings(session, typed)
    few = search.few_cases(session, words)
    ids = (
        _newest_ids(actor, conditions, words, before, limit + 1)
        if few is None
        else _newest_of(few, actor, [*conditions, search.all_having(typed)], before, limit + 1)
    )
    rows = session.scalars(
        select(Case)
        .where(Case.id.in_(ids))
        .order_by(Case.id.desc())
        .limit(limit + 1)
        .options(joinedload(Case.definition), joinedload(Case.started_by))
    ).all()
    return page_of(rows, limit, lambda case: [case.id], sort="cases")


def _newest_ids(
    actor: Actor, conditions: list[ColumnElement[bool]], words: list[Beginning], before: int | None, limit: int
) -> Select[int] | CompoundSelect[int]:
    """Ids of the newest cases for each reason why the actor may see them; the newest of all are among these."""
    selects = []
    for way, case_id in ways_to_cases(actor):
        having = [search.row_by_row(word.of_case(case_id)) for word in words]
        newest = way.where(*conditions, *having).order_by(case_id.desc()).limit(limit)
        if before is not None:
            newest = newest.where(case_id < before)
        selects.append(select(newest.subquery().c[0]))
    return union_all(*selects) if len(selects) > 1 else selects[0]


def _newest_of(
    few: Select[int] | list[int], actor: Actor, conditions: list[ColumnElement[bool]], before: int | None, limit: int
) -> Select[int]:
    """Ids of the newest cases among ``few`` that the actor may see."""
    newest = select(Case.id).where(Case.id.in_(few), visible_cases(actor), *conditions)
    if before is not None:
        newest = newest.where(Case.id < before)
    return select(newest.order_by(Case.id.desc()).limit(limit).subquery().c.id)


def case_by_number(session: Session, actor: Actor, number: str) -> Case:
    """The case with a typed number: any digits, with or without dashes and spaces.

    Raises ``NotFound``, also for a case that the actor may not see.
    """
    case, left = case_or_what_was(session, actor, number)
    if left is not None:
        raise NotFound("case", number[:60])
    return case


def case_or_what_was(session: Session, actor: Actor, number: str) -> tuple[Case, Departure | None]:
    """Like ``case_by_number``, also for whoever left the case: with the end up to which they read it (INS-17).

    Raises ``NotFound`` for everybody else.
    """
    read = read_number(number[:60])
    case = session.scalars(select(Case).where(Case.number == read)).one_or_none() if read else None
    if case is not None and may_see_case(session, actor, case):
        return case, None
    left = departure(session, actor, case) if case is not None else None
    if case is None or left is None:
        raise NotFound("case", number[:60])
    return case, left


def related(session: Session, actor: Actor, case: Case) -> list[Case]:
    """Cases that this one refers to or that refer to it, as far as the actor may see them; at most 50."""
    referring = Case.refers_to_id == case.id
    if case.refers_to_id is not None:
        referring = or_(referring, Case.id == case.refers_to_id)
    query = select(Case).where(referring, visible_cases(actor)).order_by(Case.id).limit(50)
    return list(session.scalars(query.options(joinedload(Case.definition))))


def waits_for(session: Session, case: Case) -> list[Wait]:
    """Waits of the case: tasks, outside operations, messages and signals; timers only if all others are locked."""
    if case.status in (CaseStatus.COMPLETED, CaseStatus.CANCELLED):
        return []
    tasks = session.scalars(
        select(Task)
        .where(Task.case_id == case.id, Task.status == TaskStatus.OPEN, Task.kind != TaskKind.ACTION)
        .order_by(Task.id)
        .options(joinedload(Task.assignee))
    )
    waits = [_task_wait(session, case, task) for task in tasks]
    jobs = session.scalars(select(Job).where(Job.case_id == case.id).order_by(Job.due_at, Job.id)).all()
    waits += [_job_wait(session, case, job) for job in jobs if job.kind is JobKind.OPERATION]
    waits += _event_waits(session, case)
    if all(wait.locked for wait in waits):
        waits += [_job_wait(session, case, job) for job in jobs if job.kind is JobKind.TIMER]
    return waits


def sentences(session: Session, case: Case, *, waits: list[Wait] | None = None) -> list[str]:
    """Sentences about the case's waits: what, for whom, since when, until when (CASE-2). In the reader's language."""
    if case.status is CaseStatus.COMPLETED:
        return [_("این پرونده در %(at)s به پایان رسید.", at=_moment(case.ended_at))]
    if case.status is CaseStatus.CANCELLED:
        return [_("این پرونده در %(at)s لغو شد.", at=_moment(case.ended_at))]
    lines = [_wait_words(wait) for wait in (waits if waits is not None else waits_for(session, case))]
    if case.status is CaseStatus.SUSPENDED:
        lines.insert(0, _("سرپرست این پرونده را موقتاً متوقف کرده است؛ تا از سرگیری آن کسی نمی‌تواند روی آن کار کند."))
    if _has_incident(session, case):
        lines.insert(0, _("در این پرونده خطایی رخ داده است. به سرپرست اطلاع داده شده است و او آن را پیگیری می‌کند."))
    return lines or [_("این پرونده در حال پردازش است.")]


def diagram(session: Session, case: Case) -> DiagramView:
    """Diagram of the case's version with passed and waiting elements. A wait in a called process marks the call."""
    xml = session.get_one(ProcessDefinition, case.definition_id, options=[undefer(ProcessDefinition.xml)]).xml
    drawn = _drawn(xml)
    passed = session.scalars(
        select(FlowPassage.element_id).where(
            FlowPassage.case_id == case.id, FlowPassage.process_key == case.process_key
        )
    )
    places = [
        *session.execute(
            select(Task.process_key, Task.key).where(
                Task.case_id == case.id,
                Task.status == TaskStatus.OPEN,
                Task.kind != TaskKind.ACTION,
                Task.locked.is_(None),
            )
        ),
        *session.execute(
            select(Job.process_key, Job.element_id).where(Job.case_id == case.id, Job.kind.not_in(EVENT_JOBS))
        ),
        *session.execute(
            select(EventSubscription.process_key, EventSubscription.element_id).where(
                EventSubscription.case_id == case.id
            )
        ),
    ]
    waiting: set[str] = set()
    for process_key, element in places:
        if process_key == case.process_key:
            waiting.add(element)
        else:
            waiting.update(drawn.callers.get(process_key, []))
    active = case.status not in (CaseStatus.COMPLETED, CaseStatus.CANCELLED)
    marked = {key for key in waiting if drawn.tags.get(key) not in ("boundaryEvent", "startEvent")} if active else set()
    return DiagramView(xml, sorted(set(passed) - marked), sorted(marked))


def _task_wait(session: Session, case: Case, task: Task) -> Wait:
    drawn = _drawn_for(session, case, task.process_key)
    return Wait(
        task_key=task.key,
        name=stored(task.name),
        role=task.role,
        role_name=_group_name(session, task, drawn),
        assignee=task.assignee.name if task.assignee else None,
        since=task.since,
        due=task.due_at,
        locked=task.locked,
        task_id=task.id,
    )


def _job_wait(session: Session, case: Case, job: Job) -> Wait:
    name = _drawn_for(session, case, job.process_key).names.get(job.element_id, "")
    timer = job.kind is JobKind.TIMER
    return Wait(
        task_key=job.element_id,
        name=stored(name) or job.element_id,
        role="",
        role_name="",
        assignee=None,
        since=case.started_at if timer else job.due_at,
        due=job.due_at if timer else None,
        kind="timer" if timer else "operation",
    )


def _event_waits(session: Session, case: Case) -> list[Wait]:
    """Waits for messages and signals in the flow; boundary and start events are left out, since they may never come."""
    waits = []
    rows = session.scalars(select(EventSubscription).where(EventSubscription.case_id == case.id))
    for row in rows.all():
        drawn = _drawn_for(session, case, row.process_key)
        if drawn.tags.get(row.element_id) in ("boundaryEvent", "startEvent"):
            continue
        name = stored(drawn.names.get(row.element_id, "")) or row.element_id
        waits.append(
            Wait(
                task_key=row.element_id,
                name=name,
                role="",
                role_name="",
                assignee=None,
                since=row.since,
                due=None,
                kind=row.kind.value,
                event=row.name,
                key=row.key or "",
            )
        )
    return waits


def _wait_words(wait: Wait) -> str:
    if wait.kind in ("message", "signal"):
        return _event_words(wait)
    if wait.kind == "timer":
        return _("این پرونده تا %(due)s در انتظار «%(name)s» است.", name=wait.name, due=_moment(wait.due))
    if wait.kind == "operation":
        return _("سامانه از %(since)s در حال انجام «%(name)s» است.", name=wait.name, since=_moment(wait.since))
    values = {"name": wait.name, "whom": _whom(wait), "since": _moment(wait.since)}
    if wait.locked:
        return _("«%(name)s»، کار %(whom)s، از %(since)s قفل است: %(reason)s", **values, reason=stored(wait.locked))
    if wait.due is None:
        return _("این پرونده از %(since)s در انتظار «%(name)s» از سوی %(whom)s است.", **values)
    due = _moment(wait.due)
    return _("این پرونده از %(since)s در انتظار «%(name)s» از سوی %(whom)s است (مهلت: %(due)s).", **values, due=due)


def _event_words(wait: Wait) -> str:
    values = {"name": wait.name, "event": wait.event, "since": _moment(wait.since)}
    if wait.kind == "signal":
        return _("این پرونده از %(since)s در «%(name)s» در انتظار سیگنال «%(event)s» است.", **values)
    if not wait.key:
        return _("این پرونده از %(since)s در «%(name)s» در انتظار پیام «%(event)s» است و هنوز کلیدی ندارد.", **values)
    return _(
        "این پرونده از %(since)s در «%(name)s» در انتظار پیام «%(event)s» با کلید «%(key)s» است.",
        **values,
        key=wait.key,
    )


def _group_name(session: Session, task: Task, drawn: _Drawn) -> str:
    """The lane's name, with the task's division if it has one."""
    name = stored(drawn.lanes.get(task.role, ""))
    part = organisation.of(session).division_name(task.role, task.scope) if task.scope else None
    return _("%(role)s، %(part)s", role=name, part=part) if name and part else name


def _whom(wait: Wait) -> str:
    if wait.assignee and wait.role_name:
        return _("%(name)s (%(role)s)", name=wait.assignee, role=wait.role_name)
    return wait.assignee or wait.role_name or _("گروه مسئول")


def _moment(at: datetime | None) -> str:
    return format_moment(at) if at is not None else "—"


def _has_incident(session: Session, case: Case) -> bool:
    query = select(Incident.id).where(Incident.case_id == case.id, Incident.resolved_at.is_(None)).limit(1)
    return session.scalar(query) is not None


def element_name(session: Session, case: Case, element_id: str) -> str:
    """Name of an element in the case's diagram or in a called one; "" if unknown."""
    drawn = (_drawn(definition.xml) for definition in _definitions(session, case))
    return next((stored(texts.names[element_id]) for texts in drawn if texts.names.get(element_id)), "")


def _drawn_for(session: Session, case: Case, process_key: str) -> _Drawn:
    """Texts of the diagram with this key: the case's own, or a called one."""
    matching = (definition for definition in _definitions(session, case) if definition.key == process_key)
    return _drawn(next(matching, case.definition).xml)


def _definitions(session: Session, case: Case) -> Iterator[ProcessDefinition]:
    """The definition of the case and the definitions it calls, directly or indirectly."""
    pending, seen = [case.definition], set[int]()
    while pending:
        definition = pending.pop()
        yield definition
        seen.add(definition.id)
        pending += [session.get_one(ProcessDefinition, key) for key in definition.calls.values() if key not in seen]


@lru_cache(maxsize=64)
def _drawn(xml: bytes) -> _Drawn:
    """Parse a diagram's XML. The cache's key is the XML itself, so it serves any database."""
    root = parse_xml(xml)
    names: dict[str, str] = {}
    tags: dict[str, str] = {}
    lanes: dict[str, str] = {}
    callers: dict[str, list[str]] = {}
    for node in root.iter(f"{{{BPMN}}}*"):
        key, tag = node.get("id"), etree.QName(node).localname
        if tag == "lane":
            lanes |= dict.fromkeys(roles_in(lane_role(node)), node.get("name", ""))
        elif key:
            names[key], tags[key] = node.get("name", ""), tag
        if tag == "callActivity" and key:
            callers.setdefault(node.get("calledElement", ""), []).append(key)
    return _Drawn(names, tags, lanes, callers)
