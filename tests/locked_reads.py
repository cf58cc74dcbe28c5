"""Notes which tables are read under a lock. SQLite has no locks of rows, so only the statement shows it there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session


@contextmanager
def locked_reads() -> Iterator[list[str]]:
    """The names of the tables that the ORM reads ``FOR UPDATE`` within the block, in order."""
    tables: list[str] = []

    def note(state: ORMExecuteState) -> None:
        if state.is_select and state.bind_mapper and state.statement._for_update_arg is not None:  # type: ignore[attr-defined]
            tables.append(str(state.bind_mapper.local_table))

    event.listen(Session, "do_orm_execute", note)
    try:
        yield tables
    finally:
        event.remove(Session, "do_orm_execute", note)
