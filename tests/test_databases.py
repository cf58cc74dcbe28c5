"""The tests' own databases: real ones, fresh ones, and none that sees another's rows."""

import re
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from kartabl import DIAGRAMS
from tests.databases import TOPICS, drop_database, fresh_database

TESTS = Path(__file__).parent
pytestmark = pytest.mark.both_databases("sql")


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


def declared() -> dict[str, set[str]]:
    """The topics for which tests run on both databases, and the files of these tests."""
    places: dict[str, set[str]] = {topic: set() for topic in TOPICS}
    for file in TESTS.rglob("test_*.py"):
        for topic in re.findall(r'^(?:pytestmark = |@)pytest\.mark\.both_databases\("(\w+)"\)', file.read_text(), re.M):
            places[topic].add(str(file))
    return places


def test_each_topic_has_tests_on_both_databases() -> None:
    assert [topic for topic, files in declared().items() if not files] == []


@pytest.mark.parametrize("process", [diagram.stem for diagram in DIAGRAMS.glob("*.bpmn")])
def test_each_process_has_a_story_on_both_databases(process: str) -> None:
    stories = [Path(file) for file in declared()["story"] if "scenarios" in file]
    assert any(process in file.read_text() for file in stories)
