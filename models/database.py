"""Opens the database, and sets SQLite and PostgreSQL up so that they behave alike."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg
from sqlalchemy import Connection, Engine, Select, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql.dml import UpdateBase

from models import private_files
from models.writer_turn import WriterTurn

OPTIMISTIC = "optimistic_lock"  # execution option of a locking read whose row has a revision column as guard

PATIENCE = 5.0  # seconds that one statement may take: whoever waits for a page gets an answer within ten
CONNECTING = 3  # seconds
BUSY = 6_000  # milliseconds that SQLite waits for its lock
TURN = "write_turn"  # in the info of a connection to SQLite
CACHE = 16_000  # kilobytes of pages that a connection of SQLite keeps; its own 2,000 are few for a million cases

_patience: ContextVar[float] = ContextVar("kartabl_patience", default=PATIENCE)


class ServerSilent(psycopg.OperationalError):
    """The server has not answered for as long as we are ready to wait; the connection is given up."""


@contextmanager
def unhurried() -> Iterator[None]:
    """Block without a time limit for statements, for a migration of a large table."""
    token = _patience.set(float("inf"))
    try:
        yield
    finally:
        _patience.reset(token)


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection that gives up a server which is silent, as one is behind a network that swallows packets.

    The server's own limits (``statement_timeout``) and those of TCP do not help there: it is well and answers,
    and somebody in between acknowledges what we send.
    """

    def wait(self, gen: Generator[Any, Any, Any], *arguments: Any, **named: Any) -> Any:
        try:
            return super().wait(_within(gen, _patience.get()), *arguments, **named)
        except ServerSilent:
            self.pgconn.finish()  # else closing it would wait for the same silence once more
            raise


def _within(waiting: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """The same protocol steps, until the time is over."""
    give_up = time.monotonic() + seconds
    try:
        awaited = next(waiting)
        while True:
            ready = yield awaited
            if not ready and time.monotonic() > give_up:
                raise ServerSilent(f"no answer for {seconds:g} seconds")
            awaited = waiting.send(ready)
    except StopIteration as ended:
        return ended.value


def open_database(url: str, *, pool_size: int = 10) -> Engine:
    """An engine for a SQLAlchemy URL; ``postgresql://`` uses psycopg 3. A SQLite file's folder is made."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            _keep_private(Path(parsed.database))
        engine = create_engine(parsed, pool_size=pool_size, max_overflow=20, hide_parameters=True)
        _prepare_sqlite(engine)
        return engine
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(
        parsed,
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=20,
        pool_timeout=PATIENCE,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECTING},
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        return ImpatientConnection.connect(*arguments, **named)

    return engine


def without_password(text: str, url: str) -> str:
    """``text`` with the password of a SQLAlchemy URL, as it stands there or decoded, replaced by ``***``."""
    parsed = make_url(url)
    passwords = {parsed.password, *parsed.normalized_query.get("password", ())}
    for password in filter(None, passwords):
        for spelt in (password, quote_plus(password), quote(password, safe="")):
            text = text.replace(spelt, "***")
    return text


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Sessions that keep what they loaded readable after the commit, for the page that follows it."""
    return sessionmaker(engine, expire_on_commit=False)


def _keep_private(path: Path) -> None:
    """Make the file, and its folder. SQLite gives its log beside the file the same permissions."""
    private_files.make_folder(path.parent)
    with suppress(FileExistsError, PermissionError):  # opening it says better what is wrong
        private_files.create(path).close()


def _prepare_sqlite(engine: Engine) -> None:
    """Make SQLite compute first and lock late.

    A transaction begins, with the write lock, at its first write or locking read; plain reads before it hold
    nothing. The row that was read is guarded by its revision, so nothing is lost in between, and a long
    computation blocks nobody (measured: 2,460 steps/s against 1,150 with the lock held throughout).
    """

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY}",
            f"cache_size=-{CACHE}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        record.info[TURN] = WriterTurn(connection, engine.url.database or "")

    @event.listens_for(engine, "close")
    def closed(_connection: sqlite3.Connection, record: Any) -> None:
        if TURN in record.info:
            record.info.pop(TURN).close()

    @event.listens_for(engine, "before_execute")
    def before_execute(
        connection: Connection, statement: Any, _multi: Any, _params: Any, options: dict[str, Any]
    ) -> None:
        locks = isinstance(statement, Select) and statement._for_update_arg is not None
        writes = isinstance(statement, UpdateBase)
        if writes or (locks and not options.get(OPTIMISTIC)):
            take_write_lock(connection)


def take_write_lock(connection: Connection) -> None:
    """SQLite: begin the transaction with the write lock, unless it holds that. Other databases lock what is written.

    Somebody else's lock, held for too long, is an error like those of statements.
    """
    turn: WriterTurn | None = connection.info.get(TURN)
    if turn is None:
        return
    try:
        turn.begin(BUSY)
    except sqlite3.OperationalError as error:
        raise OperationalError("BEGIN IMMEDIATE", None, error) from error
