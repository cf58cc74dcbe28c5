"""Fills a database with any number of cases: 1,000 that really ran, and copies of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from zlib import crc32

from sqlalchemy import Column, Connection, Engine, Table, event, func, select, text

from benchmarks import databases
from benchmarks.office import FIELDS, QUIET, REMINDED, VISITS, Office, form_class, open_office
from benchmarks.reporting import say
from engine.actor import Actor, actor_for
from engine.persistence import participants, search
from engine.persistence.search import set_subject
from models.account import Person, RoleGrant
from models.base import Base
from models.case import Case
from models.database import open_database, unhurried
from models.identifiers import damm_digit

REAL = 500  # cases that really ran; every other one is a copy of one of them
CONTRACTORS = 20  # for each 1,000 cases: they register the cases and take part in those
BUSY = "busy"  # an inspector who is bound to one case in a hundred
# Of 100 cases: how many end after two visits, how many stand where.
ENDED, REGISTERING, VISITED_BY_BUSY, WITH_REMINDER = 90, 2, 1, 4
COPIED = ("people", "role_grants", "cases", "participants", "tasks", "history", "flow_passages", "outbox", "jobs")
SHORT = {name: value[:12] for name, value in FIELDS.items()}  # of cases that ended: their size matters to the disk only
STAFF = 3  # people who are there once, whatever the number of cases
FIRST = ["علی", "رضا", "حسین", "مریم", "زهرا", "سارا", "امیر", "مهدی", "نرگس", "فاطمه"]
LAST = ["احمدی", "محمدی", "رضایی", "کریمی", "موسوی", "حسینی", "جعفری", "رحیمی", "صادقی", "قاسمی"]
STREETS = ["آزادی", "بهار", "گلستان", "شریعتی", "ولیعصر", "فردوسی", "مدرس", "سعدی", "حافظ", "کاوه"]
AT_ONCE = 25  # copies of the 1,000 in one statement
# Every case's words, in the order of the index: far quicker than one after the other.
WORDS_AGAIN = {
    "sqlite": (
        "DELETE FROM case_words",
        "INSERT INTO case_words (word, case_id) SELECT each.value, cases.id FROM cases,"
        """ json_each('["' || replace(ltrim(search_text), ' ', '","') || '"]') AS each ORDER BY 1, 2""",
    ),
    "postgresql": (
        "ALTER TABLE case_words DROP CONSTRAINT pk_case_words",
        "TRUNCATE case_words",
        "INSERT INTO case_words (word, case_id) SELECT unnest(string_to_array(ltrim(search_text), ' ')), id FROM cases",
        "ALTER TABLE case_words ADD CONSTRAINT pk_case_words PRIMARY KEY (word, case_id)",
    ),
}


@unhurried()
def fill(url: str, cases: int, *, real: int = REAL, run: Callable[[Office, int], None] | None = None) -> None:
    """Bring an empty database to so many cases (a multiple of ``real``), with its statistics up to date.

    ``run`` makes the real ones; without it they are at every place that cases are at.
    """
    office = open_office(url)
    _loosen(office.application.database)
    say(f"{databases.backend_of(url)}: {real:,} cases really run")
    (run or _really_run)(office, real)
    office.close()
    say(f"{databases.backend_of(url)}: {cases - real:,} copies")
    if cases > real:
        database = open_database(url)
        _loosen(database)
        with database.connect() as connection:
            _copy(connection, copies=cases // real)
        database.dispose()
    say("statistics, checkpoint")
    databases.settle(url)


def contractors_of(office: Office) -> list[Actor]:
    """The contractors of the 1,000 real cases."""
    with office.engine.transaction() as session:
        people = session.scalars(select(Person).where(Person.id > STAFF).order_by(Person.id).limit(CONTRACTORS))
        return [actor_for(person) for person in people]


def reminded(office: Office, cases: int) -> None:
    """Every case waits for its visit, and for the moment to remind of it."""
    chosen = random.Random(REAL)
    for _ in range(cases):
        case_id = _named(office, REMINDED, office.inspector, chosen, None)
        task = office.open_tasks([case_id])[case_id]
        office.complete(task, form_class(REMINDED, "register").from_values(SHORT))


def _really_run(office: Office, cases: int) -> None:
    chosen = random.Random(REAL)
    busy = hire(office, BUSY, "inspector")
    contractors = [hire(office, f"contractor-{number}", "contractor") for number in range(CONTRACTORS)]
    for number in range(cases):
        place = number % 100
        key = (
            REMINDED
            if ENDED + REGISTERING <= place < ENDED + REGISTERING + WITH_REMINDER
            else (VISITS, QUIET)[place % 2]
        )
        contractor = contractors[chosen.randrange(CONTRACTORS)]
        case_id = _named(office, key, contractor, chosen, busy if place == 99 else None)
        if ENDED <= place < ENDED + REGISTERING:
            continue
        task = office.open_tasks([case_id])[case_id]
        values = SHORT if place < ENDED else FIELDS
        office.complete(task, form_class(key, "register").from_values(values), by=contractor)
        for visit in range(2 if place < ENDED else 0):
            office.turn(key, office.open_tasks([case_id])[case_id], finished=visit == 1)


def _named(office: Office, key: str, contractor: Actor, chosen: random.Random, inspector: Actor | None) -> int:
    """A new case with a subject as people know cases by; with an inspector, only theirs."""
    with office.engine.transaction() as session:
        case = office.engine.start_case(session, key, by=contractor).case
        owner = f"{chosen.choice(FIRST)} {chosen.choice(LAST)}"
        subject = f"{own_words(case.id)} ملک، قطعه ق{chosen.randrange(1, 400)}"  # a number might be a copy's own
        set_subject(session, case, subject, [owner])
        if inspector is not None:
            participants.bind(session, case, "inspector", inspector.person_id, at=office.engine.clock())
        return case.id


def deed(case: int) -> str:
    """A word that one case alone has."""
    return f"deed{case:07}"


def own_words(case: int) -> str:
    """Words of a copied case: its own deed, and a street that a tenth of all cases has."""
    return f"{deed(case)} {STREETS[crc32(str(case).encode()) % len(STREETS)]}"


def hire(office: Office, username: str, role: str) -> Actor:
    with office.engine.transaction() as session:
        person = Person(
            username=username,
            first_name="نام",
            last_name=username,
            password_hash="",
            created_at=office.application.clock(),
            mobile_verified=True,
            roles=[RoleGrant(role=role)],
        )
        session.add(person)
        session.flush()
        return actor_for(person)


def _loosen(database: Engine) -> None:
    """Filling need not survive a power cut; what is measured afterwards has connections of its own."""
    off = ["PRAGMA synchronous=OFF", "PRAGMA foreign_keys=OFF", "PRAGMA cache_size=-400000"]
    statements = (
        off if database.dialect.name == "sqlite" else ["SET synchronous_commit=off", "SET maintenance_work_mem='256MB'"]
    )

    @event.listens_for(database, "connect")
    def connected(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()

    database.dispose()


def _copy(connection: Connection, *, copies: int) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET session_replication_role = replica"))  # copies refer to copies: nothing to check
        connection.commit()
    else:
        connection.exec_driver_sql("PRAGMA journal_mode=OFF")  # whoever opens the database next has its log again
    tables = [Base.metadata.tables[name] for name in COPIED]
    last = {table.name: connection.scalar(select(func.max(table.c.id))) or 0 for table in tables if "id" in table.c}
    _number(connection, last["cases"], copies)
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda index: str(index.name))]
    for index in indexes:
        index.drop(connection)
    for first in range(1, copies, AT_ONCE):
        upto = min(first + AT_ONCE, copies) - 1
        for table in tables:
            connection.execute(text(_statement(table, last)), {"first": first, "upto": upto})
        connection.commit()
    say("indexes")
    for index in indexes:
        index.create(connection)
        connection.commit()
    for name in ("bench_numbers", "bench_copies"):
        connection.execute(text(f"DROP TABLE {name}"))
    if connection.dialect.name == "postgresql":
        for name in last:
            connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))")  # noqa: S608
            )
    connection.commit()
    say("words")
    for statement in WORDS_AGAIN[connection.dialect.name]:
        connection.execute(text(statement))
    connection.commit()


def _number(connection: Connection, cases: int, copies: int) -> None:
    """Every copy gets the number that a case of its id would have, and the words that are its alone."""
    year = str(connection.scalar(select(Case.number).limit(1)))[:4]
    connection.execute(text("CREATE TABLE bench_copies (k INTEGER PRIMARY KEY)"))
    connection.execute(
        text("CREATE TABLE bench_numbers (id INTEGER PRIMARY KEY, number VARCHAR(40), words VARCHAR(100))")
    )
    connection.execute(text("INSERT INTO bench_copies VALUES (:k)"), [{"k": k} for k in range(1, copies)])
    rows = (_numbered(year, case) for case in range(1, cases * copies + 1))
    driver = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        with driver.cursor() as cursor, cursor.copy("COPY bench_numbers FROM STDIN") as copy:  # type: ignore[union-attr]
            for row in rows:
                copy.write_row(row)
    else:
        driver.execute("BEGIN")  # type: ignore[union-attr]
        driver.executemany("INSERT INTO bench_numbers VALUES (?, ?, ?)", rows)  # type: ignore[union-attr]
    connection.commit()


def _numbered(year: str, case: int) -> tuple[int, str, str]:
    number = _case_number(year, case)
    return case, number, " ".join(search.words_of(number, [own_words(case)]))


def _case_number(year: str, case: int) -> str:
    digits = f"{year}{case:06d}"
    return f"{year}-{case:06d}-{damm_digit(digits)}"


def _statement(table: Table, last: dict[str, int]) -> str:
    """INSERT … SELECT of all real rows, once for each copy, in the order in which they would have come to be."""
    columns = [column for column in table.c if not (column.name == "number" and table.name == "cases")]
    values = [_value(table, column, last) for column in columns]
    names = [f'"{column.name}"' for column in columns]
    numbered = ""
    if table.name == "cases":
        names, values = [*names, "number"], [*values, "bench_numbers.number"]
        numbered = (
            " JOIN bench_numbers AS own ON own.id = cases.id"
            f" JOIN bench_numbers ON bench_numbers.id = cases.id + k * {last['cases']}"
        )
    real = _real(table, last)
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(values)}"  # noqa: S608
        f" FROM bench_copies CROSS JOIN {table.name}{numbered} WHERE k BETWEEN :first AND :upto AND {real}"
        f" ORDER BY k, {table.name}.{next(iter(table.primary_key.columns)).name}"
    )


def _real(table: Table, last: dict[str, int]) -> str:
    """Condition: rows of the 1,000 real cases, without the staff."""
    if table.name == "people":
        return f"people.id > {STAFF} AND people.id <= {last['people']}"
    if table.name == "role_grants":
        return f"person_id > {STAFF} AND role_grants.id <= {last['role_grants']}"
    return f"{table.name}.id <= {last[table.name]}" if "id" in table.c else f"case_id <= {last['cases']}"


def _value(table: Table, column: Column[object], last: dict[str, int]) -> str:
    own = f'{table.name}."{column.name}"'
    if column.name == "id":
        return f"{own} + k * {last[table.name]}"
    target = next((key.column.table.name for key in column.foreign_keys), "")
    if target == "people":
        return f"CASE WHEN {own} > {STAFF} THEN {own} + k * {last['people']} ELSE {own} END"
    if target in last:
        return f"{own} + k * {last[target]}"
    if column.name == "username":
        return f"{own} || '-' || k"
    if column.name == "search_text":  # the words that are its alone come first
        return f"' ' || bench_numbers.words || substr({own}, length(own.words) + 2)"
    return own
