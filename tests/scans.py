"""Watches that no statement of ours reads a growing table from end to end: it would cost more with what is long done.

SQLite tells for each statement which tables it scans, without statistics and thus the same on every machine.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from models.base import Base

ROOT = Path(__file__).parents[1]
OURS = tuple(str(ROOT / name) for name in ("engine/", "forms/", "webapp/", "workflows/", "models/", "kartabl.py"))
LIBRARIES = ("site-packages", "dist-packages")
# Once in an installation's life; in a demonstration; the hourly sweep, of tables that it keeps short; a whole backup,
# the whole log.
SELDOM = tuple(
    str(ROOT / name)
    for name in (
        "models/migrate.py",
        "models/migrations/",
        "engine/calendar/staging_clock.py",
        "workflows/demo",
        "engine/jobs/purge.py",
        "engine/backup/",
        "engine/audit/verification.py",
    )
)
SMALL = {
    "alembic_version",
    "calendar_changes",
    "calendar_days",
    "calendar_settings",
    "claim_roles",
    "decision_definitions",
    "inspector_quotas",
    "inspectors",
    "divisions",
    "external_sign_in",
    "organisation_revision",
    "process_definitions",
    "process_offers",
    "roles",
    "signing_keys",
    "test_gateway_payments",
    "worker_beats",
}
# The admin's list of people by role looks at the newest until its page is full; a rare role is looked for among all.
PAGED = {"people"}
# A page of the newest: of all rows, of what nearly every row is, or of those with words that are known to be frequent.
ALL = r"((?!WHERE).)*(WHERE 1 = 1\s+)?|.*WHERE \w+\.revoked_at IS NULL |.* END = 1 "
PAGE = re.compile(rf"FROM (\w+)\b({ALL})ORDER BY \1\.id( DESC)?\s+LIMIT", re.DOTALL)
NEVER = re.compile(r"WHERE 0 = 1\b")


class Scans:
    """Statements that were found, each once; ``start`` makes it listen to all databases of this process."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._known: set[str] = set()

    def start(self) -> None:
        event.listen(Engine, "after_cursor_execute", self._look)

    def take(self) -> list[str]:
        """What was found since the last time."""
        found, self.found = self.found, []
        return found

    def _look(
        self, connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        if statement in self._known or many or connection.dialect.name != "sqlite" or not _is_ours():
            return
        self._known.add(statement)
        if not statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            return
        driver: Any = connection.connection.driver_connection
        plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        names = {step.split()[1] for step in plan if step.startswith("SCAN ") and step.split()[-1] not in _of_some()}
        tables = {_table(name, statement) for name in names} & set(Base.metadata.tables)
        if tables - SMALL - PAGED and not PAGE.search(statement) and not NEVER.search(statement):
            self.found.append(f"{', '.join(sorted(tables))} in: {statement}")


@lru_cache
def _of_some() -> set[str]:
    """The indexes that hold only some rows of their table: reading one whole is what it is for."""
    indexes = (index for table in Base.metadata.tables.values() for index in table.indexes)
    return {str(index.name) for index in indexes if index.dialect_options["sqlite"]["where"] is not None}


def _table(name: str, statement: str) -> str:
    """The table that has this name in the statement; a name of something else as it is."""
    alias = re.search(rf"(\w+) AS {name}\b", statement)
    return alias[1] if alias else name


def _is_ours() -> bool:
    """Whether the statement was sent by our code, not by a test itself."""
    frame = sys._getframe(1)
    while frame := frame.f_back:  # type: ignore[assignment]
        name = frame.f_code.co_filename
        if name.startswith(SELDOM):
            return False
        if name.startswith(OURS) and not any(library in name for library in LIBRARIES):
            return True
        if name.startswith(str(ROOT / "tests")) and name != __file__:
            return False
    return False
