"""Counts the SQL statements that an SQLAlchemy engine sends; BEGIN, COMMIT and the pool's ping are none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, event


class Statements:
    """All statements since its creation. ``log``: their text by count, once ``keep`` is set."""

    def __init__(self, database: Engine) -> None:
        self.count = 0
        self.keep = False
        self.log: Counter[str] = Counter()
        event.listen(database, "before_cursor_execute", self._sent)

    def _sent(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.count += 1
        if self.keep:
            self.log[statement] += 1


class Rows:
    """All rows fetched since its creation. ``log``: how many by statement, once ``keep`` is set."""

    def __init__(self, database: Engine) -> None:
        self.count = 0
        self.keep = False
        self.log: Counter[str] = Counter()
        event.listen(database, "after_cursor_execute", self._answered)

    def _answered(self, _connection: Any, cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
        if context is not None and cursor.description is not None:
            context.cursor = _CountedCursor(cursor, self, statement)

    def fetched(self, rows: Sequence[Any], statement: str) -> None:
        self.count += len(rows)
        if self.keep:
            self.log[statement] += len(rows)


class _CountedCursor:
    """A driver's cursor that tells how much is fetched from it."""

    def __init__(self, cursor: Any, counted: Rows, statement: str) -> None:
        self._cursor, self._counted, self._statement = cursor, counted, statement

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        self._counted.fetched([] if row is None else [row], self._statement)
        return row

    def fetchmany(self, *size: int) -> Any:
        rows = self._cursor.fetchmany(*size)
        self._counted.fetched(rows, self._statement)
        return rows

    def fetchall(self) -> Any:
        rows = self._cursor.fetchall()
        self._counted.fetched(rows, self._statement)
        return rows
