"""SQL of every step, built once; most of it is also compiled once (``engine/persistence/compiled.py``).

Parameters of conditions begin with ``this_``; the others are new values of columns.
"""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import undefer

from engine.persistence.compiled import Prepared
from models.case import Case, CaseWord, FlowPassage, HistoryEntry, Participant, Task, TaskStatus
from models.job import Job
from models.outbox import Sms


def _table(model: type) -> Table:
    return cast(Table, model.__table__)  # type: ignore[attr-defined]


_CASES, _TASKS, _PARTICIPANTS = map(_table, (Case, Task, Participant))


# A task with its case: locks and reloads both rows.
LOCK_WITH_TASK = (
    select(Case, Task)
    .join(Case, Task.case_id == Case.id)
    .where(Task.id == bindparam("this_task"))
    .options(undefer(Case.state))
    .with_for_update(of=[Case, Task], key_share=True)
    .execution_options(populate_existing=True)
)
# The case's current bindings: (role, person or nobody in person).
BINDINGS = Prepared(
    select(_PARTICIPANTS.c.role, _PARTICIPANTS.c.person_id).where(
        _PARTICIPANTS.c.case_id == bindparam("this_case"), _PARTICIPANTS.c.until.is_(None)
    )
)
# Write the case's columns if nobody has written them since it was read.
WRITE_CASE = Prepared(
    update(_CASES).where(_CASES.c.id == bindparam("this_case"), _CASES.c.revision == bindparam("this_revision"))
)
END_TASK = Prepared(update(_TASKS).where(_TASKS.c.id == bindparam("this_task")))
# The open tasks of the case at these tokens: the process went another way.
CANCEL_TASKS = update(_TASKS).where(
    _TASKS.c.case_id == bindparam("this_case"),
    _TASKS.c.token.in_(bindparam("this_tokens", expanding=True)),
    _TASKS.c.status == TaskStatus.OPEN,
)
# An open task whose token or lock has changed.
CHANGE_TASK = update(_TASKS).where(
    _TASKS.c.case_id == bindparam("this_case"),
    _TASKS.c.token == bindparam("this_token"),
    _TASKS.c.status == TaskStatus.OPEN,
)
# Division of the open task with this token.
SCOPE_OF_TASK = select(_TASKS.c.scope).where(
    _TASKS.c.case_id == bindparam("this_case"),
    _TASKS.c.token == bindparam("this_token"),
    _TASKS.c.status == TaskStatus.OPEN,
)
DELETE_JOBS = delete(_table(Job)).where(
    Job.case_id == bindparam("this_case"), Job.token.in_(bindparam("this_tokens", expanding=True))
)
ADD_TASKS = Prepared(insert(_TASKS))
ADD_JOBS = Prepared(insert(_table(Job)))
ADD_PASSAGES = Prepared(insert(_table(FlowPassage)))
ADD_HISTORY = Prepared(insert(_table(HistoryEntry)))
ADD_SMS = Prepared(insert(_table(Sms)))
ADD_WORDS = insert(_table(CaseWord))
DELETE_WORDS = delete(_table(CaseWord)).where(
    CaseWord.case_id == bindparam("this_case"), CaseWord.word.in_(bindparam("this_words", expanding=True))
)
