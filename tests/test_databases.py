"""The tests' own databases: real ones, fresh ones, and none that sees another's rows."""

import pytest
from sqlalchemy import create_engine, inspect, text

from tests.databases import SQLITE, drop_database, fresh_database, postgres_or_skip


def write_a_row(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE rows (number INTEGER)"))
        connection.execute(text("INSERT INTO rows VALUES (1)"))
    engine.dispose()


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


@pytest.fixture(params=[pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.pg)])
def server(request: pytest.FixtureRequest) -> str:
    return SQLITE if request.param == "sqlite" else postgres_or_skip()


def test_a_fresh_database_holds_what_was_prepared_once_and_nothing_of_another(server: str) -> None:
    first = fresh_database(server, prepare=write_a_row)
    second = fresh_database(server, prepare=write_a_row)
    assert first != second

    for url in (first, second):
        engine = create_engine(url)
        with engine.begin() as connection:
            assert connection.execute(text("SELECT count(*) FROM rows")).scalar_one() == 1
            connection.execute(text("INSERT INTO rows VALUES (2)"))
        engine.dispose()
        drop_database(url)


def test_a_fresh_database_has_the_tables_of_the_models(server: str) -> None:
    url = fresh_database(server)
    assert {"cases", "tasks"} <= tables(url)
    drop_database(url)
