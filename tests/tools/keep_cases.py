"""Keep the demo's cases as this version of the code leaves them, for ``tests/test_upgrade.py`` of later versions.

    python -m tests.tools.keep_cases tests/data/cases_of_<commit>.sql.xz

writes an SQL dump of an SQLite database: every shipped process at several steps, and a payment that the gateway
has not been asked for yet.
"""

from __future__ import annotations

import lzma
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

import kartabl
from engine.actor import actor_for
from engine.settings import Settings
from models.case import Case, CaseStatus, Task, TaskStatus
from tests.secret import KEPT_KEY, SECRET_KEY
from workflows.demo import filling

NOW = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
CASES = 76  # one of each plan of the demo


def main(kept: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "kartabl.db"
        settings = Settings(
            secret_key=SECRET_KEY, database_url=f"sqlite:///{database}", files_path=Path(folder) / "files", mode="demo"
        ).model_copy(update={"secret_key": KEPT_KEY})
        application = kartabl.build(settings, now=lambda: NOW)
        kartabl.bring_up_to_date(application)
        assert application.deploy().sound
        filling.fill(application.engine, submit=kartabl.submit, begin=kartabl.begin, cases=CASES)
        leave_an_operation_waiting(application)
        application.database.dispose()
        dump = "\n".join(sqlite3.connect(database).iterdump())
    kept.write_bytes(lzma.compress(dump.encode(), preset=9 | lzma.PRESET_EXTREME))


def leave_an_operation_waiting(application: kartabl.Application) -> None:
    """Confirm an invoice without a worker that would go to the gateway."""
    with application.engine.transaction() as session:
        task = session.scalars(
            select(Task)
            .join(Case)
            .where(Task.key == "review_invoice", Task.status == TaskStatus.OPEN, Case.status == CaseStatus.RUNNING)
            .order_by(Task.id)
        ).first()
        assert task is not None and task.assignee is not None
        payer = actor_for(task.assignee)
        kartabl.submit(application.engine, session, task.id, payer, {})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
