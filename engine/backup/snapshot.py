"""The database as it is at one moment while people work: SQLite's online backup, or pg_dump of a shared snapshot."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from engine.backup import durable, manifest, postgres
from engine.backup.refusals import BackupRefused
from models.private_files import create


class Source(Protocol):
    """A database that is backed up."""

    kind: str  # sqlite, postgresql

    def size(self) -> int:
        """Bytes that its copy needs, at most."""

    def taken(self, folder: Path) -> AbstractContextManager[tuple[Connection, int, int]]:
        """Write the copy into ``folder``; a connection that sees the same moment, the tool's and server's versions."""


def source_of(database_url: str) -> Source:
    """The database of a SQLAlchemy URL. Raises BackupRefused: there is none, or it is in memory."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return _Sqlite(url.database or "")
    return _Postgres(database_url)


class _Sqlite:
    kind = "sqlite"

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        if not path or path == ":memory:" or not self._path.is_file():
            raise BackupRefused(f"There is no database at {path or ':memory:'}: nothing to back up.")

    def size(self) -> int:
        """The file and what stands in its write-ahead log."""
        log = Path(f"{self._path}-wal")
        return self._path.stat().st_size + (log.stat().st_size if log.exists() else 0)

    @contextmanager
    def taken(self, folder: Path) -> Iterator[tuple[Connection, int, int]]:
        target = folder / manifest.DATABASE[self.kind]
        create(target).close()
        try:
            with (
                closing(sqlite3.connect(f"file:{quote(str(self._path))}?mode=rw", uri=True)) as live,
                closing(sqlite3.connect(target)) as copy,
            ):
                live.backup(copy)  # in one step: a snapshot of the write-ahead log, which keeps nobody from writing
                copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, without a log beside it
                problems = copy.execute("PRAGMA integrity_check").fetchall()
        except sqlite3.Error as error:
            raise BackupRefused(f"The database {self._path} cannot be copied: {error}") from None
        if problems != [("ok",)]:
            raise BackupRefused(f"The database {self._path} is damaged: {problems[0][0]}. Restore an earlier backup.")
        durable.sync(target)
        engine = create_engine(f"sqlite:///{target}", poolclass=NullPool)
        with engine.connect() as connection:
            yield connection, 0, int(sqlite3.sqlite_version.partition(".")[0])


class _Postgres:
    kind = "postgresql"

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        with postgres.opened(database_url) as connection:
            self._size: int = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()

    def size(self) -> int:
        return self._size

    @contextmanager
    def taken(self, folder: Path) -> Iterator[tuple[Connection, int, int]]:
        target = folder / manifest.DATABASE[self.kind]
        with postgres.opened(self._url, isolation_level="REPEATABLE READ") as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            server = postgres.server_version(connection)
            program, version = postgres.find("pg_dump", least=server)
            moment = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            create(target).close()
            postgres.run(
                program,
                *("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={moment}", f"--file={target}"),
                url=make_url(self._url),
            )
            durable.sync(target)
            yield connection, version, server
