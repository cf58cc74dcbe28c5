"""Fresh databases for measurements, durable as in production, on request behind a slow connection."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.engine import URL

from benchmarks.proxy import serve_proxy
from models import migrate
from models.database import open_database
from tests.databases import start_server

SQLITE, POSTGRES = "SQLite", "PostgreSQL"
BACKENDS = (SQLITE, POSTGRES)
# Durable as installed; only what an administrator sets by the machine's memory and disk.
SERVER = ["shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=15min", "max_connections=100"]

_numbers = count(1)


def new_database(backend: str) -> str:
    """The URL of an empty database with all tables; it goes away with this process."""
    url = _sqlite() if backend == SQLITE else _postgres()
    database = open_database(url)
    migrate.upgrade(database)
    database.dispose()
    return url


def is_sqlite(url: str) -> bool:
    return make_url(url).get_backend_name() == "sqlite"


def backend_of(url: str) -> str:
    return SQLITE if is_sqlite(url) else POSTGRES


def size(url: str) -> int:
    """Bytes that the database takes."""
    if is_sqlite(url):
        return sum(path.stat().st_size for path in _files(url) if path.exists())
    return int(ask(url, "SELECT pg_database_size(current_database())"))


def drop(url: str) -> None:
    """Remove a database; nobody may be connected any more."""
    if is_sqlite(url):
        for path in _files(url):
            path.unlink(missing_ok=True)
        return
    where = make_url(url)
    ask(
        str(where.set(database="postgres").render_as_string(hide_password=False)),
        f'DROP DATABASE IF EXISTS "{where.database}" WITH (FORCE)',
    )


def settle(url: str) -> None:
    """Statistics and a checkpoint, so that what is measured next does not pay for what was done before."""
    for statement in (
        ("ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)") if is_sqlite(url) else ("VACUUM ANALYZE", "CHECKPOINT")
    ):
        ask(url, statement)


def ask(url: str, statement: str) -> Any:
    """The first value of the answer, over a connection of its own outside any transaction."""
    level = {} if is_sqlite(url) else {"isolation_level": "AUTOCOMMIT"}
    engine = open_database(url) if is_sqlite(url) else create_engine(url, poolclass=NullPool, **level)
    with engine.connect() as connection:
        answer = connection.execute(text(statement))
        value = answer.scalar() if answer.returns_rows else None
    engine.dispose()
    return value


class Written:
    """Number of bytes that a piece of work appends to the write-ahead log."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = open_database(url) if is_sqlite(url) else create_engine(url, isolation_level="AUTOCOMMIT")
        self._connection = self._engine.connect()

    def mark(self) -> int:
        """A position before the work. SQLite's log is emptied first, so that its length tells."""
        if is_sqlite(self._url):
            self._connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return 0
        return self._position()

    def since(self, mark: int) -> int:
        if is_sqlite(self._url):
            return _files(self._url)[1].stat().st_size
        return self._position() - mark

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    def _position(self) -> int:
        lsn = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
        return int(self._connection.exec_driver_sql(lsn).scalar_one())


@contextmanager
def farther(url: str, milliseconds: float) -> Iterator[str]:
    """A URL of the same database, so much farther away. SQLite has no way that could be longer: see ``slow_down``."""
    if not milliseconds or is_sqlite(url):
        yield url
        return
    where = make_url(url)
    home = Path(tempfile.mkdtemp(prefix="kartabl-way-"))
    target = f"{where.query.get('host', where.host)}/.s.PGSQL.{where.port or 5432}"
    process = multiprocessing.get_context("spawn").Process(
        target=serve_proxy, args=(str(home / ".s.PGSQL.5432"), target, milliseconds / 1000), daemon=True
    )
    process.start()
    _wait_for(home / ".s.PGSQL.5432")
    try:
        yield where.set(query={"host": str(home)}, port=None).render_as_string(hide_password=False)
    finally:
        process.terminate()
        process.join()
        shutil.rmtree(home, ignore_errors=True)


def slow_down(database: Engine, milliseconds: float) -> None:
    """Let an SQLite engine wait before each statement, BEGIN IMMEDIATE and COMMIT, as if each were a round trip."""
    if not milliseconds:
        return

    def wait(*_anything: Any) -> None:
        time.sleep(milliseconds / 1000)

    event.listen(database, "before_cursor_execute", wait)
    event.listen(database, "commit", wait)


def _sqlite() -> str:
    return f"sqlite:///{folder() / f'kartabl-{next(_numbers)}.db'}"


def _postgres() -> str:
    name = f"kartabl_bench_{os.getpid()}_{next(_numbers)}"
    ask(server(), f'CREATE DATABASE "{name}"')
    return make_url(server()).set(database=name).render_as_string(hide_password=False)


@lru_cache
def server() -> str:
    """The server of ``BENCH_DATABASE_URL`` (reached over a socket), or one of our own, durable."""
    given = os.environ.get("BENCH_DATABASE_URL")
    if given:
        return make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    return start_server(SERVER)


@lru_cache
def folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="kartabl-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _files(url: str | URL) -> list[Path]:
    database = make_url(url).database or ""
    return [Path(f"{database}{suffix}") for suffix in ("", "-wal", "-shm", "-turn")]


def _wait_for(path: Path) -> None:
    give_up = time.monotonic() + 10
    while not path.exists():
        if time.monotonic() > give_up:
            raise TimeoutError(path)
        time.sleep(0.01)
