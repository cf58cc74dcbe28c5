"""Writers of one SQLite file: nobody waits for ever."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from models import database
from models.database import open_database, take_write_lock


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/office.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE rows (number INTEGER)"))
    yield engine
    engine.dispose()


class Busy(threading.Thread):
    """Writes one transaction after the other, with nothing in between."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(daemon=True)
        self.engine = engine
        self.rounds = 0
        self.under_way, self.enough = threading.Event(), threading.Event()

    def run(self) -> None:
        with self.engine.connect() as connection:
            for self.rounds in count(1):
                with connection.begin():
                    take_write_lock(connection)
                    self.under_way.set()
                    time.sleep(0.03)  # the work of this transaction
                if self.enough.is_set():
                    return


def test_whoever_waits_gets_in_however_much_another_has_to_write(opened: Engine) -> None:
    busy = Busy(opened)
    busy.start()
    assert busy.under_way.wait(10)
    waited = []
    with opened.connect() as connection:
        for _again in range(20):
            asked_in = busy.rounds
            with connection.begin():
                take_write_lock(connection)
                waited.append(busy.rounds - asked_in)
    busy.enough.set()
    busy.join()
    assert max(waited) <= 4  # two while it asks as the others do, one under way, one that had the turn already


def test_a_lock_held_too_long_is_an_error_and_the_turn_is_free_again(
    opened: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY", 50)
    with opened.connect() as connection, closing(sqlite3.connect(tmp_path / "office.db")) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="database is locked"), connection.begin():
            take_write_lock(connection)
        somebody.rollback()
        with opened.begin() as another:
            take_write_lock(another)


def test_who_waits_behind_one_who_waits_is_told_in_time_too(
    opened: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY", 200)
    failures: list[str] = []

    def ask() -> None:
        with opened.connect() as connection:
            try:
                take_write_lock(connection)
            except OperationalError as error:
                failures.append(str(error.orig))

    with closing(sqlite3.connect(tmp_path / "office.db")) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        waiting = [threading.Thread(target=ask) for _number in range(4)]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join(10)
    assert failures == ["database is locked"] * 4


# Another process that is mending the index of the log, as the first one does after a crash: it has SQLite's locks for
# writing and for mending (https://sqlite.org/walformat.html, section 2.3.1) until its standard input ends.
MENDING = """
import fcntl, sys
with open(sys.argv[1], "r+b", buffering=0) as index:
    for lock in (120, 122):
        fcntl.lockf(index, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, lock)
    index.write(bytes(96))
    print("mending", flush=True)
    sys.stdin.read()
"""


def test_while_another_mends_the_database_after_a_crash_one_waits(opened: Engine, tmp_path: Path) -> None:
    with opened.connect() as connection:
        connection.execute(text("SELECT count(*) FROM rows")).scalar_one()  # the index is there
        connection.rollback()
        command = [sys.executable, "-c", MENDING, str(tmp_path / "office.db-shm")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdin is not None and other.stdout is not None
            assert other.stdout.readline() == b"mending\n"
            with closing(sqlite3.connect(tmp_path / "office.db", timeout=0)) as impatient:
                with pytest.raises(sqlite3.OperationalError) as refused:
                    impatient.execute("BEGIN IMMEDIATE")
                assert refused.value.sqlite_errorcode == sqlite3.SQLITE_BUSY_RECOVERY
            ready = threading.Timer(0.2, other.stdin.close)
            ready.start()
            with connection.begin():
                take_write_lock(connection)
            ready.join()


def test_other_statements_still_wait_for_sqlite_as_long_as_before(opened: Engine) -> None:
    with opened.connect() as connection:
        take_write_lock(connection)
        assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() == database.BUSY


def test_a_file_of_turns_that_cannot_be_opened_is_an_error_of_the_database(tmp_path: Path) -> None:
    (tmp_path / "office.db-turn").mkdir()
    engine = open_database(f"sqlite:///{tmp_path}/office.db")
    with pytest.raises(OperationalError, match="file of turns"):
        engine.connect()
    engine.dispose()
