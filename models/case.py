"""Cases (running process instances), the tasks in them and the history that people read."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, Enum, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.account import Person
from models.base import Base, BigId
from models.definition import ProcessDefinition
from models.digits import WORD_LENGTH

NEVER = datetime(9999, 1, 1, tzinfo=UTC)  # sort value of tasks without a due date

_NOT_ENDED = text("ended_at IS NULL")
_OPEN_OF_GROUP = text("status = 'open' AND assignee_id IS NULL AND kind <> 'action'")
_OPEN_WITH_DUE = text("status = 'open' AND kind <> 'action' AND due_at IS NOT NULL")
_IN_WORKING_DAYS = text("status = 'open' AND working_days IS NOT NULL")
_OPEN_OF_PERSON = text("status = 'open' AND assignee_id IS NOT NULL AND kind <> 'action'")
_ACTIONS_OF_GROUP = text("status = 'open' AND assignee_id IS NULL AND kind = 'action'")
_ACTIONS_OF_PERSON = text("status = 'open' AND assignee_id IS NOT NULL AND kind = 'action'")


def _values(members: type[enum.Enum]) -> list[str]:
    return [member.value for member in members]


class CaseStatus(enum.StrEnum):
    RUNNING = "running"  # waits for a person, a timer, a message or a job
    SUSPENDED = "suspended"  # a supervisor stopped it; nobody can work on it
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class TaskKind(enum.StrEnum):
    USER_TASK = "user_task"  # a user task of the diagram: in the worklist
    EVENT = "event"  # an intermediate message event that waits for a person: in the worklist
    ACTION = "action"  # a boundary message event that a person may trigger: a button at the case


class TaskStatus(enum.StrEnum):
    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"  # the process went another way


class Case(Base):
    """One running process instance.

    ``state`` is the serialised workflow and is read only by ``engine``; what lists and searches need
    is kept in columns in the same transaction.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index("ix_cases_process_key_status_id", "process_key", "status", "id"),
        Index("ix_cases_started_by_id_id", "started_by_id", "id"),
        # Which versions still have running cases: what has ended is not in it.
        Index("ix_cases_running_definition_id", "definition_id", postgresql_where=_NOT_ENDED, sqlite_where=_NOT_ENDED),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)  # 1405-000457-3: year, count, check digit
    process_key: Mapped[str] = mapped_column(String(60))
    definition_id: Mapped[int] = mapped_column(ForeignKey("process_definitions.id"))
    status: Mapped[CaseStatus] = mapped_column(Enum(CaseStatus, native_enum=False, length=20, values_callable=_values))
    outcome: Mapped[str | None] = mapped_column(String(60))  # id of the end event that was reached
    state: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    started_at: Mapped[datetime]
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    ended_at: Mapped[datetime | None]
    refers_to_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"), index=True)
    subject: Mapped[str] = mapped_column(String(300), default="")  # one line that people know the case by
    search_text: Mapped[str] = mapped_column(String(1000), default="")  # its ``CaseWord``s, each after a space

    definition: Mapped[ProcessDefinition] = relationship()
    started_by: Mapped[Person | None] = relationship()

    def __repr__(self) -> str:
        return f"<Case {self.number} {self.process_key} {self.status}>"


class CaseWord(Base):
    """A word that finds a case, folded as in ``models.digits``: an index from the beginnings of words to cases."""

    __tablename__ = "case_words"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy reads it from the class

    # Compared sign by sign on every database, so that a range holds the words with one beginning.
    word: Mapped[str] = mapped_column(
        String(WORD_LENGTH).with_variant(String(WORD_LENGTH, collation="C"), "postgresql"), primary_key=True
    )
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)


class Participant(Base):
    """Somebody involved in a case: a person in a role, or (``person_id`` empty) everyone of a role.

    The row of a role with a person and without ``until`` binds the role: tasks of that lane go to this
    person. Rows stay when the binding ends: who was involved goes on reading what there was until then (INS-17).
    """

    __tablename__ = "participants"
    __table_args__ = (
        Index("ix_participants_person_id_case_id", "person_id", "case_id"),
        Index("ix_participants_role_person_id_case_id", "role", "person_id", "case_id"),
        # PostgreSQL sees an order of cases behind a condition of the index, and none behind IS NULL.
        Index(
            "ix_participants_of_group",
            "role",
            "case_id",
            postgresql_where=text("person_id IS NULL"),
            sqlite_where=text("person_id IS NULL"),
        ),
        Index("ix_participants_case_id", "case_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    role: Mapped[str] = mapped_column(String(40))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    last_entry_id: Mapped[int | None] = mapped_column(BigId)  # of the history, when the binding ended

    person: Mapped[Person | None] = relationship()


def _due_or_never(context: DefaultExecutionContext) -> datetime:
    return context.get_current_parameters()["due_at"] or NEVER


def _of_open(name: str, *columns: str, to_person: bool, actions: bool = False) -> Index:
    """An index of the worklist: open tasks (or actions) of a person or a group, in one of its orders."""
    of_person, of_group = (_ACTIONS_OF_PERSON, _ACTIONS_OF_GROUP) if actions else (_OPEN_OF_PERSON, _OPEN_OF_GROUP)
    condition = of_person if to_person else of_group
    return Index(name, *columns, "id", postgresql_where=condition, sqlite_where=condition)


class Task(Base):
    """A worklist item: a user task, or an event that a person may trigger."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_case_id_status", "case_id", "status", "id"),  # the open ones of a case without its ended ones
        Index("ix_tasks_open_due", "due_at", postgresql_where=_OPEN_WITH_DUE, sqlite_where=_OPEN_WITH_DUE),
        _of_open("ix_tasks_open_of_group", "role", "priority", "sort_due_at", to_person=False),
        _of_open("ix_tasks_open_of_group_due", "role", "sort_due_at", to_person=False),
        _of_open("ix_tasks_open_of_group_since", "role", "since", to_person=False),
        _of_open("ix_tasks_open_of_person", "assignee_id", "priority", "sort_due_at", to_person=True),
        _of_open("ix_tasks_open_of_person_due", "assignee_id", "sort_due_at", to_person=True),
        _of_open("ix_tasks_open_actions_of_group", "role", to_person=False, actions=True),
        _of_open("ix_tasks_open_actions_of_person", "assignee_id", to_person=True, actions=True),
        Index(
            "ix_tasks_in_working_days",
            "calendar_revision",
            "id",
            postgresql_where=_IN_WORKING_DAYS,
            sqlite_where=_IN_WORKING_DAYS,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    kind: Mapped[TaskKind] = mapped_column(Enum(TaskKind, native_enum=False, length=20, values_callable=_values))
    key: Mapped[str] = mapped_column(String(100))  # the element's id in the diagram
    process_key: Mapped[str] = mapped_column(String(60))  # the diagram the element is in (a called one, maybe)
    name: Mapped[str] = mapped_column(String(200))  # the element's name, Persian, as drawn
    token: Mapped[str] = mapped_column(String(36))  # id inside the state
    role: Mapped[str] = mapped_column(String(40))  # candidate group
    scope: Mapped[str] = mapped_column(String(40), default="")  # unit or district of the group; "" = all of the role
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    claimed: Mapped[bool] = mapped_column(Boolean, default=False)  # taken from the group, may be released
    since: Mapped[datetime]
    due_at: Mapped[datetime | None]
    sort_due_at: Mapped[datetime] = mapped_column(default=_due_or_never)  # set with the task: ``due_at`` stays
    # A due date in working days: so many after this moment, by the calendar of this revision (CAL-1).
    counted_from: Mapped[datetime | None]
    working_days: Mapped[int | None] = mapped_column(SmallInteger)
    calendar_revision: Mapped[int | None] = mapped_column(Integer)
    priority: Mapped[int] = mapped_column(SmallInteger, default=50)  # 0 is most urgent
    locked: Mapped[str | None] = mapped_column(String(300))  # reason why nobody can complete it now
    status: Mapped[TaskStatus] = mapped_column(
        Enum(TaskStatus, native_enum=False, length=20, values_callable=_values), default=TaskStatus.OPEN
    )
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))

    case: Mapped[Case] = relationship()
    assignee: Mapped[Person | None] = relationship(foreign_keys=[assignee_id])
    ended_by: Mapped[Person | None] = relationship(foreign_keys=[ended_by_id])

    def __repr__(self) -> str:
        return f"<Task {self.id} {self.process_key}.{self.key} {self.status}>"


class TaskDraft(Base):
    """A person's draft of a task: values by field name, not submitted yet."""

    __tablename__ = "task_drafts"

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    values: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]


class HistoryEntry(Base):
    """One event in a case: who did what when. Append-only; never part of the state."""

    __tablename__ = "history"
    __table_args__ = (Index("ix_history_case_id_id", "case_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    at: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))  # empty: the system
    actor_name: Mapped[str] = mapped_column(String(200), default="")
    role: Mapped[str] = mapped_column(String(40), default="")  # in which role
    what: Mapped[str] = mapped_column(String(40))  # case_started, task_completed, … (engine/queries/history.py)
    task_key: Mapped[str] = mapped_column(String(100), default="")
    task_name: Mapped[str] = mapped_column(String(200), default="")
    details: Mapped[dict[str, Any] | None]


class FlowPassage(Base):
    """An element of the diagram that a case has passed, to draw the finished path (CASE-2).

    One row for each element passed, so it grows with the diagram and not with the visits.
    """

    __tablename__ = "flow_passages"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    process_key: Mapped[str] = mapped_column(String(60), primary_key=True)
    element_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    last_at: Mapped[datetime]
