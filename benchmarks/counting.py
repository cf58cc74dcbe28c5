"""Counts the SQL statements that an SQLAlchemy engine sends; BEGIN, COMMIT and the pool's ping are none."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Engine, event


class Statements:
    """All statements since it was made. ``log``: their text by count, once ``keep`` is set."""

    def __init__(self, database: Engine) -> None:
        self.count = 0
        self.keep = False
        self.log: Counter[str] = Counter()
        event.listen(database, "before_cursor_execute", self._sent)

    def _sent(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.count += 1
        if self.keep:
            self.log[statement] += 1
