"""Lines of a case's history, written in the transaction of the step that causes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.actor import Actor
from engine.persistence import statements, write_behind
from models.case import Case, Task
from models.language import BilingualText, LazyText

MAX_VALUE_LENGTH = 300  # characters of a submitted text that the history repeats


def record(
    session: Session,
    case: Case,
    *,
    what: str,
    by: Actor,
    at: datetime,
    role: str = "",
    task_key: str = "",
    task_name: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the case's history. A lazy ``text`` in the details is read in each reader's language."""
    write_behind.put(
        session,
        statements.ADD_HISTORY,
        {
            "case_id": case.id,
            "at": at,
            "actor_id": by.person_id,
            "actor_name": by.name,
            "role": role,
            "what": what,
            "task_key": task_key,
            "task_name": task_name,
            "details": _json_details(details) if details else None,
        },
    )


def record_task(
    session: Session,
    case: Case,
    task: Task,
    *,
    what: str,
    by: Actor,
    at: datetime,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Add a line about one task of the case to its history."""
    record(
        session, case, what=what, by=by, at=at, role=task.role, task_key=task.key, task_name=task.name, details=details
    )


def submission_details(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Details of a history line about a submission: its numbers, booleans and short texts as ``{"values": {…}}``.

    Tables, files, empty and long texts stay out. ``None`` when nothing is left.
    """
    plain = {
        name: value
        for name, value in values.items()
        if isinstance(value, bool | int | float) or (isinstance(value, str) and 0 < len(value) <= MAX_VALUE_LENGTH)
    }
    return {"values": plain} if plain else None


def _json_details(details: Mapping[str, Any]) -> dict[str, Any]:
    text = details.get("text")
    if not isinstance(text, LazyText):
        return dict(details)
    values = {name: _json_value(value) for name, value in text.values.items()}
    return {**details, "text": text.message, "text_values": values}


def _json_value(value: Any) -> Any:
    """A placeholder's value as JSON; ``engine.queries.history`` formats it for the reader."""
    if isinstance(value, LazyText):
        return {"text": value.message}
    if isinstance(value, BilingualText):
        return {"fa": value.fa, "en": value.en}
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    return str(value)
