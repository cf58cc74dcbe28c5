"""Writes a row by its key in one statement, so that of two transactions that write it at once none fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.base import Base

_INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def add_once(session: Session, model: type[Base], **row: Any) -> bool:
    """Insert a row unless one with its key is there. Returns False if there is; that one stays as it is.

    Waits for another transaction that is inserting the same key.
    """
    statement = _insert(session, model, row).on_conflict_do_nothing()
    return session.execute(statement.returning(*_key(model))).first() is not None


def put(session: Session, model: type[Base], *, key: Mapping[str, Any], **values: Any) -> None:
    """Insert a row, or give these values to the one with the primary key ``key``.

    An object of the row that the session has loaded before keeps its old values.
    """
    statement = _insert(session, model, {**key, **values})
    session.execute(statement.on_conflict_do_update(index_elements=_key(model), set_=_columns(model, values)))


def _insert(session: Session, model: type[Base], row: Mapping[str, Any]) -> Any:
    session.flush()  # the row may refer to one that was just added
    return _INSERT[session.get_bind().dialect.name](model.__table__).values(_columns(model, row))


def _key(model: type[Base]) -> list[Any]:
    return list(inspect(model).primary_key)


def _columns(model: type[Base], row: Mapping[str, Any]) -> dict[Any, Any]:
    """The row by columns: an attribute may be called otherwise than its column."""
    columns = inspect(model).columns
    return {columns[name]: value for name, value in row.items()}
