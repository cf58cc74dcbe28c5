"""Turns of writers to a SQLite file, so that no writer starves while another one writes all the time.

SQLite gives its one write lock to the first request while the lock is free, and waiting connections sleep up to a
tenth of a second between their attempts. So a process that writes transaction after transaction shuts out all others.
Here every writer polls often, and only while it holds the turn, a lock on a file beside the database; a writer that
has waited for long keeps the turn until the write lock is free.
"""

from __future__ import annotations

import fcntl
import sqlite3
import time

from models.private_files import opener

POLL = 0.001  # seconds between two attempts
LONG = 0.05  # seconds, in which the quickest may go first: in a strict queue all sleep while one wakes up


class WriterTurn:
    """One connection's way to the write lock of its file."""

    def __init__(self, connection: sqlite3.Connection, database: str) -> None:
        """Raises ``sqlite3.OperationalError`` when the file of turns cannot be opened."""
        self._connection = connection
        try:
            self._file = open(f"{database}-turn", "ab", opener=opener)  # noqa: SIM115 - as long as the connection
        except OSError as error:
            raise sqlite3.OperationalError(f"unable to open the file of turns: {error}") from error

    def begin(self, patience: int) -> None:
        """Begin a transaction with the write lock, unless it has begun. Other statements wait for ``patience``, too.

        Raises ``sqlite3.OperationalError``, as SQLite does, when others have it for ``patience`` milliseconds.
        """
        if self._connection.in_transaction:
            return
        started = time.monotonic()
        self._let_sqlite_wait(0)  # it would sleep while the lock is free
        try:
            while not (self._take_turn() and self._begin_now()):
                waited = time.monotonic() - started
                if waited * 1000 > patience:
                    raise sqlite3.OperationalError("database is locked")
                if waited < LONG:
                    self._give_turn_back()
                time.sleep(POLL)
        finally:
            self._give_turn_back()
            self._let_sqlite_wait(patience)

    def close(self) -> None:
        self._file.close()

    def _take_turn(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _give_turn_back(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _begin_now(self) -> bool:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # also while somebody mends it after a crash
                raise
            return False
        return True

    def _let_sqlite_wait(self, milliseconds: int) -> None:
        self._connection.execute(f"PRAGMA busy_timeout={milliseconds}").close()
