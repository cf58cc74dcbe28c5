"""Statements are compiled once for all the databases of a test process: it takes longer than to run them on few rows.

SQLAlchemy keeps compiled statements for each engine, by the dialect's object. Every test has an engine of its own; the
dialects of all of them are set up alike, so that they may count as one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_compiled: dict[Any, Any] = {}


def share() -> None:
    """From now on all engines of this process have one store of compiled statements."""
    for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        dialect.__eq__ = _alike  # type: ignore[method-assign]
        dialect.__hash__ = _by_kind  # type: ignore[method-assign]
    event.listen(Engine, "engine_connect", _take_part)


def _alike(self: Any, other: object) -> bool:
    return type(self) is type(other)


def _by_kind(self: Any) -> int:
    return hash(type(self))


def _take_part(connection: Connection) -> None:
    connection.execution_options(compiled_cache=_compiled)
