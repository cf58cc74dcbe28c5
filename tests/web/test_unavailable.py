"""Database or disk away in the middle of a request: one honest page, one line in the log, and it goes on afterwards."""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

import kartabl
from models import database
from models.database import open_database, unhurried
from tests.web.test_pages import token

HONEST = "چیزی ثبت نشد"


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY", 100)


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_a_database_locked_by_somebody_else_is_an_honest_page_and_a_line_in_the_log(
    signed_in: Any, application: kartabl.Application, caplog: pytest.LogCaptureFixture
) -> None:
    browser: FlaskClient = signed_in("contractor")
    data = {"csrf_token": token(browser)}
    place = make_url(application.settings.database_url).database or ""
    with closing(sqlite3.connect(place, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        caplog.set_level(logging.ERROR)
        answer = browser.post("/language/en", data=data)
    assert answer.status_code == 503
    assert HONEST in answer.text
    assert 'data-person="contractor"' in answer.text  # so the browser keeps what was typed
    assert answer.headers["Retry-After"] == "5"
    assert [record.exc_info for record in caplog.records] == [None]
    assert browser.post("/language/en", data=data).status_code == 303


@pytest.mark.both_databases("saving")
def test_a_database_that_is_gone_altogether_is_an_honest_page_too(app: Flask, signed_in: Any) -> None:
    browser: FlaskClient = signed_in("contractor")
    application: Any = app.extensions["kartabl"]
    gone = open_database("postgresql+psycopg://postgres@127.0.0.1:9/gone")
    application.sessions.configure(bind=gone)
    page = browser.get("/worklist")
    assert page.status_code == 503
    assert HONEST in page.text
    call = browser.get("/api/v1/tasks", headers={"Authorization": "Bearer x"})
    assert (call.status_code, call.json["code"]) == (503, "unavailable")
    application.sessions.configure(bind=application.database)
    assert browser.get("/worklist").status_code == 200


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EFBIG, errno.EROFS])
def test_a_disk_without_room_is_an_honest_page(app: Flask, client: FlaskClient, reason: int) -> None:
    app.testing = False
    app.view_functions["health.live"] = public(lambda: full(reason))
    answer = client.get("/livez")
    assert answer.status_code == 503
    assert HONEST in answer.text


def full(reason: int) -> str:
    raise OSError(reason, os.strerror(reason))


def public(view: Any) -> Any:
    view.public = True
    return view


@pytest.mark.parametrize("server", [pytest.param("postgresql", marks=pytest.mark.pg)], indirect=True)
def test_a_server_that_stays_silent_is_given_up_and_asked_anew(application: kartabl.Application) -> None:
    impatient = database._patience.set(0.3)
    try:
        with pytest.raises(OperationalError, match="no answer"), application.database.connect() as connection:
            connection.execute(text("SELECT pg_sleep(5)"))
        with application.database.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
            with unhurried():
                connection.execute(text("SELECT pg_sleep(0.6)"))
    finally:
        database._patience.reset(impatient)
