"""Whether the disks of database and files take what is written, asked by writing a little, seldom."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from models.private_files import make_folder

EVERY = 15.0  # seconds between two looks of one process: whoever asks more often gets the last answer
PROBE = 256_000  # bytes that are written, and are gone at once
ALMOST_FULL = 500_000_000  # bytes
REFUSING = ("53", "25006")  # beginnings of PostgreSQL's codes: no more resources (disk full); only reading is allowed
# Rolled back; a table of the session only, which grows on the server's disk as others do.
_WRITE = text(
    "CREATE TEMPORARY TABLE kartabl_probe ON COMMIT DROP AS "
    "SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 8000)"
)


@dataclass(frozen=True)
class State:
    """``refusing`` and ``almost_full`` name ``database`` or ``files``. A server's own free space is not known."""

    refusing: tuple[str, ...] = ()
    almost_full: tuple[str, ...] = ()


class Storage:
    """The disks of one installation; safe for many threads."""

    def __init__(self, database: Engine, files: Path, *, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._folders = {"files": files}
        if database.dialect.name == "sqlite" and database.url.database:
            self._folders["database"] = Path(database.url.database).absolute().parent
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._state = State()
        self._looked: float | None = None

    def look(self) -> State:
        """The state, at most ``EVERY`` seconds old.

        Raises ``SQLAlchemyError`` when the database is away.
        """
        with self._lock:
            now = self._elapsed()
            if self._looked is None or now - self._looked >= EVERY:
                self._state = self._written()
                self._looked = now
            return self._state

    def _written(self) -> State:
        refusing = [name for name, folder in self._folders.items() if not _takes(folder)]
        if "database" not in self._folders and not self._server_takes():
            refusing.append("database")
        short = [name for name, folder in self._folders.items() if _free(folder) < ALMOST_FULL]
        return State(tuple(sorted(refusing)), tuple(sorted(short)))

    def _server_takes(self) -> bool:
        try:
            with self._database.connect() as connection:
                connection.execute(_WRITE)
                connection.rollback()
        except DBAPIError as error:
            code = getattr(error.orig, "sqlstate", None) or ""
            if code.startswith(REFUSING):
                return False
            if not code.startswith("42"):  # no right to make tables of a session: then nothing is known
                raise
        return True


def _takes(folder: Path) -> bool:
    """Write a file without a name, which is gone even after a crash."""
    try:
        make_folder(folder)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(os.urandom(PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
