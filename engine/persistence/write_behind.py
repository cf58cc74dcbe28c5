"""Write-behind: rows that a step adds and does not read (history, SMS, the end of its task) are written at its end.

SQLite's one write lock is held only for these writes. Like the ORM's autoflush, a query of the session writes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from engine.persistence.compiled import Prepared, Values

_ROWS = "postponed_rows"  # in the session's info: {statement: [values]}


def put(session: Session, statement: Prepared, values: Values) -> None:
    """Execute the statement with these values before the session's next query, at the latest before its commit.

    All ``values`` of one statement in a transaction must have the same columns.
    """
    if not session.in_transaction():
        session.begin()  # a rollback needs a transaction
    if session.in_nested_transaction():  # a savepoint that is undone takes its rows with it
        statement.run(session, values)
    else:
        session.info.setdefault(_ROWS, {}).setdefault(statement, []).append(values)


def write(session: Session) -> None:
    """Execute the pending statements in order of their first ``put``, the rows of each in order."""
    for statement, rows in session.info.pop(_ROWS, {}).items():
        statement.run(session, rows)


def _before_query(query: ORMExecuteState) -> None:
    if _ROWS in query.session.info:
        write(query.session)


def _forget(session: Session, ended: SessionTransaction) -> None:
    """Drop pending rows at a rollback, so that the session's next transaction does not write them."""
    if ended.parent is None:
        session.info.pop(_ROWS, None)


_LISTENERS: dict[str, Callable[..., Any]] = {
    "before_commit": write,
    "do_orm_execute": _before_query,
    "after_transaction_end": _forget,
}


def install() -> None:
    """Attach the listeners to every session of this process; a second call changes nothing."""
    for name, listener in _LISTENERS.items():
        if not event.contains(Session, name, listener):
            event.listen(Session, name, listener)
