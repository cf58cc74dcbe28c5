"""The clock of a demonstration on its pages: moved by supervisors, told to everybody, unknown in production."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import kartabl
import webapp
from engine.actor import SYSTEM
from engine.audit import events
from engine.settings import Settings
from tests import audited
from tests.conftest import SATURDAY
from tests.play import People
from tests.standing import StandingClock
from tests.web.test_pages import token

DAY = timedelta(days=1)
BANNER = "ساعت جلو برده شده است"
CONTROL = 'action="/monitor/clock"'


@pytest.fixture
def supervisor(signed_in: Any) -> FlaskClient:
    browser: FlaskClient = signed_in("supervisor")
    return browser


def put_ahead(browser: FlaskClient, amount: str, unit: str, **more: str) -> Any:
    """Send the form of the page as the browser has it."""
    page = browser.get("/monitor").text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.partition(CONTROL)[2]))
    return browser.post("/monitor/clock", data=hidden | {"amount": amount, "unit": unit} | more)


@pytest.mark.both_databases("story")
@pytest.mark.parametrize("role", ["supervisor", "admin"])
def test_a_supervisor_puts_the_clock_ahead_and_stays_signed_in(
    signed_in: Any, application: kartabl.Application, role: str
) -> None:
    browser = signed_in(role)
    assert CONTROL in browser.get("/monitor").text
    answer = put_ahead(browser, "۳", "d")
    assert (answer.status_code, answer.location) == (303, "/monitor")
    assert application.clock() == SATURDAY + 3 * DAY
    page = browser.get("/monitor")
    assert page.status_code == 200
    assert "ساعت جلو رفت" in page.text
    put_ahead(browser, "2", "wd")
    assert application.clock() == SATURDAY + 3 * DAY + 4 * DAY  # the weekend lies between
    assert audited.told(application, events.CLOCK_MOVED) == [
        (events.CLOCK_MOVED, role, "", {"seconds": days * 86_400}) for days in (3, 7)
    ]


def test_while_the_clock_is_ahead_every_page_says_so(
    supervisor: FlaskClient, app: Flask, application: kartabl.Application
) -> None:
    stranger = app.test_client()
    pages = ["/worklist", "/cases", "/monitor", "/password", "/no-such-page"]
    assert not any(BANNER in supervisor.get(page).text for page in pages)
    put_ahead(supervisor, "3", "d")
    for page in pages:
        text = supervisor.get(page).text
        assert BANNER in text, page
        assert "۱۴۰۵/۰۹/۰۳" in text
        assert "۱۴۰۵/۰۸/۳۰" in text
    assert all(BANNER in stranger.get(page).text for page in ("/sign-in", "/verify", "/register"))
    assert application.staging_clock is not None
    application.staging_clock.reset(by=SYSTEM)
    assert BANNER not in supervisor.get("/worklist").text


@pytest.mark.parametrize("role", ["citizen", "contractor", "inspector", "gas_office", "analyst"])
def test_nobody_else_moves_the_clock(signed_in: Any, application: kartabl.Application, role: str) -> None:
    browser = signed_in(role)
    data = {"csrf_token": token(browser), "amount": "3", "unit": "d", "seen": "0"}
    assert browser.post("/monitor/clock", data=data).status_code == 403
    assert application.clock() == SATURDAY


@pytest.mark.both_databases("locking")
def test_a_form_that_is_sent_twice_moves_the_clock_once(
    supervisor: FlaskClient, application: kartabl.Application
) -> None:
    put_ahead(supervisor, "1", "h")
    again = put_ahead(supervisor, "3", "d", seen="0")
    assert again.status_code == 422
    assert "شخص دیگری ساعت را جلو برده است" in again.text
    assert application.clock() == SATURDAY + timedelta(hours=1)


@pytest.mark.parametrize(
    ("amount", "unit"),
    [("", "d"), ("0", "d"), ("-3", "d"), ("سه", "d"), ("99999", "d"), ("1.5", "h"), ("3", "years"), ("900", "d")],
)
def test_what_is_no_time_moves_nothing_and_stays_in_the_form(
    supervisor: FlaskClient, application: kartabl.Application, amount: str, unit: str
) -> None:
    answer = put_ahead(supervisor, amount, unit)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert f'name="amount" inputmode="numeric" autocomplete="off" maxlength="4" value="{amount}"' in answer.text
    assert application.clock() == SATURDAY


def test_a_worker_that_died_under_a_later_clock_is_not_taken_for_alive(
    client: FlaskClient, application: kartabl.Application, clock: StandingClock
) -> None:
    clock.advance(DAY)
    application.worker.work()
    assert client.get("/readyz").status_code == 200
    clock.advance(-DAY)
    assert client.get("/readyz").json["checks"]["worker"] is False  # type: ignore[index]
    application.worker.work()
    assert client.get("/readyz").status_code == 200


@pytest.fixture
def production(settings: Settings, clock: StandingClock) -> Iterator[kartabl.Application]:
    built = kartabl.build(settings.model_copy(update={"mode": "production"}), now=clock)
    yield built
    built.database.dispose()


def test_production_has_neither_the_control_nor_its_address(
    production: kartabl.Application, application: kartabl.Application
) -> None:
    assert application.staging_clock is not None
    application.staging_clock.advance(DAY, by=SYSTEM)  # as in a copy of a demonstration's database
    person = People(production).add("supervisor", "supervisor")
    browser = webapp.create_app(production).test_client()
    with production.engine.transaction() as session:
        opened = production.accounts.open_session(session, person, now=SATURDAY, kind="browser")
    with browser.session_transaction() as cookie:
        cookie.update(token=opened, csrf_token="known")
    page = browser.get("/monitor")
    assert page.status_code == 200
    assert CONTROL not in page.text
    assert BANNER not in page.text
    sent = {"csrf_token": "known", "amount": "3", "unit": "d", "seen": "0"}
    assert browser.post("/monitor/clock", data=sent).status_code == 404
    assert production.clock() == SATURDAY
