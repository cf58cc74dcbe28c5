"""What stands in a database, comparable between two runs: no ids, no moments, nothing that was drawn by lot."""

from __future__ import annotations

import enum
import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, select
from sqlalchemy.orm import Session

from engine import documents
from models.base import Base
from models.case import Case, CaseWord, HistoryEntry, Task, TaskKind, TaskStatus
from models.document import Document
from models.job import Job, JobKind
from models.test_gateway import TestGatewayPayment
from tests.prove.place import Place

LEFT_OUT = {"worker_beats", "test_gateway_payments", "sign_in_sessions", "attempts", "case_words"}
DRAWN = {
    "token",
    "authority",
    "pay_url",
    "reference",
    "lease_owner",
    "lease_until",
    "attempts",
    "idempotency_key",
    "search_text",
    "number",
    "provider_id",
    "password_hash",
    "body",
    "url",
}
DRAWN_VALUES = {"case", "payment", "authority", "pay_url", "id", "person_id", "reference", "paper"}
READY, STARTED = 16, 32  # SpiffWorkflow's TaskState, written out: this must not trust the library

Picture = dict[str, list[str]]


def picture(session: Session, *, without: frozenset[str] = frozenset()) -> Picture:
    """All rows of all tables as texts. ``without``: kinds of history that come as often as the clock ticks."""
    tables = [table for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT]
    ranks = {table.name: _ranks(session, table) for table in tables}
    drawn: Picture = {}
    for table in tables:
        rows = [dict(row._mapping) for row in session.execute(select(table))]
        kept = [row for row in rows if row.get("what") not in without]
        leave = {"revision"} if without else set()
        shown = [_row(table, row, ranks, leave) for row in kept]
        drawn[table.name] = sorted(set(shown) if without and table.name == "tasks" else shown)
    paid = session.scalars(select(TestGatewayPayment.state).where(TestGatewayPayment.verified_at.is_not(None)))
    drawn["paid at the bank"] = sorted(map(str, paid))
    return drawn


def differences(one: Picture, other: Picture) -> list[str]:
    """What stands only in one of two pictures."""
    found = []
    for name in sorted({*one, *other}):
        mine, theirs = one.get(name, []), other.get(name, [])
        if mine != theirs:
            more = [row for row in theirs if theirs.count(row) > mine.count(row)]
            less = [row for row in mine if mine.count(row) > theirs.count(row)]
            found.append(f"{name}: too much {more[:2]}, missing {less[:2]}")
    return found


def disagreements(place: Place, *, every: int = 1) -> list[str]:
    """Where state, worklist, history, jobs and files contradict each other: something was done by half.

    ``every``: look at each so many-th case only.
    """
    with place.engine.transaction() as session:
        found = [
            words
            for case in session.scalars(select(Case).where(Case.id % every == 0))
            for words in _of_case(session, case)
        ]
        for document in session.scalars(select(Document)):
            path = documents.path_of(place.folder / "files", document.sha256)
            content = path.read_bytes() if path.is_file() else b""
            if hashlib.sha256(content).hexdigest() != document.sha256:
                found.append(f"document {document.id} has no file")
    return found


def _of_case(session: Session, case: Case) -> list[str]:
    state = json.loads(case.state)
    tasks = [task for part in (state, *state.get("subprocesses", [])) for task in part["tasks"]]
    rows = list(session.scalars(select(Task).where(Task.case_id == case.id)))
    told = list(
        session.scalars(
            select(HistoryEntry.task_key).where(HistoryEntry.case_id == case.id, HistoryEntry.what == "task_completed")
        )
    )
    running = case.ended_at is None
    ready = sorted(task["id"] for task in tasks if task["state"] == READY) if running else []
    shown = [row for row in rows if row.status is TaskStatus.OPEN and row.kind is TaskKind.USER_TASK]
    done = sorted(row.key for row in rows if row.status is TaskStatus.COMPLETED)
    around = {part["at"] for part in state.get("subprocesses", [])}  # these tasks wait for their subprocess
    asked = [task for task in tasks if task["state"] == STARTED and task["id"] not in around] if running else []
    found = []
    if ready != sorted(row.token.replace("-", "") for row in shown):
        found.append(f"case {case.id}: {len(ready)} tasks ready in the state, {len(shown)} in the worklist")
    if done != sorted(told):
        found.append(f"case {case.id}: completed {done}, in the history {sorted(told)}")
    if not running and any(row.status is TaskStatus.OPEN for row in rows):
        found.append(f"case {case.id}: ended with open tasks")
    jobs = session.scalars(select(Job).where(Job.case_id == case.id, Job.kind == JobKind.OPERATION)).all()
    words = session.scalars(select(CaseWord.word).where(CaseWord.case_id == case.id))
    if sorted(words) != sorted(case.search_text.split()):
        found.append(f"case {case.id} is not found by its words: {case.search_text}")
    if len(asked) != len(jobs):
        found.append(f"case {case.id}: {len(asked)} operations under way, {len(jobs)} jobs")
    return found


def _ranks(session: Session, table: Table) -> dict[Any, int]:
    if "id" not in table.c:
        return {}
    return {found: number for number, found in enumerate(session.scalars(select(table.c.id).order_by(table.c.id)))}


def _row(table: Table, row: dict[str, Any], ranks: dict[str, dict[Any, int]], leave: set[str]) -> str:
    shown = {}
    for column in table.c:
        if column.name not in leave and not _is_drawn(column, row[column.name]):
            shown[column.name] = _value(column, row[column.name], ranks)
    return repr(shown)


def _is_drawn(column: Column[Any], value: Any) -> bool:
    return column.name in DRAWN or column.name == "id" or isinstance(value, datetime)


def _value(column: Column[Any], value: Any, ranks: dict[str, dict[Any, int]]) -> Any:
    for key in column.foreign_keys:
        return ranks.get(key.column.table.name, {}).get(value, value)
    if column.name == "state" and isinstance(value, bytes):
        return _state(value)
    if isinstance(value, enum.Enum):
        return value.value
    return _plain(value)


def _state(state: bytes) -> Any:
    stored = json.loads(state)
    parts = [stored, *stored.get("subprocesses", [])]
    return sorted((task["spec"], task["state"]) for part in parts for task in part["tasks"])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in sorted(value.items()) if name not in DRAWN_VALUES}
    return value
