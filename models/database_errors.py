"""What an error of the database means, and how a log says it: without the values of the statement."""

from __future__ import annotations

import psycopg
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from sqlalchemy.exc import DBAPIError, IntegrityError

_OVERTAKEN_IN_SQLITE = frozenset(
    {
        "SQLITE_CONSTRAINT_UNIQUE",
        "SQLITE_CONSTRAINT_PRIMARYKEY",
        "SQLITE_CONSTRAINT_ROWID",
        "SQLITE_CONSTRAINT_FOREIGNKEY",
    }
)


def is_overtaken(error: IntegrityError) -> bool:
    """Returns True if another transaction was quicker: the row exists already, or one that it refers to is gone.

    Any other violation (an empty column, a check) is a mistake of ours.
    """
    if isinstance(error.orig, psycopg.Error):
        return isinstance(error.orig, UniqueViolation | ForeignKeyViolation)
    return getattr(error.orig, "sqlite_errorname", "") in _OVERTAKEN_IN_SQLITE


def in_a_line(error: BaseException) -> str:
    """The error of a driver or a disk as one line: its class and what the fault is called, never a value or a path.

    PostgreSQL repeats values in its messages (``Key (mobile)=(0912…) already exists``), so of those only the code and
    the constraint are said, unless there is no connection. SQLite names tables and columns only.
    """
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    name = type(cause).__name__
    if isinstance(cause, psycopg.Error) and cause.sqlstate is not None:
        place = cause.diag.constraint_name or cause.diag.table_name or ""
        return f"{name} {cause.sqlstate} {place}".rstrip()
    if isinstance(cause, OSError) and cause.strerror:
        return f"{name} {cause.errno}: {cause.strerror}"
    return f"{name}: {str(cause).partition(chr(10))[0][:300]}"
