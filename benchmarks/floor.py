"""Cost of the database alone: the statements of a completion, sent by its driver without our code."""

from __future__ import annotations

import time
from typing import Any, cast

from sqlalchemy import Connection

from models.database import open_database

STATE = "x" * 2_200  # as large as the state of the case that is measured
TABLE = "CREATE TABLE floor (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, words TEXT NOT NULL)"
ADD = "INSERT INTO floor VALUES (?, 1, ?)"
CHANGE = "UPDATE floor SET revision = revision + 1, words = ? WHERE id = ?"
READ = "SELECT words FROM floor WHERE id = ?"
ROWS = 50  # that are changed by turns, like the cases that are measured


def floor(url: str, samples: int) -> list[float]:
    """Milliseconds of so many transactions of seven statements: two reads, two changes, three new rows.

    The table has one index and no relations; a completion's tables have more, so this is what no engine goes below.
    """
    database = open_database(url)
    with database.connect() as connection:
        alone = _Alone(connection)
        alone.begin()
        alone.send(TABLE)
        for row in range(ROWS):
            alone.send(ADD, row, STATE)
        alone.commit()
        took = []
        for number in range(samples):
            began = time.perf_counter()
            alone.complete(number)
            took.append((time.perf_counter() - began) * 1000)
        alone.begin()
        alone.send("DROP TABLE floor")
        alone.commit()
    database.dispose()
    return took


class _Alone:
    """The driver's own connection and cursor."""

    def __init__(self, connection: Connection) -> None:
        self._driver = cast(Any, connection.connection.driver_connection)
        self._cursor = self._driver.cursor()
        self._sqlite = connection.dialect.name == "sqlite"

    def begin(self) -> None:
        """SQLite is opened so that nothing begins by itself; psycopg begins with the first statement."""
        if self._sqlite:
            self._cursor.execute("BEGIN IMMEDIATE")

    def send(self, statement: str, *values: object) -> None:
        self._cursor.execute(statement if self._sqlite else statement.replace("?", "%s"), values)

    def commit(self) -> None:
        self._driver.commit()

    def complete(self, number: int) -> None:
        """The statements of a completion, in their order."""
        row, new = number % ROWS, ROWS + 3 * number
        for _read in range(2):
            self.send(READ, row)
            self._cursor.fetchall()
        self.begin()
        self.send(CHANGE, STATE, row)
        self.send(CHANGE, "done", (row + 1) % ROWS)
        for added in range(3):
            self.send(ADD, new + added, "a line of history")
        self.commit()
