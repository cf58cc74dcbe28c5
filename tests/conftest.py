"""Fixtures that most tests share: real databases, an application, people, a clock and a story to play."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy.orm import Session

import kartabl
import webapp
from engine.settings import Settings
from tests import compiled_statements
from tests.compiled_templates import CompiledTemplates
from tests.databases import DATABASES, SQLITE, fresh_database, postgres_or_skip, topics_of
from tests.play import PASSWORD, People, Play
from tests.scans import Scans
from tests.secret import SECRET_KEY
from tests.standing import StandingClock

# Nothing is timed, and CI says the same of the same commit; at a desk each run looks at other examples.
hypothesis_settings.register_profile(
    "kartabl",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI", "").lower() == "true",
)
hypothesis_settings.load_profile("kartabl")

SATURDAY = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)  # 1405/08/30, 10:00 in Tehran: a working day


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--both-databases", action="store_true", help="repeat every test that has a database on PostgreSQL"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with a database runs on SQLite, and on PostgreSQL too if what it looks at differs there."""
    by_hand = [marker.args[0] for marker in metafunc.definition.iter_markers("parametrize")]
    if "server" in metafunc.fixturenames and "server" not in by_hand:
        declared = topics_of(metafunc.definition)
        both = declared or metafunc.config.getoption("both_databases")
        metafunc.parametrize("server", DATABASES if both else DATABASES[:1], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The proofs first: they wait much, and the other tests run beside them instead of before them."""
    items.sort(key=lambda item: "prove" not in item.path.parts)


Flask.jinja_options["bytecode_cache"] = CompiledTemplates()
compiled_statements.share()
kartabl.install()
scans = Scans()
scans.start()


@pytest.fixture(autouse=True)
def nothing_is_read_whole() -> Iterator[None]:
    """What a step or page of ours costs does not grow with the rows that are there."""
    yield
    assert not scans.take(), "read from end to end; does it want an index?"


def prepare(url: str) -> None:
    """What a template database holds: the schema by its migrations, the calendar, and the deployed diagrams."""
    application = kartabl.build(Settings(secret_key=SECRET_KEY, database_url=url), now=StandingClock(SATURDAY))
    kartabl.bring_up_to_date(application)
    bundle = application.deploy()
    assert bundle.sound, "\n".join(map(str, bundle.findings))
    application.database.dispose()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> str:
    """Where a test makes its databases: ``SQLITE``, and once more PostgreSQL's where it says ``both_databases``."""
    return SQLITE if request.param == "sqlite" else postgres_or_skip()


@pytest.fixture
def database_url(server: str) -> str:
    """A fresh database with schema and diagrams."""
    return fresh_database(server, prepare=prepare)


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(SATURDAY)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        secret_key=SECRET_KEY,
        database_url=database_url,
        files_path=tmp_path / "files",
        mode="demo",
        public_url="http://localhost",
    )


@pytest.fixture
def application(settings: Settings, clock: StandingClock) -> Iterator[kartabl.Application]:
    built = kartabl.build(settings, now=clock)
    yield built
    built.database.dispose()


@pytest.fixture
def session(application: kartabl.Application) -> Iterator[Session]:
    with application.engine.transaction() as opened:
        yield opened


@pytest.fixture
def people(application: kartabl.Application) -> People:
    return People(application)


@pytest.fixture
def play(application: kartabl.Application, clock: StandingClock) -> Play:
    return Play(application, clock)


@pytest.fixture
def app(application: kartabl.Application) -> Flask:
    made: Flask = webapp.create_app(application)
    made.testing = True
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def signed_in(app: Flask, people: People) -> Any:
    """``signed_in("username", "role", …)`` makes a person and gives a browser in which they are signed in."""

    def sign_in(username: str, *roles: str, **values: Any) -> FlaskClient:
        people.add(username, *(roles or (username,)), **values)
        browser = app.test_client()
        page = browser.get("/sign-in")
        token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        answer = browser.post("/sign-in", data={"username": username, "password": PASSWORD, "csrf_token": token})
        assert answer.status_code == 303, answer.text
        return browser

    return sign_in
