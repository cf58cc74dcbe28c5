"""What a step writes and does not read (history, messages, the end of its task), written together at its end:
SQLite's one write lock is held for the writing alone.

As with the ORM's own flush, whoever asks the session for anything meanwhile finds them written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from engine.persistence.compiled import Prepared, Values

_ROWS = "postponed_rows"  # in the session's info: {statement: [values]}


def put(session: Session, statement: Prepared, values: Values) -> None:
    """Run the statement with these values before the session's next look, or else before its commit.

    All values that one statement is given in a transaction name the same columns.
    """
    if not session.in_transaction():
        session.begin()  # what it rolls back must have begun
    if session.in_nested_transaction():  # a savepoint that is undone takes its rows with it
        statement.run(session, values)
    else:
        session.info.setdefault(_ROWS, {}).setdefault(statement, []).append(values)


def write(session: Session) -> None:
    """Write what was put, statement after statement, the rows of each in their order."""
    for statement, rows in session.info.pop(_ROWS, {}).items():
        statement.run(session, rows)


def _before_a_look(asked: ORMExecuteState) -> None:
    if _ROWS in asked.session.info:
        write(asked.session)


def _forget(session: Session, ended: SessionTransaction) -> None:
    """What was rolled back is not written by the session's next transaction."""
    if ended.parent is None:
        session.info.pop(_ROWS, None)


_LISTENERS: dict[str, Callable[..., Any]] = {
    "before_commit": write,
    "do_orm_execute": _before_a_look,
    "after_transaction_end": _forget,
}


def install() -> None:
    """Attach the listeners to every session of this process; a second call changes nothing."""
    for name, listener in _LISTENERS.items():
        if not event.contains(Session, name, listener):
            event.listen(Session, name, listener)
